//! The names of a file's fields, which no header tells: the union of the keys of its records.
//!
//! All records are asked before the first is judged, for the columns must be known then.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use shoplake_core::{Contract, Fault, Result};

use super::chunk::Chunk;
use super::record::{Extra, checked_text, each_item};
use super::sample::members;

/// More fields than this are no table.
const NAMES_LIMIT: usize = 2_000;

/// Names in the order that they were first seen.
#[derive(Debug, Clone, Default)]
pub(super) struct NameSet {
    order: Vec<String>,
    known: HashSet<String>,
}

impl NameSet {
    fn add(&mut self, name: &str) {
        if !self.known.contains(name) {
            self.known.insert(name.to_owned());
            self.order.push(name.to_owned());
        }
    }

    fn truncate(&mut self, length: usize) {
        for name in self.order.drain(length..) {
            self.known.remove(&name);
        }
    }
}

/// The names that were seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Keys of the rows: of the records, or with `explode` of the items.
    pub(super) rows: NameSet,
    /// With `explode`, keys of the records around the items that hold no object or array.
    parents: NameSet,
    /// Keys whose value is an array of objects: where the records may really stand.
    arrays: NameSet,
    /// Records that were asked.
    pub(super) records: u64,
}

impl Names {
    /// Asks the records of a chunk; what cannot be read has no names.
    pub(super) fn of_chunk(chunk: &Chunk, explode: Option<&str>) -> Self {
        let mut names = Self::default();
        for (_, record) in chunk.records() {
            names.records += 1;
            let Ok(text) = checked_text(record) else { continue };
            names.add_record(text, explode);
        }
        names
    }

    /// Takes in the names of a later chunk.
    pub(super) fn merge(&mut self, later: &Self) -> Result<()> {
        self.records += later.records;
        let pairs =
            [(&mut self.rows, &later.rows), (&mut self.parents, &later.parents), (&mut self.arrays, &later.arrays)];
        for (ours, theirs) in pairs {
            theirs.order.iter().for_each(|name| ours.add(name));
            if ours.order.len() > NAMES_LIMIT {
                let fault = Fault::data(format!("the records have more than {NAMES_LIMIT} different fields"));
                return Err(fault.hint("fields named by data, such as ids, have to become values first"));
            }
        }
        Ok(())
    }

    /// Takes in the names of a later chunk, of very many only those that the contract asks for: the
    /// others are dropped with their values.
    pub(super) fn merge_asked(&mut self, later: &Self, contract: &Contract) {
        self.records += later.records;
        let asked = |name: &str| {
            let name = name.to_lowercase();
            contract.columns.iter().map(|column| column.file_name().to_lowercase()).any(|wanted| {
                let around = wanted.strip_prefix("parent_").unwrap_or(&wanted);
                name == wanted || name == around || wanted.split('.').next() == Some(&name)
            })
        };
        let pairs =
            [(&mut self.rows, &later.rows), (&mut self.parents, &later.parents), (&mut self.arrays, &later.arrays)];
        for (ours, theirs) in pairs {
            for name in &theirs.order {
                if ours.order.len() < NAMES_LIMIT || asked(name) {
                    ours.add(name);
                }
            }
        }
    }

    fn add_record(&mut self, text: &str, explode: Option<&str>) {
        let Some(path) = explode else {
            collect(text, &mut self.rows, &mut self.arrays, None);
            return;
        };
        collect(text, &mut NameSet::default(), &mut self.arrays, Some(&mut self.parents));
        let Some(items) = value_at(text, path) else { return };
        // What is no array has no names; whether it may stand there is the judge's business.
        let _ = each_item(items, |item| {
            self.add_record(item.get(), None);
            Ok::<(), Infallible>(())
        });
    }

