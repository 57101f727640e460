//! What a query is, once it is planned: what it reads, where each of its columns comes from, and its
//! shape in pieces that can be written as SQL again.
//!
//! Planning is the engine's ([`crate::ports::SqlPlanner`]); here are the words for what comes of it.
//! Lineage reads [`PlannedColumn`]; incremental models and `why` read [`Shape`].

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};

use arrow_schema::SchemaRef;

/// A query, planned.
#[derive(Debug, Clone)]
pub struct PlannedQuery {
    /// The columns that come out, in plain types.
    pub schema: SchemaRef,
    /// The tables that it reads, by name, each with the columns that something depends on.
    pub inputs: Vec<Input>,
    /// Each column of `schema`, in order, with where it comes from.
    pub columns: Vec<PlannedColumn>,
    /// How it is put together.
    pub shape: Shape,
}

/// A table that a query reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The table.
    pub table: String,
    /// Its columns that the query's rows or values depend on, by name; none where it only counts rows.
    pub columns: Vec<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The table.
    pub table: String,
    /// Its column.
    pub column: String,
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

/// How a column's value is made of its origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Derivation {
    /// As it stands in one column.
    Copy,
    /// From values of one row, or from none.
    #[default]
    Expression,
    /// From values of many rows: an aggregate or a window.
    Aggregate,
}

/// A column that comes out, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedColumn {
    /// Its name.
    pub name: String,
    /// How it is made.
    pub derivation: Derivation,
    /// The columns whose values go into it.
    pub values: BTreeSet<Origin>,
    /// The columns that only decide which rows it is made of: filters, joins, grouping, conditions.
    pub shaped_by: BTreeSet<Origin>,
    /// The tables whose rows it counts, as `count(*)` does.
    pub counts: BTreeSet<String>,
}

/// How a query is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Filter, joins, at most one grouping, projection, order and limit.
    Select(Box<Select>),
    /// The rows of all of them, doubles kept; their columns have the same names.
    Union(Vec<Shape>),
    /// Something else.
    Other {
        /// What it is, as the end of "this query …".
        reason: String,
    },
}

/// One SELECT: `relations` joined, filtered, perhaps grouped, then projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// What it reads: the first, then those that are joined to all before it.
    pub relations: Vec<Relation>,
    /// Which rows of them count.
    pub filter: Option<Expression>,
    /// The grouping; without one, each row of the relations is a row of the query.
    pub group: Option<Group>,
    /// The columns that come out: over the relations, or, where there is a group, over it.
    pub columns: Vec<Named>,
    /// The order, over the same as `columns`.
    pub order: Vec<Order>,
    /// Rows that are left out at the start.
    pub skip: u64,
    /// The most rows that come out.
    pub limit: Option<u64>,
}

/// Something that a SELECT reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// What expressions call it: `r0`, `r1`, …, different over the whole query.
    pub alias: String,
    /// What it is.
    pub source: Source,
    /// How it is joined; `None` for the first.
    pub join: Option<Join>,
}

/// What a relation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A table.
    Table(String),
    /// Another query.
    Query(Shape),
}

/// How a relation is joined to those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// What becomes of rows that find no partner.
    pub kind: JoinKind,
    /// Pairs that must be equal: over the relations before it, and over the joined one.
    pub keys: Vec<(Expression, Expression)>,
    /// What must hold besides.
    pub condition: Option<Expression>,
}

impl Join {
    /// Whether at most one row of the joined relation can match: whether `key` is among the columns
    /// that must be equal. An empty key names no row.
    pub fn finds_one(&self, key: &[String]) -> bool {
        let equal = |column: &String| {
            self.keys.iter().any(|(_, joined)| joined.column().is_some_and(|joined| joined.name == *column))
        };
        !key.is_empty() && key.iter().all(equal)
    }
}

/// What becomes of rows that find no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// They are left out.
    Inner,
    /// They stay, with NULL for the joined relation.
    Left,
}

