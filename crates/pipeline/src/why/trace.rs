//! From a figure down to the rows of one table: SQL made of the shapes of plans.
//!
//! A figure is a formula over parts, each an aggregate of a value of each row. Where the rows are those
//! of another grouping, its own aggregate takes over, as long as folding the folds is folding all
//! (sums of sums and of counts, least of least, greatest of greatest, different values of a key). Which
//! of its rows count is told by a query that stands beside it, the witness.

use shoplake_core::planned::{
    ColumnRef, Expression, Form, Function, GROUP, Group, JoinKind, Named, Relation, Select, Shape, Source, quoted,
};

/// How the values of rows become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    Sum,
    Count,
    Distinct,
    Min,
    Max,
    Average,
    /// Each row has the same.
    Any,
}

/// One aggregate of a figure.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) fold: Fold,
    /// The value of one row, over the relations of the trace.
    pub(crate) value: Expression,
    /// Which rows it takes.
    pub(crate) filter: Option<Expression>,
}

/// A figure, down at the rows of one table.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// SQL for the figure over `p0`, `p1`, … of the parts.
    pub(crate) formula: String,
    /// Whether the formula is nothing but the first part.
    pub(crate) plain: bool,
    pub(crate) parts: Vec<Part>,
    /// The table whose rows it is made of, and what expressions call it.
    pub(crate) table: String,
    pub(crate) alias: String,
    /// Whether a row of the figure may stand for no row of the table.
    pub(crate) may_lack: bool,
    pub(crate) level: Level,
    /// The first witness on the way down, and how many there are.
    pub(crate) first_witness: Option<Witness>,
    pub(crate) depth: usize,
}

/// A query whose rows name the groups that are meant, with the expression that each of its columns equals.
pub(crate) type Witness = (String, Vec<String>);

/// A SELECT and which of its rows are meant.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) select: Select,
    /// Over its relations.
    pub(crate) conditions: Vec<String>,
    /// Which of its groups are meant, where another query says it.
    pub(crate) witness: Option<Witness>,
}

/// Why a figure cannot be followed: the end of "this figure …".
#[derive(Debug)]
pub(crate) struct Lost(pub(crate) String);

/// A row of a model's table: the value of each column as SQL, `None` for NULL.
pub(crate) type Row = Vec<(String, Option<String>)>;

impl Level {
    /// The same, with the one group that is meant named by its values.
    pub(crate) fn pinned(&self, values: &[Option<String>]) -> Self {
        let equal = self.witness.iter().flat_map(|(_, equal)| equal);
        let named = equal.zip(values).map(|(expression, value)| is(expression, value.as_ref()));
        Self {
            select: self.select.clone(),
            conditions: self.conditions.iter().cloned().chain(named).collect(),
            witness: None,
        }
    }

    /// `SELECT what FROM … WHERE …` over the rows that are meant, and where `also` holds.
    pub(crate) fn sql(&self, what: &str, also: &[String]) -> Result<String, Lost> {
        let mut from = self.select.from_sql().ok_or_else(unknown)?;
        if let Some((witness, equal)) = &self.witness {
            let on: Vec<String> = equal
                .iter()
                .enumerate()
                .map(|(at, expression)| format!("{expression} IS NOT DISTINCT FROM \"w\".\"{}\"", hidden(at)))
                .collect();
            let on = if on.is_empty() { "TRUE".to_owned() } else { on.join(" AND ") };
            from = format!("{from} INNER JOIN ({witness}) AS \"w\" ON {on}");
        }
        let conditions: Vec<String> =
            self.conditions.iter().chain(also).map(|condition| format!("({condition})")).collect();
        let conditions = (!conditions.is_empty()).then(|| conditions.join(" AND "));
        Ok(format!("SELECT {what} FROM {from}{}", self.select.where_sql(conditions.as_deref())))
    }
}

fn unknown() -> Lost {
    Lost("is made by a query whose parts are not known".into())
}

fn hidden(at: usize) -> String {
    format!("__k{at}")
}

/// What has been found so far: a formula over columns of one relation.
struct Figure {
    formula: String,
    parts: Vec<(String, Part)>,
}

