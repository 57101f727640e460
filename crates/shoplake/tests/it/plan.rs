//! `shoplake plan`: what it says, what it keeps for the next run, and that it changes nothing.

use serde_json::{Value, json};

use crate::context::{Context, snapshot};
use crate::days::{drop_second_day, first_day};

/// A shop of two days that has run, with a correction and a new day in its inbox.
fn planned_shop() -> Context {
    let shop = first_day();
    drop_second_day(&shop);
    shop
}

/// The batch that a plan with numbers keeps.
fn kept(shop: &Context) -> Value {
    let plan = shop.json(&["plan", "--numbers", "--json"]);
    plan["numbers"]["kept"].clone()
}

/// Given a shop that has not run, when planned, then its files and models are told and nothing is made.
#[test]
fn a_first_plan() {
    let shop = Context::with_shop();
    shop.put("inbox/sales/day-1.csv", "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n");
    snapshot!(shop, ["plan"], @"");
    assert!(!shop.shop().join("lake").exists());
}

/// Given nothing that is new, then the plan says so and asks nothing of the tables.
#[test]
fn nothing_would_change() {
    let shop = first_day();
    // A plan that read the tables would meet this.
    fs_err::rename(shop.shop().join("lake/processed/sales"), shop.shop().join("elsewhere")).unwrap();
    snapshot!(shop, ["plan", "--fail-if-diff"], @"");
}

/// Given a changed contract, a changed, a new and a removed model and new files, when planned, then each
/// is told with its reason, its columns, and what follows from it; and `--fail-if-diff` ends with 1.
#[test]
fn every_kind_of_change() {
    let shop = planned_shop();
    let sales = shop
        .read("sources/sales.yml")
        .replace("\"decimal(12,2)\", required: true, min: 0", "\"decimal(14,2)\", required: true");
    shop.put("sources/sales.yml", &sales.replace("columns:\n", "columns:\n  - { name: coupon, type: string }\n"));
    let top = shop.read("models/marts/top_products.sql");
    shop.put(
        "models/marts/top_products.sql",
        &top.replace("LIMIT 10", "LIMIT 20")
            .replace("products.name,\n    ", "products.name,\n    products.category,\n    "),
    );
    shop.put("models/marts/best.sql", "SELECT * FROM {{ ref('top_products') }} LIMIT 1\n");
    fs_err::remove_file(shop.shop().join("models/marts/sales_by_hour.sql")).unwrap();
    fs_err::remove_file(shop.shop().join("models/marts/sales_heatmap.sql")).unwrap();
    for file in ["marts.yml", "analysis.yml"] {
        let text = shop.read(&format!("models/marts/{file}"));
        let without =
            text.split("\n  - name: ").filter(|m| !m.starts_with("sales_by_hour") && !m.starts_with("sales_heatmap"));
        shop.put(&format!("models/marts/{file}"), &without.collect::<Vec<_>>().join("\n  - name: "));
    }
    snapshot!(shop, ["plan", "--fail-if-diff"], @"");
}

/// Given a correction and a new day, when planned with numbers, then each figure is told by day, nothing
/// is published and the files stay where they lie.
#[test]
fn numbers() {
    let shop = planned_shop();
    let (before, inbox) = (shop.figures(), shop.files("inbox", ".csv"));
    snapshot!(shop, ["plan", "--numbers"], @"");
    assert_eq!(shop.figures(), before);
    assert_eq!(shop.files("inbox", ".csv"), inbox);
    let status = shop.output(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("is kept, 2 files:"), "{status:?}");
}

