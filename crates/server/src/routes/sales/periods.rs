//! Revenue of the running day, week and month, each against as many days of the one before.

use axum::response::Response;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Asked, Span, days};
use crate::cube::Filter;
use crate::money::change;
use crate::params::{MANY, date, day};
use crate::period::{Days, running};
use crate::problem::Answer;

/// Revenue of the running day, week and month. One that does not lie within the days of a link is null: a part of it would
/// be taken for the whole.
#[derive(Serialize, JsonSchema)]
pub(super) struct Periods {
    /// The day that is today.
    as_of: NaiveDate,
    /// The last day with a sale.
    last_day: Option<NaiveDate>,
    today: Option<RunningPeriod>,
    week: Option<RunningPeriod>,
    month: Option<RunningPeriod>,
}

/// Revenue of some days, against as many before.
#[derive(Serialize, JsonSchema)]
struct RunningPeriod {
    period: Span,
    /// The days before; null where they do not lie within the days of a link.
    compare: Option<Span>,
    /// Decimal text.
    revenue: String,
    transactions: u64,
    /// The revenue of the days before, decimal text.
    previous: Option<String>,
    /// How much more it is, as a share of that; null where that was nothing or is not told.
    change: Option<f64>,
}

/// `GET /api/v1/sales/periods`
pub(super) async fn periods(asked: Asked) -> Answer<Response> {
    // A share may fix days as well; nobody else states them here.
    let fixed: &[&str] = if asked.shared { &["from", "to", "compare"] } else { &[] };
    asked.params.only(&[&["on"], &MANY, fixed])?;
    let on = asked.params.date("on")?.unwrap_or_else(|| asked.today());
    let filter = asked.params.filter((on, on))?;
    let [today, week, month] = running(on);
    Ok(asked.answer(&Periods {
        as_of: on,
        last_day: asked.cube.days().map(|(_, last)| date(last)),
        today: against(&asked, &filter, today).await?,
        week: against(&asked, &filter, week).await?,
        month: against(&asked, &filter, month).await?,
    }))
}

async fn against(asked: &Asked, filter: &Filter, (now, before): (Days, Days)) -> Answer<Option<RunningPeriod>> {
    let (first, last) = (asked.params.date("from")?, asked.params.date("to")?);
    let told = |(from, to): Days| {
        let within = first.is_none_or(|first| first <= from) && last.is_none_or(|last| to <= last);
        within.then(|| filter.over(day(from), day(to)))
    };
    let Some(now) = told(now) else { return Ok(None) };
    let before = told(before);
    let current = asked.figures(&now).await?.total;
    let previous = match &before {
        Some(before) => Some(asked.figures(before).await?.total.revenue),
        None => None,
    };
    Ok(Some(RunningPeriod {
        period: days(&now),
        compare: before.as_ref().map(days),
        revenue: asked.money(current.revenue),
        transactions: current.transactions,
        previous: previous.map(|revenue| asked.money(revenue)),
        change: previous.and_then(|previous| change(current.revenue, previous)),
    }))
}
