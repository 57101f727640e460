//! The page `report.html`: one file that needs no other, no script and no network.

use minijinja::{AutoEscape, Environment, HtmlEscape, Value, context};
use shoplake_core::outcome::FileStatus;
use shoplake_core::{Counts, Fault, Result};

use super::chart::{self, Size};
use super::quality::{Level, Quality};
use super::{CategoryLine, DailyReport, Kpi, ProductLine, TrendDay, Unit, words};
use crate::Decimal;

const TEMPLATE: &str = include_str!("report.html.j2");

/// Files listed on the page; the rest is counted. `report.json` has them all.
const FILES_SHOWN: usize = 30;

const WIDE: Size = Size { width: 864.0, height: 240.0 };
const NARROW: Size = Size { width: 328.0, height: 200.0 };

/// The page. Every text is escaped by the template; only the drawings are passed as they are.
pub(super) fn page(report: &DailyReport) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_filter("marked", marked);
    let rendered = environment.render_str(TEMPLATE, view(report));
    rendered.map_err(|error| Fault::internal("could not render the report's page").caused_by(error))
}

/// Text whose `names in backticks` stand out, and whose amounts do not break after their minus.
fn marked(text: &str) -> Value {
    let mut out = String::with_capacity(text.len() + 16);
    let mut pieces = text.split('`').peekable();
    let mut name = false;
    while let Some(piece) = pieces.next() {
        let closed = pieces.peek().is_some();
        let escaped = HtmlEscape(piece).to_string().replace("\u{2212}$", "\u{2212}\u{2060}$");
        match (name, closed) {
            (true, true) => out.extend(["<code>", &escaped, "</code>"]),
            // A backtick without its partner is itself.
            (true, false) => out.extend(["`", &escaped]),
            (false, _) => out.push_str(&escaped),
        }
        name = !name;
    }
    Value::from_safe_string(out)
}

fn view(report: &DailyReport) -> Value {
    let shop = &report.shop;
    let day = report.date.map(words::long_date);
    context! {
        shop => shop.name,
        currency => shop.currency,
        zone => shop.time_zone.name(),
        title => day.clone().unwrap_or_else(|| "No sales yet".into()),
        empty => report.date.is_none(),
        running => report.date == Some(report.today),
        verdict => report.trust.verdict,
        level => report.trust.level,
        mark => mark(report.trust.level),
        points => report.trust.points.iter().map(|point| context! {
            level => point.level, mark => mark(point.level), text => point.text,
        }).collect::<Vec<_>>(),
        kpis => report.kpis.iter().map(|kpi| tile(kpi, &shop.currency)).collect::<Vec<_>>(),
        trend => (!report.trend.is_empty()).then(|| trend(report)),
        products => products(&report.products, &shop.currency),
        categories => categories(&report.categories, &shop.currency),
        hours => (!report.hours.is_empty()).then(|| hours(report)),
        quality => report.quality.as_ref().map(quality),
        generated_at => report.generated_at.format("%A %-d %B %Y, %H:%M").to_string(),
        offset => report.generated_at.format("%:z").to_string(),
        run_id => report.quality.as_ref().map(|quality| &quality.run_id),
    }
}

/// A sign beside the colour, for those who do not see it.
fn mark(level: Level) -> &'static str {
    match level {
        Level::Good => "✓",
        Level::Warning => "!",
        Level::Bad => "✕",
    }
}

fn tile(kpi: &Kpi, currency: &str) -> Value {
    let full = kpi.value.map_or_else(|| "none".into(), |value| words::figure(value, kpi.unit, currency));
    let short = match kpi.value {
        Some(value) if full.chars().count() > 11 && kpi.unit == Unit::Money => value.short_money(currency),
        Some(value) if full.chars().count() > 11 => value.short(),
        _ => full.clone(),
    };
    let arrow = |difference: Option<Decimal>| match difference.map(|difference| difference.units.signum()) {
        Some(1) => "▲",
        Some(-1) => "▼",
        Some(_) => "=",
        None => "–",
    };
    context! {
        name => kpi.name,
        definition => kpi.definition,
        value => short,
        full => full,
        changes => kpi.changes.iter().map(|change| context! {
            arrow => arrow(change.difference), words => change.words, date => words::long_date(change.date),
        }).collect::<Vec<_>>(),
        spark => Value::from_safe_string(chart::sparkline(&kpi.history)),
    }
}

fn trend(report: &DailyReport) -> Value {
    let currency = &report.shop.currency;
    let running = report.date == Some(report.today);
    let sum = |days: &[TrendDay]| {
        let revenue = days.iter().filter_map(|day| day.figures).map(|figures| figures.revenue);
        revenue.into_iter().try_fold(Decimal::ZERO, Decimal::checked_add).unwrap_or_default()
    };
    let (total, total_before) = (sum(&report.trend), sum(&report.trend_before));
    let has_before = report.trend_before.iter().any(|day| day.figures.is_some());
    let label = format!("Revenue by day over 30 days, {} in all", total.money(currency));
    let draw = |size| chart::trend(&report.trend, &report.trend_before, size, currency, running, &label);
    let (quiet, unknown) = chart::quiet_days(&report.trend);
    let mut notes = Vec::new();
    if !quiet.is_empty() {
        let shown: Vec<String> = quiet.iter().take(4).map(|day| words::short_date(*day)).collect();
        let more = if quiet.len() > shown.len() { ", …" } else { "" };
        notes.push(format!(
            "{} without sales, drawn as zero: {}{more}.",
            words::counted(quiet.len() as u64, "day"),
            shown.join(", ")
        ));
    }
    if unknown > 0 {
        notes.push(format!("{} with nothing known, left out.", words::counted(unknown as u64, "day")));
    }
    if running {
        notes.push("The last day is not over (dashed).".into());
    }
    context! {
        wide => Value::from_safe_string(draw(WIDE)),
        narrow => Value::from_safe_string(draw(NARROW)),
        total => total.money(currency),
        total_before => has_before.then(|| total_before.money(currency)),
        notes => notes,
        days => report.trend.iter().rev().map(|day| context! {
            date => day.date.format("%a %-d %b %Y").to_string(),
            known => day.figures.is_some(),
            revenue => day.figures.map(|figures| figures.revenue.money(currency)),
            transactions => day.figures.map(|figures| words::count(figures.transactions)),
            average => day.figures.and_then(|figures| figures.average_order_value).map(|average| average.money(currency)),
            customers => day.figures.map(|figures| words::count(figures.unique_customers)),
        }).collect::<Vec<_>>(),
    }
}

