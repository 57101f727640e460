//! SQL over HTTP: one SELECT, within bounds, with mistakes that have places.

use serde_json::{Value, json};

use crate::shop::{Served, Shop, expect};

async fn ask(served: &Served, sql: &str) -> reqwest::Response {
    served.post("/api/v1/query", &json!({ "sql": sql })).await
}

/// Given a query, then rows come with their columns, decimals as text, and a cut is said.
#[tokio::test(flavor = "multi_thread")]
async fn rows_and_columns() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let answer = expect(ask(&served, "SELECT sum(amount) AS money, count(*) AS n, max(transaction_date) AS at, local_date(min(transaction_date)) AS day, NULL AS nothing FROM sales").await, 200).await;
    assert_eq!(answer["columns"][0], json!({ "name": "money", "type": "decimal(22,2)" }));
    let row = &answer["rows"][0];
    assert_eq!(row[0], shop.query("SELECT sum(amount) FROM sales").await[0][0].as_str());
    assert_eq!((&row[1], &row[3], &row[4]), (&json!(600), &json!("2024-02-15"), &Value::Null));
    assert!(answer["scanned_bytes"].as_u64().unwrap() > 0 && answer["truncated"] == false);
    let cut = served.post("/api/v1/query", &json!({ "sql": "SELECT * FROM sales", "limit": 7 })).await;
    let cut = expect(cut, 200).await;
    assert_eq!((cut["rows"].as_array().unwrap().len(), &cut["truncated"]), (7, &json!(true)));
}

/// Given names that are no tables and views over tables, then what was read counts the tables behind, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_those_of_the_tables_behind() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let scanned = async |sql: &str| {
        let answer = expect(ask(&served, sql).await, 200).await;
        answer["scanned_bytes"].as_u64().unwrap()
    };
    let sales = served.json("/api/v1/tables/sales").await["bytes"].as_u64().unwrap();
    assert!(sales > 0);
    for (sql, bytes) in [
        ("SELECT 1 AS sales", 0),
        ("SELECT count(*) FROM (VALUES (1)) AS sales(x)", 0),
        ("SELECT count(*) FROM sales AS s WHERE amount > (SELECT avg(amount) FROM sales)", sales),
        ("SELECT count(*) FROM stg_sales", sales),
        ("WITH products AS (SELECT * FROM stg_sales) SELECT count(*) FROM products", sales),
    ] {
        assert_eq!(scanned(sql).await, bytes, "{sql}");
    }
}

/// Given one who asks for more than a queue should hold, then some are told to come again, and another is answered.
#[tokio::test(flavor = "multi_thread")]
async fn the_queue_ends() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let slow = "SELECT max(a.amount * b.amount) FROM sales a, sales b, (SELECT * FROM sales LIMIT 4) c";
    let answers = futures::future::join_all((0..100).map(|_| ask(&served, slow))).await;
    let (full, answered): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status() == 429);
    assert!(!full.is_empty() && answered.len() >= 66, "{} of 100 are answered", answered.len());
    for answer in answered {
        expect(answer, 200).await;
    }
    for answer in full {
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=10).contains(&wait), "{wait}");
        assert_eq!(expect(answer, 429).await["type"], "urn:shoplake:query.queue");
    }
    assert_eq!(expect(ask(&served, "SELECT 1").await, 200).await["rows"], json!([[1]]));
}

/// Given anything but one SELECT, then it is refused, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_written() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    for sql in [
        "INSERT INTO sales VALUES (1)",
        "DROP TABLE sales",
        "COPY sales TO '/tmp/out.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.execution.batch_size = 1",
        "SELECT 1; SELECT 2",
        "WITH x AS (DELETE FROM sales RETURNING *) SELECT * FROM x",
        "EXPLAIN INSERT INTO sales VALUES (1)",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"file:///etc/passwd\"",
        "SELECT * FROM read_csv('/etc/passwd')",
        "EXPLAIN ANALYZE COPY sales TO '/tmp/out.csv'",
        "CREATE VIEW v AS SELECT 1",
        "PREPARE p AS SELECT 1",
        "SELECT 1 INTO x",
        "/* SELECT 1 */ DELETE FROM sales -- SELECT 1",
        "BEGIN",
        "",
    ] {
        let problem = expect(ask(&served, sql).await, 422).await;
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{sql}: {problem}");
    }
    assert_eq!(shop.query("SELECT count(*) FROM sales").await, [["600"]]);
}

/// Given SQL made to break a server, then it is refused and the next query is answered.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_queries_leave_the_server_alive() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    for sql in [
        format!("SELECT 1{}", "+1".repeat(5_000)),
        format!("SELECT {}1{}", "(".repeat(3_000), ")".repeat(3_000)),
        format!("SELECT 1 WHERE 1=1{}", " OR 1=1".repeat(20_000)),
        vec!["SELECT 1"; 3_000].join(" UNION ALL "),
    ] {
        expect(ask(&served, &sql).await, 422).await;
    }
    let long = "SELECT max(a.amount * b.amount * c.amount) FROM sales a, sales b, (SELECT * FROM sales LIMIT 200) c";
    let cut = served.request(reqwest::Method::POST, "/api/v1/query").json(&json!({ "sql": long }));
    assert!(cut.timeout(std::time::Duration::from_millis(300)).send().await.is_err(), "the client goes away");
    expect(ask(&served, "SELECT 1").await, 200).await;
}

/// Given a mistake, then the problem has its place and a hint, and nothing of the machine.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_have_places_and_leak_nothing() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let problem = expect(ask(&served, "SELECT amont\nFROM sales").await, 422).await;
    assert_eq!(problem["line"], 1, "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains("amount"), "{problem}");
    assert!(!problem.to_string().contains(shop.path().to_str().unwrap()), "{problem}");
}

/// Given models that are views, then they are listed with their columns, and can be asked like tables.
#[tokio::test(flavor = "multi_thread")]
async fn views_are_listed() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let tables = served.json("/api/v1/tables").await;
    let names: Vec<&str> = tables.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.contains(&"sales") && names.contains(&"quarantine"), "{names:?}");
    let view = tables.as_array().unwrap().iter().find(|table| table["name"] == "stg_sales").unwrap();
    assert_eq!((&view["kind"], &view["rows"], &view["bytes"]), (&json!("view"), &Value::Null, &Value::Null));
    assert_eq!(served.json("/api/v1/tables/stg_sales").await, *view);
    let columns = view["columns"].as_array().unwrap();
    let first = ask(&served, "SELECT * FROM stg_sales LIMIT 1").await;
    let asked = expect(first, 200).await;
    let named = |columns: &[Value]| columns.iter().map(|column| column["name"].clone()).collect::<Vec<_>>();
    assert_eq!(named(columns), named(asked["columns"].as_array().unwrap()));
    assert!(columns.iter().any(|column| column["description"].is_string()), "{columns:?}");
}
