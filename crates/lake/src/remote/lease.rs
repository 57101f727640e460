//! The lease: one writer at a time on a lake that several machines reach.
//!
//! Leases are numbered objects, each created only if absent: `landing/_lease/N.json` is taken by whoever
//! creates it, and a lease with a higher number ends every lower one. Its holder writes a beat beside it,
//! again and again. A lease may be followed by the next one when its holder gave it back, when its holder
//! is known to be dead (a process of this very project folder, whose lock we hold), or when whoever waits
//! has seen no new beat for the whole time that a holder may be silent, by the waiter's own clock. No
//! clock is compared with another machine's: a holder that was only slow finds the higher number before
//! it decides, and the batch that it began set aside.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use shoplake_core::{Fault, FaultKind, Result};

use super::Remote;
use crate::pool::lock;

/// Beats within the time that a holder may be silent.
const BEATS: u32 = 6;
/// The longest pause between two looks of whoever waits.
const LOOK: Duration = Duration::from_secs(1);
/// Leases that stay, so that nobody who is slow takes an old number for a free one.
const KEPT: u64 = 16;

/// Who took a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    /// Tells one taking from another.
    token: String,
    /// The project folder that took it: two processes with the same are kept apart by its lock.
    holder: Option<String>,
    /// The machine, for people.
    host: String,
}

/// A sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Beat {
    beat: u64,
    /// Whether the holder gave the lease back.
    #[serde(default)]
    released: bool,
}

/// A lease that this process holds.
#[derive(Debug)]
pub(super) struct Held {
    number: u64,
}

/// Holds the lease until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    remote: Arc<Remote>,
    held: Arc<Held>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    beats: Option<JoinHandle<u64>>,
}

/// The last lease as the store shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Last {
    number: u64,
    taken: Taken,
    beat: Beat,
}

impl Held {
    /// Whether no higher lease has been taken.
    pub(super) fn check(&self, remote: &Remote) -> Result<()> {
        let highest = remote.highest_lease()?.unwrap_or_default();
        if highest <= self.number {
            return Ok(());
        }
        Err(Fault::new(FaultKind::Busy, format!("another run took over the lease of `{}`", remote.url))
            .detail("This run was silent for longer than `lease` allows, so the other had to take it for dead. Nothing of this run was published.")
            .hint("run again; if that happens often, raise `lease` of the target in shoplake.yml"))
    }
}

impl Remote {
    fn leases(&self) -> PathBuf {
        self.mirror.join("landing/_lease")
    }

    fn highest_lease(&self) -> Result<Option<u64>> {
        let listed = self.list(&self.leases(), false)?;
        Ok(listed.iter().filter_map(|listed| lease_number(&listed.path)).max())
    }

    fn last_lease(&self) -> Result<Option<Last>> {
        loop {
            let Some(number) = self.highest_lease()? else { return Ok(None) };
            let (record, beat) = (self.read(&self.lease_path(number))?, self.read(&self.beat_path(number))?);
            // One that is gone by now has been followed by others.
            let Some(record) = record else { continue };
            let taken = serde_json::from_slice(&record).map_err(|error| self.unreadable(number, &error))?;
            // A beat that cannot be read is no sign of life.
            let beat = beat.and_then(|beat| serde_json::from_slice(&beat).ok()).unwrap_or_default();
            return Ok(Some(Last { number, taken, beat }));
        }
    }

    fn unreadable(&self, number: u64, error: &serde_json::Error) -> Fault {
        Fault::unavailable(format!("lease {number} of `{}` cannot be read: {error}", self.url))
            .hint("was it taken by a newer shoplake?")
    }

    fn lease_path(&self, number: u64) -> PathBuf {
        self.leases().join(format!("{number:020}.json"))
    }

    fn beat_path(&self, number: u64) -> PathBuf {
        self.leases().join(format!("{number:020}.beat"))
    }

