//! `shoplake serve`: the dashboards and the HTTP API, until a signal ends them.

mod child;
mod explanations;

use std::process::{Command, Stdio};
use std::sync::Arc;

use shoplake_core::Fault;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Context;
use crate::cli::ServeArgs;
use crate::failure::{Exit, Failure};
use crate::wiring;
use child::ChildRunner;
use explanations::Explanations;

pub(super) fn serve(context: &Context, args: &ServeArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    // Requests wait for disks and for each other: threads of their own, whatever SQL may take.
    context.block_on(0, async {
        let runner = Arc::new(ChildRunner::new(&project.dir));
        let ports = wiring::served(&project, runner, Arc::new(Explanations(Arc::clone(&project)))).await?;
        let listener = shoplake_server::bind(args.listen, &ports).await?;
        let address = listener.local_addr().map_err(Fault::from)?;
        let (stop, stopping) = watch::channel(false);
        let stopper = tokio::spawn(stop_on_signal(stop));
        let url = format!("http://{address}/");
        printer.data_text(&format!("{url}\n"))?;
        printer.say(format_args!("the dashboards of {} are at {url}; Ctrl-C ends them", project.name));
        if args.open && !open(&url) {
            printer.warn(format_args!("no browser could be started; open {url} by hand"));
        }
        shoplake_server::serve(listener, ports, stopping).await?;
        stopper.abort();
        printer.say("ended");
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// Turns `stop` true at the first signal that asks for an end.
async fn stop_on_signal(stop: watch::Sender<bool>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signal itself ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // The receiver is gone: the server has ended already.
    let _ = stop.send(true);
}

/// Opens `url` in the browser; whether one could be started.
fn open(url: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let child = Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.is_ok()
}
