//! `shoplake init`: a new project folder that runs as it is.

use std::path::Path;

use shoplake_project::InitOptions;

use super::{Context, generate};
use crate::cli::InitArgs;
use crate::failure::{Exit, Failure};

pub(super) fn init(context: &Context, args: &InitArgs) -> Result<Exit, Failure> {
    let options = InitOptions {
        time_zone: args.timezone.clone(),
        currency: Some(args.currency.clone()),
        name: args.name.clone(),
    };
    let made = shoplake_project::init(&args.dir, &options)?;
    let printer = &context.printer;
    let dir = args.dir.display();
    printer.say(format_args!("made a project in {dir}: {} files", made.files.len()));
    let told = if args.timezone.is_some() { "" } else { " (this machine's; shoplake.yml can name another)" };
    printer.say(format_args!("  time zone  {}{told}", made.time_zone));
    printer.say(format_args!("  currency   {}", args.currency));
    if args.sample {
        let project = context.project_in(&args.dir)?;
        let written = generate::sample(&project, printer)?;
        printer.say(format_args!("  sample     {written} in {dir}/inbox/"));
    }
    printer.say("\nnext:");
    if args.dir != Path::new(".") {
        printer.say(format_args!("  cd {dir}"));
    }
    if !args.sample {
        printer.say("  drop exports into inbox/sales/, inbox/products/, inbox/customers/ (or `shoplake generate`)");
    }
    printer.say("  shoplake run\n  shoplake query \"SELECT * FROM daily_sales_summary ORDER BY date\"");
    Ok(Exit::Done)
}
