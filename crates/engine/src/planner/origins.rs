//! Where each column of a plan comes from.

use std::collections::{BTreeSet, HashMap};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as SqlResult;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};
use shoplake_core::planned::{Derivation, Origin};

use super::lost;

/// Where one column comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    pub(super) derivation: Derivation,
    pub(super) values: BTreeSet<Origin>,
    /// What decides which of the values it is.
    pub(super) shaped: BTreeSet<Origin>,
    pub(super) counts: BTreeSet<String>,
}

impl Trace {
    /// Takes in another's origins; the derivation stays.
    fn add(&mut self, other: &Trace) {
        self.values.extend(other.values.iter().cloned());
        self.shaped.extend(other.shaped.iter().cloned());
        self.counts.extend(other.counts.iter().cloned());
    }

    /// Everything that it depends on.
    fn all(&self) -> impl Iterator<Item = &Origin> {
        self.values.iter().chain(&self.shaped)
    }
}

/// Where the columns of a plan come from, and what decides which rows there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Traced {
    /// One a column of the plan's schema.
    pub(super) columns: Vec<Trace>,
    pub(super) shaped: BTreeSet<Origin>,
    pub(super) tables: BTreeSet<String>,
}

/// Traces every column of `plan`.
pub(super) fn trace(plan: &LogicalPlan) -> SqlResult<Traced> {
    Walk::default().plan(plan, None)
}

/// Columns that an expression may name.
struct Scope<'s> {
    schema: &'s DFSchema,
    columns: &'s [Trace],
    /// The query around, for a subquery that refers to it.
    around: Option<&'s Scope<'s>>,
    /// Tables whose rows `count(*)` counts here.
    tables: &'s BTreeSet<String>,
}

impl Scope<'_> {
    fn column(&self, column: &Column) -> SqlResult<Trace> {
        match self.schema.maybe_index_of_column(column).and_then(|at| self.columns.get(at)) {
            Some(trace) => Ok(trace.clone()),
            None => {
                self.around.map_or_else(|| Err(lost(&format!("no column {column}"))), |around| around.column(column))
            }
        }
    }
}

#[derive(Default)]
struct Walk {
    /// The columns of recursive queries by their name.
    recursive: HashMap<String, Vec<Trace>>,
}

