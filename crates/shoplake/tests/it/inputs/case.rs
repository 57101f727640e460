//! `case.yml`: what a case is, and what has to come of it. What is not known here is refused, and so
//! is a case that would check nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What is tested, in one sentence.
    pub(crate) what: String,
    /// The dataset that takes the files; `items` of the area unless stated.
    pub(crate) dataset: Option<String>,
    /// Keys that replace those of the area's `items.yml`; null takes one out.
    pub(crate) contract: Option<Map<String, Value>>,
    /// Files of the shared collections; the case is passed over where they are not on the machine.
    #[serde(default)]
    pub(crate) shared: Vec<String>,
    /// Whether the contract is written by `shoplake discover` from the very file.
    #[serde(default)]
    pub(crate) discover: bool,
    /// Settings by the names that they have in the environment: `limits__record_bytes: 1KB`.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    /// SQL for `shoplake query`, in place of files.
    pub(crate) query: Option<String>,
    /// What has to come of it.
    pub(crate) expect: Expect,
}

/// What has to come of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The exit code.
    pub(crate) exit: i32,
    /// With exit code 2 or a query: a part of the error, with its place.
    pub(crate) says: Option<String>,
    /// With exit code 2 or a query: a part of the remedy.
    pub(crate) hint: Option<String>,
    /// What becomes of each file.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, ExpectedFile>,
    /// In place of `files`, for collections of many: what holds for each.
    pub(crate) every_file: Option<EveryFile>,
    /// The models that fail.
    #[serde(default)]
    pub(crate) models: BTreeMap<String, Said>,
    /// The rejected rows, all of them, by file and line.
    pub(crate) set_aside: Option<Vec<SetAside>>,
    /// The rows of the table by file and line: those of their columns that matter.
    pub(crate) loaded: Option<Vec<Map<String, Value>>>,
}

/// What becomes of a file. A count that is not stated is 0, a warning that is not stated is not there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedFile {
    /// `loaded` unless stated.
    pub(crate) status: Option<String>,
    pub(crate) rows_read: Option<u64>,
    #[serde(default)]
    pub(crate) inserted: u64,
    #[serde(default)]
    pub(crate) updated: u64,
    #[serde(default)]
    pub(crate) duplicate: u64,
    #[serde(default)]
    pub(crate) orphans: u64,
    /// Rejected rows by reason.
    #[serde(default)]
    pub(crate) rejects: BTreeMap<String, u64>,
    /// Every change of the schema, then every warning, as they stand.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    /// Of a failed file: a part of the error, with its place.
    pub(crate) says: Option<String>,
    /// Of a failed file: a part of the remedy.
    pub(crate) hint: Option<String>,
}

/// What holds for every file of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EveryFile {
    /// Loaded or refused: no row is lost.
    AccountedFor,
    /// No row of it reaches the table.
    KeptOut,
}

/// What is said of a failed model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    pub(crate) says: String,
    pub(crate) hint: String,
}

/// One rejected row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetAside {
    /// The file, where there are several.
    pub(crate) file: Option<String>,
    pub(crate) line: u64,
    /// The first broken rule.
    pub(crate) rule: String,
    pub(crate) column: Option<String>,
    pub(crate) value: Option<String>,
}

impl Case {
    /// Reads the case of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let text = fs_err::read_to_string(folder.join("case.yml")).map_err(|error| error.to_string())?;
        let case: Self = serde_saphyr::from_str(&text).map_err(|error| format!("case.yml: {error}"))?;
        case.checks_something().map(|()| case).map_err(|why| format!("case.yml: {why}"))
    }

    /// Refuses a case that could not fail.
    fn checks_something(&self) -> Result<(), &'static str> {
        let expect = &self.expect;
        let told = expect.says.is_some() && expect.hint.is_some();
        let counted = !expect.files.is_empty() || expect.every_file.is_some();
        if !self.what.ends_with('.') {
            return Err("`what` must be a sentence");
        }
        if (expect.exit == 2 || self.query.is_some()) && !told {
            return Err("an error needs `says` and `hint`");
        }
        if expect.exit < 2 && self.query.is_none() && !counted && expect.models.is_empty() {
            return Err("`expect` needs `files` or `models`");
        }
        for file in expect.files.values() {
            let loaded = file.status.as_deref().is_none_or(|status| status == "loaded");
            let failed = file.status.as_deref() == Some("failed");
            if loaded && file.rows_read.is_none() || failed && (file.says.is_none() || file.hint.is_none()) {
                return Err("a loaded file needs `rows_read`, a failed one `says` and `hint`");
            }
        }
        Ok(())
    }
}
