//! The log over HTTP: what is asked for, and nothing else.

use serde_json::Value;

use crate::shop::{Shop, expect};

/// Given a log, when some of it is asked for, then those lines come, oldest first; what makes no sense is refused.
#[tokio::test(flavor = "multi_thread")]
async fn some_of_the_log() {
    let shop = Shop::new();
    let served = shop.serve().await;
    let minutes = async |asked: &str| -> Vec<String> {
        let lines = served.json(&format!("/api/v1/logs{asked}")).await;
        let at = |line: &Value| line["at"].as_str().unwrap()[14..16].to_owned();
        lines.as_array().unwrap().iter().map(at).collect()
    };
    assert_eq!(minutes("").await, ["00", "01", "02", "03"]);
    assert_eq!(minutes("?run=r1").await, ["00", "01"]);
    assert_eq!(minutes("?level=warn").await, ["01", "03"]);
    assert_eq!(minutes("?since=2026-03-15T06:02:00Z").await, ["02", "03"]);
    assert_eq!(minutes("?grep=TRIED").await, ["01"]);
    assert_eq!(minutes("?limit=1").await, ["03"]);
    assert!(minutes("?run=r1&level=error").await.is_empty());
    for wrong in ["?level=loud", "?since=yesterday", "?limit=0"] {
        expect(served.get(&format!("/api/v1/logs{wrong}")).await, 422).await;
    }
    expect(served.get("/api/v1/logs?path=/etc").await, 400).await;
}
