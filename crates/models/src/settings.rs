//! Settings of a model or seed, from the least to the most particular: folders in shoplake.yml, the
//! properties in the .yml, `config(…)` in the file itself. Tags add up, of all else the last holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use shoplake_core::{Fault, Project};

use crate::references::{SqlFile, candidates};
use crate::{Materialized, OnSchemaChange};

/// What can be set.
const KEYS: [&str; 8] = ["materialized", "unique_key", "by_day", "on_schema_change", "tags", "meta", "enabled", "docs"];
/// What can be set of a seed.
const SEED_KEYS: [&str; 6] = ["column_types", "delimiter", "tags", "meta", "enabled", "docs"];
/// Settings of dbt that are not supported, and what to do.
const REFUSED: [(&str, &str); 24] = [
    ("alias", "name the file as its table shall be called"),
    ("schema", "all tables of a project lie side by side: leave it out"),
    ("database", "all tables of a project lie side by side: leave it out"),
    ("pre_hook", "a model only reads: write what it needs into its SQL"),
    ("pre-hook", "a model only reads: write what it needs into its SQL"),
    ("post_hook", "a model only reads: write what it needs into its SQL"),
    ("post-hook", "a model only reads: write what it needs into its SQL"),
    ("incremental_strategy", "leave it out: what a run touched is made anew, by `by_day` or `unique_key`"),
    ("incremental_predicates", "leave it out: what a run touched is made anew, by `by_day` or `unique_key`"),
    ("merge_update_columns", "leave it out: a row is replaced as a whole"),
    ("merge_exclude_columns", "leave it out: a row is replaced as a whole"),
    ("full_refresh", "leave it out, and run `shoplake build --full-refresh` where you want one"),
    ("grants", "rights belong to the folder of the lake: leave it out"),
    ("persist_docs", "`shoplake docs generate` shows the descriptions: leave it out"),
    ("contract", "write `not_null` and `accepted_values` under `data_tests:` in its place"),
    ("access", "every model may be referred to: leave it out"),
    ("group", "use `tags`"),
    ("sql_header", "write one SELECT; what it needs goes into WITH"),
    ("event_time", "say `by_day='date'` with `changed('date')` in the SQL"),
    ("batch_size", "say `by_day='date'` with `changed('date')` in the SQL"),
    ("partition_by", "marts are small: leave it out"),
    ("cluster_by", "marts are small: leave it out"),
    ("indexes", "Parquet has statistics in place of indexes: leave it out"),
    ("quote_columns", "columns keep the names of the header: leave it out"),
];

/// What is set of a model or seed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) materialized: Option<Materialized>,
    pub(crate) unique_key: Vec<String>,
    pub(crate) by_day: Option<String>,
    pub(crate) on_schema_change: Option<OnSchemaChange>,
    pub(crate) tags: Vec<String>,
    pub(crate) meta: Map<String, Json>,
    pub(crate) disabled: bool,
    pub(crate) column_types: BTreeMap<String, String>,
    pub(crate) delimiter: Option<char>,
}

impl Settings {
    /// The settings of a model from the folders that it lies in.
    pub(crate) fn of_folders(project: &Project, path: &str) -> Result<Self, Fault> {
        let mut settings = Self::default();
        let text = || fs_err::read_to_string(project.dir.join("shoplake.yml")).unwrap_or_default();
        let mut tree = &project.model_settings;
        let steps = path.strip_prefix("models/").unwrap_or(path).trim_end_matches(".sql").split('/');
        let steps = std::iter::once(project.name.as_str()).chain(steps);
        for step in std::iter::once(None).chain(steps.map(Some)) {
            if let Some(step) = step {
                match tree.get(step) {
                    Some(below) => tree = below,
                    None if step == project.name => continue,
                    None => break,
                }
            }
            let Some(keys) = tree.as_object() else { break };
            let own: Map<String, Json> = keys
                .iter()
                .filter_map(|(key, value)| Some((key.strip_prefix('+')?.to_owned(), value.clone())))
                .collect();
            settings.take(&own, false, |key| ("shoplake.yml".to_owned(), line_with(&text(), &format!("+{key}"))))?;
        }
        Ok(settings)
    }

    /// Takes more particular settings; `place` says where a key stands.
    pub(crate) fn take(
        &mut self,
        keys: &Map<String, Json>,
        seed: bool,
        place: impl Fn(&str) -> (String, Option<u64>),
    ) -> Result<(), Fault> {
        for (key, value) in keys {
            if let Err(fault) = self.take_one(key, value, seed) {
                let (file, line) = place(key);
                return Err(fault.at(file, line, None));
            }
        }
        Ok(())
    }

