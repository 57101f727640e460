//! Names for columns that a file has beyond its contract.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Columns that the lake itself adds to a table.
const RESERVED: [&str; 3] = ["year", "month", "day"];

/// A name in `[a-z0-9_]`, snake case: `Order ID` and `orderID` are `order_id`.
///
/// It never begins or ends with `_`, so it cannot meet the lake's own `_source_file` and the like.
pub(crate) fn snake_case(header: &str) -> String {
    let mut name = String::with_capacity(header.len() + 4);
    let mut after_lower = false;
    for c in header.nfkd().filter(|c| !is_combining_mark(*c)) {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && after_lower {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    name.truncate(name.trim_end_matches('_').len());
    name
}

/// The name in the table of the file's column number `ordinal` (from 1), unlike all in `taken`, which it joins.
pub(super) fn of_new_column(header: &str, ordinal: usize, taken: &mut HashSet<String>) -> String {
    let plain = match snake_case(header) {
        name if name.is_empty() => format!("column_{ordinal}"),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("column_{name}"),
        name => name,
    };
    let free = |name: &String| !taken.contains(name) && !RESERVED.contains(&name.as_str());
    let candidates = std::iter::once(plain.clone()).chain((2..).map(|n| format!("{plain}_{n}")));
    let name = candidates.into_iter().find(free).unwrap_or(plain);
    taken.insert(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_names() {
        let mut taken = HashSet::from(["amount".to_owned()]);
        let mut name = |header| of_new_column(header, 7, &mut taken);
        assert_eq!(name("Order ID"), "order_id");
        assert_eq!(name("orderID"), "order_id_2");
        assert_eq!(name("_source_file"), "source_file");
        assert_eq!(name("Größe (cm)"), "gro_e_cm");
        assert_eq!(name("Amount"), "amount_2");
        assert_eq!(name("2nd item"), "column_2nd_item");
        assert_eq!(name("Year"), "year_2");
        assert_eq!(name("数"), "column_7");
    }
}
