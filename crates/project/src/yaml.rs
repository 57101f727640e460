//! YAML as a tree in which every value knows its place in the file.
//!
//! Lives here: reading a file within bounds, the tree, and its way to JSON. Knows nothing of what
//! the keys mean.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use shoplake_core::{Fault, Place, Result};

/// The largest YAML file that is read, in bytes.
const SIZE_MAX: u64 = 1 << 20;

/// Where a value stands; line and column are 0 where there is no file (an environment variable).
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) file: Arc<str>,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl Spot {
    /// The start of a file, or something that has no lines.
    pub(crate) fn of(file: &str) -> Self {
        Self { file: file.into(), line: 0, column: 0 }
    }

    /// A mistake at this place.
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        let known = |number: u64| (number > 0).then_some(number);
        let mut fault = Fault::usage(message);
        fault.place = Some(Place { file: self.file.to_string(), line: known(self.line), column: known(self.column) });
        fault
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    pub(crate) value: Value,
}

/// A value of YAML 1.2. A number keeps its source text: a decimal never goes through a float.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number { text: String, json: serde_json::Value },
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map, its place, and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) spot: Spot,
    pub(crate) value: Node,
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// The value at a path like `columns/3/type`, or the nearest one above it that exists.
    pub(crate) fn at(&self, path: &str) -> &Node {
        let mut node = self;
        for step in path.split('/') {
            let below = match &node.value {
                Value::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.get(step),
            };
            match below {
                Some(below) => node = below,
                None => break,
            }
        }
        node
    }

    /// The items, if this is a list.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if this is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A mistake at this value.
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        self.spot.fault(message)
    }

    /// The value as JSON, places left out.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Number { json, .. } => json.clone(),
            Value::Text(text) => text.clone().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => {
                serde_json::Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect())
            }
        }
    }
}

/// Reads the YAML file at `path`, known to the user as `file`.
pub(crate) fn read(path: &Path, file: &str) -> Result<Node> {
    let size = fs_err::metadata(path)?.len();
    if size > SIZE_MAX {
        let fault = Spot::of(file).fault(format!("the file is too large: {size} bytes, at most {SIZE_MAX}"));
        return Err(fault.hint("see whether it is the file that was meant"));
    }
    let bytes = fs_err::read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count() as u64 + 1;
        Spot { line, ..Spot::of(file) }.fault("the file is not UTF-8").hint("save it as UTF-8")
    })?;
    parse(text, file)
}

/// Reads YAML text; `file` names it in mistakes.
pub(crate) fn parse(text: &str, file: &str) -> Result<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err(Spot::of(file).fault("the file is empty").hint("write it, or remove it"));
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: 32, max_nodes: 100_000, max_documents: 1 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000, max_replay_stack_depth: 8 },
    };
    let raw =
        serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options).map_err(|e| refused(text, file, &e))?;
    Ok(placed(raw, text, &file.into()))
}

/// What the YAML reader refused, in the house style.
fn refused(text: &str, file: &str, error: &serde_saphyr::Error) -> Fault {
    let mut spot = Spot::of(file);
    if let Some(location) = error.location() {
        (spot.line, spot.column) = (location.line(), location.column());
    }
    if let serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } = error.without_snippet() {
        return spot.fault(format!("`{key}` stands twice in the same map")).hint("remove one of the two");
    }
    if let serde_saphyr::Error::Budget { breach, .. } = error.without_snippet() {
        let (message, hint) = match breach {
            BudgetBreach::Depth { .. } => {
                ("the values are nested too deeply", "close the brackets that are open before")
            }
            BudgetBreach::Documents { .. } => {
                ("a second document begins: one file holds one", "move it into a file of its own, and remove the `---`")
            }
            _ => ("the file holds too many values", "split it into several files"),
        };
        return spot.fault(message).hint(hint);
    }
    let message = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let message = message.lines().next().unwrap_or_default();
    // The reader puts the place behind the message too.
    let message = message.split(" at line ").next().unwrap_or(message).trim_end_matches('.');
    if message.contains("total_replayed_events") {
        return spot.fault("the aliases stand for too many values").hint("write the values where they belong");
    }
    let fault = spot.fault(format!("not valid YAML: {message}"));
    let line = usize::try_from(spot.line).ok().and_then(|line| text.lines().nth(line.checked_sub(1)?));
    if line.is_some_and(|line| line.trim_start_matches(' ').starts_with('\t')) {
        return fault.hint("YAML is indented with spaces, not tabs");
    }
    fault.hint("look at that line and the one above: at brackets, quotes, colons and the spaces in front")
}

/// A value as the reader infers it, before its place is put beside it.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Value),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> std::result::Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_bool<E>(self, value: bool) -> std::result::Result<Raw, E> {
        Ok(Raw::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> std::result::Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> std::result::Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }
    fn visit_i128<E>(self, value: i128) -> std::result::Result<Raw, E> {
        Ok(Raw::Number((value as f64).into()))
    }
    fn visit_u128<E>(self, value: u128) -> std::result::Result<Raw, E> {
        Ok(Raw::Number((value as f64).into()))
    }
    fn visit_f64<E>(self, value: f64) -> std::result::Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }
    fn visit_str<E>(self, value: &str) -> std::result::Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn placed(raw: Spanned<Raw>, source: &str, file: &Arc<str>) -> Node {
    let at = |location: serde_saphyr::Location| Spot {
        file: Arc::clone(file),
        line: location.line(),
        column: location.column(),
    };
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(truth) => Value::Bool(truth),
        Raw::Number(json) => {
            let span = raw.defined.span();
            let written = span.byte_offset().zip(span.byte_len()).and_then(|(offset, length)| {
                let start = usize::try_from(offset).ok()?;
                source.get(start..start.checked_add(usize::try_from(length).ok()?)?)
            });
            let text = written.map_or_else(|| json.to_string(), |text| text.trim().to_owned());
            Value::Number { text, json }
        }
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(items.into_iter().map(|item| placed(item, source, file)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    spot: at(key.referenced),
                    key: key.value,
                    value: placed(value, source, file),
                })
                .collect(),
        ),
    };
    Node { spot: at(raw.referenced), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number is the text that stands in the file, whatever a float would make of it.
    #[test]
    fn numbers_keep_their_text() {
        let node = parse("a: 0.10\nb: { c: 12345678901234567890.123, d: [-5, 1e3] }\n", "f").unwrap();
        for (path, want) in [("a", "0.10"), ("b/c", "12345678901234567890.123"), ("b/d/0", "-5"), ("b/d/1", "1e3")] {
            assert!(matches!(&node.at(path).value, Value::Number { text, .. } if text == want), "{path}: {node:?}");
        }
    }

    /// `no`, `on`, `1_000` and `0777` are text; an alias stands where it is used.
    #[test]
    fn words_stay_words() {
        let node = parse("a: no\nb: on\nc: 1_000\nd: 0777\ne: &x yes\nf: *x\n", "f").unwrap();
        for (path, want) in [("a", "no"), ("b", "on"), ("c", "1_000"), ("d", "0777"), ("f", "yes")] {
            assert_eq!(node.at(path).text(), Some(want), "{path}");
        }
        assert_eq!((node.at("f").spot.line, node.at("f").spot.column), (6, 4));
    }
}
