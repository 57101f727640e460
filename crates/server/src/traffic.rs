//! What the server counts of its own work.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use shoplake_core::metrics::{Distribution, Kind, Metric, Value};

/// The bounds of the buckets that queries are counted in, in seconds.
const QUERY_BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Counts of requests and of the time that SQL took.
#[derive(Debug)]
pub struct Traffic {
    /// Requests answered, by the first digit of their status.
    answered: [AtomicU64; 6],
    /// Requests that wait for the head of their answer.
    waiting: AtomicUsize,
    /// Seconds that SQL took, the wait for its turn with it.
    query_seconds: Mutex<Distribution>,
}

/// A request that waits; it does no more once this is dropped.
pub(crate) struct Waiting<'t>(&'t AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            answered: Default::default(),
            waiting: AtomicUsize::new(0),
            query_seconds: Mutex::new(Distribution::new(&QUERY_BOUNDS)),
        }
    }
}

impl Traffic {
    /// Counts a request as long as it waits.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    /// Whether nobody waits.
    pub(crate) fn is_quiet(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Counts an answer with this status.
    pub(crate) fn answer(&self, status: u16) {
        if let Some(count) = self.answered.get(usize::from(status / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a query that took so many seconds.
    pub(crate) fn query(&self, seconds: f64) {
        self.query_seconds.lock().unwrap_or_else(PoisonError::into_inner).add(seconds);
    }

    /// The counts as metrics.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut requests = Metric::counter("shoplake_http_requests_total", "Requests that were answered.");
        for (kind, count) in self.answered.iter().enumerate().skip(1) {
            requests.add([("status", &format!("{kind}xx"))], count.load(Ordering::Relaxed) as f64);
        }
        let known = self.query_seconds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let help = "How long SQL took, the wait for its turn with it.";
        let mut queries = Metric { kind: Kind::Histogram, ..Metric::gauge("shoplake_query_duration_seconds", help) };
        queries.push([], Value::Distribution(known));
        vec![requests, queries]
    }
}
