//! A disk that runs full in the middle of a run, and the run after there is room again.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::Context;
use crate::days::{drop_second_day, first_day};

/// The size of the disk.
const BYTES: u64 = 6 << 20;

/// A small disk of its own under a folder, gone with the value.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it with what the folder holds; `None` where mounting is refused.
    fn over(folder: &Path) -> Option<Self> {
        let kept = folder.with_extension("kept");
        fs_err::rename(folder, &kept).unwrap();
        fs_err::create_dir_all(folder).unwrap();
        let size = format!("size={BYTES}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let disk = Self { folder: folder.to_owned() };
        let copied = Command::new("cp").arg("-a").arg(kept.join(".")).arg(folder).status().unwrap();
        assert!(copied.success());
        Some(disk)
    }

    /// Leaves so many bytes of room.
    fn fill(&self, room: u64) {
        fs_err::write(self.filler(), vec![0; BYTES as usize]).unwrap_err();
        let filled = fs_err::metadata(self.filler()).unwrap().len();
        fs_err::OpenOptions::new()
            .write(true)
            .open(self.filler())
            .unwrap()
            .set_len(filled.saturating_sub(room))
            .unwrap();
    }

    fn make_room(&self) {
        fs_err::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A disk that stays mounted is told by the folder that cannot be removed.
        let _ = Command::new("umount").arg(&self.folder).status();
    }
}

/// Runs the second day with little room, then again with enough.
fn run_full(base: &Context, expected: &[serde_json::Value], room: u64) -> Option<bool> {
    let shop = base.copy();
    drop_second_day(&shop);
    let disk = SmallDisk::over(&shop.shop().join("lake"))?;
    disk.fill(room);
    let full = shop.output(&["run"]);
    let said = String::from_utf8_lossy(&full.stderr);
    let failed = !full.status.success();
    if failed {
        assert_eq!(full.status.code(), Some(2), "{room} bytes: {said}");
        assert!(said.contains("is full") && said.contains("shop/lake"), "{room} bytes: {said}");
    }
    let between = shop.figures();
    assert!(between == expected || between == base.figures(), "{room} bytes: half a run is seen");
    disk.make_room();
    let again = shop.output(&["run"]);
    assert!(again.status.success(), "{room} bytes: {}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(shop.figures(), expected, "{room} bytes");
    assert_eq!(shop.files("lake/landing/sales", ""), Vec::<PathBuf>::new(), "{room} bytes: something half is left");
    shop.assert_verified(&format!("{room} bytes"));
    Some(failed)
}

/// Given a disk with room for less and less of a run, when run, then exit code 2 and a message that
/// names the volume, and the next run with room has the right numbers.
#[test]
fn a_full_disk() {
    let base = first_day();
    let whole = base.copy();
    drop_second_day(&whole);
    assert!(whole.output(&["run"]).status.success());
    let expected = whole.figures();
    let mut failed = Vec::new();
    for room in [0, 4, 12, 28, 60, 92, 124, 156, 1024] {
        let Some(full) = run_full(&base, &expected, room << 10) else {
            println!("skipped: this machine does not let us mount a tmpfs (it takes root)");
            return;
        };
        failed.push(full);
    }
    assert!(failed[0] && !failed[failed.len() - 1], "from no room to enough: {failed:?}");
}
