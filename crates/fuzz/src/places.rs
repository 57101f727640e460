//! Where the bytes of one try lie: files that are written again and again, in memory where there is any.

use std::path::Path;

/// A folder for this process.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}
