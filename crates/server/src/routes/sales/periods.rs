//! Revenue of the running day, week and month, each against as many days of the one before.

use axum::response::Response;
use chrono::{Months, NaiveDate};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Asked, Span, days};
use crate::cube::Filter;
use crate::money::change;
use crate::params::{MANY, date, day};
use crate::period::Period;
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
    let [today, week, month] = spans(on);
    Ok(asked.answer(&Periods {
        as_of: on,
        last_day: asked.cube.days().map(|(_, last)| date(last)),
        today: against(&asked, &filter, today).await?,
        week: against(&asked, &filter, week).await?,
        month: against(&asked, &filter, month).await?,
    }))
}

/// The first day and the last.
type Days = (NaiveDate, NaiveDate);

/// The running day, the week since Monday and the month since the 1st, each with what it is compared to.
fn spans(on: NaiveDate) -> [(Days, Days); 3] {
    let back = |date: NaiveDate, days: u64| date.checked_sub_days(chrono::Days::new(days)).unwrap_or(date);
    let [(monday, _), (first, _)] = [Period::Week, Period::Month].map(|period| period.days(on));
    let month_before = |date: NaiveDate| date.checked_sub_months(Months::new(1)).unwrap_or(date);
    [
        ((on, on), (back(on, 1), back(on, 1))),
        ((monday, on), (back(monday, 7), back(on, 7))),
        // 31 March against all of February: chrono takes the month's last day where it has no 31st.
        ((first, on), (month_before(first), month_before(on))),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Given the last day of March, then its month is compared with all of February, its week with as
    /// many days of the week before.
    #[test]
    fn spans_are_as_long_as_they_can_be() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let [today, week, month] = spans(date("2024-03-31"));
        assert_eq!(today.1, (date("2024-03-30"), date("2024-03-30")));
        assert_eq!(week.0, (date("2024-03-25"), date("2024-03-31")));
        assert_eq!(week.1, (date("2024-03-18"), date("2024-03-24")));
        assert_eq!(month.0, (date("2024-03-01"), date("2024-03-31")));
        assert_eq!(month.1, (date("2024-02-01"), date("2024-02-29")));
    }
}
