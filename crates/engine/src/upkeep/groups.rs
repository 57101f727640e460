//! Groups as rows: keys `g0`, `g1`, … and measures `m0`, `m1`, …, those stored, those of the rows that
//! entered and those of the rows that left put together.
//!
//! A stored table holds a grouping's keys as they are, or three of them as the date that they make.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch};
use arrow::compute::{cast_with_options, filter_record_batch, not};
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::error::{DataFusionError, Result as SqlResult};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::datetime::expr_fn::date_part;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, col, lit, when,
};
use shoplake_core::{Fault, PinnedTable, Result};

use super::shape::{Origin, Shape};

/// Groups as they are stored.
const STORED: i32 = 0;
/// Groups of the rows that entered.
pub(super) const ENTERED: i32 = 1;
/// Groups of the rows that left.
pub(super) const LEFT: i32 = 2;
/// Groups whose distinct values came or went.
pub(super) const MOVED: i32 = 3;
const SIDE: &str = "side";
const STALE: &str = "stale";
const GONE: &str = "gone";

pub(super) fn key(at: usize) -> String {
    format!("g{at}")
}

fn measure(at: usize) -> String {
    format!("m{at}")
}

/// How a measure follows from what is stored and what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The rows of the group.
    Rows,
    /// Values that are not NULL, or rows that pass a filter.
    Count,
    /// A sum; whether each row of a group has a value.
    Sum {
        never_null: bool,
    },
    Min,
    Max,
    /// Distinct values: as many as before where the rows that entered have those that left have, and no others.
    Distinct,
    /// It does not follow.
    Unknown,
}

/// A measure of the grouping.
#[derive(Debug, Clone)]
pub(super) struct Measure {
    rule: Rule,
    /// The column of the stored table that holds it.
    column: Option<String>,
    data_type: DataType,
}

impl Measure {
    /// Whether it follows only from which values came and went.
    pub(super) fn is_distinct(&self) -> bool {
        self.rule == Rule::Distinct
    }
}

/// A column of the stored table's key.
#[derive(Debug)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) of: KeyOf,
}

/// What it holds of the grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyOf {
    /// This key, as it is.
    Key(usize),
    /// The date of these keys: a year, a month and a day.
    Date([usize; 3]),
}

impl KeyColumn {
    /// The keys of the grouping that it holds.
    pub(super) fn keys(&self) -> &[usize] {
        match &self.of {
            KeyOf::Key(key) => std::slice::from_ref(key),
            KeyOf::Date(parts) => parts,
        }
    }

    /// The key at `at`, out of the values of this column.
    fn key(&self, at: usize, values: Expr) -> Expr {
        match self.of {
            KeyOf::Key(_) => values,
            KeyOf::Date([year, month, _]) => {
                let part = if at == year {
                    "year"
                } else if at == month {
                    "month"
                } else {
                    "day"
                };
                date_part(lit(part), values)
            }
        }
    }
}

/// The stored table of a query.
pub(super) struct Stored<'a> {
    pub(super) shape: &'a Shape<'a>,
    pub(super) key_columns: &'a [KeyColumn],
    pub(super) table: &'a PinnedTable,
}

/// The groups that changed rows touch.
pub(super) struct Told {
    /// Keys and measures as they are now, and whether the group is gone.
    pub(super) told: Vec<RecordBatch>,
    /// Keys of groups that cannot be told.
    pub(super) stale: Vec<RecordBatch>,
}

/// Keys and measures of a grouping.
pub(super) fn schema(grouping: &Aggregate) -> Schema {
    let keys = grouping.group_expr.len();
    let fields = grouping.schema.fields().iter().enumerate();
    let fields = fields.map(|(at, field)| Field::new(name(at, keys), field.data_type().clone(), true));
    Schema::new(fields.collect::<Vec<_>>())
}

/// The same, and the side that they stand on.
pub(super) fn sided_schema(grouping: &Aggregate) -> Schema {
    let mut fields: Vec<Field> = schema(grouping).fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.push(Field::new(SIDE, DataType::Int32, false));
    Schema::new(fields)
}

fn name(at: usize, keys: usize) -> String {
    if at < keys { key(at) } else { measure(at - keys) }
}

/// The columns of `plan`, a grouping like `grouping`, as keys and measures.
fn columns(plan: &LogicalPlan, grouping: &Aggregate) -> Vec<Expr> {
    let keys = grouping.group_expr.len();
    let columns = plan.schema().columns().into_iter().enumerate();
    columns.map(|(at, column)| Expr::Column(column).alias(name(at, keys))).collect()
}

