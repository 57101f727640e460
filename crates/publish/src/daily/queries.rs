//! The SQL that fills the daily report, for DataFusion, over the marts and the tables of the lake.
//!
//! The trend reads the small mart `daily_sales_summary`; everything by product, category and hour
//! reads one day's partition of `sales`.

use arrow_array::RecordBatch;
use chrono::{Datelike, Days, NaiveDate};
use shoplake_core::Result;

use super::rows::Rows;

/// Days in the trend, the day of the report among them.
pub(super) const TREND_DAYS: u64 = 30;

/// The days that the shop has sales on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first day with sales.
    pub first: Option<NaiveDate>,
    /// The last day with sales, be it after today (a date that was mistyped, or an order in advance).
    pub last: Option<NaiveDate>,
    /// The last day with sales that is not after today: the day to report unless another is asked for.
    pub report: Option<NaiveDate>,
}

impl Span {
    /// The SQL that finds the span; `today` is the shop's.
    pub fn sql(today: NaiveDate) -> String {
        format!(
            "SELECT min(date) AS first_date, max(date) AS last_date, \
             max(CASE WHEN date <= DATE '{today}' THEN date END) AS report_date FROM daily_sales_summary"
        )
    }

    /// Reads the answer of [`Span::sql`].
    pub fn read(batches: &[RecordBatch]) -> Result<Self> {
        let mut span = Self::default();
        for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
            let rows = Rows::new(batch);
            let date = |name| rows.dates(name).map(|dates| dates.first().copied().flatten());
            span = Self { first: date("first_date")?, last: date("last_date")?, report: date("report_date")? };
        }
        Ok(span)
    }
}

/// The queries of one day's report; their answers go into [`super::Answers`] under the same names.
#[derive(Debug, Clone)]
pub struct ReportQueries {
    /// The 60 days up to the day, from the mart.
    pub days: String,
    /// The day's ten products of highest revenue.
    pub products: String,
    /// The day's categories.
    pub categories: String,
    /// The day's sales in quarters of an hour (UTC), which any zone's hours are made of.
    pub hours: String,
    /// Rows in quarantine by dataset.
    pub quarantine: String,
}

impl ReportQueries {
    /// The queries of the report on `date`.
    pub fn new(date: NaiveDate) -> Self {
        let from = date.checked_sub_days(Days::new(2 * TREND_DAYS - 1)).unwrap_or(date);
        let on_day = format!("year = {} AND month = {} AND day = {}", date.year(), date.month(), date.day());
        Self {
            days: format!(
                "SELECT date, transaction_count, total_revenue, avg_order_value, unique_customers \
                 FROM daily_sales_summary WHERE date BETWEEN DATE '{from}' AND DATE '{date}' ORDER BY date"
            ),
            products: format!(
                "SELECT product_id, max(product_name) AS name, count(*) AS orders, sum(amount) AS revenue \
                 FROM sales WHERE {on_day} GROUP BY product_id ORDER BY revenue DESC, product_id LIMIT 10"
            ),
            // A sale without any product detail is one whose product is not known yet.
            categories: format!(
                "SELECT CASE WHEN category IS NOT NULL THEN category WHEN product_name IS NULL \
                 THEN '(unknown product)' ELSE '(no category)' END AS category_name, count(*) AS orders, \
                 sum(amount) AS revenue FROM sales WHERE {on_day} GROUP BY 1 ORDER BY revenue DESC, category_name"
            ),
            hours: format!(
                "SELECT date_bin(INTERVAL '15 minutes', transaction_date) AS quarter, count(*) AS orders, \
                 sum(amount) AS revenue FROM sales WHERE {on_day} GROUP BY 1 ORDER BY 1"
            ),
            quarantine: "SELECT dataset, count(*) AS row_count FROM quarantine GROUP BY dataset ORDER BY dataset"
                .into(),
        }
    }
}