/// A grouping of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What rows are grouped by, over the relations: `k0`, `k1`, … of [`GROUP`]. Without any, all
    /// rows are one group.
    pub keys: Vec<Named>,
    /// What is made of each group, over the relations: `m0`, `m1`, … of [`GROUP`].
    pub measures: Vec<Measure>,
    /// Which groups count, over [`GROUP`].
    pub having: Option<Expression>,
}

/// What expressions over a group call it.
pub const GROUP: &str = "g";

/// An aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Its name in the group: `m0`, `m1`, ….
    pub name: String,
    /// What it does.
    pub function: Function,
    /// To what, over the relations; empty for `count(*)`.
    pub arguments: Vec<Expression>,
    /// Which rows of the group it takes, over the relations.
    pub filter: Option<Expression>,
    /// All of it as SQL over the relations.
    pub sql: String,
}

/// What an aggregate does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Function {
    /// Counts rows, or with an argument those where it is not NULL.
    Count,
    /// Counts different values.
    CountDistinct,
    /// Adds up.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean.
    Average,
    /// Something else, by the name of its function.
    Other(String),
}

/// A value made of columns, as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// SQL in which each column stands with its relation: `"r0"."amount"`.
    pub sql: String,
    /// The columns in it, each once.
    pub columns: Vec<ColumnRef>,
    /// Where it is one column or one call of a function: which.
    pub form: Form,
}

impl Expression {
    /// The column, where the expression is nothing but one.
    pub fn column(&self) -> Option<&ColumnRef> {
        match (&self.form, self.columns.as_slice()) {
            (Form::Column, [column]) => Some(column),
            _ => None,
        }
    }
}

/// The outermost part of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A column.
    Column,
    /// A function of a row's values, with its arguments.
    Call(String, Vec<Expression>),
    /// Anything else.
    Other,
}

/// A column of a relation or of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRef {
    /// The relation's alias, or [`GROUP`].
    pub relation: String,
    /// The column.
    pub name: String,
}

/// An expression with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The value.
    pub expression: Expression,
}

/// One part of an ORDER BY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is compared.
    pub expression: Expression,
    /// From the greatest down.
    pub descending: bool,
    /// NULL before all values.
    pub nulls_first: bool,
}

impl PlannedQuery {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&PlannedColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Shape {
    /// The shape as SQL that gives the same rows; `None` where a part of it is not known.
    pub fn to_sql(&self) -> Option<String> {
        match self {
            Self::Select(select) => select.to_sql(),
            Self::Union(parts) => {
                let parts: Option<Vec<String>> =
                    parts.iter().map(|part| Some(format!("SELECT * FROM ({}) AS \"u\"", part.to_sql()?))).collect();
                parts.map(|parts| parts.join(" UNION ALL "))
            }
            Self::Other { .. } => None,
        }
    }

    /// Why a part of the shape is not known, as the end of "this query …".
    pub fn other(&self) -> Option<&str> {
        match self {
            Self::Select(select) => select.relations.iter().find_map(|relation| match &relation.source {
                Source::Query(shape) => shape.other(),
                Source::Table(_) => None,
            }),
            Self::Union(parts) => parts.iter().find_map(Shape::other),
            Self::Other { reason } => Some(reason),
        }
    }
}

impl Select {
    /// The SELECT as SQL that gives the same rows.
    pub fn to_sql(&self) -> Option<String> {
        let mut sql = format!("SELECT {}", list(&self.columns));
        match &self.group {
            Some(group) => {
                let _ = write!(sql, " FROM ({}) AS {}", self.group_sql(group, None)?, quoted(GROUP));
                if let Some(having) = &group.having {
                    let _ = write!(sql, " WHERE {}", having.sql);
                }
            }
            None => {
                let _ = write!(sql, " FROM {}{}", self.from_sql()?, self.where_sql(None));
            }
        }
        for (at, order) in self.order.iter().enumerate() {
            let direction = if order.descending { "DESC" } else { "ASC" };
            let nulls = if order.nulls_first { "FIRST" } else { "LAST" };
            let word = if at == 0 { " ORDER BY" } else { "," };
            let _ = write!(sql, "{word} {} {direction} NULLS {nulls}", order.expression.sql);
        }
        if let Some(limit) = self.limit {
            let _ = write!(sql, " LIMIT {limit}");
        }
        if self.skip > 0 {
            let _ = write!(sql, " OFFSET {}", self.skip);
        }
        Some(sql)
    }

