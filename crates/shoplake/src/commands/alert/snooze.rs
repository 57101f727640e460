//! `shoplake alert snooze`: keep an alert quiet for a while.

use chrono::{TimeDelta, Utc};
use shoplake_core::FaultKind;

use super::named;
use crate::cli::AlertSnoozeArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::{render, wiring};

/// How often another may write the book between our reading and writing it.
const ATTEMPTS: u32 = 20;

pub(in crate::commands) fn snooze(context: &Context, args: &AlertSnoozeArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let alert = named(&project, &args.name)?;
    let until = Utc::now() + args.time;
    context.block_on(1, async {
        let store = wiring::alert_store(&project).await?;
        for attempt in 1.. {
            let mut book = store.book().await?;
            if args.time > TimeDelta::zero() {
                book.snoozed.insert(alert.name.clone(), until);
            } else {
                book.snoozed.remove(&alert.name);
            }
            match store.keep(&book, &[]).await {
                Err(fault) if fault.kind == FaultKind::Busy && attempt < ATTEMPTS => {}
                done => return Ok(done?),
            }
        }
        Ok(())
    })?;
    let name = &alert.name;
    if args.time > TimeDelta::zero() {
        let until = render::moment(until, project.time_zone);
        context.printer.say(format_args!("`{name}` keeps quiet until {until}; what fires then is told then"));
    } else {
        context.printer.say(format_args!("`{name}` is awake"));
    }
    Ok(Exit::Done)
}
