//! The state on a real PostgreSQL server, beside the one in a file. Only `cargo xtask postgres` runs
//! these, and `cargo xtask test` with it: it starts the server, and says where it is in `SHOPLAKE_TEST_POSTGRES`.

use std::time::Duration;

use serde_json::{Value, json};
use shoplake_core::alert::{AlertBook, AlertStore, Message, Outgoing, Phase, Severity};
use shoplake_core::cost::{Usage, UsageStore};
use shoplake_core::outcome::{FileStatus, RunOutcome, RunStatus, TestsOutcome};
use shoplake_core::ports::{StateStore, StepRecord};
use shoplake_core::schedule::ports::{Event, Leadership, Logged, Memory, ScheduleStore, Standing};
use shoplake_core::{BatchNumber, FaultKind, RunId, Sha256};
use shoplake_state::PostgresState;

use crate::{fresh, json, manifest, moment, record};

fn server() -> String {
    std::env::var("SHOPLAKE_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("SHOPLAKE_TEST_POSTGRES is not set: `cargo xtask postgres` starts a server and runs these tests")
    })
}

/// A project that nobody has used.
fn project() -> String {
    format!("Test {}", RunId::new())
}

fn outgoing(key: &str) -> Outgoing {
    Outgoing {
        key: key.into(),
        alert: "late".into(),
        channel: 0,
        at: moment("2026-11-23T08:00:00Z"),
        message: Message {
            alert: "late".into(),
            phase: Phase::Firing,
            severity: Severity::Critical,
            title: "late fires".into(),
            since: "2026-11-23T09:00:00+01:00".into(),
            findings: Vec::new(),
            telling: 1,
            project: "shop".into(),
            description: None,
            file: "alerts/late.yml".into(),
            report: None,
        },
        attempts: 0,
        next_at: moment("2026-11-23T08:00:00Z"),
        trouble: None,
    }
}

fn outcome(run: &str, status: RunStatus) -> RunOutcome {
    RunOutcome {
        run_id: RunId(run.into()),
        status,
        seconds: 1.25,
        started_at: moment("2026-11-23T08:00:00.5Z"),
        whole: true,
        batch: Some(BatchNumber(1)),
        datasets: Vec::new(),
        models: Vec::new(),
        tests: TestsOutcome::default(),
        restated: Vec::new(),
        reports: Vec::new(),
        problems: vec!["it said \"\u{0}\" and 東京".into()],
    }
}

