//! From a condition to whoever is told: a state on disk, a webhook receiver, Slack, and an SMTP server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::Fault;
use shoplake_core::alert::{Alert, AlertStore, Channel, Condition, Phase, Smtp, SmtpTls};
use shoplake_core::outcome::RunStatus;
use shoplake_core::source::Secret;
use shoplake_monitor::alerts::channels::{Channels, SIGNATURE, sign};
use shoplake_monitor::alerts::{Watch, deliver};
use shoplake_state::SqliteState;

use crate::facts::{Stated, run};
use crate::mailbox::{Mailbox, Mood};
use crate::{alert, moment};

const START: &str = "2024-03-20T05:00:00Z";

/// A receiver that answers as it is told, and keeps what it took.
#[derive(Clone)]
pub(crate) struct Receiver {
    port: u16,
    answer: Arc<Mutex<StatusCode>>,
    pub(crate) taken: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> (StatusCode, HeaderMap) {
    let answer = *receiver.answer.lock().unwrap();
    if answer.is_success() {
        receiver.taken.lock().unwrap().push((headers, body));
    }
    let asked = HeaderMap::from_iter([("retry-after".parse().unwrap(), "1800".parse().unwrap())]);
    (answer, asked)
}

impl Receiver {
    pub(crate) async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            answer: Arc::new(Mutex::new(StatusCode::OK)),
            taken: Arc::default(),
        };
        let app = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        receiver
    }

    pub(crate) fn url(&self) -> Secret {
        Secret(format!("http://127.0.0.1:{}/hook", self.port))
    }

    pub(crate) fn answers(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    pub(crate) fn events(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(headers, _)| headers["shoplake-event"].to_str().unwrap().to_owned()).collect()
    }
}

/// A shop with a state on disk, whose clock is turned by hand.
struct Shop {
    _dir: tempfile::TempDir,
    store: SqliteState,
    facts: Stated,
    alerts: Vec<Alert>,
    mistakes: Arc<Vec<Fault>>,
    smtp: Option<Smtp>,
    now: DateTime<Utc>,
}

impl Shop {
    async fn new(alerts: Vec<Alert>, smtp: Option<Smtp>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteState::open(&dir.path().join("state.db")).await.unwrap();
        Self { _dir: dir, store, facts: Stated::default(), alerts, mistakes: Arc::default(), smtp, now: moment(START) }
    }

    fn last_run(&self, status: RunStatus) {
        self.facts.0.lock().unwrap().runs = vec![run(START, status, 0)];
    }

    /// One look at everything and one go of the outbox, a minute later.
    async fn minute(&mut self) {
        self.now += TimeDelta::minutes(1);
        let watch = Watch {
            alerts: self.alerts.clone(),
            mistakes: Arc::clone(&self.mistakes),
            zone: chrono_tz::Europe::Berlin,
            project: "Müllers Laden".into(),
            facts: Arc::new(self.facts.clone()),
            store: Arc::new(self.store.clone()),
        };
        watch.look(self.now).await.unwrap();
        deliver(&self.alerts, (self.smtp.as_ref(), "lake".as_ref()), &self.store, self.now).await.unwrap();
    }

    async fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.minute().await;
        }
    }
}

pub(crate) fn smtp(port: u16) -> Smtp {
    Smtp {
        host: "127.0.0.1".into(),
        port,
        tls: SmtpTls::Off,
        ca: None,
        login: Some(("shop".into(), Secret("hunter2".into()))),
        from: "shoplake@shop.example".into(),
    }
}

/// Given a webhook with a secret, when the alert fires and recovers, then each comes once, signed so that the
/// receiver can prove who sent it.
#[tokio::test]
async fn a_signed_webhook() {
    let receiver = Receiver::open().await;
    let channel = Channel::Webhook { url: receiver.url(), secret: Some(Secret("s3cret".into())) };
    let mut shop = Shop::new(vec![alert("failed", Condition::PipelineFailed, vec![channel])], None).await;
    shop.last_run(RunStatus::Error);
    shop.minutes(10).await;
    shop.last_run(RunStatus::Success);
    shop.minutes(10).await;
    let taken = receiver.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 2, "{:?}", receiver.events());
    let mut phases = Vec::new();
    for (headers, body) in &taken {
        let signature = headers[SIGNATURE].to_str().unwrap();
        let seconds = signature.split_once(',').unwrap().0.strip_prefix("t=").unwrap().parse().unwrap();
        assert_eq!(signature, sign("s3cret", seconds, body.as_bytes()));
        assert_ne!(signature, sign("another", seconds, body.as_bytes()));
        let message: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&message["alert"], &message["severity"]), (&"failed".into(), &"critical".into()));
        assert!(message["findings"][0]["act"].as_str().unwrap().contains("shoplake status"));
        phases.push(message["phase"].as_str().unwrap().to_owned());
    }
    assert_eq!(phases, ["firing", "resolved"]);
}

