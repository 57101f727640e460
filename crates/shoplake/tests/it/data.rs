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
    snapshot!(context, ["run"], @"
    exit: 0
    ----- stdout
    ----- stderr
    dataset    read  inserted  updated  duplicate  rejected  orphans
    customers     0         0        0          0         0        0
    products      1         1        0          0         0        0
    sales         6         2        0          1         3        2

    set aside  sales: 2 of 6 rows (33.3 %) have no `customer_id`, 12.25 USD at stake
               guests? set `required: false` at sources/sales.yml:8, then `shoplake run`

    note       inbox/products/all.json: column `category` is not in the file: `category` stays empty

    models     6 built
    tests      31 passed
    report     lake/reports/daily/2024-03-15/report.html
    done, with warnings, in [TIME]: 7 rows, [RATE]
    ");
}

/// Given a file that is no table beside a good one, when run, then exit code 1, and the good one is loaded.
#[test]
fn a_file_that_is_no_table() {
    let context = shop_with_data();
    context.put("inbox/sales/day-2.csv", "\u{1}\u{2}PK\u{3}\u{4}\u{0}\u{0}\u{0}");
    snapshot!(context, ["run"], @"
    exit: 1
    ----- stdout
    ----- stderr
    dataset    read  inserted  updated  duplicate  rejected  orphans
    customers     0         0        0          0         0        0
    products      1         1        0          0         0        0
    sales         6         2        0          1         3        2

    failed     inbox/sales/day-2.csv: the file is binary, not text
               hint: see whether it is the file that was meant

    set aside  sales: 2 of 6 rows (33.3 %) have no `customer_id`, 12.25 USD at stake
               guests? set `required: false` at sources/sales.yml:8, then `shoplake run`

    note       inbox/products/all.json: column `category` is not in the file: `category` stays empty

    models     6 built
    tests      31 passed
    report     lake/reports/daily/2024-03-15/report.html
    done, but not all of it, in [TIME]: 7 rows, [RATE]
    ");
    snapshot!(context, ["status"], @"
    exit: 0
    ----- stdout
    project shop (UTC, USD), [TEMP]/shop
    lake [SIZE] (landing [SIZE], processed [SIZE], archive [SIZE], quarantine [SIZE], reports [SIZE]), last batch 1

    failed  inbox/sales/day-2.csv, just now: the file is binary, not text
            hint: see whether it is the file that was meant
            correct the file and drop it again, or change its contract; then `shoplake run`

    schema  products: column `category` is not in the file: `category` stays empty
            [MOMENT], inbox/products/all.json

    run               ended    took  read  new  rejected  batch  id
    [MOMENT]  error  [TIME]     7    3         3      1  [RUN]

    file                     ended   when              read  rejected  now at
    inbox/sales/day-2.csv    failed  [MOMENT]     0         0  landing/sales/[HASH]/day-2.csv
    inbox/sales/day-1.csv    loaded  [MOMENT]     6         3  archive/sales/[HASH]/day-1.csv
    inbox/products/all.json  loaded  [MOMENT]     1         0  archive/products/[HASH]/all.json
    ----- stderr
    ");
}

/// Given loaded rows, when queried, then each form keeps every digit.
#[test]
fn query_forms() {
    let context = shop_with_data();
    context.output(&["run"]);
    let sql = "SELECT transaction_id, quantity, amount, transaction_date, product_name, city FROM sales ORDER BY 1";
    snapshot!(context, ["query", sql], @r#"
    exit: 0
    ----- stdout
    transaction_id  quantity  amount  transaction_date             product_name  city
    T1                     1   10.50  2024-03-15T10:30:00Z         Mug, "blue"   NULL
    T2                     2   21.00  2024-03-15T11:00:00.001500Z  Mug, "blue"   NULL
    ----- stderr
    "#);
    snapshot!(context, ["query", sql, "--output", "json"], @r#"
    exit: 0
    ----- stdout
    [{"transaction_id":"T1","quantity":1,"amount":"10.50","transaction_date":"2024-03-15T10:30:00Z","product_name":"Mug, \"blue\"","city":null},
    {"transaction_id":"T2","quantity":2,"amount":"21.00","transaction_date":"2024-03-15T11:00:00.001500Z","product_name":"Mug, \"blue\"","city":null}]
    ----- stderr
    "#);
    snapshot!(context, ["query", sql, "--output", "csv", "--limit", "1"], @r#"
    exit: 0
    ----- stdout
    transaction_id,quantity,amount,transaction_date,product_name,city
    T1,1,10.50,2024-03-15T10:30:00Z,"Mug, ""blue""",
    ----- stderr
    "#);
}

/// Given SQL that is wrong or would write, when queried, then exit code 2 and nothing on stdout.
#[test]
fn wrong_queries() {
    let context = shop_with_data();
    context.output(&["run"]);
    snapshot!(context, ["query", "SELECT amnt FROM sales"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: sql:1:8: column `amnt` not found
    hint: did you mean `amount`?
    ");
    snapshot!(context, ["query", "DROP TABLE sales"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: only SELECT can run here
    hint: tables change through `shoplake run` alone
    ");
}

/// Given rejected rows, when listed and shown, then by cause with their money, and as they stood in the file.
#[test]
fn quarantine() {
    let context = shop_with_data();
    snapshot!(context, ["quarantine", "ls"], @"
    exit: 0
    ----- stdout
    ----- stderr
    nothing is in quarantine
    ");
    context.output(&["run"]);
    snapshot!(context, ["quarantine", "ls"], @"
    exit: 0
    ----- stdout
    dataset  reason   rule      column       rows  USD at stake  example
    sales    missing  required  customer_id     2         12.25  day-1.csv:4
    sales    range    min: 1    quantity        1          5.00  0 (day-1.csv:6)
    ----- stderr

    `shoplake quarantine show --dataset NAME --reason REASON` shows the rows
    ");
    snapshot!(context, ["quarantine", "show", "--reason", "missing", "--limit", "1"], @"
    exit: 0
    ----- stdout
    sales day-1.csv:4  missing `customer_id`: required
        T3,,P2,1,5.00,2024-03-15T12:00:00Z
           ^
    ----- stderr

    1 row shown, there are more: `--limit 0` shows all, `--json` in full
    ");
    let rows = context.json(&["quarantine", "show", "--reason", "range", "--json"]);
    let (raw, range) = (rows[0]["raw"].as_str().unwrap(), [&rows[0]["broken_start"], &rows[0]["broken_end"]]);
    let [start, end] = range.map(|at| at.as_u64().unwrap() as usize);
    assert_eq!((&raw[..start], &raw[start..end]), ("T5,C1,P2,", "0"), "{raw}");
    for (filter, exit, words) in [
        (["--dataset", "products"], 0, "nothing of that is in quarantine"),
        (["--dataset", "produkts"], 2, "there is no dataset `produkts`"),
    ] {
        let shown = context.output(&[&["quarantine", "show"][..], &filter].concat());
        let said = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert!(shown.status.code() == Some(exit) && said.contains(words), "{said}");
    }
    let groups = context.json(&["quarantine", "ls", "--json"]);
    assert_eq!(groups[0]["rows"], 2);
    snapshot!(context, ["quarantine", "replay", "none.csv"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `none.csv` is not a file
    hint: `shoplake quarantine export` writes one
    ");
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
    snapshot!(context, ["run", "export.csv"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `export.csv` matches `from.files` of no dataset
    hint: say which it is for with `--dataset NAME`: the project has `customers`, `products`, `sales`
    ");
    snapshot!(context, ["run", "export.csv", "--dataset", "sale"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: no dataset `sale`
    hint: the project has `customers`, `products`, `sales`
    ");
    assert_eq!(context.read("export.csv"), SALES);
}