fn products(lines: &[ProductLine], currency: &str) -> Vec<Value> {
    let highest = lines.iter().map(|line| line.revenue.to_drawing()).fold(0.0, f64::max);
    let line = |line: &ProductLine| {
        context! {
            name => line.name.clone().unwrap_or_else(|| "(unknown product)".into()),
            id => line.product_id,
            orders => words::count(line.orders),
            revenue => line.revenue.money(currency),
            bar => Value::from_safe_string(chart::bar(line.revenue.to_drawing() / highest.max(f64::MIN_POSITIVE))),
        }
    };
    lines.iter().map(line).collect()
}

fn categories(lines: &[CategoryLine], currency: &str) -> Vec<Value> {
    let highest = lines.iter().map(|line| line.revenue.to_drawing()).fold(0.0, f64::max);
    let line = |line: &CategoryLine| {
        context! {
            name => line.category,
            share => line.share_percent.map(words::percent),
            revenue => line.revenue.money(currency),
            bar => Value::from_safe_string(chart::bar(line.revenue.to_drawing() / highest.max(f64::MIN_POSITIVE))),
        }
    };
    lines.iter().map(line).collect()
}

fn hours(report: &DailyReport) -> Value {
    let currency = &report.shop.currency;
    let busiest = report.hours.iter().max_by(|a, b| a.revenue.to_drawing().total_cmp(&b.revenue.to_drawing()));
    let label = busiest.map_or_else(String::new, |line| {
        format!("Strongest at {:02}:00 with {}", line.hour, line.revenue.money(currency))
    });
    context! {
        label => label,
        wide => Value::from_safe_string(chart::hours(&report.hours, Size { height: 180.0, ..WIDE }, currency, &label)),
        narrow => Value::from_safe_string(chart::hours(&report.hours, Size { height: 160.0, ..NARROW }, currency, &label)),
        lines => report.hours.iter().map(|line| context! {
            hour => format!("{:02}:00", line.hour),
            orders => words::count(line.orders),
            revenue => line.revenue.money(currency),
        }).collect::<Vec<_>>(),
    }
}

fn quality(quality: &Quality) -> Value {
    let counts = |name: &str, counts: &Counts| {
        context! {
            name => name,
            read => words::count(counts.rows_read),
            inserted => words::count(counts.inserted),
            updated => words::count(counts.updated),
            duplicate => words::count(counts.duplicate),
            rejected => words::count(counts.rejected),
            some_rejected => counts.rejected > 0,
            orphans => words::count(counts.orphans),
        }
    };
    let file = |file: &super::FileLine| {
        let (status, level) = match file.status {
            FileStatus::Loaded => ("loaded", if file.rejected > 0 { Level::Warning } else { Level::Good }),
            FileStatus::AlreadyLoaded => ("loaded before", Level::Good),
            FileStatus::Held => ("held", Level::Bad),
            FileStatus::Failed => ("failed", Level::Bad),
        };
        context! {
            path => file.path, dataset => file.dataset, error => file.error, status => status, level => level,
            read => words::count(file.rows_read), rejected => words::count(file.rejected),
        }
    };
    context! {
        account => quality.account,
        accounted => quality.total.identity_holds(),
        datasets => quality.datasets.iter().map(|line| counts(&line.dataset, &line.counts)).collect::<Vec<_>>(),
        total => counts("All", &quality.total),
        orphans => (quality.total.orphans > 0).then(|| words::counted(quality.total.orphans, "row")),
        rejects => quality.rejects.iter().map(|reject| context! {
            dataset => reject.dataset, reason => reject.reason.as_str(), rows => words::count(reject.rows),
        }).collect::<Vec<_>>(),
        causes => quality.top_causes.iter().map(|cause| context! {
            dataset => cause.dataset, words => cause.words, hint => cause.cause.hint,
        }).collect::<Vec<_>>(),
        tests_passed => words::counted(quality.tests_passed, "test"),
        failures => quality.test_failures.iter().map(|failure| context! {
            name => failure.name,
            rows => words::counted(failure.rows, "failing row"),
            level => if failure.blocks { Level::Bad } else { Level::Warning },
            effect => if failure.blocks { "failed, so nothing was published" } else { "warning" },
        }).collect::<Vec<_>>(),
        files => quality.files.iter().take(FILES_SHOWN).map(file).collect::<Vec<_>>(),
        more_files => quality.files.len().saturating_sub(FILES_SHOWN),
        problems => quality.problems,
    }
}
