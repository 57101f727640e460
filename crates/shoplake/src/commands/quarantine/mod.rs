//! `shoplake quarantine`: the rows that were set aside. Both commands are queries over its table.

pub(super) mod ls;
pub(super) mod show;

/// `column = 'value'` as SQL, whatever the value holds.
fn equals(column: &str, value: &str) -> String {
    format!("{column} = '{}'", value.replace('\'', "''"))
}

/// `WHERE …` of all conditions, or nothing.
fn filter(conditions: &[Option<String>]) -> String {
    let some: Vec<&str> = conditions.iter().flatten().map(String::as_str).collect();
    if some.is_empty() { String::new() } else { format!("WHERE {}", some.join(" AND ")) }
}
