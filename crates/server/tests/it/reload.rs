//! The project's files change while the server runs: what they say now holds for what is asked from then on, and
//! what cannot hold before the next start is said.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::live::Events;
use crate::shop::{Served, Shop, expect};

const SETTINGS: &str = "shoplake.yml";

/// Replaces text in a file of the project; it must be there.
fn change(shop: &Shop, file: &str, from: &str, to: &str) {
    let path = shop.path().join(file);
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no `{from}`");
    write(shop, file, &text.replace(from, to));
}

/// Writes a file in one step: a look that comes in between sees the one or the other.
fn write(shop: &Shop, file: &str, text: &str) {
    let new = shop.path().join("new");
    fs_err::write(&new, text).unwrap();
    fs_err::rename(new, shop.path().join(file)).unwrap();
}

/// Transactions of a day as the page has them.
async fn on_day(served: &Served, day: &str) -> u64 {
    let summary = served.json(&format!("/api/v1/sales/summary?from={day}&to={day}")).await;
    summary["current"]["transactions"].as_u64().unwrap()
}

/// The same as `shoplake query` has them, which reads the project's files anew.
async fn queried(shop: &Shop, column: &str, day: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM sales WHERE local_date({column}) = DATE '{day}'");
    shop.query(&sql).await[0][0].parse().unwrap()
}

/// Given an open page, when the shop's zone and currency change, then it is told, days are those of the new zone,
/// no answer of before counts as fresh, and whoever was there may go on.
#[tokio::test(flavor = "multi_thread")]
async fn zone_and_currency() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    events.until("batch").await;
    let (day, path) = ("2024-03-01", "/api/v1/sales/summary?from=2024-03-01&to=2024-03-01");
    let trend = "/api/v1/sales/trend?from=2024-02-15&to=2024-04-30";
    let (before, tag) = (served.json(trend).await, served.get(path).await.headers()["etag"].clone());
    let csrf = served.json("/api/v1/session").await["csrf"].clone();

    change(&shop, SETTINGS, "Europe/Berlin", "Asia/Tokyo");
    change(&shop, SETTINGS, "currency: EUR", "currency: JPY");
    // Two files written one after the other may be taken up one after the other.
    while served.json("/api/v1/session").await["shop"]["currency"] != "JPY" {
        events.until("project").await;
    }
    let session = served.json("/api/v1/session").await;
    assert_eq!((&session["shop"]["time_zone"], &session["csrf"]), (&json!("Asia/Tokyo"), &csrf));
    let after = on_day(&served, day).await;
    assert_eq!(after, queried(&shop, "transaction_date", day).await);
    assert_ne!(served.json(trend).await["points"], before["points"], "days begin at another moment");
    let again = served.request(Method::GET, path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(again.status(), 200);
    let sql = json!({ "sql": "SELECT count(*) FROM sales WHERE local_date(transaction_date) = DATE '2024-03-01'" });
    assert_eq!(expect(served.post("/api/v1/query", &sql).await, 200).await["rows"][0][0], after);
    let trust = served.json("/api/v1/trust").await;
    assert_eq!(trust["project"]["restart_for"], json!(["time_zone of the schedule"]), "the schedule keeps its clock");
}

/// Given sales with two moments, when the other one becomes the one that dates them, then figures are dated by it.
#[tokio::test(flavor = "multi_thread")]
async fn the_column_that_dates_sales() {
    let shop = Shop::new();
    let column = "  - { name: transaction_date,";
    change(&shop, "sources/sales.yml", column, &format!("  - {{ name: paid_at, type: timestamp }}\n{column}"));
    let rows = "transaction_id,customer_id,product_id,quantity,amount,paid_at,transaction_date\n\
                t1,c1,p1,1,1.00,2024-03-05T12:00:00Z,2024-03-01T12:00:00Z\n\
                t2,c1,p1,1,2.00,2024-03-05T12:00:00Z,2024-03-02T12:00:00Z\n";
    shop.put("sales", "day-1.csv", rows);
    shop.run().await;
    let served = shop.serve().await;
    assert_eq!((on_day(&served, "2024-03-01").await, on_day(&served, "2024-03-05").await), (1, 0));
    let mut events = Events::open(&served).await;
    change(&shop, "sources/sales.yml", "event_time: transaction_date", "event_time: paid_at");
    events.until("project").await;
    assert_eq!((on_day(&served, "2024-03-01").await, on_day(&served, "2024-03-05").await), (0, 2));
    assert_eq!(queried(&shop, "paid_at", "2024-03-05").await, 2);
    let trend = served.json("/api/v1/sales/trend?from=2024-03-01&to=2024-03-31").await;
    assert!(!trend.to_string().contains("2024-03-02"), "{trend}");
    assert_eq!(served.json("/api/v1/trust").await["project"], json!({ "mistakes": [], "restart_for": [] }));
}

