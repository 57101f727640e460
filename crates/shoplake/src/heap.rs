//! How the allocator treats memory in a process that lives long.

/// Bytes from which a piece of memory is asked of the system by itself, and given back as soon as it is free.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const APART: i32 = 128 << 10;

/// Has large pieces of memory given back at once, from now on. For a server: each load reads tables through large
/// buffers, and glibc would keep them for later between small pieces that stay, so that the process seems to grow
/// from load to load. A run, which ends, is quicker without.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator's settings have no other interface")]
pub(crate) fn give_back_at_once() {
    // SAFETY: `mallopt` takes two integers by value and changes settings of the allocator alone, under its own lock;
    // no memory of ours is read or written.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, APART);
        libc::mallopt(libc::M_TRIM_THRESHOLD, APART);
    }
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_at_once() {}