    /// Takes the lease: waits until its holder gives it back or is dead, or (`patient` false) ends as
    /// soon as its holder shows that it lives.
    ///
    /// # Errors
    /// [`FaultKind::Busy`] where another run holds it; a store that cannot keep two writers apart.
    pub(crate) fn take_lease(self: &Arc<Self>, lock_file: &Path, silence: Duration, patient: bool) -> Result<Lease> {
        let taken = Taken { token: uuid::Uuid::new_v4().to_string(), holder: holder_of(lock_file), host: host() };
        let mut seen: Option<(Last, Instant)> = None;
        loop {
            let last = self.last_lease()?;
            let free = match (&last, &seen) {
                (None, _) => true,
                (Some(last), _) if last.beat.released => true,
                (Some(last), _) if taken.holder.is_some() && last.taken.holder == taken.holder => true,
                (Some(last), Some((before, since))) if last == before => since.elapsed() > silence,
                (Some(last), Some(_)) if !patient => return Err(self.busy(last)),
                _ => false,
            };
            let next = last.as_ref().map_or(0, |last| last.number) + 1;
            if free {
                self.probe()?;
                let record = serde_json::to_vec(&taken).map_err(|error| Fault::internal(error.to_string()))?;
                if self.put_if_absent(&self.lease_path(next), record)? {
                    return self.hold(next, silence);
                }
            }
            if let Some(last) = last.filter(|last| seen.as_ref().is_none_or(|(before, _)| before != last)) {
                seen = Some((last, Instant::now()));
            }
            std::thread::sleep((silence / (2 * BEATS)).min(LOOK));
        }
    }

    fn busy(&self, last: &Last) -> Fault {
        let message = format!("another run is working on `{}`, on `{}`", self.url, last.taken.host);
        Fault::new(FaultKind::Busy, message).hint("wait for it to end, or run without `--no-wait`")
    }

    /// Shows signs of life from now on.
    fn hold(self: &Arc<Self>, number: u64, silence: Duration) -> Result<Lease> {
        let held = Arc::new(Held { number });
        *lock(&self.lease) = Some(Arc::clone(&held));
        let stop: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let (remote, stopped) = (Arc::clone(self), Arc::clone(&stop));
        let beats = std::thread::Builder::new().name("shoplake-lease".into()).spawn(move || {
            remote.forget_old(number);
            let mut beat = 0;
            let (flag, signal) = &*stopped;
            loop {
                beat += 1;
                remote.beat(number, Beat { beat, released: false });
                let waited = signal.wait_timeout_while(lock(flag), silence / BEATS, |stop| !*stop);
                if waited.is_ok_and(|(stop, _)| *stop) {
                    return beat;
                }
            }
        })?;
        Ok(Lease { remote: Arc::clone(self), held, stop, beats: Some(beats) })
    }

    /// Writes a sign of life. One that fails is followed by the next.
    fn beat(&self, number: u64, beat: Beat) {
        let Ok(bytes) = serde_json::to_vec(&beat) else { return };
        if let Err(fault) = self.put(&self.beat_path(number), bytes) {
            tracing::warn!(fault = fault.for_log(), "a sign of life was not written");
        }
    }

    /// Removes leases of long ago; what cannot be removed now is removed by another.
    fn forget_old(&self, number: u64) {
        let Ok(listed) = self.list(&self.leases(), false) else { return };
        let old = listed.iter().filter(|l| lease_stem(&l.path).is_some_and(|old| old + KEPT < number));
        for listed in old {
            let _ = self.delete(&listed.path);
        }
    }
}

fn lease_stem(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// The number of a lease by its record's path.
fn lease_number(path: &Path) -> Option<u64> {
    lease_stem(path).filter(|_| path.extension().is_some_and(|extension| extension == "json"))
}

impl Drop for Lease {
    fn drop(&mut self) {
        *lock(&self.stop.0) = true;
        self.stop.1.notify_all();
        let beat = self.beats.take().and_then(|beats| beats.join().ok()).unwrap_or_default();
        // Where that fails, others wait as long as a holder may be silent.
        self.remote.beat(self.held.number, Beat { beat: beat + 1, released: true });
        *lock(&self.remote.lease) = None;
    }
}

/// What tells this project folder from every other: the boot of the machine and the lock's file. Two
/// processes that say the same are kept apart by that lock; `None` where the machine says too little.
fn holder_of(lock_file: &Path) -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;
        let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let metadata = fs_err::metadata(lock_file).ok()?;
        Some(format!("{}:{}:{}", boot.trim(), metadata.dev(), metadata.ino()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = lock_file;
        None
    }
}

/// The machine's name, for people.
fn host() -> String {
    let name = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME"));
    let name = name.ok().or_else(|| fs_err::read_to_string("/etc/hostname").ok());
    name.map_or_else(|| "a machine without a name".to_owned(), |name| name.trim().to_owned())
}
