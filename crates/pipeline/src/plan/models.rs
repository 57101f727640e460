//! Which models a run would make, and why; and how their columns would differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_schema::{DataType, Schema};
use serde::Serialize;
use shoplake_core::{Catalog, PinnedTable, Result};
use shoplake_models::{Materialized, Model, Models};

use super::TableChange;
use super::contracts::{ColumnChange, differences};
use crate::Pipeline;
use crate::planning::plan_all;
use crate::run::many;

/// What would become of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelAction {
    /// It has no table yet.
    Create,
    /// All of it is made anew.
    Rebuild,
    /// The days that the new rows touch are made anew.
    Days,
    /// It is a view, and its SQL is another.
    Redefine,
    /// It is no longer in the project; a table stays as it is.
    Leave,
}

/// A model that a run would make or leave.
#[derive(Debug, Serialize)]
pub struct PlannedModel {
    /// The model.
    pub name: String,
    /// What would become of it.
    pub action: ModelAction,
    /// Why, in words: the nearest reasons.
    pub reasons: Vec<String>,
    /// Its columns that come, go or change.
    pub columns: Vec<ColumnChange>,
}

impl PlannedModel {
    /// Whether its own SQL makes it anew.
    pub(crate) fn is_remade(&self) -> bool {
        matches!(self.action, ModelAction::Create) || self.reasons.iter().any(|reason| reason == SQL)
    }
}

/// The reason that a model itself gives.
const SQL: &str = "its SQL, or that of a view or macro in it, has changed";

/// The models that would be made, in build order, and after them those that are gone. `changed` are
/// the datasets that would take up files or rows.
pub(crate) fn planned(
    models: &Models,
    last: Option<&BTreeMap<String, String>>,
    now: &BTreeMap<String, String>,
    changed: &BTreeSet<String>,
) -> Vec<PlannedModel> {
    let mut planned: Vec<PlannedModel> = Vec::new();
    for model in &models.models {
        let is_view = model.materialized == Materialized::View;
        if !is_view && !model.materialized.is_stored() {
            continue;
        }
        let entry = if is_view { format!("view:{}", model.name) } else { format!("model:{}", model.name) };
        let before = last.and_then(|last| last.get(&entry));
        let differs = before != now.get(&entry);
        let mut reasons: Vec<String> = Vec::new();
        let mut in_full = differs;
        match before {
            None => reasons.push("it is new".to_owned()),
            Some(_) if differs => reasons.push(SQL.to_owned()),
            Some(_) => {}
        }
        for table in model.reads.iter().filter(|_| before.is_some() && !is_view) {
            if changed.contains(table) {
                reasons.push(format!("new rows of {table}"));
                in_full |= !by_day_of(model, models, table);
            } else if planned.iter().any(|above| &above.name == table) {
                reasons.push(format!("{table} changes"));
                in_full = true;
            }
        }
        if reasons.is_empty() {
            continue;
        }
        let action = match before {
            None => ModelAction::Create,
            Some(_) if is_view => ModelAction::Redefine,
            Some(_) if in_full => ModelAction::Rebuild,
            Some(_) => ModelAction::Days,
        };
        planned.push(PlannedModel { name: model.name.clone(), action, reasons, columns: Vec::new() });
    }
    let gone = last.into_iter().flat_map(BTreeMap::keys).filter(|entry| !now.contains_key(*entry));
    let left = |entry: &String| match entry.split_once(':') {
        Some(("model", name)) => Some((name.to_owned(), "it is no longer in the project; its table stays as it is")),
        Some(("view", name)) => Some((name.to_owned(), "it is no longer in the project")),
        _ => None,
    };
    planned.extend(gone.filter_map(left).map(|(name, reason)| PlannedModel {
        name,
        action: ModelAction::Leave,
        reasons: vec![reason.to_owned()],
        columns: Vec::new(),
    }));
    planned
}

/// Whether rows of `table` touch only days of the model: a dataset that is dated, not another model.
fn by_day_of(model: &Model, models: &Models, table: &str) -> bool {
    model.by_day.is_some() && models.model(table).is_none()
}

impl Pipeline {
    /// Fills in how the columns of `planned` differ from their tables; gives the datasets whose do.
    pub(crate) async fn schemas(&self, models: &Models, planned: &mut [PlannedModel]) -> Result<Vec<TableChange>> {
        let pinned = self.tables.pinned().await?;
        let mut blank = pinned.clone();
        let mut tables = Vec::new();
        for dataset in &self.project.datasets {
            let name = &dataset.contract.dataset;
            let Some(known) = pinned.tables.get(name) else { continue };
            let mut fields: Vec<_> = known.schema.fields().iter().cloned().collect();
            for field in dataset.contract.schema().fields() {
                match fields.iter_mut().find(|known| known.name() == field.name()) {
                    Some(known) => *known = field.clone(),
                    None => fields.push(field.clone()),
                }
            }
            let table =
                PinnedTable { schema: Arc::new(Schema::new(fields)), files: Vec::new(), ..known.as_ref().clone() };
            let columns = differences(&types(&known.schema), &types(&table.schema));
            if !columns.is_empty() {
                tables.push(TableChange { table: name.clone(), columns });
            }
            blank.tables.insert(name.clone(), Arc::new(table));
        }
        if pinned.tables.is_empty() {
            return Ok(tables);
        }
        let after: Catalog = plan_all(self.engine.as_ref(), models, blank).await.map_err(many)?;
        for model in planned.iter_mut().filter(|model| model.action != ModelAction::Leave) {
            let before = pinned.tables.get(&model.name).filter(|_| model.action != ModelAction::Create);
            if let (Some(before), Some(after)) = (before, after.tables.get(&model.name)) {
                model.columns = differences(&types(&before.schema), &types(&after.schema));
            }
        }
        Ok(tables)
    }
}

/// The types of columns, as people write them.
fn types(schema: &Schema) -> BTreeMap<String, String> {
    let word = |data_type: &DataType| match data_type {
        DataType::Utf8 => "string".to_owned(),
        DataType::Int64 => "integer".to_owned(),
        DataType::Int32 => "integer (32 bits)".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        other => other.to_string().to_lowercase(),
    };
    schema.fields().iter().map(|field| (field.name().clone(), word(field.data_type()))).collect()
}
