//! `shoplake logs`: what was done, as it was kept.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::Utc;
use chrono_tz::Tz;
use shoplake_core::Fault;
use shoplake_core::logs::{LogLevel, LogLine, LogQuery};
use shoplake_monitor::Position;

use super::Context;
use crate::cli::LogsArgs;
use crate::failure::{Exit, Failure};
use crate::{kept_log, render};

/// How often who follows looks for more.
const LOOK: Duration = Duration::from_millis(300);

pub(super) fn logs(context: &Context, args: &LogsArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let folder = kept_log::folder(&project);
    let query = LogQuery {
        run: args.run.clone(),
        level: args.level.as_deref().and_then(LogLevel::parse),
        since: args.since.map(|since| Utc::now() - since),
        grep: args.grep.clone(),
    };
    let mut position = Position::default();
    let mut last: VecDeque<LogLine> = VecDeque::new();
    folder.read(&query, &mut position, |line| {
        last.push_back(line);
        if last.len() > args.limit {
            last.pop_front();
        }
    })?;
    if last.is_empty() && !args.follow {
        context.printer.say("no line of the log is so");
    }
    loop {
        let mut text = String::new();
        for line in last.drain(..) {
            text.push_str(&shown(&line, args.json, project.time_zone)?);
        }
        if !text.is_empty() {
            context.printer.data_text(&text)?;
        }
        if !args.follow {
            return Ok(Exit::Done);
        }
        std::thread::sleep(LOOK);
        folder.read(&query, &mut position, |line| last.push_back(line))?;
    }
}

fn shown(line: &LogLine, json: bool, zone: Tz) -> Result<String, Fault> {
    if json {
        let text = serde_json::to_string(line).map_err(|error| Fault::internal(error.to_string()))?;
        return Ok(text + "\n");
    }
    let at = line.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z");
    let mut text = format!("{at} {:<5} ", line.level.word());
    text += &render::escape(&line.message);
    // A step that says nothing else is its own message.
    let step = line.step.clone().filter(|step| *step != line.message);
    let named = [("step", &step), ("dataset", &line.dataset), ("file", &line.file), ("run", &line.run)];
    for (name, value) in named {
        text.extend(value.iter().map(|value| format!(" {name}={}", render::escape(value))));
    }
    for (name, value) in &line.fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text += &format!(" {name}={}", render::escape(&value));
    }
    Ok(text + "\n")
}
