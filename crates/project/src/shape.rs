//! The shape of a file: the same JSON Schema that completes it in an editor checks it here, and
//! every departure is named with its place. What is wrong is cut out, so that what is left can
//! still be read and its meaning checked in the same go.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, generate::SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use shoplake_core::Fault;

use crate::words::{listed, nearest, suggest};
use crate::yaml::{Entry, Node, Value};

/// Keys whose value is never repeated in a message.
const SECRET_KEYS: [&str; 3] = ["bearer", "password", "value"];

/// The JSON Schema of a file type.
pub(crate) fn schema_of<T: JsonSchema>() -> Json {
    SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>().to_value()
}

/// Checks `node` against the shape of `T`, cuts out what is wrong, and reads the rest.
///
/// `None` where so much is wrong that nothing can be read; `faults` says why.
pub(crate) fn read<T: JsonSchema + DeserializeOwned>(node: &mut Node, faults: &mut Vec<Fault>) -> Option<T> {
    let root = schema_of::<T>();
    let kept = Checker { root: &root, faults }.check(node, &root, "the file");
    if !kept {
        return None;
    }
    match serde_json::from_value(node.to_json()) {
        Ok(file) => Some(file),
        Err(error) => {
            faults.push(node.fault(error.to_string()));
            None
        }
    }
}

/// The schema below a key, looking through references; `None` where the key is unknown.
pub(crate) fn below<'s>(root: &'s Json, schema: &'s Json, key: &str) -> Option<&'s Json> {
    let (schema, _) = resolved(root, schema);
    if let Some(found) = schema.pointer("/properties").and_then(|p| p.get(key)) {
        return Some(found);
    }
    schema.get("additionalProperties").filter(|more| more.is_object() || **more == Json::Bool(true))
}

/// The keys that a schema names.
pub(crate) fn keys<'s>(root: &'s Json, schema: &'s Json) -> Vec<&'s str> {
    let (schema, _) = resolved(root, schema);
    schema
        .get("properties")
        .and_then(Json::as_object)
        .map(|p| p.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// Whether a schema takes text.
pub(crate) fn takes_text(root: &Json, schema: &Json) -> bool {
    let (schema, _) = resolved(root, schema);
    types(schema).contains(&"string") || words(schema).is_some()
}

/// Follows references and steps over the `null` of an optional value; whether `null` was allowed.
fn resolved<'s>(root: &'s Json, schema: &'s Json) -> (&'s Json, bool) {
    let (mut schema, mut optional) = (schema, false);
    loop {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            match root.pointer(reference.trim_start_matches('#')) {
                Some(target) => schema = target,
                None => return (schema, optional),
            }
            continue;
        }
        let Some(any) = schema.get("anyOf").and_then(Json::as_array) else { break };
        let is_null = |s: &&Json| s.get("type").and_then(Json::as_str) == Some("null");
        optional |= any.iter().any(|s| is_null(&s));
        let mut others = any.iter().filter(|s| !is_null(s));
        match (others.next(), others.next()) {
            (Some(only), None) => schema = only,
            _ => break,
        }
    }
    (schema, optional || types(schema).contains(&"null"))
}

/// The types that a schema allows; empty where it says nothing.
fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(many)) => many.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The words of an enumeration.
fn words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(all) = schema.get("enum").and_then(Json::as_array) {
        return Some(all.iter().filter_map(Json::as_str).collect());
    }
    let branches = schema.get("oneOf").and_then(Json::as_array)?;
    let mut found = Vec::new();
    for branch in branches {
        match (branch.get("const").and_then(Json::as_str), branch.get("enum")) {
            (Some(word), _) => found.push(word),
            (None, Some(_)) => found.extend(words(branch)?),
            (None, None) => return None,
        }
    }
    Some(found)
}

struct Checker<'s, 'f> {
    root: &'s Json,
    faults: &'f mut Vec<Fault>,
}