    /// The groups with their keys and measures, of the rows where `also` holds; HAVING is left out.
    pub fn group_sql(&self, group: &Group, also: Option<&str>) -> Option<String> {
        let keys = group.keys.iter().map(|key| format!("{} AS {}", key.expression.sql, quoted(&key.name)));
        let measures = group.measures.iter().map(|measure| format!("{} AS {}", measure.sql, quoted(&measure.name)));
        let columns: Vec<String> = keys.chain(measures).collect();
        let by: Vec<String> = (1..=group.keys.len()).map(|at| at.to_string()).collect();
        let by = if by.is_empty() { String::new() } else { format!(" GROUP BY {}", by.join(", ")) };
        Some(format!("SELECT {} FROM {}{}{by}", columns.join(", "), self.from_sql()?, self.where_sql(also)))
    }

    /// What stands after FROM: the relations and how they are joined.
    pub fn from_sql(&self) -> Option<String> {
        let mut sql = String::new();
        for relation in &self.relations {
            let source = match &relation.source {
                Source::Table(name) => quoted(name),
                Source::Query(shape) => format!("({})", shape.to_sql()?),
            };
            let source = format!("{source} AS {}", quoted(&relation.alias));
            let Some(join) = &relation.join else {
                sql.push_str(&source);
                continue;
            };
            let equal = join.keys.iter().map(|(before, joined)| format!("{} = {}", before.sql, joined.sql));
            let on: Vec<String> = equal.chain(join.condition.iter().map(|c| c.sql.clone())).collect();
            let _ = match (join.kind, on.is_empty()) {
                (JoinKind::Inner, true) => write!(sql, " CROSS JOIN {source}"),
                (JoinKind::Inner, false) => write!(sql, " INNER JOIN {source} ON {}", on.join(" AND ")),
                (JoinKind::Left, true) => write!(sql, " LEFT JOIN {source} ON TRUE"),
                (JoinKind::Left, false) => write!(sql, " LEFT JOIN {source} ON {}", on.join(" AND ")),
            };
        }
        Some(sql)
    }

    /// ` WHERE …` of the filter and of `also`; empty where there is neither.
    pub fn where_sql(&self, also: Option<&str>) -> String {
        let parts: Vec<&str> = self.filter.iter().map(|filter| filter.sql.as_str()).chain(also).collect();
        if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
    }

    /// The relation of that alias.
    pub fn relation(&self, alias: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.alias == alias)
    }
}

/// `name` as a quoted identifier.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(columns: &[Named]) -> String {
    let named: Vec<String> =
        columns.iter().map(|named| format!("{} AS {}", named.expression.sql, quoted(&named.name))).collect();
    if named.is_empty() { "1".to_owned() } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(relation: &str, name: &str) -> Expression {
        Expression {
            sql: format!("{}.{}", quoted(relation), quoted(name)),
            columns: vec![ColumnRef { relation: relation.into(), name: name.into() }],
            form: Form::Column,
        }
    }

    /// Given a lookup by a key of two columns, when only one of them must be equal, then many rows may match.
    #[test]
    fn a_lookup_needs_the_whole_key() {
        let join = Join { kind: JoinKind::Left, keys: vec![(column("r0", "a"), column("r1", "x"))], condition: None };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(join.finds_one(&names(&["x"])));
        assert!(!join.finds_one(&names(&["x", "y"])));
        assert!(!join.finds_one(&[]));
    }
}
