//! `shoplake quarantine export`: rows that were set aside as a CSV, to be corrected and replayed.

use std::io::Write;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_cast::display::array_value_to_string;
use futures::TryStreamExt;
use shoplake_core::{Fault, Project};

use super::known;
use crate::cli::{Output, QuarantineExportArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::{progress, records, render, wiring};

pub(in crate::commands) fn export(context: &Context, args: &QuarantineExportArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let printer = &context.printer;
    let written = context.block_on(project.limits.threads, async {
        let name = match &args.dataset {
            Some(name) => known(&project, name)?,
            None => only_dataset(&project).await?,
        };
        let pipeline = wiring::pipeline(&project, progress::for_printer(printer)).await?;
        let Some(dataset) = project.dataset(&name) else { return Err(Fault::internal("a dataset is gone").into()) };
        let rows = pipeline.export(dataset, args.reason.as_deref()).await?;
        match &args.out {
            None => records::print(rows, Output::Csv, None, None, printer).await,
            Some(path) => {
                let file = fs_err::OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
                    Fault::from(error).hint("name a file that does not exist: corrections are never written over")
                })?;
                let mut out = std::io::BufWriter::new(file);
                let written = records::write(rows, Output::Csv, None, None, &mut out).await?;
                out.flush().map_err(Fault::from)?;
                Ok(written)
            }
        }
    })?;
    let rows = render::count(written.rows as u64, "row", "rows");
    match &args.out {
        Some(path) if written.rows > 0 => printer.say(format_args!(
            "{rows} written to {path}: correct them, delete the lines to leave, then `shoplake quarantine replay {path}`",
            path = path.display()
        )),
        _ => printer.say(format_args!("{rows} written")),
    }
    Ok(Exit::Done)
}

/// The one dataset that has rows in quarantine.
async fn only_dataset(project: &Project) -> Result<String, Failure> {
    let reader = wiring::reader(project).await?;
    let mut names: Vec<String> = Vec::new();
    if reader.catalog.tables.contains_key("quarantine") {
        let sql = "SELECT DISTINCT dataset FROM quarantine ORDER BY dataset";
        let batches: Vec<RecordBatch> = reader.engine.query(&reader.catalog, sql).await?.batches.try_collect().await?;
        for batch in &batches {
            for row in 0..batch.num_rows() {
                names.extend(array_value_to_string(batch.column(0), row).ok());
            }
        }
    }
    match names.as_slice() {
        [] => Err(Fault::usage("nothing is in quarantine").into()),
        [name] => Ok(name.clone()),
        many => Err(Fault::usage("rows of several datasets are in quarantine")
            .hint(format!("name one with `--dataset`: {}", many.join(", ")))
            .into()),
    }
}

/// The dataset that the first corrected row comes from: the first step of its `_source_file`.
pub(super) fn dataset_of(project: &Project, corrections: &Path) -> Result<String, Fault> {
    let text = fs_err::read_to_string(corrections)?;
    let row = text.trim_start_matches('\u{feff}').lines().nth(1).unwrap_or_default();
    let name = row.trim_start_matches('"').split('/').next().unwrap_or_default();
    if project.dataset(name).is_some() {
        return Ok(name.to_owned());
    }
    Err(Fault::usage(format!("`{}` does not say which dataset its rows are of", corrections.display()))
        .hint("keep the column `_source_file` of `quarantine export` first, or name the dataset with `--dataset`"))
}
