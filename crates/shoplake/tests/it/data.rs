//! Runs, and what can be seen of them: the outcome, queries, quarantine, status.

use crate::context::{Context, snapshot};

const SALES: &str = "\
transaction_id,customer_id,product_id,quantity,amount,transaction_date
T1,C1,P1,1,10.50,2024-03-15T10:30:00Z
T2,C2,P1,2,21.00,2024-03-15 11:00:00.0015
T3,,P2,1,5.00,2024-03-15T12:00:00Z
T4,,P2,1,7.25,2024-03-15T12:00:00Z
T5,C1,P2,0,5.00,2024-03-16
T1,C1,P1,1,10.50,2024-03-15T10:30:00Z
";

fn shop_with_data() -> Context {
    let context = Context::with_shop();
    context.put("inbox/sales/day-1.csv", SALES);
    context.put(
        "inbox/products/all.json",
        r#"[{"product_id": "P1", "name": "Mug, \"blue\"", "price": 10.5, "stock": 3}]"#,
    );
    context
}

/// Given a new project, when run without files, then exit code 0, every dataset in the outcome, every table empty.
#[test]
fn an_empty_project() {
    let context = Context::with_shop();
    let outcome = context.json(&["run", "--json", "--quiet"]);
    assert_eq!(outcome["status"], "success");
    let datasets: Vec<&str> =
        outcome["datasets"].as_array().unwrap().iter().filter_map(|d| d["dataset"].as_str()).collect();
    assert_eq!(datasets.len(), 3, "{datasets:?}");
    for table in ["sales", "products", "customers", "quarantine", "daily_sales_summary", "top_products"] {
        let rows = context.json(&["query", &format!("SELECT count(*) AS n FROM {table}"), "--output", "json"]);
        assert_eq!(rows, serde_json::json!([{ "n": 0 }]), "{table}");
    }
}

/// Given dirty files, when run, then a person reads what was set aside, what it is worth, and what to change.
#[test]
fn dirty_files() {
    let context = shop_with_data();
    snapshot!(context, ["run"], @"");
}

/// Given a file that is no table beside a good one, when run, then exit code 1, and the good one is loaded.
#[test]
fn a_file_that_is_no_table() {
    let context = shop_with_data();
    context.put("inbox/sales/day-2.csv", "\u{1}\u{2}PK\u{3}\u{4}\u{0}\u{0}\u{0}");
    snapshot!(context, ["run"], @"");
    snapshot!(context, ["status"], @"");
}

/// Given loaded rows, when queried, then each form keeps every digit.
#[test]
fn query_forms() {
    let context = shop_with_data();
    context.output(&["run"]);
    let sql = "SELECT transaction_id, quantity, amount, transaction_date, product_name, city FROM sales ORDER BY 1";
    snapshot!(context, ["query", sql], @"");
    snapshot!(context, ["query", sql, "--output", "json"], @"");
    snapshot!(context, ["query", sql, "--output", "csv", "--limit", "1"], @"");
}

/// Given SQL that is wrong or would write, when queried, then exit code 2 and nothing on stdout.
#[test]
fn wrong_queries() {
    let context = shop_with_data();
    context.output(&["run"]);
    snapshot!(context, ["query", "SELECT amnt FROM sales"], @"");
    snapshot!(context, ["query", "DROP TABLE sales"], @"");
}

/// Given rejected rows, when listed and shown, then by cause with their money, and as they stood in the file.
#[test]
fn quarantine() {
    let context = shop_with_data();
    snapshot!(context, ["quarantine", "ls"], @"");
    context.output(&["run"]);
    snapshot!(context, ["quarantine", "ls"], @"");
    snapshot!(context, ["quarantine", "show", "--reason", "missing", "--limit", "1"], @"");
    let groups = context.json(&["quarantine", "ls", "--json"]);
    assert_eq!(groups[0]["rows"], 2);
}

/// Given one file, when dropped again under another name, then `status` says where both went.
#[test]
fn status_says_where_files_went() {
    let context = shop_with_data();
    context.output(&["run"]);
    context.put("inbox/sales/again.csv", SALES);
    context.output(&["run"]);
    let status = context.json(&["status", "--json"]);
    let ended: Vec<&str> =
        status["files"].as_array().unwrap().iter().filter_map(|f| f["file"]["status"].as_str()).collect();
    assert!(ended.contains(&"already_loaded") && ended.contains(&"loaded"), "{ended:?}");
    assert_eq!(status["last_batch"], 1);
}

/// Given a file elsewhere, when named without a dataset, then exit code 2 and the file stays where it is.
#[test]
fn a_file_of_no_dataset() {
    let context = Context::with_shop();
    context.put("export.csv", SALES);
    snapshot!(context, ["run", "export.csv"], @"");
    snapshot!(context, ["run", "export.csv", "--dataset", "sale"], @"");
    assert_eq!(context.read("export.csv"), SALES);
}
