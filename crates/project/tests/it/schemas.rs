//! The JSON Schemas say the same as `load`.

use std::path::Path;

use serde_json::{Value, json};

/// Each schema takes the template's files of its type, and refuses a key that it does not know.
#[test]
fn schemas_take_the_template_and_refuse_unknown_keys() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("template");
    let files = [
        ("shoplake.schema.json", "shoplake.yml", ""),
        ("source.schema.json", "sources/sales.yml", "/columns/0"),
        ("source.schema.json", "sources/products.yml", "/from"),
        ("source.schema.json", "sources/customers.yml", "/columns/4"),
        ("report.schema.json", "reports/daily.yml", ""),
        ("alert.schema.json", "alerts/pipeline_failed.yml", ""),
        ("alert.schema.json", "alerts/error_rate.yml", "/when/reject_share"),
        ("alert.schema.json", "alerts/query_slow.yml", ""),
        ("alert.schema.json", "alerts/cost.yml", "/when/cost"),
        ("alert.schema.json", "alerts/sales_are_late.yml", "/when/freshness"),
        ("prices.schema.json", "prices.yml", "/prices/storage"),
        ("dashboard.schema.json", "dashboards/sales.yml", "/tiles/0"),
    ];
    let schemas = shoplake_project::schemas();
    for (schema, file, inside) in files {
        let (_, schema) = schemas.iter().find(|(name, _)| *name == schema).unwrap();
        let validator = jsonschema::validator_for(schema).unwrap();
        let text = fs_err::read_to_string(template.join(file)).unwrap();
        let mut value: Value = serde_saphyr::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
        value.pointer_mut(inside).unwrap().as_object_mut().unwrap().insert("scedule".into(), json!("x"));
        assert!(!validator.is_valid(&value), "{file} with an unknown key in `{inside}` should be refused");
    }
}

/// Every key of every type is described: the schemas are the reference documentation.
#[test]
fn every_key_is_described() {
    for (name, schema) in shoplake_project::schemas() {
        let mut open = vec![&schema];
        while let Some(value) = open.pop() {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                // The variant's own description is that of its only key.
                let variant = value.get("description").filter(|_| properties.len() == 1);
                for (key, property) in properties {
                    let said =
                        property.get("description").or(property.get("const")).or(property.get("$ref")).or(variant);
                    assert!(said.is_some(), "{name}: `{key}` has no description");
                }
            }
            match value {
                Value::Object(map) => open.extend(map.values()),
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
}
