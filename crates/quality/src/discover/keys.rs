//! The key of a dataset and the column that dates its rows, by what the sample bears out.

use std::collections::HashSet;

use shoplake_core::{Column, ColumnType};

use super::infer::is_text_by_name;
use super::table::Table;

/// Words in the names of dates of something other than the event itself.
const OTHER: [&str; 10] =
    ["signup", "birth", "updated", "modified", "expire", "shipped", "delivered", "cancelled", "closed", "due"];
/// Words in the names of dates of an event, the surest first.
const WORDS: [&[&str]; 3] = [
    &["transaction", "order", "ordered", "invoice", "purchase", "sold", "sale", "event"],
    &["created", "placed", "paid", "processed"],
    &["date", "time", "timestamp", "datetime", "at", "on", "when"],
];
/// Columns that may be half of a key.
const CANDIDATES: usize = 8;

/// The columns that together name a row: complete, and never the same in two different rows.
pub(super) fn key(dataset: &str, columns: &[Column], table: &Table, notes: &mut Vec<String>) -> Vec<String> {
    let rows = different_rows(table);
    let unique = |picked: &[usize]| {
        let mut seen = HashSet::with_capacity(rows.len());
        rows.iter().all(|row| seen.insert(picked.iter().map(|at| table.columns[*at][*row].trim()).collect::<Vec<_>>()))
    };
    let usable: Vec<usize> = (0..columns.len())
        .filter(|at| {
            columns[*at].required
                && !matches!(columns[*at].column_type, ColumnType::Decimal { .. } | ColumnType::Boolean)
        })
        .collect();
    let template = match dataset {
        "sales" => "transaction_id",
        "products" => "product_id",
        "customers" => "customer_id",
        _ => "",
    };
    let mut names: Vec<usize> = usable
        .iter()
        .copied()
        .filter(|at| is_text_by_name(&columns[*at].name) && !is_contact(&columns[*at].name))
        .collect();
    // The template's own key first, then the dataset's own id: `order_id` in `orders`.
    let own = |at: &usize| {
        let name = &columns[*at].name;
        let of_dataset = name.strip_suffix("_id").is_some_and(|stem| dataset.starts_with(stem));
        (name != template, !(name == "id" || of_dataset))
    };
    names.sort_by_key(own);
    let mut found = names.iter().find(|at| unique(&[**at])).map(|at| vec![*at]);
    if found.is_none() {
        let whole = |at: &&usize| names.contains(at) || columns[**at].column_type == ColumnType::Integer;
        let partners: Vec<usize> = usable.iter().filter(whole).copied().take(CANDIDATES).collect();
        let pairs = names.iter().take(CANDIDATES).flat_map(|a| partners.iter().map(move |b| [*a, *b]));
        found = pairs.filter(|[a, b]| a != b).find(|pair| unique(pair)).map(|pair| pair.to_vec());
    }
    found = found.or_else(|| usable.first().filter(|at| **at == 0 && unique(&[0])).map(|at| vec![*at]));
    let Some(found) = found else {
        if table.rows > 0 {
            notes.push(
                "no column or pair of columns names a row, so there is no key: every row stands for itself. Which \
                 columns name one?"
                    .to_owned(),
            );
        }
        return Vec::new();
    };
    let key: Vec<String> = found.iter().map(|at| columns[*at].name.clone()).collect();
    let shown = key.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    notes.push(format!("the key is {shown}: never empty, and different in all {} rows looked at", rows.len()));
    if rows.len() < table.rows {
        notes.push(format!("{} rows say exactly what another says", table.rows - rows.len()));
    }
    key
}

/// The column that dates a row, where the dataset is made of events.
pub(super) fn event_time(dataset: &str, columns: &[Column], notes: &mut Vec<String>) -> Option<String> {
    if ["products", "customers"].contains(&dataset) {
        return None;
    }
    let mut dated: Vec<(usize, &Column)> = columns
        .iter()
        .filter(|column| matches!(column.column_type, ColumnType::Date | ColumnType::Timestamp))
        .filter(|column| !OTHER.iter().any(|word| column.name.contains(word)))
        .filter_map(|column| {
            let rank = WORDS.iter().position(|words| column.name.split('_').any(|part| words.contains(&part)))?;
            Some((rank + if column.required { 0 } else { WORDS.len() }, column))
        })
        .collect();
    dated.sort_by_key(|(rank, _)| *rank);
    let (_, chosen) = dated.first()?;
    notes.push(format!("rows are dated by `{}`", chosen.name));
    if !chosen.required {
        notes.push(format!("`{}` is empty in some rows: they belong to no day", chosen.name));
    }
    Some(chosen.name.clone())
}

/// One of each set of rows that say the same.
fn different_rows(table: &Table) -> Vec<usize> {
    let mut seen = HashSet::with_capacity(table.rows);
    let whole = |row: &usize| table.columns.iter().map(|column| column[*row].as_str()).collect::<Vec<_>>();
    (0..table.rows).filter(|row| seen.insert(whole(row))).collect()
}

fn is_contact(name: &str) -> bool {
    ["phone", "zip", "postcode", "postal", "fax", "mobile", "token"].iter().any(|word| name.contains(word))
}
