//! Links: one dashboard, with filters that cannot be taken off, until they end.

use chrono::{NaiveDate, TimeDelta, Utc};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::shop::{HEADER, Served, Shop, expect};

async fn make(served: &Served, filters: Value) -> Value {
    let body = json!({ "dashboard": "sales", "filters": filters, "expires_at": Utc::now() + TimeDelta::days(7) });
    expect(served.post("/api/v1/shares", &body).await, 201).await
}

async fn get(served: &Served, token: &Value, path: &str) -> Response {
    served.request(Method::GET, path).header("x-shoplake-share", token.as_str().unwrap()).send().await.unwrap()
}

/// Given a link with filters, then whatever is asked for, only what was shared comes back, without customers.
#[tokio::test(flavor = "multi_thread")]
async fn filters_cannot_be_taken_off() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let share = make(&served, json!({ "city": "Berlin", "from": "2024-03-01", "to": "2024-03-31" })).await;
    let token = &share["token"];
    let own = served.json("/api/v1/sales/summary?city=Berlin&from=2024-03-01&to=2024-03-31").await;
    for query in [
        "",
        "?city=K%C3%B6ln",
        "?from=2020-01-01&to=2030-01-01",
        "?city=&city=Berlin&city=M%C3%BCnchen&compare=previous",
    ] {
        let shown = expect(get(&served, token, &format!("/api/v1/sales/summary{query}")).await, 200).await;
        assert_eq!((&shown["current"], &shown["previous"]), (&own["current"], &Value::Null), "{query}");
    }
    let periods = expect(get(&served, token, "/api/v1/sales/periods?on=2024-04-10").await, 200).await;
    for name in ["today", "week", "month"] {
        assert_eq!(periods[name], Value::Null, "{name} of April does not lie within the link's March");
    }
    let periods = expect(get(&served, token, "/api/v1/sales/periods?on=2024-03-10").await, 200).await;
    let of = async |from: &str, to: &str| {
        let path = format!("/api/v1/sales/summary?city=Berlin&from={from}&to={to}");
        served.json(&path).await["current"]["revenue"].clone()
    };
    let week = &periods["week"];
    assert_eq!(week["revenue"], of("2024-03-04", "2024-03-10").await);
    assert_eq!(
        (&week["compare"], &week["previous"], &week["change"]),
        (&Value::Null, &Value::Null, &Value::Null),
        "the week before began in February"
    );
    assert_eq!(periods["today"]["compare"], json!({ "from": "2024-03-09", "to": "2024-03-09" }));
    assert_eq!(periods["today"]["previous"], of("2024-03-09", "2024-03-09").await);
    assert_eq!(periods["month"]["period"], json!({ "from": "2024-03-01", "to": "2024-03-10" }));
    let sales = expect(get(&served, token, "/api/v1/sales/transactions?limit=500").await, 200).await;
    let rows = sales["rows"].as_array().unwrap();
    assert_eq!(rows.len() as u64, own["current"]["transactions"].as_u64().unwrap());
    for row in rows {
        assert_eq!(
            (&row["city"], &row["customer_id"], &row["customer_name"]),
            (&json!("Berlin"), &Value::Null, &Value::Null)
        );
    }
    let hours =
        make(&served, json!({ "from": "2024-03-01", "to": "2024-03-31", "hour": ["10", "14"], "weekday": "5" })).await;
    let own = served.json("/api/v1/sales/summary?from=2024-03-01&to=2024-03-31&hour=10&hour=14&weekday=5").await;
    let shown = expect(get(&served, &hours["token"], "/api/v1/sales/summary?hour=11&weekday=1").await, 200).await;
    assert_eq!(shown["current"], own["current"]);
    assert_ne!(own["current"]["transactions"], json!(0));
    let cities = expect(get(&served, token, "/api/v1/sales/filter-values?field=city").await, 200).await;
    assert_eq!(cities["values"].as_array().unwrap().len(), 1, "not even the names of other cities");
}

