//! What holds for the repository as a whole: its arrows, its dependencies, the shape of its files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod arrows;
mod dependencies;
mod files;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// `cargo metadata` of the workspace with all its dependencies, for this machine's platform.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The packages of `cargo metadata`.
fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().unwrap()
}
