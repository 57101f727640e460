//! The rows of a stored query that changed with its tables.
//!
//! What lives here: the proof, from the query's plan, of which of its rows can have changed, and those
//! rows anew. A count, a sum, a minimum or a maximum follows from what is stored and from the rows that
//! entered and left, and a number of distinct values where the same ones entered and left; where it does not
//! (a minimum left, values came), the groups of the touched keys alone are calculated from all of their rows. Where neither can be proved, the answer is
//! that the query has to be run in full. What does not live here: the stored table's change (lake).

mod groups;
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, NullEquality};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::Result as SqlResult;
use datafusion::execution::context::SessionContext;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Aggregate, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, cast, col, lit};
use datafusion::physical_plan::collect;
use shoplake_core::upkeep::{ChangedRows, TouchedKeys, Upkeep, Upkept};
use shoplake_core::{Catalog, PinnedTable, Result};

use crate::provider::PinnedProvider;
use crate::session::Sessions;
use crate::{faults, plain};
use groups::{KeyColumn, KeyOf, Stored};
use shape::{Joined, Origin, Shape};

/// So many changed rows are few in any table.
const FEW: u64 = 10_000;
/// A value of those that are counted, and on how many sides it stands.
const VALUE: &str = "value";
const SIDES: &str = "sides";

/// What [`Upkeep`] asks, for a thread of the engine's own.
pub(crate) struct Task {
    pub(crate) catalog: Catalog,
    pub(crate) sql: String,
    pub(crate) table: String,
    pub(crate) key: Vec<String>,
    pub(crate) changes: BTreeMap<String, ChangedRows>,
    pub(crate) most: Option<usize>,
}

impl From<&Upkeep<'_>> for Task {
    fn from(asked: &Upkeep<'_>) -> Self {
        Self {
            catalog: asked.catalog.clone(),
            sql: asked.sql.to_owned(),
            table: asked.table.to_owned(),
            key: asked.key.to_vec(),
            changes: asked.changes.clone(),
            most: asked.most,
        }
    }
}

/// The rows that changed, or why they cannot be told.
pub(crate) async fn upkeep(sessions: &Sessions, task: &Task) -> Result<Upkept> {
    let Some(stored) = task.catalog.tables.get(&task.table) else {
        return Ok(Upkept::Full("it has no table yet".into()));
    };
    for (name, rows) in &task.changes {
        let (changed, all) =
            (rows.entered.rows() + rows.left.rows(), task.catalog.tables.get(name).map_or(0, |t| t.rows()));
        if changed > FEW && changed * 4 > all {
            return Ok(Upkept::Full(format!("much of `{name}` changed")));
        }
    }
    let (context, plan) = sessions.planned(&task.catalog, &task.sql).await?;
    let upkept = Run::new(&context, &plan, task, stored);
    let run = match upkept {
        Ok(run) => run,
        Err(why) => return Ok(Upkept::Full(why)),
    };
    run.touched(task.most).await.map_err(|error| faults::running(&error))?
}

/// One query that is being brought up to date.
struct Run<'p> {
    context: &'p SessionContext,
    plan: &'p LogicalPlan,
    shape: Shape<'p>,
    /// The changed table whose rows are grouped.
    fact: Option<(&'p str, &'p ChangedRows)>,
    /// The changed tables that are joined to the groups.
    joined: Vec<(usize, &'p str, &'p ChangedRows)>,
    catalog: &'p Catalog,
    table: &'p PinnedTable,
    /// How many keys the grouping has.
    keys: usize,
    /// The columns of the stored table that hold them.
    key_columns: Vec<KeyColumn>,
}

