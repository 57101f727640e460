//! Reports from a run to their receivers: an SMTP server and a webhook on loopback, a state on disk, a clock that
//! is turned by hand.

use std::sync::Arc;

use axum::http::StatusCode;
use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::Project;
use shoplake_core::alert::{AlertStore, Alerts, Channel, Delivery};
use shoplake_core::outcome::RunStatus;
use shoplake_core::ports::RunRecord;
use shoplake_core::source::Secret;
use shoplake_monitor::alerts::channels::{SIGNATURE, sign};
use shoplake_monitor::alerts::deliver;
use shoplake_monitor::letters;
use shoplake_state::SqliteState;

use crate::delivery::{Receiver, smtp};
use crate::facts::run;
use crate::mailbox::{Mailbox, Mood};
use crate::moment;

/// A shop in Berlin that has a report of each day that a run has made.
struct Shop {
    dir: tempfile::TempDir,
    project: Project,
    store: Arc<SqliteState>,
    runs: Vec<RunRecord>,
    now: DateTime<Utc>,
}

impl Shop {
    async fn new(deliveries: Vec<Delivery>, mail_port: Option<u16>, start: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteState::open(&dir.path().join("state.db")).await.unwrap();
        let project = Project {
            name: "Müllers Laden".into(),
            dir: dir.path().to_owned(),
            time_zone: chrono_tz::Europe::Berlin,
            currency: "EUR".into(),
            target: "local".into(),
            lake_dir: dir.path().join("lake"),
            remote: None,
            vars: std::collections::BTreeMap::new(),
            model_settings: serde_json::Value::Null,
            limits: shoplake_core::project::Limits::default(),
            openlineage: None,
            state: None,
            otlp: None,
            schedule: None,
            arrival: shoplake_core::schedule::Arrival::default(),
            retries: shoplake_core::retry::Retries::default(),
            logs: shoplake_core::logs::LogSettings::default(),
            trusted_proxies: Vec::new(),
            deliveries,
            prices: shoplake_core::cost::Prices::default(),
            alerts: Alerts { all: Vec::new(), smtp: mail_port.map(smtp) },
            datasets: Vec::new(),
        };
        Self { dir, project, store: Arc::new(store), runs: Vec::new(), now: moment(start) }
    }

    /// A run has ended now, and made the report of `date`.
    fn reports(&mut self, date: &str) {
        self.reports_of(date, Some(date));
    }

    /// The same, where what the report tells of is another day than its folder says, or none.
    fn reports_of(&mut self, date: &str, told: Option<&str>) {
        let folder = self.dir.path().join("lake/reports/daily").join(date);
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("report.html"), format!("<h1>Bericht {date} 🍵</h1>")).unwrap();
        let figures = serde_json::json!({
            "shop": { "currency": "EUR" },
            "date": told,
            "kpis": [{ "name": "Revenue", "unit": "money", "value": "1234.50" }],
            "trust": { "verdict": "complete", "points": [{ "text": "all tests hold" }] },
        });
        fs_err::write(folder.join("report.json"), figures.to_string()).unwrap();
        let mut record = run(&self.now.to_rfc3339(), RunStatus::Success, 0);
        record.outcome.as_mut().unwrap().reports = vec![format!("lake/reports/daily/{date}/report.html")];
        self.runs.insert(0, record);
    }

    async fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.now += TimeDelta::minutes(1);
            letters::write(&self.project, &self.runs, &*self.store, self.now).await.unwrap();
            let receivers = letters::receivers(&self.project.deliveries);
            deliver(&receivers, (self.project.alerts.smtp.as_ref(), &self.project.lake_dir), &*self.store, self.now)
                .await
                .unwrap();
        }
    }
}

fn webhook(receiver: &Receiver) -> Channel {
    Channel::Webhook { url: receiver.url(), secret: Some(Secret("s3cret".into())) }
}

fn daily(channel: Channel, at: Option<&str>) -> Delivery {
    Delivery { report: "daily".into(), channels: vec![channel], at: at.map(|at| at.parse().unwrap()) }
}

