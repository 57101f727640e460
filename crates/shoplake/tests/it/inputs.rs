//! The collection of bad inputs, `tests/inputs/`: a folder a case, all judged by one test.
//!
//! What lives here: the test, and the way from the folders to what failed. What a case may say is
//! [`case`]'s, a case's project and its run are [`stage`]'s, what has to hold is [`judge`]'s.

mod case;
mod judge;
mod stage;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use case::Case;

/// Cases that there are at the least; a case that is lost by mistake is missed.
const CASES_AT_LEAST: usize = 250;

/// Given every bad input that we know, when a fresh project takes it, then each row of it is in the
/// table once or in quarantine with its reason, and what is refused says where, why and what to do.
#[test]
fn every_bad_input() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/inputs");
    let only = std::env::var("SHOPLAKE_CASE").unwrap_or_default();
    let folders: Vec<PathBuf> = folders(&root).into_iter().filter(|path| name(path).contains(&only)).collect();
    assert!(!only.is_empty() || folders.len() >= CASES_AT_LEAST, "only {} cases in {}", folders.len(), root.display());
    let (next, failed, passed_over) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(folder) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match run(folder) {
                        Ok(true) => {}
                        Ok(false) => drop(passed_over.fetch_add(1, Ordering::Relaxed)),
                        Err(text) => failed.lock().unwrap().push(format!("{}\n{text}", name(folder))),
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    let (all, passed_over) = (folders.len(), passed_over.into_inner());
    eprintln!(
        "{all} cases in {:.0} s, {passed_over} passed over: their data is not here",
        began.elapsed().as_secs_f64()
    );
    assert!(failed.is_empty(), "{} of {all} cases failed:\n\n{}", failed.len(), failed.join("\n\n"));
}

/// Runs one case; false where what it needs is not on this machine.
fn run(folder: &Path) -> Result<bool, String> {
    let case = Case::read(folder)?;
    let Some(taken) = stage::take(folder, &case)? else { return Ok(false) };
    judge::judge(&case, &taken).map(|()| true)
}

/// The folders of cases: `<area>/<case>`.
fn folders(root: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        let entries = fs_err::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let mut folders: Vec<PathBuf> = below(root).iter().flat_map(|area| below(area)).collect();
    folders.sort();
    folders
}

/// `tests/inputs/csv/too-few-fields`
fn name(folder: &Path) -> String {
    let parts: Vec<_> = folder.components().rev().take(4).map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}
