//! What tells a contract from the one that the last batch was made with, column by column.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shoplake_core::contract::OnChange;
use shoplake_core::{Column, Contract, Project};

/// A column, or a setting of a contract, that comes, goes or changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnChange {
    /// The column or the setting.
    pub column: String,
    /// What it is now; `None` where it comes.
    pub before: Option<String>,
    /// What it will be; `None` where it goes.
    pub after: Option<String>,
}

/// A contract that is not what the last batch was made with.
#[derive(Debug, Serialize)]
pub struct ContractChange {
    /// The dataset.
    pub dataset: String,
    /// Columns, as the contract states them.
    pub columns: Vec<ColumnChange>,
    /// The key, the event time, the format and the like.
    pub settings: Vec<ColumnChange>,
    /// Whether the dataset is new, or no longer part of the project.
    pub whole: Option<Whole>,
}

/// A dataset as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Whole {
    /// It comes.
    New,
    /// It goes; its table stays.
    Removed,
}

/// What begins the name of the entry that keeps a contract's words.
const ENTRY: &str = "contract:";
/// What begins the words of a column.
const COLUMN: &str = "column ";

/// The contract in words, for the publish record: the entry's name and what stands in it.
pub(crate) fn words(contract: &Contract) -> (String, String) {
    let words: BTreeMap<String, String> = contract
        .columns
        .iter()
        .map(|column| (format!("{COLUMN}{}", column.name), column_words(column)))
        .chain(settings(contract))
        .collect();
    // A map of texts can always be written.
    (format!("{ENTRY}{}", contract.dataset), serde_json::to_string(&words).unwrap_or_default())
}

fn column_words(column: &Column) -> String {
    let mut words = vec![column.column_type.to_string()];
    words.extend(column.header.as_ref().map(|header| format!("header {header:?}")));
    words.extend(column.required.then(|| "required".to_owned()));
    words.extend(column.min.as_ref().map(|min| format!("min {min}")));
    words.extend(column.max.as_ref().map(|max| format!("max {max}")));
    words.extend(column.pattern.as_ref().map(|pattern| format!("pattern {pattern:?}")));
    if !column.accepted_values.is_empty() {
        words.push(format!("accepted values {}", column.accepted_values.join(", ")));
    }
    words.extend(column.relationship.as_ref().map(|to| format!("relationship {}.{}", to.dataset, to.column)));
    if !column.formats.is_empty() {
        words.push(format!("formats {}", column.formats.join(", ")));
    }
    let number = &column.number;
    words.extend(number.decimal_separator.map(|sign| format!("decimal separator {sign:?}")));
    words.extend(number.thousands_separator.map(|sign| format!("thousands separator {sign:?}")));
    words.extend(number.currency_sign.as_ref().map(|sign| format!("currency sign {sign:?}")));
    words.join(", ")
}

fn settings(contract: &Contract) -> impl Iterator<Item = (String, String)> {
    let answer = |answer: OnChange| match answer {
        OnChange::Evolve => "evolve",
        OnChange::Freeze => "freeze",
        OnChange::DiscardRow => "discard_row",
        OnChange::DiscardValue => "discard_value",
    };
    let options = &contract.options;
    let mut settings = vec![
        ("key", contract.key.join(", ")),
        ("event_time", contract.event_time.clone().unwrap_or_default()),
        ("version", contract.version.clone().unwrap_or_default()),
        ("schema_change.columns", answer(contract.schema_change.columns).to_owned()),
        ("schema_change.types", answer(contract.schema_change.types).to_owned()),
        ("reject_limit", contract.reject_limit.to_string()),
        ("format", format!("{:?}", options.format).to_lowercase()),
        ("delimiter", char::from(options.delimiter).to_string()),
        ("encoding", options.encoding.clone().unwrap_or_default()),
        ("data_selector", options.data_selector.clone().unwrap_or_default()),
        ("explode", options.explode.clone().unwrap_or_default()),
        ("columns in order", options.header.clone().unwrap_or_default().join(", ")),
    ];
    settings.retain(|(_, value)| !value.is_empty());
    settings.into_iter().map(|(name, value)| (name.to_owned(), value))
}

/// The contracts that are not what `last` was made with; none before the first batch.
pub(crate) fn changes(project: &Project, last: Option<&BTreeMap<String, String>>) -> Vec<ContractChange> {
    let Some(last) = last else { return Vec::new() };
    let mut changes = Vec::new();
    for dataset in &project.datasets {
        let contract = &dataset.contract;
        let name = &contract.dataset;
        let (entry, now) = words(contract);
        if last.get(name) == Some(&contract.fingerprint()) {
            continue;
        }
        let whole = (!last.contains_key(name)).then_some(Whole::New);
        // A batch of an earlier Shoplake keeps no words: then only the change as such is known.
        let known = last.get(&entry).map(|text| read(text));
        let all = known.filter(|_| whole.is_none()).map(|before| differences(&before, &read(&now)));
        let (columns, settings): (Vec<_>, Vec<_>) =
            all.unwrap_or_default().into_iter().partition(|change| change.column.starts_with(COLUMN));
        let columns = columns
            .into_iter()
            .map(|change| ColumnChange { column: change.column[COLUMN.len()..].to_owned(), ..change });
        changes.push(ContractChange { dataset: name.clone(), columns: columns.collect(), settings, whole });
    }
    let gone = last.keys().filter_map(|entry| entry.strip_prefix(ENTRY)).filter(|name| project.dataset(name).is_none());
    changes.extend(gone.map(|name| ContractChange {
        dataset: name.to_owned(),
        columns: Vec::new(),
        settings: Vec::new(),
        whole: Some(Whole::Removed),
    }));
    changes
}

fn read(text: &str) -> BTreeMap<String, String> {
    serde_json::from_str(text).unwrap_or_default()
}

/// What differs between two sets of words, by name.
pub(crate) fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ColumnChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| {
        let (before, after) = (before.get(name).cloned(), after.get(name).cloned());
        (before != after).then(|| ColumnChange { column: name.clone(), before, after })
    };
    names.into_iter().filter_map(change).collect()
}
