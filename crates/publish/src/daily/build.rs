//! The report from the answers of its queries and the outcome of the run.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use chrono::{DateTime, Days, NaiveDate, Utc};
use shoplake_core::outcome::RunOutcome;
use shoplake_core::{Result, ShopZone};

use super::queries::{Span, TREND_DAYS};
use super::rows::Rows;
use super::{
    CategoryLine, Change, DailyReport, DayFigures, HourLine, Kpi, ProductLine, Shop, TrendDay, Unit, quality, words,
};
use crate::Decimal;

/// What the pipeline knows besides the answers of SQL.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The shop.
    pub shop: Shop,
    /// The day of the report; `None` makes the report of a shop without sales.
    pub date: Option<NaiveDate>,
    /// The days that the shop has sales on.
    pub span: Span,
    /// When the report is made.
    pub generated_at: DateTime<Utc>,
    /// The run that the report closes, if it closes one.
    pub run: Option<&'a RunOutcome>,
}

/// The answers of [`super::ReportQueries`], under the same names. `hours` may stay empty.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// The days up to the day.
    pub days: Vec<RecordBatch>,
    /// The day's products.
    pub products: Vec<RecordBatch>,
    /// The day's categories.
    pub categories: Vec<RecordBatch>,
    /// The day's quarters of an hour.
    pub hours: Vec<RecordBatch>,
    /// Rows in quarantine by dataset.
    pub quarantine: Vec<RecordBatch>,
}

impl DailyReport {
    /// Puts the report together.
    ///
    /// # Errors
    /// `Internal` where an answer lacks a column or has one of another type.
    pub fn build(facts: Facts<'_>, answers: &Answers) -> Result<Self> {
        let Facts { shop, date, span, generated_at, run } = facts;
        let generated_at = generated_at.with_timezone(&shop.time_zone).fixed_offset();
        let today = generated_at.date_naive();
        let known = days(&answers.days)?;
        let (trend, trend_before) = match date {
            Some(date) => (trend(date, span, &known), trend_before(date, span, &known)),
            None => (Vec::new(), Vec::new()),
        };
        let kpis = date.map(|date| kpis(&shop.currency, date, &known, &trend)).unwrap_or_default();
        let quality = run.map(|run| quality::of_run(run, &shop));
        let quarantine = quarantine(&answers.quarantine)?;
        let trust = quality::trust(&shop, date, today, span, quarantine, run);
        Ok(Self {
            date,
            today,
            generated_at,
            first_day: span.first,
            last_day: span.last,
            trust,
            kpis,
            trend,
            trend_before,
            products: products(&answers.products)?,
            categories: categories(&answers.categories)?,
            hours: hours(&answers.hours, &shop)?,
            quality,
            shop,
        })
    }
}

fn days(batches: &[RecordBatch]) -> Result<HashMap<NaiveDate, DayFigures>> {
    let mut days = HashMap::new();
    for batch in batches {
        let rows = Rows::new(batch);
        let transactions = rows.counts("transaction_count")?;
        let revenue = rows.decimals("total_revenue")?;
        let average = rows.decimals("avg_order_value")?;
        let customers = rows.counts("unique_customers")?;
        for (row, date) in rows.dates("date")?.into_iter().enumerate() {
            let Some(date) = date else { continue };
            let figures = DayFigures {
                transactions: transactions[row],
                revenue: revenue[row].unwrap_or_default(),
                average_order_value: average[row],
                unique_customers: customers[row],
            };
            days.insert(date, figures);
        }
    }
    Ok(days)
}

fn trend(date: NaiveDate, span: Span, known: &HashMap<NaiveDate, DayFigures>) -> Vec<TrendDay> {
    let days = (0..TREND_DAYS).rev().filter_map(|back| date.checked_sub_days(Days::new(back)));
    days.map(|day| TrendDay { date: day, figures: figures(day, span, known) }).collect()
}

fn trend_before(date: NaiveDate, span: Span, known: &HashMap<NaiveDate, DayFigures>) -> Vec<TrendDay> {
    date.checked_sub_days(Days::new(TREND_DAYS)).map(|end| trend(end, span, known)).unwrap_or_default()
}

/// The figures of a day: zeros within the span of sales, nothing outside of it.
fn figures(day: NaiveDate, span: Span, known: &HashMap<NaiveDate, DayFigures>) -> Option<DayFigures> {
    let within = span.first.is_some_and(|first| first <= day) && span.last.is_some_and(|last| day <= last);
    known.get(&day).copied().or_else(|| within.then(DayFigures::default))
}

type Figure = fn(&DayFigures) -> Option<Decimal>;

