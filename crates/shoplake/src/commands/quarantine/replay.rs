//! `shoplake quarantine replay`: rows leave quarantine, corrected or judged again, in a run of their own.

use shoplake_core::Fault;
use shoplake_pipeline::{ReplayOptions, RunOptions};

use crate::cli::QuarantineReplayArgs;
use crate::commands::choosing::Compiled;
use crate::commands::{Context, run};
use crate::failure::{Exit, Failure};

pub(in crate::commands) fn replay(context: &Context, args: QuarantineReplayArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let QuarantineReplayArgs { file, dataset, no_wait, json } = args;
    if let Some(file) = &file
        && !file.is_file()
    {
        return Err(Fault::usage(format!("`{}` is not a file", file.display()))
            .hint("`shoplake quarantine export` writes one")
            .into());
    }
    let dataset = match (dataset, &file) {
        (Some(name), _) => Some(super::known(&project, &name)?),
        (None, Some(file)) => Some(super::export::dataset_of(&project, file)?),
        (None, None) => None,
    };
    let options = RunOptions { replay: Some(ReplayOptions { dataset, corrections: file }), ..RunOptions::default() };
    let models = shoplake_models::load(&project)?;
    run::run_with(context, &Compiled { project, models }, &options, !no_wait, json)
}
