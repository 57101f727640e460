//! The shape of a plan: each SELECT of it as one block, with expressions over its relations.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, FetchType, Join as JoinNode, Limit, LogicalPlan, Operator, SkipType,
};
use shoplake_core::planned::{GROUP, Group, Join, JoinKind, Named, Order, Relation, Select, Shape, Source};

use super::text::{self, unaliased};
use super::{Unknown, lost};

/// The shape of `plan`, whose columns are called `names`.
pub(super) fn of(plan: &LogicalPlan, names: &[String]) -> Shape {
    let mut builder = Builder::default();
    let shape = builder.block(plan).and_then(|block| block.finish(names));
    shape.unwrap_or_else(|Unknown(reason)| Shape::Other { reason })
}

type Known<T> = Result<T, Unknown>;

/// A relation, not yet as text.
struct Rel {
    alias: String,
    source: Source,
    join: Option<Met>,
}

/// How a relation is joined.
struct Met {
    kind: JoinKind,
    /// Over the relations before it, and over the joined one.
    keys: Vec<(Expr, Expr)>,
    others: Vec<Expr>,
}

struct Grouping {
    keys: Vec<Expr>,
    measures: Vec<Expr>,
    having: Vec<Expr>,
}

/// One SELECT as far as the walk has come.
struct Block {
    relations: Vec<Rel>,
    filters: Vec<Expr>,
    group: Option<Grouping>,
    /// One a column of the plan's schema, over the relations or the group.
    columns: Vec<Expr>,
    order: Vec<SortExpr>,
    skip: usize,
    limit: Option<usize>,
}

#[derive(Default)]
struct Builder {
    aliases: usize,
}

impl Builder {
    fn block(&mut self, plan: &LogicalPlan) -> Known<Block> {
        match plan {
            LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
                Ok(self.over(Source::Table(scan.table_name.table().to_owned()), &unique_names(plan.schema())))
            }
            LogicalPlan::SubqueryAlias(alias) => self.block(&alias.input),
            LogicalPlan::Projection(projection) => {
                let mut block = self.block(&projection.input)?;
                block.columns = block.all_over(&projection.expr, projection.input.schema())?;
                Ok(block)
            }
            LogicalPlan::Filter(filter) => {
                let mut block = self.block(&filter.input)?;
                if block.is_cut() {
                    block = self.nest(block, filter.input.schema())?;
                }
                let predicate = block.over(&filter.predicate, filter.input.schema())?;
                let parts = split_conjunction_owned(predicate);
                match &mut block.group {
                    Some(group) => group.having.extend(parts),
                    None => block.filters.extend(parts),
                }
                Ok(block)
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Sort(sort) => {
                let mut block = self.block(&sort.input)?;
                if block.is_cut() {
                    block = self.nest(block, sort.input.schema())?;
                }
                let order = sort.expr.iter().map(|by| {
                    let expr = block.over(&by.expr, sort.input.schema())?;
                    Ok(SortExpr { expr, ..by.clone() })
                });
                block.order = order.collect::<Known<Vec<_>>>()?;
                block.limit = sort.fetch;
                Ok(block)
            }
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let block = self.block(input)?;
                let mut block = self.flat(block, input.schema())?;
                let keys = std::mem::take(&mut block.columns);
                block.columns = (0..keys.len()).map(|at| of_group("k", at)).collect();
                block.order.clear();
                block.group = Some(Grouping { keys, measures: Vec::new(), having: Vec::new() });
                Ok(block)
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(union) => {
                let names = unique_names(&union.schema);
                let parts = union.inputs.iter().map(|part| self.block(part)?.finish(&names));
                let parts = parts.collect::<Known<Vec<_>>>()?;
                Ok(self.over(Source::Query(Shape::Union(parts)), &names))
            }
            other => Err(Unknown(words(other))),
        }
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("r{}", self.aliases - 1)
    }

    /// A block that gives the columns `names` of `source`.
    fn over(&mut self, source: Source, names: &[String]) -> Block {
        let alias = self.alias();
        let columns = names.iter().map(|name| Expr::Column(Column::new(Some(alias.as_str()), name)));
        Block {
            columns: columns.collect(),
            relations: vec![Rel { alias, source, join: None }],
            filters: Vec::new(),
            group: None,
            order: Vec::new(),
            skip: 0,
            limit: None,
        }
    }

