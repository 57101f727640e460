//! The properties over bytes that broke them once (`found/`), and over the collection of bad inputs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a property that does not hold names no file")]

use std::path::{Path, PathBuf};

/// Files below some folders of the repository.
fn below(folders: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Holds a property over each file; a few settings of the knobs at its end, beside those that it has.
fn hold(property: fn(&[u8]), folders: &[&str], knobs: &[[u8; 3]]) {
    let files = below(folders);
    assert!(!files.is_empty());
    for path in files {
        eprintln!("{}", path.display());
        let bytes = fs_err::read(&path).unwrap();
        property(&bytes);
        for knobs in knobs {
            property(&[bytes.as_slice(), knobs].concat());
        }
    }
}

/// Given every CSV that is known to be bad, and bytes that a fuzzer found, then each record is accounted for.
#[test]
fn csv() {
    let knobs = [[0, 0, 0], [0b0001_1001, 0x8a, 0xc5], [0x80, 0, 7]];
    hold(shoplake_fuzz::csv, &["tests/inputs/csv", "tests/inputs/encoding", "crates/fuzz/found/csv"], &knobs);
}

/// Given every JSON that is known to be bad, and bytes that a fuzzer found, then each record is accounted for.
#[test]
fn json() {
    let knobs = [[0, 0, 0], [0b0001_1001, 0x8a, 0xc5], [2, 0, 7], [4, 0, 1]];
    hold(shoplake_fuzz::json, &["tests/inputs/json", "crates/fuzz/found/json"], &knobs);
}

/// Given every project file that is known to be wrong, and bytes that a fuzzer found, then each fault has
/// its place and a hint.
#[test]
fn project() {
    for path in below(&["tests/inputs/project"]) {
        let text = fs_err::read(&path).unwrap();
        for which in 0..5 {
            shoplake_fuzz::project(&[&[which], text.as_slice()].concat());
        }
    }
    for path in below(&["crates/fuzz/found/project"]) {
        shoplake_fuzz::project(&fs_err::read(&path).unwrap());
    }
}