impl<'p> Run<'p> {
    /// Proves that the query can be kept up to date; else says why not.
    fn new(
        context: &'p SessionContext,
        plan: &'p LogicalPlan,
        task: &'p Task,
        table: &'p PinnedTable,
    ) -> std::result::Result<Self, String> {
        let shape = shape::of(plan)?;
        let key_columns = key_columns(plan, &shape, &task.key, table)?;
        let keys = shape.grouping.group_expr.len();
        let (mut fact, mut joined) = (None, Vec::new());
        for (name, rows) in &task.changes {
            let below = shape::reading(&shape.grouping.input, name);
            if below.times > 0 {
                if fact.is_some() || below.times > 1 || !below.row_by_row {
                    return Err(format!("`{name}` changed, whose rows do not reach their groups one by one"));
                }
                fact = Some((name.as_str(), rows));
            }
            for (at, Joined { plan, on }) in shape.joined.iter().enumerate() {
                let beside = shape::reading(plan, name);
                if beside.times == 0 {
                    continue;
                }
                let covers = (0..keys).all(|key| on.iter().any(|(_, known)| *known == key));
                if beside.times > 1 || !beside.row_by_row || !covers {
                    return Err(format!("`{name}` changed, which is not joined by all keys of the groups"));
                }
                joined.push((at, name.as_str(), rows));
            }
        }
        Ok(Self { context, plan, shape, fact, joined, catalog: &task.catalog, table, keys, key_columns })
    }

    /// What the touched keys come to; `most` of them may be calculated from all of their rows.
    async fn touched(&self, most: Option<usize>) -> SqlResult<Result<Upkept>> {
        let keys = self.keys;
        // Groups whose joined rows changed are calculated anew: what is stored may lack them.
        let beside = self.joined_keys().await?;
        let mut told = Vec::new();
        let mut stale = beside.clone();
        if let Some((name, rows)) = self.fact {
            let groups = self.told_groups(name, rows, &beside).await?;
            (told, stale) = (groups.told, [groups.stale, stale].concat());
        }
        let grouping = self.shape.grouping;
        let plain_groups = Arc::new(groups::schema(grouping));
        let stale = self.distinct(stale, keys).await?;
        let recalculated: usize = stale.iter().map(RecordBatch::num_rows).sum();
        if most.is_some_and(|most| recalculated > most) {
            return Ok(Ok(Upkept::Full(format!("{recalculated} keys do not follow from what changed"))));
        }
        let mut all_keys: Vec<RecordBatch> = stale.clone();
        for batch in &told {
            all_keys.push(batch.project(&(0..keys).collect::<Vec<_>>())?);
        }
        if groups::undated(&all_keys, &self.key_columns) {
            return Ok(Ok(Upkept::Full("some of what changed has no day".into())));
        }
        let present = groups::present(&told, &plain_groups)?;
        let mut now = present;
        if recalculated > 0 {
            now.extend(self.calculated(&stale).await?);
        }
        let physical = self.rows_of(now, &plain_groups)?.create_physical_plan().await?;
        let schema = match plain::schema(&physical.schema()) {
            Ok(schema) => schema,
            Err(fault) => return Ok(Err(fault)),
        };
        let rows = collect(physical, self.context.task_ctx()).await?;
        let plainly = |batches: Vec<RecordBatch>, schema: &SchemaRef| {
            batches.iter().map(|batch| plain::batch(batch, schema)).collect::<Result<Vec<_>>>()
        };
        let key_schema = groups::key_schema(&self.key_columns, self.table);
        Ok(plainly(rows, &schema).and_then(|rows| {
            let keys = groups::named(&all_keys, &self.key_columns, &key_schema)?;
            Ok(Upkept::Keys(TouchedKeys { keys, schema, rows, recalculated: recalculated as u64 }))
        }))
    }

    fn frame(&self, plan: LogicalPlan) -> DataFrame {
        DataFrame::new(self.context.state(), plan)
    }

    /// A scan of rows in memory.
    fn scan(&self, name: &str, schema: SchemaRef, batches: Vec<RecordBatch>) -> SqlResult<LogicalPlan> {
        let table = MemTable::try_new(schema, vec![batches])?;
        LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?.build()
    }