/// Given a receiver that is down for hours, while alerts fire and recover, then it gets every message once it is
/// back, each once; asked to come later (429), it is not asked before.
#[tokio::test]
async fn a_receiver_that_is_down_loses_nothing() {
    let receiver = Receiver::open().await;
    let channel = Channel::Webhook { url: receiver.url(), secret: None };
    let mut shop = Shop::new(vec![alert("failed", Condition::PipelineFailed, vec![channel])], None).await;
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS] {
        receiver.answers(status);
        shop.last_run(RunStatus::Error);
        shop.minutes(30).await;
        shop.last_run(RunStatus::Success);
        shop.minutes(30).await;
    }
    assert!(receiver.events().is_empty());
    receiver.answers(StatusCode::OK);
    shop.minutes(80).await;
    let events = receiver.events();
    assert_eq!(events.len(), 6, "{events:?}");
    assert_eq!(events.iter().collect::<BTreeSet<_>>().len(), 6);
    let messages = shop.store.messages(100).await.unwrap();
    assert!(messages.iter().all(|(_, delivered)| delivered.is_some()));
    assert!(messages.iter().all(|(message, _)| message.attempts < 20), "it is not hammered");
}

/// Given a process that dies between writing a message and sending it, then the next one sends it; and a state
/// that knows a message does not write it again.
#[tokio::test]
async fn a_process_that_dies_tells_once() {
    let receiver = Receiver::open().await;
    let channel = Channel::Slack { url: receiver.url() };
    let mut shop = Shop::new(vec![alert("failed", Condition::PipelineFailed, vec![channel])], None).await;
    shop.last_run(RunStatus::Error);
    receiver.answers(StatusCode::SERVICE_UNAVAILABLE);
    shop.minute().await;
    let book = shop.store.book().await.unwrap();
    let (written, _) = shop.store.messages(1).await.unwrap().remove(0);
    // As if the same look were kept twice.
    shop.store.keep(&book, &[written]).await.unwrap();
    assert!(shop.store.keep(&book, &[]).await.is_err(), "a book that is out of date is not kept");
    receiver.answers(StatusCode::OK);
    shop.minutes(60).await;
    assert_eq!(receiver.taken.lock().unwrap().len(), 1);
    assert!(receiver.taken.lock().unwrap()[0].1.contains(":red_circle:"));
}

fn negative_stock(channels: Vec<Channel>) -> Alert {
    alert("stock", Condition::Sql { query: "SELECT product_id FROM products WHERE stock < 0".into() }, channels)
}

/// Given an alert that fires, when its query fails or its file has a mistake, then it stands as it stood, the book says
/// since when and why it cannot be judged, and nobody is told that it is over; once it is judged again, they are.
#[tokio::test]
async fn what_cannot_be_judged_is_not_over() {
    let receiver = Receiver::open().await;
    let mut shop = Shop::new(vec![negative_stock(vec![Channel::Slack { url: receiver.url() }])], None).await;
    shop.facts.0.lock().unwrap().rows = vec![vec![Some("P1".into())]];
    shop.minute().await;
    shop.facts.0.lock().unwrap().rows.clear();

    shop.facts.0.lock().unwrap().sql_fails = true;
    shop.minutes(5).await;
    let book = shop.store.book().await.unwrap();
    let unjudged = &book.unjudged["stock"];
    assert_eq!((unjudged.since, unjudged.why.as_str()), (moment(START) + TimeDelta::minutes(2), "no such table"));
    assert_eq!(book.standings["stock"][""].phase, Phase::Firing);

    shop.facts.0.lock().unwrap().sql_fails = false;
    let mistake = Fault::usage("`when` is missing").at("alerts/stock.yml", Some(1), None).hint("state it");
    shop.mistakes = Arc::new(vec![mistake]);
    shop.minutes(5).await;
    let book = shop.store.book().await.unwrap();
    let unjudged = &book.unjudged["stock"];
    assert_eq!((unjudged.why.as_str(), unjudged.act.as_str()), ("alerts/stock.yml:1: `when` is missing", "state it"));
    assert_eq!(book.standings["stock"][""].phase, Phase::Firing);
    assert_eq!(receiver.taken.lock().unwrap().len(), 1, "nobody is told anything else");

    shop.mistakes = Arc::default();
    shop.minute().await;
    let book = shop.store.book().await.unwrap();
    assert_eq!((book.unjudged.len(), book.standings["stock"][""].phase), (0, Phase::Resolved));
    assert_eq!(receiver.taken.lock().unwrap().len(), 2);
}

