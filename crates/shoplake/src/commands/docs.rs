//! `shoplake docs generate`: manifest.json and catalog.json in dbt's broad shape, and one page to read.

use std::collections::BTreeMap;

use chrono::Utc;
use serde_json::{Map, Value, json};
use shoplake_core::{Catalog, Fault};
use shoplake_models::{Graph, Node, Resource};

use super::Context;
use super::choosing::Compiled;
use crate::cli::{DocsArgs, SelectArgs};
use crate::failure::{Exit, Failure};
use crate::wiring::{self, Reader};

/// The page; `__PROJECT__` is the project's JSON.
const PAGE: &str = include_str!("docs/page.html");

pub(super) fn generate(context: &Context, args: &DocsArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(None)?;
    let graph = compiled.graph(&SelectArgs::default())?;
    let (planned, published) = context.block_on(1, async {
        let Reader { engine, catalog } = wiring::blank(&compiled.project)?;
        let planned = shoplake_pipeline::plan_all(engine.as_ref(), &compiled.models, catalog).await?;
        Ok((planned, wiring::reader(&compiled.project).await?.catalog))
    })?;
    let manifest = manifest(&compiled, &graph);
    let catalog = catalog(&compiled, &graph, &planned, &published);
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => compiled.project.dir.join("target"),
    };
    fs_err::create_dir_all(&folder).map_err(Fault::from)?;
    let text = |value: &Value| serde_json::to_string(value).map_err(|error| Fault::internal(error.to_string()));
    // `</script>` inside of a description must not end the page's script.
    let embedded = text(&json!({"manifest": manifest, "catalog": catalog}))?.replace("</", "<\\/");
    let name = compiled.project.name.replace('&', "&amp;").replace('<', "&lt;");
    let page = PAGE.replace("__NAME__", &name).replace("__PROJECT__", &embedded);
    let files =
        [("manifest.json", text(&manifest)? + "\n"), ("catalog.json", text(&catalog)? + "\n"), ("index.html", page)];
    for (name, bytes) in files {
        fs_err::write(folder.join(name), bytes).map_err(Fault::from)?;
    }
    context.printer.data_text(&format!("{}\n", compiled.project.shown(&folder.join("index.html"))))?;
    Ok(Exit::Done)
}

fn manifest(compiled: &Compiled, graph: &Graph) -> Value {
    let (mut nodes, mut sources, mut exposures, mut unit_tests) = (Map::new(), Map::new(), Map::new(), Map::new());
    let (mut parents, mut children): (Map<String, Value>, BTreeMap<&str, Vec<&str>>) = (Map::new(), BTreeMap::new());
    for node in &graph.nodes {
        let above: Vec<&str> =
            node.parents.iter().filter_map(|p| graph.nodes.get(*p)).map(|p| p.unique_id.as_str()).collect();
        children.entry(&node.unique_id).or_default();
        for parent in &above {
            children.entry(parent).or_default().push(&node.unique_id);
        }
        let entry = described(compiled, node, &above);
        parents.insert(node.unique_id.clone(), json!(above));
        let list = match node.resource {
            Resource::Source => &mut sources,
            Resource::Exposure => &mut exposures,
            Resource::UnitTest => &mut unit_tests,
            _ => &mut nodes,
        };
        list.insert(node.unique_id.clone(), entry);
    }
    json!({
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "generated_at": Utc::now(),
            "project_name": compiled.project.name, "adapter_type": "shoplake",
            "shoplake_version": env!("CARGO_PKG_VERSION"),
        },
        "nodes": nodes, "sources": sources, "exposures": exposures, "unit_tests": unit_tests,
        "macros": {}, "docs": {}, "metrics": {}, "groups": {}, "selectors": {}, "disabled": {},
        "parent_map": parents, "child_map": children,
    })
}

