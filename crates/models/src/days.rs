//! The days that a run touched, as a predicate: what `changed(…)` in a model comes to.

use std::collections::{BTreeMap, BTreeSet};

use shoplake_core::clock::civil;

const OPEN: &str = "/*changed:";
const CLOSE: &str = "*/TRUE";

/// What `changed(columns)` renders to: valid SQL that keeps every row until [`restrict`] fills it in.
pub(crate) fn placeholder(columns: &[String]) -> Result<String, String> {
    let plain = |name: &String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '"')
    };
    if !matches!(columns.len(), 1 | 3) || !columns.iter().all(plain) {
        return Err("`changed` takes the columns of year, month and day, or one date column".into());
    }
    Ok(format!("{OPEN}{}{CLOSE}", columns.join(",")))
}

/// `sql` with each `changed(…)` restricted to `days` (since 1970-01-01, the shop's zone).
///
/// Year and month are compared with plain numbers, so that files of other months are never opened.
pub fn restrict(sql: &str, days: &BTreeSet<i32>) -> String {
    fill(sql, |columns| match columns {
        [year, month, day] => by_parts(days, year, month, day),
        [date, ..] => by_date(days, date),
        [] => String::from("FALSE"),
    })
}

/// `sql` with each `changed(…)` restricted to rows that belong to no day.
pub fn restrict_to_undated(sql: &str) -> String {
    fill(sql, |columns| columns.first().map_or_else(|| String::from("FALSE"), |first| format!("({first} IS NULL)")))
}

fn fill(sql: &str, predicate: impl Fn(&[&str]) -> String) -> String {
    let mut restricted = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((columns, after)) = after.split_once(CLOSE) else { break };
        restricted.push_str(before);
        let columns: Vec<&str> = columns.split(',').collect();
        restricted.push_str(&predicate(&columns));
        rest = after;
    }
    restricted.push_str(rest);
    restricted
}

fn by_parts(days: &BTreeSet<i32>, year: &str, month: &str, day: &str) -> String {
    let mut months: BTreeMap<(i32, i32), Vec<String>> = BTreeMap::new();
    for (y, m, d) in days.iter().map(|day| civil(*day)) {
        months.entry((y, m)).or_default().push(d.to_string());
    }
    if months.is_empty() {
        return "FALSE".into();
    }
    let month_of = |((y, m), days): (&(i32, i32), &Vec<String>)| {
        format!("({year} = {y} AND {month} = {m} AND {day} IN ({}))", days.join(", "))
    };
    format!("({})", months.iter().map(month_of).collect::<Vec<_>>().join(" OR "))
}

fn by_date(days: &BTreeSet<i32>, date: &str) -> String {
    if days.is_empty() {
        return "FALSE".into();
    }
    let text = |day: &i32| {
        let (year, month, day) = civil(*day);
        format!("DATE '{year:04}-{month:02}-{day:02}'")
    };
    format!("({date} IN ({}))", days.iter().map(text).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given days of two months, when a model is restricted, then each month names its days as numbers.
    #[test]
    fn days_by_month() {
        let marked = format!("WHERE {}", placeholder(&["year".into(), "month".into(), "day".into()]).unwrap());
        let days = BTreeSet::from([19_782, 19_783, 19_723]);
        assert_eq!(
            restrict(&marked, &days),
            "WHERE ((year = 2024 AND month = 1 AND day IN (1)) OR (year = 2024 AND month = 2 AND day IN (29)) OR \
             (year = 2024 AND month = 3 AND day IN (1)))"
        );
        assert_eq!(restrict(&marked, &BTreeSet::new()), "WHERE FALSE");
        let marked = placeholder(&["s.date".into()]).unwrap();
        assert_eq!(restrict(&marked, &BTreeSet::from([19_782])), "(s.date IN (DATE '2024-02-29'))");
        assert!(placeholder(&["x) OR (1=1".into()]).is_err());
    }
}
