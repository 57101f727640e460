//! What operations do, kept in `.shoplake/logs/`: the events of `tracing` as lines of [`LogLine`].
//!
//! No secret of the project stands there, whoever says it: its value is replaced in the finished line. Nor do
//! values of rows: nothing logs them, and a fault of the data is kept by its place alone.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use chrono::Utc;
use serde_json::Value;
use shoplake_core::alert::{Alert, Channel};
use shoplake_core::logs::{KEPT, LogLevel, LogLine};
use shoplake_core::source::{Auth, Origin};
use shoplake_core::{Fault, FaultKind, Project};
use shoplake_monitor::LogFolder;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;

/// The folder below `.shoplake/`.
const FOLDER: &str = "logs";
/// A text that is shorter is no secret, and would tear words apart.
const SECRET_LEAST: usize = 4;

static LOG: OnceLock<Kept> = OnceLock::new();

/// Where the lines of this process go.
struct Kept {
    folder: LogFolder,
    /// What must not stand there, the longest first, as it is and as JSON has it.
    secrets: RwLock<Vec<String>>,
    /// The run of this process: lines that do not name one are about it.
    run: Mutex<Option<String>>,
}

/// The log of a project.
pub(crate) fn folder(project: &Project) -> LogFolder {
    LogFolder::new(project.state_dir().join(FOLDER), project.logs.clone())
}

/// From now on, what this process does is kept in the log of the project. `variables` are its settings'
/// secrets as `.env` has them.
pub(crate) fn keep(project: &Project, variables: impl Iterator<Item = String>) {
    // The first project of a process is its only one.
    let (secrets, run) = (RwLock::default(), Mutex::new(None));
    let _ = LOG.set(Kept { folder: folder(project), secrets, run });
    hide(project, variables);
}

/// Hides the secrets of the project as its files say now too, for a process that goes on while they change.
pub(crate) fn hide(project: &Project, variables: impl Iterator<Item = String>) {
    let Some(kept) = LOG.get() else { return };
    let mut secrets = kept.secrets.write().unwrap_or_else(PoisonError::into_inner);
    secrets.extend(of_project(project).into_iter().chain(variables));
    let escaped = secrets.iter().filter_map(|secret| serde_json::to_string(secret).ok());
    let escaped: Vec<String> = escaped.map(|text| text.trim_matches('"').to_owned()).collect();
    secrets.extend(escaped);
    secrets.retain(|secret| secret.chars().count() >= SECRET_LEAST);
    secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    secrets.dedup();
}

/// What the project's settings hold that nobody may read.
fn of_project(project: &Project) -> Vec<String> {
    let mut secrets: Vec<String> = Vec::new();
    if let Some(shoplake_core::project::OpenLineage::Http { api_key: Some(key), .. }) = &project.openlineage {
        secrets.push(key.0.clone());
    }
    if let Some(url) = &project.state {
        secrets.push(url.0.clone());
        let password = url::Url::parse(&url.0).ok().and_then(|url| url.password().map(str::to_owned));
        secrets.extend(password);
    }
    secrets.extend(project.otlp.iter().flat_map(|otlp| &otlp.headers).map(|(_, value)| value.0.clone()));
    secrets.extend(project.alerts.smtp.iter().filter_map(|smtp| Some(smtp.login.as_ref()?.1.0.clone())));
    let of_alerts = project.alerts.all.iter().flat_map(|alert: &Alert| &alert.channels);
    for channel in of_alerts.chain(project.deliveries.iter().flat_map(|delivery| &delivery.channels)) {
        match channel {
            Channel::Webhook { url, secret } => {
                secrets.push(url.0.clone());
                secrets.extend(secret.iter().map(|secret| secret.0.clone()));
            }
            Channel::Slack { url } => secrets.push(url.0.clone()),
            Channel::Email { .. } => {}
        }
    }
    for dataset in &project.datasets {
        let Origin::RestApi(api) = &dataset.origin else { continue };
        match &api.auth {
            Some(Auth::Bearer(secret) | Auth::Basic { password: secret, .. } | Auth::ApiKey { value: secret, .. }) => {
                secrets.push(secret.0.clone());
            }
            None => {}
        }
    }
    secrets
}

/// Why a command did not do its work.
pub(crate) fn failed(failure: &Failure) {
    let Failure::Faults(faults) = failure else { return };
    for fault in faults {
        let place = fault.place.as_ref().map(ToString::to_string);
        tracing::error!(target: KEPT, place, kind = ?fault.kind, reason = words(fault), "the command failed");
    }
}

/// What a fault says that holds no value of a row.
fn words(fault: &Fault) -> Option<String> {
    let of_data = matches!(fault.kind, FaultKind::Data | FaultKind::Internal);
    (!of_data).then(|| fault.message.clone())
}

/// The part of `tracing` that writes them.
pub(crate) struct KeptLog;

impl KeptLog {
    /// Ours from `info` on; what libraries say may hold anything.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
        Self.with_filter(Targets::new().with_target("shoplake", Level::INFO))
    }
}

impl<S: Subscriber> Layer<S> for KeptLog {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let Some(kept) = LOG.get() else { return };
        let line = kept.line(event);
        let Ok(mut text) = serde_json::to_string(&line) else { return };
        for secret in kept.secrets.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        // A log that cannot be written must not end what it tells of; and what it cannot say here, it cannot say.
        if has_state(&kept.folder) {
            let _ = kept.folder.write(&text, line.at);
        }
    }
}

/// A project that nothing was done with yet gets no folder for its log.
fn has_state(folder: &LogFolder) -> bool {
    folder.dir().parent().is_some_and(Path::is_dir)
}

impl Kept {
    fn line(&self, event: &Event<'_>) -> LogLine {
        let level = match *event.metadata().level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            _ => LogLevel::Debug,
        };
        let mut said = Said::default();
        event.record(&mut said);
        let mut take = |name: &str| match said.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        let message = take("message").unwrap_or_default();
        let (run, step, dataset, file) = (take("run"), take("step"), take("dataset"), take("file"));
        let mut known = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.is_some() {
            known.clone_from(&run);
        }
        LogLine {
            at: Utc::now(),
            level,
            message: if message.is_empty() { step.clone().unwrap_or_default() } else { message },
            run: run.or_else(|| known.clone()),
            step,
            dataset,
            file,
            target: event.metadata().target().to_owned(),
            process: std::process::id(),
            fields: said.0,
        }
    }
}

/// The fields of an event.
#[derive(Default)]
struct Said(serde_json::Map<String, Value>);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
