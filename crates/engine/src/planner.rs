//! The planner port: what a query is, from one look at DataFusion's logical plan.
//!
//! What lives here: the walk that finds where each column comes from (`origins`), the one that finds
//! the query's shape (`shape`), and the way from expressions back to SQL (`text`). What does not:
//! running anything, and what lineage, `why` or an incremental model make of the answer.
//!
//! The plan is read as SQL was resolved: names, functions and `*` are known, nothing is optimized, so
//! that its pieces still say what their author wrote. Types are checked by the analyzer beside it.

mod origins;
mod shape;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, SubqueryAlias};
use shoplake_core::planned::{Input, Origin, PlannedColumn, PlannedQuery};
use shoplake_core::ports::SqlPlanner;
use shoplake_core::{Catalog, Result};

use crate::{DataFusionEngine, faults, plain};

#[async_trait]
impl SqlPlanner for DataFusionEngine {
    async fn plan_through(
        &self,
        catalog: &Catalog,
        definitions: &[(String, String)],
        sql: &str,
    ) -> Result<PlannedQuery> {
        let (sessions, catalog, sql) = (Arc::clone(&self.sessions), catalog.clone(), sql.to_owned());
        let definitions = definitions.to_vec();
        self.on_own_thread(async move {
            let wrong = |error: DataFusionError| faults::planning(&error, &catalog);
            let mut known: HashMap<String, LogicalPlan> = HashMap::new();
            for (name, definition) in &definitions {
                let (_, plan) = sessions.plan(&catalog, definition).await?;
                known.insert(name.clone(), through(plan, &known).map_err(wrong)?);
            }
            let (context, plan) = sessions.plan(&catalog, &sql).await?;
            let state = context.state();
            let options = Arc::clone(state.config_options());
            let analyzed = state.analyzer().execute_and_check(plan.clone(), &options, |_, _| {}).map_err(wrong)?;
            let schema = plain::schema(analyzed.schema().as_arrow())?;
            through(plan, &known).and_then(|plan| planned(&plan, schema)).map_err(wrong)
        })
        .await
    }
}

/// `plan` with the plans of `known` in place of the tables of their names.
fn through(plan: LogicalPlan, known: &HashMap<String, LogicalPlan>) -> Result<LogicalPlan, DataFusionError> {
    if known.is_empty() {
        return Ok(plan);
    }
    let replaced = plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
        let Some(definition) = known.get(scan.table_name.table()) else { return Ok(Transformed::no(node)) };
        let alias = SubqueryAlias::try_new(Arc::new(definition.clone()), scan.table_name.clone())?;
        // The nodes above keep their own idea of the columns; what is put in has been gone through already.
        Ok(Transformed::new(LogicalPlan::SubqueryAlias(alias), true, TreeNodeRecursion::Jump))
    });
    replaced.map(|replaced| replaced.data)
}

fn planned(plan: &LogicalPlan, schema: arrow::datatypes::SchemaRef) -> Result<PlannedQuery, DataFusionError> {
    let traced = origins::trace(plan)?;
    let columns: Vec<PlannedColumn> = schema
        .fields()
        .iter()
        .zip(traced.columns)
        .map(|(field, trace)| PlannedColumn {
            name: field.name().clone(),
            derivation: trace.derivation,
            shaped_by: traced.shaped.union(&trace.shaped).filter(|o| !trace.values.contains(o)).cloned().collect(),
            values: trace.values,
            counts: trace.counts,
        })
        .collect();
    let mut inputs: BTreeMap<String, Vec<String>> =
        traced.tables.into_iter().map(|table| (table, Vec::new())).collect();
    let mut read: Vec<&Origin> = columns.iter().flat_map(|c| c.values.iter().chain(&c.shaped_by)).collect();
    read.extend(&traced.shaped);
    read.sort();
    read.dedup();
    for origin in read {
        inputs.entry(origin.table.clone()).or_default().push(origin.column.clone());
    }
    let inputs = inputs.into_iter().map(|(table, columns)| Input { table, columns }).collect();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    Ok(PlannedQuery { shape: shape::of(plan, &names), schema, inputs, columns })
}

/// A plan that cannot be walked: a mistake of ours.
fn lost(what: &str) -> DataFusionError {
    DataFusionError::Internal(format!("planning lost its way: {what}"))
}

/// Why a part of a query has no known shape: the end of "this query …".
#[derive(Debug)]
struct Unknown(String);
