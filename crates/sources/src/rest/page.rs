//! One page of an API as JSON: where its records stand, and what can be read beside them.
//!
//! Values stay the text that came: pages may be large, numbers exact, and the raw page is what is
//! landed. Nothing is built but the list of records.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::cursor::CursorValue;

/// A page whose records are found.
#[derive(Debug)]
pub(super) struct Page<'a> {
    body: &'a RawValue,
    records: Vec<&'a RawValue>,
}

/// Why a body is not a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotAPage {
    /// The JSON ends in the middle: the connection was cut.
    Cut,
    /// What is wrong with it, in words that follow `unexpected body: `.
    Unexpected(String),
}

impl<'a> Page<'a> {
    /// Reads a body whose records stand at `selector`; `columns` are the names that a record may have.
    pub(super) fn read(body: &'a [u8], selector: Option<&str>, columns: &[&str]) -> Result<Self, NotAPage> {
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let body: &RawValue = serde_json::from_slice(text).map_err(|error| {
            if error.is_eof() { NotAPage::Cut } else { NotAPage::Unexpected("not JSON".to_owned()) }
        })?;
        let found = match selector {
            Some(path) => lookup(body, path).ok_or_else(|| NotAPage::Unexpected(format!("no records at `{path}`")))?,
            None => body,
        };
        let records = match (found.get().as_bytes().first(), selector) {
            (Some(b'['), _) => items(found),
            (Some(b'{'), None) if is_error(found, columns) => {
                return Err(NotAPage::Unexpected("an error instead of records".to_owned()));
            }
            (Some(b'{'), _) => vec![found],
            // Some APIs write an empty list as null.
            (Some(b'n'), Some(_)) => Vec::new(),
            (_, path) => {
                let place = path.map_or_else(|| "the page".to_owned(), |path| format!("`{path}`"));
                return Err(NotAPage::Unexpected(format!("{place} is neither a list nor a record")));
            }
        };
        Ok(Self { body, records })
    }

    /// Records in the page.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The text or number at a path of the body; `None` where it is absent, null, empty or no single value.
    pub(super) fn scalar(&self, path: &str) -> Option<String> {
        let raw = lookup(self.body, path)?.get();
        let text = match raw.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(raw).ok()?,
            b'-' | b'0'..=b'9' => raw.to_owned(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// A hash of the records' text, to know a page that repeats.
    pub(super) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for record in &self.records {
            hash.update((record.get().len() as u64).to_le_bytes());
            hash.update(record.get());
        }
        format!("{:x}", hash.finalize())
    }

    /// The furthest cursor value of the records.
    pub(super) fn furthest(&self, cursor_path: &str) -> Option<CursorValue> {
        let values = self.records.iter().filter_map(|record| lookup(record, cursor_path));
        values.filter_map(CursorValue::of_record).reduce(CursorValue::max)
    }
}

/// The value at a dotted path. A key that has dots itself (`@odata.nextLink`) is found too.
fn lookup<'a>(value: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    let path = path.strip_prefix('$').map_or(path, |rest| rest.strip_prefix('.').unwrap_or(rest));
    if path.is_empty() {
        return Some(value);
    }
    match value.get().as_bytes().first()? {
        b'{' => {
            let fields: BTreeMap<String, &'a RawValue> = serde_json::from_str(value.get()).ok()?;
            if let Some(found) = fields.get(path) {
                return Some(found);
            }
            path.match_indices('.').find_map(|(dot, _)| lookup(fields.get(&path[..dot])?, &path[dot + 1..]))
        }
        b'[' => {
            let (index, rest) = path.split_once('.').unwrap_or((path, ""));
            lookup(items(value).get(index.parse::<usize>().ok()?)?, rest)
        }
        _ => None,
    }
}

fn items(list: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(list.get()).unwrap_or_default()
}

/// Whether an object speaks of an error and of no column.
fn is_error(object: &RawValue, columns: &[&str]) -> bool {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(object.get()).unwrap_or_default();
    let says = |name| fields.get(name).is_some_and(|value| !matches!(value.get(), "null" | "[]" | "{}" | "false"));
    (says("error") || says("errors")) && !columns.iter().any(|name| fields.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(body: &'a str, selector: Option<&str>) -> Result<Page<'a>, NotAPage> {
        Page::read(body.as_bytes(), selector, &["id"])
    }

    /// Given bodies of every kind, when read, then records are found or the fault says what was met.
    #[test]
    fn records_or_the_reason_why_not() {
        let records = |body, selector| read(body, selector).map(|page| page.len());
        assert_eq!(records(r#"[{"id":1},{"id":2}]"#, None), Ok(2));
        assert_eq!(records(r#"{"id":1,"error":"none"}"#, None), Ok(1));
        assert_eq!(records("\u{feff}{\"data\":{\"items\":[{}]}}", Some("data.items")), Ok(1));
        assert_eq!(records(r#"{"data":null}"#, Some("data")), Ok(0));
        assert_eq!(records(r#"{"a.b":[1,2,3]}"#, Some("$.a.b")), Ok(3));
        assert_eq!(records(r#"{"data":[{"id":"#, Some("data")), Err(NotAPage::Cut));
        assert_eq!(records("", None), Err(NotAPage::Cut));
        let unexpected = |body, selector| match records(body, selector) {
            Err(NotAPage::Unexpected(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(unexpected("<html>", None), "not JSON");
        assert_eq!(unexpected(r#"{"errors":["x"]}"#, None), "an error instead of records");
        assert_eq!(unexpected(r#"{"errors":["x"]}"#, Some("data")), "no records at `data`");
        assert_eq!(unexpected(r#"{"data":7}"#, Some("data")), "`data` is neither a list nor a record");
        assert_eq!(unexpected("null", None), "the page is neither a list nor a record");
    }

    /// Given numbers beyond 64 bits and keys with dots, when looked up, then their text is unchanged.
    #[test]
    fn values_beside_the_records() {
        let body = r#"{"@odata.nextLink":"/n","meta":{"next":123456789012345678901234567890,"none":null,"empty":""},"l":[{"x":"y"}]}"#;
        let page = read(body, Some("l")).unwrap();
        assert_eq!(page.scalar("@odata.nextLink").as_deref(), Some("/n"));
        assert_eq!(page.scalar("meta.next").as_deref(), Some("123456789012345678901234567890"));
        assert_eq!(page.scalar("l.0.x").as_deref(), Some("y"));
        assert_eq!([page.scalar("meta.none"), page.scalar("meta.empty"), page.scalar("meta")], [None, None, None]);
    }
}
