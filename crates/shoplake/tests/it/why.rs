//! `shoplake why`, as a person and as a program ask it.

use crate::context::{Context, snapshot};

const SALES: &str = "\
transaction_id,customer_id,product_id,quantity,amount,transaction_date
T1,C1,P1,1,1010.50,2024-03-15T10:30:00Z
T2,C2,P1,2,21.00,2024-03-15T11:00:00Z
T3,C1,P9,1,5.00,2024-03-15T12:00:00Z
T4,C1,P1,1,7.25,2024-03-16T12:00:00Z
T5,,P1,1,7.25,2024-03-16T12:00:00Z
";
/// T2 is corrected.
const MORE: &str = "\
transaction_id,customer_id,product_id,quantity,amount,transaction_date
T2,C2,P1,2,22.00,2024-03-15T11:00:00Z
T1,C1,P1,1,1010.50,2024-03-15T10:30:00Z
";

fn shop() -> Context {
    let context = Context::with_shop();
    context.put("inbox/sales/day-1.csv", SALES);
    context
        .put("inbox/products/all.json", r#"[{"product_id": "P1", "name": "Mug", "category": "Home", "price": 10.5}]"#);
    context.put(
        "inbox/customers/all.json",
        r#"[{"customer_id": "C1", "name": "Ann"}, {"customer_id": "C2", "name": "Bob"}]"#,
    );
    assert_eq!(context.output(&["run"]).status.code(), Some(0));
    context.put("inbox/sales/day-2.csv", MORE);
    assert_eq!(context.output(&["run"]).status.code(), Some(0));
    context
}

/// Given a published shop, when figures of marts are asked for, then a person reads the value, its
/// definition, how it is made, and the lines that it is made of; a corrected row by its latest line.
#[test]
fn figures_of_marts() {
    let shop = shop();
    let day = "date = '2024-03-15'";
    snapshot!(shop, ["why", "daily_sales_summary", "--where", day, "--column", "total_revenue"],);
    snapshot!(shop, ["why", "daily_sales_summary", "--where", day, "--column", "avg_order_value", "--limit", "1"],);
    snapshot!(shop, ["why", "daily_sales_summary", "--where", day, "--column", "unique_customers"],);
    snapshot!(shop, ["why", "top_products", "--where", "product_id = 'P1'", "--column", "revenue"],);
    snapshot!(shop, ["why", "customer_lifetime_value", "--where", "name = 'Ann'", "--column", "first_order"],);
    snapshot!(shop, ["why", "sales_by_category", "--where", "category = '(unknown product)'", "--column", "revenue"],);
    snapshot!(shop, ["why", "sales_by_hour", "--where", "day_of_week = 6", "--column", "revenue"],);
}

/// Given a published shop, when a program asks, then one object says all of it.
#[test]
fn a_figure_as_json() {
    let shop = shop();
    let arguments =
        ["why", "daily_sales_summary", "--where", "date = '2024-03-15'", "--column", "total_revenue", "--json"];
    let why = shop.json(&arguments);
    assert_eq!(why["value"], "1037.50");
    assert_eq!((&why["model"], &why["column"]), (&"daily_sales_summary".into(), &"total_revenue".into()));
    assert_eq!((&why["row_count"], &why["agrees"]), (&3.into(), &true.into()));
    assert!(why["sql"].as_str().unwrap().contains("sum(amount) AS total_revenue"));
    let rows: Vec<(&str, &str, i64)> = why["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap();
            assert!(text("_source_file").starts_with("sales/") && text("_source_file").ends_with(".csv"));
            (text("transaction_id"), text("contribution"), row["_source_line"].as_i64().unwrap())
        })
        .collect();
    let mut rows = rows;
    rows.sort_unstable();
    assert_eq!(rows, [("T1", "1010.50", 2), ("T2", "22.00", 2), ("T3", "5.00", 4)]);
    let limited = shop.json(&[&arguments[..], &["--limit", "1"]].concat());
    assert_eq!((limited["rows"].as_array().unwrap().len(), &limited["row_count"]), (1, &3.into()));
}

/// Given a row of a dataset or of quarantine, when asked, then its line is shown as it stands in the file.
#[test]
fn rows_are_their_own_reason() {
    let shop = shop();
    snapshot!(shop, ["why", "sales", "--where", "transaction_id = 'T2'", "--column", "amount"],);
    snapshot!(shop, ["why", "sales", "--where", "transaction_id = 'T1'", "--column", "product_name"],);
    snapshot!(shop, ["why", "products", "--where", "product_id = 'P1'", "--column", "name"],);
    snapshot!(shop, ["why", "quarantine", "--where", "source_line = 6", "--column", "reason"],);
}

/// Given the likeliest mistakes, when asked, then each says what to ask instead.
#[test]
fn mistakes() {
    let shop = shop();
    snapshot!(shop, ["why", "daily_sale_summary", "--where", "true", "--column", "total_revenue"],);
    snapshot!(shop, ["why", "daily_sales_summary", "--where", "true", "--column", "revenue"],);
    snapshot!(shop, ["why", "daily_sales_summary", "--where", "day = 1", "--column", "total_revenue"],);
    snapshot!(shop, ["why", "daily_sales_summary", "--where", "true", "--column", "total_revenue"],);
    snapshot!(shop, ["why", "daily_sales_summary", "--where", "date = '1999-01-01'", "--column", "total_revenue"],);
    shop.put(
        "models/ranked.sql",
        "SELECT date, rank() OVER (ORDER BY total_revenue) AS place FROM {{ ref('daily_sales_summary') }}",
    );
    assert_eq!(shop.output(&["run"]).status.code(), Some(0));
    snapshot!(shop, ["why", "ranked", "--where", "place = 1", "--column", "place"],);
}

/// Given a mart that its rows do not make, when asked, then it is told loudly and with exit code 1.
#[test]
fn a_figure_that_does_not_add_up() {
    let shop = shop();
    let path = "models/marts/sales_by_hour.sql";
    let sql = shop.read(path).replace("sum(amount) AS revenue", "sum(quantity) AS revenue");
    shop.put(path, &sql);
    snapshot!(shop, ["why", "sales_by_hour", "--where", "day_of_week = 6", "--column", "revenue"],);
}
