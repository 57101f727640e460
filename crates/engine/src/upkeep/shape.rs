//! What a planned query is made of: rows below, one grouping, and what stands above it.
//!
//! It answers which output columns are group keys and which are measures as they stand, and whether a
//! changed table changes the groups in a way that its changed rows alone can tell. In doubt, it refuses.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ExprSchema, JoinType, Result as SqlResult};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, Expr, Join, LogicalPlan, Operator, Volatility};

/// Where an output column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This column of the grouping: its keys come first, then its measures.
    Grouping(usize),
    /// `make_date` of these three columns of the grouping: a year, a month and a day.
    Date([usize; 3]),
    /// Something else: an expression, or a column that was joined to the groups.
    Other,
}

/// A table joined to the groups by their keys.
#[derive(Debug)]
pub(super) struct Joined<'p> {
    /// Its side of the join.
    pub(super) plan: &'p LogicalPlan,
    /// Which of its columns is equal to which key of the grouping.
    pub(super) on: Vec<(Column, usize)>,
}

/// A grouping and what stands above it.
#[derive(Debug)]
pub(super) struct Shape<'p> {
    /// The grouping.
    pub(super) grouping: &'p Aggregate,
    /// Each output column's origin.
    pub(super) columns: Vec<Origin>,
    /// What was joined to the groups.
    pub(super) joined: Vec<Joined<'p>>,
    /// Whether groups may be left out by what they amount to.
    pub(super) hides: bool,
}

/// The shape of `plan`, or why it has none that can be kept up to date.
pub(super) fn of(plan: &LogicalPlan) -> Result<Shape<'_>, String> {
    let mut fault = None;
    let walked = plan.apply(|node| {
        node.apply_expressions(|expression| {
            fault = fault.take().or_else(|| unsteady(expression));
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(TreeNodeRecursion::Continue)
    });
    match (walked, fault) {
        (Ok(_), None) => above(plan),
        (_, Some(fault)) => Err(fault),
        (Err(error), None) => Err(error.to_string()),
    }
}

/// Why an expression does not depend on its row alone.
fn unsteady(expression: &Expr) -> Option<String> {
    let mut fault = None;
    let walked: SqlResult<_> = expression.apply(|part| {
        match part {
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) => {
                fault = Some("it has a subquery".to_owned());
            }
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
                fault = Some(format!("`{}` reads the clock or chance", call.func.name()));
            }
            Expr::WindowFunction(_) => fault = Some("it looks at other rows (a window)".to_owned()),
            Expr::OuterReferenceColumn(..) => fault = Some("it has a lateral subquery".to_owned()),
            Expr::Unnest(_) => fault = Some("it makes several rows of one (unnest)".to_owned()),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.err().map(|error| error.to_string()).or(fault)
}

/// Walks from the output down to the grouping.
fn above(plan: &LogicalPlan) -> Result<Shape<'_>, String> {
    match plan {
        LogicalPlan::Aggregate(grouping) => {
            if grouping.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
                return Err("it groups by several sets of keys".into());
            }
            let columns = (0..grouping.schema.fields().len()).map(Origin::Grouping).collect();
            Ok(Shape { grouping, columns, joined: Vec::new(), hides: false })
        }
        LogicalPlan::SubqueryAlias(alias) => above(&alias.input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => above(&sort.input),
        LogicalPlan::Filter(filter) => Ok(Shape { hides: true, ..above(&filter.input)? }),
        LogicalPlan::Projection(projection) => {
            let shape = above(&projection.input)?;
            let schema = projection.input.schema();
            let of_column = |expression: &Expr| match expression {
                Expr::Column(column) => {
                    schema.maybe_index_of_column(column).map_or(Origin::Other, |at| shape.columns[at])
                }
                _ => Origin::Other,
            };
            let origin = |expression: &Expr| match expression.clone().unalias_nested().data {
                Expr::ScalarFunction(call) if call.func.name() == "make_date" => {
                    let parts: Vec<Origin> = call.args.iter().map(of_column).collect();
                    match parts.as_slice() {
                        [Origin::Grouping(year), Origin::Grouping(month), Origin::Grouping(day)] => {
                            Origin::Date([*year, *month, *day])
                        }
                        _ => Origin::Other,
                    }
                }
                other => of_column(&other),
            };
            Ok(Shape { columns: projection.expr.iter().map(origin).collect(), ..shape })
        }
        LogicalPlan::Join(join) => joined(join),
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => Err("it keeps a number of rows (LIMIT)".into()),
        LogicalPlan::Distinct(_) => Err("it keeps distinct rows (DISTINCT)".into()),
        LogicalPlan::Union(_) => Err("it puts rows together (UNION)".into()),
        LogicalPlan::Window(_) => Err("it looks at other rows (a window)".into()),
        _ => Err("it does not group rows".into()),
    }
}

/// A join of the groups with something else, by their keys.
fn joined(join: &Join) -> Result<Shape<'_>, String> {
    let groups_left = has_grouping(&join.left);
    if groups_left == has_grouping(&join.right) {
        return Err(if groups_left { "it joins groups with groups" } else { "it does not group rows" }.into());
    }
    let (groups, other) = if groups_left { (&join.left, &join.right) } else { (&join.right, &join.left) };
    let outer = match (join.join_type, groups_left) {
        (JoinType::Inner, _) => false,
        (JoinType::Left, true) | (JoinType::Right, false) => true,
        (other, _) => return Err(format!("it joins its groups with {other} JOIN")),
    };
    let mut shape = above(groups)?;
    let keys = shape.grouping.group_expr.len();
    let mut pairs: Vec<(&Expr, &Expr)> = join.on.iter().map(|(left, right)| (left, right)).collect();
    let conditions = join.filter.as_ref().map(split_conjunction).unwrap_or_default();
    for condition in conditions {
        match condition {
            Expr::BinaryExpr(equal) if equal.op == Operator::Eq => pairs.push((&equal.left, &equal.right)),
            _ => shape.hides = true,
        }
    }
    let mut on = Vec::new();
    for (left, right) in pairs {
        let (Expr::Column(one), Expr::Column(two)) = (left, right) else {
            shape.hides = true;
            continue;
        };
        let at = |column| groups.schema().maybe_index_of_column(column);
        let (key, theirs) = match (at(one), at(two)) {
            (Some(key), None) => (key, two),
            (None, Some(key)) => (key, one),
            _ => return Err("it joins its groups by names that stand on both sides".into()),
        };
        match shape.columns[key] {
            Origin::Grouping(key) if key < keys => on.push((theirs.clone(), key)),
            _ => shape.hides = true,
        }
    }
    // A column that an inner join holds equal to a key is that key.
    let types = |column: &Column, key: usize| {
        other
            .schema()
            .field_from_column(column)
            .is_ok_and(|f| f.data_type() == shape.grouping.schema.field(key).data_type())
    };
    let theirs = other.schema().columns().into_iter().map(|column| {
        let equal = on.iter().find(|(known, key)| !outer && *known == column && types(known, *key));
        equal.map_or(Origin::Other, |(_, key)| Origin::Grouping(*key))
    });
    let theirs: Vec<Origin> = theirs.collect();
    shape.columns = if groups_left { [shape.columns, theirs].concat() } else { [theirs, shape.columns].concat() };
    shape.joined.push(Joined { plan: other, on });
    Ok(shape)
}

