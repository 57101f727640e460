//! What the server counts, as Prometheus reads it.

use serde_json::json;

use crate::shop::{Shop, expect};

/// Given queries, then each is counted once by its time, and noted for what it costs; what the project measures of
/// itself stands beside it.
#[tokio::test(flavor = "multi_thread")]
async fn queries_are_counted() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let value = async |name: &str| {
        let text = served.get("/metrics").await.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        line.map(|value| value.parse::<f64>().unwrap() as i64)
    };
    let count = "shoplake_query_duration_seconds_count";
    let before = value(count).await.unwrap();
    for _ in 0..3 {
        let answer = served.post("/api/v1/query", &json!({ "sql": "SELECT count(*) AS n FROM sales" })).await;
        assert_eq!(answer.status(), 200);
    }
    expect(served.post("/api/v1/query", &json!({ "sql": "SELECT nothing FROM sales" })).await, 422).await;
    assert_eq!(value(count).await.unwrap(), before + 4, "one that fails took its time too");
    assert_eq!(value("shoplake_query_duration_seconds_bucket{le=\"+Inf\"}").await, value(count).await);
    assert_eq!(value("shoplake_last_run_failed").await, Some(0));
    assert_eq!(value("shoplake_table_rows{table=\"sales\"}").await, Some(600));
    let noted = async || shop.query_seconds().await.len();
    while noted().await < 4 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
