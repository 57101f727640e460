//! `shoplake table restore`: a dataset's table as it was, with its marts.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use shoplake_core::maintenance::TableVersion;
use shoplake_core::outcome::{RunOutcome, RunStatus};
use shoplake_core::{Fault, Project};

use crate::cli::{Moment, TableRestoreArgs};
use crate::commands::Context;
use crate::commands::usage::{Reading, metered};
use crate::failure::{Exit, Failure};
use crate::printer::Printer;
use crate::render::{count, thousands};
use crate::{progress, wiring};

pub(in crate::commands) fn restore(context: &Context, args: &TableRestoreArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    let _lock = wiring::lock(&project, true, printer)?;
    let reading = Reading::new(progress::for_printer(printer));
    let (outcome, words) = context.block_on(project.limits.threads, async {
        let versions = wiring::maintenance(&project)?;
        let history = versions.history(&args.table).await?;
        let chosen = chosen(&project, args, &history)?;
        let pipeline = wiring::pipeline(&project, Arc::clone(&reading) as _).await?;
        let work = async { Ok((pipeline.restore(&*versions, &args.table, chosen).await?, ())) };
        let (outcome, ()) = metered(&project, &reading, work).await?;
        let rows = |version: Option<&TableVersion>| thousands(version.map_or(0, |version| version.rows));
        let then = history.iter().find(|known| known.version == chosen);
        let words = format!(
            "`{}` is as it was at version {chosen}: {} rows, before {}; the marts that read it are made anew",
            args.table,
            rows(then),
            rows(history.last())
        );
        Ok((outcome, words))
    })?;
    if outcome.status == RunStatus::Error {
        return Ok(refused(printer, &outcome));
    }
    printer.say(words);
    printer.say("files loaded since stay known by their bytes; correct them and drop them again");
    Ok(Exit::Done)
}

/// Says why what was does not stand.
pub(in crate::commands) fn refused(printer: &Printer, outcome: &RunOutcome) -> Exit {
    let tests = outcome.tests.failures.iter().filter(|test| test.blocks);
    let tests = tests.map(|test| format!("test {}: {}", test.name, count(test.rows, "failing row", "failing rows")));
    let models =
        outcome.models.iter().filter_map(|model| Some(format!("model {}: {}", model.name, model.error.as_ref()?)));
    for words in tests.chain(models) {
        printer.warn(words);
    }
    printer.say("nothing was changed: not all of the models and tests hold over that version");
    Exit::DataFailed
}

/// The instant that a moment means. Where the shop's clock shows it twice, the first; where it never
/// does, since the clock was put forward, a fault.
fn instant(moment: Moment, zone: Tz) -> Result<DateTime<Utc>, Fault> {
    match moment {
        Moment::Anywhere(at) => Ok(at.to_utc()),
        Moment::Local(at) => zone.from_local_datetime(&at).earliest().map(|at| at.to_utc()).ok_or_else(|| {
            Fault::usage(format!("the clock of {zone} never showed {at}"))
                .hint("it was put forward then: name an hour before or after, or an offset")
        }),
    }
}

/// The version that is asked for.
fn chosen(project: &Project, args: &TableRestoreArgs, history: &[TableVersion]) -> Result<u64, Fault> {
    let Some(at) = args.at else { return Ok(args.version.unwrap_or_default()) };
    let at = instant(at, project.time_zone)?;
    let by_then = history.iter().rev().find(|version| version.at <= at);
    by_then.map(|version| version.version).ok_or_else(|| {
        let first = history.first().map(|first| crate::render::moment(first.at, project.time_zone));
        Fault::usage(format!(
            "`{}` had no version yet at {}",
            args.table,
            at.to_rfc3339_opts(SecondsFormat::Secs, true)
        ))
        .hint(format!("its first is of {} ({})", first.unwrap_or_default(), project.time_zone))
    })
}
