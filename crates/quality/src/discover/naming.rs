//! Names for discovered columns: in snake case, and the template's own where the meaning is plain.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The names of a template column, other than its own, from the surest to the least sure: a name of
/// a later group counts only where the file has none of an earlier one.
type Synonyms = (&'static str, &'static [&'static [&'static str]]);

const SALES: &[Synonyms] = &[
    (
        "transaction_id",
        &[
            &[
                "order_id",
                "order_number",
                "order_no",
                "invoice_no",
                "invoice_number",
                "invoice_id",
                "sale_id",
                "receipt_no",
            ],
            &["order", "invoice", "receipt"],
            &["id"],
        ],
    ),
    (
        "customer_id",
        &[&["customer_no", "customer_number", "client_id", "user_id", "buyer_id"], &["customer", "client", "buyer"]],
    ),
    (
        "product_id",
        &[
            &["sku", "stock_code", "item_id", "item_code", "product_code", "article_no", "product_no"],
            &["item", "product", "article"],
        ],
    ),
    ("quantity", &[&["qty", "units", "quantity_ordered"], &["count", "pieces"]]),
    (
        "amount",
        &[
            &["line_total", "total_amount", "line_amount", "net_amount"],
            &["total", "total_price", "revenue"],
            &["price"],
        ],
    ),
    (
        "transaction_date",
        &[
            &["order_date", "invoice_date", "created_at", "ordered_at", "purchase_date", "sold_at"],
            &["date", "timestamp", "time"],
        ],
    ),
];
const PRODUCTS: &[Synonyms] = &[
    (
        "product_id",
        &[
            &["sku", "stock_code", "item_id", "item_code", "product_code", "article_no"],
            &["id", "code", "item", "article"],
        ],
    ),
    ("name", &[&["product_name", "item_name"], &["title", "product", "description"]]),
    ("category", &[&["product_category", "product_type", "category_name"], &["type", "department"]]),
    ("price", &[&["unit_price", "list_price", "sale_price"]]),
    ("stock", &[&["stock_quantity", "inventory_quantity", "inventory", "on_hand"], &["quantity", "qty"]]),
];
const CUSTOMERS: &[Synonyms] = &[
    ("customer_id", &[&["customer_no", "customer_number", "client_id", "user_id"], &["id", "customer", "client"]]),
    ("name", &[&["customer_name", "full_name"], &["customer", "client"]]),
    ("email", &[&["e_mail", "email_address", "mail"]]),
    ("city", &[&["town", "billing_city", "shipping_city"]]),
    (
        "signup_date",
        &[
            &["sign_up_date", "registered_at", "date_joined", "joined_at", "registration_date"],
            &["created_at", "joined", "created"],
        ],
    ),
];

/// The columns that the template's models read of a dataset; empty for other datasets.
pub(super) fn template(dataset: &str) -> Vec<&'static str> {
    synonyms(dataset).iter().map(|(name, _)| *name).collect()
}

fn synonyms(dataset: &str) -> &'static [Synonyms] {
    match dataset {
        "sales" => SALES,
        "products" => PRODUCTS,
        "customers" => CUSTOMERS,
        _ => &[],
    }
}

/// The table's names of a file's columns, each unlike the others, and what a person should know.
pub(super) fn names(dataset: &str, headers: &[String]) -> (Vec<String>, Vec<String>) {
    let plain: Vec<String> = headers.iter().enumerate().map(|(at, header)| snake_case(header, at + 1)).collect();
    let mut names = plain.clone();
    let mut notes = Vec::new();
    let mut mapped = HashSet::new();
    for (wanted, groups) in synonyms(dataset) {
        if plain.iter().any(|name| name == wanted) {
            continue;
        }
        let candidates = groups.iter().find_map(|group| {
            let found: Vec<usize> =
                (0..plain.len()).filter(|at| !mapped.contains(at) && group.contains(&plain[*at].as_str())).collect();
            (!found.is_empty()).then_some(found)
        });
        match candidates.as_deref() {
            Some([one]) => {
                mapped.insert(*one);
                (*wanted).clone_into(&mut names[*one]);
                notes.push(format!("`{}` is taken for `{wanted}`", headers[*one]));
            }
            Some(several) => {
                let shown: Vec<String> = several.iter().map(|at| format!("`{}`", headers[*at])).collect();
                notes.push(format!("which of {} is `{wanted}`? None is taken for it", shown.join(", ")));
            }
            None => {}
        }
    }
    let mut taken = HashSet::new();
    for name in &mut names {
        let base = name.clone();
        let mut n = 2;
        while !taken.insert(name.clone()) {
            *name = format!("{base}_{n}");
            n += 1;
        }
    }
    (names, notes)
}

/// A name in `[a-z0-9_]`, snake case, that begins with a letter: `InvoiceNo` is `invoice_no`.
fn snake_case(header: &str, ordinal: usize) -> String {
    let characters: Vec<char> = header.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let mut name = String::with_capacity(header.len() + 4);
    for (at, c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at]);
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|before| {
                // `orderID`, and the last capital of `SKUCode`.
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || before.is_ascii_uppercase() && characters.get(at + 1).is_some_and(char::is_ascii_lowercase)
            });
        let gap = starts_word || !c.is_ascii_alphanumeric();
        if gap && !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    match name.as_bytes().first() {
        None => format!("column_{ordinal}"),
        Some(first) if first.is_ascii_digit() => format!("column_{name}"),
        // The lake's own columns of a table with `event_time`.
        Some(_) if ["year", "month", "day"].contains(&name.as_str()) => format!("{name}_2"),
        Some(_) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(dataset: &str, headers: &[&str]) -> Vec<String> {
        names(dataset, &headers.iter().map(|header| (*header).to_owned()).collect::<Vec<_>>()).0
    }

    #[test]
    fn headers_become_names() {
        let names = named("other", &["Order ID", "orderID", "SKUCode", "Größe", "2nd", "数", "Year", "customer.id"]);
        assert_eq!(
            names,
            ["order_id", "order_id_2", "sku_code", "gro_e", "column_2nd", "column_6", "year_2", "customer_id"]
        );
    }

    /// Given exports of several shops, when named for the template, then only plain meanings are taken.
    #[test]
    fn the_template_is_recognised() {
        assert_eq!(
            named("sales", &["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "CustomerID", "Line total"]),
            ["transaction_id", "product_id", "quantity", "transaction_date", "customer_id", "amount"]
        );
        assert_eq!(named("sales", &["Order ID", "ID", "Date", "Created at"])[..2], ["transaction_id", "id"]);
        assert_eq!(named("sales", &["sku", "item_id"]), ["sku", "item_id"], "two that may be meant are a question");
        assert_eq!(named("customers", &["ID", "Name", "Created at"]), ["customer_id", "name", "signup_date"]);
        assert_eq!(named("visits", &["sku"]), ["sku"]);
    }
}
