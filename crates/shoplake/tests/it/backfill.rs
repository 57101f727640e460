//! Days that are made anew: which, how often, through a kill, and beside a run.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::context::{Context, snapshot};
use crate::days::first_day;

/// Batches that were published.
fn batches(shop: &Context) -> usize {
    shop.files("lake/processed/_publish", ".json").len()
}

/// How far the backfill came that is not done.
fn reached(shop: &Context) -> Option<Value> {
    let file = shop.files(".shoplake/backfill", ".json").pop()?;
    serde_json::from_slice(&fs_err::read(file).unwrap()).unwrap()
}

/// Given a range, when it is made anew, then each day is one batch, the figures are the same, and verify holds.
#[test]
fn day_by_day() {
    let shop = first_day();
    let (before, figures) = (batches(&shop), shop.figures());
    let plan = shop.output(&["backfill", "--start", "2024-01-10", "--end", "2024-01-19", "--dry-run"]);
    assert!(String::from_utf8_lossy(&plan.stderr).contains("2024-01-10 to 2024-01-19, 10 days: daily_sales_summary"));
    assert_eq!(batches(&shop), before);
    let done = shop.json(&["backfill", "--start", "2024-01-10", "--end", "2024-01-19", "--json"]);
    assert_eq!((&done["days_done"], &done["status"]), (&10.into(), &"success".into()), "{done}");
    assert_eq!(batches(&shop) - before, 10);
    assert_eq!(shop.figures(), figures);
    assert_eq!(reached(&shop), None);
    let idle = shop.json(&["run", "--json"]);
    assert_eq!(idle["batch"], Value::Null, "nothing is left for the next run");
    shop.assert_verified("after a backfill");
}

/// Given a backfill that is killed, when the same command is given again, then it goes on after the last day that
/// was published; a run beside it gets its turn, and what it loads is in the figures.
#[test]
fn killed_and_beside_a_run() {
    let shop = first_day();
    let before = batches(&shop);
    let range = ["backfill", "--start", "2024-01-01", "--end", "2024-01-25", "--json"];
    let start = || {
        let mut command = shop.command(&range);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let wait_for = |day: &str| {
        for _ in 0..3_000 {
            if reached(&shop).is_some_and(|reached| reached["done"].as_str().is_some_and(|done| done >= day)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not get on: {:?}", reached(&shop));
    };
    let mut killed = start();
    wait_for("2024-01-03");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let goes_on_after = reached(&shop).unwrap()["done"].clone();

    let going = start();
    wait_for("2024-01-06");
    let row =
        "transaction_id,customer_id,product_id,quantity,amount,transaction_date\nR1,C1,P1,1,7.00,2024-01-02 10:00:00\n";
    shop.put("inbox/sales/late.csv", row);
    assert!(shop.output(&["run", "-q"]).status.success());
    assert!(reached(&shop).is_some(), "the run had its turn while the backfill goes on");
    let output = going.wait_with_output().unwrap();
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&done["days_done"], &done["status"]), (&25.into(), &"success".into()), "{done}");
    let now = done["days_done_now"].as_u64().unwrap();
    assert!(now < 25, "it went on after {goes_on_after}: {done}");
    // Each day once, the run, and at most one day twice: the kill fell between a publish and its note.
    assert!((26..=27).contains(&(batches(&shop) - before)), "{}", batches(&shop) - before);
    let day = shop.json(&[
        "query",
        "SELECT transaction_count FROM daily_sales_summary WHERE date = '2024-01-02'",
        "--output",
        "json",
    ]);
    assert_eq!(day[0]["transaction_count"], 1);
    shop.assert_verified("after all of it");
}

/// Given ranges and choices that make no sense, then it says so and touches nothing.
#[test]
fn mistakes() {
    let shop = first_day();
    snapshot!(shop, ["backfill", "--start", "2024-02-01", "--end", "2024-01-01"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `--end 2024-01-01` lies before `--start 2024-02-01`
    ");
    let future = shop.output(&["backfill", "--start", "2024-02-01", "--end", "2999-01-01"]);
    assert_eq!(future.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&future.stderr).contains("lies in the future"));
    let none = shop.output(&["backfill", "--start", "2024-02-01", "--end", "2024-02-02", "-s", "top_products"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("none of the chosen models is made by day"));
}
