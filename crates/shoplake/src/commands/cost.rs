//! `shoplake cost`: what this month costs, until now and at its end.

use chrono::Utc;
use serde_json::json;
use shoplake_core::cost::{Meter, Prices, REMEMBERED, Usage};
use shoplake_monitor::cost::{self, Bill, quantity};

use super::Context;
use crate::cli::CostArgs;
use crate::failure::{Exit, Failure};
use crate::render;
use crate::table::{Side, Table, Tone};
use crate::wiring;

pub(super) fn cost(context: &Context, args: &CostArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let now = Utc::now();
    let (bill, runs) = context.block_on(1, async {
        let store = wiring::usage(&project).await?;
        let bill = cost::month(&*store, &project.prices, project.time_zone, now).await?;
        let used = store.used(now - REMEMBERED).await?;
        let runs: Vec<Usage> = used.into_iter().rev().filter(|usage| usage.run.is_some()).take(args.runs).collect();
        Ok((bill, runs))
    })?;
    let Some(bill) = bill else {
        if args.json {
            context.printer.data_text("null\n")?;
        }
        context.printer.say("nothing was metered this month: the next `shoplake run` is");
        return Ok(Exit::Done);
    };
    if args.json {
        context.printer.data_text(&format!("{:#}\n", as_json(&bill, &runs, &project.prices)))?;
        return Ok(Exit::Done);
    }
    let zone = project.time_zone;
    context.printer.data_text(&(bill_text(&bill) + &runs_text(&runs, &project.prices, zone)))?;
    if project.remote.is_none() {
        context.printer.say("the lake is a folder of this machine: this is what it would cost by prices.yml");
    }
    Ok(Exit::Done)
}

/// Millionths as decimal text with two places, or more where they would hide all of it.
fn amount(millionths: i128) -> String {
    let (whole, rest) = (millionths / 1_000_000, millionths % 1_000_000);
    if millionths == 0 || millionths >= 10_000 {
        let cents = (millionths + 5_000) / 10_000;
        return format!("{}.{:02}", cents / 100, cents % 100);
    }
    format!("{whole}.{rest:06}")
}

fn bill_text(bill: &Bill) -> String {
    let numbers = ["used", "by month's end", "free", "cost", "by month's end"].map(|name| (name, Side::Right));
    let mut table = Table::new([("", Side::Left)].into_iter().chain(numbers));
    for line in &bill.lines {
        let units = |units: f64| format!("{units:.3} {}", line.meter.unit());
        let beyond = if line.expected > line.free && line.at_month_end > 0 { Tone::Warn } else { Tone::Plain };
        table.row([
            (format!("{:?}", line.meter).to_lowercase(), Tone::Plain),
            (units(line.used), Tone::Plain),
            (units(line.expected), beyond),
            (if line.free > 0.0 { format!("{}", line.free) } else { String::new() }, Tone::Dim),
            (amount(cost::rounded(line.spent)), Tone::Plain),
            (amount(cost::rounded(line.at_month_end)), beyond),
        ]);
    }
    let total = format!(
        "{} has cost {} {currency}, and will have cost {} {currency} at its end\n",
        bill.month.format("%B %Y"),
        amount(bill.spent),
        amount(bill.at_month_end),
        currency = bill.currency
    );
    table.text() + &total
}

fn runs_text(runs: &[Usage], prices: &Prices, zone: chrono_tz::Tz) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let numbers = ["seconds", "read", "requests", "lake after it", "cost"].map(|name| (name, Side::Right));
    let words = [("run of", Side::Left)];
    let mut table = Table::new(words.into_iter().chain(numbers));
    for run in runs {
        let cells = [
            render::moment(run.at, zone),
            format!("{:.1}", run.seconds),
            render::bytes(run.scanned),
            render::thousands(run.reads + run.writes),
            run.stored.map(render::bytes).unwrap_or_default(),
            amount(cost::rounded(cost::price_of(run, prices))),
        ];
        table.row(cells.map(|cell| (cell, Tone::Plain)));
    }
    format!("\n{}", table.text())
}

fn as_json(bill: &Bill, runs: &[Usage], prices: &Prices) -> serde_json::Value {
    let lines: Vec<serde_json::Value> = bill
        .lines
        .iter()
        .map(|line| {
            json!({
                "meter": line.meter, "unit": line.meter.unit(), "used": line.used, "expected": line.expected,
                "free": line.free, "spent": exact(cost::rounded(line.spent)),
                "at_month_end": exact(cost::rounded(line.at_month_end)),
            })
        })
        .collect();
    let metered = [Meter::Writes, Meter::Reads, Meter::Scanned, Meter::Compute];
    let runs: Vec<serde_json::Value> = runs
        .iter()
        .map(|run| {
            let used: serde_json::Map<String, serde_json::Value> = metered
                .iter()
                .map(|meter| (format!("{meter:?}").to_lowercase(), json!(quantity(*meter, run))))
                .collect();
            json!({
                "run_id": run.run, "at": run.at, "seconds": run.seconds, "scanned_bytes": run.scanned,
                "stored_bytes": run.stored, "used": used, "cost": exact(cost::rounded(cost::price_of(run, prices))),
            })
        })
        .collect();
    json!({
        "month": bill.month.format("%Y-%m").to_string(), "currency": bill.currency, "spent": exact(bill.spent),
        "at_month_end": exact(bill.at_month_end), "meters": lines, "runs": runs,
    })
}

/// Millionths as decimal text, all places.
fn exact(millionths: i128) -> String {
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}