pub(super) fn unnamed(plan: LogicalPlan, grouping: &Aggregate) -> SqlResult<LogicalPlan> {
    let columns = columns(&plan, grouping);
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

pub(super) fn sided(plan: LogicalPlan, grouping: &Aggregate, side: i32) -> SqlResult<LogicalPlan> {
    let mut columns = columns(&plan, grouping);
    columns.push(lit(side).alias(SIDE));
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// Groups of which the keys alone are known, on a side of their own.
pub(super) fn of_keys(keys: LogicalPlan, grouping: &Aggregate, side: i32) -> SqlResult<LogicalPlan> {
    let known = grouping.group_expr.len();
    let columns = grouping.schema.fields().iter().enumerate().map(|(at, field)| {
        let name = name(at, known);
        let value = if at < known { col(&name) } else { lit(ScalarValue::Null) };
        cast(value, field.data_type().clone()).alias(name)
    });
    let columns = columns.chain([lit(side).alias(SIDE)]).collect::<Vec<_>>();
    LogicalPlanBuilder::from(keys).project(columns)?.build()
}

/// What a count of distinct values counts.
pub(super) fn counted(expression: &Expr) -> Option<Expr> {
    match expression.clone().unalias_nested().data {
        Expr::AggregateFunction(call) => call.params.args.first().cloned(),
        _ => None,
    }
}

/// Keys and measures under the names of `grouping`, to stand in its place.
pub(super) fn renamed(plan: LogicalPlan, grouping: &Aggregate) -> SqlResult<LogicalPlan> {
    let ours = plan.schema().columns();
    let columns = grouping.schema.iter().zip(ours).map(|((qualifier, field), column)| {
        cast(Expr::Column(column), field.data_type().clone()).alias_qualified(qualifier.cloned(), field.name())
    });
    LogicalPlanBuilder::from(plan).project(columns.collect::<Vec<_>>())?.build()
}

impl Stored<'_> {
    /// How each measure of the grouping can be told.
    pub(super) fn measures(&self, never_null: impl Fn(&Expr) -> bool) -> Vec<Measure> {
        let grouping = self.shape.grouping;
        let keys = grouping.group_expr.len();
        let measures = grouping.aggr_expr.iter().enumerate().map(|(at, expression)| {
            let data_type = grouping.schema.field(keys + at).data_type().clone();
            let column = self.table.schema.fields().iter().zip(&self.shape.columns);
            let mut column = column.filter(|(_, origin)| **origin == Origin::Grouping(keys + at));
            let column = column.find(|(field, _)| kept_exactly(&data_type, Some(field.data_type())));
            let column = column.map(|(field, _)| field.name().clone());
            let rule = if column.is_some() { rule(expression, &data_type, &never_null) } else { Rule::Unknown };
            Measure { rule, column, data_type }
        });
        measures.collect()
    }

    /// The stored rows as groups.
    pub(super) fn sided(&self, scan: LogicalPlan, measures: &[Measure]) -> SqlResult<LogicalPlan> {
        let grouping = &self.shape.grouping.schema;
        let plainly = |name: &str| {
            let at = scan.schema().index_of_column_by_name(None, name);
            let column = at.map(|at| Expr::Column(scan.schema().columns().swap_remove(at)));
            column.unwrap_or_else(|| lit(ScalarValue::Null))
        };
        let held = |name: &str, data_type: &DataType| cast(plainly(name), data_type.clone());
        let keys = (0..self.shape.grouping.group_expr.len()).filter_map(|at| {
            let column = self.key_columns.iter().find(|column| column.keys().contains(&at))?;
            let value = column.key(at, plainly(&column.name));
            Some(cast(value, grouping.field(at).data_type().clone()).alias(key(at)))
        });
        let measures = measures
            .iter()
            .enumerate()
            .map(|(at, known)| held(known.column.as_deref().unwrap_or_default(), &known.data_type).alias(measure(at)));
        let columns: Vec<Expr> = keys.chain(measures).chain([lit(STORED).alias(SIDE)]).collect();
        LogicalPlanBuilder::from(scan).project(columns)?.build()
    }

    /// The groups of all sides put together: keys, measures as they are now, whether they cannot be
    /// told, and whether they are gone.
    pub(super) fn told(&self, sides: DataFrame, measures: &[Measure]) -> SqlResult<DataFrame> {
        let on = |side: i32| col(SIDE).eq(lit(side));
        let sign = |value: Expr| when(on(LEFT), Expr::Negative(Box::new(value.clone()))).otherwise(value);
        let keys: Vec<Expr> = (0..self.shape.grouping.group_expr.len()).map(|at| col(key(at))).collect();
        let mut parts = vec![
            count(lit(1)).filter(on(STORED)).build()?.alias("times_stored"),
            count(lit(1)).filter(on(LEFT)).build()?.alias("times_left"),
            count(lit(1)).filter(on(MOVED)).build()?.alias("times_moved"),
        ];
        for (at, known) in measures.iter().enumerate() {
            let value = col(measure(at));
            let now = match known.rule {
                Rule::Rows | Rule::Count | Rule::Sum { .. } => sum(sign(value.clone())?),
                Rule::Min => min(value.clone()).filter(col(SIDE).lt(lit(LEFT))).build()?,
                Rule::Max => max(value.clone()).filter(col(SIDE).lt(lit(LEFT))).build()?,
                Rule::Distinct => {
                    let of = |side| max(value.clone()).filter(on(side)).build();
                    parts.push(of(ENTERED)?.alias(format!("entered_{at}")));
                    of(STORED)?
                }
                Rule::Unknown => continue,
            };
            parts.push(now.alias(measure(at)));
            if matches!(known.rule, Rule::Min | Rule::Max) {
                parts.push(min(value.clone()).filter(on(LEFT)).build()?.alias(format!("least_left_{at}")));
                parts.push(max(value.clone()).filter(on(LEFT)).build()?.alias(format!("most_left_{at}")));
                parts.push(min(value.clone()).filter(on(ENTERED)).build()?.alias(format!("least_entered_{at}")));
                parts.push(max(value.clone()).filter(on(ENTERED)).build()?.alias(format!("most_entered_{at}")));
                parts.push(min(value).filter(on(STORED)).build()?.alias(format!("stored_{at}")));
            }
        }
        let frame = sides.aggregate(keys.clone(), parts)?;
        let rows = measures.iter().position(|known| known.rule == Rule::Rows);
        let mut columns = keys;
        for (at, known) in measures.iter().enumerate() {
            let now = match known.rule {
                Rule::Unknown => lit(ScalarValue::Null),
                // A group that is new has the values of the rows that entered.
                Rule::Distinct => coalesce(vec![col(measure(at)), col(format!("entered_{at}"))]),
                _ => col(measure(at)),
            };
            columns.push(cast(now, known.data_type.clone()).alias(measure(at)));
        }
        let stale = self.stale(measures, rows);
        let gone = rows.map_or(lit(false), |rows| col(measure(rows)).lt_eq(lit(0_i64)));
        columns.extend([stale.alias(STALE), gone.alias(GONE)]);
        frame.select(columns)
    }

    /// Whether a group cannot be told from what is stored and what changed.
    fn stale(&self, measures: &[Measure], rows: Option<usize>) -> Expr {
        let some = |times: &str| col(times).gt(lit(0_i64));
        let some_left = || some("times_left");
        // A key stored twice is no key; and rows can only leave what is stored.
        let mut stale = col("times_stored").gt(lit(1_i64)).or(some_left().and(col("times_stored").eq(lit(0_i64))));
        if self.shape.hides || measures.iter().any(|known| known.rule == Rule::Unknown) {
            return lit(true);
        }
        if rows.is_none() || measures.iter().any(|known| known.rule == Rule::Sum { never_null: false }) {
            stale = stale.or(some_left());
        }
        for (at, known) in measures.iter().enumerate() {
            let of = |what: &str| col(format!("{what}_{at}"));
            let (reached, taken) = match known.rule {
                Rule::Min => (of("least_left").lt_eq(of("stored")), of("least_entered").lt_eq(of("least_left"))),
                Rule::Max => (of("most_left").gt_eq(of("stored")), of("most_entered").gt_eq(of("most_left"))),
                Rule::Distinct => {
                    stale = stale.or(some("times_stored").and(some("times_moved")));
                    continue;
                }
                _ => continue,
            };
            // Where a value left and none is stored, something is odd. What entered may take the place of what left.
            let reached = reached.clone().is_null().or(reached.and(taken.is_not_true()));
            stale = stale.or(of("least_left").is_not_null().and(reached));
        }
        stale
    }
}

/// How a measure follows from what is stored and what changed.
fn rule(expression: &Expr, data_type: &DataType, never_null: impl Fn(&Expr) -> bool) -> Rule {
    let Expr::AggregateFunction(call) = expression.clone().unalias_nested().data else { return Rule::Unknown };
    let params = &call.params;
    if params.distinct && params.filter.is_none() && call.func.name() == "count" && params.args.len() == 1 {
        return Rule::Distinct;
    }
    if params.distinct || !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Rule::Unknown;
    }
    let exact = !data_type.is_floating();
    match (call.func.name(), params.args.as_slice()) {
        ("count", []) if params.filter.is_none() => Rule::Rows,
        ("count", [Expr::Literal(value, _)]) if !value.is_null() && params.filter.is_none() => Rule::Rows,
        ("count", [_] | []) => Rule::Count,
        ("sum", [value]) if exact => Rule::Sum { never_null: params.filter.is_none() && never_null(value) },
        ("min", [_]) if exact => Rule::Min,
        ("max", [_]) if exact => Rule::Max,
        _ => Rule::Unknown,
    }
}

