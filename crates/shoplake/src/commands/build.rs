//! `shoplake build`, `seed`, `test` and `retry`: models and tests over the tables as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use shoplake_core::outcome::{FileOutcome, FileStatus, RunStatus};
use shoplake_core::ports::FileRecord;
use shoplake_core::{Fault, Project};
use shoplake_models::{Materialized, Resource};
use shoplake_pipeline::{Attempts, Choice, Chosen, RunOptions};

use super::choosing::Compiled;
use super::usage::{Reading, Stored};
use super::{Context, results};
use crate::cli::{BuildArgs, RetryArgs, SelectArgs, TestArgs};
use crate::failure::{Exit, Failure};
use crate::render::count;
use crate::{progress, summary, wiring};

pub(super) fn build(context: &Context, args: &BuildArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    let choice = Choice { full_refresh: args.full_refresh, ..compiled.choice(&args.select)? };
    build_with(context, &compiled, "build", choice, !args.no_wait, args.json)
}

pub(super) fn seed(context: &Context, args: &BuildArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    let graph = compiled.graph(&args.select)?;
    let mut chosen = compiled.chosen(&graph, &args.select)?;
    chosen.retain(|index| graph.nodes.get(*index).is_some_and(|node| node.resource == Resource::Seed));
    let models = graph.names(&chosen, &[Resource::Seed]);
    if models.is_empty() {
        context.printer.say("no seeds: a CSV file in seeds/ becomes a table of its name");
        return Ok(Exit::Done);
    }
    let chosen = Some(Chosen { models, ..Chosen::default() });
    let choice = Choice { chosen, full_refresh: args.full_refresh, ..Choice::default() };
    build_with(context, &compiled, "seed", choice, !args.no_wait, args.json)
}

/// Builds and publishes what is chosen, and says how it ended.
pub(super) fn build_with(
    context: &Context,
    compiled: &Compiled,
    command: &str,
    choice: Choice,
    wait: bool,
    json: bool,
) -> Result<Exit, Failure> {
    let printer = &context.printer;
    let _lock = wiring::lock(&compiled.project, wait, printer)?;
    let options = RunOptions { build_only: true, choice, ..RunOptions::default() };
    let outcome = context.block_on(compiled.project.limits.threads, async {
        let reading = Reading::new(progress::for_printer(printer));
        let pipeline = wiring::pipeline(&compiled.project, Arc::clone(&reading) as _).await?;
        let metered = (&reading, Stored::Looked);
        Ok(super::run::until_stopped(&compiled.project, metered, Box::pin(pipeline.run(&options))).await?)
    })?;
    results::write(compiled, command, &outcome)?;
    if json {
        printer.data_text(&super::run::as_json(&outcome)?)?;
    }
    printer.say(summary::built(&outcome).trim_end());
    Ok(if outcome.status == RunStatus::Error { Exit::DataFailed } else { Exit::Done })
}

pub(super) fn test(context: &Context, args: &TestArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    let chosen = compiled.choice(&args.select)?.chosen;
    test_with(context, &compiled, chosen, args.json)
}

fn test_with(context: &Context, compiled: &Compiled, chosen: Option<Chosen>, json: bool) -> Result<Exit, Failure> {
    let printer = &context.printer;
    let outcome = context.block_on(compiled.project.limits.threads, async {
        let pipeline = wiring::pipeline(&compiled.project, progress::for_printer(printer)).await?;
        Ok(pipeline.test_published(&compiled.models, chosen).await?)
    })?;
    results::write_tests(compiled, &outcome)?;
    if json {
        let text = serde_json::to_string_pretty(&outcome).map_err(|e| Fault::internal(e.to_string()))?;
        printer.data_text(&(text + "\n"))?;
    }
    printer.say(summary::tested(&outcome).trim_end());
    Ok(if outcome.failed > 0 { Exit::DataFailed } else { Exit::Done })
}