    /// A block over `block`, whose columns are those of `schema`.
    fn nest(&mut self, block: Block, schema: &DFSchema) -> Known<Block> {
        let names = unique_names(schema);
        let shape = block.finish(&names)?;
        Ok(self.over(Source::Query(shape), &names))
    }

    /// `block` if it only joins and filters, else one over it.
    fn flat(&mut self, block: Block, schema: &DFSchema) -> Known<Block> {
        if block.group.is_some() || block.is_cut() { self.nest(block, schema) } else { Ok(block) }
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Known<Block> {
        if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
            return Err(Unknown("groups in several ways at once (ROLLUP, CUBE or GROUPING SETS)".into()));
        }
        let schema = aggregate.input.schema();
        let block = self.block(&aggregate.input)?;
        let mut block = self.flat(block, schema)?;
        let keys = block.all_over(&aggregate.group_expr, schema)?;
        let measures = block.all_over(&aggregate.aggr_expr, schema)?;
        let of_keys = (0..keys.len()).map(|at| of_group("k", at));
        block.columns = of_keys.chain((0..measures.len()).map(|at| of_group("m", at))).collect();
        block.order.clear();
        block.group = Some(Grouping { keys, measures, having: Vec::new() });
        Ok(block)
    }

    fn limit(&mut self, limit: &Limit) -> Known<Block> {
        let mut block = self.block(&limit.input)?;
        if block.is_cut() {
            block = self.nest(block, limit.input.schema())?;
        }
        let computed = || Unknown("computes how many rows it gives".into());
        let Ok(SkipType::Literal(skip)) = limit.get_skip_type() else { return Err(computed()) };
        let Ok(FetchType::Literal(fetch)) = limit.get_fetch_type() else { return Err(computed()) };
        (block.skip, block.limit) = (skip, fetch);
        Ok(block)
    }

    fn join(&mut self, join: &JoinNode) -> Known<Block> {
        let kind = match join.join_type {
            JoinType::Inner => JoinKind::Inner,
            JoinType::Left | JoinType::Right => JoinKind::Left,
            JoinType::Full => return Err(Unknown("keeps the rows of both sides of a join (FULL JOIN)".into())),
            _ => {
                return Err(Unknown(
                    "asks which rows have a partner elsewhere (IN, EXISTS, EXCEPT or INTERSECT)".into(),
                ));
            }
        };
        if join.null_equality == NullEquality::NullEqualsNull {
            return Err(Unknown("joins where NULL equals NULL".into()));
        }
        let right_is_base = join.join_type == JoinType::Right;
        let sides = if right_is_base { [&join.right, &join.left] } else { [&join.left, &join.right] };
        let block = self.block(sides[0])?;
        let mut base = self.flat(block, sides[0].schema())?;
        let block = self.block(sides[1])?;
        let mut other = self.flat(block, sides[1].schema())?;
        // What a row without a partner has is NULL, whatever was computed for those with one.
        let simple = other.relations.len() == 1
            && other.filters.is_empty()
            && other.columns.iter().all(|column| matches!(column, Expr::Column(_)));
        if kind == JoinKind::Left && !simple {
            other = self.nest(other, sides[1].schema())?;
        }
        let keys = join.on.iter().map(|(left, right)| {
            let pair = if right_is_base { (right, left) } else { (left, right) };
            Ok((base.over(pair.0, sides[0].schema())?, other.over(pair.1, sides[1].schema())?))
        });
        let keys = keys.collect::<Known<Vec<_>>>()?;
        let mut columns = std::mem::take(&mut base.columns);
        let joined = std::mem::take(&mut other.columns);
        if right_is_base {
            columns.splice(0..0, joined);
        } else {
            columns.extend(joined);
        }
        base.columns = columns;
        let met = join
            .left
            .schema()
            .join(join.right.schema())
            .map_err(|_| Unknown("joins tables whose columns cannot be told apart".into()))?;
        let filter = join.filter.as_ref().map(|filter| base.over(filter, &met)).transpose()?;
        let mut others: Vec<Expr> = filter.map(split_conjunction_owned).unwrap_or_default();
        let mut keys = keys;
        let Some(first) = other.relations.first_mut() else { return Err(Unknown("joins nothing".into())) };
        let reach = |expr: &Expr| relations_of(expr).iter().all(|alias| *alias == first.alias);
        if !keys.iter().all(|(_, joined)| reach(joined)) || other.relations.len() > 1 && !others.is_empty() {
            // Only an inner join comes here: its conditions may as well stand in WHERE.
            let equal = keys.drain(..).map(|(before, joined)| before.eq(joined));
            base.filters.extend(equal);
            base.filters.append(&mut others);
        }
        let first = other.relations.first_mut().ok_or_else(|| Unknown("joins nothing".into()))?;
        first.join = Some(Met { kind, keys, others });
        base.relations.append(&mut other.relations);
        base.filters.append(&mut other.filters);
        base.order.clear();
        Ok(base)
    }
}

