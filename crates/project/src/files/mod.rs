//! The types of the project's YAML files. Their doc comments are the reference documentation: they
//! become the JSON Schemas that editors show and that [`crate::load`] checks against.

mod alert;
mod dashboard;
mod operate;
mod prices;
mod report;
mod rest_api;
mod schedule;
mod settings;
mod source;

pub use alert::{
    AlertFile, AnomalyFile, CostFile, EmailFile, ErrorRateFile, FreshnessFile, GroupWord, NotifyFile,
    PipelineFailedFile, QuerySlowFile, RejectShareFile, SchemaChangeAlertFile, SeverityWord, SlackFile, SmtpFile,
    SmtpTlsWord, SqlFile, VolumeFile, WebhookFile, WhenFile,
};
pub use dashboard::{DashboardFile, FilterKind, SortFile, SortTerm, Tile, TileKind};
pub use operate::{DeliverFile, LogsFile, ReportWord, RetryFile, StepFile, StepsFile, TroubleWord};
pub use prices::{MetersFile, PriceFile, PricesFile};
pub use report::ReportFile;
pub use rest_api::{ApiKeyPlace, AuthFile, IncrementalFile, PaginatorFile, RestApiFile, RestLimitsFile};
pub use schedule::{ArrivalFile, MissedWord, OverlapWord, ScheduleFile, ScheduleMap};
pub use settings::{LimitsFile, OpenLineageFile, OtlpFile, ServerFile, SettingsFile, TargetFile, TransportWord};
pub use source::{ColumnFile, FormatWord, FromFile, OnChangeWord, SchemaChangeFile, SourceFile};

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A value that may be written as text, a number, or true and false; kept as its source text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Scalar(pub String);

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
