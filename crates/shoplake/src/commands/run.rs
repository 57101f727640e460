//! `shoplake run`: load new data, build and test the models, publish, report.

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shoplake_core::outcome::{RunOutcome, RunStatus};
use shoplake_core::{Fault, FaultKind, Project};
use shoplake_pipeline::{Attempts, Choice, RunOptions};

use super::choosing::Compiled;
use super::stop::asked_to_stop;
use super::usage::{Metered, Reading, Stored};
use super::{Context, build, results, usage};
use crate::cli::RunArgs;
use crate::failure::{Exit, Failure};
use crate::{alerts, progress, summary, telemetry, wiring};

pub(super) fn run(context: &Context, args: RunArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    // A slip on the command line is told before anything is touched.
    shoplake_sources::files::named(&compiled.project, &args.files, args.dataset.as_deref())?;
    let RunArgs { files, dataset, leave, select, full_refresh, no_wait, json } = args;
    if !select.is_empty() {
        if !files.is_empty() {
            let fault = Fault::usage("files and a selection cannot go together");
            return Err(fault.hint("load the files first: a selection builds models alone").into());
        }
        let choice = Choice { full_refresh, ..compiled.choice(&select)? };
        return build::build_with(context, &compiled, "build", choice, !no_wait, json);
    }
    let choice = Choice { full_refresh, ..Choice::default() };
    let options = RunOptions { files, dataset, leave, choice, ..RunOptions::default() };
    run_with(context, &compiled, &options, !no_wait, json)
}

/// Runs once more, as after a failure.
pub(super) fn again(context: &Context, compiled: &Compiled, json: bool) -> Result<Exit, Failure> {
    run_with(context, compiled, &RunOptions::default(), true, json)
}

/// Runs the pipeline under the project's lock, and says how it ended.
pub(super) fn run_with(
    context: &Context,
    compiled: &Compiled,
    options: &RunOptions,
    wait: bool,
    json: bool,
) -> Result<Exit, Failure> {
    let (printer, project) = (&context.printer, &compiled.project);
    let _lock = wiring::lock(project, wait, printer)?;
    let reading = Reading::new(progress::for_printer(printer));
    let outcome = context.block_on(project.limits.threads, async {
        let pipeline = wiring::pipeline(project, Arc::clone(&reading) as _).await?;
        let work = async {
            let outcome = pipeline.run(options).await;
            if outcome.is_err() {
                alerts::after_run(project).await;
            }
            outcome
        };
        let outcome = until_stopped(project, (&reading, Stored::Looked), Box::pin(work)).await?;
        alerts::after_run(project).await;
        telemetry::after_run(project, outcome.started_at).await;
        Ok(outcome)
    })?;
    results::write(compiled, "run", &outcome)?;
    if json {
        printer.data_text(&as_json(&outcome)?)?;
    }
    printer.say(summary::text(&outcome, &project.currency).trim_end());
    Ok(if outcome.status == RunStatus::Error { Exit::DataFailed } else { Exit::Done })
}

/// Works until it is done, or somebody asks the process to end: that is a crash like any other, for which no
/// file is to blame. What it used is noted, whatever came of it.
pub(super) async fn until_stopped(
    project: &Arc<Project>,
    (reading, stored): (&Arc<Reading>, Stored),
    work: impl Future<Output = Result<RunOutcome, Fault>>,
) -> Result<RunOutcome, Fault> {
    let (began, metered) = (Utc::now(), Metered::begin(project, reading));
    let (ended, told) = tokio::select! {
        done = work => (done, false),
        () = asked_to_stop() => {
            Attempts::forgive(&project.state_dir())?;
            let fault = Fault::new(FaultKind::Unavailable, "the run was told to end");
            (Err(fault.hint("nothing is half done; `shoplake retry` goes on")), true)
        }
    };
    metered.ended(ended.as_ref().ok(), stored).await;
    if told && let Err(fault) = leave(project, began).await {
        tracing::warn!(fault = fault.for_log(), "the end of the run was not noted");
    }
    ended
}

/// Notes that the run of this process is over without an outcome.
async fn leave(project: &Project, began: DateTime<Utc>) -> Result<(), Fault> {
    let state = wiring::state(project).await?;
    match usage::our_run(&*state, began).await? {
        Some(run) => state.leave_run(&run.run_id).await,
        None => Ok(()),
    }
}

pub(super) fn as_json(outcome: &RunOutcome) -> Result<String, Fault> {
    serde_json::to_string_pretty(outcome)
        .map(|text| text + "\n")
        .map_err(|error| Fault::internal("the outcome of the run cannot be written as JSON").caused_by(error))
}
