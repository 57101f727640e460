//! A small pool of threads for work on columns: encoding row groups, rewriting files, sorting keys.
//!
//! Submitting waits while enough work is queued, so that a fast producer cannot fill the memory.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded, unbounded};
use shoplake_core::{Fault, Result};

use crate::parquet_writer::Unsynced;

type Job = Box<dyn FnOnce() -> Result<()> + Send>;

/// The pool; its threads end when it is dropped.
///
/// Beside those that work there is one that waits for the disk: files are needed there only once their
/// batch is published.
pub(crate) struct Pool {
    jobs: Option<Sender<Job>>,
    files: Option<Sender<Unsynced>>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Files that are not on the disk yet.
    unsynced: usize,
    fault: Option<Fault>,
}

/// What a mutex guards, though a thread that held it may have panicked: whoever reads it then has
/// been told of that by the pool.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Pool {
    /// A pool of `threads` threads, one for each processor where that is 0.
    pub(crate) fn new(threads: usize) -> Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            n => n,
        };
        let (jobs, queue) = bounded::<Job>(threads);
        let (files, written) = unbounded::<Unsynced>();
        let shared = Arc::new(Shared::default());
        let syncing = shared.clone();
        let syncing = std::thread::Builder::new().name("lake-sync".into()).spawn(move || {
            for file in written {
                let synced = file.sync();
                let mut state = syncing.state();
                state.unsynced -= 1;
                if let Err(fault) = synced {
                    state.fault.get_or_insert(fault);
                }
                syncing.idle.notify_all();
            }
        })?;
        let threads = (0..threads)
            .map(|n| {
                let (queue, shared) = (queue.clone(), shared.clone());
                std::thread::Builder::new().name(format!("lake-{n}")).spawn(move || {
                    for job in queue {
                        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job))
                            .unwrap_or_else(|_| Err(Fault::internal("a task on the lake's files ended abruptly")));
                        let mut state = shared.state();
                        state.open -= 1;
                        if let Err(fault) = ended {
                            state.fault.get_or_insert(fault);
                        }
                        shared.idle.notify_all();
                    }
                })
            })
            .chain([Ok(syncing)])
            .collect::<std::io::Result<Vec<_>>>()?;
        Ok(Self { jobs: Some(jobs), files: Some(files), threads, shared })
    }

    /// Threads that work.
    pub(crate) fn threads(&self) -> usize {
        self.threads.len().saturating_sub(1)
    }

    /// Queues a job, after waiting for room. Fails with the first fault of an earlier job.
    pub(crate) fn submit(&self, job: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
        let mut state = self.shared.state();
        if let Some(fault) = state.fault.take() {
            return Err(fault);
        }
        state.open += 1;
        drop(state);
        match &self.jobs {
            Some(jobs) if jobs.send(Box::new(job)).is_ok() => Ok(()),
            _ => Err(Fault::internal("the lake's threads are gone")),
        }
    }

    /// Has a file brought to the disk; [`Pool::synced`] waits for it.
    pub(crate) fn sync(&self, file: Unsynced) -> Result<()> {
        self.shared.state().unsynced += 1;
        match &self.files {
            Some(files) if files.send(file).is_ok() => Ok(()),
            _ => Err(Fault::internal("the lake's threads are gone")),
        }
    }

    /// Waits until every job has ended and every file is on the disk.
    pub(crate) fn synced(&self) -> Result<()> {
        self.wait()?;
        let mut state = self.shared.state();
        while state.unsynced > 0 {
            state = self.shared.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.fault.take().map_or(Ok(()), Err)
    }

    /// Waits until every job has ended.
    pub(crate) fn wait(&self) -> Result<()> {
        let mut state = self.shared.state();
        while state.open > 0 {
            state = self.shared.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.fault.take().map_or(Ok(()), Err)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        (self.jobs, self.files) = (None, None);
        for thread in self.threads.drain(..) {
            // A panic of a job was caught and told already.
            drop(thread.join());
        }
    }
}