    /// The keys of groups whose joined rows changed, as `g0`, `g1`, ….
    async fn joined_keys(&self) -> SqlResult<Vec<RecordBatch>> {
        let mut keys = Vec::new();
        for (at, name, rows) in &self.joined {
            let Joined { plan, on } = &self.shape.joined[*at];
            for side in [&rows.entered, &rows.left].into_iter().filter(|side| side.rows() > 0) {
                let plan = with_rows(plan, name, side)?;
                let columns = (0..self.keys).filter_map(|key| {
                    let (column, _) = on.iter().find(|(_, known)| *known == key)?;
                    let wanted = self.shape.grouping.schema.field(key).data_type().clone();
                    Some(cast(Expr::Column(column.clone()), wanted).alias(groups::key(key)))
                });
                let plan = LogicalPlanBuilder::from(plan).project(columns.collect::<Vec<_>>())?.build()?;
                keys.extend(self.frame(plan).collect().await?);
            }
        }
        Ok(keys)
    }

    /// The groups that the changed rows of the fact touch, but for those of `beside`.
    async fn told_groups(&self, name: &str, rows: &ChangedRows, beside: &[RecordBatch]) -> SqlResult<groups::Told> {
        let grouping = self.shape.grouping;
        let mut changed = Vec::new();
        let sides = [(groups::ENTERED, &rows.entered), (groups::LEFT, &rows.left)];
        for (side, table) in sides.into_iter().filter(|(_, table)| table.rows() > 0) {
            let input = with_rows(&grouping.input, name, table)?;
            let plan = LogicalPlan::Aggregate(Aggregate::try_new(
                Arc::new(input),
                grouping.group_expr.clone(),
                grouping.aggr_expr.clone(),
            )?);
            let plan = groups::sided(plan, grouping, side)?;
            changed.extend(self.frame(plan).collect().await?);
        }
        let sided = Arc::new(groups::sided_schema(grouping));
        let stored = Stored { shape: &self.shape, key_columns: &self.key_columns, table: self.table };
        let measures = stored.measures(|expression| self.never_null(name, expression));
        let distinct = grouping.aggr_expr.iter().zip(&measures).filter(|(_, measure)| measure.is_distinct());
        for (expression, _) in distinct {
            changed.extend(self.moved(name, rows, expression).await?);
        }
        let keys: Vec<Expr> = (0..self.keys).map(|key| col(groups::key(key))).collect();
        let changed = self.scan("changed", sided, changed)?;
        let touched = LogicalPlanBuilder::from(changed.clone()).project(keys)?.distinct()?.build()?;
        let scan = PinnedProvider::new(self.table).map_err(|fault| groups::external(&fault))?;
        let scan = LogicalPlanBuilder::scan("stored", provider_as_source(Arc::new(scan)), None)?.build()?;
        let scan = self.semi_join(stored.sided(scan, &measures)?, touched, JoinType::LeftSemi)?;
        let union = LogicalPlanBuilder::from(changed).union(scan)?.build()?;
        let mut frame = stored.told(self.frame(union), &measures)?;
        if !beside.is_empty() {
            let beside = self.scan("beside", beside[0].schema(), beside.to_vec())?;
            let plan = frame.into_unoptimized_plan();
            frame = self.frame(self.semi_join(plan, beside, JoinType::LeftAnti)?);
        }
        groups::split(frame.collect().await?, self.keys)
    }

