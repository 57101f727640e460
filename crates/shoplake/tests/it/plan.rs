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
    snapshot!(shop, ["plan"], @"
    exit: 0
    ----- stdout
    1 file to load, [SIZE]
      sales  inbox/sales/day-1.csv  [SIZE]

    18 models would be made
      customer_lifetime_value      new       it is new
      daily_sales_summary          new       it is new
      int_product_sales            new       it is new
      sales_by_category            new       it is new
      sales_by_hour                new       it is new
      sales_heatmap                new       it is new
      stg_customers                new       it is new
      customer_rfm                 new       it is new
      rfm_segments                 new       it is new
      stg_products                 new       it is new
      stg_sales                    new       it is new
      abc_classes                  new       it is new
      basket_pairs                 new       it is new
      cohort_retention             new       it is new
      new_and_returning_customers  new       it is new
      sales_by_city                new       it is new
      stock_cover                  new       it is new
      top_products                 new       it is new

    `shoplake plan --numbers` works out the effect on every figure
    ----- stderr
    ");
    assert!(!shop.shop().join("lake").exists());
}

/// Given nothing that is new, then the plan says so and asks nothing of the tables.
#[test]
fn nothing_would_change() {
    let shop = first_day();
    // A plan that read the tables would meet this.
    fs_err::rename(shop.shop().join("lake/processed/sales"), shop.shop().join("elsewhere")).unwrap();
    snapshot!(shop, ["plan", "--fail-if-diff"], @"
    exit: 0
    ----- stdout
    nothing would change: no new files, contracts and models as the last run left them
    ----- stderr
    ");
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
    let tiles = shop.read("dashboards/sales.yml");
    let without = tiles.lines().filter(|tile| !tile.contains("sales_by_hour"));
    shop.put("dashboards/sales.yml", &without.collect::<Vec<_>>().join("\n"));
    snapshot!(shop, ["plan", "--fail-if-diff"], @"
    exit: 1
    ----- stdout
    2 files to load, [SIZE]
      products  inbox/products/day-2.json   [SIZE]
      sales     inbox/sales/day-2.csv      [SIZE]

    sales: 1 row in quarantine, of 1 file, would be judged again

    contract sales has changed
      ~  amount  decimal(12,2), required, min 0 -> decimal(14,2), required
      +  coupon  string

    columns of table sales change
      ~  amount  decimal(12,2) -> decimal(14,2)
      +  coupon  string

    8 models would be made
      customer_lifetime_value  in full   new rows of sales
          ~  lifetime_value  decimal(22,2) -> decimal(24,2)
      daily_sales_summary      by day    new rows of sales
          ~  total_revenue  decimal(22,2) -> decimal(24,2)
      int_product_sales        in full   new rows of sales
          ~  revenue  decimal(22,2) -> decimal(24,2)
      sales_by_category        in full   int_product_sales changes, new rows of products
          ~  revenue  decimal(32,2) -> decimal(34,2)
      top_products             in full   its SQL, or that of a view or macro in it, has changed, int_product_sales changes, new rows of products
          +  category  string
          ~  revenue   decimal(22,2) -> decimal(24,2)
      best                     new       it is new
      sales_by_hour            left      it is no longer in the project; its table stays as it is
      sales_heatmap            left      it is no longer in the project

    `shoplake plan --numbers` works out the effect on every figure
    ----- stderr
    ");
}

/// Given a correction and a new day, when planned with numbers, then each figure is told by day, nothing
/// is published and the files stay where they lie.
#[test]
fn numbers() {
    let shop = planned_shop();
    let (before, inbox) = (shop.figures(), shop.files("inbox", ".csv"));
    snapshot!(shop, ["plan", "--numbers"], @"
    exit: 0
    ----- stdout
    2 files to load, [SIZE]
      products  inbox/products/day-2.json   [SIZE]
      sales     inbox/sales/day-2.csv      [SIZE]

    6 models would be made
      customer_lifetime_value  in full   new rows of sales
      daily_sales_summary      by day    new rows of sales
      int_product_sales        in full   new rows of sales
      sales_by_category        in full   int_product_sales changes, new rows of products
      sales_by_hour            in full   new rows of sales
      top_products             in full   int_product_sales changes, new rows of products

    rows      read  inserted  updated  duplicate  rejected  orphans
    products     2         1        1          0         0        0
    sales       29        20        6          1         2       11

    5 days of sales change, 2024-01-15 to 2024-03-16

    customer_lifetime_value: 1 changed of 1 -> 1 rows
                             published   planned  difference
      total  total_orders            8        27         +19
      total  lifetime_value     150.00  1,153.75   +1,003.75

    daily_sales_summary: 2 added, 3 changed of 3 -> 5 rows
                                     published   planned  difference
      total       transaction_count         40        60         +20
      total       total_revenue         790.00  1,799.44   +1,009.44
      2024-01-15  transaction_count         14        12          -2
                  total_revenue         276.50    273.00       -3.50
                  avg_order_value      19.7500   22.7500     +3.0000
      2024-02-15  transaction_count         13        11          -2
                  total_revenue         250.25    244.75       -5.50
                  avg_order_value      19.2500   22.2500     +3.0000
      2024-02-20  transaction_count          -         6          +6
                  total_revenue              -     20.94      +20.94
                  avg_order_value            -    3.4900     +3.4900
                  unique_customers           -         1          +1
      2024-03-15  transaction_count         13        11          -2
                  total_revenue         263.25    255.75       -7.50
                  avg_order_value      20.2500   23.2500     +3.0000
      2024-03-16  transaction_count          -        20         +20
                  total_revenue              -  1,005.00   +1,005.00
                  avg_order_value            -   50.2500    +50.2500
                  unique_customers           -         1          +1

    int_product_sales: 4 changed of 4 -> 4 rows
                          published   planned  difference
      total  order_count         40        60         +20
      total  revenue         790.00  1,799.44   +1,009.44

    sales_by_category: 1 added, 2 changed of 2 -> 3 rows
                          published   planned  difference
      total  order_count         40        60         +20
      total  revenue         790.00  1,799.44   +1,009.44

    sales_by_hour: 2 added, 3 changed of 3 -> 5 rows
                                published   planned  difference
      total  transaction_count         40        60         +20
      total  revenue               790.00  1,799.44   +1,009.44

    top_products: 1 added, 2 changed of 2 -> 3 rows
                          published   planned  difference
      total  order_count         20        46         +26
      total  revenue         375.00  1,331.44     +956.44

    worked out and kept: the next `shoplake run` publishes just this if files, contracts, models and tables stay as they are
    (money in USD)
    ----- stderr
    ");
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
    let timeless = |outcome: &Value| -> Vec<Value> {
        let mut datasets = outcome["datasets"].as_array().unwrap().clone();
        for dataset in &mut datasets {
            dataset.as_object_mut().unwrap().remove("seconds");
        }
        datasets
    };
    assert_eq!(timeless(&outcome), timeless(&expected));
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
    type Change<'c> = (&'c str, &'c dyn Fn(&Context));
    let base = planned_shop();
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    let changes: [Change<'_>; 6] = [
        ("a file has come", &|shop| {
            shop.put("inbox/sales/more.csv", &format!("{header}N1,C1,P1,1,5.00,2024-03-20 10:00:00\n"));
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
