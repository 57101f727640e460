//! The OpenAPI document, made from the table of endpoints.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shoplake_core::access::Role;

use crate::guard::Needs;
use crate::problem::ProblemDocument;
use crate::routes::Endpoint;

/// A JSON Schema.
pub(crate) type Schema = Value;
/// Makes the schema of a type that is answered, with what it stands on among the components of the document.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> schemars::Schema;

/// The document.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Document {
    openapi: &'static str,
    info: Value,
    /// By path and method.
    paths: Map<String, Value>,
    components: Value,
}

/// One parameter, of the query unless it is said to be a header.
pub(crate) struct Parameter {
    name: &'static str,
    description: &'static str,
    schema: Schema,
    place: &'static str,
    required: bool,
}

impl Parameter {
    /// A parameter of this shape.
    pub(crate) fn new(name: &'static str, description: &'static str, schema: Schema) -> Self {
        Self { name, description, schema, place: "query", required: false }
    }

    /// A header that must be there.
    pub(crate) fn header(name: &'static str, description: &'static str) -> Self {
        Self { place: "header", ..Self::text(name, description).required() }
    }

    /// The same, but it must be there.
    pub(crate) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// A text.
    pub(crate) fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, json!({ "type": "string", "maxLength": 1000 }))
    }

    /// A day.
    pub(crate) fn day(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, json!({ "type": "string", "format": "date" }))
    }

    /// A whole number.
    pub(crate) fn number(name: &'static str, default: u32, least: u32, most: u32) -> Self {
        let schema = json!({ "type": "integer", "minimum": least, "maximum": most, "default": default });
        Self::new(name, "how many at most", schema)
    }

    /// One of some words.
    pub(crate) fn word(name: &'static str, description: &'static str, words: &[&str]) -> Self {
        Self::new(name, description, json!({ "type": "string", "enum": words }))
    }

    /// Any number of texts.
    pub(crate) fn texts(name: &'static str, description: &'static str) -> Self {
        let schema = json!({ "type": "array", "maxItems": 1000, "items": { "type": "string", "maxLength": 1000 } });
        Self::new(name, description, schema)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "in": self.place,
            "required": self.required,
            "description": self.description,
            "schema": self.schema,
        })
    }
}

/// The parameters that say which sales a figure is about.
pub(crate) fn filters() -> Vec<Parameter> {
    let segments = json!({
        "type": "array", "maxItems": 1000,
        "items": { "type": "string", "enum": ["new", "returning", "loyal", "unknown"] },
    });
    let numbers = |least: u32, most: u32| {
        let number = json!({ "type": "integer", "minimum": least, "maximum": most });
        json!({ "type": "array", "maxItems": 1000, "items": number })
    };
    vec![
        Parameter::day("from", "the first day, in the shop's zone"),
        Parameter::day("to", "the last day, in the shop's zone"),
        Parameter::word("compare", "what the days are compared with", &["previous", "year", "none"]),
        Parameter::texts("category", "categories as the catalogue has them now; empty for none"),
        Parameter::texts("product", "product ids"),
        Parameter::texts("city", "cities as they were known at load; empty for none"),
        Parameter::new("segment", "segments of customers by orders ever: 1, 2 to 4, 5 and more", segments),
        Parameter::new("hour", "hours of the shop's clock", numbers(0, 23)),
        Parameter::new("weekday", "weekdays of the shop, Monday is 1", numbers(1, 7)),
    ]
}

/// Makes the document. What is answered is described by the types that are serialized.
pub(crate) fn document(endpoints: &[Endpoint]) -> Document {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemDocument>();
    let mut paths = Map::new();
    for endpoint in endpoints {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        let answer = endpoint.gives.map(|schema_of| schema_of(&mut generator));
        if let Some(methods) = path.as_object_mut() {
            let operation = operation(endpoint, answer.as_ref(), &problem);
            methods.insert(endpoint.method.as_str().to_lowercase(), operation);
        }
    }
    Document {
        openapi: "3.1.0",
        info: json!({
            "title": "Shoplake", "version": env!("CARGO_PKG_VERSION"),
            "description": "Figures of the last published batch. Money and decimals are strings; days are the shop's own, moments UTC.",
        }),
        paths,
        components: json!({
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": "shoplake_session" },
                "token": { "type": "http", "scheme": "bearer" },
                "share": { "type": "apiKey", "in": "header", "name": "X-Shoplake-Share" },
            },
        }),
    }
}

fn operation(endpoint: &Endpoint, answer: Option<&schemars::Schema>, problem: &schemars::Schema) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let parameters: Vec<Value> = in_path.chain(endpoint.parameters.iter().map(Parameter::json)).collect();
    let (note, security) = match endpoint.needs {
        Needs::Nothing => (String::new(), json!([])),
        Needs::Shared => (
            " For every role, and for share links.".to_owned(),
            json!([{ "session": [] }, { "token": [] }, { "share": [] }]),
        ),
        Needs::Role(Role::Viewer) => (" For every role.".to_owned(), json!([{ "session": [] }, { "token": [] }])),
        Needs::Role(role) => (format!(" For the role {role} and higher."), json!([{ "session": [] }, { "token": [] }])),
    };
    let failed = json!({
        "description": "what went wrong, and what to do",
        "content": { "application/problem+json": { "schema": problem } },
    });
    let answer = match (endpoint.answers, answer) {
        ("", _) => json!({ "description": "done" }),
        (media, Some(schema)) => json!({ "description": "the answer", "content": { media: { "schema": schema } } }),
        (media, None) => json!({ "description": "the answer", "content": { media: {} } }),
    };
    let mut operation = json!({
        "summary": endpoint.summary,
        "description": format!("{}.{note}", endpoint.summary),
        "operationId": format!("{}{}", endpoint.method.as_str().to_lowercase(), endpoint.path.replace(['/', '{', '}', '.', '-'], "_")),
        "parameters": parameters,
        "security": security,
        "responses": { "2XX": answer, "304": { "description": "what was asked for has not changed" }, "4XX": failed, "503": failed,
            // The HTTP library's own, before any handler: they say nothing more.
            "414": { "description": "the address is too long" },
            "431": { "description": "the headers are too large" },
        },
    });
    if let (Some(schema), Some(members)) = (&endpoint.body, operation.as_object_mut()) {
        let media = if schema["type"] == "string" { "text/yaml" } else { "application/json" };
        members
            .insert("requestBody".to_owned(), json!({ "required": true, "content": { media: { "schema": schema } } }));
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::endpoints;

    /// Given the table of endpoints, then each that answers JSON says what its answer looks like, and every reference
    /// of the document leads somewhere.
    #[test]
    fn every_json_answer_has_a_schema() {
        let document = serde_json::to_value(document(&endpoints())).unwrap();
        for endpoint in endpoints() {
            let method = endpoint.method.as_str().to_lowercase();
            let content = &document["paths"][endpoint.path][&method]["responses"]["2XX"]["content"];
            let schema = &content["application/json"]["schema"];
            let says = schema.as_object().is_some_and(|schema| !schema.is_empty());
            assert_eq!(says, endpoint.answers == "application/json", "{method} {}: {content}", endpoint.path);
        }
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > endpoints().len(), "{references:?}");
        for reference in references {
            let target = document.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some_and(serde_json::Value::is_object), "{reference}");
        }
    }

    fn collect<'d>(value: &'d Value, references: &mut Vec<&'d str>) {
        match value {
            Value::Object(members) => {
                references.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| collect(member, references));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            _ => {}
        }
    }
}
