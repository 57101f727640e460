//! What runs and queries used, and for how long it is remembered.

use chrono::TimeDelta;
use shoplake_core::RunId;
use shoplake_core::cost::{REMEMBERED, Usage, UsageStore};

use crate::{fresh, moment};

/// Given a run that notes what it has used while it goes on, then the last note alone counts, also where the state has
/// forgotten the ones before.
#[tokio::test]
async fn a_note_takes_the_place_of_the_one_before() {
    let (_dir, state) = fresh().await;
    let began = moment("2026-11-01T06:00:00Z");
    let usage = |seconds: i64, stored| Usage {
        at: began + TimeDelta::seconds(seconds),
        run: Some(RunId("run".into())),
        seconds: seconds as f64,
        memory: 1,
        scanned: 10 * seconds as u64,
        reads: 20 * seconds as u64,
        writes: 30 * seconds as u64,
        stored,
    };
    let mut note = state.record(&usage(5, None)).await.unwrap();
    for seconds in [10, 15] {
        note = state.record_again(note, &usage(seconds, None)).await.unwrap();
    }
    note = state.record_again(note, &usage(17, Some(4))).await.unwrap();
    assert_eq!(state.used(began).await.unwrap(), [usage(17, Some(4))]);
    let other = state.record_again(note + 1, &usage(20, None)).await.unwrap();
    assert_ne!(other, note);
    assert_eq!(state.used(began).await.unwrap(), [usage(17, Some(4)), usage(20, None)]);
}

/// Given a run a day for four months, of which each tenth looked at the lake's bytes, then two months are remembered,
/// with the last of the looks before them: what a month has cost is the same as if nothing had been forgotten.
#[tokio::test]
async fn what_was_used_is_forgotten_after_two_months() {
    let (_dir, state) = fresh().await;
    let first = moment("2026-05-01T06:00:00Z");
    let at = |day: u64| first + TimeDelta::days(day as i64);
    for day in 0..120 {
        let usage = Usage {
            at: at(day),
            run: (day % 2 == 0).then(|| RunId(format!("run-{day}"))),
            seconds: day as f64,
            memory: 1,
            scanned: 2,
            reads: 3,
            writes: 4,
            stored: (day % 10 == 0).then_some(day),
        };
        state.record(&usage).await.unwrap();
    }
    let days = |used: Vec<Usage>| used.iter().map(|usage| usage.seconds as u64).collect::<Vec<_>>();
    let left: Vec<u64> = [50].into_iter().chain(57..120).collect();
    assert_eq!(days(state.used(first).await.unwrap()), left, "day 57 is {REMEMBERED} before day 119");
    assert_eq!(days(state.used(at(119) - REMEMBERED).await.unwrap()), left);
    assert_eq!(days(state.used(at(100)).await.unwrap()), [90].into_iter().chain(100..120).collect::<Vec<_>>());
    assert_eq!(state.query_seconds(first).await.unwrap().len(), 32, "queries too");
    let requests =
        Usage { at: at(120), run: None, seconds: 0.0, memory: 0, scanned: 0, reads: 9, writes: 9, stored: None };
    state.record(&requests).await.unwrap();
    assert_eq!(state.query_seconds(at(120)).await.unwrap(), [0.0; 0], "what a server asks of the store is no query");
}
