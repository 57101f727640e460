//! Conditions over figures: rows of a day, a daily figure, the times of queries.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use shoplake_core::alert::Finding;
use shoplake_core::{Fault, Result};

use super::super::Facts;
use super::super::baseline::{expected, median};

/// Days that a query of a daily figure may give.
const DAYS_MAX: usize = 4_000;
/// Fewer queries than this say nothing of how slow they are.
const QUERIES_LEAST: usize = 20;

/// The last day that can be whole: the day before the last run's. Before today's run yesterday is not
/// whole, and says nothing.
async fn last_whole_day(facts: &dyn Facts, zone: Tz, now: DateTime<Utc>) -> Result<Option<NaiveDate>> {
    let runs = facts.runs(20).await?;
    let published = runs.iter().filter_map(|run| run.outcome.as_ref()).find(|outcome| outcome.batch.is_some());
    let Some(outcome) = published else { return Ok(None) };
    let day = outcome.started_at.min(now).with_timezone(&zone).date_naive();
    Ok(day.pred_opt())
}

/// The rows of the last whole day beside those of the same weekday before.
pub(super) async fn volume(
    facts: &dyn Facts,
    dataset: &str,
    (below, above): (Option<f64>, Option<f64>),
    weeks: u32,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Vec<Finding>> {
    let Some(day) = last_whole_day(facts, zone, now).await? else { return Ok(Vec::new()) };
    let compared: Vec<NaiveDate> =
        (1..=weeks).filter_map(|week| day.checked_sub_days(Days::new(u64::from(week) * 7))).collect();
    let number = |day: NaiveDate| i64::from(day.year()) * 10_000 + i64::from(day.month() * 100 + day.day());
    let wanted: Vec<String> = compared.iter().chain([&day]).map(|day| number(*day).to_string()).collect();
    let key = "year * 10000 + month * 100 + day";
    let table = dataset.replace('"', "\"\"");
    let sql = format!(
        "SELECT {key} AS d, count(*) AS n FROM \"{table}\" WHERE {key} IN ({}) GROUP BY {key} \
         UNION ALL SELECT -1 AS d, coalesce(min({key}), 0) AS n FROM \"{table}\"",
        wanted.join(", ")
    );
    let mut rows_of = std::collections::HashMap::new();
    for row in facts.query(&sql, DAYS_MAX).await? {
        let number = |index: usize| row.get(index).cloned().flatten().and_then(|text| text.parse::<i64>().ok());
        if let (Some(day), Some(rows)) = (number(0), number(1)) {
            rows_of.insert(day, rows);
        }
    }
    let first = rows_of.get(&-1).copied().unwrap_or(0);
    let rows = |day: NaiveDate| rows_of.get(&number(day)).copied().unwrap_or(0) as f64;
    // A day before the first sale is no day without sales.
    let before: Vec<f64> = compared.iter().filter(|day| number(**day) >= first).map(|day| rows(*day)).collect();
    if before.len() < 2 {
        return Ok(Vec::new());
    }
    let (weeks, usual) = (before.len(), median(before).unwrap_or(0.0));
    let found = rows(day);
    let few = below.is_some_and(|below| found < usual * below);
    let many = above.is_some_and(|above| found > usual * above);
    if !few && !many {
        return Ok(Vec::new());
    }
    let weekday = day.format("%A");
    Ok(vec![Finding {
        subject: dataset.to_owned(),
        what: format!(
            "`{dataset}` has {found} rows of {weekday} {day}; the last {weeks} {weekday}s had {usual} (median)"
        ),
        cause: Some(
            if few { "a file is missing or was cut short" } else { "a file came twice in another form" }.to_owned(),
        ),
        act: "`shoplake status` says what was loaded, and from which file".to_owned(),
    }])
}

/// The last whole day of a daily figure beside what its weekday leads to expect.
pub(super) async fn anomaly(
    facts: &dyn Facts,
    query: &str,
    sensitivity: f64,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Vec<Finding>> {
    let Some(whole) = last_whole_day(facts, zone, now).await? else { return Ok(Vec::new()) };
    let mut figures = Vec::new();
    for row in facts.query(query, DAYS_MAX).await? {
        let text = |index: usize| row.get(index).cloned().flatten();
        let (Some(date), figure) = (text(0), text(1)) else { continue };
        let date = date.get(..10).and_then(|date| date.parse::<NaiveDate>().ok()).ok_or_else(|| {
            Fault::usage(format!("`{date}` is not a date"))
                .hint("the query must give a date and a figure, one row a day")
        })?;
        let Some(figure) = figure else { continue };
        let figure = figure.parse::<f64>().map_err(|_| {
            Fault::usage(format!("`{figure}` is not a figure"))
                .hint("the query must give a date and a figure, one row a day")
        })?;
        figures.push((date, figure));
    }
    let Some((day, figure)) = figures.iter().copied().filter(|(date, _)| *date <= whole).max_by_key(|(date, _)| *date)
    else {
        return Ok(Vec::new());
    };
    let Some(expected) = expected(day, &figures) else { return Ok(Vec::new()) };
    let distance = expected.distance(figure);
    if distance.abs() <= sensitivity {
        return Ok(Vec::new());
    }
    let side = if distance < 0.0 { "below" } else { "above" };
    Ok(vec![Finding {
        subject: String::new(),
        what: format!(
            "{day} ({}) has {figure:.2}, {:.0} times the usual spread {side} the {:.2} that {} weeks lead to expect",
            day.format("%A"),
            distance.abs(),
            expected.figure,
            expected.days
        ),
        cause: None,
        act: "`shoplake query` with the alert's SQL shows the days around it".to_owned(),
    }])
}

/// The slowest 5 % of the last hour's queries.
pub(super) fn query_slow(mut seconds: Vec<f64>, above: f64) -> Vec<Finding> {
    seconds.sort_by(f64::total_cmp);
    let at = (seconds.len() * 95).div_ceil(100).saturating_sub(1);
    let Some(slow) = seconds.get(at).copied().filter(|slow| *slow > above) else { return Vec::new() };
    if seconds.len() < QUERIES_LEAST {
        return Vec::new();
    }
    vec![Finding {
        subject: String::new(),
        what: format!(
            "1 in 20 of the last hour's {} queries took longer than {slow:.1} s; {above:.1} s are allowed",
            seconds.len()
        ),
        cause: Some("a query reads more than it needs, or the machine is busy".to_owned()),
        act: "`shoplake table compact` joins small files; narrow the query to the days that it needs".to_owned(),
    }]
}