    /// The columns beyond the contract that these names make.
    pub(super) fn extras(&self, columns: &[&str], explode: Option<&str>) -> Vec<Extra> {
        let addressed = |key: &str| {
            columns.iter().any(|name| *name == key || name.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
        };
        let of_rows = self.rows.order.iter().filter(|key| !addressed(key));
        let mut extras: Vec<Extra> =
            of_rows.map(|key| Extra { name: key.clone(), key: key.clone(), of_parent: false }).collect();
        let Some(items) = explode.and_then(|path| path.split('.').next()) else { return extras };
        for key in self.parents.order.iter().filter(|key| *key != items) {
            let shadowed = self.rows.known.contains(key);
            let with_prefix = format!("parent_{key}");
            if addressed(&with_prefix) || (addressed(key) && !shadowed) {
                continue;
            }
            let mut name = if shadowed { with_prefix } else { key.clone() };
            while self.rows.known.contains(&name) || extras.iter().any(|extra| extra.name == name) {
                name.push_str("_2");
            }
            extras.push(Extra { name, key: key.clone(), of_parent: true });
        }
        extras
    }

    /// What the file calls a column of the contract: its exact name, else one that differs in case.
    pub(super) fn called(&self, wanted: &str) -> String {
        let sets = [&self.rows, &self.parents];
        if sets.iter().any(|set| set.known.contains(wanted)) {
            return wanted.to_owned();
        }
        let folded = wanted.to_lowercase();
        let mut all = sets.iter().flat_map(|set| &set.order);
        all.find(|name| name.to_lowercase() == folded).map_or_else(|| wanted.to_owned(), Clone::clone)
    }

    /// Whether a column of the contract, or what it is a part of, stands in the file.
    pub(super) fn has(&self, wanted: &str) -> bool {
        let first = wanted.split('.').next().unwrap_or(wanted);
        let around = wanted.strip_prefix("parent_").unwrap_or(wanted);
        let of_parents = [wanted, around].iter().any(|name| self.parents.known.contains(*name));
        // Objects around exploded items are not among the names.
        let nested_around = !self.parents.order.is_empty() && first != wanted;
        [wanted, first].iter().any(|name| self.rows.known.contains(*name)) || of_parents || nested_around
    }

    /// The fault of a file in which no column of the contract stands.
    pub(super) fn no_column(&self, contract: &Contract) -> Fault {
        let all: Vec<&String> = self.rows.order.iter().chain(&self.parents.order).collect();
        if all.is_empty() {
            return Fault::data("no record of the file is a JSON object with fields").hint(format!(
                "export the rows as objects, or name where they stand with `data_selector:` in `{}`",
                contract.file
            ));
        }
        let shown =
            |names: &[&String]| names.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let fault = Fault::data("no column of the contract stands in the records")
            .detail(format!("The records have {}.", shown(&all)));
        let plain_document = contract.options.data_selector.is_none() && contract.options.explode.is_none();
        if self.arrays.order.len() == 1 && plain_document && self.records <= 100 {
            return fault.hint(format!("set `data_selector: {}` in `{}`", self.arrays.order[0], contract.file));
        }
        let near = contract.columns.iter().find_map(|column| {
            let wanted = plain(column.file_name());
            let near = all.iter().find(|name| plain(name) == wanted)?;
            Some(format!("set `header: \"{near}\"` for `{}` in `{}`", column.name, contract.file))
        });
        fault.hint(near.unwrap_or_else(|| {
            format!(
                "name the fields with `header:` in `{}`, or where the records stand with `data_selector:`",
                contract.file
            )
        }))
    }
}

/// A name without case and signs: `Order ID` is `orderid`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The value at a dotted path of a record.
fn value_at<'t>(text: &'t str, path: &str) -> Option<&'t str> {
    path.split('.')
        .try_fold(text, |text, key| members(text)?.into_iter().find(|(name, _)| name == key).map(|(_, value)| value))
}

/// Collects the keys of one object; one that cannot be read brings no names.
fn collect(text: &str, names: &mut NameSet, arrays: &mut NameSet, mut scalars: Option<&mut NameSet>) {
    let before = (names.order.len(), arrays.order.len(), scalars.as_ref().map_or(0, |set| set.order.len()));
    let mut json = serde_json::Deserializer::from_str(text);
    let visitor = Collect { names: &mut *names, arrays: &mut *arrays, scalars: scalars.as_deref_mut() };
    if json.deserialize_map(visitor).and_then(|()| json.end()).is_err() {
        names.truncate(before.0);
        arrays.truncate(before.1);
        if let Some(scalars) = scalars {
            scalars.truncate(before.2);
        }
    }
}

struct Collect<'n> {
    names: &'n mut NameSet,
    arrays: &'n mut NameSet,
    /// Where the keys of scalars go, if they are wanted.
    scalars: Option<&'n mut NameSet>,
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { names, arrays, mut scalars } = self;
        while let Some(new) = map.next_key_seed(NewKey(names))? {
            let Some(key) = new else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<&RawValue>()?.get();
            if value.strip_prefix('[').is_some_and(|items| items.trim_start().starts_with('{')) {
                arrays.add(&key);
            }
            match &mut scalars {
                None => names.add(&key),
                Some(scalars) if !value.starts_with(['{', '[']) => scalars.add(&key),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A key, copied only where it is new.
struct NewKey<'n>(&'n NameSet);

impl<'de> DeserializeSeed<'de> for NewKey<'_> {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_> {
    type Value = Option<String>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok((!self.0.known.contains(key)).then(|| key.to_owned()))
    }
}