/// Given a webhook, when runs make reports, then each day comes once, signed, with its figures, however often the
/// day is run, and through a time when nobody answers.
#[tokio::test]
async fn each_day_once_by_webhook() {
    let receiver = Receiver::open().await;
    let mut shop = Shop::new(vec![daily(webhook(&receiver), None)], None, "2024-03-20T05:00:00Z").await;
    shop.minutes(2).await;
    assert!(receiver.events().is_empty(), "there is no report yet");
    shop.reports("2024-03-19");
    shop.minutes(3).await;
    shop.reports("2024-03-19");
    shop.minutes(3).await;
    assert_eq!(receiver.events().len(), 1, "{:?}", receiver.events());
    receiver.answers(StatusCode::BAD_GATEWAY);
    shop.reports("2024-03-20");
    shop.minutes(300).await;
    shop.reports("2024-03-21");
    shop.minutes(300).await;
    receiver.answers(StatusCode::OK);
    shop.minutes(90).await;
    let taken = receiver.taken.lock().unwrap().clone();
    let mut dates = Vec::new();
    for (headers, body) in &taken {
        let signature = headers[SIGNATURE].to_str().unwrap();
        let seconds = signature.split_once(',').unwrap().0.strip_prefix("t=").unwrap().parse().unwrap();
        assert_eq!(signature, sign("s3cret", seconds, body.as_bytes()));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["report"]["figures"]["kpis"][0]["value"], "1234.50");
        dates.push(body["report"]["date"].as_str().unwrap().to_owned());
    }
    dates.sort();
    assert_eq!(dates, ["2024-03-19", "2024-03-20", "2024-03-21"]);
}

/// Given a run before the first sale, whose report is of no day, then nobody is told of nothing, and the day that it was
/// made on has its own report all the same.
#[tokio::test]
async fn a_report_of_no_day_takes_no_days_place() {
    let receiver = Receiver::open().await;
    let mut shop = Shop::new(vec![daily(webhook(&receiver), None)], None, "2024-03-20T05:00:00Z").await;
    shop.reports_of("2024-03-20", None);
    shop.minutes(3).await;
    assert!(receiver.events().is_empty(), "{:?}", receiver.events());
    shop.minutes(24 * 60).await;
    shop.reports("2024-03-20");
    shop.minutes(3).await;
    assert_eq!(receiver.events().len(), 1, "{:?}", receiver.events());
}

/// Given a mailbox at 07:30, when the run is early, late or the server is down, then the mail comes at 07:30 of the
/// shop's clock or once it can, once, with the figures and the page.
#[tokio::test]
async fn by_mail_at_a_time() {
    let mailbox = Mailbox::open().await;
    let channel = Channel::Email { recipients: vec!["owner@shop.example".into()] };
    // 06:00 in Berlin.
    let delivery = daily(channel, Some("30 7 * * *"));
    let mut shop = Shop::new(vec![delivery], Some(mailbox.port), "2024-03-20T05:00:00Z").await;
    shop.reports("2024-03-19");
    shop.minutes(89).await;
    assert_eq!(mailbox.mails.lock().unwrap().len(), 0, "it is 07:29");
    shop.minutes(1).await;
    let mails = mailbox.mails.lock().unwrap().clone();
    assert_eq!(mails.len(), 1, "it is 07:30");
    let decode =
        |text: &str| String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap();
    let parts: Vec<&str> = mails[0].split("--shoplake-part\n").collect();
    assert_eq!(parts.len(), 3, "{}", mails[0]);
    let body =
        |part: &str| decode(&part.split_once("\n\n").unwrap().1.replace("--shoplake-part--", "").replace('\n', ""));
    assert!(body(parts[1]).contains("Revenue: 1234.50 EUR\r\n"), "{}", body(parts[1]));
    assert_eq!(body(parts[2]), "<h1>Bericht 2024-03-19 🍵</h1>");
    assert!(parts[2].contains("filename=\"daily-2024-03-19.html\""));

    // The next day the run is late, and the server defers for an hour.
    shop.minutes(24 * 60).await;
    assert_eq!(mailbox.mails.lock().unwrap().len(), 1, "the same report does not come again");
    *mailbox.mood.lock().unwrap() = Mood::Defers;
    shop.reports("2024-03-20");
    shop.minutes(60).await;
    *mailbox.mood.lock().unwrap() = Mood::Takes;
    shop.minutes(90).await;
    assert_eq!(mailbox.mails.lock().unwrap().len(), 2);
    let messages = shop.store.messages(10).await.unwrap();
    assert!(messages.iter().all(|(_, delivered)| delivered.is_some()));
    assert!(messages.iter().all(|(message, _)| !message.key.contains("owner@")), "a name tells no address");
}

/// Given a receiver on weekdays only, when the weekend has passed, then Monday brings the last report, on the shop's
/// clock through its change.
#[tokio::test]
async fn on_weekdays() {
    let receiver = Receiver::open().await;
    let delivery = daily(webhook(&receiver), Some("0 8 * * 1-5"));
    // Friday, 2024-03-29, 07:00 in Berlin; the clock goes forward on Sunday.
    let mut shop = Shop::new(vec![delivery], None, "2024-03-29T06:00:00Z").await;
    for date in ["2024-03-28", "2024-03-29", "2024-03-30", "2024-03-31"] {
        shop.reports(date);
        shop.minutes(23 * 60 + 30).await;
    }
    shop.minutes(180).await;
    let dates: Vec<String> = receiver
        .taken
        .lock()
        .unwrap()
        .iter()
        .map(|(_, body)| {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            body["report"]["date"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(dates, ["2024-03-28", "2024-03-31"]);
}
