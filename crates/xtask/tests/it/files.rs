//! The shape of every source file: a module doc on top, a length that one sitting can read, and no
//! work left behind without saying what it is.

use std::path::{Path, PathBuf};

use crate::root;

/// The longest source file, in lines.
const LINES_MAX: usize = 500;
/// A note on work to do says at least this many words.
const NOTE_WORDS_MIN: usize = 5;

/// Every Rust file of the workspace.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("crates"), &mut found);
    found
}

/// Fails with the files of which `fault` says something.
fn assert_none(fault: impl Fn(&str) -> Option<String>) {
    let sources = sources();
    assert!(sources.len() > 50, "the walk found only {} files", sources.len());
    let faults: Vec<String> = sources
        .iter()
        .filter_map(|path| Some((path, fault(&fs_err::read_to_string(path).unwrap())?)))
        .map(|(path, fault)| format!("{}: {fault}", path.strip_prefix(root()).unwrap().display()))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_file_starts_by_saying_what_lives_in_it() {
    assert_none(|text| (!text.starts_with("//!")).then(|| "no `//!` on its first line".to_owned()));
}

#[test]
fn no_file_is_longer_than_one_sitting() {
    assert_none(|text| {
        let lines = text.lines().count();
        (lines > LINES_MAX).then(|| format!("{lines} lines, more than {LINES_MAX}"))
    });
}

#[test]
fn a_note_on_work_to_do_says_what_and_why() {
    // Put together here, so that this file does not find itself.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    let short = |line: &str| {
        let note = marks.iter().find_map(|mark| line.split_once(mark.as_str()))?.1;
        (note.split_whitespace().count() < NOTE_WORDS_MIN).then(|| line.trim().to_owned())
    };
    assert_none(|text| text.lines().find_map(short));
}
