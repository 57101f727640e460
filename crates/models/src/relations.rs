//! The tables that SQL names, as the parser sees them: quoted names, joins, subqueries, and names that
//! the SQL itself gives to expressions. What is done with them stands in [`crate::compile`]; what a query reads in all
//! says [`tables`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, ObjectNamePart, Query, Spanned, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Location;

use crate::deep_stack::{DEPTH_MAX, on_deep_stack};

/// The parser gives up on SQL that nests deeper; the engine tells it.
const DEPTH: usize = 400;
/// Parts of a table's name: catalog, schema, table.
const PARTS_MAX: usize = 3;

/// A table name of a FROM clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// The name as SQL means it: lowercase unless quoted.
    pub(crate) name: String,
    /// Where it starts, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// Whether the FROM clause gives it another name.
    pub(crate) aliased: bool,
    /// Whether it stands for an expression of the SQL's own WITH, and for no table.
    pub(crate) shadowed: bool,
    /// Whether a schema stands before it, of which `name` says nothing.
    qualified: bool,
}

/// The table names of one part of `sql` in their order; `None` where it cannot be parsed.
pub(crate) fn relations(sql: &str) -> Option<Vec<Relation>> {
    let mut found = named(sql, DEPTH)?;
    found.retain(|relation| !relation.qualified);
    Some(found)
}

/// The tables that a query reads, through the `views` that it names, and these alone; of a name with a schema its last
/// part. None of SQL that cannot be parsed, or nests deeper than the engine takes.
pub fn tables(sql: &str, views: &BTreeMap<String, String>) -> BTreeSet<String> {
    let read = || {
        let (mut found, mut open) = (BTreeSet::new(), vec![sql]);
        while let Some(sql) = open.pop() {
            for relation in named(sql, DEPTH_MAX).unwrap_or_default().into_iter().filter(|relation| !relation.shadowed)
            {
                let view = views.get(&relation.name);
                if found.insert(relation.name) {
                    open.extend(view.map(String::as_str));
                }
            }
        }
        found.retain(|name| !views.contains_key(name));
        found
    };
    on_deep_stack(read).unwrap_or_default()
}

fn named(sql: &str, depth: usize) -> Option<Vec<Relation>> {
    let statements = parse(sql, depth)?;
    let mut finder = Finder { lines: Lines::new(sql), frames: Vec::new(), found: Vec::new() };
    let _ = statements.visit(&mut finder);
    Some(finder.found)
}

/// The expressions of `sql` that compute something, the shortest first: where a type can be wrong.
pub fn expressions(sql: &str) -> Vec<std::ops::Range<usize>> {
    let Some(statements) = parse(sql, DEPTH) else { return Vec::new() };
    let mut finder = Computed { lines: Lines::new(sql), found: Vec::new() };
    let _ = statements.visit(&mut finder);
    finder.found.sort_by_key(|range| (range.len(), range.start));
    finder.found
}

/// The statements of SQL that nests at most `depth` deep; `None` where it cannot be parsed.
pub fn parse(sql: &str, depth: usize) -> Option<Vec<Statement>> {
    Parser::new(&GenericDialect {}).with_recursion_limit(depth).try_with_sql(sql).ok()?.parse_statements().ok()
}

/// Where lines start, to turn the parser's places into bytes.
struct Lines<'s> {
    sql: &'s str,
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
    fn new(sql: &'s str) -> Self {
        let starts = std::iter::once(0).chain(sql.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { sql, starts }
    }

    fn byte(&self, place: Location) -> Option<usize> {
        offset(self.sql, *self.starts.get(usize::try_from(place.line).ok()?.checked_sub(1)?)?, place.column)
    }
}

/// The byte of the `column`th character (from 1) after `start`.
pub(crate) fn offset(text: &str, start: usize, column: u64) -> Option<usize> {
    let rest = text.get(start..)?;
    let column = usize::try_from(column.checked_sub(1)?).ok()?;
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
}

/// The names that a query's WITH gives, as far as they are given yet.
struct Frame {
    names: Vec<String>,
    /// The address of each expression's query, with its name.
    pending: Vec<(usize, String)>,
}

struct Finder<'s> {
    lines: Lines<'s>,
    frames: Vec<Frame>,
    found: Vec<Relation>,
}

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

