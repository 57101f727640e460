//! Dashboards as code: read, checked with places, written, drawn.

use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{Served, Shop, expect};

const SOURCE: &str = "/api/v1/dashboards/sales/source";

async fn put(served: &Served, path: &str, tag: &str, text: &str) -> reqwest::Response {
    served.request(Method::PUT, path).header("if-match", tag).body(text.to_owned()).send().await.unwrap()
}

/// Given the template's dashboard, then each tile has an id of its own and rows that are those of its model.
#[tokio::test(flavor = "multi_thread")]
async fn every_tile_has_rows() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    assert_eq!(served.json("/api/v1/dashboards").await[0]["name"], "sales");
    let dashboard = served.json("/api/v1/dashboards/sales").await;
    assert_eq!(dashboard["errors"], json!([]));
    for tile in dashboard["tiles"].as_array().unwrap() {
        let id = tile["id"].as_str().unwrap();
        let rows = served.json(&format!("/api/v1/tile/sales/{id}")).await;
        let model = tile["model"].as_str().unwrap();
        let limit = tile["limit"].as_u64().unwrap_or(5_000);
        let expected = shop.query(&format!("SELECT least(count(*), {limit}) FROM {model}")).await[0][0].clone();
        assert_eq!(rows["rows"].as_array().unwrap().len().to_string(), expected, "{id}");
    }
    let narrowed = served.json("/api/v1/tile/sales/revenue-by-day?from=2024-03-01&to=2024-03-31&city=Berlin").await;
    let expected = shop.query("SELECT date, total_revenue FROM daily_sales_summary WHERE date BETWEEN DATE '2024-03-01' AND DATE '2024-03-31'").await;
    assert_eq!(narrowed["rows"].as_array().unwrap().len(), expected.len());
    assert_eq!(narrowed["ignored_filters"], json!(["city"]), "what a tile cannot hold is said");
}

/// Given tiles of SQL in an order of their own, when filters are put on them, then the rows that stay keep it; a
/// tile that shows the first few of all is not narrowed afterwards, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn filters_keep_the_order_and_the_cut() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let by_product =
        "SELECT products.category, product_id, sum(amount) AS money FROM sales JOIN products USING (product_id)";
    let tile = |id: &str, more: &str, sql: &str| {
        format!("  - {{ id: {id}, title: {id}, kind: table{more}, sql: '{by_product} GROUP BY 1, 2 {sql}' }}\n")
    };
    let text = "name: best\ntiles:\n".to_owned()
        + &tile("named", "", "ORDER BY money DESC, product_id;")
        + &tile("placed", "", "ORDER BY 3, 2")
        + &tile("hidden", "", "ORDER BY max(quantity), -sum(amount)")
        + &tile("picked", ", columns: [product_id]", "ORDER BY money DESC")
        + &tile("top", "", "ORDER BY money DESC LIMIT 3")
        + &tile("picked-top", ", columns: [product_id]", "ORDER BY money DESC LIMIT 3");
    fs_err::write(shop.path().join("dashboards/best.yml"), text).unwrap();
    let of_tea = async |columns: &str, order: &str| {
        let all = format!("SELECT {columns} FROM ({by_product} GROUP BY 1, 2) WHERE category = 'Tea' ORDER BY {order}");
        json!(shop.query(&all).await)
    };
    let descending = of_tea("category, product_id, money", "money DESC").await;
    assert!(descending.as_array().unwrap().len() > 2, "{descending}");
    for (id, expected) in [
        ("named", &descending),
        ("placed", &of_tea("category, product_id, money", "money").await),
        ("hidden", &descending),
        ("picked", &of_tea("product_id", "money DESC").await),
    ] {
        let shown = served.json(&format!("/api/v1/tile/best/{id}?category=Tea")).await;
        assert_eq!((&shown["rows"], &shown["ignored_filters"]), (expected, &json!([])), "{id}");
        assert_eq!(shown["columns"].as_array().unwrap().len(), expected[0].as_array().unwrap().len(), "{id}");
    }
    for id in ["top", "picked-top"] {
        let (all, narrowed) = (
            served.json(&format!("/api/v1/tile/best/{id}")).await,
            served.json(&format!("/api/v1/tile/best/{id}?category=Tea&city=Berlin")).await,
        );
        assert_eq!(all["rows"].as_array().unwrap().len(), 3, "{id}");
        assert_eq!((&narrowed["rows"], &all["ignored_filters"]), (&all["rows"], &json!([])), "{id}");
        assert_eq!(narrowed["ignored_filters"], json!(["category", "city"]), "{id}");
    }
    let picked = served.json("/api/v1/tile/best/picked-top").await;
    let top = served.json("/api/v1/tile/best/top").await;
    let ids: Vec<&Value> = top["rows"].as_array().unwrap().iter().map(|row| &row[1]).collect();
    assert_eq!(picked["rows"].as_array().unwrap().iter().map(|row| &row[0]).collect::<Vec<_>>(), ids);
}