impl Block {
    /// Whether it gives only some of its rows, so that nothing may be filtered before.
    fn is_cut(&self) -> bool {
        self.limit.is_some() || self.skip > 0
    }

    /// `expression` over `schema`, whose columns are this block's, over the relations.
    fn over(&self, expression: &Expr, schema: &DFSchema) -> Known<Expr> {
        let mapped = unaliased(expression).clone().transform(|part| match &part {
            Expr::Column(column) => {
                let at = schema.index_of_column(column)?;
                let known = self.columns.get(at).ok_or_else(|| lost("a column without a place"))?;
                Ok(Transformed::new(known.clone(), true, TreeNodeRecursion::Jump))
            }
            Expr::Alias(alias) => Ok(Transformed::yes(alias.expr.as_ref().clone())),
            _ => Ok(Transformed::no(part)),
        });
        mapped.map(|mapped| mapped.data).map_err(|_| Unknown("has a column that cannot be followed".into()))
    }

    fn all_over(&self, expressions: &[Expr], schema: &DFSchema) -> Known<Vec<Expr>> {
        expressions.iter().map(|expression| self.over(expression, schema)).collect()
    }

    /// The block as text; its columns are called `names`.
    fn finish(mut self, names: &[String]) -> Known<Shape> {
        if let Some(inner) = self.only_hands_on(names) {
            return Ok(inner);
        }
        self.pull_keys();
        let filter = self.filters.into_iter();
        let relations = self.relations.into_iter().map(Rel::finish).collect::<Known<Vec<_>>>()?;
        let group = self.group.map(Grouping::finish).transpose()?;
        let columns = self.columns.iter().zip(names).map(|(column, name)| named(name.clone(), column));
        let order = self.order.iter().map(|by| {
            let expression = text::expression(&by.expr)?;
            Ok(Order { expression, descending: !by.asc, nulls_first: by.nulls_first })
        });
        Ok(Shape::Select(Box::new(Select {
            relations,
            filter: conjunction(filter).as_ref().map(text::expression).transpose()?,
            group,
            columns: columns.collect::<Known<Vec<_>>>()?,
            order: order.collect::<Known<Vec<_>>>()?,
            skip: self.skip as u64,
            limit: self.limit.map(|limit| limit as u64),
        })))
    }

    /// The one query below, where this block adds nothing to it.
    fn only_hands_on(&mut self, names: &[String]) -> Option<Shape> {
        let plain = self.filters.is_empty() && self.group.is_none() && self.order.is_empty() && !self.is_cut();
        let [Rel { alias, source: Source::Query(_), .. }] = self.relations.as_slice() else { return None };
        let same = self.columns.len() == names.len() && self.columns.iter().zip(names).all(|(column, name)| {
            matches!(column, Expr::Column(c) if c.name == *name && c.relation.as_ref().is_some_and(|r| r.table() == alias))
        });
        let whole = match &self.relations[0].source {
            Source::Query(Shape::Select(select)) => select.columns.len() == names.len(),
            _ => true,
        };
        if !(plain && same && whole) {
            return None;
        }
        match self.relations.pop()?.source {
            Source::Query(shape) => Some(shape),
            Source::Table(_) => None,
        }
    }

    /// Equalities of ON, and of the WHERE of an inner join (`FROM a, b WHERE a.x = b.x`), become keys.
    fn pull_keys(&mut self) {
        let aliases: Vec<String> = self.relations.iter().map(|relation| relation.alias.clone()).collect();
        for at in 1..self.relations.len() {
            let (before, this) = (&aliases[..at], &aliases[at]);
            let Some(met) = &mut self.relations[at].join else { continue };
            met.others = pull(std::mem::take(&mut met.others), before, this, &mut met.keys);
            if met.kind == JoinKind::Inner && met.keys.is_empty() {
                self.filters = pull(std::mem::take(&mut self.filters), before, this, &mut met.keys);
            }
        }
    }
}

