//! The parts of a figure as SQL: how they fold, and which rows they are made of.

use super::trace::{Fold, Part, Trace};

/// The part as an aggregate of SQL.
pub(super) fn aggregate(part: &Part) -> String {
    let value = &part.value.sql;
    let call = match part.fold {
        Fold::Sum => format!("sum({value})"),
        Fold::Count => format!("count({value})"),
        Fold::Distinct => format!("count(DISTINCT {value})"),
        Fold::Min | Fold::Any => format!("min({value})"),
        Fold::Max => format!("max({value})"),
        Fold::Average => format!("avg({value})"),
    };
    match &part.filter {
        Some(filter) => format!("{call} FILTER (WHERE {})", filter.sql),
        None => call,
    }
}

/// How many rows are listed for the first part of a figure, as an aggregate of SQL.
pub(super) fn counting(trace: &Trace) -> String {
    let Some(part) = trace.parts.first() else { return "count(*)".into() };
    if part.fold == Fold::Distinct {
        return aggregate(part);
    }
    let conditions = only(trace, part);
    if conditions.is_empty() {
        "count(*)".to_owned()
    } else {
        format!("count(*) FILTER (WHERE {})", conditions.join(" AND "))
    }
}

/// Which rows a part is made of.
fn only(trace: &Trace, part: &Part) -> Vec<String> {
    let mut conditions: Vec<String> = part.filter.iter().map(|filter| filter.sql.clone()).collect();
    if matches!(part.fold, Fold::Count | Fold::Distinct | Fold::Min | Fold::Max | Fold::Average)
        && !part.value.columns.is_empty()
    {
        conditions.push(format!("{} IS NOT NULL", part.value.sql));
    }
    // A row that found no partner has nothing to add.
    if trace.may_lack && part.fold == Fold::Sum {
        conditions.push(format!("{} IS NOT NULL", part.value.sql));
    }
    conditions
}

/// Which rows are listed for a part: of a least or greatest value those that have it.
pub(super) fn having(trace: &Trace, part: &Part, value: Option<&String>) -> Vec<String> {
    let mut conditions = only(trace, part);
    if matches!(part.fold, Fold::Min | Fold::Max) {
        conditions.push(value.map_or_else(|| "FALSE".into(), |value| format!("{} = {value}", part.value.sql)));
    }
    conditions
}