/// Whether a table keeps values of a grouping's column as they are.
pub(super) fn kept_exactly(grouped: &DataType, stored: Option<&DataType>) -> bool {
    let Some(stored) = stored else { return false };
    match grouped {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => stored == &DataType::Utf8,
        DataType::Timestamp(unit, zone) => {
            *unit == TimeUnit::Microsecond
                && matches!(stored, DataType::Timestamp(TimeUnit::Microsecond, kept) if kept.is_some() == zone.is_some())
        }
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => stored == &DataType::Int32,
        DataType::UInt32 => stored == &DataType::Int64,
        DataType::Boolean
        | DataType::Int32
        | DataType::Int64
        | DataType::Date32
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..) => stored == grouped,
        _ => false,
    }
}

/// Sorts groups into those that are told and those that are not.
pub(super) fn split(groups: Vec<RecordBatch>, keys: usize) -> SqlResult<Told> {
    let (mut told, mut stale) = (Vec::new(), Vec::new());
    for batch in groups {
        let flag = flag(&batch, STALE)?;
        let of_keys: Vec<usize> = (0..keys).collect();
        stale.push(filter_record_batch(&batch, &flag)?.project(&of_keys)?);
        told.push(filter_record_batch(&batch, &not(&flag)?)?);
    }
    told.retain(|batch: &RecordBatch| batch.num_rows() > 0);
    stale.retain(|batch: &RecordBatch| batch.num_rows() > 0);
    Ok(Told { told, stale })
}

