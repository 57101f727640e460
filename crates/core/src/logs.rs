//! The log as it is kept and searched: one line for each thing that was done.
//!
//! Values and the port; what writes and reads files is `monitor`.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Result;

/// The target of events that the log keeps and nobody is shown while they happen.
pub const KEPT: &str = "shoplake::kept";

/// How much of the log is kept in `.shoplake/logs/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Bytes after which a file is followed by another.
    pub file_size: u64,
    /// Bytes of all files together; the oldest go first.
    pub keep_size: u64,
    /// How long a file is kept.
    pub keep_for: TimeDelta,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { file_size: 10 << 20, keep_size: 200 << 20, keep_for: TimeDelta::days(30) }
    }
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Details, for those who look for a mistake of Shoplake.
    Debug,
    /// What was done.
    Info,
    /// What somebody should know.
    Warn,
    /// What failed.
    Error,
}

impl LogLevel {
    /// The levels by their words.
    pub const WORDS: [&'static str; 4] = ["debug", "info", "warn", "error"];

    /// The level of a word.
    pub fn parse(word: &str) -> Option<Self> {
        let levels = [Self::Debug, Self::Info, Self::Warn, Self::Error];
        Self::WORDS.into_iter().zip(levels).find(|(known, _)| *known == word).map(|(_, level)| level)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: LogLevel,
    /// What was done, in words.
    pub message: String,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The step of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The file, as the user knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The part of Shoplake that says so.
    pub target: String,
    /// The process.
    pub process: u32,
    /// All else that is said.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Which lines are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Those of a run; the beginning of its id is enough.
    pub run: Option<String>,
    /// Those that matter at least so much.
    pub level: Option<LogLevel>,
    /// Those since then.
    pub since: Option<DateTime<Utc>>,
    /// Those that hold this text, in capitals or not.
    pub grep: Option<String>,
}

impl LogQuery {
    /// Whether a line, which is written as `text`, is asked for.
    pub fn wants(&self, line: &LogLine, text: &str) -> bool {
        let of_run = |run: &String| line.run.as_ref().is_some_and(|known| known.starts_with(run.as_str()));
        self.run.as_ref().is_none_or(of_run)
            && self.level.is_none_or(|level| line.level >= level)
            && self.since.is_none_or(|since| line.at >= since)
            && self.grep.as_ref().is_none_or(|words| text.to_lowercase().contains(&words.to_lowercase()))
    }
}

/// The log that is kept. Its calls wait for a disk: not for threads that must not.
pub trait LogStore: Send + Sync {
    /// The last `limit` lines that are asked for, oldest first.
    fn search(&self, query: &LogQuery, limit: usize) -> Result<Vec<LogLine>>;
}
