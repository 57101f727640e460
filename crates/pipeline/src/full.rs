//! All rows of a model: in one query, or, where a model by day reads more rows of a month than the
//! memory allows for, piece by piece of days.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use shoplake_core::clock::day_number;
use shoplake_core::ports::RowStream;
use shoplake_core::{Catalog, PinnedTable, Result};
use shoplake_models::{restrict, restrict_to_undated};

use crate::Pipeline;
use crate::make::Asked;

/// Memory that a row takes in a grouping with distinct values, at most (measured: 180 bytes), on each of
/// two threads.
const BYTES_A_ROW: u64 = 2 * 180;

impl Pipeline {
    /// All rows of a model.
    pub(crate) async fn all_rows(&self, asked: &Asked<'_>) -> Result<RowStream> {
        let most = (self.project.limits.memory / BYTES_A_ROW).max(1);
        let sql = match &asked.model.incremental_sql {
            Some(incremental) => pieces(incremental, asked, most),
            None => None,
        };
        let Some(pieces) = sql else {
            return self.engine.query(asked.catalog, &self.fitted(asked.model, asked.catalog).await?).await;
        };
        let schema = self.engine.schema(asked.catalog, &asked.model.sql).await?;
        let (engine, catalog): (_, Arc<Catalog>) = (self.engine.clone(), Arc::new(asked.catalog.clone()));
        let batches = stream::iter(pieces).then(move |sql| {
            let (engine, catalog) = (engine.clone(), catalog.clone());
            async move { engine.query(&catalog, &sql).await.map(|rows| rows.batches) }
        });
        Ok(RowStream { schema, batches: batches.try_flatten().boxed() })
    }
}

/// A model by day in pieces of at most about `most` rows, where one query would hold more of a month.
fn pieces(incremental: &str, asked: &Asked<'_>, most: u64) -> Option<Vec<String>> {
    let tables = asked.model.reads.iter().filter_map(|name| asked.catalog.tables.get(name));
    let dated: Vec<&Arc<PinnedTable>> = tables.filter(|table| !table.partition_columns.is_empty()).collect();
    let [table] = dated.as_slice() else { return None };
    let mut months: BTreeMap<Option<(i32, i32)>, u64> = BTreeMap::new();
    for file in &table.files {
        let part = |name: &str| file.partition.get(name).and_then(Option::as_deref).and_then(|text| text.parse().ok());
        *months.entry(part("year").zip(part("month"))).or_default() += file.rows;
    }
    if months.values().all(|rows| *rows <= most) {
        return None;
    }
    let mut pieces = Vec::new();
    for (month, rows) in months {
        let Some((year, month)) = month else {
            pieces.push(restrict_to_undated(incremental));
            continue;
        };
        let days: Vec<i32> = (1..=31).filter_map(|day| day_number(year, month, day)).collect();
        let parts = usize::try_from(rows.div_ceil(most)).unwrap_or(usize::MAX).clamp(1, days.len().max(1));
        let part = |days: &[i32]| restrict(incremental, &days.iter().copied().collect::<BTreeSet<_>>());
        pieces.extend(days.chunks(days.len().div_ceil(parts).max(1)).map(part));
    }
    Some(pieces)
}
