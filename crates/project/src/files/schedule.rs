//! `schedule:` and `arrival:` of `shoplake.yml`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::Scalar;

/// When the pipeline runs: a cron expression, or a map with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ScheduleFile {
    /// The expression alone.
    Cron(String),
    /// The expression with what else can be stated.
    Map(ScheduleMap),
}

/// When the pipeline runs, in the shop's time zone: a cron expression such as `0 6 * * *`, or a map with it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleMap {
    /// Minute, hour, day of the month, month and day of the week: `0 6 * * *` is every day at 6:00.
    pub cron: String,
    /// What happens to a run that is due while another is going on; `wait` unless stated.
    pub overlap: Option<OverlapWord>,
    /// What happens to runs that were due while nobody could start them; `last` unless stated.
    pub missed: Option<MissedWord>,
}

/// What happens to a run that is due while another is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverlapWord {
    /// It begins when the other ends.
    Wait,
    /// It is left out.
    Skip,
    /// The other is ended, and it begins.
    Cancel,
}

/// What happens to runs that were due while nobody could start them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissedWord {
    /// One run makes up for all of them.
    Last,
    /// Each of them is made up for, the oldest first.
    All,
}

/// What files that arrive in `inbox/` do.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivalFile {
    /// Whether they start a run; `true` unless stated. Otherwise they wait for the schedule.
    pub run: Option<bool>,
    /// How long a file must not change before it has arrived: `2s` unless stated.
    pub settle: Option<Scalar>,
}

impl JsonSchema for ScheduleFile {
    fn schema_name() -> Cow<'static, str> {
        "ScheduleFile".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ScheduleMap::json_schema(generator);
        schema.insert("type".to_owned(), serde_json::json!(["string", "object"]));
        schema
    }
}
