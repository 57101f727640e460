//! `shoplake schedule run`: the schedule at work in the foreground.

use std::sync::Arc;

use shoplake_pipeline::schedule::Order;
use tokio::sync::mpsc;

use crate::commands::stop::asked_to_stop;
use crate::commands::{Context, usage};
use crate::failure::{Exit, Failure};
use crate::{alerts, telemetry, wiring};

pub(in crate::commands) fn run(context: &Context) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    match &project.schedule {
        Some(schedule) => printer.say(format_args!("runs at `{schedule}` in {}; stop with ctrl-c", project.time_zone)),
        None => printer.say("shoplake.yml has no `schedule`: runs begin when files arrive; stop with ctrl-c"),
    }
    context.block_on(0, async {
        let runner = wiring::scheduler(&project, wiring::launcher(&project)).await?;
        tokio::spawn(alerts::keep_watch(Arc::clone(&project)));
        tokio::spawn(telemetry::keep_sending(Arc::clone(&project), None));
        tokio::spawn(usage::keep_noting_requests(Arc::clone(&project)));
        let (orders, received) = mpsc::channel(8);
        tokio::spawn(async move {
            asked_to_stop().await;
            // Nobody listens any more where the schedule has ended by itself.
            let _ = orders.send(Order::Stop).await;
        });
        runner.work(received).await?;
        usage::of_requests(&project).await;
        Ok(())
    })?;
    Ok(Exit::Done)
}