/// A name as SQL means it: lowercase unless quoted.
pub fn meant(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut frame = Frame { names: Vec::new(), pending: Vec::new() };
        if let Some(with) = &query.with {
            for expression in &with.cte_tables {
                let name = meant(&expression.alias.name);
                if with.recursive {
                    frame.names.push(name.clone());
                }
                frame.pending.push((address(&expression.query), name));
            }
        }
        self.frames.push(frame);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.frames.pop();
        // From here on, and not before, the expression's name means the expression.
        if let Some(frame) = self.frames.last_mut()
            && let Some((_, name)) = frame.pending.iter().find(|(known, _)| *known == address(query))
        {
            frame.names.push(name.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor
            && let [schema @ .., ObjectNamePart::Identifier(ident)] = name.0.as_slice()
            && schema.len() < PARTS_MAX
            && let (Some(start), Some(end)) = (self.lines.byte(ident.span.start), self.lines.byte(ident.span.end))
        {
            let (name, qualified) = (meant(ident), !schema.is_empty());
            let shadowed = !qualified && self.frames.iter().any(|frame| frame.names.contains(&name));
            self.found.push(Relation { name, start, end, aliased: alias.is_some(), shadowed, qualified });
        }
        ControlFlow::Continue(())
    }
}

struct Computed<'s> {
    lines: Lines<'s>,
    found: Vec<std::ops::Range<usize>>,
}

impl Visitor for Computed<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let plain = matches!(
            expr,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Wildcard(_) | Expr::Nested(_)
        );
        let span = expr.span();
        if !plain
            && let (Some(start), Some(end)) = (self.lines.byte(span.start), self.lines.byte(span.end))
            && start < end
        {
            self.found.push(start..end);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(sql: &str) -> Vec<String> {
        relations(sql).unwrap().into_iter().filter(|r| !r.shadowed).map(|r| r.name).collect()
    }

    /// Given names in comments, strings, columns and expressions of its own, then only tables are found.
    #[test]
    fn only_tables_are_found() {
        let sql = "WITH top AS (SELECT 'from b' FROM a) -- FROM c\nSELECT d.x, e FROM top JOIN \"D\" ON top.a = b \
                   /* join c */, F WHERE x IN (SELECT y FROM g)";
        assert_eq!(tables(sql), ["a", "D", "f", "g"]);
        assert_eq!(tables("SELECT * FROM generate_series(1, 2), (SELECT * FROM a) AS b"), ["a"]);
    }

    /// Given an expression with the name of the table that it reads, then inside it is the table, after it the expression.
    #[test]
    fn an_expression_hides_a_table_after_itself() {
        let sql = "WITH sales AS (SELECT * FROM sales), b AS (SELECT * FROM sales) SELECT * FROM sales, b";
        let found: Vec<bool> = relations(sql).unwrap().into_iter().map(|r| r.shadowed).collect();
        assert_eq!(found, [false, true, true, true]);
        let recursive = "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a) SELECT * FROM a";
        assert_eq!(tables(recursive), Vec::<String>::new());
        assert_eq!(tables("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a"), ["a"]);
    }

    /// Given names that are no tables, names with a schema, names that WITH hides in one place and not in another, and
    /// views, then only the tables behind are read.
    #[test]
    fn tables_are_those_that_are_read() {
        let views = [("v", "SELECT * FROM w JOIN products USING (id)"), ("w", "SELECT * FROM sales")];
        let views: BTreeMap<String, String> = views.map(|(name, sql)| (name.to_owned(), sql.to_owned())).into();
        for (sql, read) in [
            ("SELECT 1 AS sales", vec![]),
            ("SELECT 'sales' FROM products -- sales", vec!["products"]),
            ("SELECT * FROM v", vec!["products", "sales"]),
            ("SELECT (SELECT max(x) FROM Sales) FROM \"products\"", vec!["products", "sales"]),
            ("SELECT * FROM public.Sales JOIN datafusion.public.v ON true", vec!["products", "sales"]),
            ("WITH sales AS (SELECT 1) SELECT * FROM sales", vec![]),
            ("WITH sales AS (SELECT 1) SELECT * FROM public.sales", vec!["sales"]),
            ("WITH sales AS (SELECT * FROM sales) SELECT * FROM sales", vec!["sales"]),
            ("SELECT * FROM (WITH sales AS (SELECT 1) SELECT * FROM sales) x, products", vec!["products"]),
            ("SELECT * FROM (WITH sales AS (SELECT 1) SELECT * FROM sales) x, sales", vec!["sales"]),
            ("not SQL at all", vec![]),
        ] {
            assert_eq!(super::tables(sql, &views).iter().map(String::as_str).collect::<Vec<_>>(), read, "{sql}");
        }
    }

    /// Given SQL that nests as deep as the engine takes it, and deeper, then it is read where it fits, and harms nobody.
    #[test]
    fn deep_sql_is_bounded() {
        let nested = |depth: usize| format!("SELECT {}1{} FROM sales", "(".repeat(depth), ")".repeat(depth));
        let read = |depth| super::tables(&nested(depth), &BTreeMap::new()).into_iter().collect::<Vec<_>>();
        assert_eq!(read(200), ["sales"]);
        assert_eq!(read(100_000), [""; 0]);
    }

    /// Given letters of several bytes before a name, then its bytes are named.
    #[test]
    fn places_are_bytes() {
        let sql = "SELECT '日本'\nFROM \"Größe\" g";
        let found = relations(sql).unwrap();
        assert_eq!(&sql[found[0].start..found[0].end], "\"Größe\"");
        assert!(found[0].aliased);
    }
}