/// Moves the equalities between `before` and `this` from `filters` to `keys`; gives those that stay.
fn pull(filters: Vec<Expr>, before: &[String], this: &String, keys: &mut Vec<(Expr, Expr)>) -> Vec<Expr> {
    let stays = |filter: &Expr| match equality(filter, before, this) {
        Some(pair) => {
            keys.push(pair);
            false
        }
        None => true,
    };
    let mut filters = filters;
    filters.retain(stays);
    filters
}

/// The sides of `filter`, where it says that something of the relations `before` equals something of `this`.
fn equality(filter: &Expr, before: &[String], this: &String) -> Option<(Expr, Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else { return None };
    let (of_left, of_right) = (relations_of(left), relations_of(right));
    let earlier = |names: &BTreeSet<String>| !names.is_empty() && names.iter().all(|name| before.contains(name));
    let own = |names: &BTreeSet<String>| names.len() == 1 && names.contains(this);
    if earlier(&of_left) && own(&of_right) {
        return Some((left.as_ref().clone(), right.as_ref().clone()));
    }
    (earlier(&of_right) && own(&of_left)).then(|| (right.as_ref().clone(), left.as_ref().clone()))
}

impl Rel {
    fn finish(self) -> Known<Relation> {
        let join = self.join.map(|met| {
            let keys =
                met.keys.iter().map(|(before, joined)| Ok((text::expression(before)?, text::expression(joined)?)));
            let condition = conjunction(met.others).as_ref().map(text::expression).transpose()?;
            Ok(Join { kind: met.kind, keys: keys.collect::<Known<Vec<_>>>()?, condition })
        });
        Ok(Relation { alias: self.alias, source: self.source, join: join.transpose()? })
    }
}

impl Grouping {
    fn finish(self) -> Known<Group> {
        let keys = self.keys.iter().enumerate().map(|(at, key)| named(format!("k{at}"), key));
        let measures = self.measures.iter().enumerate().map(|(at, m)| text::measure(format!("m{at}"), m));
        Ok(Group {
            keys: keys.collect::<Known<Vec<_>>>()?,
            measures: measures.collect::<Known<Vec<_>>>()?,
            having: conjunction(self.having).as_ref().map(text::expression).transpose()?,
        })
    }
}

fn named(name: String, expression: &Expr) -> Known<Named> {
    Ok(Named { name, expression: text::expression(expression)? })
}

fn of_group(letter: &str, at: usize) -> Expr {
    Expr::Column(Column::new(Some(GROUP), format!("{letter}{at}")))
}

/// The aliases of the relations that `expression` names.
fn relations_of(expression: &Expr) -> BTreeSet<String> {
    let columns = expression.column_refs().into_iter();
    columns.filter_map(|column| column.relation.as_ref().map(|relation| relation.table().to_owned())).collect()
}

/// The names of the columns of `schema`; one that stands twice gets a number.
fn unique_names(schema: &DFSchema) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut number = 1;
        while names.contains(&name) {
            number += 1;
            name = format!("{}_{number}", field.name());
        }
        names.push(name);
    }
    names
}

/// What a plan that has no shape does, as the end of "this query …".
fn words(plan: &LogicalPlan) -> String {
    match plan {
        LogicalPlan::Window(window) => {
            let names = window.window_expr.iter().filter_map(|expression| match unaliased(expression) {
                Expr::WindowFunction(call) => Some(format!("`{} OVER …`", call.fun.name())),
                _ => None,
            });
            let names: BTreeSet<String> = names.collect();
            format!("looks at neighbouring rows ({})", names.into_iter().collect::<Vec<_>>().join(", "))
        }
        LogicalPlan::Distinct(Distinct::On(_)) => "keeps one row of several (DISTINCT ON)".into(),
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => "reads no table".into(),
        LogicalPlan::Unnest(_) => "makes several rows of one (`unnest`)".into(),
        LogicalPlan::RecursiveQuery(_) => "is recursive".into(),
        LogicalPlan::Subquery(_) => "has a query within its FROM that depends on the rows beside it".into(),
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => "explains another query".into(),
        _ => "does something that is not known here".into(),
    }
}