/// Given tiles over models that say an order and how many rows they show, then filters are put on before the first ones
/// are taken, what has no value stands last, and equal rows stand by their other columns.
#[tokio::test(flavor = "multi_thread")]
async fn tiles_are_sorted_and_cut_after_their_filters() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let text = "name: best\ntiles:\n\
                \u{20} - { id: all, title: A, kind: table, model: products, columns: [product_id], sort: [-category, product_id] }\n\
                \u{20} - { id: equal, title: B, kind: table, model: products, columns: [product_id], sort: price, limit: 3 }\n\
                \u{20} - { id: view, title: C, kind: table, model: rfm_segments, sort: -customers }\n";
    fs_err::write(shop.path().join("dashboards/best.yml"), text).unwrap();
    let rows = async |address: &str| served.json(&format!("/api/v1/tile/best/{address}")).await["rows"].clone();
    let expected = "SELECT product_id FROM products ORDER BY category DESC NULLS LAST, product_id";
    assert_eq!(rows("all").await, json!(shop.query(expected).await));
    let first = async |filter: &str| {
        let sql = format!("SELECT product_id FROM products {filter} ORDER BY price, product_id LIMIT 3");
        json!(shop.query(&sql).await)
    };
    assert_eq!(rows("equal").await, first("").await);
    let tea = first("WHERE category = 'Tea'").await;
    assert_ne!(tea, first("").await);
    assert_eq!(rows("equal?category=Tea").await, tea, "the first of those that are asked for");
    let view = shop.query("SELECT max(customers) FROM rfm_segments").await[0][0].clone();
    let shown = served.json("/api/v1/tile/best/view").await;
    let column = shown["columns"].as_array().unwrap().iter().position(|column| column["name"] == "customers").unwrap();
    assert_eq!(shown["rows"][0][column].to_string(), view);
}

/// Given a model that keeps the first rows of all itself, then no filter narrows what is left of it, be it through SQL,
/// and the answer says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_a_cut_is_not_narrowed() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let text = "name: best\ntiles:\n\
                \u{20} - { id: model, title: A, kind: table, model: top_products, sort: -revenue, limit: 4 }\n\
                \u{20} - { id: sql, title: B, kind: table, sql: 'SELECT product_id, revenue FROM top_products' }\n\
                \u{20} - { id: whole, title: C, kind: table, model: int_product_sales }\n";
    fs_err::write(shop.path().join("dashboards/best.yml"), text).unwrap();
    for (id, count) in [("model", 4), ("sql", 10)] {
        let all = served.json(&format!("/api/v1/tile/best/{id}")).await;
        let asked = served.json(&format!("/api/v1/tile/best/{id}?product=p1")).await;
        assert_eq!((&all["cut"], all["rows"].as_array().unwrap().len()), (&json!(true), count), "{id}");
        assert_eq!((&asked["rows"], &asked["ignored_filters"]), (&all["rows"], &json!(["product"])), "{id}");
    }
    let whole = served.json("/api/v1/tile/best/whole?product=p1").await;
    assert_eq!((&whole["cut"], &whole["ignored_filters"]), (&json!(false), &json!([])), "{whole}");
    assert_eq!(whole["rows"].as_array().unwrap().len(), 1);
}

/// Given figures of several days, then those that cannot be added up are those of the last day that is asked for, and
/// say of which.
#[tokio::test(flavor = "multi_thread")]
async fn a_figure_says_what_it_is_of() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let tile =
        |id: &str| format!("  - {{ title: {id}, kind: kpi, model: daily_sales_summary, x: date, value: {id} }}\n");
    let ids = ["total_revenue", "avg_order_value", "unique_customers"];
    let text = "name: key\ntiles:\n".to_owned() + &ids.map(tile).concat();
    fs_err::write(shop.path().join("dashboards/key.yml"), text).unwrap();
    let figure = async |id: &str| {
        let path = format!("/api/v1/tile/key/{id}?from=2024-03-01&to=2024-03-20");
        served.json(&path).await["figure"].clone()
    };
    assert_eq!(figure(ids[0]).await, json!({ "made": "sum", "of": null }));
    assert_eq!(figure(ids[1]).await, json!({ "made": "average", "of": null }));
    let last = "SELECT max(date) FROM daily_sales_summary WHERE date <= DATE '2024-03-20'";
    let last = shop.query(last).await[0][0].clone();
    assert_eq!(figure(ids[2]).await, json!({ "made": "last", "of": last }));
    assert_eq!(served.json("/api/v1/tile/sales/revenue-by-day").await["figure"], Value::Null);
}

