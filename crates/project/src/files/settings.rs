//! `shoplake.yml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ArrivalFile, DeliverFile, LogsFile, RetryFile, Scalar, ScheduleFile, SmtpFile};

/// The settings of a project: `shoplake.yml`. Every one of them can be set by an environment
/// variable too: `SHOPLAKE__LIMITS__THREADS=1`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    /// The project's name.
    pub name: String,
    /// The version of the project format; 1 unless stated.
    pub version: Option<u64>,
    /// The IANA time zone that the shop's days are counted in: `Europe/Berlin`.
    pub time_zone: String,
    /// The shop's currency, three letters of ISO 4217: `EUR`.
    pub currency: String,
    /// When `shoplake serve` runs the pipeline, in the shop's time zone: `0 6 * * *`, or a map.
    pub schedule: Option<ScheduleFile>,
    /// What files that arrive in `inbox/` do while `shoplake serve` runs.
    pub arrival: Option<ArrivalFile>,
    /// How the steps of a run are tried again, how long they may take, and when a file is set aside.
    pub retry: Option<RetryFile>,
    /// How much of the log is kept.
    pub logs: Option<LogsFile>,
    /// Reports that are sent to people, once for each day.
    pub deliver: Option<Vec<DeliverFile>>,
    /// The server that e-mails of alerts go through.
    pub smtp: Option<SmtpFile>,
    /// The target to use; `local` unless stated.
    pub target: Option<String>,
    /// Places that the project can run on, by name.
    pub targets: Option<BTreeMap<String, TargetFile>>,
    /// What stands in front of `shoplake serve`.
    pub server: Option<ServerFile>,
    /// Bounds on what a run may use.
    pub limits: Option<LimitsFile>,
    /// Where the events of runs go, for catalogues that speak OpenLineage; nowhere unless stated.
    pub openlineage: Option<OpenLineageFile>,
    /// The PostgreSQL database that holds the state, for several machines: `"${STATE_URL}"`, which is
    /// `postgres://user:password@host/database`; the file `.shoplake/state.db` unless stated.
    pub state: Option<String>,
    /// Where the traces of runs and metrics go over OTLP/HTTP; to `OTEL_EXPORTER_OTLP_ENDPOINT` unless
    /// stated, and nowhere without it.
    pub otlp: Option<OtlpFile>,
    /// Variables for models: `{{ var('name') }}`.
    pub vars: Option<BTreeMap<String, serde_json::Value>>,
    /// Settings of models by folder, as in dbt: `staging: {+materialized: view, +tags: [daily]}`.
    pub models: Option<BTreeMap<String, serde_json::Value>>,
}

/// A place that the project can run on.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// The folder of the lake, relative to the project (`lake` unless stated), or its address:
    /// `s3://bucket/prefix` on any store with conditional writes, `file:///folder` of a disk that
    /// machines share. Credentials come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`
    /// and `AWS_ENDPOINT_URL`, in the environment or in `.env`.
    pub lake: Option<String>,
    /// How long the one writer of a lake at an address may be silent before another machine takes over:
    /// `30s` unless stated.
    pub lease: Option<Scalar>,
}

/// Where OpenLineage events go.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenLineageFile {
    /// `file` writes `.shoplake/openlineage/<run>.ndjson`, `http` sends each event to `url`.
    pub transport: TransportWord,
    /// The server's address: `https://lineage.example`; events go to `/api/v1/lineage` below it unless it has a path.
    pub url: Option<String>,
    /// The key that the server wants, as `"${NAME}"`.
    pub api_key: Option<String>,
}

/// Where traces and metrics go over OTLP/HTTP, in its JSON encoding.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtlpFile {
    /// The receiver's address: `http://localhost:4318`; `/v1/traces` and `/v1/metrics` lie below it.
    pub endpoint: String,
    /// Headers that the receiver wants: `{ authorization: "${OTLP_TOKEN}" }`.
    pub headers: Option<BTreeMap<String, String>>,
}

/// What stands in front of `shoplake serve`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerFile {
    /// Addresses of proxies, or ranges of them: `[127.0.0.1, 10.0.0.0/8]`; none unless stated. Their header
    /// `X-Forwarded-For` says where a request came from: the last address in it that is no such proxy. Tries of
    /// passwords and links are counted by that address, and the audit log names it.
    pub trusted_proxies: Option<Vec<String>>,
}

/// How OpenLineage events travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransportWord {
    /// Into a file a run.
    File,
    /// To a server.
    Http,
}

/// Bounds on what a run may use.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Memory for SQL and key sets: `512MB` unless stated.
    pub memory: Option<Scalar>,
    /// Threads; one for each processor unless stated.
    pub threads: Option<u32>,
    /// The longest record of a file: `16MB` unless stated.
    pub record_bytes: Option<Scalar>,
    /// What one compressed file may unpack to: `64GB` unless stated.
    pub unpacked_bytes: Option<Scalar>,
}
