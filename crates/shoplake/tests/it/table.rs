//! `shoplake table`: history, the way back, and what is cleared away.

use serde_json::json;

use crate::context::{Context, snapshot};
use crate::days::{drop_second_day, first_day};

/// A shop of two days.
fn two_days() -> Context {
    let shop = first_day();
    drop_second_day(&shop);
    assert!(shop.output(&["run"]).status.success());
    shop
}

/// Given two days, when a table's history is asked for, then each version has its batch and its rows.
#[test]
fn history() {
    let shop = two_days();
    let versions = shop.json(&["table", "history", "sales", "--json"]);
    let rows: Vec<_> = versions.as_array().unwrap().iter().map(|v| (&v["version"], &v["batch"], &v["rows"])).collect();
    assert_eq!(rows, [(&json!(0), &json!(1), &json!(40)), (&json!(1), &json!(2), &json!(60))]);
    snapshot!(shop, ["table", "history", "sale"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: no table `sale`
    hint: the lake has `customer_lifetime_value`, `customers`, `daily_sales_summary`, `int_product_sales`, `products`, `quarantine`, `restatements`, `sales`, `sales_by_category`, `sales_by_hour`, `top_products`
    ");
}

/// Given a second day that should not have been, when its table goes back, then sales and marts are as
/// they were, everything is proved, and a later day loads on top.
#[test]
fn back_and_on() {
    let shop = first_day();
    let before = shop.figures();
    drop_second_day(&shop);
    assert!(shop.output(&["run"]).status.success());
    snapshot!(shop, ["table", "restore", "sales", "--version", "0"], @"
    exit: 0
    ----- stdout
    ----- stderr
    `sales` is as it was at version 0: 40 rows, before 60; the marts that read it are made anew
    files loaded since stay known by their bytes; correct them and drop them again
    ");
    let after = shop.figures();
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]), "sales and the daily mart");
    shop.assert_verified("after the way back");
    let replayed = shop.output(&["verify", "--replay"]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));

    let rows = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\nT40,C1,P1,1,4.00,2024-03-20 10:00:00\nT3,C1,P1,1,3.50,2024-03-20 10:00:00\n";
    shop.put("inbox/sales/day-3.csv", rows);
    let outcome = shop.json(&["run", "--json"]);
    let sales = outcome["datasets"].as_array().unwrap().iter().find(|d| d["dataset"] == "sales").unwrap();
    assert_eq!((&sales["inserted"], &sales["updated"]), (&json!(1), &json!(1)));
    shop.assert_verified("after the day on top");
}