    /// The groups in which values of `counted`, a count of distinct ones, entered and did not leave, or left and did not
    /// enter: by those that did both, as many are there as before.
    async fn moved(&self, name: &str, rows: &ChangedRows, counted: &Expr) -> SqlResult<Vec<RecordBatch>> {
        let grouping = self.shape.grouping;
        let Some(value) = groups::counted(counted) else { return Ok(Vec::new()) };
        let keys: Vec<Expr> = (0..self.keys).map(|key| col(groups::key(key))).collect();
        let mut sides = Vec::new();
        for table in [&rows.entered, &rows.left].into_iter().filter(|table| table.rows() > 0) {
            let named = grouping.group_expr.iter().enumerate();
            let named = named.map(|(key, expression)| expression.clone().unalias().alias(groups::key(key)));
            let values = LogicalPlanBuilder::from(with_rows(&grouping.input, name, table)?)
                .project(named.chain([value.clone().alias(VALUE)]).collect::<Vec<_>>())?
                .filter(col(VALUE).is_not_null())?
                .distinct()?
                .build()?;
            sides.extend(self.frame(values).collect().await?);
        }
        let Some(first) = sides.first() else { return Ok(Vec::new()) };
        let values = self.scan("values", first.schema(), sides.clone())?;
        let of_value = keys.iter().cloned().chain([col(VALUE)]).collect::<Vec<_>>();
        let moved = LogicalPlanBuilder::from(values)
            .aggregate(of_value, [count(lit(1)).alias(SIDES)])?
            .filter(col(SIDES).eq(lit(1_i64)))?
            .project(keys)?
            .distinct()?
            .build()?;
        self.frame(groups::of_keys(moved, grouping, groups::MOVED)?).collect().await
    }

    /// `left` joined by the keys `g0`, `g1`, … with `right`; NULL is a key like others.
    fn semi_join(&self, left: LogicalPlan, right: LogicalPlan, how: JoinType) -> SqlResult<LogicalPlan> {
        let right = LogicalPlanBuilder::from(right).alias("keys")?.build()?;
        let keys = 0..self.keys;
        let theirs: Vec<Column> = keys.clone().map(|key| Column::new(Some("keys"), groups::key(key))).collect();
        let ours: SqlResult<Vec<Column>> = keys
            .map(|key| {
                let at = left.schema().index_of_column_by_name(None, &groups::key(key));
                let at = at.ok_or_else(|| datafusion::error::DataFusionError::Internal("a key is not there".into()))?;
                Ok(Column::from(left.schema().qualified_field(at)))
            })
            .collect();
        LogicalPlanBuilder::from(left)
            .join_detailed(right, how, (ours?, theirs), None, NullEquality::NullEqualsNull)?
            .build()
    }

    async fn distinct(&self, keys: Vec<RecordBatch>, count: usize) -> SqlResult<Vec<RecordBatch>> {
        let keys: Vec<RecordBatch> = keys.into_iter().filter(|batch| batch.num_rows() > 0).collect();
        let Some(first) = keys.first() else { return Ok(keys) };
        let columns: Vec<Expr> = (0..count).map(|key| col(groups::key(key))).collect();
        let scan = self.scan("keys", first.schema(), keys.clone())?;
        let plan = LogicalPlanBuilder::from(scan).project(columns)?.distinct()?.build()?;
        self.frame(plan).collect().await
    }

    /// The groups of `keys`, from all rows of the tables.
    async fn calculated(&self, keys: &[RecordBatch]) -> SqlResult<Vec<RecordBatch>> {
        let grouping = self.shape.grouping;
        let wanted = self.scan("wanted", keys[0].schema(), keys.to_vec())?;
        let named = grouping.group_expr.iter().enumerate().map(|(key, e)| e.clone().unalias().alias(groups::key(key)));
        let columns = grouping.input.schema().columns().into_iter().map(Expr::Column);
        let input = LogicalPlanBuilder::from(grouping.input.as_ref().clone())
            .project(columns.chain(named).collect::<Vec<_>>())?
            .build()?;
        let input = self.semi_join(input, wanted, JoinType::LeftSemi)?;
        let plan = LogicalPlan::Aggregate(Aggregate::try_new(
            Arc::new(input),
            grouping.group_expr.clone(),
            grouping.aggr_expr.clone(),
        )?);
        self.frame(groups::unnamed(plan, grouping)?).collect().await
    }