pub(super) fn retry(context: &Context, args: &RetryArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(None)?;
    if !args.file.is_empty() {
        context.block_on(1, async { Ok(release(&compiled.project, &args.file).await?) })?;
        return super::run::again(context, &compiled, args.json);
    }
    // What broke off, or was killed, has no results: what there is to do again is a run of everything.
    if context.block_on(1, async { Ok(unfinished(&compiled.project).await?) })? {
        return super::run::again(context, &compiled, args.json);
    }
    let last = results::read(&compiled.project)?;
    if last.again.is_empty() {
        let refused = context.block_on(1, async { Ok(refused(&compiled.project).await?) })?;
        context.printer.say(match refused {
            0 => format!("nothing to retry: the last `shoplake {}` did all that it was asked", last.command),
            // They would be refused again: nothing of theirs has changed.
            files => format!(
                "nothing to retry: {} until somebody acts; `shoplake status` says what to do about each, and `shoplake retry --file NAME` takes one again",
                count(files, "refused file waits", "refused files wait")
            ),
        });
        return Ok(Exit::Done);
    }
    match last.command.as_str() {
        // Files that were held wait in landing: they are part of what has to be done again.
        "run" => super::run::again(context, &compiled, args.json),
        "test" => {
            let chosen = Chosen { tests: last.again.clone(), unit_tests: last.again, ..Chosen::default() };
            test_with(context, &compiled, Some(chosen), args.json)
        }
        command => {
            let known = |name: &String| compiled.models.model(name).is_some();
            let models: BTreeSet<String> = last.again.iter().filter(|name| known(name)).cloned().collect();
            let graph = compiled.graph(&SelectArgs::default())?;
            let of = |node: &shoplake_models::Node| {
                last.again.contains(&node.name)
                    || node.parents.iter().filter_map(|p| graph.nodes.get(*p)).any(|p| models.contains(&p.name))
            };
            let tests = |resource| {
                graph.nodes.iter().filter(|n| n.resource == resource && of(n)).map(|n| n.name.clone()).collect()
            };
            let chosen = Chosen { tests: tests(Resource::Test), unit_tests: tests(Resource::UnitTest), models };
            let choice = Choice { chosen: Some(chosen), all_tests: true, ..Choice::default() };
            build_with(context, &compiled, command, choice, true, args.json)
        }
    }
}

/// Whether the last run came to no end, or could not fetch or load all that there was though no model failed.
async fn unfinished(project: &Project) -> Result<bool, Fault> {
    let runs = wiring::state(project).await?.runs(1).await?;
    let Some(last) = runs.first() else { return Ok(false) };
    let Some(outcome) = &last.outcome else { return Ok(true) };
    let files = outcome.datasets.iter().flat_map(|dataset| &dataset.files);
    let nothing_failed = outcome.models.iter().all(|model| model.error.is_none()) && outcome.tests.failed == 0;
    let refused = files.into_iter().any(|file| file.status == FileStatus::Failed);
    Ok(outcome.status == RunStatus::Error && nothing_failed && !refused)
}

/// How many files are refused or set aside.
async fn refused(project: &Project) -> Result<u64, Fault> {
    let waiting = wiring::state(project).await?.waiting(u32::MAX).await?;
    Ok(waiting.iter().filter(|record| record.file.status == FileStatus::Failed).count() as u64)
}

/// Files that were refused or set aside are taken again by the next run, by the name, key or path that
/// `shoplake status` shows.
async fn release(project: &Project, names: &[String]) -> Result<(), Fault> {
    let waiting = wiring::state(project).await?.waiting(u32::MAX).await?;
    let attempts = Attempts::of(project);
    for name in names {
        let named = |record: &&FileRecord| {
            let FileOutcome { path, key, .. } = &record.file;
            [path, key].into_iter().any(|known| known == name || known.rsplit('/').next() == Some(name))
                || name.strip_prefix("landing/") == Some(key)
        };
        let mut found = waiting.iter().filter(named).peekable();
        if found.peek().is_none() {
            let fault = Fault::usage(format!("no file `{name}` waits for somebody"));
            return Err(fault.hint("`shoplake status` shows the files that were refused or set aside"));
        }
        found.try_for_each(|record| attempts.release(&record.dataset, &record.file.sha256))?;
    }
    Ok(())
}

/// Whether a model is a seed.
pub(super) fn is_seed(compiled: &Compiled, name: &str) -> bool {
    compiled.models.model(name).is_some_and(|model| model.materialized == Materialized::Seed)
}
