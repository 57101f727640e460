//! A stack on which trees of SQL can be parsed, walked and dropped that are as deep as the engine takes them.

use std::thread;

/// As deep as the engine's own parser goes.
pub const DEPTH_MAX: usize = 1_000;
/// Trees of that depth fit many times over.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on a thread with a deep stack, and waits for it; `None` where the thread cannot begin, or `work` panics.
///
/// The thread is joined, never let go while it ends: glibc's `pthread_detach` looks at a thread's memory once more after
/// it has let go of it, and a large stack is given back to the system at once. That ended processes (glibc 2.36).
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    let deep = thread::Builder::new().name("shoplake-parse".to_owned()).stack_size(STACK_BYTES);
    thread::scope(|scope| deep.spawn_scoped(scope, work).ok()?.join().ok())
}
