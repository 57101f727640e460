//! The daily report of a shop's day, from the published tables.

use chrono::{NaiveDate, Utc};
use shoplake_core::outcome::RunOutcome;
use shoplake_core::{Catalog, Result, ShopZone};
use shoplake_publish::daily::{self, Answers, DailyReport, Facts, ReportQueries, Shop, Span};

use crate::Pipeline;
use crate::build::collect;

/// The tables that the daily report is made of.
const NEEDS: [&str; 3] = ["daily_sales_summary", "sales", "quarantine"];

impl Pipeline {
    /// Writes the report of `date`, or of the last day with sales up to today; gives the paths.
    pub async fn report(&self, date: Option<NaiveDate>) -> Result<Vec<String>> {
        self.report_of(date, None).await
    }

    pub(crate) async fn report_of(&self, date: Option<NaiveDate>, run: Option<&RunOutcome>) -> Result<Vec<String>> {
        let catalog = self.tables.pinned().await?;
        if !NEEDS.iter().all(|table| catalog.tables.contains_key(*table)) {
            return Ok(Vec::new());
        }
        let today = ShopZone::new(self.project.time_zone).today();
        let span = Span::read(&self.answer(&catalog, &Span::sql(today)).await?)?;
        let date = date.or(span.report).or(span.last);
        let mut answers = Answers::default();
        if let Some(date) = date {
            let queries = ReportQueries::new(date);
            answers.days = self.answer(&catalog, &queries.days).await?;
            answers.products = self.answer(&catalog, &queries.products).await?;
            answers.categories = self.answer(&catalog, &queries.categories).await?;
            answers.hours = self.answer(&catalog, &queries.hours).await?;
            answers.quarantine = self.answer(&catalog, &queries.quarantine).await?;
        }
        let shop = Shop {
            name: self.project.name.clone(),
            currency: self.project.currency.clone(),
            time_zone: self.project.time_zone,
        };
        let facts = Facts { shop, date, span, generated_at: Utc::now(), run };
        let report = DailyReport::build(facts, &answers)?;
        let folder = self.project.lake_dir.join("reports/daily").join(date.unwrap_or(today).to_string());
        let paths = daily::write(&report, &folder)?;
        paths.iter().try_for_each(|path| self.landing.keep(path))?;
        Ok(paths.iter().map(|path| self.project.shown(path)).collect())
    }

    async fn answer(&self, catalog: &Catalog, sql: &str) -> Result<Vec<arrow_array::RecordBatch>> {
        collect(self.engine.query(catalog, sql).await?).await
    }
}
