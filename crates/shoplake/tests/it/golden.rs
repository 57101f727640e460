//! The template's models on the golden case: a week of a shop in New York, worked by hand.

use serde_json::{Value, json};

use crate::context::Context;

/// O1, O2 and O5 by their lines, each net of its share of the order's discount. The test order and the
/// gift card are no sales: an export leaves them out. R1 and the cancellation of O5 are negative lines
/// on the days on which they happened.
const LINES: &str = "\
transaction_id,customer_id,product_id,quantity,amount,transaction_date
O1-1,A,T,2,67.69,2026-03-08T04:30:00Z
O1-2,A,S,1,42.31,2026-03-08T04:30:00Z
O2-1,A,T,1,30.00,2026-03-08 10:00:00
O5-1,B,S,1,70.00,2026-03-09 12:00:00
R1-1,A,T,-1,-33.84,2026-03-10 12:00:00
O5-2,B,S,-1,-70.00,2026-03-11 12:00:00
";

fn golden_shop() -> Context {
    let shop = Context::new();
    assert!(shop.output(&["init", "shop", "--timezone", "America/New_York"]).status.success());
    let contract = shop.read("sources/sales.yml");
    shop.put("sources/sales.yml", &contract.replace(", min: 1", "").replace(", min: 0", ""));
    shop.put("inbox/sales/week.csv", LINES);
    shop.put(
        "inbox/products/products.json",
        r#"[{"product_id":"S","name":"Scarf","stock":-1},{"product_id":"T","name":"Tee","stock":9}]"#,
    );
    shop.put("inbox/customers/customers.json", r#"[{"customer_id":"A","name":"Ann","city":"Rye"},{"customer_id":"B","name":"Bob"},{"customer_id":"C","name":"Cy"}]"#);
    let run = shop.output(&["run"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    shop
}

fn rows(shop: &Context, sql: &str) -> Value {
    shop.json(&["query", sql, "--output", "json"])
}

/// Given the golden case, then the figures that three datasets carry are those worked by hand: net sales
/// by the shop's own day, with O1 on the 7th and the return on the 10th, and who is new and who returns.
///
/// What they do not carry: gross, discounts, shipping and taxes (a sale has one amount), orders of
/// several lines and so the average order and units an order (a sale is one line), liabilities, and
/// guests known by their e-mail address.
#[test]
fn the_golden_case() {
    let shop = golden_shop();
    let days = rows(&shop, "SELECT date, total_revenue FROM daily_sales_summary ORDER BY date");
    let net = [("07", "110.00"), ("08", "30.00"), ("09", "70.00"), ("10", "-33.84"), ("11", "-70.00")];
    let expected: Vec<Value> =
        net.iter().map(|(day, net)| json!({ "date": format!("2026-03-{day}"), "total_revenue": net })).collect();
    assert_eq!(days, json!(expected));
    assert_eq!(rows(&shop, "SELECT sum(total_revenue) AS net FROM daily_sales_summary"), json!([{ "net": "106.16" }]));
    let customers = rows(
        &shop,
        "SELECT date, new_customers, returning_customers, new_revenue, returning_revenue FROM new_and_returning_customers ORDER BY date LIMIT 3",
    );
    let day = |day: &str, new: u32, returning: u32, revenue: [&str; 2]| json!({ "date": day, "new_customers": new, "returning_customers": returning, "new_revenue": revenue[0], "returning_revenue": revenue[1] });
    assert_eq!(
        customers,
        json!([
            day("2026-03-07", 1, 0, ["110.00", "0.00"]),
            day("2026-03-08", 0, 1, ["0.00", "30.00"]),
            day("2026-03-09", 1, 0, ["70.00", "0.00"]),
        ])
    );
}

/// Given the Sunday of 23 hours, then the hour that the clock skips did not happen on it, and averages
/// are over the hours that there were.
#[test]
fn the_hour_that_is_not_there() {
    let shop = golden_shop();
    let heat = rows(
        &shop,
        "SELECT day_of_week, hour, hours, avg_revenue FROM sales_heatmap WHERE day_of_week = 7 AND hour IN (1, 3, 10) ORDER BY hour",
    );
    assert_eq!(
        heat,
        json!([
            { "day_of_week": 7, "hour": 1, "hours": 1, "avg_revenue": "0.0000" },
            { "day_of_week": 7, "hour": 3, "hours": 1, "avg_revenue": "0.0000" },
            { "day_of_week": 7, "hour": 10, "hours": 1, "avg_revenue": "30.0000" },
        ])
    );
    assert_eq!(rows(&shop, "SELECT hour FROM sales_heatmap WHERE day_of_week = 7 AND hour = 2"), json!([]));
    assert_eq!(rows(&shop, "SELECT sum(hours) AS hours FROM sales_heatmap"), json!([{ "hours": 5 * 24 - 1 }]));
}

/// Given a customer without a sale and a product that was oversold, then the one is a prospect and the
/// other has no cover; a return reduces no units; a month that is not over has no retention.
#[test]
fn edges_of_the_views() {
    let shop = golden_shop();
    let groups = rows(&shop, "SELECT rfm_group, days_since_last_order FROM customer_rfm WHERE customer_id = 'C'");
    assert_eq!(groups, json!([{ "rfm_group": "PROSPECTS", "days_since_last_order": null }]));
    assert_eq!(
        rows(&shop, "SELECT count(*) AS n, sum(customers) AS customers FROM rfm_segments"),
        json!([{ "n": 11, "customers": 3 }])
    );
    let cover = rows(
        &shop,
        "SELECT product_id, days, units_sold, days_of_cover, stock_status FROM stock_cover ORDER BY product_id",
    );
    assert_eq!(
        cover,
        json!([
            { "product_id": "S", "days": 5, "units_sold": 2, "days_of_cover": null, "stock_status": "oversold" },
            { "product_id": "T", "days": 5, "units_sold": 3, "days_of_cover": "15.0000", "stock_status": "in stock" },
        ])
    );
    let cohort =
        rows(&shop, "SELECT cohort_month, months_since, active_customers, retention_pct FROM cohort_retention");
    assert_eq!(
        cohort,
        json!([{ "cohort_month": "2026-03-01", "months_since": 0, "active_customers": 2, "retention_pct": "100.0000" }])
    );
    let classes = rows(&shop, "SELECT product_id, abc_class FROM abc_classes ORDER BY product_id");
    assert_eq!(classes, json!([{ "product_id": "S", "abc_class": "A" }, { "product_id": "T", "abc_class": "A" }]));
    let cities = rows(&shop, "SELECT city, customers, revenue FROM sales_by_city ORDER BY revenue DESC");
    assert_eq!(
        cities,
        json!([{ "city": "Rye", "customers": 1, "revenue": "106.16" }, { "city": null, "customers": 1, "revenue": "0.00" }])
    );
}
