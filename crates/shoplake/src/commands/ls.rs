//! `shoplake ls`: what there is, and what a selection names.

use serde_json::json;
use shoplake_core::Fault;
use shoplake_models::Resource;

use super::Context;
use crate::cli::{LsArgs, LsOutput, ResourceWord};
use crate::failure::{Exit, Failure};

pub(super) fn ls(context: &Context, args: &LsArgs) -> Result<Exit, Failure> {
    let compiled = context.compiled(args.select.vars.as_deref())?;
    let graph = compiled.graph(&args.select)?;
    let chosen = compiled.chosen(&graph, &args.select)?;
    let wanted = |resource: Resource| {
        args.resource_type.is_empty() || args.resource_type.iter().any(|word| word.resource() == resource)
    };
    let mut text = String::new();
    for node in chosen.iter().filter_map(|index| graph.nodes.get(*index)).filter(|node| wanted(node.resource)) {
        match args.output {
            LsOutput::Name if node.resource == Resource::Source => {
                let source = node.source.as_deref().unwrap_or_default();
                text += &format!("source:{source}.{}\n", node.name);
            }
            LsOutput::Name => text += &format!("{}\n", node.name),
            LsOutput::Path => text += &format!("{}\n", node.path),
            LsOutput::Json => {
                let parents: Vec<&str> =
                    node.parents.iter().filter_map(|p| graph.nodes.get(*p)).map(|p| p.unique_id.as_str()).collect();
                let line = json!({
                    "name": node.name, "resource_type": node.resource.word(), "unique_id": node.unique_id,
                    "original_file_path": node.path, "tags": node.tags, "depends_on": {"nodes": parents},
                    "config": {"materialized": node.kind},
                });
                text += &(serde_json::to_string(&line).map_err(|e| Fault::internal(e.to_string()))? + "\n");
            }
        }
    }
    context.printer.data_text(&text)?;
    if text.is_empty() {
        context.printer.warn("nothing is chosen");
    }
    Ok(Exit::Done)
}

impl ResourceWord {
    fn resource(self) -> Resource {
        match self {
            Self::Source => Resource::Source,
            Self::Seed => Resource::Seed,
            Self::Model => Resource::Model,
            Self::Test => Resource::Test,
            Self::UnitTest => Resource::UnitTest,
            Self::Exposure => Resource::Exposure,
        }
    }
}
