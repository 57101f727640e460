//! `shoplake plan`: what the next run would change, before it does.

mod text;

use shoplake_core::Fault;
use shoplake_pipeline::plan::Plan;

use super::Context;
use crate::cli::PlanArgs;
use crate::failure::{Exit, Failure};
use crate::{progress, wiring};

pub(super) fn plan(context: &Context, args: &PlanArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    // Only numbers are worked out in the lake: a plan without them waits for nobody.
    let _lock = args.numbers.then(|| wiring::lock(&project, !args.no_wait, printer)).transpose()?;
    let watcher = progress::for_printer(printer);
    let plan = context.block_on(project.limits.threads, async {
        let pipeline = wiring::pipeline(&project, watcher).await?;
        Ok(if args.numbers { pipeline.plan_with_numbers().await? } else { pipeline.plan().await? })
    })?;
    printer.data_text(&if args.json { json(&plan)? } else { text::of(&plan, &project) })?;
    Ok(if args.fail_if_diff && plan.changes { Exit::DataFailed } else { Exit::Done })
}

fn json(plan: &Plan) -> Result<String, Fault> {
    serde_json::to_string_pretty(plan)
        .map(|text| text + "\n")
        .map_err(|error| Fault::internal("the plan cannot be written as JSON").caused_by(error))
}