/// The told groups that still have rows.
pub(super) fn present(told: &[RecordBatch], schema: &SchemaRef) -> SqlResult<Vec<RecordBatch>> {
    let columns: Vec<usize> = (0..schema.fields().len()).collect();
    let there = told.iter().map(|batch| {
        let there = filter_record_batch(batch, &not(&flag(batch, GONE)?)?)?.project(&columns)?;
        Ok(RecordBatch::try_new(Arc::clone(schema), there.columns().to_vec())?)
    });
    there.collect()
}

fn flag(batch: &RecordBatch, name: &str) -> SqlResult<BooleanArray> {
    let flag = batch.column_by_name(name).and_then(|column| column.as_boolean_opt());
    let flag = flag.filter(|flag| flag.null_count() == 0).cloned();
    flag.ok_or_else(|| DataFusionError::Internal(format!("groups without `{name}`")))
}

/// The key columns of the stored table.
pub(super) fn key_schema(columns: &[KeyColumn], table: &PinnedTable) -> SchemaRef {
    let fields = columns.iter().filter_map(|column| table.schema.field_with_name(&column.name).ok().cloned());
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Whether some of the dates that the keys make are none: their days cannot be told from what is stored.
pub(super) fn undated(groups: &[RecordBatch], columns: &[KeyColumn]) -> bool {
    let dates = || columns.iter().filter(|column| matches!(column.of, KeyOf::Date(_)));
    groups.iter().any(|batch| dates().any(|column| held(column, batch).is_none_or(|dates| dates.null_count() > 0)))
}

/// What the column holds of these keys.
fn held(column: &KeyColumn, keys: &RecordBatch) -> Option<ArrayRef> {
    let whole = |key: &usize| keys.column(*key).as_primitive_opt::<Int32Type>();
    match &column.of {
        KeyOf::Key(key) => Some(Arc::clone(keys.column(*key))),
        KeyOf::Date([year, month, day]) => {
            let (years, months, days) = (whole(year)?, whole(month)?, whole(day)?);
            let dates = (0..keys.num_rows()).map(|row| {
                let at = |part: &arrow::array::Int32Array| part.is_valid(row).then(|| part.value(row));
                let (month, day) = (u32::try_from(at(months)?).ok()?, u32::try_from(at(days)?).ok()?);
                NaiveDate::from_ymd_opt(at(years)?, month, day).map(Date32Type::from_naive_date)
            });
            Some(Arc::new(dates.collect::<Date32Array>()))
        }
    }
}

/// Keys under the names and in the types of the stored table.
pub(super) fn named(keys: &[RecordBatch], columns: &[KeyColumn], schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    let exact = arrow::compute::CastOptions { safe: false, ..Default::default() };
    let named = keys.iter().map(|batch| {
        let columns = columns.iter().zip(schema.fields()).map(|(column, field)| {
            let held = held(column, batch).ok_or_else(|| ArrowError::SchemaError("a day is no number".into()))?;
            cast_with_options(&held, field.data_type(), &exact)
        });
        RecordBatch::try_new(Arc::clone(schema), columns.collect::<std::result::Result<Vec<_>, _>>()?)
    });
    named
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| Fault::internal("keys do not fit the table that they are of").caused_by(error))
}

/// A fault of ours within a plan of theirs.
pub(super) fn external(fault: &Fault) -> DataFusionError {
    DataFusionError::Internal(fault.to_string())
}