/// Given a plan that is kept, when run, then that very batch is published: the same files on disk, the
/// figures of a run that was never planned, and the same account.
#[test]
fn the_next_run_publishes_the_plan() {
    let shop = planned_shop();
    let never_planned = shop.copy();
    let batch = kept(&shop);
    let written = shop.files("lake/processed", ".parquet");
    let outcome = shop.json(&["run", "--json"]);
    assert_eq!(outcome["batch"], batch);
    assert_eq!(shop.files("lake/processed", ".parquet"), written, "nothing was worked out again");
    let expected = never_planned.json(&["run", "--json"]);
    assert_eq!(outcome["datasets"], expected["datasets"]);
    assert_eq!(outcome["tests"], expected["tests"]);
    assert_eq!(shop.figures(), never_planned.figures());
    let run = shop.json(&["query", "SELECT DISTINCT _run_id AS run FROM sales", "--output", "json"]);
    assert!(run.as_array().unwrap().contains(&json!({ "run": outcome["run_id"] })), "{run}");
    shop.assert_verified("after the planned run");
    assert!(shop.files("inbox", ".csv").is_empty() && shop.files("lake/landing/sales", ".csv").is_empty());
    let status = shop.json(&["status", "--json"]);
    assert_eq!(status["kept_plan"], Value::Null);
    assert_eq!(shop.json(&["plan", "--json"])["changes"], json!(false));
}

/// Given a plan that is kept, when anything that it was made from changes, then the run does its own
/// work and leaves nothing of the plan.
#[test]
fn a_plan_that_no_longer_holds() {
    let base = planned_shop();
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    type Change<'c> = (&'c str, &'c dyn Fn(&Context));
    let changes: [Change<'_>; 6] = [
        ("a file has come", &|shop| {
            shop.put("inbox/sales/more.csv", &format!("{header}N1,C1,P1,1,5.00,2024-03-20 10:00:00\n"))
        }),
        ("a file is gone", &|shop| fs_err::remove_file(&shop.files("inbox/sales", ".csv")[0]).unwrap()),
        ("a file is another", &|shop| {
            let path = shop.files("inbox/sales", ".csv").remove(0);
            let text = fs_err::read_to_string(&path).unwrap();
            fs_err::write(path, text + "N1,C1,P1,1,5.00,2024-03-20 10:00:00\n").unwrap();
        }),
        ("a model is another", &|shop| {
            let text = shop.read("models/marts/top_products.sql");
            shop.put("models/marts/top_products.sql", &text.replace("LIMIT 10", "LIMIT 9"));
        }),
        ("a contract is another", &|shop| {
            let text = shop.read("sources/sales.yml");
            shop.put("sources/sales.yml", &text.replace("min: 1", "min: 2"));
        }),
        ("the tables are others", &|shop| {
            shop.put("elsewhere/other.csv", &format!("{header}N1,C1,P1,1,5.00,2024-03-20 10:00:00\n"));
            assert!(shop.output(&["run", "elsewhere/other.csv", "--dataset", "sales"]).status.success());
        }),
    ];
    for (what, change) in changes {
        let (shop, never_planned) = (base.copy(), base.copy());
        let batch = kept(&shop);
        change(&shop);
        change(&never_planned);
        let outcome = shop.json(&["run", "--json"]);
        assert_ne!(outcome["batch"], batch, "{what}");
        never_planned.json(&["run", "--json"]);
        assert_eq!(shop.figures(), never_planned.figures(), "{what}");
        let stale = format!("part-{:010}-", batch.as_u64().unwrap());
        let left = shop.files("lake", ".parquet").into_iter().filter(|path| path.to_string_lossy().contains(&stale));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new(), "{what}");
        shop.assert_verified(what);
    }
}

/// Given a plan that is cut off at any step, then the inbox and the figures are as before, and the next
/// run is as if it had never been planned.
#[test]
fn a_plan_that_is_cut_off() {
    let base = planned_shop();
    let never_planned = base.copy();
    assert!(never_planned.output(&["run"]).status.success());
    for point in ["batch-record", "data-file", "data-file:3", "data-file:2=error"] {
        let shop = base.copy();
        let cut = shop.command(&["plan", "--numbers"]).env("SHOPLAKE_FAIL_POINT", point).output().unwrap();
        assert!(!cut.status.success(), "{point} was not reached");
        assert_eq!(shop.figures(), base.figures(), "{point}");
        assert_eq!(shop.files("inbox", ".csv").len(), base.files("inbox", ".csv").len(), "{point}");
        assert_eq!(shop.json(&["status", "--json"])["kept_plan"], Value::Null, "{point}");
        assert!(shop.output(&["run"]).status.success(), "{point}");
        assert_eq!(shop.figures(), never_planned.figures(), "{point}");
        shop.assert_verified(point);
    }
}

