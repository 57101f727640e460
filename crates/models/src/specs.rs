//! One test under `data_tests:`: its name, its arguments and its settings, in every form that dbt takes.

use schemars::JsonSchema;
use serde_json::{Map, Value};
use shoplake_core::Fault;

use crate::{Severity, Threshold};

/// Settings that may stand beside the arguments or under `config:`.
const SETTINGS: [&str; 8] = ["severity", "warn_if", "error_if", "where", "limit", "enabled", "tags", "meta"];
/// Settings of dbt that are not supported.
const REFUSED: [(&str, &str); 5] = [
    ("store_failures", "`shoplake show` with the test's SQL shows the failing rows"),
    ("store_failures_as", "`shoplake show` with the test's SQL shows the failing rows"),
    ("fail_calc", "write a test whose rows are the failures"),
    ("schema", "leave it out"),
    ("database", "leave it out"),
];

/// How a test is run and judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestConfig {
    pub(crate) severity: Severity,
    pub(crate) warn_if: Threshold,
    pub(crate) error_if: Threshold,
    pub(crate) filter: Option<String>,
    pub(crate) limit: Option<u64>,
    pub(crate) enabled: bool,
    pub(crate) tags: Vec<String>,
}

impl Default for TestConfig {
    fn default() -> Self {
        Self {
            severity: Severity::Error,
            warn_if: Threshold::default(),
            error_if: Threshold::default(),
            filter: None,
            limit: None,
            enabled: true,
            tags: Vec::new(),
        }
    }
}

impl TestConfig {
    /// Takes the settings of a map.
    pub(crate) fn take(&mut self, settings: &Map<String, Value>) -> Result<(), Fault> {
        for (key, value) in settings {
            self.take_one(key, value)?;
        }
        Ok(())
    }

    fn take_one(&mut self, key: &str, value: &Value) -> Result<(), Fault> {
        let text = || value.as_str().ok_or_else(|| Fault::usage(format!("`{key}` is a text, not `{value}`")));
        match key {
            "severity" => {
                self.severity = match text()?.to_ascii_lowercase().as_str() {
                    "warn" => Severity::Warn,
                    "error" => Severity::Error,
                    other => {
                        return Err(Fault::usage(format!("`{other}` is no severity")).hint("write `warn` or `error`"));
                    }
                }
            }
            "warn_if" => self.warn_if = Threshold::read(text()?)?,
            "error_if" => self.error_if = Threshold::read(text()?)?,
            "where" => self.filter = Some(text()?.to_owned()),
            "limit" => {
                let limit = value.as_u64().filter(|limit| *limit > 0);
                self.limit =
                    Some(limit.ok_or_else(|| Fault::usage(format!("`limit` is a number from 1, not `{value}`")))?);
            }
            "enabled" => self.enabled = value.as_bool().unwrap_or(true),
            "tags" => match value {
                Value::Array(items) => self.tags.extend(items.iter().filter_map(Value::as_str).map(str::to_owned)),
                _ => self.tags.push(text()?.to_owned()),
            },
            "meta" => {}
            other => {
                let fault = match REFUSED.iter().find(|(name, _)| *name == other) {
                    Some((name, remedy)) => Fault::usage(format!("`{name}` is dbt's and not supported")).hint(*remedy),
                    None => Fault::usage(format!("`{other}` is no setting of a test"))
                        .hint(format!("there are {}", SETTINGS.map(|name| format!("`{name}`")).join(", "))),
                };
                return Err(fault);
            }
        }
        Ok(())
    }
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    /// What it is called, where it is given a name.
    pub(crate) called: Option<String>,
    pub(crate) kind: String,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) config: TestConfig,
}

