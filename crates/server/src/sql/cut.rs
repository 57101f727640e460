//! Whether the rows of a SELECT are a cut of more: the first ones of all, by a LIMIT or by a rank over all. A filter
//! that is put on them afterwards narrows what is left, and finds none of what would have come first then.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, Query, Select, SelectItem, SetExpr, TableFactor, Visit, WindowType, visit_expressions,
};

use super::{last, meant};

/// Functions that number rows.
const RANKS: [&str; 6] = ["row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"];

/// What is known where a query stands.
#[derive(Clone)]
pub(super) struct Scope {
    /// Tables, and names of WITH, whose rows are a cut.
    cuts: BTreeSet<String>,
    /// Columns of names of WITH that number all rows.
    ranks: BTreeMap<String, BTreeSet<String>>,
    /// Whether one row of each key, as DISTINCT ON and QUALIFY take it, is a cut too.
    picks: bool,
}

impl Scope {
    /// Where a tile's own SQL stands; `cuts` are the tables that are one.
    pub(super) fn of_tile(cuts: BTreeSet<String>) -> Self {
        Self { cuts, ranks: BTreeMap::new(), picks: true }
    }

    /// Where the SQL of a model stands: it may take the last state of each key, and nothing is cut off by that.
    pub(super) fn of_model(cuts: BTreeSet<String>) -> Self {
        Self { picks: false, ..Self::of_tile(cuts) }
    }

    /// The same, with what a query's own WITH defines.
    fn within(&self, query: &Query) -> Self {
        let mut scope = self.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let (name, cut, ranks) = (meant(&cte.alias.name), is_cut(&cte.query, &scope), ranks(&cte.query, &scope));
            // A name of WITH stands before a table of that name.
            if cut {
                scope.cuts.insert(name.clone())
            } else {
                scope.cuts.remove(&name)
            };
            scope.ranks.insert(name, ranks);
        }
        scope
    }
}

/// Whether a query leaves rows out by their number.
pub(super) fn is_cut(query: &Query, scope: &Scope) -> bool {
    query.limit_clause.is_some() || query.fetch.is_some() || is_cut_body(&query.body, &scope.within(query))
}

fn is_cut_body(body: &SetExpr, scope: &Scope) -> bool {
    match body {
        SetExpr::Select(select) => is_cut_select(select, scope),
        SetExpr::Query(query) => is_cut(query, scope),
        SetExpr::SetOperation { left, right, .. } => is_cut_body(left, scope) || is_cut_body(right, scope),
        _ => false,
    }
}

fn is_cut_select(select: &Select, scope: &Scope) -> bool {
    let picks = matches!(select.distinct, Some(Distinct::On(_))) || select.qualify.is_some();
    select.top.is_some()
        || (picks && (scope.picks || select.qualify.as_ref().is_some_and(|qualify| !ranks_of(qualify).is_empty())))
        || read(select).any(|relation| is_cut_relation(relation, scope))
        || select.selection.as_ref().is_some_and(|condition| cuts_off(condition, &read_ranks(select, scope), scope))
}

/// The relations that a SELECT reads.
fn read(select: &Select) -> impl Iterator<Item = &TableFactor> {
    select
        .from
        .iter()
        .flat_map(|table| std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation)))
}

fn is_cut_relation(relation: &TableFactor, scope: &Scope) -> bool {
    match relation {
        TableFactor::Table { name, .. } => last(name).is_some_and(|name| scope.cuts.contains(&name)),
        TableFactor::Derived { subquery, .. } => is_cut(subquery, scope),
        TableFactor::NestedJoin { table_with_joins, .. } => {
            let joined = table_with_joins.joins.iter().map(|join| &join.relation);
            std::iter::once(&table_with_joins.relation).chain(joined).any(|relation| is_cut_relation(relation, scope))
        }
        _ => false,
    }
}

/// Whether a condition asks for places in a rank, or for what is in a cut.
fn cuts_off(condition: &Expr, ranks: &BTreeSet<String>, scope: &Scope) -> bool {
    any(condition, |part| match part {
        Expr::Identifier(ident) => ranks.contains(&meant(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|ident| ranks.contains(&meant(ident))),
        Expr::InSubquery { subquery, negated: false, .. } => is_cut(subquery, scope),
        _ => false,
    })
}

/// The columns that number all rows, of what a SELECT reads.
fn read_ranks(select: &Select, scope: &Scope) -> BTreeSet<String> {
    let of = |relation: &TableFactor| match relation {
        TableFactor::Table { name, .. } => last(name).and_then(|name| scope.ranks.get(&name).cloned()),
        TableFactor::Derived { subquery, .. } => Some(ranks(subquery, scope)),
        _ => None,
    };
    read(select).filter_map(of).flatten().collect()
}

/// The columns of a query that number all rows.
fn ranks(query: &Query, scope: &Scope) -> BTreeSet<String> {
    let SetExpr::Select(select) = query.body.as_ref() else { return BTreeSet::new() };
    let before = read_ranks(select, &scope.within(query));
    let mut found = BTreeSet::new();
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { expr, alias } if !ranks_of(expr).is_empty() || names_one(expr, &before) => {
                found.insert(meant(alias));
            }
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) if before.contains(&meant(ident)) => {
                found.insert(meant(ident));
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                found.extend(parts.last().map(meant).filter(|name| before.contains(name)));
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => found.extend(before.iter().cloned()),
            _ => {}
        }
    }
    found
}

fn names_one(expr: &Expr, names: &BTreeSet<String>) -> bool {
    matches!(expr, Expr::Identifier(ident) if names.contains(&meant(ident)))
}

/// The functions in an expression that number all rows, and not those of each key by themselves.
fn ranks_of(expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    any(expr, |part| {
        let Expr::Function(function) = part else { return false };
        let name = last(&function.name).unwrap_or_default();
        let over_all = matches!(&function.over, Some(WindowType::WindowSpec(spec)) if spec.partition_by.is_empty());
        if over_all && RANKS.contains(&name.as_str()) {
            found.push(name);
        }
        false
    });
    found
}

/// Whether a part of it is such.
pub(super) fn any(part: &impl Visit, mut is_such: impl FnMut(&Expr) -> bool) -> bool {
    let found =
        visit_expressions(part, |expr| if is_such(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
    found.is_break()
}