/// Given a second day that should not have been, when rolled back, then every table that readers see is as it
/// was before it, the day's files are not loaded again by themselves, and a second time asks for the batch.
#[test]
fn roll_back_a_run() {
    let shop = first_day();
    // What was set aside stays to be looked at.
    let figures = || shop.figures()[..4].to_vec();
    let before = figures();
    drop_second_day(&shop);
    assert!(shop.output(&["run"]).status.success());
    assert_ne!(figures(), before);
    snapshot!(shop, ["rollback"], @r#"
    exit: 0
    ----- stdout
    ----- stderr
    `products` is as it was after batch 1: 2 rows
    `sales` is as it was after batch 1: 40 rows
    the models follow: 6 models
    17 figures of 5 days in daily_sales_summary (restore)
    shoplake query "SELECT * FROM restatements WHERE run_id = '[RUN]'"
    files loaded since stay known by their bytes; correct them and drop them again
    "#);
    assert_eq!(figures(), before);
    shop.assert_verified("after the rollback");
    let replayed = shop.output(&["verify", "--replay"]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
    assert!(shop.output(&["run"]).status.success());
    assert_eq!(figures(), before, "a run without new files");
    snapshot!(shop, ["rollback"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: the last batch, 3, went back itself
    hint: name the batch to go to: `shoplake rollback --to BATCH`; `shoplake table history sales` lists them
    ");
    snapshot!(shop, ["rollback", "--to", "7"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: there is no batch 7 before the last one, 3
    hint: the last ones are 2, 1
    ");
    snapshot!(shop, ["rollback", "--to", "1"], @"
    exit: 0
    ----- stdout
    ----- stderr
    `products` is as it was after batch 1: 2 rows
    `sales` is as it was after batch 1: 40 rows
    the models follow: 6 models
    files loaded since stay known by their bytes; correct them and drop them again
    ");
    let forward = shop.json(&["rollback", "--to", "2", "--json"]);
    assert_eq!(forward["restored"][1]["rows"], 60, "{forward}");
    shop.assert_verified("after the way there again");
}

/// Given a table, when asked for a version that is not there, the one it is at, or a model's, then it
/// says so and changes nothing.
#[test]
fn no_way_back() {
    let shop = two_days();
    for (arguments, words) in [
        (["sales", "--version", "9"], "`sales` has no version 9"),
        (["sales", "--version", "1"], "`sales` is at version 1 already"),
        (["top_products", "--version", "0"], "`top_products` is no dataset"),
        (["sales", "--at", "2020-01-01T00:00:00Z"], "had no version yet"),
    ] {
        let output = shop.output(&[&["table", "restore"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    shop.assert_verified("after four refusals");
}

/// Given files of a batch that was cut off and of a version long gone, when vacuumed, then those go, and
/// what a version of the last days needs stays.
#[test]
fn vacuum_keeps_what_is_needed() {
    let shop = two_days();
    let stray = "lake/processed/sales/part-0000000009-0.parquet";
    shop.put(stray, "left by a run that was cut off");
    shop.put("lake/processed/sales/notes.txt", "somebody's own");
    let before = shop.files("lake/processed", ".parquet");
    let dry = shop.json(&["table", "vacuum", "--dry-run", "--json"]);
    assert_eq!(dry.as_array().unwrap().len(), 1, "both versions are of today: {dry}");
    assert_eq!(shop.files("lake/processed", ".parquet"), before);

    age(&shop, 8);
    assert!(shop.output(&["table", "vacuum"]).status.success());
    let kept = shop.files("lake/processed", ".parquet");
    assert!(kept.len() < before.len() - 1, "the first day's versions are gone");
    assert!(!kept.contains(&shop.shop().join(stray)));
    assert!(shop.shop().join("lake/processed/sales/notes.txt").exists());
    shop.assert_verified("after the vacuum");
    let gone = shop.output(&["table", "restore", "sales", "--version", "0"]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("is gone: a vacuum removed"), "{gone:?}");
    let young = shop.output(&["table", "vacuum", "--older-than", "1d"]);
    assert_eq!(young.status.code(), Some(2));
}

/// Given days that left small files, when compacted, then fewer files hold the same rows in a batch of its
/// own, the account is untouched, a second time finds nothing, and a later day corrects rows on top.
#[test]
fn compaction_changes_no_row() {
    let shop = two_days();
    let rows: String = (0..40).map(|n| format!("T{n},C2,P0,1,{n}.50,2024-0{}-11 10:00:00\n", n % 3 + 1)).collect();
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    shop.put("inbox/sales/day-3.csv", &format!("{header}{rows},C1,P1,1,1.00,2024-01-01\n"));
    assert!(shop.output(&["run"]).status.success());
    shop.put("inbox/sales/day-4.csv", &format!("{header}T70,C1,P7,1,1.00,2024-01-01\nT71,C1,P0,1,1.00,2024-02-01\n"));
    assert!(shop.output(&["run"]).status.success());
    let before = shop.figures();
    let files = |shop: &Context, table| {
        shop.json(&["table", "history", table, "--json"]).as_array().unwrap().last().unwrap().clone()
    };
    let (sales, quarantine) = (files(&shop, "sales"), files(&shop, "quarantine"));
    let done = shop.json(&["table", "compact", "--json"]);
    let of = |name: &str| done.as_array().unwrap().iter().find(|done| done["table"] == name).unwrap().clone();
    assert_eq!(of("sales"), json!({ "table": "sales", "rows": sales["rows"], "before": sales["files"], "after": 3 }));
    assert_eq!(of("quarantine"), json!({ "table": "quarantine", "rows": quarantine["rows"], "before": 3, "after": 1 }));
    assert!(sales["files"].as_u64().unwrap() > 3);
    assert_eq!(shop.figures(), before);
    assert_eq!(files(&shop, "sales")["rows"], sales["rows"]);
    let replayed = shop.output(&["verify", "--replay"]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
    snapshot!(shop, ["table", "compact", "sales"], @"
    exit: 0
    ----- stdout
    ----- stderr
    nothing to join: no partition has two small files
    ");
    assert_eq!(shop.output(&["table", "compact", "sale"]).status.code(), Some(2));
    // Keys and orphans are found in the joined files: a correction, and a product that arrives late.
    shop.put("inbox/sales/day-5.csv", &format!("{header}T70,C1,P7,1,2.00,2024-01-01\n"));
    shop.put("inbox/products/day-5.json", r#"[{"product_id":"P7","name":"Bag","price":2,"stock":1}]"#);
    let outcome = shop.json(&["run", "--json"]);
    let sales = outcome["datasets"].as_array().unwrap().iter().find(|d| d["dataset"] == "sales").unwrap();
    assert_eq!((&sales["inserted"], &sales["updated"]), (&json!(0), &json!(1)));
    let named =
        shop.json(&["query", "SELECT product_name FROM sales WHERE transaction_id = 'T70'", "--output", "json"]);
    assert_eq!(named, json!([{ "product_name": "Bag" }]));
    shop.assert_verified("after the day on top");
}

/// Given a moment by the shop's clock or with an offset, when a table goes back to it, then to the last
/// version that was published by then.
#[test]
fn back_to_a_moment() {
    for local in [false, true] {
        let shop = two_days();
        let versions = shop.json(&["table", "history", "sales", "--json"]);
        let at: chrono::DateTime<chrono::Utc> = serde_json::from_value(versions[1]["at"].clone()).unwrap();
        let before = at - chrono::TimeDelta::nanoseconds(1);
        let form = if local { "%Y-%m-%d %H:%M:%S%.9f" } else { "%Y-%m-%dT%H:%M:%S%.9fZ" };
        let output = shop.output(&["table", "restore", "sales", "--at", &before.format(form).to_string()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stderr).contains("as it was at version 0: 40 rows"));
        let now = at.format(form).to_string();
        let output = shop.output(&["table", "restore", "sales", "--at", &now]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("as it was at version 1: 60 rows"), "{output:?}");
    }
}

/// Given a query that is slow, when a day is loaded, compacted and vacuumed meanwhile, then it answers from
/// the tables as they were when it began.
#[test]
fn a_slow_reader_keeps_its_version() {
    let shop = first_day();
    let slow = "SELECT (SELECT count(*) FROM sales) AS n, (SELECT sum(amount) FROM sales) AS amount, \
                (SELECT max(value % 7) FROM generate_series(1, 60000000) AS numbers(value)) AS slow";
    let mut reader = shop.command(&["query", slow, "--output", "json"]);
    let reader = reader.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let quick = "SELECT count(*) AS n, sum(amount) AS amount FROM sales";
    let before = shop.json(&["query", quick, "--output", "json"]);
    drop_second_day(&shop);
    assert!(shop.output(&["run"]).status.success());
    assert!(shop.output(&["table", "compact"]).status.success());
    assert!(shop.output(&["table", "vacuum"]).status.success());
    let answer = reader.wait_with_output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!((&answer[0]["n"], &answer[0]["amount"]), (&before[0]["n"], &before[0]["amount"]));
}

/// Makes every publish record so many days older.
fn age(shop: &Context, days: i64) {
    for path in shop.files("lake/processed/_publish", ".json") {
        let mut record: serde_json::Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
        let at: chrono::DateTime<chrono::Utc> =
            serde_json::from_value(record["summary"]["started_at"].clone()).unwrap();
        let then = at - chrono::TimeDelta::days(days);
        record["summary"]["started_at"] = json!(then);
        record["summary"]["published_at"] = json!(then);
        fs_err::write(&path, record.to_string()).unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.file().set_modified(then.into()).unwrap();
    }
}

/// Given so many runs that the logs have grown long, then they have checkpoints, which a vacuum leaves, and all of it
/// holds.
#[test]
fn long_logs_get_checkpoints() {
    let shop = Context::with_shop();
    let model = "models/marts/number.sql";
    for number in 0..52 {
        shop.put(model, &format!("SELECT {number} AS number\n"));
        assert!(shop.output(&["run", "--quiet"]).status.success());
    }
    let checkpoints = || shop.files("lake/processed/number/_delta_log", ".checkpoint.parquet");
    assert!(!checkpoints().is_empty());
    let before = checkpoints();
    assert!(shop.output(&["table", "vacuum"]).status.success());
    assert_eq!(checkpoints(), before);
    let rows = shop.json(&["query", "SELECT number FROM number", "--output", "json"]);
    assert_eq!(rows, json!([{ "number": 51 }]));
    shop.assert_verified("with a checkpoint");
}
