//! `shoplake schedule next`: when the pipeline runs next.

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::json;
use shoplake_core::Fault;

use crate::cli::{Moment, ScheduleNextArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};

pub(in crate::commands) fn next(context: &Context, args: &ScheduleNextArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let zone = project.time_zone;
    let from = from(args.from, zone)?;
    let moments = project.schedule.iter().flat_map(|schedule| schedule.cron.after(zone, from));
    let moments: Vec<DateTime<Tz>> =
        moments.take(args.count as usize).map(|moment| moment.with_timezone(&zone)).collect();
    if args.json {
        let texts: Vec<String> =
            moments.iter().map(|moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true)).collect();
        context.printer.data_text(&format!("{:#}\n", json!(texts)))?;
    } else {
        let lines = moments.iter().map(|moment| format!("{}\n", moment.format("%a %Y-%m-%d %H:%M %Z")));
        context.printer.data_text(&lines.collect::<String>())?;
    }
    match &project.schedule {
        Some(schedule) => context.printer.say(format_args!("`{schedule}` in {zone}")),
        None => context.printer.say("there is no `schedule` in shoplake.yml, for example `schedule: \"0 6 * * *\"`"),
    }
    Ok(Exit::Done)
}

fn from(at: Option<Moment>, zone: Tz) -> Result<DateTime<Utc>, Fault> {
    match at {
        None => Ok(Utc::now()),
        Some(Moment::Anywhere(at)) => Ok(at.with_timezone(&Utc)),
        Some(Moment::Local(local)) => match zone.from_local_datetime(&local).earliest() {
            Some(at) => Ok(at.with_timezone(&Utc)),
            None => Err(Fault::usage(format!("{local} does not exist in {zone}: the clock skips it"))
                .hint("name a moment before or after, or one with an offset")),
        },
    }
}
