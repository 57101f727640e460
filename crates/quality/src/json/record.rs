//! One record of JSON into the cells of its row, or into several rows by an array inside it.
//!
//! Values keep their source text: a number never passes through a float. What type a cell has to be
//! of is the judge's business.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use shoplake_core::{Reason, Violation};

use super::scan::DEPTH_LIMIT;
use crate::rows::Cell;

/// Where the value at a key goes.
#[derive(Debug, Default)]
struct Slot {
    /// Its own number, for finding a key that stands twice.
    number: usize,
    /// The cells that it fills.
    cells: Vec<usize>,
    /// Whether it holds the items that become the rows.
    items: bool,
    /// Where the values inside it go, for dotted paths.
    inner: Option<Keys>,
}

/// What the keys of an object mean.
#[derive(Debug, Default)]
struct Keys {
    slots: HashMap<String, Slot>,
}

impl Keys {
    /// The slot at a path, made where there is none.
    fn slot(&mut self, path: &[&str], count: &mut usize) -> Option<&mut Slot> {
        let (first, rest) = path.split_first()?;
        let slot = self.slots.entry((*first).to_owned()).or_insert_with(|| {
            *count += 1;
            Slot { number: *count - 1, ..Slot::default() }
        });
        if rest.is_empty() { Some(slot) } else { slot.inner.get_or_insert_default().slot(rest, count) }
    }

    /// Sends the value at `name`, as one key or as a dotted path, to a cell.
    fn send(&mut self, name: &str, cell: usize, count: &mut usize) {
        let path: Vec<&str> = name.split('.').collect();
        for path in [&[name][..], &path[..]] {
            if let Some(slot) = self.slot(path, count)
                && !slot.cells.contains(&cell)
            {
                slot.cells.push(cell);
            }
        }
    }
}

/// How the records of one file become rows.
#[derive(Debug)]
pub(super) struct RecordPlan {
    /// Cells of a row: the contract's columns, then the others.
    width: usize,
    /// Cells from here on are no columns of the contract, and may hold objects as text.
    contract_width: usize,
    row: Keys,
    /// With `explode`: the keys of the record around the items.
    parent: Option<Keys>,
    slots: usize,
}

/// A column beyond the contract: its name, and the key that it is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extra {
    /// The column.
    pub(super) name: String,
    /// The key in the row's record or in the one around it.
    pub(super) key: String,
    /// Whether the key is the surrounding record's.
    pub(super) of_parent: bool,
}

impl RecordPlan {
    /// A plan that reads `columns` (the names that the contract has for them in the file), then `extras`.
    pub(super) fn new(columns: &[&str], extras: &[Extra], explode: Option<&str>) -> Self {
        let (mut row, mut parent, mut slots) = (Keys::default(), Keys::default(), 0);
        for (cell, name) in columns.iter().enumerate() {
            row.send(name, cell, &mut slots);
            parent.send(name, cell, &mut slots);
            if let Some(name) = name.strip_prefix("parent_") {
                parent.send(name, cell, &mut slots);
            }
        }
        for (cell, extra) in extras.iter().enumerate() {
            let keys = if extra.of_parent { &mut parent } else { &mut row };
            if let Some(slot) = keys.slot(&[&extra.key], &mut slots) {
                slot.cells.push(columns.len() + cell);
            }
        }
        let explode = explode.and_then(|path| {
            parent.slot(&path.split('.').collect::<Vec<_>>(), &mut slots)?.items = true;
            Some(parent)
        });
        Self { width: columns.len() + extras.len(), contract_width: columns.len(), row, parent: explode, slots }
    }
}

/// Reads records by a plan; one for each thread, for it holds memory that is used again.
pub(super) struct RecordReader<'p> {
    plan: &'p RecordPlan,
    /// For each slot, the object that it was last seen in.
    seen: Vec<u64>,
    object: u64,
}

/// What one object is read into.
struct Row<'de> {
    cells: Vec<Option<Cell<'de>>>,
    items: Option<&'de RawValue>,
    problem: Option<String>,
}

/// What a record holds.
pub(super) enum Read<'de> {
    /// One row.
    Row(Vec<Cell<'de>>),
    /// Items with a row each, all of which can be read; none is a record without a row.
    Items {
        /// The cells of the record around them.
        around: Vec<Option<Cell<'de>>>,
        /// The array of the items as it stands in it, for [`each_item`].
        items: &'de str,
    },
}