/// Given files with mistakes, then that of an alert which nobody knows is noted by its path, and a mistake elsewhere says
/// nothing of any alert.
#[tokio::test]
async fn files_of_no_known_alert() {
    let mut shop = Shop::new(vec![negative_stock(Vec::new())], None).await;
    shop.mistakes = Arc::new(vec![
        Fault::usage("no YAML").at("alerts/new.yml", Some(1), None),
        Fault::usage("no YAML").at("sources/sales.yml", Some(1), None),
    ]);
    shop.minute().await;
    let book = shop.store.book().await.unwrap();
    assert_eq!(book.unjudged.keys().collect::<Vec<_>>(), ["alerts/new.yml"]);
}

/// Given a receiver that remembers what it took, when the state is deleted and the alert fires again, then the event has
/// a name that it has not seen; within one state the names differ by their number alone.
#[tokio::test]
async fn events_of_a_new_state_have_new_names() {
    let receiver = Receiver::open().await;
    let channel = Channel::Webhook { url: receiver.url(), secret: None };
    for _ in 0..3 {
        let alerts = vec![alert("failed", Condition::PipelineFailed, vec![channel.clone()])];
        let mut shop = Shop::new(alerts, None).await;
        for status in [RunStatus::Error, RunStatus::Success, RunStatus::Error] {
            shop.last_run(status);
            shop.minute().await;
        }
        let book = shop.store.book().await.unwrap();
        assert_eq!((book.events, book.epoch.len()), (2, 12));
        assert!(receiver.events().last().unwrap().starts_with(&format!("failed//{}-2/fires/1", book.epoch)));
    }
    let events = receiver.events();
    assert_eq!((events.len(), events.iter().collect::<BTreeSet<_>>().len()), (9, 9), "{events:?}");
}

/// Given an SMTP server that defers, hangs up and then takes mails, then one mail of each event arrives, whole,
/// with every letter of the shop's name, and no password in the log of what went wrong.
#[tokio::test]
async fn an_e_mail() {
    let mailbox = Mailbox::open().await;
    let channel = Channel::Email { recipients: vec!["owner@shop.example".into(), "data@shop.example".into()] };
    let alerts = vec![alert("failed", Condition::PipelineFailed, vec![channel])];
    let mut shop = Shop::new(alerts, Some(smtp(mailbox.port))).await;
    shop.last_run(RunStatus::Error);
    *mailbox.mood.lock().unwrap() = Mood::Defers;
    shop.minutes(5).await;
    *mailbox.mood.lock().unwrap() = Mood::HangsUp;
    shop.minutes(60).await;
    assert!(mailbox.mails.lock().unwrap().is_empty());
    let (waiting, _) = shop.store.messages(1).await.unwrap().remove(0);
    assert_eq!(waiting.trouble.as_deref(), Some("the mail server hung up after the mail"));
    *mailbox.mood.lock().unwrap() = Mood::Takes;
    shop.minutes(60).await;
    shop.last_run(RunStatus::Success);
    shop.minutes(2).await;
    let mails = mailbox.mails.lock().unwrap().clone();
    assert_eq!(mails.len(), 2);
    let (head, body) = mails[0].split_once("\n\n").unwrap();
    assert!(head.contains("To: owner@shop.example, data@shop.example\n"), "{head}");
    let decode =
        |text: &str| String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap();
    let subject = head.split("Subject: ").nth(1).unwrap().split("\nDate").next().unwrap();
    let words = subject.split("=?utf-8?B?").skip(1).map(|word| decode(word.split("?=").next().unwrap()));
    let subject: String = words.collect();
    assert!(subject.starts_with("Müllers Laden: failed fires: the run of 2024-03-20 06:00 CET failed"), "{subject}");
    let body = decode(&body.replace('\n', ""));
    assert!(body.contains("Likely cause: the test not_null(sales.amount) found 7 rows\r\n"), "{body}");
    assert!(body.contains("Since: 2024-03-20T06:01:00+01:00"), "{body}");
    let (_, over) = mails[1].split_once("\n\n").unwrap();
    let over = decode(&over.replace('\n', ""));
    assert!(over.starts_with("What it was: the run of 2024-03-20 06:00 CET failed"), "{over}");
    assert!(over.contains("Over since: ") && !over.contains("To do") && !over.contains("Likely cause"), "{over}");
    let said = mailbox.said.lock().unwrap().clone();
    assert!(said.iter().any(|line| line.starts_with("RCPT TO:<data@shop.example>")), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("AUTH PLAIN ")), "{said:?}");
}

