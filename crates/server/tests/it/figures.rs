//! Every figure of the API equals what `shoplake query` says, also after corrections.

use serde_json::{Value, json};
use shoplake_core::outcome::RunStatus;

use crate::shop::{HEADER, Served, Shop, expect, sales};

/// Customers by their orders ever, as the API's segments.
const SEGMENTS: &str = "(SELECT s.customer_id, CASE WHEN max(c.customer_id) IS NULL THEN 'unknown' \
    WHEN count(*) = 1 THEN 'new' WHEN count(*) < 5 THEN 'returning' ELSE 'loyal' END AS segment \
    FROM sales s LEFT JOIN customers c ON c.customer_id = s.customer_id GROUP BY s.customer_id)";

/// Filters of the page, and what they are in SQL over sales `s`, products `p`, segments `g`.
const FILTERS: [(&str, &str); 12] = [
    ("", "true"),
    ("&category=Tea", "p.category = 'Tea'"),
    ("&category=O%27Brien+%22%25_%22", "p.category = 'O''Brien \"%_\"'"),
    ("&category=&category=%28unknown+product%29", "p.category IS NULL"),
    ("&product=p3&product=p7", "s.product_id IN ('p3', 'p7')"),
    ("&city=M%C3%BCnchen&city=%E6%9D%B1%E4%BA%AC+%F0%9F%8D%B5", "s.city IN ('München', '東京 🍵')"),
    ("&city=", "s.city IS NULL"),
    ("&segment=unknown&segment=new", "g.segment IN ('unknown', 'new')"),
    ("&category=Cups&city=Berlin&segment=loyal", "p.category = 'Cups' AND s.city = 'Berlin' AND g.segment = 'loyal'"),
    ("&hour=1&hour=3&hour=23", "local_hour(s.transaction_date) IN (1, 3, 23)"),
    ("&weekday=7&weekday=1", "iso_weekday(s.transaction_date) IN (1, 7)"),
    (
        "&weekday=5&hour=10&hour=0&hour=14&category=Tea",
        "iso_weekday(s.transaction_date) = 5 AND local_hour(s.transaction_date) IN (0, 10, 14) AND p.category = 'Tea'",
    ),
];

