//! `shoplake generate`: sample data with realistic dirt, the same bytes for the same options.

use std::path::Path;

use chrono::{NaiveDate, TimeDelta};
use shoplake_core::{Fault, Project, ShopZone};
use shoplake_sources::generate::{self, GenerateOptions, Truth};

use super::Context;
use crate::cli::GenerateArgs;
use crate::failure::{Exit, Failure};
use crate::printer::Printer;
use crate::progress;
use crate::render::count;

/// Rows of sales in `init --sample`.
const SAMPLE_ROWS: u64 = 20_000;
/// Days of sales in `init --sample`.
const SAMPLE_DAYS: u32 = 90;
/// What must come out of the data; it is no data, so it does not stay in an inbox.
const TRUTH: &str = "truth.json";

pub(super) fn generate(context: &Context, args: &GenerateArgs) -> Result<Exit, Failure> {
    // A folder of its own needs no project; the shop is in UTC then.
    let project = if args.out.is_none() { Some(context.project()?) } else { None };
    let zone = project.as_ref().map_or(chrono_tz::UTC, |project| project.time_zone);
    let start = args.start.unwrap_or_else(|| first_day(ShopZone::new(zone).today(), args.days));
    let plain = GenerateOptions::new(args.rows, args.seed, start, args.days, zone);
    let options = GenerateOptions { dirt: args.dirt, ..plain };
    let printer = &context.printer;
    match (&args.out, &project) {
        (Some(out), _) => {
            let truth = generate::generate(&options, out, progress::for_printer(printer).as_ref())?;
            printer.say(format_args!("wrote {} to {}", words(&truth), out.display()));
            printer.say(format_args!("what must come out of it stands in {}", out.join(TRUTH).display()));
        }
        (None, Some(project)) => {
            let truth = into_inbox(&options, &project.inbox_dir(), printer)?;
            printer.say(format_args!("wrote {} to inbox/\n\nnext: `shoplake run`", words(&truth)));
        }
        (None, None) => {}
    }
    Ok(Exit::Done)
}

/// Puts the sample of `shoplake init --sample` into the project's inbox; says what was written.
pub(super) fn sample(project: &Project, printer: &Printer) -> Result<String, Fault> {
    let start = first_day(ShopZone::new(project.time_zone).today(), SAMPLE_DAYS);
    let options = GenerateOptions::new(SAMPLE_ROWS, 1, start, SAMPLE_DAYS, project.time_zone);
    Ok(words(&into_inbox(&options, &project.inbox_dir(), printer)?))
}

fn into_inbox(options: &GenerateOptions, inbox: &Path, printer: &Printer) -> Result<Truth, Fault> {
    let truth = generate::generate(options, inbox, progress::for_printer(printer).as_ref())?;
    fs_err::remove_file(inbox.join(TRUTH))?;
    Ok(truth)
}

/// `20,000 sales in 90 files, 200 products, 2,500 customers`
fn words(truth: &Truth) -> String {
    format!(
        "{} in {}, {}, {}",
        count(truth.rows, "sale", "sales"),
        count(truth.files, "file", "files"),
        count(truth.products, "product", "products"),
        count(truth.customers, "customer", "customers"),
    )
}

/// The first of so many days that end yesterday.
fn first_day(today: NaiveDate, days: u32) -> NaiveDate {
    today - TimeDelta::days(i64::from(days))
}
