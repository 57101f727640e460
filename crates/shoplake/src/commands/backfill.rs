//! `shoplake backfill`: days of models by day, made anew one after the other.
//!
//! Each day is a batch of its own under the project's lock; how far it came stands in
//! `.shoplake/backfill/`, written after the day is published: a day that was cut off is done again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shoplake_core::outcome::{RunOutcome, RunStatus};
use shoplake_core::{Fault, Project, ShopZone, hash};
use shoplake_models::Resource;
use shoplake_pipeline::{Choice, Chosen, RunOptions};

use super::choosing::{Compiled, names};
use super::usage::{Reading, Stored};
use super::{Context, results, run};
use crate::cli::BackfillArgs;
use crate::failure::{Exit, Failure};
use crate::render::{self, count};
use crate::{progress, summary, wiring};

/// The longest range: a hundred years.
const DAYS_MAX: i64 = 36_525;
/// How long the project is left to whoever waits for it, after each day; longer where other machines look for it.
const TURN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// How far a backfill came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    start: NaiveDate,
    end: NaiveDate,
    models: BTreeSet<String>,
    /// The last day that is published.
    done: Option<NaiveDate>,
}

pub(super) fn backfill(context: &Context, args: &BackfillArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    check_range(args, &compiled.project)?;
    let chosen = by_day(&compiled, args)?;
    let path = file(&compiled.project, args, &chosen.models);
    let mut reached = Reached { start: args.start, end: args.end, models: chosen.models.clone(), done: None };
    if !args.restart
        && let Some(before) = read(&path)?.filter(|before| Reached { done: None, ..before.clone() } == reached)
    {
        reached = before;
    }
    let days: Vec<NaiveDate> = args.start.iter_days().take_while(|day| *day <= args.end).collect();
    let left: Vec<NaiveDate> =
        days.iter().filter(|day| reached.done.is_none_or(|done| **day > done)).copied().collect();
    say_plan(context, &reached, &days, &left);
    if args.dry_run {
        return Ok(Exit::Done);
    }
    let began = Instant::now();
    let mut exit = Exit::Done;
    for day in &left {
        let one = Choice { chosen: Some(chosen.clone()), days: [number(*day)].into(), ..Choice::default() };
        let outcome = publish(context, &compiled, one, Some((&path, &mut reached, *day)))?;
        let position = days.iter().position(|known| known == day).map_or(0, |index| index + 1);
        let took = render::seconds(outcome.seconds);
        if outcome.status == RunStatus::Error {
            context.printer.say(summary::built(&outcome).trim_end());
            context.printer.say(format_args!("{day} failed; correct it, then give the same command again"));
            exit = Exit::DataFailed;
            break;
        }
        context.printer.say(format_args!("{day}  done in {took}  ({position} of {})", days.len()));
    }
    if exit == Exit::Done {
        // What reads the days that changed, once, rather than after each day.
        let outcome = publish(context, &compiled, Choice::default(), None)?;
        context.printer.say(summary::built(&outcome).trim_end());
        if outcome.status == RunStatus::Error {
            exit = Exit::DataFailed;
        } else {
            remove(&path)?;
        }
    }
    if args.json {
        let done = days.iter().filter(|day| reached.done.is_some_and(|done| **day <= done)).count();
        let value = json!({
            "start": args.start, "end": args.end, "models": reached.models, "days": days.len(), "days_done": done,
            "days_done_now": done + left.len() - days.len(), "last_day": reached.done,
            "seconds": began.elapsed().as_secs_f64(), "status": if exit == Exit::Done { "success" } else { "error" },
        });
        context.printer.data_text(&format!("{value:#}\n"))?;
    }
    Ok(exit)
}

