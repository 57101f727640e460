//! A sample of a JSON file for discovery: where its records stand, and their fields as text.

use std::fmt;
use std::io::Read;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use shoplake_core::Result;
use shoplake_core::contract::{FileOptions, Format};

use super::record::checked_text;
use super::scan::Scan;
use super::shape_of;
use super::window::Window;

/// Names of arrays whose items are what was sold.
const ITEMS: [&str; 7] = ["line_items", "items", "lines", "order_lines", "order_items", "products", "positions"];
/// Longest record that is looked at, in bytes.
const RECORD_BYTES: usize = 16 << 20;
/// Bytes of records that are looked at.
const SAMPLE_BYTES: usize = 64 << 20;

/// Finds out how a file is read, and gives up to `rows` of its rows as named values to `take`.
///
/// `open` opens the file anew each time. With `explode_items`, records around an array such as
/// `line_items` give its items. The notes say what was decided.
pub(crate) fn sample(
    open: &dyn Fn() -> Result<Box<dyn Read + Send>>,
    file: &str,
    rows: usize,
    explode_items: bool,
    take: &mut dyn FnMut(Vec<(String, String)>),
) -> Result<(FileOptions, Vec<String>)> {
    let mut options = FileOptions::new(Format::Json);
    let mut notes = Vec::new();
    let head = records(open()?, file, &options, 2)?;
    if let [only] = head.as_slice()
        && let Some(path) = wrapped(only)
    {
        notes.push(format!("the records stand in `{path}`"));
        options.data_selector = Some(path);
    }
    let sampled = records(open()?, file, &options, rows)?;
    if explode_items && let Some(items) = sampled.iter().find_map(|record| items_of(record)) {
        notes.push(format!("each item of `{items}` is a row, with the fields around it beside its own"));
        options.explode = Some(items);
    }
    let mut left_out = Vec::new();
    let mut count = 0;
    for record in &sampled {
        for row in rows_of(record, options.explode.as_deref(), &mut left_out) {
            count += 1;
            if count <= rows {
                take(row);
            }
        }
    }
    if !left_out.is_empty() {
        notes.push(format!("lists are no columns of the contract: {}", left_out.join(", ")));
    }
    Ok((options, notes))
}

fn records(reader: Box<dyn Read + Send>, file: &str, options: &FileOptions, rows: usize) -> Result<Vec<String>> {
    let mut window = Window::new(reader, file);
    let shape = shape_of(&mut window, options)?;
    let mut scan = Scan::new(window, shape, RECORD_BYTES, SAMPLE_BYTES);
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(chunk) = scan.next_chunk()? {
        let texts = chunk.records().filter_map(|(_, record)| checked_text(record).ok().map(str::to_owned));
        records.extend(texts.take(rows - records.len()));
        bytes += chunk.bytes();
        if records.len() == rows || bytes >= SAMPLE_BYTES {
            break;
        }
    }
    Ok(records)
}

/// The path of the records in a document that only wraps them.
fn wrapped(document: &str) -> Option<String> {
    let fields = members(document)?;
    let arrays: Vec<&str> = fields.iter().filter(|(_, value)| is_list(value)).map(|(key, _)| key.as_str()).collect();
    if let [array] = arrays.as_slice() {
        return (fields.len() <= 6).then(|| (*array).to_owned());
    }
    let objects: Vec<_> = fields.iter().filter(|(_, value)| value.starts_with('{')).collect();
    let inside = objects.iter().filter_map(|(key, inner)| Some(format!("{key}.{}", wrapped(inner)?)));
    match (inside.collect::<Vec<_>>().as_slice(), objects.as_slice()) {
        ([path], _) if fields.len() <= 6 => Some(path.clone()),
        ([], [(key, _)]) if fields.len() == 1 => Some(key.clone()),
        _ => None,
    }
}

fn items_of(record: &str) -> Option<String> {
    let fields = members(record)?;
    let names = ITEMS.iter().filter(|name| fields.iter().any(|(key, value)| key == *name && is_list(value)));
    names.map(|name| (*name).to_owned()).next()
}

fn is_list(value: &str) -> bool {
    value.strip_prefix('[').is_some_and(|items| items.trim_start().starts_with('{'))
}

/// The rows of a record with their fields by the names that a contract addresses them with.
fn rows_of(record: &str, explode: Option<&str>, left_out: &mut Vec<String>) -> Vec<Vec<(String, String)>> {
    let Some(fields) = members(record) else { return Vec::new() };
    let Some(items) = explode else { return vec![flat(&fields, left_out)] };
    let around: Vec<_> = fields.iter().filter(|(key, _)| key != items).cloned().collect();
    let around = flat(&around, left_out);
    let list = fields.iter().find(|(key, _)| key == items).map_or("[]", |(_, value)| value);
    let list: Vec<&RawValue> = serde_json::from_str(list).unwrap_or_default();
    let row = |item: &&RawValue| {
        let mut row = flat(&members(item.get())?, left_out);
        for (name, value) in &around {
            let shadowed = row.iter().any(|(own, _)| own == name);
            // A dotted path is looked up in the item first, so the parent's is out of reach.
            if shadowed && name.contains('.') {
                continue;
            }
            row.push((if shadowed { format!("parent_{name}") } else { name.clone() }, value.clone()));
        }
        Some(row)
    };
    list.iter().filter_map(row).collect()
}

/// Scalars by name, and those of objects inside by dotted path, one level down.
fn flat(fields: &[(String, &str)], left_out: &mut Vec<String>) -> Vec<(String, String)> {
    let mut row = Vec::with_capacity(fields.len());
    let scalar = |value: &str| match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str(value).unwrap_or_default(),
        Some(b'n') => String::new(),
        _ => value.to_owned(),
    };
    for (key, value) in fields {
        match value.as_bytes().first() {
            Some(b'{') => {
                let inner = members(value).unwrap_or_default();
                let scalars = inner.iter().filter(|(_, value)| !value.starts_with(['{', '[']));
                row.extend(scalars.map(|(name, value)| (format!("{key}.{name}"), scalar(value))));
            }
            Some(b'[') => {
                let shown = format!("`{key}`");
                if !left_out.contains(&shown) {
                    left_out.push(shown);
                }
            }
            _ => row.push((key.clone(), scalar(value))),
        }
    }
    row
}

/// The fields of an object with their source text.
pub(super) fn members(text: &str) -> Option<Vec<(String, &str)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de str)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                fields.push((key, value.get()));
            }
            Ok(fields)
        }
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()
}
