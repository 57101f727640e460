//! `shoplake schedule log`: what the schedule did.

use serde_json::json;
use shoplake_core::schedule::ports::{Event, Logged};

use crate::cli::ScheduleLogArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::render;
use crate::table::{Side, Table, Tone};
use crate::wiring;

pub(in crate::commands) fn log(context: &Context, args: &ScheduleLogArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let lines = context.block_on(1, async { Ok(wiring::schedule_store(&project).await?.logged(args.limit).await?) })?;
    if args.json {
        context.printer.data_text(&format!("{:#}\n", json!(lines)))?;
        return Ok(Exit::Done);
    }
    if lines.is_empty() {
        context.printer.say("nothing was scheduled yet: `shoplake schedule run` works while it runs");
        return Ok(Exit::Done);
    }
    let columns = ["at", "what", "was due", "run", ""].map(|name| (name, Side::Left));
    let mut table = Table::new(columns);
    let moment = |at| render::moment(at, project.time_zone);
    for line in &lines {
        let Logged { at, due, event, run, note, .. } = line;
        let (word, tone) = word(*event);
        let due = due.map(moment).unwrap_or_default();
        let run = run.as_ref().map(|run| run.0.clone()).unwrap_or_default();
        let plain = |text: String| (text, Tone::Plain);
        table.row([plain(moment(*at)), (word.to_owned(), tone), plain(due), plain(run), plain(note.clone())]);
    }
    context.printer.data_text(&table.text())?;
    Ok(Exit::Done)
}

fn word(event: Event) -> (&'static str, Tone) {
    match event {
        Event::Started => ("started", Tone::Plain),
        Event::Done => ("done", Tone::Good),
        Event::Failed => ("failed", Tone::Bad),
        Event::Cancelled => ("cancelled", Tone::Warn),
        Event::Skipped => ("left out", Tone::Warn),
    }
}