/// One node of the manifest.
fn described(compiled: &Compiled, node: &Node, above: &[&str]) -> Value {
    let mut entry = json!({
        "unique_id": node.unique_id, "name": node.name, "resource_type": node.resource.word(),
        "package_name": compiled.project.name, "original_file_path": node.path, "path": node.path,
        "tags": node.tags, "depends_on": {"nodes": above, "macros": []},
        "config": {"materialized": node.kind, "tags": node.tags, "enabled": true},
    });
    let models = &compiled.models;
    let more = if let Some(model) =
        models.model(&node.name).filter(|_| matches!(node.resource, Resource::Model | Resource::Seed))
    {
        let columns: Map<String, Value> = model
            .columns
            .iter()
            .map(|c| (c.name.clone(), json!({"name": c.name, "description": c.description})))
            .collect();
        let seed = node.resource == Resource::Seed;
        json!({
            "description": model.description, "columns": columns, "meta": model.meta,
            "raw_code": if seed { "" } else { &model.raw }, "compiled_code": if seed { "" } else { &model.sql },
            "relation_name": model.name, "alias": model.name, "language": "sql",
        })
    } else if let Some(test) = models.tests.iter().find(|t| t.name == node.name && node.resource == Resource::Test) {
        json!({
            "column_name": test.column, "compiled_code": test.sql, "attached_node": test.table,
            "test_metadata": {"name": test.kind},
            "config": {"materialized": "test", "severity": format!("{:?}", test.severity), "tags": node.tags, "enabled": true},
        })
    } else if let Some(table) =
        models.sources.iter().find(|t| t.dataset == node.name && node.resource == Resource::Source)
    {
        json!({"description": table.description, "source_name": table.source, "loaded_at_field": table.loaded_at_field})
    } else if let Some(exposure) =
        models.exposures.iter().find(|e| e.name == node.name && node.resource == Resource::Exposure)
    {
        json!({
            "description": exposure.description, "type": exposure.kind, "label": exposure.label, "url": exposure.url,
            "maturity": exposure.maturity, "owner": exposure.owner, "meta": exposure.meta,
        })
    } else if let Some(test) =
        models.unit_tests.iter().find(|t| t.name == node.name && node.resource == Resource::UnitTest)
    {
        json!({"description": test.description, "model": test.model})
    } else {
        json!({"source_name": node.source})
    };
    if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
        entry.extend(more);
    }
    entry
}

/// Columns with their types, and rows of what is published.
fn catalog(compiled: &Compiled, graph: &Graph, planned: &Catalog, published: &Catalog) -> Value {
    let (mut nodes, mut sources) = (Map::new(), Map::new());
    for node in &graph.nodes {
        let list = match node.resource {
            Resource::Source => &mut sources,
            Resource::Model | Resource::Seed => &mut nodes,
            _ => continue,
        };
        let Some(table) = planned.tables.get(&node.name) else { continue };
        let known = compiled.models.model(&node.name);
        let columns: Map<String, Value> = table
            .schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let said = known.and_then(|model| model.columns.iter().find(|c| c.name == *field.name()));
                let column = json!({
                    "name": field.name(), "type": kind(field.data_type()), "index": index + 1,
                    "comment": said.map(|column| column.description.as_str()),
                });
                (field.name().clone(), column)
            })
            .collect();
        let rows = published.tables.get(&node.name).map(|table| table.rows());
        list.insert(
            node.unique_id.clone(),
            json!({
                "unique_id": node.unique_id, "columns": columns,
                "metadata": {"type": node.kind, "name": node.name, "schema": compiled.project.name},
                "stats": {"row_count": {"id": "row_count", "label": "Rows", "value": rows, "include": rows.is_some()}},
            }),
        );
    }
    json!({
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json", "generated_at": Utc::now()},
        "nodes": nodes, "sources": sources,
    })
}

/// A type in words that SQL has for it.
fn kind(kind: &arrow_schema::DataType) -> String {
    use arrow_schema::DataType as Type;
    match kind {
        Type::Utf8 => "VARCHAR".into(),
        Type::Int64 => "BIGINT".into(),
        Type::Int32 => "INTEGER".into(),
        Type::Float64 => "DOUBLE".into(),
        Type::Boolean => "BOOLEAN".into(),
        Type::Date32 => "DATE".into(),
        Type::Decimal128(digits, places) => format!("DECIMAL({digits},{places})"),
        Type::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".into(),
        Type::Timestamp(_, None) => "TIMESTAMP".into(),
        other => other.to_string(),
    }
}