/// Given columns that a tile's table does not have, then each is told with its place and the nearest one.
#[tokio::test(flavor = "multi_thread")]
async fn columns_are_looked_up() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let text = "name: mine\ntiles:\n\
                \u{20} - title: A\n    kind: table\n    model: customer_lifetime_value\n    \
                sort: [-lifetime_valu, name]\n    limit: 3\n";
    let wrong = expect(put(&served, "/api/v1/dashboards/mine/source", "*", text).await, 422).await;
    let error = &wrong["errors"][0];
    assert_eq!((&error["line"], &error["column"]), (&json!(6), &json!(12)), "{wrong:#}");
    assert_eq!(error["message"], "`customer_lifetime_value` has no column `lifetime_valu`");
    assert_eq!(error["hint"], "did you mean `lifetime_value`?");
    let right = text.replace("lifetime_valu,", "lifetime_value,");
    assert_eq!(put(&served, "/api/v1/dashboards/mine/source", "*", &right).await.status(), 201);
}

/// Given mistakes in a file, then each is told with its place and a way out, and the other dashboards stand.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_have_places() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let text = "name: mine\ntitle: Mine\ntiles:\n  - { title: A, kind: line, model: daily_sales_sumary }\n  - { title: B, kind: lne, model: sales }\n  - { title: C, kind: bar }\n";
    fs_err::write(shop.path().join("dashboards/mine.yml"), text).unwrap();
    let dashboard = served.json("/api/v1/dashboards/mine").await;
    let errors: Vec<(&Value, &Value)> =
        dashboard["errors"].as_array().unwrap().iter().map(|e| (&e["file"], &e["line"])).collect();
    assert!(errors.contains(&(&json!("dashboards/mine.yml"), &json!(4))), "{dashboard:#}");
    assert!(errors.contains(&(&json!("dashboards/mine.yml"), &json!(5))), "{dashboard:#}");
    assert!(errors.contains(&(&json!("dashboards/mine.yml"), &json!(6))), "{dashboard:#}");
    assert!(dashboard.to_string().contains("did you mean `daily_sales_summary`?"), "{dashboard:#}");
    fs_err::write(shop.path().join("dashboards/broken.yml"), "name: [\n").unwrap();
    assert_eq!(served.json("/api/v1/dashboards/broken").await["errors"][0]["file"], "dashboards/broken.yml");
    assert_eq!(served.json("/api/v1/dashboards/sales").await["errors"], json!([]));
}

/// Given an editor, then it writes what is right and unchanged meanwhile, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn the_editor_writes_the_same_file() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let read = served.get(SOURCE).await;
    let tag = read.headers()["etag"].to_str().unwrap().to_owned();
    let text = read.text().await.unwrap();
    let file = || fs_err::read_to_string(shop.path().join("dashboards/sales.yml")).unwrap();
    assert_eq!(text, file());
    let missing = served.request(Method::PUT, SOURCE).body(text.clone()).send().await.unwrap();
    expect(missing, 428).await;
    let wrong =
        expect(put(&served, SOURCE, &tag, &text.replace("model: top_products", "model: nothing")).await, 422).await;
    assert_eq!(wrong["errors"][0]["line"], 9, "{wrong}");
    assert_eq!(text, file(), "what is wrong is not written");
    let better = text.replace("title: Sales", "title: Better");
    let written = put(&served, SOURCE, &tag, &better).await;
    assert_eq!(written.status(), 200);
    let newer = written.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(file(), better);
    let late = expect(put(&served, SOURCE, &tag, &text).await, 412).await;
    assert_eq!(late["present"], better.as_str(), "the other's text comes along");
    assert_eq!(put(&served, SOURCE, &newer, &text).await.status(), 200);
    let renamed = text.replace("name: sales", "name: other");
    expect(put(&served, SOURCE, &format!("\"{newer}\""), &renamed).await, 422).await;
}

/// Given names that reach for other folders, then no file is made there or anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn names_stay_in_their_folder() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let before = tree(shop.path());
    for name in [
        "..%2fx",
        "%2e%2e%2f%2e%2e%2fx",
        "a%2fb",
        "%00",
        "x%00y",
        ".hidden",
        "con%5cx",
        "%c3%a9",
        "%ff",
        "a".repeat(300).as_str(),
    ] {
        let text = "name: x\ntiles: []\n";
        let response = put(&served, &format!("/api/v1/dashboards/{name}/source"), "*", text).await;
        assert!(response.status().is_client_error(), "{name}: {}", response.status());
    }
    assert_eq!(tree(shop.path()), before);
    let new = put(&served, "/api/v1/dashboards/mine/source", "*", "name: mine\ntiles: []\n").await;
    assert_eq!(new.status(), 201);
    assert!(shop.path().join("dashboards/mine.yml").exists());
    expect(put(&served, "/api/v1/dashboards/mine/source", "*", "name: mine\ntiles: []\n").await, 412).await;
}

fn tree(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { files.push(entry) }
        }
    }
    files.retain(|path| !path.to_string_lossy().contains("/.shoplake/"));
    files.sort();
    files
}
