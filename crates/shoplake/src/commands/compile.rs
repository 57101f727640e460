//! `shoplake compile`: plans every model and test without touching data, and writes their SQL.

use shoplake_core::Fault;
use shoplake_models::Resource;

use super::{Context, check};
use crate::cli::CompileArgs;
use crate::failure::{Exit, Failure};
use crate::render::count;

pub(super) fn compile(context: &Context, args: &CompileArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    let graph = compiled.graph(&args.select)?;
    let mut select = args.select.clone();
    select.select.extend(args.model.clone());
    let chosen = compiled.chosen(&graph, &select)?;
    context.block_on(1, async { Ok(check::plan(&compiled.project, &compiled.models).await?) })?;
    let names = graph.names(&chosen, &[Resource::Model, Resource::Test]);
    let folder = compiled.project.dir.join("target/compiled");
    let models = compiled.models.models.iter().filter(|model| model.path.ends_with(".sql"));
    let tests = compiled.models.tests.iter().filter(|test| test.kind == "singular");
    let sqls: Vec<(&str, &str, &str)> = models
        .map(|model| (model.name.as_str(), model.path.as_str(), model.sql.as_str()))
        .chain(tests.map(|test| (test.name.as_str(), test.path.as_str(), test.sql.as_str())))
        .filter(|(name, _, _)| names.contains(*name))
        .collect();
    for (_, path, sql) in &sqls {
        let path = folder.join(path);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder).map_err(Fault::from)?;
        }
        fs_err::write(path, format!("{sql}\n")).map_err(Fault::from)?;
    }
    let named = args.model.is_some() || (args.select.select.len() == 1 && sqls.len() == 1);
    match sqls.iter().find(|(name, _, _)| args.model.as_deref().is_none_or(|model| model == *name)) {
        Some((_, _, sql)) if named => context.printer.data_text(&format!("{sql}\n"))?,
        _ => {}
    }
    let written = count(sqls.len() as u64, "file", "files");
    context.printer.say(format_args!("ok: {written} in target/compiled/"));
    Ok(Exit::Done)
}