/// All that a state is told and asked, with every answer.
async fn story(state: &(impl StateStore + ScheduleStore + AlertStore + UsageStore)) -> Vec<Value> {
    let mut said = Vec::new();
    let (run, other) = (RunId("run-1".into()), RunId("run-2".into()));
    state.begin_run(&run, moment("2026-11-23T08:00:00.5Z")).await.unwrap();
    state.begin_run(&run, moment("2026-11-23T09:00:00Z")).await.unwrap();
    let left = RunId("run-0".into());
    state.begin_run(&left, moment("2026-11-23T07:00:00Z")).await.unwrap();
    said.push(json(&state.runs(10).await.unwrap()));
    state.leave_run(&left).await.unwrap();
    state.begin_run(&run, moment("2026-11-23T09:00:00Z")).await.unwrap();
    for (name, seconds) in [("land", 0.5), ("load", 2.0), ("load", 0.25)] {
        let step = StepRecord { name: name.into(), seconds, detail: format!("{name} it") };
        state.record_step(&run, &step).await.unwrap();
    }
    said.push(json(&state.steps(&run).await.unwrap()));
    for _ in 0..2 {
        state.record_batch(&manifest(1, "run-1", &["a.csv", "b.csv"])).await.unwrap();
    }
    state.record_batch(&manifest(3, "run-3", &["c.csv"])).await.unwrap();
    // One that is noted late moves no cursor back.
    state.record_batch(&manifest(2, "run-2", &["d.csv"])).await.unwrap();
    let mut refused = record("run-2", "bad.csv", FileStatus::Failed);
    refused.file.error = Some("a \u{0} in it".into());
    refused.file.schema_changes = vec!["a column is new".into()];
    state.record_file(&refused).await.unwrap();
    let mut page = record("run-2", "page.json", FileStatus::Held);
    page.page = Some(("pull-1".into(), 7));
    state.record_file(&page).await.unwrap();
    state.finish_run(&outcome("run-1", RunStatus::Warning)).await.unwrap();
    state.finish_run(&outcome("run-4", RunStatus::Error)).await.unwrap();
    said.push(json(&state.runs(10).await.unwrap()));
    said.push(json(&state.files(None, 10).await.unwrap()));
    said.push(json(&state.files(Some(FileStatus::Loaded), 2).await.unwrap()));
    said.push(json(&state.waiting(10).await.unwrap()));
    said.push(json(&state.schema_changes(10).await.unwrap()));
    said.push(json(&state.last_loaded("sales").await.unwrap()));
    said.push(json(&state.file("sales", &Sha256("sha-of-b.csv".into())).await.unwrap()));
    said.push(json(&state.page("sales", "pull-1", 7).await.unwrap()));
    said.push(json(&(state.last_batch().await.unwrap(), state.run_of(BatchNumber(2)).await.unwrap())));
    assert_eq!(state.run_of(BatchNumber(2)).await.unwrap(), Some(other));
    said.push(json(&state.cursor("customers").await.unwrap()));
    state.set_pull("customers", Some(&json!({ "page": 3 }))).await.unwrap();
    said.push(json(&state.pull("customers").await.unwrap()));
    state.set_pull("customers", None).await.unwrap();
    said.push(json(&state.pull("customers").await.unwrap()));
    said.push(format!("{:?}", state.totals().await.unwrap()).into());

    // The first ones are forgotten with the last one, but for the bytes of the second.
    let used = [
        ("2026-08-20T08:00:00Z", Some(4)),
        ("2026-08-31T08:00:00Z", Some(3)),
        ("2026-09-01T07:59:59Z", None),
        ("2026-10-30T08:00:00Z", Some(5)),
        ("2026-11-02T08:00:00Z", None),
    ];
    for (at, stored) in used {
        let usage = Usage {
            at: moment(at),
            run: stored.map(|_| run.clone()),
            seconds: 0.125,
            memory: 1 << 40,
            scanned: 7,
            reads: 1,
            writes: 2,
            stored,
        };
        let note = state.record(&Usage { seconds: 0.0, ..usage.clone() }).await.unwrap();
        assert_eq!(state.record_again(note, &usage).await.unwrap(), note);
    }
    said.push(json(&state.used(moment("2026-11-01T00:00:00Z")).await.unwrap()));
    let left = state.used(moment("2026-01-01T00:00:00Z")).await.unwrap();
    assert_eq!(left.iter().map(|usage| usage.stored).collect::<Vec<_>>(), [Some(3), Some(5), None]);
    said.push(json(&left));
    said.push(json(&state.query_seconds(moment("2026-11-01T00:00:00Z")).await.unwrap()));

    let book = state.book().await.unwrap();
    AlertStore::keep(state, &book, &[outgoing("a"), outgoing("b"), outgoing("a")]).await.unwrap();
    let stale: AlertBook = book;
    assert_eq!(AlertStore::keep(state, &stale, &[outgoing("c")]).await.unwrap_err().kind, FaultKind::Busy);
    said.push(json(&state.claim(moment("2026-11-23T07:59:59Z"), 10).await.unwrap()));
    said.push(json(&state.claim(moment("2026-11-23T08:00:00Z"), 10).await.unwrap()));
    said.push(json(&state.claim(moment("2026-11-23T08:00:00Z"), 10).await.unwrap()));
    state.delivered("a", moment("2026-11-23T08:00:01Z")).await.unwrap();
    state.undelivered("b", "it is\u{0}away", Some(moment("2026-11-23T08:01:00Z"))).await.unwrap();
    said.push(json(&state.messages(10).await.unwrap()));
    said.push(json(&state.book().await.unwrap()));
    said
}