/// Publishes one batch under the project's lock, notes the day that it made, and lets others have a turn.
fn publish(
    context: &Context,
    compiled: &Compiled,
    choice: Choice,
    day: Option<(&PathBuf, &mut Reached, NaiveDate)>,
) -> Result<RunOutcome, Failure> {
    let project = &compiled.project;
    let lock = wiring::lock(project, true, &context.printer)?;
    let options = RunOptions { build_only: true, choice, ..RunOptions::default() };
    let outcome = context.block_on(project.limits.threads, async {
        let reading = Reading::new(progress::for_printer(&context.printer));
        let pipeline = wiring::pipeline(project, Arc::clone(&reading) as _).await?;
        // The lake is looked at once, after the last day: of a thousand days, each look would cost.
        let stored = if day.is_some() { Stored::Left } else { Stored::Looked };
        Ok(run::until_stopped(project, (&reading, stored), Box::pin(pipeline.run(&options))).await?)
    })?;
    results::write(compiled, "build", &outcome)?;
    if let Some((path, reached, day)) = day.filter(|_| outcome.status != RunStatus::Error) {
        reached.done = Some(day);
        write(path, reached)?;
    }
    drop(lock);
    std::thread::sleep(if project.remote.is_some() { TURN.1 } else { TURN.0 });
    Ok(outcome)
}

fn check_range(args: &BackfillArgs, project: &Project) -> Result<(), Fault> {
    let (start, end) = (args.start, args.end);
    if end < start {
        return Err(Fault::usage(format!("`--end {end}` lies before `--start {start}`")));
    }
    let today = ShopZone::new(project.time_zone).today();
    if end > today {
        let fault = Fault::usage(format!("`--end {end}` lies in the future"));
        return Err(fault.hint(format!("the shop's day is {today}, in {}", project.time_zone)));
    }
    if (end - start).num_days() >= DAYS_MAX {
        return Err(Fault::usage(format!("from {start} to {end} are more than 100 years")));
    }
    Ok(())
}

/// The chosen models that are made by day, and the data tests that were chosen with them.
fn by_day(compiled: &Compiled, args: &BackfillArgs) -> Result<Chosen, Failure> {
    let graph = compiled.graph(&args.select)?;
    let selected = compiled.chosen(&graph, &args.select)?;
    let by_day = |name: &String| compiled.models.model(name).is_some_and(|model| model.by_day.is_some());
    let mut chosen = names(&graph, &selected);
    chosen.models.retain(by_day);
    if chosen.models.is_empty() {
        let fault = Fault::usage("none of the chosen models is made by day");
        return Err(fault
            .hint("`{{ config(materialized='incremental', by_day='date') }}` makes one so; `shoplake build --full-refresh -s MODEL` makes any model anew in full")
            .into());
    }
    // Tests of the days' models, whoever they were chosen with.
    let of_days = |node: &&shoplake_models::Node| {
        node.resource == Resource::Test
            && node.parents.iter().filter_map(|p| graph.nodes.get(*p)).any(|p| chosen.models.contains(&p.name))
    };
    chosen.tests = graph.nodes.iter().filter(of_days).map(|node| node.name.clone()).collect();
    chosen.unit_tests.clear();
    Ok(chosen)
}

fn say_plan(context: &Context, reached: &Reached, days: &[NaiveDate], left: &[NaiveDate]) {
    let printer = &context.printer;
    let models: Vec<&str> = reached.models.iter().map(String::as_str).collect();
    let all = count(days.len() as u64, "day", "days");
    printer.say(format_args!("{} to {}, {all}: {}", reached.start, reached.end, models.join(", ")));
    if let (Some(done), Some(next)) = (reached.done, left.first()) {
        printer.say(format_args!("{done} was published before: it goes on with {next}"));
    }
}

/// A day as days since 1970-01-01.
fn number(day: NaiveDate) -> i32 {
    i32::try_from((day - NaiveDate::default()).num_days()).unwrap_or(i32::MAX)
}

/// Where it is noted how far a backfill of this range and these models came.
fn file(project: &Project, args: &BackfillArgs, models: &BTreeSet<String>) -> PathBuf {
    let models: Vec<&str> = models.iter().map(String::as_str).collect();
    let mut print = hash::fingerprint(&models.join("\n"));
    print.truncate(8);
    project.state_dir().join("backfill").join(format!("{}_{}_{print}.json", args.start, args.end))
}

/// One that cannot be read is as none: it begins with the first day.
fn read(path: &PathBuf) -> Result<Option<Reached>, Fault> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write(path: &PathBuf, reached: &Reached) -> Result<(), Fault> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let text = serde_json::to_vec(reached).map_err(|error| Fault::internal(error.to_string()))?;
    let beside = path.with_extension("json.new");
    fs_err::write(&beside, text)?;
    Ok(fs_err::rename(beside, path)?)
}

fn remove(path: &PathBuf) -> Result<(), Fault> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
