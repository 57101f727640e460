//! Models and tests planned over tables without rows: what is wrong with their SQL, told at the files
//! that people wrote.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use shoplake_core::ports::Engine;
use shoplake_core::{Catalog, Fault, FaultKind, PinnedTable, Result};
use shoplake_models::{DataTest, Models, expressions};

use crate::Pipeline;
use crate::run::many;

/// The most parts of a query that are tried to find the one with a wrong type.
const TRIED: usize = 500;

impl Pipeline {
    /// Plans every model before anything is loaded: over the contracts, and over the columns that files
    /// brought into the tables without them.
    ///
    /// # Errors
    /// Every model whose SQL does not fit.
    pub(crate) async fn compile(&self, models: &Models) -> Result<()> {
        let mut catalog = self.tables.blank()?;
        let pinned = self.tables.pinned().await?;
        for (name, table) in &mut catalog.tables {
            let Some(known) = pinned.tables.get(name) else { continue };
            let new = known.schema.fields().iter().filter(|field| table.schema.field_with_name(field.name()).is_err());
            let new: Vec<_> = new.cloned().collect();
            if !new.is_empty() {
                let fields: Vec<_> = table.schema.fields().iter().cloned().chain(new).collect();
                let schema = Arc::new(Schema::new(fields));
                *table = Arc::new(PinnedTable { schema, ..PinnedTable::clone(table) });
            }
        }
        plan_all(&*self.engine, models, catalog).await.map(drop).map_err(many)
    }
}

/// Plans every model over `catalog`, in order, without touching data; gives the catalog with the
/// models' tables (no files) in it, those of views too.
///
/// A model over one that does not plan is left out: it may well be right.
///
/// # Errors
/// Every model whose SQL does not fit the tables.
pub async fn plan_all(engine: &dyn Engine, models: &Models, mut catalog: Catalog) -> Result<Catalog, Vec<Fault>> {
    let (mut faults, mut broken) = (Vec::new(), HashSet::new());
    catalog.views.clear();
    for model in &models.models {
        if model.depends_on.iter().any(|name| broken.contains(name)) {
            broken.insert(model.name.clone());
            continue;
        }
        match schema(engine, &catalog, &model.plain_sql).await {
            Ok(schema) => {
                let table = PinnedTable {
                    name: model.name.clone(),
                    root: std::env::temp_dir().into(),
                    schema,
                    partition_columns: Vec::new(),
                    files: Vec::new(),
                };
                catalog.tables.insert(model.name.clone(), Arc::new(table));
            }
            Err(fault) => {
                broken.insert(model.name.clone());
                faults.push(models.place(fault, &model.path, &model.plain_sql));
                continue;
            }
        }
        if let Some(sql) = &model.incremental_sql
            && let Err(mut fault) = engine.schema(&catalog, sql).await
        {
            fault.place = None;
            faults.push(fault.at(&model.path, None, None).detail("With `is_incremental()` true."));
        }
    }
    if faults.is_empty() { Ok(catalog) } else { Err(faults) }
}

/// What is wrong with the tests of `models`, over the catalog that [`plan_all`] gives.
pub async fn plan_tests(engine: &dyn Engine, models: &Models, catalog: &Catalog) -> Vec<Fault> {
    let mut faults = Vec::new();
    for test in &models.tests {
        if let Err(fault) = schema(engine, catalog, &test.plain_sql).await {
            faults.push(of_test(models, test, fault));
        }
    }
    faults
}

/// A fault of a test's SQL, told at the test.
pub(crate) fn of_test(models: &Models, test: &DataTest, mut fault: Fault) -> Fault {
    if test.kind == "singular" {
        return models.place(fault, &test.path, &test.plain_sql);
    }
    fault.place = None;
    let detail = fault.detail.take().map(|detail| format!(" {detail}")).unwrap_or_default();
    fault.at(&test.path, test.line, None).detail(format!("In the test `{}`.{detail}", test.name))
}

async fn schema(engine: &dyn Engine, catalog: &Catalog, sql: &str) -> Result<SchemaRef, Fault> {
    match engine.schema(catalog, sql).await {
        Ok(schema) => Ok(schema),
        Err(fault) => Err(found(engine, catalog, sql, fault).await),
    }
}

/// The fault with its place: where the engine gives none, the smallest part of the query without which
/// the fault is gone.
async fn found(engine: &dyn Engine, catalog: &Catalog, sql: &str, fault: Fault) -> Fault {
    if fault.place.is_some() || fault.kind != FaultKind::Usage {
        return fault;
    }
    for part in expressions(sql).into_iter().take(TRIED) {
        let (Some(before), Some(after)) = (sql.get(..part.start), sql.get(part.end..)) else { continue };
        let without = engine.schema(catalog, &format!("{before}NULL{after}")).await;
        if without.map_or_else(|other| other.message != fault.message, |_| true) {
            let line = before.matches('\n').count() as u64 + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
            return fault.at("sql", Some(line), Some(column));
        }
    }
    fault
}
