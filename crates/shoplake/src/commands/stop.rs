//! When somebody asks a process that goes on for long to end.

use tokio::signal::unix::{SignalKind, signal};

/// Returns at the first signal that asks for an end: Ctrl-C, or what service managers send.
pub(super) async fn asked_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signal itself ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
