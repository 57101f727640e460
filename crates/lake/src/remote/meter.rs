//! How often this process asked the lake's store for something, for what runs cost. Retries are not counted,
//! nor are the parts of a large object: it is a measure of use, not a bill.

use std::sync::atomic::{AtomicU64, Ordering};

static READS: AtomicU64 = AtomicU64::new(0);
static WRITES: AtomicU64 = AtomicU64::new(0);

/// One request that reads.
pub(super) fn read() {
    READS.fetch_add(1, Ordering::Relaxed);
}

/// One request that writes or lists.
pub(super) fn wrote() {
    WRITES.fetch_add(1, Ordering::Relaxed);
}

/// Requests of this process that read, and that wrote or listed.
pub fn requests() -> (u64, u64) {
    (READS.load(Ordering::Relaxed), WRITES.load(Ordering::Relaxed))
}
