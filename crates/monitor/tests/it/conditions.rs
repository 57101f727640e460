//! Each condition: when it finds something, what it says, and when it keeps quiet.

use chrono::{Datelike, Days, NaiveDate, TimeDelta};
use shoplake_core::alert::{Condition, Finding};
use shoplake_core::outcome::{FileOutcome, FileStatus, RunStatus};
use shoplake_core::schedule::ports::{Event, Logged};
use shoplake_monitor::alerts::found;

use crate::facts::{Stated, World, run};
use crate::{alert, moment};

const NOW: &str = "2024-03-20T06:30:00Z";

async fn finds(condition: Condition, world: World) -> Vec<Finding> {
    let facts = Stated::default();
    *facts.0.lock().unwrap() = world;
    let alert = alert("watched", condition, Vec::new());
    found(&alert, &facts, chrono_tz::Europe::Berlin, moment(NOW)).await.unwrap()
}

#[tokio::test]
async fn a_failed_run() {
    let world = |status| World { runs: vec![run("2024-03-20T05:00:00Z", status, 0)], ..World::default() };
    assert_eq!(finds(Condition::PipelineFailed, world(RunStatus::Warning)).await, []);
    let found = finds(Condition::PipelineFailed, world(RunStatus::Error)).await;
    assert_eq!(found[0].what, "the run of 2024-03-20 06:00 CET failed; nothing of it is published");
    assert_eq!(found[0].cause.as_deref(), Some("the test not_null(sales.amount) found 7 rows"));
    let mut cut_off = world(RunStatus::Error);
    cut_off.runs[0].outcome = None;
    assert_eq!(finds(Condition::PipelineFailed, cut_off).await, [], "the next run finishes what it began");
}

/// Given a run of the schedule that came to no outcome, then that is told until a run has ended since.
#[tokio::test]
async fn a_run_that_could_not_begin() {
    let world = |started_at| World {
        runs: vec![run(started_at, RunStatus::Success, 0)],
        unstarted: Some(Logged {
            at: moment("2024-03-20T05:00:02Z"),
            due: Some(moment("2024-03-20T05:00:00Z")),
            event: Event::Failed,
            count: 1,
            run: None,
            note: "the run ended without an outcome: exit status: 2".into(),
        }),
        ..World::default()
    };
    let found = finds(Condition::PipelineFailed, world("2024-03-19T05:00:00Z")).await;
    assert_eq!(found[0].what, "the run of 2024-03-20 06:00 CET came to no end of its own");
    assert_eq!(found[0].cause.as_deref(), Some("the run ended without an outcome: exit status: 2"));
    assert_eq!(finds(Condition::PipelineFailed, world("2024-03-20T05:10:00Z")).await, []);
}

/// Given a file that is refused, when runs after it find nothing new, then it is told all the same.
#[tokio::test]
async fn what_waits_is_told_until_it_is_settled() {
    let mut empty = run("2024-03-20T05:00:00Z", RunStatus::Success, 0);
    empty.outcome.as_mut().unwrap().datasets.clear();
    let before = run("2024-03-19T05:00:00Z", RunStatus::Success, 60);
    let refused = FileOutcome {
        status: FileStatus::Failed,
        error: Some("half of its rows are rejected".into()),
        ..before.outcome.as_ref().unwrap().datasets[0].files[0].clone()
    };
    let world = |refused| World { runs: vec![empty.clone(), before.clone()], refused, ..World::default() };
    assert_eq!(finds(Condition::PipelineFailed, world(Vec::new())).await, []);
    let found = finds(Condition::PipelineFailed, world(vec![refused])).await;
    assert_eq!(found[0].what, "inbox/sales/day.csv is refused, and waits");
}

#[tokio::test]
async fn too_many_failures_and_rejects() {
    let runs = |failed: usize| {
        let status = |index| if index < failed { RunStatus::Error } else { RunStatus::Success };
        (0..10).map(|index| run("2024-03-20T05:00:00Z", status(index), 60)).collect()
    };
    let rate = Condition::ErrorRate { above: 0.2, runs: 10 };
    assert_eq!(finds(rate.clone(), World { runs: runs(2), ..World::default() }).await, []);
    let found = finds(rate, World { runs: runs(3), ..World::default() }).await;
    assert_eq!(found[0].what, "3 of the last 10 runs failed; 20.0 % are allowed");

    let share = |above| Condition::RejectShare { dataset: Some("sales".into()), above };
    assert_eq!(finds(share(0.06), World { runs: runs(0), ..World::default() }).await, []);
    let found = finds(share(0.05), World { runs: runs(0), ..World::default() }).await;
    assert_eq!(found[0].what, "60 of 1000 rows of `sales` were rejected (6.0 %); 5.0 % are allowed");
    assert_eq!(found[0].cause.as_deref(), Some("60 rows break `required` `customer_id`"));
    assert_eq!(found[0].act, "set `required: false` at sources/sales.yml:8");
    let other = Condition::RejectShare { dataset: Some("products".into()), above: 0.0 };
    assert_eq!(finds(other, World { runs: runs(0), ..World::default() }).await, []);
}

#[tokio::test]
async fn data_that_is_late() {
    let fresh = Condition::Freshness { dataset: "sales".into(), older_than: TimeDelta::hours(26) };
    let world = |at: &str| World { last_loaded: Some(moment(at)), ..World::default() };
    assert_eq!(finds(fresh.clone(), world("2024-03-19T05:00:00Z")).await, []);
    let found = finds(fresh.clone(), world("2024-03-19T04:00:00Z")).await;
    let what = "nothing of `sales` was loaded for 1 d 2 h, since 2024-03-19 05:00 CET; 1 d 2 h are allowed";
    assert_eq!(found[0].what, what);
    assert_eq!(finds(fresh, World::default()).await[0].what, "nothing of `sales` was ever loaded");
}

