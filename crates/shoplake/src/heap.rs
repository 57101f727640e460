//! How the allocator treats memory in a process that lives long: a server, whose each load reads tables through large
//! buffers, between small pieces that stay. A run, which ends, is quicker without.

pub(crate) use of_system::{give_back_at_once, keep_giving_back};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator's settings have no other interface")]
mod of_system {
    use std::time::Duration;

    /// Bytes from which a piece of memory is asked of the system by itself, and given back as soon as it is free.
    const APART: i32 = 128 << 10;
    /// Between two times that what is free between pieces that stay is given back.
    const PAUSE: Duration = Duration::from_secs(30);

    /// Places that threads allocate in. Each holds on to pages in which one small piece stays, so that many of them
    /// hold many: over an hour of a load each second, twenty came to 80 MB around 4 MB that were in use.
    const PLACES: i32 = 2;

    /// Has large pieces of memory given back at once, and small ones share few places, from now on; to be called
    /// before there are other threads.
    pub(crate) fn give_back_at_once() {
        // SAFETY: `mallopt` takes two integers by value and changes settings of the allocator alone, under its own
        // lock; no memory of ours is read or written.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, APART);
            libc::mallopt(libc::M_TRIM_THRESHOLD, APART);
            libc::mallopt(libc::M_ARENA_MAX, PLACES);
        }
    }

    /// Gives back, again and again, the pages that are free between pieces that stay: each thread allocates in a place
    /// of its own, and without this the process seems to grow from load to load.
    pub(crate) async fn keep_giving_back() {
        loop {
            tokio::time::sleep(PAUSE).await;
            // SAFETY: `malloc_trim` takes an integer by value and looks through the allocator's own lists of free
            // pieces, under its locks; pieces that are in use stay where they are.
            let trimmed = tokio::task::spawn_blocking(|| unsafe { libc::malloc_trim(0) }).await;
            if trimmed.is_err() {
                return;
            }
        }
    }
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod of_system {
    pub(crate) fn give_back_at_once() {}

    pub(crate) async fn keep_giving_back() {}
}
