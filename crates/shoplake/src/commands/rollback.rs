//! `shoplake rollback`: every dataset as it was before the last run, with the models over it.

use std::sync::Arc;

use serde_json::json;
use shoplake_core::BatchNumber;
use shoplake_core::outcome::{ModelStatus, RunStatus};

use crate::cli::RollbackArgs;
use crate::commands::Context;
use crate::commands::table::restore::refused;
use crate::commands::usage::{Reading, metered};
use crate::failure::{Exit, Failure};
use crate::render::{count, thousands};
use crate::{progress, wiring};

pub(in crate::commands) fn rollback(context: &Context, args: &RollbackArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    let _lock = wiring::lock(&project, true, printer)?;
    let reading = Reading::new(progress::for_printer(printer));
    let (outcome, (to, restored)) = context.block_on(project.limits.threads, async {
        let versions = wiring::maintenance(&project)?;
        let pipeline = wiring::pipeline(&project, Arc::clone(&reading) as _).await?;
        let work = async {
            let (outcome, to, restored) = pipeline.rollback(&*versions, args.to.map(BatchNumber)).await?;
            Ok((outcome, (to, restored)))
        };
        Ok(metered(&project, &reading, work).await?)
    })?;
    if outcome.status == RunStatus::Error {
        return Ok(refused(printer, &outcome));
    }
    if args.json {
        let object = json!({
            "run_id": outcome.run_id, "batch": outcome.batch, "to": to,
            "restored": restored, "restated": outcome.restated,
        });
        printer.data_text(&format!("{object:#}\n"))?;
    }
    for table in &restored {
        printer.say(format!("`{}` is as it was after batch {}: {} rows", table.table, to.0, thousands(table.rows)));
    }
    let made = outcome.models.iter().filter(|model| model.status == ModelStatus::Success).count() as u64;
    printer.say(format!("the models follow: {}", count(made, "model", "models")));
    if let Some(words) = crate::summary::restated(&outcome) {
        printer.say(words);
    }
    printer.say("files loaded since stay known by their bytes; correct them and drop them again");
    Ok(Exit::Done)
}