#[tokio::test]
async fn a_changed_shape() {
    let mut world = World { runs: vec![run("2024-03-20T05:00:00Z", RunStatus::Success, 0)], ..World::default() };
    assert_eq!(finds(Condition::SchemaChange { dataset: None }, world).await, []);
    world = World { runs: vec![run("2024-03-20T05:00:00Z", RunStatus::Success, 0)], ..World::default() };
    let outcome = world.runs[0].outcome.as_mut().unwrap();
    outcome.datasets[0].files[0].schema_changes = vec!["column `discount` is new".into()];
    let found = finds(Condition::SchemaChange { dataset: None }, world).await;
    assert_eq!(found[0].what, "inbox/sales/day.csv: column `discount` is new");
}

#[tokio::test]
async fn queries_that_are_slow() {
    let slow = Condition::QuerySlow { above: 5.0 };
    let mut seconds = vec![0.1; 95];
    seconds.extend([9.0; 5]);
    assert_eq!(finds(slow.clone(), World { seconds: seconds.clone(), ..World::default() }).await, []);
    seconds.push(9.0);
    assert_eq!(finds(slow.clone(), World { seconds, ..World::default() }).await.len(), 1);
    assert_eq!(finds(slow, World { seconds: vec![9.0; 5], ..World::default() }).await, [], "too few to judge by");
}

#[tokio::test]
async fn a_month_that_costs_too_much() {
    let cost = |forecast| Condition::Cost { above: "10.00".into(), forecast };
    let world = || World { cost: Some((6_000_000, 10_004_999)), ..World::default() };
    assert_eq!(finds(cost(false), world()).await, []);
    let found = finds(cost(true), world()).await;
    assert_eq!(found[0].what, "this month will cost 10.00 USD; 10.00 USD are the limit (6.00 USD spent by now)");
    assert_eq!(finds(cost(true), World::default()).await, [], "nothing is metered");
}

fn days(figure: impl Fn(NaiveDate) -> Option<f64>) -> Vec<Vec<Option<String>>> {
    let first: NaiveDate = "2024-01-01".parse().unwrap();
    let days = (0..79).map(|day| first + Days::new(day));
    days.filter_map(|day| Some(vec![Some(day.to_string()), Some(figure(day)?.to_string())])).collect()
}

/// Given a shop that is closed on Sundays, when a Tuesday has a tenth of its sales, then it is found, with what
/// was expected; today's half day is not judged, nor is yesterday before today's run.
#[tokio::test]
async fn a_figure_out_of_its_season() {
    let usual = |day: NaiveDate| if day.weekday().num_days_from_monday() == 6 { 0.0 } else { 1000.0 };
    let odd: NaiveDate = "2024-03-19".parse().unwrap();
    let anomaly = Condition::Anomaly { query: "SELECT date, total_revenue FROM d".into(), sensitivity: 4.0 };
    let world = |run_at: &str, figure: f64| World {
        runs: vec![run(run_at, RunStatus::Success, 0)],
        rows: {
            let mut rows = days(|day| Some(if day == odd { figure } else { usual(day) }));
            rows.push(vec![Some("2024-03-20".into()), Some("3".into())]);
            rows
        },
        ..World::default()
    };
    assert_eq!(finds(anomaly.clone(), world("2024-03-20T05:00:00Z", 990.0)).await, []);
    let found = finds(anomaly.clone(), world("2024-03-20T05:00:00Z", 100.0)).await;
    assert_eq!(
        found[0].what,
        "2024-03-19 (Tuesday) has 100.00, 45 times the usual spread below the 1000.00 that 8 weeks lead to expect"
    );
    assert_eq!(finds(anomaly, world("2024-03-19T05:00:00Z", 100.0)).await, [], "19 March was not whole then");
}

/// Given the rows of the same weekday, then far fewer and far more are found, and too little history says nothing.
#[tokio::test]
async fn a_day_of_few_rows() {
    let volume = Condition::Volume { dataset: "sales".into(), below: Some(0.5), above: Some(2.0), weeks: 4 };
    let row = |day: i64, rows: i64| vec![Some(day.to_string()), Some(rows.to_string())];
    let world = |rows: i64, first: i64| World {
        runs: vec![run("2024-03-20T05:00:00Z", RunStatus::Success, 0)],
        rows: vec![
            row(20_240_319, rows),
            row(20_240_312, 100),
            row(20_240_305, 110),
            row(20_240_227, 90),
            row(-1, first),
        ],
        ..World::default()
    };
    assert_eq!(finds(volume.clone(), world(50, 20_230_101)).await, []);
    let found = finds(volume.clone(), world(40, 20_230_101)).await;
    assert_eq!(
        found[0].what, "`sales` has 40 rows of Tuesday 2024-03-19; the last 4 Tuesdays had 95 (median)",
        "20 February has none, and counts"
    );
    assert_eq!(finds(volume.clone(), world(250, 20_240_225)).await.len(), 1);
    assert_eq!(finds(volume, world(1, 20_240_310)).await, [], "one week is no history");
}

#[tokio::test]
async fn rows_of_a_query() {
    let rows: Vec<_> = (0..25).map(|n| vec![Some(format!("shop-{n}")), None]).collect();
    let found = finds(Condition::Sql { query: "SELECT 1".into() }, World { rows, ..World::default() }).await;
    assert_eq!((found.len(), found[0].subject.as_str(), found[0].what.as_str()), (20, "shop-0", "shop-0, NULL"));
    assert!(found[19].what.ends_with("(more rows follow)"));
}