/// Given three recipients, one of them gone and one moved, then the mail reaches whom it can, once.
#[tokio::test]
async fn one_recipient_is_gone() {
    let mailbox = Mailbox::open().await;
    let recipients = ["gone@shop.example", "owner@shop.example", "moved@shop.example"].map(String::from).to_vec();
    let alerts = vec![alert("failed", Condition::PipelineFailed, vec![Channel::Email { recipients }])];
    let mut shop = Shop::new(alerts, Some(smtp(mailbox.port))).await;
    shop.last_run(RunStatus::Error);
    shop.minutes(60).await;
    assert_eq!(mailbox.mails.lock().unwrap().len(), 1);
    let (sent, delivered) = shop.store.messages(1).await.unwrap().remove(0);
    assert!(delivered.is_some() && sent.trouble.is_none(), "{:?}", sent.trouble);
}

/// Given an SMTP server that names a recipient whom it refuses, then `alert ls` has its words, and a log has its code.
#[tokio::test]
async fn a_log_names_no_recipient() {
    let mailbox = Mailbox::open().await;
    *mailbox.mood.lock().unwrap() = Mood::Refuses;
    let channel = Channel::Email { recipients: vec!["owner@shop.example".into()] };
    let alerts = vec![alert("failed", Condition::PipelineFailed, vec![channel.clone()])];
    let mut shop = Shop::new(alerts, Some(smtp(mailbox.port))).await;
    shop.last_run(RunStatus::Error);
    shop.minute().await;
    let (waiting, _) = shop.store.messages(1).await.unwrap().remove(0);
    assert!(waiting.trouble.as_ref().unwrap().contains("<owner@shop.example> is unknown"), "{:?}", waiting.trouble);
    let refused =
        Channels::new(Some(smtp(mailbox.port)), "lake".as_ref()).unwrap().send(&channel, &waiting).await.unwrap_err();
    assert_eq!(refused.for_log(), "the mail server answered 550 to RCPT");
}

/// Given no mail server in the project, or one that only speaks in the clear where TLS is wanted, then nothing is
/// sent, and the message waits with the reason.
#[tokio::test]
async fn mail_is_never_sent_in_the_clear_by_accident() {
    let mailbox = Mailbox::open().await;
    let channel = Channel::Email { recipients: vec!["owner@shop.example".into()] };
    let alerts = vec![alert("failed", Condition::PipelineFailed, vec![channel])];
    let tls = Smtp { tls: SmtpTls::StartTls, ..smtp(mailbox.port) };
    for (smtp, why) in [(None, "states no `smtp` server"), (Some(tls), "does not offer STARTTLS")] {
        let mut shop = Shop::new(alerts.clone(), smtp).await;
        shop.last_run(RunStatus::Error);
        shop.minute().await;
        let (waiting, delivered) = shop.store.messages(1).await.unwrap().remove(0);
        assert!(delivered.is_none() && waiting.trouble.unwrap().contains(why));
    }
    let said = mailbox.said.lock().unwrap().clone();
    assert!(said.iter().all(|line| line.starts_with("EHLO")), "no word of the message, no password: {said:?}");
}

/// Given an alert that cannot be judged, then it stands as it stood, the others are judged, and nobody is told
/// that it is over.
#[tokio::test]
async fn an_alert_that_cannot_be_judged() {
    let receiver = Receiver::open().await;
    let channel = || vec![Channel::Webhook { url: receiver.url(), secret: None }];
    let alerts = vec![
        alert("rows", Condition::Sql { query: "SELECT 1".into() }, channel()),
        alert("failed", Condition::PipelineFailed, channel()),
    ];
    let mut shop = Shop::new(alerts, None).await;
    shop.facts.0.lock().unwrap().rows = vec![vec![Some("x".into())]];
    shop.minutes(2).await;
    shop.facts.0.lock().unwrap().sql_fails = true;
    shop.last_run(RunStatus::Error);
    shop.minutes(5).await;
    let firing: Vec<String> =
        receiver.events().iter().map(|event| event.split('/').next().unwrap().to_owned()).collect();
    assert_eq!(firing, ["rows", "failed"]);
}