impl Spec {
    /// The test that a line of `data_tests:` states.
    pub(crate) fn read(value: &Value) -> Result<Self, Fault> {
        let wrong = || {
            Fault::usage("this is no data test")
                .hint("write a name, or a name with what it needs: `accepted_values: {values: [a, b]}`")
        };
        let (kind, mut given, mut outer) = match value {
            Value::String(kind) => (kind.clone(), Map::new(), Map::new()),
            Value::Object(map) => {
                let mut outer = map.clone();
                // dbt's longer form: `{test_name: not_null, name: …}`.
                if let Some(Value::String(kind)) = outer.shift_remove("test_name") {
                    (kind, outer, Map::new())
                } else {
                    let beside = |key: &String| key == "config" || key == "name" || key == "description";
                    let key = map.keys().find(|key| !beside(key)).ok_or_else(wrong)?.clone();
                    let inner = outer.shift_remove(&key);
                    if let Some(other) = outer.keys().find(|key| !beside(key)) {
                        let fault = Fault::usage(format!("`{other}` stands beside the test `{key}`"));
                        return Err(fault.hint("what a test needs stands below its name, two spaces further in"));
                    }
                    match inner {
                        Some(Value::Object(given)) => (key, given, outer),
                        Some(Value::Null) => (key, Map::new(), outer),
                        _ => return Err(wrong()),
                    }
                }
            }
            _ => return Err(wrong()),
        };
        let mut config = TestConfig::default();
        let mut called = None;
        for map in [&mut given, &mut outer] {
            if let Some(settings) = map.shift_remove("config") {
                let settings = settings.as_object().cloned().ok_or_else(|| Fault::usage("`config` is a map"))?;
                config.take(&settings)?;
            }
            if let Some(Value::String(name)) = map.shift_remove("name") {
                called = Some(name);
            }
            map.shift_remove("description");
        }
        for key in SETTINGS {
            if let Some(value) = given.shift_remove(key) {
                config.take_one(key, &value)?;
            }
        }
        if let Some(Value::Object(more)) = given.shift_remove("arguments") {
            given.extend(more);
        }
        Ok(Self { called, kind, arguments: given, config })
    }
}

/// A test, as editors complete it: a name alone, or a name with what it needs. [`Spec::read`] reads it.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the shape that editors are shown")]
pub(crate) enum TestForm {
    /// `not_null`, `unique`, or a test of `macros/`.
    Name(String),
    /// A test with arguments or settings.
    With(Box<TestWith>),
}

/// A test with arguments or settings: one of these keys, or a test of `macros/`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the shape that editors are shown")]
pub(crate) struct TestWith {
    /// No row has NULL.
    not_null: Option<Settings>,
    /// No value stands twice.
    unique: Option<Settings>,
    /// Every value is one of `values`; NULL always passes.
    accepted_values: Option<Map<String, Value>>,
    /// Every value stands in the column `field` of the table `to`.
    relationships: Option<Map<String, Value>>,
    /// No combination of the values of `combination_of_columns` stands twice.
    unique_combination_of_columns: Option<Map<String, Value>>,
}

/// A test's settings.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the shape that editors are shown")]
struct Settings {
    /// Settings.
    config: Option<ConfigForm>,
}

/// Settings of a test.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the shape that editors are shown")]
struct ConfigForm {
    /// What a failing row means: `warn` or `error`.
    severity: Option<String>,
    /// So many failing rows are told: `>10`.
    warn_if: Option<String>,
    /// So many failing rows fail: `>100`.
    error_if: Option<String>,
    /// The rows that are looked at, as in WHERE.
    r#where: Option<String>,
    /// Look for so many failing rows at most.
    limit: Option<u64>,
    /// Whether it runs.
    enabled: Option<bool>,
    /// Words to choose it by.
    tags: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Given a test in each form of dbt, then its name, arguments and settings are the same.
    #[test]
    fn forms_of_a_test() {
        let expected =
            Spec::read(&json!({"accepted_values": {"values": ["a"], "config": {"severity": "warn"}}})).unwrap();
        for form in [
            json!({"accepted_values": {"values": ["a"], "severity": "warn"}}),
            json!({"accepted_values": {"arguments": {"values": ["a"]}}, "config": {"severity": "WARN"}}),
            json!({"test_name": "accepted_values", "values": ["a"], "config": {"severity": "warn"}}),
        ] {
            assert_eq!(Spec::read(&form).unwrap(), expected, "{form}");
        }
        assert_eq!(Spec::read(&json!("unique")).unwrap().kind, "unique");
        assert!(Spec::read(&json!({"unique": {"fail_calc": "1", "config": {"fail_calc": "1"}}})).is_err());
    }
}
