//! The schedule at work in a process of its own, what it says that it did, and waiting for it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::context::Context;

/// An instance of the schedule, killed with the value.
pub(crate) struct Scheduler(pub(crate) Child);

impl Scheduler {
    pub(crate) fn start(shop: &Context, environment: &[(&str, &str)]) -> Self {
        let mut command = shop.command(&["schedule", "run"]);
        command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(signal, &self.0.id().to_string());
    }

    /// The process of the run that it has started and that goes on.
    pub(crate) fn run(&self) -> Option<String> {
        let found = Command::new("pgrep").args(["-P", &self.0.id().to_string()]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().next().map(str::to_owned)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal (`-KILL`) to a process.
pub(crate) fn send(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
}

/// The log of the schedule, oldest first.
pub(crate) fn log(shop: &Context) -> Vec<Value> {
    let mut lines = shop.json(&["schedule", "log", "--json"]).as_array().unwrap().clone();
    lines.reverse();
    lines
}

/// The events of the log, oldest first.
pub(crate) fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

/// Looks until something is there.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_mins(4), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until a run loads a file.
pub(crate) fn wait_for_load(shop: &Context) {
    let attempts = shop.shop().join(".shoplake/attempts.json");
    let loading = || fs_err::read_to_string(&attempts).is_ok_and(|text| text.contains("\"loading\":true"));
    for _ in 0..240_000 {
        if loading() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no file is being loaded");
}