fn has_grouping(plan: &LogicalPlan) -> bool {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Aggregate(_)))).unwrap_or(true)
}

/// How a table stands in a plan.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// How often it is read.
    pub(super) times: usize,
    /// Whether each of its rows adds rows of its own, whatever the others are.
    pub(super) row_by_row: bool,
}

/// How `table` is read by the rows of `plan`.
pub(super) fn reading(plan: &LogicalPlan, table: &str) -> Reading {
    let none = Reading { times: 0, row_by_row: true };
    match plan {
        LogicalPlan::TableScan(scan) if scan.table_name.table() == table => {
            Reading { times: 1, row_by_row: scan.fetch.is_none() }
        }
        LogicalPlan::TableScan(_) => none,
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().first().map_or(none, |input| reading(input, table))
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => reading(&sort.input, table),
        LogicalPlan::Join(join) => {
            let (left, right) = (reading(&join.left, table), reading(&join.right, table));
            let (left_by_row, right_by_row) = match join.join_type {
                JoinType::Inner => (true, true),
                JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (true, false),
                JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => (false, true),
                _ => (false, false),
            };
            let fits = |side: Reading, by_row: bool| side.times == 0 || by_row && side.row_by_row;
            Reading {
                times: left.times + right.times,
                row_by_row: fits(left, left_by_row) && fits(right, right_by_row),
            }
        }
        other => other.inputs().into_iter().fold(none, |so_far, input| {
            let times = so_far.times + reading(input, table).times;
            Reading { times, row_by_row: times == 0 }
        }),
    }
}

/// The column of `table` that `expression` over `plan` is, as it stands, for every row.
pub(super) fn column_of(plan: &LogicalPlan, expression: &Expr, table: &str) -> Option<String> {
    let Expr::Column(column) = expression.clone().unalias_nested().data else { return None };
    let at = plan.schema().maybe_index_of_column(&column)?;
    match plan {
        LogicalPlan::TableScan(scan) => {
            (scan.table_name.table() == table).then(|| plan.schema().field(at).name().clone())
        }
        LogicalPlan::Projection(projection) => column_of(&projection.input, &projection.expr[at], table),
        LogicalPlan::SubqueryAlias(alias) => input_column(&alias.input, at, table),
        LogicalPlan::Filter(filter) => input_column(&filter.input, at, table),
        LogicalPlan::Sort(sort) => input_column(&sort.input, at, table),
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match join.join_type {
                JoinType::Inner if at >= left => input_column(&join.right, at - left, table),
                JoinType::Inner | JoinType::Left if at < left => input_column(&join.left, at, table),
                JoinType::LeftSemi | JoinType::LeftAnti => input_column(&join.left, at, table),
                _ => None,
            }
        }
        _ => None,
    }
}

fn input_column(input: &LogicalPlan, at: usize, table: &str) -> Option<String> {
    let column = input.schema().columns().get(at).cloned()?;
    column_of(input, &Expr::Column(column), table)
}
