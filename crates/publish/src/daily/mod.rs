//! The daily report: one day of the shop against the days before, and whether the figures can be trusted.
//!
//! The pipeline runs [`Span::sql`], then [`ReportQueries`], passes the rows to [`DailyReport::build`]
//! and has [`write`] put `report.html`, `report.json` and the CSV files in place. `report.json` is
//! [`DailyReport`] as it stands; the page and the CSV files say the same in other forms.

mod build;
mod chart;
mod csv;
mod html;
mod quality;
mod queries;
mod rows;
mod words;

use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::Serialize;
use shoplake_core::{Fault, Result};

pub use build::{Answers, Facts};
pub use quality::{DatasetQuality, FileLine, Level, Quality, Reject, Trust, TrustPoint};
pub use queries::{ReportQueries, Span};

use crate::Decimal;

/// The shop, as the report names it.
#[derive(Debug, Clone, Serialize)]
pub struct Shop {
    /// The project's name.
    pub name: String,
    /// The currency of every amount (ISO 4217).
    pub currency: String,
    /// The zone that days and hours are counted in.
    #[serde(serialize_with = "zone_name")]
    pub time_zone: chrono_tz::Tz,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn zone_name<S: serde::Serializer>(zone: &chrono_tz::Tz, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}

/// Everything that the report shows.
#[derive(Debug, Clone, Serialize)]
pub struct DailyReport {
    /// The shop.
    pub shop: Shop,
    /// The day of the report; `None` where the shop has no sales at all.
    pub date: Option<NaiveDate>,
    /// The shop's day when the report was made.
    pub today: NaiveDate,
    /// When the report was made, in the shop's zone.
    pub generated_at: DateTime<FixedOffset>,
    /// The first day with sales.
    pub first_day: Option<NaiveDate>,
    /// The last day with sales.
    pub last_day: Option<NaiveDate>,
    /// Whether the figures can be trusted, and why.
    pub trust: Trust,
    /// The key figures; empty where there is no day.
    pub kpis: Vec<Kpi>,
    /// The 30 days up to the day, oldest first.
    pub trend: Vec<TrendDay>,
    /// The 30 days before those.
    pub trend_before: Vec<TrendDay>,
    /// The day's ten products of highest revenue.
    pub products: Vec<ProductLine>,
    /// The day's categories, highest revenue first.
    pub categories: Vec<CategoryLine>,
    /// The hours of the shop's day, all 24, or empty where they were not asked for.
    pub hours: Vec<HourLine>,
    /// What the run did with the rows; `None` where the report was made outside a run.
    pub quality: Option<Quality>,
}

/// What a key figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Money in the shop's currency.
    Money,
    /// Things or people.
    Count,
}

/// A key figure of the day.
#[derive(Debug, Clone, Serialize)]
pub struct Kpi {
    /// Its name: `Revenue`.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub definition: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Its value; `None` where there is none, such as an average over no sales.
    pub value: Option<Decimal>,
    /// Against the day before, then against the same weekday the week before.
    pub changes: Vec<Change>,
    /// Its values over the days of the trend.
    pub history: Vec<Option<Decimal>>,
}

/// A figure against the same figure of an earlier day.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The earlier day.
    pub date: NaiveDate,
    /// The earlier day in words: `the day before`, `the Sunday before`.
    pub against: String,
    /// The earlier value; `None` where that day has none.
    pub earlier: Option<Decimal>,
    /// The value less the earlier one.
    pub difference: Option<Decimal>,
    /// The difference in percent of the earlier value, one digit after the point; `None` against zero.
    pub percent: Option<Decimal>,
    /// The change as a phrase: `up 12.5% (+$120.00) on the day before`.
    pub words: String,
}

/// One day of the trend.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TrendDay {
    /// The day.
    pub date: NaiveDate,
    /// Its figures; `None` before the shop's first sale and after its last, where nothing is known.
    /// A day between without sales has zeros.
    #[serde(flatten)]
    pub figures: Option<DayFigures>,
}

/// The figures of one day.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct DayFigures {
    /// Sales rows.
    pub transactions: u64,
    /// The sum of their amounts.
    pub revenue: Decimal,
    /// Revenue over transactions; `None` without any.
    pub average_order_value: Option<Decimal>,
    /// Different customers.
    pub unique_customers: u64,
}

/// One product of the day.
#[derive(Debug, Clone, Serialize)]
pub struct ProductLine {
    /// Its key.
    pub product_id: String,
    /// Its name, where the product is known.
    pub name: Option<String>,
    /// Sales rows.
    pub orders: u64,
    /// The sum of their amounts.
    pub revenue: Decimal,
}

/// One category of the day.
#[derive(Debug, Clone, Serialize)]
pub struct CategoryLine {
    /// Its name, `(no category)` or `(unknown product)`.
    pub category: String,
    /// Sales rows.
    pub orders: u64,
    /// The sum of their amounts.
    pub revenue: Decimal,
    /// Its share of the day's revenue in percent, one digit after the point; `None` of no revenue.
    pub share_percent: Option<Decimal>,
}

/// One hour of the shop's day.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct HourLine {
    /// The hour, 0 to 23; an hour that the clock change repeats counts both.
    pub hour: u32,
    /// Sales rows.
    pub orders: u64,
    /// The sum of their amounts.
    pub revenue: Decimal,
}

/// Writes `report.html`, `report.json` and a CSV file for each table into `dir`
/// (`lake/reports/daily/<date>/`), each under a temporary name first; returns their paths.
///
/// # Errors
/// `Unavailable` where the folder cannot be written.
pub fn write(report: &DailyReport, dir: &Path) -> Result<Vec<PathBuf>> {
    fs_err::create_dir_all(dir)?;
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| Fault::internal("could not write the report as JSON").caused_by(error))?;
    let mut files = vec![("report.html".to_owned(), html::page(report)?), ("report.json".to_owned(), json + "\n")];
    files.extend(csv::tables(report).into_iter().map(|(name, text)| (format!("{name}.csv"), text)));
    let mut paths = Vec::with_capacity(files.len());
    for (name, text) in files {
        let path = dir.join(&name);
        let unfinished = dir.join(format!(".{name}.part"));
        fs_err::write(&unfinished, text)?;
        fs_err::rename(&unfinished, &path)?;
        paths.push(path);
    }
    Ok(paths)
}