/// Where to begin for `column` of the row that `row` names, in a model of this shape.
pub(crate) fn top(shape: &Shape, column: &str, row: &Row) -> Result<Start, Lost> {
    let select = match shape {
        Shape::Select(select) => select.as_ref().clone(),
        Shape::Union(_) => return Err(Lost("is made by several queries put together (UNION ALL)".into())),
        Shape::Other { reason } => return Err(Lost(format!("is made by a query that {reason}"))),
    };
    let named = select.columns.iter().find(|named| named.name == column).cloned().ok_or_else(unknown)?;
    let mut conditions = Vec::new();
    for named in &select.columns {
        let value = row.iter().find(|(name, _)| *name == named.name).and_then(|(_, value)| value.as_ref());
        match &select.group {
            Some(group) if of_keys(&named.expression, group) => conditions.extend(equal(named, group, value)),
            None if tells_a_row(&named.expression, &select) => conditions.push(is(&named.expression.sql, value)),
            _ => {}
        }
    }
    let mut expression = named.expression;
    if select.group.as_ref().is_some_and(|group| of_keys(&expression, group)) {
        // The rows of a group all have its keys: the value itself is what each of them has.
        let value = row.iter().find(|(name, _)| name == column).and_then(|(_, value)| value.clone());
        let sql = value.unwrap_or_else(|| "CAST(NULL AS VARCHAR)".to_owned());
        expression = Expression { sql, columns: Vec::new(), form: Form::Other };
    }
    Ok(Start { level: Level { select, conditions, witness: None }, expression })
}

/// The columns that name a row of a model of this shape, as far as the shape tells.
pub(crate) fn identity(shape: &Shape) -> Vec<String> {
    let Shape::Select(select) = shape else { return Vec::new() };
    let joined = |column: &ColumnRef| {
        let joins = select.relations.iter().filter_map(|relation| relation.join.as_ref());
        joins.flat_map(|join| &join.keys).any(|(a, b)| a.column() == Some(column) || b.column() == Some(column))
    };
    let names = select.columns.iter().filter(|named| match &select.group {
        Some(group) => of_keys(&named.expression, group),
        None => named.expression.column().is_some_and(joined),
    });
    names.map(|named| named.name.clone()).collect()
}

/// Where to begin: the rows behind a row of the model, and the expression of its figure.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) level: Level,
    pub(crate) expression: Expression,
}

impl Start {
    /// The same, told by every column of the row: those too that were calculated.
    pub(crate) fn narrowed(&self, row: &Row) -> Self {
        let mut narrowed = self.clone();
        for named in &self.level.select.columns {
            let value = row.iter().find(|(name, _)| *name == named.name).and_then(|(_, value)| value.as_ref());
            narrowed.level.conditions.push(is(&named.expression.sql, value));
        }
        narrowed
    }

    /// SQL for the groups that the row may stand for, told by its figures too, where its columns do not
    /// name each key; at most 2 come out.
    pub(crate) fn alike(&self, row: &Row) -> Result<Option<String>, Lost> {
        let select = &self.level.select;
        let Some(group) = &select.group else { return Ok(None) };
        let shown = |key: &Named| {
            select.columns.iter().any(|named| {
                let direct = named.expression.column().is_some_and(|column| column.name == key.name);
                direct || date_parts(&named.expression).is_some_and(|parts| parts.contains(&key.name.as_str()))
            })
        };
        if group.keys.iter().all(shown) {
            return Ok(None);
        }
        let also = (!self.level.conditions.is_empty()).then(|| self.level.conditions.join(" AND "));
        let groups = select.group_sql(group, also.as_deref()).ok_or_else(unknown)?;
        let same = select.columns.iter().map(|named| {
            let value = row.iter().find(|(name, _)| *name == named.name).and_then(|(_, value)| value.as_ref());
            is(&named.expression.sql, value)
        });
        let same: Vec<String> = same.chain(group.having.iter().map(|having| having.sql.clone())).collect();
        let keys: Vec<String> = group.keys.iter().map(|key| quoted(&key.name)).collect();
        let (keys, same, name) = (keys.join(", "), same.join(" AND "), quoted(GROUP));
        Ok(Some(format!("SELECT {keys} FROM ({groups}) AS {name} WHERE {same} LIMIT 2")))
    }

    /// The same, with each key of its group named by its value.
    pub(crate) fn named(mut self, values: &[Option<String>]) -> Self {
        let keys = self.level.select.group.iter().flat_map(|group| &group.keys).zip(values);
        self.level.conditions = keys.map(|(key, value)| is(&key.expression.sql, value.as_ref())).collect();
        self
    }
}