    fn take_one(&mut self, key: &str, value: &Json, seed: bool) -> Result<(), Fault> {
        let known: &[&str] = if seed { &SEED_KEYS } else { &KEYS };
        if !known.contains(&key) {
            if let Some((_, remedy)) = REFUSED.iter().find(|(name, _)| *name == key) {
                return Err(Fault::usage(format!("`{key}` is dbt's and not supported")).hint(*remedy));
            }
            let fault = Fault::usage(format!("`{key}` is no setting of a {}", if seed { "seed" } else { "model" }));
            return Err(match candidates(key, known) {
                Some(hint) => fault.hint(hint),
                None => fault,
            });
        }
        match key {
            "materialized" => self.materialized = Some(Materialized::read(text(key, value)?)?),
            "unique_key" => self.unique_key = texts(key, value)?,
            "by_day" => self.by_day = Some(text(key, value)?.to_owned()),
            "on_schema_change" => self.on_schema_change = Some(OnSchemaChange::read(text(key, value)?)?),
            "tags" => {
                for tag in texts(key, value)? {
                    if !self.tags.contains(&tag) {
                        self.tags.push(tag);
                    }
                }
            }
            "meta" => match value {
                Json::Object(meta) => self.meta.extend(meta.clone()),
                _ => return Err(Fault::usage("`meta` is a map").hint("write `meta: {owner: ann}`")),
            },
            "enabled" => match value {
                Json::Bool(enabled) => self.disabled = !enabled,
                other => return Err(Fault::usage(format!("`enabled` is true or false, not `{other}`"))),
            },
            "column_types" => match value {
                Json::Object(types) => {
                    for (column, kind) in types {
                        self.column_types.insert(column.clone(), sql_type(text(column, kind)?)?);
                    }
                }
                _ => return Err(Fault::usage("`column_types` is a map").hint("write `column_types: {id: bigint}`")),
            },
            "delimiter" => self.delimiter = text(key, value)?.chars().next(),
            _ => {}
        }
        Ok(())
    }
}

impl Materialized {
    fn read(word: &str) -> Result<Self, Fault> {
        Ok(match word {
            "table" => Self::Table,
            "view" => Self::View,
            "ephemeral" => Self::Ephemeral,
            "incremental" => Self::Incremental,
            other => {
                let fault = Fault::usage(format!("`{other}` is no way to keep a model"));
                return Err(fault.hint("write `table`, `view`, `ephemeral` or `incremental`"));
            }
        })
    }
}

impl OnSchemaChange {
    fn read(word: &str) -> Result<Self, Fault> {
        Ok(match word {
            "ignore" => Self::Ignore,
            "fail" => Self::Fail,
            "append_new_columns" => Self::AppendNewColumns,
            "sync_all_columns" => Self::SyncAllColumns,
            other => {
                let fault = Fault::usage(format!("`{other}` is no answer to a change of columns"));
                return Err(fault.hint("write `ignore`, `fail`, `append_new_columns` or `sync_all_columns`"));
            }
        })
    }
}

fn text<'v>(key: &str, value: &'v Json) -> Result<&'v str, Fault> {
    value.as_str().ok_or_else(|| Fault::usage(format!("`{key}` is a text, not `{value}`")))
}

fn texts(key: &str, value: &Json) -> Result<Vec<String>, Fault> {
    match value {
        Json::Array(items) => items.iter().map(|item| text(key, item).map(str::to_owned)).collect(),
        one => text(key, one).map(|one| vec![one.to_owned()]),
    }
}

/// A type as SQL writes it, and nothing else.
fn sql_type(text: &str) -> Result<String, Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '(' | ')' | ',' | '_');
    if text.is_empty() || !text.chars().all(plain) {
        return Err(Fault::usage(format!("`{text}` is no type")).hint("for example `bigint`, `decimal(12,2)`, `date`"));
    }
    Ok(text.to_owned())
}

/// The line of `text` that holds `word` as a word.
pub(crate) fn line_with(text: &str, word: &str) -> Option<u64> {
    let edge = |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
    let holds = |line: &str| {
        line.match_indices(word)
            .any(|(at, _)| edge(line[..at].chars().next_back()) && edge(line[at + word.len()..].chars().next()))
    };
    text.lines().position(holds).map(|at| at as u64 + 1)
}

/// Folders and models that `models:` in shoplake.yml names and that are not there.
pub(crate) fn check_folders(project: &Project, files: &BTreeMap<String, SqlFile>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut trees = vec![(String::new(), &project.model_settings)];
    if let Some(own) = project.model_settings.get(&project.name) {
        trees.push((String::new(), own));
    }
    while let Some((folder, tree)) = trees.pop() {
        let Some(keys) = tree.as_object() else { continue };
        for (key, below) in keys.iter().filter(|(key, _)| !key.starts_with('+')) {
            if folder.is_empty() && *key == project.name {
                continue;
            }
            let path = format!("{folder}{key}");
            let text = fs_err::read_to_string(project.dir.join("shoplake.yml")).unwrap_or_default();
            let line = line_with(&text, key);
            if !below.is_object() {
                let fault = Fault::usage(format!("`{key}` is no folder of models")).at("shoplake.yml", line, None);
                faults.push(fault.hint(format!("a setting has a plus before it: `+{key}: …`")));
            } else if files.values().any(|file| {
                let inside = file.path.trim_start_matches("models/").trim_end_matches(".sql");
                inside == path || inside.starts_with(&format!("{path}/"))
            }) {
                trees.push((format!("{path}/"), below));
            } else {
                let fault = Fault::usage(format!("there is no folder `models/{path}`")).at("shoplake.yml", line, None);
                faults.push(fault.hint("remove it there, or correct its name"));
            }
        }
    }
    faults
}