fn from(condition: &str, days: (&str, &str)) -> String {
    format!(
        "FROM sales s LEFT JOIN products p ON p.product_id = s.product_id LEFT JOIN {SEGMENTS} g \
         ON g.customer_id = s.customer_id WHERE ({condition}) \
         AND local_date(s.transaction_date) BETWEEN DATE '{}' AND DATE '{}'",
        days.0, days.1
    )
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Fields of rows as text.
fn rows(body: &Value, fields: &[&str]) -> Vec<Vec<String>> {
    body.as_array().unwrap().iter().map(|row| fields.iter().map(|field| text(&row[*field])).collect()).collect()
}

/// Compares every figure with SQL, for each filter, over days around the clock change of 31 March.
async fn compare(shop: &Shop, served: &Served) {
    let days = ("2024-02-20", "2024-04-20");
    for (filter, condition) in FILTERS {
        let at = format!("from={}&to={}{filter}", days.0, days.1);
        let from = from(condition, days);
        let total = "coalesce(sum(s.amount), CAST(0 AS DECIMAL(12, 2))), count(*), average(sum(s.amount), count(*)), count(DISTINCT s.customer_id)";
        let summary = served.json(&format!("/api/v1/sales/summary?{at}&compare=previous")).await;
        let current = ["revenue", "transactions", "average_order_value", "unique_customers"];
        assert_eq!(
            rows(&json!([summary["current"]]), &current),
            shop.query(&format!("SELECT {total} {from}")).await,
            "{filter}"
        );
        let before = self::from(condition, ("2023-12-21", "2024-02-19"));
        assert_eq!(summary["compare"], json!({ "from": "2023-12-21", "to": "2024-02-19" }));
        assert_eq!(
            rows(&json!([summary["previous"]]), &current),
            shop.query(&format!("SELECT {total} {before}")).await,
            "{filter}"
        );

        let money = "sum(s.amount), count(*)";
        let people = "count(DISTINCT s.customer_id)";
        for (grain, by) in [
            ("day", "CAST(local_date(s.transaction_date) AS VARCHAR)"),
            ("month", "substr(CAST(local_date(s.transaction_date) AS VARCHAR), 1, 7)"),
            (
                "hour",
                "CAST(local_date(s.transaction_date) AS VARCHAR) || 'T' || lpad(CAST(local_hour(s.transaction_date) AS VARCHAR), 2, '0') || ':00'",
            ),
        ] {
            let trend = served.json(&format!("/api/v1/sales/trend?{at}&grain={grain}")).await;
            let fields = ["at", "revenue", "transactions", "unique_customers"];
            let sql = format!("SELECT {by} AS at, {money}, {people} {from} GROUP BY 1 ORDER BY 1");
            assert_eq!(rows(&trend["points"], &fields), shop.query(&sql).await, "{filter} {grain}");
        }
        let top = served.json(&format!("/api/v1/sales/top-products?{at}&limit=5")).await;
        let sql = format!(
            "SELECT p.product_id, p.name, {money} {from} AND p.product_id IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 5"
        );
        assert_eq!(
            rows(&top["rows"], &["product_id", "name", "revenue", "order_count"]),
            shop.query(&sql).await,
            "{filter}"
        );
        let categories = served.json(&format!("/api/v1/sales/categories?{at}")).await;
        let sql = format!(
            "SELECT CASE WHEN p.product_id IS NULL THEN '(unknown product)' ELSE p.category END, {money} {from} GROUP BY 1 ORDER BY 2 DESC, 1"
        );
        assert_eq!(
            rows(&categories["rows"], &["category", "revenue", "order_count"]),
            shop.query(&sql).await,
            "{filter}"
        );
        let segments = served.json(&format!("/api/v1/sales/segments?{at}")).await;
        let sql = format!(
            "SELECT g.segment, count(DISTINCT s.customer_id), sum(s.amount) {from} GROUP BY 1 ORDER BY array_position(['new', 'returning', 'loyal', 'unknown'], g.segment)"
        );
        assert_eq!(rows(&segments["rows"], &["segment", "customers", "revenue"]), shop.query(&sql).await, "{filter}");
        let heatmap = served.json(&format!("/api/v1/sales/heatmap?{at}")).await;
        let sql = format!(
            "SELECT iso_weekday(s.transaction_date), local_hour(s.transaction_date), count(*), sum(s.amount) {from} GROUP BY 1, 2 ORDER BY 1, 2"
        );
        assert_eq!(
            rows(&heatmap["rows"], &["day_of_week", "hour", "transactions", "revenue"]),
            shop.query(&sql).await,
            "{filter}"
        );
        compare_transactions(shop, served, &at, &from).await;
    }
}

/// The sales page by page, one after the other, are all sales in order, none twice.
async fn compare_transactions(shop: &Shop, served: &Served, at: &str, from: &str) {
    let sql = format!(
        "SELECT s.transaction_id, s.customer_id, s.product_id, p.name, s.city, s.quantity, s.amount, s._source_line {from} ORDER BY s.transaction_date DESC, s.transaction_id DESC"
    );
    let fields =
        ["transaction_id", "customer_id", "product_id", "product_name", "city", "quantity", "amount", "_source_line"];
    let (mut found, mut before) = (Vec::new(), String::new());
    loop {
        let page = served.json(&format!("/api/v1/sales/transactions?{at}&limit=37{before}")).await;
        found.extend(rows(&page["rows"], &fields));
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    assert_eq!(found, shop.query(&sql).await, "{at}");
}

/// Given the id of a sale, then that sale alone comes back, of whatever day, and only where the filters let
/// it through.
#[tokio::test(flavor = "multi_thread")]
async fn one_sale() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let found = async |query: &str| {
        rows(&served.json(&format!("/api/v1/sales/transactions?{query}")).await["rows"], &["transaction_id", "amount"])
    };
    for id in ["t00000", "t00001", "t00599"] {
        let sql = format!("SELECT transaction_id, amount FROM sales WHERE transaction_id = '{id}'");
        assert_eq!(found(&format!("transaction_id={id}&limit=1")).await, shop.query(&sql).await);
    }
    assert!(found("transaction_id=t00001&from=2030-01-01&to=2030-12-31").await.is_empty());
    assert!(found("transaction_id=t%25").await.is_empty());
    assert!(found("transaction_id=%27+OR+1%3D1+--").await.is_empty());
}

/// Given sales, corrections that move them to other days, late customers and renamed categories, then after
/// each load every figure under every filter is the one of SQL.
#[tokio::test(flavor = "multi_thread")]
async fn every_figure_equals_the_query() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    compare(&shop, &served).await;
    // Corrections move every 7th sale a month on and double it; ten sales are new; one customer arrives late.
    let moved: String = sales(0..600)
        .lines()
        .skip(1)
        .step_by(7)
        .map(|line| line.replace("2024-03", "2024-04").replace(",1,", ",2,1") + "\n")
        .collect();
    let new = sales(600..610).replace(HEADER, "");
    shop.put("sales", "day-2.csv", format!("{HEADER}{moved}{new}"));
    shop.put(
        "customers",
        "late.json",
        r#"[{"customer_id":"c39","name":"Late","city":"Berlin","signup_date":"2024-05-01"}]"#,
    );
    shop.put("products", "new.json", r#"[{"product_id":"p2","name":"Renamed","category":"Tea","price":"1.00","stock":1},{"product_id":"p13","name":"Arrived","category":"Cups","price":"1.00","stock":1}]"#);
    let (read, followed) = files(&served).await;
    assert_eq!((read, followed), (3, 0), "February to April");
    let outcome = shop.run().await;
    assert_ne!(outcome.status, RunStatus::Error, "{outcome:?}");
    wait_for(&served, outcome.batch.unwrap().0).await;
    compare(&shop, &served).await;
    assert_eq!(files(&served).await.1, 3, "what was corrected was followed, not read");
    shop.put("sales", "day-3.csv", format!("{HEADER}t00001,c1,p1,1,0.01,2024-03-01T10:00:00\n"));
    let outcome = shop.run().await;
    wait_for(&served, outcome.batch.unwrap().0).await;
    compare(&shop, &served).await;
}

/// Files of sales that the server read, and partitions that it followed by the rows that changed.
async fn files(served: &Served) -> (u64, u64) {
    let text = served.get("/metrics").await.text().await.unwrap();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap();
    (value("shoplake_figures_files_read_total "), value("shoplake_figures_files_followed_total "))
}

/// Waits until the server shows a batch.
async fn wait_for(served: &Served, batch: u64) {
    while served.json("/api/v1/trust").await["batch"] != batch {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Given a shop whose data ends in the past, then the running day, week and month are empty and say where
/// the data ends, and those of that day are the ones of SQL.
#[tokio::test(flavor = "multi_thread")]
async fn periods_of_the_last_day_with_data() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let now = served.json("/api/v1/sales/periods").await;
    let last = shop.query("SELECT max(local_date(transaction_date)) FROM sales").await[0][0].clone();
    assert_eq!((&now["last_day"], &now["month"]["transactions"]), (&json!(last), &json!(0)));
    let then = served.json("/api/v1/sales/periods?on=2024-03-31").await;
    for (name, days, before) in [
        ("today", ("2024-03-31", "2024-03-31"), ("2024-03-30", "2024-03-30")),
        ("week", ("2024-03-25", "2024-03-31"), ("2024-03-18", "2024-03-24")),
        ("month", ("2024-03-01", "2024-03-31"), ("2024-02-01", "2024-02-29")),
    ] {
        let sum = async |days| {
            shop.query(&format!("SELECT coalesce(sum(s.amount), CAST(0 AS DECIMAL(12, 2))) {}", from("true", days)))
                .await[0][0]
                .clone()
        };
        let (revenue, previous) = (sum(days).await, sum(before).await);
        assert_eq!((text(&then[name]["revenue"]), text(&then[name]["previous"])), (revenue, previous), "{name}");
    }
}

/// Given a mart and the same days, then the API says what the mart says.
#[tokio::test(flavor = "multi_thread")]
async fn figures_equal_the_marts() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let all = "from=2024-01-01&to=2024-12-31";
    let trend = served.json(&format!("/api/v1/sales/trend?{all}")).await;
    let mart = shop.query("SELECT date, total_revenue, transaction_count FROM daily_sales_summary ORDER BY date").await;
    assert_eq!(rows(&trend["points"], &["at", "revenue", "transactions"]), mart);
    let top = served.json(&format!("/api/v1/sales/top-products?{all}")).await;
    let mart = shop
        .query("SELECT product_id, name, revenue, order_count FROM top_products ORDER BY revenue DESC, product_id")
        .await;
    assert_eq!(rows(&top["rows"], &["product_id", "name", "revenue", "order_count"]), mart);
    let categories = served.json(&format!("/api/v1/sales/categories?{all}")).await;
    let mart = shop
        .query("SELECT category, revenue, order_count FROM sales_by_category ORDER BY revenue DESC, category")
        .await;
    assert_eq!(rows(&categories["rows"], &["category", "revenue", "order_count"]), mart);
    let heatmap = served.json(&format!("/api/v1/sales/heatmap?{all}")).await;
    let mart =
        shop.query("SELECT day_of_week, hour, transaction_count, revenue FROM sales_by_hour ORDER BY 1, 2").await;
    assert_eq!(rows(&heatmap["rows"], &["day_of_week", "hour", "transactions", "revenue"]), mart);
    let shares: f64 = categories["rows"].as_array().unwrap().iter().map(|row| row["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-5, "{shares}");
}

/// Given a field, then its values come with their sales, can be searched, and no sign means more than itself.
#[tokio::test(flavor = "multi_thread")]
async fn filter_values() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let values = async |query: &str| {
        rows(
            &served.json(&format!("/api/v1/sales/filter-values?{query}")).await["values"],
            &["value", "label", "count"],
        )
    };
    let sql =
        "SELECT coalesce(city, ''), coalesce(city, '(none)'), count(*) FROM sales GROUP BY 1, 2 ORDER BY 3 DESC, 1";
    assert_eq!(values("field=city").await, shop.query(sql).await);
    let sql = "SELECT s.product_id, name, count(*) FROM sales s JOIN products p ON p.product_id = s.product_id WHERE name LIKE '%1%' GROUP BY 1, 2 ORDER BY 3 DESC, 1";
    assert_eq!(values("field=product&search=PRODUCT+1").await, shop.query(sql).await);
    assert_eq!(values("field=category&search=%25").await.len(), 1, "a percent sign is itself");
    assert_eq!(values("field=category&search=.*").await.len(), 0);
}

/// Given an answer, when it is asked for again with its tag, then nothing is sent; after a load it is.
#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_their_batch_and_a_tag() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let path = "/api/v1/sales/summary?from=2024-03-01&to=2024-03-31";
    let first = served.get(path).await;
    let tag = first.headers()["etag"].clone();
    assert_eq!(first.headers()["shoplake-batch"], "1");
    let again = || served.request(reqwest::Method::GET, path).header("if-none-match", tag.clone()).send();
    let response = again().await.unwrap();
    assert_eq!((response.status().as_u16(), response.bytes().await.unwrap().len()), (304, 0));
    shop.put("sales", "more.csv", sales(600..601));
    wait_for(&served, shop.run().await.batch.unwrap().0).await;
    assert_eq!(again().await.unwrap().status(), 200);
}

/// Given a project that has never run, then figures are a problem that says what to do, and trust is empty.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_has_run_yet() {
    let shop = Shop::new();
    let served = shop.serve().await;
    let problem = expect(served.get("/api/v1/sales/summary").await, 404).await;
    assert!(problem["hint"].as_str().unwrap().contains("shoplake run"), "{problem}");
    let trust = served.json("/api/v1/trust").await;
    assert_eq!((&trust["batch"], &trust["last_run"], &trust["data_until"]), (&json!(0), &Value::Null, &Value::Null));
}