/// The trace of a figure.
pub(crate) fn follow(start: &Start) -> Result<Trace, Lost> {
    let mut level = start.level.clone();
    let mut figure = first(&level.select, &start.expression)?;
    let (mut first_witness, mut depth) = (None, 0);
    loop {
        let relation = carrier(&level.select, &figure)?.clone();
        match &relation.source {
            Source::Table(table) => {
                let may_lack = relation.join.as_ref().is_some_and(|join| join.kind == JoinKind::Left);
                let plain = figure.formula == "\"p0\"";
                return Ok(Trace {
                    formula: figure.formula,
                    plain,
                    parts: figure.parts.into_iter().map(|(_, part)| part).collect(),
                    table: table.clone(),
                    alias: relation.alias.clone(),
                    may_lack,
                    level,
                    first_witness,
                    depth,
                });
            }
            Source::Query(shape) => {
                let (below, group) = grouped(shape)?;
                figure = descend(&figure, &relation, &below, &group)?;
                level = beneath(&level, &relation, below, &group)?;
                first_witness = first_witness.or_else(|| level.witness.clone());
                depth += 1;
            }
        }
    }
}

/// The figure as parts over the relations of `select`.
fn first(select: &Select, expression: &Expression) -> Result<Figure, Lost> {
    let Some(group) = &select.group else {
        let part = Part { fold: Fold::Any, value: expression.clone(), filter: None };
        return Ok(Figure { formula: "\"p0\"".into(), parts: vec![(String::new(), part)] });
    };
    of_measures(expression, group)
}

/// A formula over the measures of `group`, as parts.
fn of_measures(expression: &Expression, group: &Group) -> Result<Figure, Lost> {
    if expression.columns.is_empty() || of_keys(expression, group) {
        let part = Part { fold: Fold::Any, value: over_keys(expression, group), filter: None };
        return Ok(Figure { formula: "\"p0\"".into(), parts: vec![(String::new(), part)] });
    }
    let (mut formula, mut parts) = (expression.sql.clone(), Vec::new());
    for column in &expression.columns {
        let reference = reference(column);
        if let Some(key) = group.keys.iter().find(|key| key.name == column.name) {
            let part = Part { fold: Fold::Any, value: key.expression.clone(), filter: None };
            formula = formula.replace(&reference, &format!("\"p{}\"", parts.len()));
            parts.push((column.name.clone(), part));
            continue;
        }
        let measure = group.measures.iter().find(|measure| measure.name == column.name).ok_or_else(unknown)?;
        let fold = match &measure.function {
            Function::Count => Fold::Count,
            Function::CountDistinct => Fold::Distinct,
            Function::Sum => Fold::Sum,
            Function::Min => Fold::Min,
            Function::Max => Fold::Max,
            Function::Average => Fold::Average,
            Function::Other(name) => return Err(Lost(format!("is an aggregate that has no parts to show (`{name}`)"))),
        };
        let value = match measure.arguments.as_slice() {
            [] => Expression { sql: "1".into(), columns: Vec::new(), form: Form::Other },
            [one] => one.clone(),
            _ => return Err(Lost("counts several columns at once".into())),
        };
        formula = formula.replace(&reference, &format!("\"p{}\"", parts.len()));
        parts.push((column.name.clone(), Part { fold, value, filter: measure.filter.clone() }));
    }
    // What tells most stands first: the amounts of an average rather than their number.
    let Some(best) = parts.iter().position(|(_, part)| part.fold != Fold::Count && part.fold != Fold::Any) else {
        return Ok(Figure { formula, parts });
    };
    if best > 0 {
        parts.swap(0, best);
        formula = formula.replace("\"p0\"", "\"p\"").replace(&format!("\"p{best}\""), "\"p0\"");
        formula = formula.replace("\"p\"", &format!("\"p{best}\""));
    }
    Ok(Figure { formula, parts })
}

/// The relation whose rows the figure is made of: the first that a part names, or the first of all.
fn carrier<'s>(select: &'s Select, figure: &Figure) -> Result<&'s Relation, Lost> {
    let named = |relation: &Relation, folds: &dyn Fn(Fold) -> bool| {
        let mut parts = figure.parts.iter().filter(|(_, part)| folds(part.fold));
        parts.any(|(_, part)| part.value.columns.iter().any(|column| column.relation == relation.alias))
    };
    let measured = select.relations.iter().find(|relation| named(relation, &|fold| fold != Fold::Any));
    let any = || select.relations.iter().find(|relation| named(relation, &|_| true));
    measured.or_else(any).or_else(|| select.relations.first()).ok_or_else(unknown)
}