impl<'s> Checker<'s, '_> {
    /// Checks a value called `label`; false where it must be cut out.
    fn check(&mut self, node: &mut Node, schema: &'s Json, label: &str) -> bool {
        let (schema, optional) = resolved(self.root, schema);
        if matches!(node.value, Value::Null) && optional {
            return true;
        }
        if let Some(words) = words(schema) {
            return self.word(node, &words, label);
        }
        if let Some(branches) = schema.get("oneOf").and_then(Json::as_array) {
            return self.branch(node, branches, label);
        }
        let allowed = types(schema);
        if allowed.is_empty() {
            return true;
        }
        let fits = match &node.value {
            Value::Null => false,
            Value::Bool(_) => allowed.contains(&"boolean"),
            Value::Number { json, .. } => {
                allowed.contains(&"number") || (allowed.contains(&"integer") && (json.is_i64() || json.is_u64()))
            }
            Value::Text(_) => allowed.contains(&"string"),
            Value::List(_) => allowed.contains(&"array"),
            Value::Map(_) => allowed.contains(&"object"),
        };
        if !fits {
            let fault =
                node.fault(format!("{} must be {}, found {}", said(label), wanted(&allowed), found(node, label)));
            if SECRET_KEYS.contains(&label) {
                self.faults.push(fault.hint("write `\"${NAME}\"` and set NAME in the environment or in `.env`"));
                return false;
            }
            let only_text = allowed.contains(&"string") && matches!(node.value, Value::Number { .. } | Value::Bool(_));
            self.faults.push(fault.hint(if only_text { "put it in quotes" } else { example(&allowed) }));
            return false;
        }
        match &mut node.value {
            Value::List(items) => {
                let below = schema.get("items").unwrap_or(&Json::Null);
                let label = format!("an item of `{label}`");
                items.retain_mut(|item| self.check(item, below, &label));
                true
            }
            Value::Map(_) => self.map(node, schema),
            // Where text is as good, a scalar is its source text.
            Value::Number { text, .. } if allowed.contains(&"string") => {
                node.value = Value::Text(std::mem::take(text));
                true
            }
            Value::Bool(truth) if allowed.contains(&"string") => {
                node.value = Value::Text(truth.to_string());
                true
            }
            Value::Number { json, .. } => {
                let least = schema.get("minimum").and_then(Json::as_f64).unwrap_or(f64::NEG_INFINITY);
                let fits = json.as_f64().is_none_or(|number| number >= least);
                if !fits {
                    self.faults.push(node.fault(format!("{} must be {least} or more", said(label))));
                }
                fits
            }
            _ => true,
        }
    }

    fn map(&mut self, node: &mut Node, schema: &'s Json) -> bool {
        let known = keys(self.root, schema);
        let (root, spot) = (self.root, node.spot.clone());
        let Value::Map(entries) = &mut node.value else { return true };
        let mut wrong = Vec::new();
        entries.retain_mut(|entry| {
            let kept = self.entry(entry, below(root, schema, &entry.key), &known);
            if !kept {
                wrong.push(entry.key.clone());
            }
            kept
        });
        let mut whole = true;
        for key in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if !entries.iter().any(|entry| entry.key == key) {
                whole = false;
                // A key that is there but wrong has been named already.
                if !wrong.iter().any(|wrong| wrong == key) {
                    self.faults.push(spot.fault(format!("`{key}` is missing")).hint(format!("add `{key}: …` there")));
                }
            }
        }
        whole
    }

    fn entry(&mut self, entry: &mut Entry, schema: Option<&'s Json>, known: &[&str]) -> bool {
        if let Some(schema) = schema {
            return self.check(&mut entry.value, schema, &entry.key);
        }
        let fault = entry.spot.fault(format!("unknown key `{}`", entry.key));
        self.faults.push(suggest(fault, &entry.key, known, "key"));
        false
    }

    /// A wrong word that is near to a right one is read as that, so that the rest is still checked.
    fn word(&mut self, node: &mut Node, words: &[&str], label: &str) -> bool {
        let written = node.text().unwrap_or_default().to_owned();
        if words.contains(&written.as_str()) {
            return true;
        }
        let fault = match node.text() {
            Some(written) => node.fault(format!("{} cannot be `{written}`", said(label))),
            None => node.fault(format!("{} must be a word, found {}", said(label), found(node, label))),
        };
        self.faults.push(suggest(fault, &written, words, "word"));
        let near = nearest(&written, words.iter().copied());
        if let Some(near) = near {
            node.value = Value::Text(near.to_owned());
        }
        near.is_some()
    }

    /// One of several maps, told apart by a `type` word or by their only key.
    fn branch(&mut self, node: &mut Node, branches: &'s [Json], label: &str) -> bool {
        let tag = |branch: &'s Json| {
            let properties = branch.get("properties")?.as_object()?;
            properties.iter().find_map(|(key, p)| Some((key.as_str(), p.get("const")?.as_str()?)))
        };
        let tagged: Vec<(&str, &str, &Json)> =
            branches.iter().filter_map(|b| tag(b).map(|(key, word)| (key, word, b))).collect();
        let Value::Map(entries) = &node.value else {
            self.faults.push(node.fault(format!("{} must be a map, found {}", said(label), found(node, label))));
            return false;
        };
        if let Some((key, ..)) = tagged.first() {
            let names: Vec<&str> = tagged.iter().map(|(_, word, _)| *word).collect();
            let Some(chosen) = node.get(key) else {
                let fault = node.fault(format!("`{key}` is missing"));
                self.faults.push(fault.hint(format!("the words are {}", listed(names))));
                return false;
            };
            let word = chosen.text().unwrap_or_default();
            if let Some((_, _, schema)) = tagged.iter().find(|(_, name, _)| *name == word) {
                return self.check(node, schema, label);
            }
            self.word(&mut chosen.clone(), &names, key);
            return false;
        }
        let names: Vec<&str> = branches.iter().flat_map(|branch| keys(self.root, branch)).collect();
        if let Some(unknown) = entries.iter().find(|entry| !names.contains(&entry.key.as_str())) {
            let fault = unknown.spot.fault(format!("unknown key `{}`", unknown.key));
            self.faults.push(suggest(fault, &unknown.key, &names, "key"));
            return false;
        }
        let [only] = entries.as_slice() else {
            self.faults.push(node.fault(format!("{} must have exactly one of {}", said(label), listed(names))));
            return false;
        };
        let schema = branches.iter().find(|branch| keys(self.root, branch).contains(&only.key.as_str()));
        schema.is_none_or(|schema| self.check(node, schema, label))
    }
}

fn said(label: &str) -> String {
    if label.contains(' ') { label.to_owned() } else { format!("`{label}`") }
}

fn wanted(types: &[&str]) -> String {
    let names = types.iter().filter_map(|name| match *name {
        "string" => Some("text"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "boolean" => Some("true or false"),
        "array" => Some("a list"),
        "object" => Some("a map"),
        _ => None,
    });
    names.collect::<Vec<_>>().join(" or ")
}

/// How a value of one of these types is written.
fn example(types: &[&str]) -> &'static str {
    match types.first() {
        Some(&"array") => "write a list: `[one, two]`",
        Some(&"object") => "write a map: `{ key: value }`",
        Some(&"boolean") => "write `true` or `false`",
        Some(&"integer" | &"number") => "write a number, without quotes",
        _ => "write a text",
    }
}

fn found(node: &Node, label: &str) -> String {
    let secret = SECRET_KEYS.contains(&label);
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Bool(_) | Value::Number { .. } | Value::Text(_) if secret => "something that is not shown".to_owned(),
        Value::Bool(truth) => format!("`{truth}`"),
        Value::Number { text, .. } => format!("the number `{text}`"),
        Value::Text(text) => format!("`{text}`"),
    }
}
