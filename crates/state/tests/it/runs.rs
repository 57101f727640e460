//! Runs and steps.

use shoplake_core::RunId;
use shoplake_core::outcome::{RunOutcome, RunStatus, TestsOutcome};
use shoplake_core::ports::{RunRecord, StateStore, StepRecord};

use crate::{fresh, json, moment};

fn outcome(run: &RunId) -> RunOutcome {
    RunOutcome {
        run_id: run.clone(),
        status: RunStatus::Warning,
        seconds: 1.25,
        started_at: moment("2026-11-23T08:00:00Z"),
        whole: true,
        batch: None,
        datasets: Vec::new(),
        models: Vec::new(),
        tests: TestsOutcome { passed: 3, ..TestsOutcome::default() },
        restated: Vec::new(),
        reports: vec!["lake/reports/daily/2026-11-22/report.html".into()],
        problems: Vec::new(),
    }
}

/// Given a finished run and one that was cut off, when listed, then the newest comes first, each with what is known.
#[tokio::test]
async fn runs_newest_first() {
    let (dir, state) = fresh().await;
    let (first, second) = (RunId("run-1".into()), RunId("run-2".into()));
    state.begin_run(&first, moment("2026-11-23T08:00:00Z")).await.unwrap();
    state.finish_run(&outcome(&first)).await.unwrap();
    state.begin_run(&second, moment("2026-11-23T09:00:00Z")).await.unwrap();
    drop(state);

    let state = shoplake_state::SqliteState::open(&dir.path().join(".shoplake/state.db")).await.unwrap();
    let runs = state.runs(10).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.run_id.0.as_str()).collect::<Vec<_>>(), ["run-2", "run-1"]);
    assert!(runs[0].outcome.is_none());
    assert_eq!(json(&runs[1].outcome), json(&outcome(&first)));
    assert_eq!(state.runs(1).await.unwrap().len(), 1);
}

/// Given runs that came to no outcome, then the last one goes on until it is told to end or the next begins; a run that
/// goes by the name of one that was left goes on again.
#[tokio::test]
async fn a_run_without_an_outcome_is_over_once_that_is_known() {
    let (_dir, state) = fresh().await;
    let words = async || -> Vec<String> {
        let runs = state.runs(10).await.unwrap();
        let word = |run: &RunRecord| serde_json::from_value(serde_json::to_value(run.state()).unwrap()).unwrap();
        runs.iter().rev().map(word).collect()
    };
    let run = |number: u8| (RunId(format!("run-{number}")), moment(&format!("2026-11-23T0{number}:00:00Z")));
    let [(first, at_first), (second, at_second), (third, at_third)] = [1, 2, 3].map(run);
    state.begin_run(&first, at_first).await.unwrap();
    assert_eq!(words().await, ["running"]);
    state.begin_run(&second, at_second).await.unwrap();
    assert_eq!(words().await, ["unfinished", "running"], "runs take turns");
    state.leave_run(&second).await.unwrap();
    assert_eq!(words().await, ["unfinished", "unfinished"]);
    state.begin_run(&second, at_third).await.unwrap();
    assert_eq!(words().await, ["unfinished", "running"]);
    state.finish_run(&outcome(&second)).await.unwrap();
    state.leave_run(&second).await.unwrap();
    state.begin_run(&third, at_third).await.unwrap();
    assert_eq!(words().await, ["unfinished", "warning", "running"], "an outcome stays");
    assert_eq!(state.totals().await.unwrap().runs, [(RunStatus::Warning, 1)], "only what ended is counted");
}

/// Given steps of two runs, when read, then each run has its own in the order they were noted.
#[tokio::test]
async fn steps_in_order() {
    let (_dir, state) = fresh().await;
    let (run, other) = (RunId("run-1".into()), RunId("run-2".into()));
    for id in [&run, &other] {
        state.begin_run(id, moment("2026-11-23T08:00:00Z")).await.unwrap();
    }
    for name in ["land", "load", "archive"] {
        let step = StepRecord { name: name.into(), seconds: 0.5, detail: format!("{name} it") };
        state.record_step(&run, &step).await.unwrap();
    }
    let steps = state.steps(&run).await.unwrap();
    assert_eq!(steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["land", "load", "archive"]);
    assert_eq!(steps[1].detail, "load it");
    assert!(state.steps(&other).await.unwrap().is_empty());
}
