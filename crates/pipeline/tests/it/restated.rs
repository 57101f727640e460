//! A day that was published and has other figures now is told: old value, new value, cause.

use shoplake_core::outcome::How;

use crate::shop::{HEADER, Shop};

const RESTATED: &str = "SELECT model, day, column_name, old_value, new_value, cause, rows_entered, rows_left \
                        FROM restatements ORDER BY restated_at, day, column_name";

fn put(shop: &Shop, name: &str, rows: &str) {
    shop.put("sales", name, format!("{HEADER}{rows}"));
}

/// Given two published days, when a sale is corrected, another comes late and a third is of a new day,
/// then each figure that changed is told with its cause, and the new day is no restatement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrections_and_late_rows_are_told() {
    let shop = Shop::new(|text| text);
    put(&shop, "a.csv", "T1,C1,P1,1,5.00,2024-03-01 10:00:00\nT2,C2,P1,1,7.00,2024-03-02 10:00:00\n");
    let first = shop.run().await.unwrap();
    assert!(first.restated.is_empty() && shop.query(RESTATED).await.is_empty(), "a first figure restates nothing");

    put(&shop, "b.csv", "T1,C1,P1,1,6.00,2024-03-01 10:00:00\nT3,C1,P1,1,1.00,2024-03-03 10:00:00\n");
    let corrected = shop.run().await.unwrap();
    let how = corrected.models.iter().find(|model| model.name == "daily_sales_summary").and_then(|model| model.how);
    assert_eq!(how, Some(How::Days));
    assert_eq!((corrected.restated[0].days, corrected.restated[0].figures), (1, 2));
    put(&shop, "c.csv", "T4,C1,P1,1,3.00,2024-03-02 11:00:00\n");
    let late = shop.run().await.unwrap();
    assert_eq!(late.restated[0].causes, ["late rows"]);
    assert_eq!(
        shop.query(RESTATED).await,
        [
            "daily_sales_summary|2024-03-01|avg_order_value|5.0000|6.0000|correction|1|1",
            "daily_sales_summary|2024-03-01|total_revenue|5.00|6.00|correction|1|1",
            "daily_sales_summary|2024-03-02|avg_order_value|7.0000|5.0000|late rows|1|0",
            "daily_sales_summary|2024-03-02|total_revenue|7.00|10.00|late rows|1|0",
            "daily_sales_summary|2024-03-02|transaction_count|1|2|late rows|1|0",
            "daily_sales_summary|2024-03-02|unique_customers|1|2|late rows|1|0",
        ]
    );
}

/// Given a row in quarantine of a published day, when it is replayed, and when the sales are brought back
/// to what they were, then both are told as what they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replays_and_restores_are_told() {
    let shop = Shop::new(|text| text);
    put(&shop, "a.csv", "T1,C1,P1,1,5.00,2024-03-01 10:00:00\nT2,C2,P1,x,7.00,2024-03-01 10:00:00\n");
    shop.run().await.unwrap();
    let fixed = shop.export().await[0].replace(",x,", ",1,").replace('|', ",");
    let header = shop.query("SELECT 1").await;
    assert_eq!(header, ["1"]);
    let columns: Vec<&str> = fixed.split(',').collect();
    let row = format!("{},{},T2,C2,P1,1,7.00,2024-03-01 10:00:00\n", columns[0], columns[1]);
    let replayed = shop.replay(&format!("_source_file,_source_line,{HEADER}{row}")).await;
    assert_eq!(replayed.restated[0].causes, ["replay"]);
    let restored = shop.restore("sales", 0).await.unwrap();
    assert_eq!(restored.restated[0].causes, ["restore"]);
    let counts = "SELECT old_value, new_value, cause FROM restatements WHERE column_name = 'transaction_count' \
                  ORDER BY restated_at";
    assert_eq!(shop.query(counts).await, ["1|2|replay", "2|1|restore"]);
}
