//! `shoplake schedule run`: the schedule at work in the foreground.

use std::sync::Arc;

use shoplake_pipeline::schedule::Order;
use tokio::sync::mpsc;

use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::{alerts, wiring};

pub(in crate::commands) fn run(context: &Context) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    match &project.schedule {
        Some(schedule) => printer.say(format_args!("runs at `{schedule}` in {}; stop with ctrl-c", project.time_zone)),
        None => printer.say("shoplake.yml has no `schedule`: runs begin when files arrive; stop with ctrl-c"),
    }
    context.block_on(0, async {
        let runner = wiring::scheduler(&project).await?;
        tokio::spawn(alerts::keep_watch(Arc::clone(&project)));
        let (orders, received) = mpsc::channel(8);
        tokio::spawn(async move {
            stopped().await;
            // Nobody listens any more where the schedule has ended by itself.
            let _ = orders.send(Order::Stop).await;
        });
        Ok(runner.work(received).await?)
    })?;
    Ok(Exit::Done)
}

/// Returns when somebody asks the process to end.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
