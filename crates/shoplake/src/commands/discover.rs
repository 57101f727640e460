//! `shoplake discover`: a contract from a sample file, with what was decided and what has to be asked.

use shoplake_core::Fault;
use shoplake_quality::discover;

use super::Context;
use crate::cli::DiscoverArgs;
use crate::failure::{Exit, Failure};
use crate::render::{count, escape};

pub(super) fn discover(context: &Context, args: &DiscoverArgs) -> Result<Exit, Failure> {
    check_name(&args.dataset)?;
    let project = context.project()?;
    let relative = format!("sources/{}.yml", args.dataset);
    let target = project.dir.join(&relative);
    if target.exists() && !args.force {
        return Err(Fault::usage(format!("`{relative}` exists already"))
            .hint("`--force` overwrites it; `--as NAME` makes another dataset")
            .into());
    }
    let found = discover::discover(&args.file, &args.dataset, project.time_zone)?;
    fs_err::create_dir_all(project.dir.join("sources")).map_err(Fault::from)?;
    fs_err::write(&target, shoplake_project::render_source(&found.contract)).map_err(Fault::from)?;
    let printer = &context.printer;
    let columns = count(found.contract.columns.len() as u64, "column", "columns");
    let rows = count(found.rows_sampled, "row", "rows");
    printer.say(format_args!("wrote {relative}: {columns}, from {rows} of {}", args.file.display()));
    let key = if found.contract.key.is_empty() { "none".to_owned() } else { found.contract.key.join(", ") };
    printer.say(format_args!("  key         {}", escape(&key)));
    printer.say(format_args!("  event time  {}", escape(found.contract.event_time.as_deref().unwrap_or("none"))));
    if !found.notes.is_empty() {
        printer.say("\nwhat was decided, and what to look at:");
        for note in &found.notes {
            printer.say(format_args!("  - {}", escape(note)));
        }
    }
    printer.say(format_args!(
        "\nnext: read {relative}, then `shoplake check`, drop files into inbox/{}/, `shoplake run`",
        args.dataset
    ));
    Ok(Exit::Done)
}

/// A dataset's name is a file's name and a table's name.
fn check_name(name: &str) -> Result<(), Fault> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if starts_well && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        return Ok(());
    }
    Err(Fault::usage(format!("`{}` is no name for a dataset", escape(name)))
        .hint("use lowercase letters, digits and `_`, a letter first: `web_orders`"))
}