const KPIS: [(&str, &str, Unit, Figure); 4] = [
    ("Revenue", "The sum of the amounts of the day's sales.", Unit::Money, |day| Some(day.revenue)),
    ("Transactions", "The number of the day's sales.", Unit::Count, |day| Some(day.transactions.into())),
    ("Average order value", "Revenue divided by transactions; none on a day without sales.", Unit::Money, |day| {
        day.average_order_value
    }),
    ("Unique customers", "The number of different customers who bought on the day.", Unit::Count, |day| {
        Some(day.unique_customers.into())
    }),
];

fn kpis(currency: &str, date: NaiveDate, known: &HashMap<NaiveDate, DayFigures>, trend: &[TrendDay]) -> Vec<Kpi> {
    let on = |day: Option<NaiveDate>| day.and_then(|day| known.get(&day));
    let earlier = [(1, "the day before".to_owned()), (7, date.format("the %A before").to_string())];
    let kpi = |&(name, definition, unit, figure): &(&'static str, &'static str, Unit, Figure)| {
        let value = on(Some(date)).map_or_else(|| figure(&DayFigures::default()), figure);
        let changes = earlier.iter().filter_map(|(back, against)| {
            let day = date.checked_sub_days(Days::new(*back))?;
            Some(change(value, on(Some(day)).and_then(figure), day, against, unit, currency))
        });
        let history = trend.iter().map(|day| day.figures.as_ref().and_then(figure)).collect();
        Kpi { name, definition, unit, value, changes: changes.collect(), history }
    };
    KPIS.iter().map(kpi).collect()
}

fn change(
    value: Option<Decimal>,
    earlier: Option<Decimal>,
    date: NaiveDate,
    against: &str,
    unit: Unit,
    currency: &str,
) -> Change {
    let difference = value.zip(earlier).and_then(|(value, earlier)| value.checked_sub(earlier));
    // Of the size of the earlier value, so that the sign is the sign of the difference.
    let size = earlier.map(|earlier| Decimal { units: earlier.units.saturating_abs(), ..earlier });
    let permille = difference.zip(size).and_then(|(difference, size)| difference.permille_of(size));
    let percent = permille.map(|permille| Decimal::new(permille, 1));
    let words = words::change(value, earlier, difference, percent, against, unit, currency);
    Change { date, against: against.to_owned(), earlier, difference, percent, words }
}

fn products(batches: &[RecordBatch]) -> Result<Vec<ProductLine>> {
    let mut lines = Vec::new();
    for batch in batches {
        let rows = Rows::new(batch);
        let (names, orders, revenue) = (rows.texts("name")?, rows.counts("orders")?, rows.decimals("revenue")?);
        for (row, id) in rows.texts("product_id")?.into_iter().enumerate() {
            lines.push(ProductLine {
                product_id: id.unwrap_or_default(),
                name: names[row].clone(),
                orders: orders[row],
                revenue: revenue[row].unwrap_or_default(),
            });
        }
    }
    Ok(lines)
}

fn categories(batches: &[RecordBatch]) -> Result<Vec<CategoryLine>> {
    let mut lines = Vec::new();
    for batch in batches {
        let rows = Rows::new(batch);
        let (orders, revenue) = (rows.counts("orders")?, rows.decimals("revenue")?);
        for (row, category) in rows.texts("category_name")?.into_iter().enumerate() {
            lines.push(CategoryLine {
                category: category.unwrap_or_else(|| "(no category)".into()),
                orders: orders[row],
                revenue: revenue[row].unwrap_or_default(),
                share_percent: None,
            });
        }
    }
    let total = lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.revenue)).unwrap_or_default();
    for line in &mut lines {
        line.share_percent = line.revenue.permille_of(total).map(|permille| Decimal::new(permille, 1));
    }
    Ok(lines)
}

fn hours(batches: &[RecordBatch], shop: &Shop) -> Result<Vec<HourLine>> {
    const MICROS_AN_HOUR: i64 = 3_600_000_000;
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(Vec::new());
    }
    let mut zone = ShopZone::new(shop.time_zone);
    let mut hours: Vec<HourLine> = (0..24).map(|hour| HourLine { hour, orders: 0, revenue: Decimal::ZERO }).collect();
    for batch in batches {
        let rows = Rows::new(batch);
        let (orders, revenue) = (rows.counts("orders")?, rows.decimals("revenue")?);
        for (row, quarter) in rows.moments("quarter")?.into_iter().enumerate() {
            let Some(quarter) = quarter else { continue };
            let hour = zone.local_micros(quarter).div_euclid(MICROS_AN_HOUR).rem_euclid(24);
            if let Some(line) = hours.get_mut(hour as usize) {
                line.orders += orders[row];
                line.revenue = line.revenue.checked_add(revenue[row].unwrap_or_default()).unwrap_or(line.revenue);
            }
        }
    }
    Ok(hours)
}

/// Rows in quarantine in all.
fn quarantine(batches: &[RecordBatch]) -> Result<u64> {
    let mut rows = 0;
    for batch in batches {
        rows += Rows::new(batch).counts("row_count")?.into_iter().sum::<u64>();
    }
    Ok(rows)
}