impl Walk {
    fn plan(&mut self, plan: &LogicalPlan, around: Option<&Scope<'_>>) -> SqlResult<Traced> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let table = scan.table_name.table();
                if let Some(columns) = self.recursive.get(table) {
                    return Ok(Traced { columns: columns.clone(), ..Traced::default() });
                }
                let columns = plan.schema().fields().iter().map(|field| Trace {
                    derivation: Derivation::Copy,
                    values: BTreeSet::from([Origin { table: table.to_owned(), column: field.name().clone() }]),
                    ..Trace::default()
                });
                let tables = BTreeSet::from([table.to_owned()]);
                Ok(Traced { columns: columns.collect(), shaped: BTreeSet::new(), tables })
            }
            LogicalPlan::Projection(projection) => {
                let input = self.plan(&projection.input, around)?;
                self.made(input, projection.input.schema(), &projection.expr, around)
            }
            LogicalPlan::Filter(filter) => {
                let input = self.plan(&filter.input, around)?;
                self.shaped(input, plan.schema(), [&filter.predicate], around)
            }
            LogicalPlan::Sort(sort) => {
                let input = self.plan(&sort.input, around)?;
                // An order alone changes no row; with a limit it decides which there are.
                let by = sort.expr.iter().map(|order| &order.expr);
                if sort.fetch.is_some() { self.shaped(input, plan.schema(), by, around) } else { Ok(input) }
            }
            LogicalPlan::Limit(limit) => {
                let input = self.plan(&limit.input, around)?;
                match limit.input.as_ref() {
                    LogicalPlan::Sort(sort) => {
                        let by: Vec<&Expr> = sort.expr.iter().map(|order| &order.expr).collect();
                        self.shaped(input, plan.schema(), by, around)
                    }
                    _ => Ok(input),
                }
            }
            LogicalPlan::Aggregate(aggregate) => {
                let input = self.plan(&aggregate.input, around)?;
                let schema = aggregate.input.schema();
                let keys: Vec<&Expr> = match aggregate.group_expr.as_slice() {
                    [Expr::GroupingSet(set)] => set.distinct_expr(),
                    keys => keys.iter().collect(),
                };
                let mut grouped = self.shaped(input.clone(), schema, keys.iter().copied(), around)?;
                let keys: Vec<Expr> = keys.into_iter().cloned().collect();
                let mut columns = self.made(input.clone(), schema, &keys, around)?.columns;
                // Grouping sets add one column of their own between keys and aggregates.
                let own = plan.schema().fields().len().saturating_sub(keys.len() + aggregate.aggr_expr.len());
                columns.extend(std::iter::repeat_n(Trace::default(), own));
                columns.extend(self.made(input, schema, &aggregate.aggr_expr, around)?.columns);
                grouped.columns = columns;
                Ok(grouped)
            }
            LogicalPlan::Window(window) => {
                let input = self.plan(&window.input, around)?;
                let made = self.made(input.clone(), window.input.schema(), &window.window_expr, around)?;
                let mut all = input;
                all.columns.extend(made.columns);
                all.shaped.extend(made.shaped);
                all.tables.extend(made.tables);
                Ok(all)
            }
            LogicalPlan::Join(join) => {
                let (left, right) = (self.plan(&join.left, around)?, self.plan(&join.right, around)?);
                let width = plan.schema().fields().len();
                let right_alone = width == right.columns.len()
                    && width < left.columns.len() + right.columns.len()
                    && join.schema.iter().zip(join.right.schema().iter()).all(|(a, b)| a == b);
                let mut both = left;
                both.columns.extend(right.columns);
                both.shaped.extend(right.shaped);
                both.tables.extend(right.tables);
                let met = join.left.schema().join(join.right.schema())?;
                let by = join.on.iter().flat_map(|(left, right)| [left, right]).chain(&join.filter);
                let mut both = self.shaped(both, &met, by, around)?;
                // A semi join gives the columns of one side, a mark join one more.
                if right_alone {
                    both.columns.drain(..both.columns.len() - width);
                }
                both.columns.resize(width, Trace::default());
                Ok(both)
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let mut input = self.plan(input, around)?;
                let by: Vec<Origin> = input.columns.iter().flat_map(Trace::all).cloned().collect();
                input.shaped.extend(by);
                Ok(input)
            }
            LogicalPlan::Distinct(Distinct::On(on)) => {
                let input = self.plan(&on.input, around)?;
                let sorts = on.sort_expr.iter().flatten().map(|order| &order.expr);
                let by: Vec<&Expr> = on.on_expr.iter().chain(sorts).collect();
                let input = self.shaped(input, on.input.schema(), by, around)?;
                self.made(input, on.input.schema(), &on.select_expr, around)
            }
            LogicalPlan::RecursiveQuery(recursive) => {
                let mut first = self.plan(&recursive.static_term, around)?;
                self.recursive.insert(recursive.name.clone(), first.columns.clone());
                let next = self.plan(&recursive.recursive_term, around);
                self.recursive.remove(&recursive.name);
                merge(&mut first, next?);
                Ok(first)
            }
            LogicalPlan::Union(union) => {
                let mut parts = union.inputs.iter();
                let mut first = match parts.next() {
                    Some(part) => self.plan(part, around)?,
                    None => Traced::default(),
                };
                for part in parts {
                    let part = self.plan(part, around)?;
                    merge(&mut first, part);
                }
                Ok(first)
            }
            other => self.generic(other, around),
        }
    }

    /// A node that is not known by name: a column keeps its origins where an input has one of its
    /// name, and else depends on all of them.
    fn generic(&mut self, plan: &LogicalPlan, around: Option<&Scope<'_>>) -> SqlResult<Traced> {
        let mut all = Traced::default();
        let mut named: Vec<(Column, Trace)> = Vec::new();
        let inputs = plan.inputs();
        let same_width =
            matches!(inputs.as_slice(), [one] if one.schema().fields().len() == plan.schema().fields().len());
        for input in inputs {
            let traced = self.plan(input, around)?;
            named.extend(input.schema().columns().into_iter().zip(traced.columns));
            all.shaped.extend(traced.shaped);
            all.tables.extend(traced.tables);
        }
        // An alias or a node that only hands rows on has the columns of its input, in order.
        let hands_on = same_width && !matches!(plan, LogicalPlan::Unnest(_) | LogicalPlan::Extension(_));
        if hands_on {
            all.columns = named.into_iter().map(|(_, trace)| trace).collect();
            return Ok(all);
        }
        let mut any = Trace::default();
        for (_, trace) in &named {
            any.add(trace);
        }
        let columns = plan.schema().columns().into_iter().map(|column| {
            named.iter().find(|(known, _)| *known == column).map_or_else(|| any.clone(), |(_, trace)| trace.clone())
        });
        all.columns = columns.collect();
        Ok(all)
    }

    /// `input` with the columns that `expressions` make of it.
    fn made(
        &mut self,
        mut input: Traced,
        schema: &DFSchema,
        expressions: &[Expr],
        around: Option<&Scope<'_>>,
    ) -> SqlResult<Traced> {
        let (mut columns, mut shaped, mut tables) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let scope = Scope { schema, columns: &input.columns, around, tables: &input.tables };
        for expression in expressions {
            columns.push(self.expression(expression, &scope, &mut shaped, &mut tables)?);
        }
        input.columns = columns;
        input.shaped.extend(shaped);
        input.tables.extend(tables);
        Ok(input)
    }

    /// `input` with `expressions` deciding which rows there are.
    fn shaped<'e>(
        &mut self,
        input: Traced,
        schema: &DFSchema,
        expressions: impl IntoIterator<Item = &'e Expr>,
        around: Option<&Scope<'_>>,
    ) -> SqlResult<Traced> {
        let (mut shaped, mut tables) = (BTreeSet::new(), BTreeSet::new());
        let scope = Scope { schema, columns: &input.columns, around, tables: &input.tables };
        for expression in expressions {
            let trace = self.expression(expression, &scope, &mut shaped, &mut tables)?;
            shaped.extend(trace.all().cloned());
        }
        let mut input = input;
        input.shaped.extend(shaped);
        input.tables.extend(tables);
        Ok(input)
    }

    /// Where the value of `expression` comes from; what its subqueries depend on goes to `shaped`.
    fn expression(
        &mut self,
        expression: &Expr,
        scope: &Scope<'_>,
        shaped: &mut BTreeSet<Origin>,
        tables: &mut BTreeSet<String>,
    ) -> SqlResult<Trace> {
        let mut trace = Trace::default();
        match expression {
            Expr::Alias(alias) => return self.expression(&alias.expr, scope, shaped, tables),
            Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => return scope.column(column),
            Expr::ScalarSubquery(subquery) => {
                let inner = self.plan(&subquery.subquery, Some(scope))?;
                for column in &inner.columns {
                    trace.add(column);
                }
                trace.derivation = inner.columns.first().map_or(Derivation::Expression, |c| c.derivation);
                trace.derivation = trace.derivation.max(Derivation::Expression);
                trace.shaped.extend(inner.shaped);
                tables.extend(inner.tables);
                return Ok(trace);
            }
            Expr::Exists(exists) => self.subquery(&exists.subquery.subquery, scope, &mut trace, shaped, tables)?,
            Expr::InSubquery(test) => self.subquery(&test.subquery.subquery, scope, &mut trace, shaped, tables)?,
            Expr::SetComparison(test) => self.subquery(&test.subquery.subquery, scope, &mut trace, shaped, tables)?,
            _ => {}
        }
        let conditions: Vec<&Expr> = match expression {
            Expr::Case(case) => {
                case.expr.iter().chain(case.when_then_expr.iter().map(|(when, _)| when)).map(AsRef::as_ref).collect()
            }
            Expr::AggregateFunction(call) => {
                let order = call.params.order_by.iter().map(|order| &order.expr);
                call.params.filter.iter().map(AsRef::as_ref).chain(order).collect()
            }
            Expr::WindowFunction(call) => {
                let order = call.params.order_by.iter().map(|order| &order.expr);
                let filter = call.params.filter.iter().map(AsRef::as_ref);
                call.params.partition_by.iter().chain(order).chain(filter).collect()
            }
            _ => Vec::new(),
        };
        let mut parts: Vec<&Expr> = Vec::new();
        expression.apply_children(|child| {
            parts.push(child);
            Ok(TreeNodeRecursion::Continue)
        })?;
        for part in parts {
            let inner = self.expression(part, scope, shaped, tables)?;
            if conditions.contains(&part) {
                trace.shaped.extend(inner.all().cloned());
            } else {
                trace.add(&inner);
            }
            trace.derivation = trace.derivation.max(inner.derivation);
        }
        if matches!(expression, Expr::AggregateFunction(_) | Expr::WindowFunction(_)) {
            trace.derivation = Derivation::Aggregate;
            if trace.values.is_empty() && trace.counts.is_empty() {
                trace.counts.extend(scope.tables.iter().cloned());
            }
        } else {
            trace.derivation = trace.derivation.max(Derivation::Expression);
        }
        Ok(trace)
    }

    /// A subquery that is only asked whether something is in it.
    fn subquery(
        &mut self,
        plan: &LogicalPlan,
        scope: &Scope<'_>,
        trace: &mut Trace,
        shaped: &mut BTreeSet<Origin>,
        tables: &mut BTreeSet<String>,
    ) -> SqlResult<()> {
        let inner = self.plan(plan, Some(scope))?;
        let asked = inner.columns.iter().flat_map(Trace::all);
        trace.shaped.extend(asked.chain(&inner.shaped).cloned());
        shaped.extend(inner.shaped.iter().cloned());
        tables.extend(inner.tables);
        Ok(())
    }
}

/// Takes the rows of `part` beside those of `first`.
fn merge(first: &mut Traced, part: Traced) {
    for (column, other) in first.columns.iter_mut().zip(&part.columns) {
        column.add(other);
        column.derivation = column.derivation.max(other.derivation);
    }
    first.shaped.extend(part.shaped);
    first.tables.extend(part.tables);
}
