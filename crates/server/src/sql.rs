//! What the text of a SELECT says of itself: which tables it reads, whether its rows are a cut of more, and in which
//! order they come.
//!
//! Only for SQL that the engine has taken: it holds the bounds within which a tree of expressions fits a stack. Not
//! here: what columns a query has and whether it is right, which the engine says.

mod cut;
mod facts;

use std::collections::{BTreeMap, BTreeSet};

use shoplake_models::{DEPTH_MAX, meant};
use sqlparser::ast::{Expr, Ident, ObjectName, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, Statement, Value};

pub(crate) use facts::{Facts, of_models};

/// A SELECT put apart, so that it can stand in the FROM of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Whether the rows are a cut of more, by LIMIT and the like: what is filtered afterwards are those rows alone.
    pub(crate) cut: bool,
    /// The SELECT, with what it orders by among its columns, and without its order unless that decides the cut.
    pub(crate) source: String,
    /// ` ORDER BY …` for the SELECT around it; empty where there is no order.
    pub(crate) order: String,
}

/// Puts a SELECT with these columns apart, where `cuts` are tables whose rows are a cut of more; `None` where it is
/// nothing but a plain SELECT.
pub(crate) async fn parts(sql: &str, columns: Vec<String>, cuts: BTreeSet<String>) -> Option<Parts> {
    let sql = sql.to_owned();
    on_deep_stack(move || put_apart(query(&sql)?, &columns, cuts)).await?
}

/// The tables that a query reads, through the `views` that it names, and these alone.
pub(crate) async fn tables(sql: &str, views: &BTreeMap<String, String>) -> BTreeSet<String> {
    let (sql, views) = (sql.to_owned(), views.clone());
    tokio::task::spawn_blocking(move || shoplake_models::tables(&sql, &views)).await.unwrap_or_default()
}

/// Runs `work` where deep trees can be walked and dropped; `None` where it could not end.
async fn on_deep_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(|| shoplake_models::on_deep_stack(work)).await.ok()?
}

fn query(sql: &str) -> Option<Query> {
    match shoplake_models::parse(sql, DEPTH_MAX)?.pop()? {
        Statement::Query(query) => Some(*query),
        _ => None,
    }
}

/// The last part of a name: schemas say nothing here.
fn last(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(meant)
}

fn put_apart(mut query: Query, columns: &[String], cuts: BTreeSet<String>) -> Option<Parts> {
    let cut = cut::is_cut(&query, &cut::Scope::of_tile(cuts));
    let order = match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::All(_)) => return None,
        Some(OrderByKind::Expressions(terms)) => terms.clone(),
        None => Vec::new(),
    };
    let order = lifted(&mut query, order, columns)?;
    if !cut {
        query.order_by = None;
    }
    Some(Parts { cut, source: query.to_string(), order })
}

/// The order of a query for the one around it. What is ordered by and does not come out is put beside what does.
fn lifted(query: &mut Query, order: Vec<OrderByExpr>, columns: &[String]) -> Option<String> {
    let mut terms = Vec::new();
    for term in order {
        let expr = match &term.expr {
            Expr::Value(value) => match &value.value {
                Value::Number(place, _) => named_column(columns.get(place.parse::<usize>().ok()?.checked_sub(1)?)?),
                _ => term.expr.clone(),
            },
            Expr::Identifier(ident) if columns.contains(&meant(ident)) => named_column(&meant(ident)),
            other => match query.body.as_mut() {
                SetExpr::Select(select) if select.distinct.is_none() => {
                    let alias = Ident::with_quote('"', format!("order {}", terms.len() + 1));
                    let item = SelectItem::ExprWithAlias { expr: other.clone(), alias: alias.clone() };
                    select.projection.push(item);
                    Expr::Identifier(alias)
                }
                // Of distinct rows and of unions only what comes out can be ordered by.
                _ => other.clone(),
            },
        };
        terms.push(OrderByExpr { expr, ..term }.to_string());
    }
    Some(if terms.is_empty() { String::new() } else { format!(" ORDER BY {}", terms.join(", ")) })
}

fn named_column(name: &str) -> Expr {
    Expr::Identifier(Ident::with_quote('"', name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(sql: &str, columns: &[&str]) -> Parts {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        put_apart(query(sql).unwrap(), &columns, BTreeSet::from(["top".to_owned()])).unwrap()
    }

    /// Given an order by a place, a column or something that does not come out, then the SELECT around it has it too.
    #[test]
    fn the_order_is_lifted() {
        let parts =
            apart("SELECT a, sum(b) AS B FROM t GROUP BY a ORDER BY 2 DESC, A, max(c) NULLS FIRST", &["a", "b"]);
        assert_eq!(parts.order, r#" ORDER BY "b" DESC, "a", "order 3" NULLS FIRST"#);
        assert_eq!(parts.source, r#"SELECT a, sum(b) AS B, max(c) AS "order 3" FROM t GROUP BY a"#);
        assert_eq!(apart("SELECT a FROM t", &["a"]).order, "");
    }

    /// Given rows that are left out by their number, wherever, then the query is a cut; a number that is looked up
    /// for a condition makes none.
    #[test]
    fn a_cut_is_seen() {
        for sql in [
            "SELECT a FROM t ORDER BY a LIMIT 10",
            "SELECT a FROM t OFFSET 3",
            "SELECT a FROM t FETCH FIRST 3 ROWS ONLY",
            "(SELECT a FROM t LIMIT 1)",
            "SELECT * FROM (SELECT a FROM t LIMIT 3) AS x JOIN y ON x.a = y.a",
            "WITH best AS (SELECT a FROM t LIMIT 3), better AS (SELECT * FROM best) SELECT a FROM better",
            "SELECT a FROM t UNION ALL (SELECT a FROM u LIMIT 3)",
            "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b",
            "SELECT a, b FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1",
            "SELECT a, b FROM top",
            "SELECT a, b FROM (SELECT a, b, rank() OVER (ORDER BY b) AS place FROM t) AS ranked WHERE place <= 10",
            "WITH r AS (SELECT *, CAST(row_number() OVER (ORDER BY b) AS int) AS n FROM t), s AS (SELECT * FROM r) \
             SELECT a, b FROM s WHERE s.n <= 10",
            "SELECT a, b FROM t WHERE a IN (SELECT a FROM t ORDER BY b LIMIT 3)",
        ] {
            let parts = apart(sql, &["a", "b"]);
            assert!(parts.cut, "{sql}");
            assert!(!sql.contains("ORDER BY") || parts.source.contains("ORDER BY"), "{sql}: its order decides");
        }
        for sql in [
            "SELECT a FROM t ORDER BY a",
            "SELECT a FROM t WHERE a = (SELECT b FROM u ORDER BY b LIMIT 1)",
            "SELECT a, rank() OVER (ORDER BY b) AS place FROM t WHERE b > 3",
            "SELECT a FROM (SELECT a, row_number() OVER (PARTITION BY a ORDER BY b) AS n FROM t) AS x WHERE n = 1",
            "WITH top AS (SELECT a FROM t) SELECT a FROM top",
        ] {
            assert!(!apart(sql, &["a"]).cut, "{sql}");
        }
    }
}
