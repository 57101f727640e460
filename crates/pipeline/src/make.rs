//! How the rows of one model are made: those of the touched days, those of the touched keys, or all of
//! them. Whatever the way, the table holds what a run over all rows would give.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, stream};
use shoplake_core::outcome::How;
use shoplake_core::ports::{Batch, DatasetChange, RowStream};
use shoplake_core::upkeep::{TouchedKeys, Upkeep, Upkept};
use shoplake_core::{Catalog, PinnedTable, Result};
use shoplake_models::{Materialized, Model, restrict};

use crate::Pipeline;

/// Above so many touched days a model by day is not made day by day: all of it costs less.
const MOST_DAYS: usize = 62;

/// A model that has to be made.
pub(crate) struct Asked<'a> {
    pub(crate) model: &'a Model,
    /// The tables as they are now.
    pub(crate) catalog: &'a Catalog,
    /// Its own table, where it holds what the same SQL gave before.
    pub(crate) known: Option<&'a PinnedTable>,
    /// The changed tables that it reads.
    pub(crate) touched: &'a [&'a String],
    /// What changed, by table.
    pub(crate) changes: &'a HashMap<String, DatasetChange>,
    /// Days that it has to make anew in any case.
    pub(crate) days: &'a BTreeSet<i32>,
}

/// A model that was made.
pub(crate) struct Made {
    /// Rows of its table.
    pub(crate) rows: u64,
    pub(crate) how: How,
    /// Why in full, where it asked for less.
    pub(crate) why: Option<String>,
    /// What that changed, for those who read it.
    pub(crate) change: DatasetChange,
}

impl Pipeline {
    /// Makes one model.
    pub(crate) async fn make(&self, batch: &mut dyn Batch, asked: &Asked<'_>) -> Result<Made> {
        let mut change = DatasetChange { changed: true, ..DatasetChange::default() };
        let why = if asked.model.materialized != Materialized::Incremental || asked.known.is_none() {
            None
        } else if asked.model.by_day.is_some() {
            match touched_days(asked) {
                Ok(days) if days.len() <= MOST_DAYS => {
                    if let Some(rows) = self.make_days(batch, asked, &days).await? {
                        change.days = days;
                        return Ok(Made { rows, how: How::Days, why: None, change });
                    }
                    Some("its columns are not what they were".to_owned())
                }
                // Many days of which little changed may follow from that; days that are asked for do not.
                Ok(days) if asked.days.is_empty() => match self.make_keys(batch, asked, Some(MOST_DAYS)).await? {
                    Ok((rows, how)) => {
                        change.days = days;
                        return Ok(Made { rows, how, why: None, change });
                    }
                    Err(why) => Some(format!("{} days changed; {why}", days.len())),
                },
                Ok(days) => Some(format!("{} days are asked for or changed", days.len())),
                Err(why) => Some(why),
            }
        } else {
            match self.make_keys(batch, asked, None).await? {
                Ok((rows, how)) => return Ok(Made { rows, how, why: None, change }),
                Err(why) => Some(why),
            }
        };
        let rows = batch.replace(&asked.model.name, self.all_rows(asked).await?).await?;
        Ok(Made { rows, how: How::Full, why, change })
    }

    /// Makes the rows of `days`; `None` where they have other columns than the table.
    async fn make_days(&self, batch: &mut dyn Batch, asked: &Asked<'_>, days: &BTreeSet<i32>) -> Result<Option<u64>> {
        let (Some(incremental), Some(day), Some(known)) =
            (&asked.model.incremental_sql, &asked.model.by_day, asked.known)
        else {
            return Ok(None);
        };
        let rows = self.engine.query(asked.catalog, &restrict(incremental, days)).await?;
        let keys = date_batch(known, day, days);
        let Some(keys) = keys.filter(|_| rows.schema == known.schema) else { return Ok(None) };
        batch.merge(&asked.model.name, &[keys], rows).await.map(Some)
    }

    /// Makes the rows of the touched keys, of which `most` may be calculated from all of their rows, or says why that
    /// cannot be.
    async fn make_keys(
        &self,
        batch: &mut dyn Batch,
        asked: &Asked<'_>,
        most: Option<usize>,
    ) -> Result<std::result::Result<(u64, How), String>> {
        if asked.model.unique_key.is_empty() {
            return Ok(Err("it states no `unique_key`".into()));
        }
        let mut changes = BTreeMap::new();
        for table in asked.touched {
            match asked.changes.get(*table).and_then(|change| change.rows.clone()) {
                Some(rows) => drop(changes.insert((*table).clone(), rows)),
                None => return Ok(Err(format!("all of `{table}` may have changed"))),
            }
        }
        let Asked { model, catalog, .. } = asked;
        let upkeep = Upkeep { catalog, sql: &model.sql, table: &model.name, key: &model.unique_key, changes, most };
        let touched = match self.engine.upkeep(&upkeep).await? {
            Upkept::Keys(touched) => touched,
            Upkept::Full(why) => return Ok(Err(why)),
        };
        if asked.known.is_none_or(|known| known.schema != touched.schema) {
            return Ok(Err("its columns are not what they were".into()));
        }
        let how = if touched.recalculated < touched.count() { How::Merge } else { How::Keys };
        let TouchedKeys { keys, schema, rows, .. } = touched;
        let batches = stream::iter(rows.into_iter().map(Ok)).boxed();
        let rows = batch.merge(&model.name, &keys, RowStream { schema, batches }).await?;
        Ok(Ok((rows, how)))
    }
}

/// The days that a model by day has to make anew, or why all of it has to be.
fn touched_days(asked: &Asked<'_>) -> std::result::Result<BTreeSet<i32>, String> {
    let mut days = asked.days.clone();
    for table in asked.touched {
        // A change that is not told by days (a dimension, another model) may touch any of them.
        let change = asked.changes.get(*table).filter(|c| !c.first && !c.undated && !c.days.is_empty());
        days.extend(&change.ok_or_else(|| format!("`{table}` changed, and not on certain days alone"))?.days);
    }
    if days.is_empty() { Err("no day is named".into()) } else { Ok(days) }
}

/// The days as a column of the table; `None` where the column holds something else.
fn date_batch(table: &PinnedTable, column: &str, days: &BTreeSet<i32>) -> Option<arrow_array::RecordBatch> {
    let field = table.schema.field_with_name(column).ok()?.clone();
    let dates: arrow_array::ArrayRef =
        std::sync::Arc::new(arrow_array::Date32Array::from(days.iter().copied().collect::<Vec<_>>()));
    (field.data_type() == &arrow_schema::DataType::Date32)
        .then(|| {
            arrow_array::RecordBatch::try_new(std::sync::Arc::new(arrow_schema::Schema::new(vec![field])), vec![dates])
        })?
        .ok()
}
