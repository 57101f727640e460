//! How the allocator treats memory that is free: a server, whose each load reads tables through large buffers between
//! small pieces that stay, lives long; a run, which is quicker where it keeps memory for its next rows, gives it back once
//! they are loaded.

pub(crate) use of_system::{give_back, give_back_at_once};

/// Between two times that a server gives back what is free.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(30);

/// Gives memory that is free back, again and again: without this a server seems to grow from load to load.
pub(crate) async fn keep_giving_back() {
    loop {
        tokio::time::sleep(PAUSE).await;
        if tokio::task::spawn_blocking(give_back).await.is_err() {
            return;
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator's settings have no other interface")]
mod of_system {
    /// Bytes from which a piece of memory is asked of the system by itself, and given back as soon as it is free.
    const APART: i32 = 128 << 10;
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

    /// Gives back the pages that are free between pieces that stay, in each place that threads allocate in.
    pub(crate) fn give_back() {
        // SAFETY: `malloc_trim` takes an integer by value and looks through the allocator's own lists of free
        // pieces, under its locks; pieces that are in use stay where they are.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod of_system {
    pub(crate) fn give_back_at_once() {}

    pub(crate) fn give_back() {}
}
