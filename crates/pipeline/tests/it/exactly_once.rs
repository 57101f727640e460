//! The same bytes once, whatever they are called and whatever was lost on the way.

use shoplake_core::outcome::FileStatus;

use crate::shop::Shop;

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

fn day(n: u32) -> String {
    let rows = (0..5).map(|i| format!("T{n}-{i},C{i},P{i},1,{n}.50,2024-03-{n:02} 12:00:00\n"));
    format!("{HEADER}{}", rows.collect::<String>())
}

/// Given a loaded file, when the same bytes come again under another name, then nothing changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_load_once() {
    let shop = Shop::new(|text| text);
    shop.put("sales", "day-1.csv", day(1));
    shop.run().await.unwrap();
    let before = shop.figures().await;
    shop.put("sales", "copy of day-1.csv", day(1));
    let outcome = shop.run().await.unwrap();
    let sales = outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap();
    assert_eq!(sales.files.iter().map(|f| f.status).collect::<Vec<_>>(), [FileStatus::AlreadyLoaded]);
    assert_eq!(sales.counts.rows_read, 0);
    assert_eq!(shop.figures().await, before);
}

/// Given a project whose state was deleted, when run, then the state is built again from the lake and
/// no file is loaded twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_is_only_a_memory() {
    let shop = Shop::new(|text| text);
    for n in 1..=3 {
        shop.put("sales", &format!("day-{n}.csv"), day(n));
        shop.run().await.unwrap();
    }
    let before = shop.figures().await;
    fs_err::remove_dir_all(shop.path().join(".shoplake")).unwrap();
    shop.put("sales", "again.csv", day(2));
    let outcome = shop.run().await.unwrap();
    let sales = outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap();
    assert_eq!(sales.files[0].status, FileStatus::AlreadyLoaded);
    assert_eq!(shop.figures().await, before);
}

/// Given a decided batch whose commits are lost (the log files are gone), when run, then it is rolled
/// forward from its record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decided_batch_is_rolled_forward() {
    let shop = Shop::new(|text| text);
    shop.put("sales", "day-1.csv", day(1));
    shop.run().await.unwrap();
    shop.put("sales", "day-2.csv", day(2));
    shop.run().await.unwrap();
    let after = shop.figures().await;
    for table in ["sales", "daily_sales_summary"] {
        fs_err::remove_file(shop.path().join(format!("lake/processed/{table}/_delta_log/{:020}.json", 1))).unwrap();
    }
    assert_eq!(shop.query("SELECT count(*) FROM sales").await, ["5"], "readers keep to the whole run before");
    shop.run().await.unwrap();
    assert_eq!(shop.figures().await, after);
}

/// Given a test of severity error that fails, when run, then nothing is published, the file is held,
/// and once the cause is gone the next run loads it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_test_holds_the_run() {
    let shop = Shop::new(|text| text);
    shop.put("sales", "day-1.csv", day(1));
    shop.run().await.unwrap();
    let before = shop.figures().await;
    let check = shop.path().join("data-tests/no_day_two.sql");
    fs_err::create_dir_all(check.parent().unwrap()).unwrap();
    fs_err::write(&check, "SELECT * FROM {{ ref('daily_sales_summary') }} WHERE date = DATE '2024-03-02'").unwrap();
    shop.put("sales", "day-2.csv", day(2));
    let outcome = shop.run().await.unwrap();
    let sales = outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap();
    assert_eq!((sales.files[0].status, sales.counts.rows_read, outcome.tests.failed), (FileStatus::Held, 0, 1));
    assert_eq!(shop.figures().await, before);

    fs_err::remove_file(&check).unwrap();
    let outcome = shop.run().await.unwrap();
    let sales = outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap();
    assert_eq!((sales.files[0].status, sales.counts.inserted), (FileStatus::Loaded, 5));
}