/// Given a change with a mistake, then all stays as it was, and the page and the API say where the mistake is until
/// it is corrected; who follows a link is not told.
#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_said_and_changes_nothing() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    let link = json!({ "expires_at": chrono::Utc::now() + chrono::TimeDelta::days(1) });
    let link = expect(served.post("/api/v1/shares", &link).await, 201).await["token"].as_str().unwrap().to_owned();
    let mistakes = async || served.json("/api/v1/trust").await["project"]["mistakes"].clone();
    let before = on_day(&served, "2024-03-01").await;
    assert_eq!(mistakes().await, json!([]));

    change(&shop, "sources/sales.yml", "event_time: transaction_date", "event_time: transaction_dat");
    events.until("project").await;
    let said = mistakes().await;
    assert_eq!((&said[0]["file"], &said[0]["line"]), (&json!("sources/sales.yml"), &json!(5)), "{said}");
    assert!(said.to_string().contains("transaction_date"), "it says what was likely meant: {said}");
    assert_eq!(on_day(&served, "2024-03-01").await, before);
    let shared = served.request(Method::GET, "/api/v1/trust").header("x-shoplake-share", link).send().await.unwrap();
    assert_eq!(expect(shared, 200).await["project"]["mistakes"], json!([]));

    change(&shop, "sources/sales.yml", "event_time: transaction_dat\n", "event_time: transaction_date\n");
    events.until("project").await;
    assert_eq!(mistakes().await, json!([]));
    assert_eq!(on_day(&served, "2024-03-01").await, before);
}

/// Given a mistake in a file that is read with the project and not looked at for changes, when that is corrected,
/// then what waited is taken up all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_elsewhere_does_not_last() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    write(&shop, "dashboards/broken.yml", "name: [\n");
    change(&shop, SETTINGS, "currency: EUR", "currency: JPY");
    events.until("project").await;
    assert_eq!(served.json("/api/v1/trust").await["project"]["mistakes"][0]["file"], "dashboards/broken.yml");
    assert_eq!(served.json("/api/v1/session").await["shop"]["currency"], "EUR");
    fs_err::remove_file(shop.path().join("dashboards/broken.yml")).unwrap();
    events.until("project").await;
    assert_eq!(served.json("/api/v1/session").await["shop"]["currency"], "JPY");
}

/// Given changes of what a process stands on, then they are named as waiting for a restart, until they are undone.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_restart() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    let waits = async || served.json("/api/v1/trust").await["project"]["restart_for"].clone();
    let text = fs_err::read_to_string(shop.path().join(SETTINGS)).unwrap();
    let before = on_day(&served, "2024-03-01").await;
    let changed = text.replace("0 6 * * *", "0 7 * * *").replace("{ lake: lake }", "{ lake: elsewhere }");
    write(&shop, SETTINGS, &changed);
    events.until("project").await;
    assert_eq!(waits().await, json!(["targets", "schedule"]));
    assert_eq!(on_day(&served, "2024-03-01").await, before, "the lake stays the one of the start");
    write(&shop, SETTINGS, &text);
    events.until("project").await;
    assert_eq!(waits().await, json!([]));
}

/// Given files that nobody has changed, then nothing is told.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_of_nothing() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let mut events = Events::open(&served).await;
    events.until("batch").await;
    tokio::time::timeout(Duration::from_secs(2), events.until("project")).await.expect_err("nothing was changed");
}