    /// What the query makes of `groups`.
    fn rows_of(&self, now: Vec<RecordBatch>, schema: &SchemaRef) -> SqlResult<DataFrame> {
        let scan = self.scan("groups", Arc::clone(schema), now)?;
        let scan = groups::renamed(scan, self.shape.grouping)?;
        let plan = self.plan.clone().transform_down(|node| {
            Ok(match node {
                LogicalPlan::Aggregate(_) => Transformed::new(scan.clone(), true, TreeNodeRecursion::Jump),
                other => Transformed::no(other),
            })
        })?;
        Ok(self.frame(plan.data))
    }

    /// Whether `expression` over the grouped rows has a value in each of them, as the files' statistics say.
    fn never_null(&self, fact: &str, expression: &Expr) -> bool {
        let Some(column) = shape::column_of(&self.shape.grouping.input, expression, fact) else { return false };
        self.catalog.tables.get(fact).is_some_and(|table| {
            table.files.iter().all(|file| file.statistic("nullCount", &column).is_some_and(|nulls| nulls == 0))
        })
    }
}

/// The columns of the stored table that hold the keys of the grouping. Together they are its key.
fn key_columns(
    plan: &LogicalPlan,
    shape: &Shape<'_>,
    unique: &[String],
    table: &PinnedTable,
) -> std::result::Result<Vec<KeyColumn>, String> {
    let schema = plan.schema();
    let origins: BTreeMap<&str, Origin> =
        schema.fields().iter().zip(&shape.columns).map(|(field, origin)| (field.name().as_str(), *origin)).collect();
    let keys = shape.grouping.group_expr.len();
    let differ = || format!("`unique_key` ({}) is not what it groups by", unique.join(", "));
    let mut columns: Vec<KeyColumn> = Vec::new();
    for name in unique {
        let of = match origins.get(name.as_str()) {
            Some(Origin::Grouping(key)) => KeyOf::Key(*key),
            Some(Origin::Date(parts)) => KeyOf::Date(*parts),
            _ => return Err(differ()),
        };
        columns.push(KeyColumn { name: name.clone(), of });
    }
    let held: Vec<usize> = columns.iter().flat_map(|column| column.keys().iter().copied()).collect();
    if held.iter().any(|key| *key >= keys) || (0..keys).any(|key| held.iter().filter(|held| **held == key).count() != 1)
    {
        return Err(differ());
    }
    for KeyColumn { name, of } in &columns {
        let stored = table.schema.field_with_name(name).ok().map(arrow::datatypes::Field::data_type);
        let grouped = |key: usize| shape.grouping.schema.field(key).data_type();
        let (as_it_is, what) = match *of {
            KeyOf::Key(key) => {
                let grouped = grouped(key);
                (groups::kept_exactly(grouped, stored) && !grouped.is_floating(), grouped.to_string())
            }
            KeyOf::Date(parts) => {
                let whole = parts.iter().all(|key| *grouped(*key) == DataType::Int32);
                (whole && stored == Some(&DataType::Date32), "a date of its keys".to_owned())
            }
        };
        if !as_it_is {
            return Err(format!("`{name}` ({what}) is not kept as it is grouped"));
        }
    }
    Ok(columns)
}

/// `plan` with `rows` in place of the rows of `table`.
fn with_rows(plan: &LogicalPlan, table: &str, rows: &PinnedTable) -> SqlResult<LogicalPlan> {
    let source = provider_as_source(Arc::new(PinnedProvider::new(rows).map_err(|fault| groups::external(&fault))?));
    let plan = plan.clone().transform_down(|node| {
        Ok(match node {
            LogicalPlan::TableScan(mut scan) if scan.table_name.table() == table => {
                scan.source = Arc::clone(&source);
                Transformed::yes(LogicalPlan::TableScan(scan))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(plan.data)
}
