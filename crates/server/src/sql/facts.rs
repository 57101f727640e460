//! What the SQL of models says of their tables: which are a cut of more, and which of their columns cannot be added up.

use std::collections::BTreeSet;

use sqlparser::ast::{DuplicateTreatment, Expr, FunctionArguments, SelectItem, SetExpr};

use super::cut::{Scope, any, is_cut};
use super::{last, meant, on_deep_stack, query};

/// Aggregates whose values of parts do not add up to that of the whole.
const NOT_ADDED: [&str; 9] =
    ["avg", "mean", "median", "min", "max", "stddev", "var", "approx_distinct", "approx_percentile_cont"];
/// Words in the name of a column that say the same where its SQL says nothing.
const WORDS: [&str; 7] = ["avg", "average", "rate", "share", "unique", "distinct", "median"];

/// What is known of the tables of models.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Models whose rows are a cut of more, be it of a model behind them.
    pub(crate) cuts: BTreeSet<String>,
    added: BTreeSet<(String, String)>,
    not_added: BTreeSet<(String, String)>,
}

impl Facts {
    /// Whether the values of a column add up over rows, as revenue does and distinct customers do not; `table` is the
    /// model, if the column is one of a model.
    pub(crate) fn adds_up(&self, table: Option<&str>, column: &str) -> bool {
        let key = (table.unwrap_or_default().to_owned(), column.to_owned());
        let by_name = || !column.to_lowercase().split('_').any(|word| WORDS.contains(&word));
        self.added.contains(&key) || (!self.not_added.contains(&key) && by_name())
    }
}

/// The facts of models, each after those that it reads: name and SQL.
pub(crate) async fn of_models(models: Vec<(String, String)>) -> Facts {
    on_deep_stack(move || read(models)).await.unwrap_or_default()
}

fn read(models: Vec<(String, String)>) -> Facts {
    let mut facts = Facts::default();
    for (name, sql) in models {
        let Some(query) = query(&sql) else { continue };
        if is_cut(&query, &Scope::of_model(facts.cuts.clone())) {
            facts.cuts.insert(name.clone());
        }
        let SetExpr::Select(select) = query.body.as_ref() else { continue };
        for item in &select.projection {
            let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
            let key = (name.clone(), meant(alias));
            match added(expr) {
                Some(true) => facts.added.insert(key),
                Some(false) => facts.not_added.insert(key),
                None => false,
            };
        }
    }
    facts
}

/// Whether what an expression aggregates adds up; `None` where it does not say.
fn added(expr: &Expr) -> Option<bool> {
    let sums =
        |expr: &Expr| aggregate(expr).is_some_and(|(name, distinct)| !distinct && (name == "sum" || name == "count"));
    let lasts =
        |expr: &Expr| aggregate(expr).is_some_and(|(name, distinct)| distinct || NOT_ADDED.contains(&name.as_str()));
    match expr {
        Expr::Cast { expr, .. } | Expr::Nested(expr) => added(expr),
        expr if any(expr, lasts) => Some(false),
        expr if sums(expr) => Some(true),
        _ => None,
    }
}

/// The name of a function, and whether it takes each value once.
fn aggregate(expr: &Expr) -> Option<(String, bool)> {
    let Expr::Function(function) = expr else { return None };
    let distinct = matches!(
        &function.args,
        FunctionArguments::List(list) if list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
    );
    Some((last(&function.name)?, distinct && function.over.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(models: &[(&str, &str)]) -> Facts {
        read(models.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect())
    }

    /// Given a model that ends in a cut, then it and who reads it are cuts; one that takes the last state of each key,
    /// and one over it, are none.
    #[test]
    fn cuts_are_handed_on() {
        let facts = facts(&[
            ("best", "SELECT a, sum(b) AS c FROM sales GROUP BY a ORDER BY c DESC LIMIT 10"),
            ("states", "SELECT DISTINCT ON (a) a, b FROM sales ORDER BY a, b"),
            ("newest", "SELECT a FROM sales QUALIFY row_number() OVER (PARTITION BY a ORDER BY b DESC) = 1"),
            ("first", "SELECT a FROM sales QUALIFY row_number() OVER (ORDER BY b DESC) <= 3"),
            ("named", "SELECT best.c, names.name FROM names JOIN best ON names.a = best.a"),
            ("all_of_them", "WITH best AS (SELECT a FROM sales) SELECT a FROM best JOIN newest USING (a)"),
        ]);
        assert_eq!(facts.cuts.iter().map(String::as_str).collect::<Vec<_>>(), ["best", "first", "named"]);
    }

    /// Given how columns are made, then those of sums and counts add up, those of distinct values and averages do not,
    /// and else their name says it.
    #[test]
    fn what_adds_up_is_known() {
        let sql = "SELECT day, CAST(sum(a) AS decimal(12, 2)) AS average_looking, count(*) AS orders, \
                   count(DISTINCT customer) AS customers, max(a) AS highest, avg_of_day, a / b AS conversion_rate, \
                   a - b AS generated FROM sales GROUP BY day";
        let facts = facts(&[("days", sql)]);
        for column in ["average_looking", "orders", "generated", "elsewhere"] {
            assert!(facts.adds_up(Some("days"), column), "{column}");
        }
        for column in ["customers", "highest", "avg_of_day", "conversion_rate"] {
            assert!(!facts.adds_up(Some("days"), column), "{column}");
        }
        assert!(!facts.adds_up(None, "unique_customers"));
    }
}
