//! `alerts/*.yml`: what is watched, and whom it tells.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;

/// An alert.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertFile {
    /// The alert's name.
    pub name: String,
    /// What the alert is for; people are told it too.
    pub description: Option<String>,
    /// How bad it is; `warning` unless stated.
    pub severity: Option<SeverityWord>,
    /// What it watches.
    pub when: WhenFile,
    /// How long it must hold before people are told: `10m`; at once unless stated.
    #[serde(rename = "for")]
    pub hold: Option<Scalar>,
    /// Whether people are told when it is over; `true` unless stated.
    pub on_recover: Option<bool>,
    /// After how long people are told again while it lasts: `24h`; never unless stated.
    pub renotify_after: Option<Scalar>,
    /// One message for all that it finds, or one for each; `together` unless stated.
    pub group: Option<GroupWord>,
    /// Whom it tells. Whatever stands here, alerts are in the log and in `shoplake alert ls`.
    pub notify: Option<NotifyFile>,
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeverityWord {
    /// Good to know.
    Info,
    /// Wants a look today.
    Warning,
    /// Wants somebody now.
    Critical,
}

/// How messages are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupWord {
    /// One message for all that is found.
    Together,
    /// One message for each dataset or row that is found.
    Each,
}

/// What an alert watches: exactly one of these.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFile {
    /// The last run failed.
    PipelineFailed(PipelineFailedFile),
    /// Too large a share of the last runs failed.
    ErrorRate(ErrorRateFile),
    /// Too large a share of the rows of the last run was rejected.
    RejectShare(RejectShareFile),
    /// The slowest 5 % of the last hour's queries took too long.
    QuerySlow(QuerySlowFile),
    /// The month costs too much.
    Cost(CostFile),
    /// Nothing of a dataset was loaded for too long.
    Freshness(FreshnessFile),
    /// A day has far more or fewer rows than the same weekday before.
    Volume(VolumeFile),
    /// A file's shape differs from its contract.
    SchemaChange(SchemaChangeAlertFile),
    /// A query gives rows.
    Sql(SqlFile),
    /// The last day of a daily figure is far from what its weekday leads to expect.
    Anomaly(AnomalyFile),
}

/// The last run failed: `{}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineFailedFile {}

/// Too large a share of the last runs failed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRateFile {
    /// The share that may fail, 0 to 1.
    pub above: f64,
    /// How many runs are looked at; 10 unless stated.
    pub runs: Option<u32>,
}

/// Too large a share of the rows of the last run was rejected.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectShareFile {
    /// The dataset; each of them unless stated.
    pub dataset: Option<String>,
    /// The share that may be rejected, 0 to 1.
    pub above: f64,
}

/// The slowest 5 % of the last hour's queries took too long.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuerySlowFile {
    /// Seconds that they may take.
    pub above: f64,
}

/// The month costs too much, by the project's price table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostFile {
    /// What the month may cost: `"10.00"`.
    pub above: Scalar,
    /// Whether the month's forecast counts rather than what was spent; `true` unless stated.
    pub forecast: Option<bool>,
}

/// Nothing of a dataset was loaded for too long.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreshnessFile {
    /// The dataset.
    pub dataset: String,
    /// How old its last load may be: `26h`.
    pub older_than: Scalar,
}

/// The last whole day has far more or fewer rows than the same weekday in the weeks before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeFile {
    /// The dataset; it must have an `event_time`.
    pub dataset: String,
    /// The least share of the usual rows, 0 to 1.
    pub below: Option<f64>,
    /// The largest multiple of the usual rows, 1 or more.
    pub above: Option<f64>,
    /// How many weeks are compared with, 2 to 52; 4 unless stated.
    pub weeks: Option<u32>,
}

/// A file of the last run had another shape than its contract says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaChangeAlertFile {
    /// The dataset; each of them unless stated.
    pub dataset: Option<String>,
}

/// A query gives rows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlFile {
    /// One SELECT; each row that it gives is something found, named by its first column.
    pub query: String,
}

/// The last whole day of a daily figure is far from what the same weekday leads to expect.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnomalyFile {
    /// One SELECT of a date and a figure, one row a day: `SELECT date, total_revenue FROM daily_sales_summary`.
    pub query: String,
    /// How many times the usual spread the figure may be away; 4 unless stated.
    pub sensitivity: Option<f64>,
}

/// Whom an alert tells.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyFile {
    /// People, through the server that `smtp` in shoplake.yml states.
    pub email: Option<EmailFile>,
    /// Channels of Slack.
    pub slack: Option<SlackFile>,
    /// A web address.
    pub webhook: Option<WebhookFile>,
}

/// People who get an e-mail.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailFile {
    /// Their addresses.
    pub recipients: Vec<String>,
}

/// Channels of Slack.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackFile {
    /// The addresses of incoming webhooks, as `"${NAME}"`: whoever knows one can write there.
    pub webhooks: Vec<String>,
}

/// A web address that gets a signed POST.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookFile {
    /// The address.
    pub url: String,
    /// The secret of the signature, as `"${NAME}"`.
    pub secret: Option<String>,
}

/// The server that e-mails go through.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpFile {
    /// The server's name.
    pub host: String,
    /// Its port; 587 unless stated, 465 with `tls: implicit`, 25 with `tls: off`.
    pub port: Option<u16>,
    /// How the connection is kept private; `starttls` unless stated.
    pub tls: Option<SmtpTlsWord>,
    /// A file of certificates (PEM) that the server's must come from, relative to the project, for a server
    /// with a certificate of the shop's own; those that the machine trusts unless stated.
    pub ca: Option<String>,
    /// The user, where it wants one.
    pub username: Option<String>,
    /// The user's password, as `"${NAME}"`.
    pub password: Option<String>,
    /// The sender's address.
    pub from: String,
}

/// How a connection to an SMTP server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTlsWord {
    /// It begins in the clear and turns to TLS before anything is said.
    Starttls,
    /// It is TLS from the first byte.
    Implicit,
    /// It is in the clear: only for a server on the same machine.
    Off,
}