/// Given a kept plan whose publication is cut off, when run again, then it is as if it had not been.
#[test]
fn a_planned_run_that_is_cut_off() {
    let base = planned_shop();
    let never_planned = base.copy();
    assert!(never_planned.output(&["run"]).status.success());
    for point in ["landed", "before-publish", "after-publish", "between-commits:2", "before-archive", "before-state"] {
        let shop = base.copy();
        kept(&shop);
        let cut = shop.command(&["run"]).env("SHOPLAKE_FAIL_POINT", point).output().unwrap();
        assert_eq!(cut.status.code(), None, "{point} was not reached");
        let between = shop.figures();
        assert!(between == base.figures() || between == never_planned.figures(), "{point}: half a run is seen");
        let again = shop.output(&["run"]);
        assert!(again.status.success(), "{point}: {}", String::from_utf8_lossy(&again.stderr));
        assert_eq!(shop.figures(), never_planned.figures(), "{point}");
        shop.assert_verified(point);
    }
}

/// Given a kept plan, when the tables are vacuumed, then what it needs stays.
#[test]
fn a_vacuum_keeps_a_plan() {
    let shop = planned_shop();
    let batch = kept(&shop);
    assert!(shop.output(&["table", "vacuum"]).status.success());
    assert_eq!(shop.json(&["run", "--json"])["batch"], batch);
    shop.assert_verified("after vacuum and run");
}

/// Given a test that would fail, when planned with numbers, then it is told and nothing is kept.
#[test]
fn a_plan_whose_tests_fail() {
    let shop = planned_shop();
    shop.put("data-tests/no_sale.sql", "SELECT * FROM {{ source('shop', 'sales') }}\n");
    let plan = shop.json(&["plan", "--numbers", "--json"]);
    assert_eq!(plan["numbers"]["kept"], Value::Null);
    assert_eq!(plan["numbers"]["failures"][0]["name"], json!("no_sale"));
    assert!(shop.files("lake/landing/_batches/staged", ".json").is_empty());
}

/// Given rows in quarantine and a contract that lets them in, when planned, then they are told as judged
/// again, and a plan of them is kept for the next run too.
#[test]
fn rows_of_quarantine() {
    let shop = Context::with_shop();
    shop.put(
        "inbox/sales/day-1.csv",
        "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n\
         A1,C1,P1,1,5.00,2024-03-15 10:00:00\nA2,,P1,1,7.00,2024-03-15 11:00:00\n",
    );
    assert!(shop.output(&["run"]).status.success());
    let guests = shop.read("sources/sales.yml").replace(
        "customer_id,      type: string,        required: true",
        "customer_id,      type: string,        required: false",
    );
    shop.put("sources/sales.yml", &guests);
    let plan = shop.json(&["plan", "--numbers", "--json"]);
    assert_eq!(plan["quarantine"], json!([{ "dataset": "sales", "files": 1, "rows": 1 }]));
    let change = &plan["contracts"][0]["columns"][0];
    assert_eq!(change["column"], "customer_id");
    assert_eq!(change["after"], "string, relationship customers.customer_id");
    let day = &plan["numbers"]["models"][0]["days"][0];
    assert_eq!((&day["day"], &day["figures"][1]["difference"]), (&json!("2024-03-15"), &json!("7.00")));
    assert_eq!(shop.json(&["run", "--json"])["batch"], plan["numbers"]["kept"]);
    shop.assert_verified("after the planned replay");
}