/// The grouping that a relation is.
fn grouped(shape: &Shape) -> Result<(Select, Group), Lost> {
    let Shape::Select(select) = shape else { return Err(Lost("is made of several queries put together".into())) };
    if select.limit.is_some() || select.skip > 0 {
        return Err(Lost("is made of the first rows of another query (LIMIT)".into()));
    }
    let group = select.group.clone().ok_or_else(|| Lost("goes through a query that is joined as a whole".into()))?;
    Ok((select.as_ref().clone(), group))
}

/// The figure over the rows of the grouping `below`, which `relation` is.
fn descend(figure: &Figure, relation: &Relation, below: &Select, group: &Group) -> Result<Figure, Lost> {
    let column_of = |name: &str| below.columns.iter().find(|named| named.name == name).map(|named| &named.expression);
    if let [(_, Part { fold: Fold::Any, value, filter: None })] = figure.parts.as_slice() {
        if value.columns.is_empty() {
            return Ok(Figure { formula: figure.formula.clone(), parts: figure.parts.clone() });
        }
        // One row of the grouping: its own formula takes the place of each column.
        let mut whole = Expression { sql: value.sql.clone(), columns: Vec::new(), form: Form::Other };
        for column in &value.columns {
            if column.relation != relation.alias {
                return Err(Lost("is made of several tables at once".into()));
            }
            let inner = column_of(&column.name).ok_or_else(unknown)?;
            whole.sql = whole.sql.replace(&reference(column), &format!("({})", inner.sql));
            for inner in &inner.columns {
                if !whole.columns.contains(inner) {
                    whole.columns.push(inner.clone());
                }
            }
            if value.column().is_some() {
                whole = inner.clone();
            }
        }
        return of_measures(&whole, group);
    }
    let parts = figure.parts.iter().map(|(name, part)| {
        let deeper = |text: &str| Lost(format!("is {text} of groups, whose own figures can be asked for instead"));
        if part.filter.is_some() {
            return Err(deeper("a filtered aggregate"));
        }
        let Some(column) = part.value.column() else {
            let all_keys = part.fold == Fold::Count && part.value.columns.is_empty();
            return match (all_keys, group.keys.as_slice()) {
                // Groups are counted: each stands for the different values of its key.
                (true, [key]) => {
                    Ok((name.clone(), Part { fold: Fold::Distinct, value: key.expression.clone(), filter: None }))
                }
                _ => Err(deeper("a calculation")),
            };
        };
        if column.relation != relation.alias {
            return Err(Lost("is made of several tables at once".into()));
        }
        let inner = column_of(&column.name).and_then(Expression::column).ok_or_else(|| deeper("a calculation"))?;
        if let Some(key) = group.keys.iter().find(|key| key.name == inner.name) {
            return match part.fold {
                Fold::Distinct | Fold::Min | Fold::Max => {
                    Ok((name.clone(), Part { fold: part.fold, value: key.expression.clone(), filter: None }))
                }
                Fold::Count if group.keys.len() == 1 => {
                    Ok((name.clone(), Part { fold: Fold::Distinct, value: key.expression.clone(), filter: None }))
                }
                _ => Err(deeper("a calculation")),
            };
        }
        let found = Figure { formula: String::new(), parts: vec![] };
        let mut inner_figure = of_measures(&plain(inner), group).unwrap_or(found);
        let Some((_, inner)) = inner_figure.parts.pop() else { return Err(deeper("an aggregate")) };
        let same = matches!(
            (part.fold, inner.fold),
            (Fold::Sum, Fold::Sum | Fold::Count) | (Fold::Min, Fold::Min) | (Fold::Max, Fold::Max)
        );
        if same { Ok((name.clone(), inner)) } else { Err(deeper("an aggregate of aggregates")) }
    });
    let parts = parts.collect::<Result<Vec<_>, Lost>>()?;
    Ok(Figure { formula: figure.formula.clone(), parts })
}

