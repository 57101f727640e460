//! `shoplake show`: the first rows of a model, as its SQL is now, over the tables as they are.

use shoplake_core::Fault;
use shoplake_models::{Materialized, Models};

use super::{Context, check};
use crate::cli::{Output, ShowArgs};
use crate::failure::{Exit, Failure};
use crate::{records, wiring};

/// Characters of a cell on a terminal.
const CELL_WIDTH: usize = 80;

pub(super) fn show(context: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.vars.as_deref())?;
    let models = &compiled.models;
    let sql = match (&args.inline, &args.model) {
        (Some(text), _) => models.inline(text)?,
        (None, Some(name)) => match models.model(name) {
            Some(model) => model.sql.clone(),
            None => return Err(unknown(models, name).into()),
        },
        (None, None) => return Err(Fault::usage("no model and no query").into()),
    };
    let limit = (args.limit > 0).then_some(args.limit);
    let width = (context.printer.data_is_terminal() && args.output == Output::Table).then_some(CELL_WIDTH);
    context.block_on(compiled.project.limits.threads, async {
        let mut reader = wiring::reader(&compiled.project).await?;
        let unstored = models.models.iter().filter(|model| !model.materialized.is_stored());
        reader.catalog.views.extend(unstored.map(|model| (model.name.clone(), model.sql.clone())));
        // A model that was not built yet is what its SQL gives.
        for model in models.models.iter().filter(|model| model.materialized != Materialized::Ephemeral) {
            if !reader.catalog.tables.contains_key(&model.name) {
                reader.catalog.views.entry(model.name.clone()).or_insert_with(|| model.sql.clone());
            }
        }
        let path = args.model.as_deref().and_then(|name| models.model(name)).map(|model| model.path.clone());
        let rows = match (reader.engine.query(&reader.catalog, &sql).await, path) {
            (Ok(rows), _) => rows,
            (Err(fault), Some(path)) => {
                // Planned by itself, a mistake is found in the file that a person wrote.
                check::plan(&compiled.project, models).await?;
                return Err(fault.at(path, None, None).into());
            }
            (Err(fault), None) => return Err(fault.into()),
        };
        records::print(rows, args.output, limit, width, &context.printer).await
    })?;
    Ok(Exit::Done)
}

fn unknown(models: &Models, name: &str) -> Fault {
    let names: Vec<&str> = models.models.iter().map(|model| model.name.as_str()).collect();
    Fault::usage(format!("there is no model `{name}`")).hint(format!("there are {}", names.join(", ")))
}
