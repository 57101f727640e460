//! Where in a rejected record the broken part stands: for people who look at the raw row.
//!
//! It is found again from the record's text and the violation, so that judging pays nothing for it;
//! where it cannot be told (a record that was cut), there is no mark.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;
use shoplake_core::contract::Format;
use shoplake_core::{Contract, LandedFile, Violation};

use crate::ReadOptions;
use crate::csv;
use crate::rows::column_of;

/// Finds the broken parts of the rejected records of one file.
#[derive(Debug, Clone)]
pub struct Marker {
    contract: Contract,
    /// The columns of a CSV in the order of its fields; empty where they are not known.
    names: Vec<String>,
}

impl Marker {
    /// A marker for the records of `file`, whose header is read; without the file only what needs no
    /// header is found.
    pub fn new(contract: &Contract, file: Option<&LandedFile>, options: &ReadOptions) -> Self {
        let names = match (contract.options.format, file) {
            (Format::Csv, Some(file)) => csv::names(file, contract, options).unwrap_or_default(),
            _ => Vec::new(),
        };
        Self { contract: contract.clone(), names }
    }

    /// The bytes of `raw` (as quarantine keeps it) that break the rule. An empty range is the place
    /// where something is missing.
    pub fn broken(&self, raw: &str, violation: &Violation) -> Option<Range<usize>> {
        if violation.rule.starts_with("record: ") {
            // It is longer than what is kept of it.
            return Some(raw.len()..raw.len());
        }
        match self.contract.options.format {
            Format::Csv => self.in_csv(raw, violation),
            Format::Json | Format::Ndjson | Format::Parquet => self.in_json(raw, violation),
        }
    }

    fn in_csv(&self, raw: &str, violation: &Violation) -> Option<Range<usize>> {
        let fields = csv::field_ranges(raw, self.contract.options.delimiter)?;
        if violation.rule == "header repeated" {
            return Some(0..raw.len());
        }
        if let Some(wanted) = violation.rule.strip_prefix("fields: ") {
            let surplus = wanted.parse().ok().and_then(|wanted: usize| fields.get(wanted));
            return Some(surplus.map_or(raw.len(), |field| field.start)..raw.len());
        }
        let name = violation.column.as_deref()?;
        if let Some(at) = column_of(&self.contract, &self.names, name) {
            return fields.get(at).cloned();
        }
        let value = violation.value.as_deref()?;
        fields.into_iter().find(|field| raw[field.clone()].trim_matches('"') == value)
    }

    fn in_json(&self, raw: &str, violation: &Violation) -> Option<Range<usize>> {
        let value = violation.value.as_deref().unwrap_or_default();
        if violation.rule == "json: duplicate key" {
            let key = serde_json::to_string(value).ok()?;
            return raw.rfind(&key).map(|start| start..start + key.len());
        }
        let Some(name) = violation.column.as_deref() else { return in_unread_json(raw, &violation.rule, value) };
        let called = self.contract.column(name).map_or(name, |column| column.file_name());
        let path: Vec<&str> = called.split('.').collect();
        if let Some(explode) = &self.contract.options.explode {
            let items = at_path(raw, &explode.split('.').collect::<Vec<_>>())
                .and_then(|items| serde_json::from_str::<Vec<&RawValue>>(items).ok())
                .unwrap_or_default();
            let values = items.iter().filter_map(|item| at_path(item.get(), &path));
            if let Some(found) = values.into_iter().find(|found| says(found, value)) {
                return within(raw, found);
            }
            if let Some(item) = items.iter().find(|item| value.is_empty() && at_path(item.get(), &path).is_none()) {
                return within(raw, item.get()).map(|range| range.end - 1..range.end - 1);
            }
        }
        match at_path(raw, &path) {
            Some(found) => within(raw, found),
            None => raw.rfind('}').map(|end| end..end),
        }
    }
}

/// The place in a record that could not be read at all.
fn in_unread_json(raw: &str, rule: &str, value: &str) -> Option<Range<usize>> {
    if rule == "encoding" {
        // `0xE9 at byte 12`: the record stands before it as it was, and each bad byte as `\xE9`.
        let (hex, at) = value.strip_prefix("0x")?.split_once(" at byte ")?;
        let start = at.parse::<usize>().ok()?.checked_sub(1)?;
        let end = start + hex.len() / 2 * "\\xE9".len();
        return raw.get(start..end).map(|_| start..end);
    }
    let (_, place) = value.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
    let before: usize = raw.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let start = (before + column.saturating_sub(1)).min(raw.len());
    let start = raw.floor_char_boundary(start);
    let end = raw[start..].chars().next().map_or(start, |sign| start + sign.len_utf8());
    Some(start..end)
}

