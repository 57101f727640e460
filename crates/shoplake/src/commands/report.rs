//! `shoplake report`: write the daily report from the tables as they are.

use super::Context;
use crate::cli::ReportArgs;
use crate::failure::{Exit, Failure};
use crate::{progress, wiring};

pub(super) fn report(context: &Context, args: &ReportArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    let _lock = wiring::lock(&project, true, printer)?;
    let paths = context.block_on(project.limits.threads, async {
        let pipeline = wiring::pipeline(&project, progress::for_printer(printer)).await?;
        Ok(pipeline.report(args.date).await?)
    })?;
    if paths.is_empty() {
        printer.say("no report was written: there are no sales on that day");
    }
    printer.data_text(&paths.iter().map(|path| format!("{path}\n")).collect::<String>())?;
    Ok(Exit::Done)
}