impl<'p> RecordReader<'p> {
    /// A reader for a plan.
    pub(super) fn new(plan: &'p RecordPlan) -> Self {
        Self { plan, seen: vec![0; plan.slots], object: 0 }
    }

    /// Reads one record: its row, or what its rows are made of. Cells are the contract's columns, then
    /// the plan's extras. A record that cannot be read, down to its last item, is a violation.
    pub(super) fn read<'de>(&mut self, record: &'de [u8]) -> Result<Read<'de>, Violation> {
        let text = checked_text(record)?;
        let plan = self.plan;
        let Some(parent_keys) = &plan.parent else {
            let row = self.object(&plan.row, text)?;
            return Ok(Read::Row(row.cells.into_iter().map(|cell| cell.unwrap_or(Cell::Missing)).collect()));
        };
        let parent = self.object(parent_keys, text)?;
        let items = parent.items.map(RawValue::get).filter(|items| *items != "null").unwrap_or("[]");
        let checked = each_item(items, |item| self.object(&plan.row, item.get()).map(drop));
        checked.map_err(|_| malformed("json: explode needs an array", items))??;
        Ok(Read::Items { around: parent.cells, items })
    }

    /// The row of one item of a record.
    pub(super) fn item<'de>(
        &mut self,
        item: &'de RawValue,
        around: &[Option<Cell<'de>>],
    ) -> Result<Vec<Cell<'de>>, Violation> {
        let row = self.object(&self.plan.row, item.get())?;
        let own_or_around = |(own, around): (Option<Cell<'de>>, &Option<Cell<'de>>)| {
            own.or_else(|| around.as_ref().map(copy)).unwrap_or(Cell::Missing)
        };
        Ok(row.cells.into_iter().zip(around).map(own_or_around).collect())
    }

    fn object<'de>(&mut self, keys: &Keys, text: &'de str) -> Result<Row<'de>, Violation> {
        let mut row = Row { cells: vec![], items: None, problem: None };
        row.cells.resize_with(self.plan.width, || None);
        if !text.starts_with('{') {
            let valid = serde_json::from_str::<&RawValue>(text).is_ok();
            return Err(malformed(if valid { "json: object" } else { "json: syntax" }, text));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let fill = Fill { keys, reader: self, row: &mut row };
        let end = fill.deserialize(&mut json).and_then(|()| json.end());
        match (end, row.problem.take()) {
            (_, Some(key)) => Err(malformed("json: duplicate key", &key)),
            (Err(error), None) => Err(malformed("json: syntax", &error.to_string())),
            (Ok(()), None) => Ok(row),
        }
    }
}

/// Gives the items of an array to `take` as they stand there, one at a time, for there may be millions of
/// them; its first error ends it. The outer error says that the text is no array.
pub(super) fn each_item<'de, E>(
    array: &'de str,
    take: impl FnMut(&'de RawValue) -> Result<(), E>,
) -> serde_json::Result<Result<(), E>> {
    let mut ended = Ok(());
    let mut json = serde_json::Deserializer::from_str(array);
    let read = json.deserialize_seq(Each { take, ended: &mut ended }).and_then(|()| json.end());
    if ended.is_err() { Ok(ended) } else { read.map(Ok) }
}

/// Walks over an array; see [`each_item`].
struct Each<'e, T, E> {
    take: T,
    ended: &'e mut Result<(), E>,
}

impl<'de, T: FnMut(&'de RawValue) -> Result<(), E>, E> Visitor<'de> for Each<'_, T, E> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            *self.ended = (self.take)(item);
            if self.ended.is_err() {
                return Err(A::Error::custom("nobody wants more of it"));
            }
        }
        Ok(())
    }
}

/// Fills a row from one object; objects on a dotted path fill the same row.
struct Fill<'r, 'p, 'de> {
    keys: &'r Keys,
    reader: &'r mut RecordReader<'p>,
    row: &'r mut Row<'de>,
}

