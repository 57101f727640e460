//! Alerts on their page: where they stand, and one that is kept quiet.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use shoplake_core::alert::{AlertStore, Finding, Phase, Standing, Unjudged};
use shoplake_state::SqliteState;

use crate::shop::{Served, Shop, expect};

async fn alert(served: &Served, name: &str) -> Value {
    let alerts = served.json("/api/v1/alerts").await;
    alerts.as_array().unwrap().iter().find(|alert| alert["name"] == name).unwrap().clone()
}

/// Given an alert that fires, then the page says so and why; when it is muted, it is quiet until then.
#[tokio::test(flavor = "multi_thread")]
async fn fires_and_is_muted() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let quiet = alert(&served, "pipeline_failed").await;
    assert_eq!((&quiet["state"], &quiet["since"]), (&json!("ok"), &Value::Null));
    assert!(quiet["message"].as_str().unwrap().starts_with("The numbers are not those"), "what it is for: {quiet}");

    let store = SqliteState::open(&shop.project().state_dir().join("state.db")).await.unwrap();
    let mut book = store.book().await.unwrap();
    let since = Utc::now() - TimeDelta::hours(1);
    let finding = Finding {
        subject: String::new(),
        what: "the last run failed".to_owned(),
        cause: None,
        act: "shoplake run".to_owned(),
    };
    let standing = Standing {
        phase: Phase::Firing,
        since,
        fired_at: Some(since),
        told_at: None,
        told: 0,
        event: 1,
        findings: vec![finding],
    };
    book.standings.entry("pipeline_failed".to_owned()).or_default().insert(String::new(), standing);
    store.keep(&book, &[]).await.unwrap();
    let firing = alert(&served, "pipeline_failed").await;
    assert_eq!((&firing["state"], &firing["message"]), (&json!("firing"), &json!("the last run failed")));
    assert_eq!(firing["since"], json!(since));

    let mut book = store.book().await.unwrap();
    let unjudged = Unjudged { since, why: "there is no table `product`".to_owned(), act: "correct it".to_owned() };
    book.unjudged.extend(["pipeline_failed", "cost"].map(|name| (name.to_owned(), unjudged.clone())));
    store.keep(&book, &[]).await.unwrap();
    let firing = alert(&served, "pipeline_failed").await;
    assert_eq!((&firing["state"], &firing["unjudged"]["why"]), (&json!("firing"), &json!(unjudged.why)));
    assert_eq!(alert(&served, "cost").await["state"], "unjudged");

    let until = Utc::now() + TimeDelta::days(1);
    let mute =
        async |name: &str, until| served.post(&format!("/api/v1/alerts/{name}/mute"), &json!({ "until": until })).await;
    assert_eq!(mute("pipeline_failed", until).await.status(), 204);
    assert_eq!(alert(&served, "pipeline_failed").await["state"], "muted");
    assert_eq!(store.book().await.unwrap().snoozed["pipeline_failed"], until);
    assert_eq!(served.json("/api/v1/audit").await["entries"][0]["what"], "alert.mute");
    expect(mute("pipeline_failed", Utc::now() - TimeDelta::seconds(1)).await, 422).await;
    expect(mute("pipeline_failed", Utc::now() + TimeDelta::days(1_000)).await, 422).await;
    expect(mute("nothing", until).await, 404).await;
}

/// Given a run, then its page has a line for each step, in order and within the run's time.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_a_log() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let id = served.json("/api/v1/runs").await[0]["run_id"].as_str().unwrap().to_owned();
    let run = served.json(&format!("/api/v1/runs/{id}")).await;
    let (steps, log) = (run["steps"].as_array().unwrap(), run["log"].as_array().unwrap());
    assert!(!steps.is_empty() && log.len() >= steps.len());
    for (step, line) in steps.iter().zip(log) {
        let name = step["name"].as_str().unwrap();
        assert!(line["message"].as_str().unwrap().starts_with(&format!("{name}: ")), "{line}");
        assert_eq!(line["level"], "info");
    }
    let moments: Vec<_> =
        log.iter().map(|line| line["at"].as_str().unwrap().parse::<chrono::DateTime<Utc>>().unwrap()).collect();
    assert!(
        moments.is_sorted()
            && moments[0] >= run["started_at"].as_str().unwrap().parse::<chrono::DateTime<Utc>>().unwrap()
    );
}

/// Given alert files that change while the server runs, then the page shows what they say now; a wrong file
/// takes nothing away.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_followed() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let names = async || {
        let alerts = served.json("/api/v1/alerts").await;
        alerts.as_array().unwrap().iter().map(|alert| alert["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = names().await;
    let file = shop.path().join("alerts/pipeline_failed.yml");
    let text = fs_err::read_to_string(&file).unwrap();
    let another = shop.path().join("alerts/another.yml");
    fs_err::write(&another, text.replace("name: pipeline_failed", "name: another")).unwrap();
    let with_another = names().await;
    assert_eq!(with_another.len(), before.len() + 1);
    assert!(with_another.contains(&"another".to_owned()));
    fs_err::write(&file, "name: [").unwrap();
    assert_eq!(names().await, before, "as it was at the start, where a file is wrong");
    let broken = alert(&served, "pipeline_failed").await;
    assert_eq!(broken["state"], "unjudged", "{broken}");
    assert!(broken["unjudged"]["why"].as_str().unwrap().starts_with("alerts/pipeline_failed.yml:1:"), "{broken}");
    fs_err::write(&another, "name: [").unwrap();
    let unknown = alert(&served, "alerts/another.yml").await;
    assert_eq!((&unknown["state"], &unknown["severity"]), (&json!("unjudged"), &Value::Null));
    fs_err::write(&file, text).unwrap();
    fs_err::remove_file(&another).unwrap();
    assert_eq!(names().await, before);
}