/// Given a link with a period, then it shows that period's days of the shop today, whatever days are asked for, and
/// its page is told both.
#[tokio::test(flavor = "multi_thread")]
async fn a_period_moves_on_and_cannot_be_left() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let today = served.json("/api/v1/session").await["shop"]["today"].as_str().unwrap().parse::<NaiveDate>().unwrap();
    let day = |back: i64| today - TimeDelta::days(back);
    let sale = |n: i64, back: i64| format!("n{n},c1,p1,1,{n}.00,{}T00:00:01\n", day(back));
    shop.put(
        "sales",
        "late.csv",
        [(1, 0), (10, 6), (100, 7), (1_000, 29), (10_000, 30)]
            .iter()
            .fold(HEADER.to_owned(), |text, (n, back)| text + &sale(*n, *back)),
    );
    shop.run().await;
    while served.json("/api/v1/sales/summary").await["current"]["transactions"] != json!(4) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for (period, from, to, revenue) in [
        ("today", day(0), day(0), "1.00"),
        ("yesterday", day(1), day(1), "0.00"),
        ("last7", day(6), day(0), "11.00"),
        ("last30", day(29), day(0), "1111.00"),
    ] {
        let share = make(&served, json!({ "period": period })).await;
        let token = &share["token"];
        let all = "from=2000-01-01&to=2090-01-01&compare=year";
        for query in ["", &format!("?{all}"), "?from=2024-03-01", "?to=2024-03-01"] {
            let shown = expect(get(&served, token, &format!("/api/v1/sales/summary{query}")).await, 200).await;
            assert_eq!(shown["period"], json!({ "from": from, "to": to }), "{period}{query}");
            assert_eq!((&shown["current"]["revenue"], &shown["previous"]), (&json!(revenue), &Value::Null), "{period}");
        }
        let tile = expect(get(&served, token, &format!("/api/v1/tile/sales/revenue-by-day?{all}")).await, 200).await;
        let days: Vec<&str> = tile["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
        assert!(days.iter().all(|day| (from.to_string()..=to.to_string()).contains(&(*day).to_owned())), "{days:?}");
        let told = json!([["period", period], ["from", from], ["to", to]]);
        assert_eq!(expect(get(&served, token, "/api/v1/session").await, 200).await["share"]["filters"], told);
        assert_eq!(expect(get(&served, token, "/api/v1/dashboards/sales").await, 200).await["fixed_filters"], told);
    }
    for filters in [
        json!({ "period": "last31" }),
        json!({ "period": ["last7", "last30"] }),
        json!({ "period": "last7", "from": "2024-03-01" }),
        json!({ "period": "" }),
    ] {
        let body = json!({ "filters": filters, "expires_at": Utc::now() + TimeDelta::days(1) });
        expect(served.post("/api/v1/shares", &body).await, 422).await;
    }
    expect(served.get("/api/v1/sales/summary?period=last7").await, 400).await;
}

/// Given a link, then it opens its own dashboard and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_nothing_else() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    fs_err::write(
        shop.path().join("dashboards/secret.yml"),
        "name: secret\ntiles:\n  - { title: A, kind: table, sql: 'SELECT * FROM customers' }\n",
    )
    .unwrap();
    let share = make(&served, json!({ "from": "2024-03-01" })).await;
    let token = &share["token"];
    let dashboard = expect(get(&served, token, "/api/v1/dashboards/sales").await, 200).await;
    assert_eq!(dashboard["fixed_filters"], json!([["from", "2024-03-01"]]));
    let tile = expect(get(&served, token, "/api/v1/tile/sales/revenue-by-day").await, 200).await;
    assert!(tile["rows"].as_array().unwrap().iter().all(|row| row[0].as_str().unwrap() >= "2024-03-01"));
    expect(get(&served, token, "/api/v1/tile/sales/top-products").await, 403).await;
    let hidden = [
        expect(get(&served, token, "/api/v1/dashboards/secret").await, 404).await,
        expect(get(&served, token, "/api/v1/dashboards/nothing").await, 404).await,
    ];
    assert_eq!(hidden[0], hidden[1], "whether it exists is not told");
    expect(get(&served, token, "/api/v1/tile/secret/a").await, 404).await;
    for path in [
        "/api/v1/runs",
        "/api/v1/tables",
        "/api/v1/quarantine",
        "/api/v1/dashboards",
        "/api/v1/users",
        "/metrics",
        "/api/openapi.json",
        "/api/v1/dashboards/sales/source",
    ] {
        expect(get(&served, token, path).await, 403).await;
    }
    let query = served
        .request(Method::POST, "/api/v1/query")
        .header("x-shoplake-share", token.as_str().unwrap())
        .json(&json!({ "sql": "SELECT 1" }));
    expect(query.send().await.unwrap(), 403).await;
}

