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

/// Revenue of the running day, week and month.
#[derive(Serialize, JsonSchema)]
pub(super) struct Periods {
    /// The day that is today.
    as_of: NaiveDate,
    /// The last day with a sale.
    last_day: Option<NaiveDate>,
    today: RunningPeriod,
    week: RunningPeriod,
    month: RunningPeriod,
}

/// Revenue of some days, against as many before.
#[derive(Serialize, JsonSchema)]
struct RunningPeriod {
    period: Span,
    compare: Span,
    /// Decimal text.
    revenue: String,
    transactions: u64,
    /// The revenue of the days before, decimal text.
    previous: String,
    /// How much more it is, as a share of that; null where that was nothing.
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

async fn against(asked: &Asked, filter: &Filter, (now, before): (Days, Days)) -> Answer<RunningPeriod> {
    let bounds = (asked.params.date("from")?.map(day), asked.params.date("to")?.map(day));
    let over = |(from, to): Days| {
        filter.over(day(from).max(bounds.0.unwrap_or(i32::MIN)), day(to).min(bounds.1.unwrap_or(i32::MAX)))
    };
    let (now, before) = (over(now), over(before));
    let (current, previous) = (asked.figures(&now).await?.total, asked.figures(&before).await?.total);
    Ok(RunningPeriod {
        period: days(&now),
        compare: days(&before),
        revenue: asked.money(current.revenue),
        transactions: current.transactions,
        previous: asked.money(previous.revenue),
        change: change(current.revenue, previous.revenue),
    })
}