impl<'de> DeserializeSeed<'de> for Fill<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_, '_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.reader.object += 1;
        let object = self.reader.object;
        let mut unknown_keys = HashSet::new();
        while let Some(found) = map.next_key_seed(Find(self.keys))? {
            let slot = match found {
                Ok(slot) => slot,
                Err(key) => {
                    map.next_value::<IgnoredAny>()?;
                    if let Some(key) = unknown_keys.replace(key) {
                        self.row.problem.get_or_insert(key);
                    }
                    continue;
                }
            };
            let value: &RawValue = map.next_value()?;
            if std::mem::replace(&mut self.reader.seen[slot.number], object) == object {
                let key = self.keys.slots.iter().find(|(_, other)| other.number == slot.number).map(|(key, _)| key);
                self.row.problem.get_or_insert(key.cloned().unwrap_or_default());
            }
            if slot.items {
                self.row.items = Some(value);
            }
            for cell in &slot.cells {
                self.row.cells[*cell] = Some(cell_of(value.get(), *cell >= self.reader.plan.contract_width));
            }
            if let Some(keys) = &slot.inner {
                if value.get().starts_with('{') {
                    let mut json = serde_json::Deserializer::from_str(value.get());
                    let fill = Fill { keys, reader: &mut *self.reader, row: &mut *self.row };
                    fill.deserialize(&mut json).map_err(A::Error::custom)?;
                } else if slot.cells.is_empty() && value.get() != "null" {
                    not_an_object(keys, value.get(), self.row);
                }
            }
        }
        Ok(())
    }
}

/// The cells below a path that leads into something that is no object cannot be read.
fn not_an_object(keys: &Keys, shown: &str, row: &mut Row<'_>) {
    for slot in keys.slots.values() {
        for cell in &slot.cells {
            row.cells[*cell] = Some(Cell::Invalid { shown: shown.to_owned(), rule: "json: object".to_owned() });
        }
        if let Some(inner) = &slot.inner {
            not_an_object(inner, shown, row);
        }
    }
}

/// Finds the slot of a key without copying the key, unless nobody knows it.
struct Find<'k>(&'k Keys);

impl<'de, 'k> DeserializeSeed<'de> for Find<'k> {
    type Value = Result<&'k Slot, String>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'k> Visitor<'_> for Find<'k> {
    type Value = Result<&'k Slot, String>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.slots.get(key).ok_or_else(|| key.to_owned()))
    }
}

/// A value as a cell: scalars as their text, in contract columns nothing else.
fn cell_of(source: &str, as_text: bool) -> Cell<'_> {
    match source.as_bytes().first() {
        Some(b'"') if source.contains('\\') => match serde_json::from_str(source) {
            Ok(text) => Cell::Text(Cow::Owned(text)),
            Err(_) => Cell::Invalid { shown: source.to_owned(), rule: "json: unicode".to_owned() },
        },
        Some(b'"') => Cell::Text(Cow::Borrowed(source.get(1..source.len() - 1).unwrap_or_default())),
        Some(b'n') => Cell::Missing,
        Some(b'{' | b'[') if !as_text => Cell::Invalid { shown: source.to_owned(), rule: "json: scalar".to_owned() },
        _ => Cell::Text(Cow::Borrowed(source)),
    }
}

fn copy<'de>(cell: &Cell<'de>) -> Cell<'de> {
    match cell {
        Cell::Missing => Cell::Missing,
        Cell::Text(text) => Cell::Text(text.clone()),
        Cell::Invalid { shown, rule } => Cell::Invalid { shown: shown.clone(), rule: rule.clone() },
    }
}

/// The record as text that is safe to read further.
pub(super) fn checked_text(record: &[u8]) -> Result<&str, Violation> {
    let text = std::str::from_utf8(record).map_err(|error| {
        let from = error.valid_up_to();
        let bytes = &record[from..record.len().min(from + error.error_len().unwrap_or(4))];
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        malformed("encoding", &format!("0x{} at byte {}", hex.join(""), from + 1))
    })?;
    if is_too_deep(record) {
        return Err(malformed(&format!("json: nested at most {DEPTH_LIMIT}"), ""));
    }
    Ok(text)
}

/// A record that cannot be read at all.
pub(super) fn malformed(rule: &str, value: &str) -> Violation {
    let value = (!value.is_empty()).then(|| value.chars().take(200).collect());
    Violation { reason: Reason::Malformed, rule: rule.to_owned(), column: None, value }
}

/// Whether a text of JSON is nested too deep to be read, brackets in strings left out.
fn is_too_deep(record: &[u8]) -> bool {
    if memchr::memchr2_iter(b'[', b'{', record).take(DEPTH_LIMIT as usize + 1).count() <= DEPTH_LIMIT as usize {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for &byte in record {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_LIMIT {
            return true;
        }
    }
    false
}