/// Given a link, then it is long, of chance, kept as a hash, and ends when it is ended or wrong.
#[tokio::test(flavor = "multi_thread")]
async fn links_end() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let (one, two) = (make(&served, json!({})).await, make(&served, json!({})).await);
    let token = one["token"].as_str().unwrap();
    assert!(token.len() >= 43 && one["token"] != two["token"]);
    assert_eq!(one["url"], format!("/s/{token}"));
    let listed = served.json("/api/v1/shares").await;
    assert!(!listed.to_string().contains(token), "{listed}");
    let bytes = fs_err::read(shop.path().join(".shoplake/access.db-wal")).unwrap_or_default();
    assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    assert_eq!(get(&served, &one["token"], "/api/v1/trust").await.status(), 200);
    let mut tampered = token.to_owned();
    tampered.replace_range(10..11, if &token[10..11] == "A" { "B" } else { "A" });
    expect(get(&served, &json!(tampered), "/api/v1/trust").await, 401).await;
    let end = served.request(Method::DELETE, &format!("/api/v1/shares/{}", one["id"].as_str().unwrap()));
    assert_eq!(end.send().await.unwrap().status(), 204);
    expect(get(&served, &one["token"], "/api/v1/trust").await, 401).await;
    assert_eq!(get(&served, &two["token"], "/api/v1/trust").await.status(), 200);
    for (filters, expires_at) in [
        (json!({}), Utc::now() - TimeDelta::seconds(1)),
        (json!({}), Utc::now() + TimeDelta::days(1_000)),
        (json!({ "sql": "x" }), Utc::now() + TimeDelta::days(1)),
        (json!({ "hour": "24" }), Utc::now() + TimeDelta::days(1)),
        (json!({ "from": "yesterday" }), Utc::now() + TimeDelta::days(1)),
        (json!({ "from": ["2024-01-01", "2024-01-02"] }), Utc::now() + TimeDelta::days(1)),
    ] {
        let body = json!({ "dashboard": "sales", "filters": filters, "expires_at": expires_at });
        expect(served.post("/api/v1/shares", &body).await, 422).await;
    }
}

/// Given a link's page, then no search engine keeps it, and it may stand in another page only when embedded.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_links() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let page = served.get("/s/sls_anything").await;
    assert_eq!((page.status().as_u16(), &page.headers()["x-robots-tag"]), (200, &"noindex, nofollow".parse().unwrap()));
    assert!(page.headers()["content-security-policy"].to_str().unwrap().ends_with("frame-ancestors 'none'"));
    let embedded = served.get("/s/sls_anything?embed=1").await;
    assert!(embedded.headers()["content-security-policy"].to_str().unwrap().ends_with("frame-ancestors *"));
    assert!(!embedded.headers().contains_key("x-frame-options"));
    for path in ["/?embed=1", "/d/sales?embed=1", "/api/v1/trust?embed=1", "/s/sls_anything?embed=0", "/s?embed=1"] {
        let page = served.get(path).await;
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'none'"), "{path}");
        assert_eq!(page.headers()["x-frame-options"], "DENY", "{path}");
    }
}

/// Given a link to the sales page, then it is no link to the project's dashboard of that name, and the other
/// way round.
#[tokio::test(flavor = "multi_thread")]
async fn the_sales_page_is_no_file() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let of_code = make(&served, json!({})).await;
    let body = json!({ "expires_at": Utc::now() + TimeDelta::days(7) });
    let of_page = expect(served.post("/api/v1/shares", &body).await, 201).await;
    for (share, dashboard, status) in [(&of_code, json!("sales"), 200), (&of_page, Value::Null, 404)] {
        let token = &share["token"];
        let session = expect(get(&served, token, "/api/v1/session").await, 200).await;
        assert_eq!(session["share"]["dashboard"], dashboard);
        expect(get(&served, token, "/api/v1/dashboards/sales").await, status).await;
        expect(get(&served, token, "/api/v1/sales/summary").await, 200).await;
    }
    let listed = served.json("/api/v1/shares").await;
    let dashboards: Vec<&Value> = listed.as_array().unwrap().iter().map(|share| &share["dashboard"]).collect();
    assert_eq!(dashboards, [&json!("sales"), &Value::Null]);
}
