//! What the schedule knows and did, and which instance leads.

use std::time::Duration;

use shoplake_core::schedule::ports::{Event, Leadership, Logged, Memory, Retry, ScheduleStore, Standing};
use shoplake_core::schedule::{Seen, Unstarted};
use shoplake_core::{FaultKind, RunId};
use shoplake_state::SqliteState;

use crate::{fresh, moment};

fn memory(counted_until: &str) -> Memory {
    let due = moment("2026-11-23T05:00:00Z");
    Memory {
        schedule: "0 6 * * * Europe/Berlin".into(),
        counted_until: moment(counted_until),
        waiting: vec![Unstarted { due, attempts: 0, stands_for: 3 }],
        running: Some(Unstarted { due, attempts: 1, stands_for: 1 }),
        occupied: 2,
        retry: Some(Retry {
            at: Some(moment("2026-11-23T05:04:00Z")),
            failures: 3,
            handed: vec![Seen { path: "inbox/sales/a.csv".into(), size: 10, modified: Some(due) }],
        }),
    }
}

fn line(event: Event, run: Option<&str>) -> Logged {
    Logged {
        at: moment("2026-11-23T05:00:01Z"),
        due: Some(moment("2026-11-23T05:00:00Z")),
        event,
        count: 3,
        run: run.map(|run| RunId(run.into())),
        note: "3 were due".into(),
    }
}

/// Given a memory that was kept, when another process opens the state, then it recalls every word of it.
#[tokio::test]
async fn what_is_kept_is_recalled() {
    let (dir, state) = fresh().await;
    assert_eq!(state.recall().await.unwrap(), None);
    let lead = state.leadership("one", Duration::from_mins(1));
    assert_eq!(lead.beat().await.unwrap(), Standing::Leads(1));
    state.keep(1, &memory("2026-11-23T05:00:00Z"), &[line(Event::Started, None)]).await.unwrap();
    state.keep(1, &memory("2026-11-24T05:00:00Z"), &[line(Event::Done, Some("run-1"))]).await.unwrap();
    drop(state);

    let state = SqliteState::open(&dir.path().join(".shoplake/state.db")).await.unwrap();
    assert_eq!(state.recall().await.unwrap(), Some(memory("2026-11-24T05:00:00Z")));
    assert_eq!(state.logged(10).await.unwrap(), [line(Event::Done, Some("run-1")), line(Event::Started, None)]);
    assert_eq!(state.logged(1).await.unwrap().len(), 1);
}

/// Given two instances on one state, then one leads; when it falls silent the other takes over in a new
/// term; and the first can no longer write, nor does it lead when it wakes.
#[tokio::test]
async fn one_leads_and_another_takes_over() {
    let (dir, first_state) = fresh().await;
    let second_state = SqliteState::open(&dir.path().join(".shoplake/state.db")).await.unwrap();
    let first = first_state.leadership("first", Duration::from_mins(1));
    let second = second_state.leadership("second", Duration::from_millis(150));
    assert_eq!(first.beat().await.unwrap(), Standing::Leads(1));
    assert_eq!(second.beat().await.unwrap(), Standing::Follows);
    for _ in 0..4 {
        // While the first beats, no time that passes makes the second lead.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(first.beat().await.unwrap(), Standing::Leads(1));
        assert_eq!(second.beat().await.unwrap(), Standing::Follows);
    }
    while second.beat().await.unwrap() == Standing::Follows {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(second.beat().await.unwrap(), Standing::Leads(2));
    assert_eq!(first.beat().await.unwrap(), Standing::Follows);
    let late = first_state.keep(1, &memory("2026-11-23T05:00:00Z"), &[line(Event::Started, None)]).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::Busy, "{late}");
    assert_eq!(first_state.logged(10).await.unwrap(), [], "nothing of it is written");

    second.resign().await.unwrap();
    assert_eq!(first.beat().await.unwrap(), Standing::Leads(3), "a lead that was given away is taken at once");
}

/// Given a follower that cannot look for longer than a leader may be silent, when it can again, then it takes nobody for
/// dead whose silence it did not see; and takes over once it did.
#[tokio::test]
async fn who_cannot_look_takes_nobody_for_dead() {
    let (dir, first_state) = fresh().await;
    let path = dir.path().join(".shoplake/state.db");
    let second_state = SqliteState::open(&path).await.unwrap();
    let first = first_state.leadership("first", Duration::from_mins(1));
    let second = second_state.leadership("second", Duration::from_millis(150));
    assert_eq!(first.beat().await.unwrap(), Standing::Leads(1));
    assert_eq!(second.beat().await.unwrap(), Standing::Follows);
    let database = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    sqlx::query("ALTER TABLE leaders RENAME TO away").execute(&database).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    second.beat().await.unwrap_err();
    sqlx::query("ALTER TABLE away RENAME TO leaders").execute(&database).await.unwrap();
    assert_eq!(second.beat().await.unwrap(), Standing::Follows);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(second.beat().await.unwrap(), Standing::Leads(2));
}