/// The source text of the value at a path of keys; a key in other case is found too.
fn at_path<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
    let Some((first, rest)) = path.split_first() else { return Some(text) };
    let object: BTreeMap<String, &'a RawValue> = serde_json::from_str(text).ok()?;
    let folded = || object.iter().find(|(key, _)| key.to_lowercase() == first.to_lowercase()).map(|(_, value)| value);
    at_path(object.get(*first).or_else(folded)?.get(), rest)
}

/// Whether a value's source text stands for `value`.
fn says(source: &str, value: &str) -> bool {
    source == value || serde_json::from_str::<String>(source).is_ok_and(|text| text == value)
}

/// Where a part of a text stands in it.
fn within(text: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    text.get(start..start + part.len()).map(|_| start..start + part.len())
}

#[cfg(test)]
mod tests {
    use shoplake_core::{ColumnType, Reason};

    use super::*;

    fn marked(format: Format, names: &[&str], raw: &str, violation: (&str, Option<&str>, Option<&str>)) -> String {
        let mut contract = crate::json::tests::contract(&[("id", ColumnType::String), ("n", ColumnType::Integer)]);
        contract.options.format = format;
        contract.columns[1].header = (format != Format::Csv).then(|| "a.n".to_owned());
        let marker = Marker { contract, names: names.iter().map(|name| (*name).to_owned()).collect() };
        let (rule, column, value) = violation;
        let violation = Violation {
            reason: Reason::Malformed,
            rule: rule.to_owned(),
            column: column.map(str::to_owned),
            value: value.map(str::to_owned),
        };
        match marker.broken(raw, &violation) {
            Some(range) => format!("{}[{}]{}", &raw[..range.start], &raw[range.clone()], &raw[range.end..]),
            None => raw.to_owned(),
        }
    }

    /// Given rows of a CSV, when marked, then the field of the column, quotes and all; what is beyond the
    /// header; or the end where fields are missing.
    #[test]
    fn fields() {
        let names = ["n", "x", "id"];
        for (raw, violation, want) in [
            ("7,,A", ("type: integer", Some("n"), Some("7")), "[7],,A"),
            ("1,\"a,b\",", ("required", Some("id"), None), "1,\"a,b\",[]"),
            ("1,\"a\"\"b\",C", ("quote", Some("x"), Some("a\"b")), "1,[\"a\"\"b\"],C"),
            ("1,\"a\"b,C", ("quote", Some("x"), Some("a")), "1,[\"a\"b],C"),
            ("1,2,3,4,5", ("fields: 3", None, Some("5")), "1,2,3,[4,5]"),
            ("1,2", ("fields: 3", None, Some("2")), "1,2[]"),
            ("n,x,id", ("header repeated", None, None), "[n,x,id]"),
            ("1,\\xFF,3", ("encoding", Some("x"), Some("\\xFF")), "1,[\\xFF],3"),
            ("1,2,3", ("record: at most 3 bytes", None, None), "1,2,3[]"),
        ] {
            assert_eq!(marked(Format::Csv, &names, raw, violation), want);
        }
        // Without a header the value itself is looked for.
        assert_eq!(marked(Format::Csv, &[], "a,\"zz\",c", ("type: integer", Some("n"), Some("zz"))), "a,[\"zz\"],c");
    }

    /// Given records of JSON, when marked, then the value of the column wherever it is nested, the end
    /// of the object that lacks it, the second of two keys, or the sign at which reading ended.
    #[test]
    fn values() {
        for (raw, violation, want) in [
            (r#"{"id":"x","a":{"n": "y"}}"#, ("type: integer", Some("n"), Some("y")), r#"{"id":"x","a":{"n": ["y"]}}"#),
            (r#"{"id":"x"}"#, ("required", Some("n"), None), r#"{"id":"x"[]}"#),
            (r#"{"ID":[1]}"#, ("json: scalar", Some("id"), Some("[1]")), r#"{"ID":[[1]]}"#),
            (r#"{"id":1,"id":2}"#, ("json: duplicate key", None, Some("id")), r#"{"id":1,["id"]:2}"#),
            (r#"{"id" 1}"#, ("json: syntax", None, Some("expected `:` at line 1 column 7")), r#"{"id" [1]}"#),
            (r#"{"id":"\xE9"}"#, ("encoding", None, Some("0xE9 at byte 8")), r#"{"id":"[\xE9]"}"#),
        ] {
            assert_eq!(marked(Format::Json, &[], raw, violation), want);
        }
    }
}