/// Given the same story, then PostgreSQL answers every question as SQLite does, and so does one that opens it again.
#[tokio::test]
async fn both_say_the_same() {
    let (_dir, file) = fresh().await;
    let project = project();
    let database = PostgresState::open(&server(), &project).await.unwrap();
    let (ours, theirs) = (story(&file).await, story(&database).await);
    for (place, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "answer {place}");
    }
    drop(database);
    let again = PostgresState::open(&server(), &project).await.unwrap();
    assert_eq!(json(&again.runs(10).await.unwrap()), json(&file.runs(10).await.unwrap()));
    let other = PostgresState::open(&server(), &format!("{project} 2")).await.unwrap();
    assert!(other.runs(10).await.unwrap().is_empty(), "another project on the same server");
}

/// Given instances that open a new database at once and beat at once, then one leads; when it falls silent another takes
/// over in a new term, and the first cannot write any more.
#[tokio::test(flavor = "multi_thread")]
async fn one_leads() {
    let project = project();
    let opening = (0..4).map(|_| {
        let project = project.clone();
        tokio::spawn(async move { PostgresState::open(&server(), &project).await.unwrap() })
    });
    let mut states = Vec::new();
    for opened in opening.collect::<Vec<_>>() {
        states.push(opened.await.unwrap());
    }
    let silence = Duration::from_millis(300);
    let stands: Vec<_> = states.iter().zip(0..).map(|(state, n)| state.leadership(format!("{n}"), silence)).collect();
    let mut beats = Vec::new();
    for stand in stands {
        beats.push(tokio::spawn(async move { (stand.beat().await.unwrap(), stand) }));
    }
    let mut stood = Vec::new();
    for beat in beats {
        stood.push(beat.await.unwrap());
    }
    let leads = stood.iter().position(|(standing, _)| *standing == Standing::Leads(1)).unwrap();
    assert_eq!(stood.iter().filter(|(standing, _)| *standing == Standing::Follows).count(), 3);
    let (_, leader) = stood.remove(leads);
    let (_, follower) = stood.remove(0);
    while follower.beat().await.unwrap() == Standing::Follows {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(follower.beat().await.unwrap(), Standing::Leads(2));
    assert_eq!(leader.beat().await.unwrap(), Standing::Follows);
    let memory = Memory {
        schedule: "0 6 * * * UTC".into(),
        counted_until: moment("2026-11-23T05:00:00Z"),
        waiting: Vec::new(),
        running: None,
        occupied: 0,
        retry: None,
    };
    let line = Logged {
        at: moment("2026-11-23T05:00:01Z"),
        due: None,
        event: Event::Started,
        count: 1,
        run: None,
        note: String::new(),
    };
    let late = ScheduleStore::keep(&states[0], 1, &memory, std::slice::from_ref(&line)).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::Busy, "{late}");
    ScheduleStore::keep(&states[0], 2, &memory, std::slice::from_ref(&line)).await.unwrap();
    assert_eq!((states[1].recall().await.unwrap(), states[1].logged(5).await.unwrap()), (Some(memory), vec![line]));
    follower.resign().await.unwrap();
    assert_eq!(leader.beat().await.unwrap(), Standing::Leads(3));
}

/// Given messages that wait, when many claim at once, then each is claimed once.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_claimed_once() {
    let state = PostgresState::open(&server(), &project()).await.unwrap();
    let messages: Vec<_> = (0..40).map(|n| outgoing(&format!("m{n}"))).collect();
    AlertStore::keep(&state, &AlertBook::default(), &messages).await.unwrap();
    let mut claims = Vec::new();
    for _ in 0..8 {
        let state = state.clone();
        claims.push(tokio::spawn(async move { state.claim(moment("2026-11-23T08:00:00Z"), 10).await.unwrap() }));
    }
    let mut keys = Vec::new();
    for claim in claims {
        keys.extend(claim.await.unwrap().into_iter().map(|message| message.key));
    }
    keys.extend(state.claim(moment("2026-11-23T08:00:00Z"), 100).await.unwrap().into_iter().map(|message| message.key));
    keys.sort();
    let many = keys.len();
    keys.dedup();
    assert_eq!((many, keys.len()), (40, 40));
}