/// The rows of `below` that the rows of `level` are made of.
fn beneath(level: &Level, relation: &Relation, mut below: Select, group: &Group) -> Result<Level, Lost> {
    let mut above = level.clone();
    let mut with_keys = below.clone();
    for (at, key) in group.keys.iter().enumerate() {
        let column = ColumnRef { relation: GROUP.into(), name: key.name.clone() };
        with_keys.columns.push(Named { name: hidden(at), expression: plain(&column) });
    }
    for known in &mut above.select.relations {
        if known.alias == relation.alias {
            known.source = Source::Query(Shape::Select(Box::new(with_keys.clone())));
        }
    }
    let names = (0..group.keys.len())
        .map(|at| format!("{}.{} AS {}", quoted(&relation.alias), quoted(&hidden(at)), quoted(&hidden(at))));
    let names: Vec<String> = names.collect();
    let what =
        if names.is_empty() { "DISTINCT 1 AS \"one\"".to_owned() } else { format!("DISTINCT {}", names.join(", ")) };
    let witness = above.sql(&what, &[])?;
    let equal = group.keys.iter().map(|key| key.expression.sql.clone()).collect();
    below.order.clear();
    Ok(Level { select: below, conditions: Vec::new(), witness: Some((witness, equal)) })
}

/// Whether `expression` is made of the group's keys alone.
fn of_keys(expression: &Expression, group: &Group) -> bool {
    !expression.columns.is_empty()
        && expression.columns.iter().all(|column| group.keys.iter().any(|key| key.name == column.name))
}

/// `expression` over the group's keys, over what they are made of.
fn over_keys(expression: &Expression, group: &Group) -> Expression {
    if let Some(column) = expression.column()
        && let Some(key) = group.keys.iter().find(|key| key.name == column.name)
    {
        return key.expression.clone();
    }
    let mut whole = Expression { form: Form::Other, columns: Vec::new(), ..expression.clone() };
    for key in &group.keys {
        let column = ColumnRef { relation: GROUP.into(), name: key.name.clone() };
        if expression.columns.contains(&column) {
            whole.sql = whole.sql.replace(&reference(&column), &format!("({})", key.expression.sql));
            whole.columns.extend(key.expression.columns.iter().cloned());
        }
    }
    whole
}

/// The keys that a date is put together of: then each of them is known by itself, and partitions are skipped.
fn date_parts(expression: &Expression) -> Option<[&str; 3]> {
    let Form::Call(name, parts) = &expression.form else { return None };
    let [year, month, day] = parts.as_slice() else { return None };
    if name != "make_date" {
        return None;
    }
    Some([&year.column()?.name, &month.column()?.name, &day.column()?.name])
}

/// The conditions that say that an output over keys has `value`.
fn equal(named: &Named, group: &Group, value: Option<&String>) -> Vec<String> {
    let whole = over_keys(&named.expression, group);
    let parts = date_parts(&named.expression).zip(value).and_then(|(names, value)| {
        let date = value.strip_prefix("DATE '")?.strip_suffix('\'')?;
        let numbers: Vec<i64> = date.splitn(3, '-').filter_map(|number| number.parse().ok()).collect();
        let keys: Option<Vec<&Named>> =
            names.iter().map(|name| group.keys.iter().find(|key| key.name == *name)).collect();
        let pairs = keys?.into_iter().zip(numbers);
        Some(pairs.map(|(key, number)| format!("{} = {number}", key.expression.sql)).collect::<Vec<_>>())
    });
    parts.filter(|parts| parts.len() == 3).unwrap_or_else(|| vec![is(&whole.sql, value)])
}

/// Whether an output of a query without grouping tells which row it is: a column of a table, or a key
/// of a grouping below. What was calculated says less and costs more.
fn tells_a_row(expression: &Expression, select: &Select) -> bool {
    let Some(column) = expression.column() else { return false };
    match select.relation(&column.relation).map(|relation| &relation.source) {
        Some(Source::Table(_)) => true,
        Some(Source::Query(Shape::Select(below))) => below.group.as_ref().is_some_and(|group| {
            below.columns.iter().any(|named| named.name == column.name && of_keys(&named.expression, group))
        }),
        _ => false,
    }
}

fn is(expression: &str, value: Option<&String>) -> String {
    match value {
        Some(value) => format!("{expression} = {value}"),
        None => format!("{expression} IS NULL"),
    }
}

fn reference(column: &ColumnRef) -> String {
    format!("{}.{}", quoted(&column.relation), quoted(&column.name))
}

fn plain(column: &ColumnRef) -> Expression {
    Expression { sql: reference(column), columns: vec![column.clone()], form: Form::Column }
}
