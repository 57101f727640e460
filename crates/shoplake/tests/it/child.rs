//! A run of the built binary that ends in time, with what it printed and the most memory that it took.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fs_err::File;

/// How often a child that runs is looked at.
const LOOK: Duration = Duration::from_millis(4);

/// How a child ended.
pub(crate) struct Ended {
    /// Its exit code; none where it was killed, by a signal or for being too late.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Whether it was still running at the limit.
    pub(crate) late: bool,
    /// The most memory that it had at once, in bytes; 0 where the system does not tell.
    pub(crate) peak: u64,
}

impl Ended {
    /// The one JSON value on stdout, if it is one.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.stdout).ok()
    }

    /// What no run may do, whatever its input: hang, die of a signal, or show its inside.
    pub(crate) fn offences(&self) -> Vec<String> {
        let mut offences = Vec::new();
        if self.late {
            offences.push("it hung and was killed".to_owned());
        } else if self.code.is_none() {
            offences.push("it died of a signal".to_owned());
        }
        for word in ["panicked at", "RUST_BACKTRACE", "stack overflow", "memory allocation of"] {
            if self.stderr.contains(word) {
                offences.push(format!("stderr says `{word}`: {}", self.stderr.trim()));
            }
        }
        offences
    }
}

/// Runs `shoplake` in `dir`; what it prints goes through files in `notes`, so that no pipe fills up.
pub(crate) fn shoplake(
    dir: &Path,
    notes: &Path,
    arguments: &[&str],
    settings: &[(String, String)],
    limit: Duration,
) -> Ended {
    let (stdout, stderr) = (notes.join("stdout"), notes.join("stderr"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_shoplake"));
    command.args(arguments).current_dir(dir).stdin(Stdio::null());
    command.stdout(File::create(&stdout).unwrap().into_parts().0);
    command.stderr(File::create(&stderr).unwrap().into_parts().0);
    command.env_remove("SHOPLAKE_PROJECT_DIR").env_remove("SHOPLAKE_LOG").env("COLUMNS", "100");
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn().unwrap();
    let (began, mut peak, mut late) = (Instant::now(), 0, false);
    let status = loop {
        // It only grows, so that the last look before the end has missed little.
        peak = peak.max(most_memory(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if !late && began.elapsed() > limit {
            late = true;
            child.kill().unwrap();
        }
        std::thread::sleep(LOOK);
    };
    let read = |path: &Path| String::from_utf8_lossy(&fs_err::read(path).unwrap()).into_owned();
    Ended { code: status.code(), stdout: read(&stdout), stderr: read(&stderr), late, peak }
}

/// The most memory that a process has had at once, in bytes, where Linux tells it.
fn most_memory(process: u32) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}
