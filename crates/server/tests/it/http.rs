//! The list of HTTP's own dangers: headers, methods, bodies, names, parameters, slow and hostile clients.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::shop::{Served, Shop, expect};

/// Every operation of the API's own document: method, path, query parameters.
async fn operations(served: &Served) -> Vec<(Method, String, Vec<String>)> {
    let document = served.json("/api/openapi.json").await;
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().unwrap().iter().filter(|p| p["in"] == "query");
            let names = parameters.map(|p| p["name"].as_str().unwrap().to_owned()).collect();
            operations.push((method.to_uppercase().parse().unwrap(), path.clone(), names));
        }
    }
    operations
}

/// Given every endpoint, when it is asked with nothing, nonsense and hostile names, then no answer is an
/// error of the server, every error is a problem, every answer has its headers, and nothing of the machine
/// is told.
#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_holds() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let operations = operations(&served).await;
    assert!(operations.len() > 40, "{}", operations.len());
    let values = [
        "",
        "%00",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "-1",
        "99999999999999999999",
        "%27%3B+DROP+TABLE+sales%3B--",
        "%F0%9F%92%A3",
        "%ff%fe",
        "a%0d%0aX-Evil:1",
    ];
    for (method, path, parameters) in operations {
        if path == "/api/v1/events" {
            continue;
        }
        for value in values {
            let name = if value.is_empty() { "x" } else { value };
            let filled = path
                .split('/')
                .map(|part| if part.starts_with('{') { name } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let query = parameters.iter().map(|parameter| format!("{parameter}={value}")).collect::<Vec<_>>().join("&");
            for asked in [format!("{filled}?{query}"), filled.clone()] {
                let response = served.request(method.clone(), &asked).send().await.unwrap();
                holds(&shop, &format!("{method} {asked}"), response).await;
            }
        }
        let sent =
            served.request(method.clone(), &path.replace(['{', '}'], "")).json(&json!({ "a": [1, { "b": null }] }));
        holds(&shop, &format!("{method} {path} with a strange body"), sent.send().await.unwrap()).await;
    }
    assert_eq!(shop.query("SELECT count(*) FROM sales").await, [["600"]]);
}

async fn holds(shop: &Shop, asked: &str, response: reqwest::Response) {
    let status = response.status().as_u16();
    assert!(status < 500, "{asked}: {status}");
    let headers = response.headers().clone();
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("object-src 'none'") && !policy.contains("unsafe"),
        "{asked}"
    );
    assert_eq!(headers["x-content-type-options"], "nosniff", "{asked}");
    assert_eq!(headers["referrer-policy"], "no-referrer", "{asked}");
    assert_eq!(headers["x-frame-options"], "DENY", "{asked}");
    assert!(!headers.contains_key("access-control-allow-origin") && !headers.contains_key("x-evil"), "{asked}");
    let text = response.text().await.unwrap();
    if status >= 400 {
        assert_eq!(headers["content-type"], "application/problem+json", "{asked}: {text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["status"], status, "{asked}: {text}");
    }
    assert!(!text.contains(shop.path().to_str().unwrap()), "{asked} tells where it lives: {text}");
}

/// Given a server with users, then without sign-in nothing is told but that it lives.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_learn_nothing() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let operations = operations(&served).await;
    let body = json!({ "name": "admin", "password": "correct horse battery", "role": "admin" });
    expect(served.post("/api/v1/users", &body).await, 201).await;
    let open = ["/healthz", "/readyz", "/api/v1/session"];
    for (method, path, _) in operations {
        let response = served.request(method.clone(), &path.replace(['{', '}'], "")).send().await.unwrap();
        if open.contains(&path.as_str()) && method != Method::DELETE {
            continue;
        }
        assert_eq!(response.status(), 401, "{method} {path}");
    }
}

/// Given reads of every endpoint, then nothing has changed by them.
#[tokio::test(flavor = "multi_thread")]
async fn reading_changes_nothing() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let before = served.json("/api/v1/audit").await;
    for (method, path, _) in operations(&served).await {
        if method == Method::GET && path != "/api/v1/events" {
            served.get(&path.replace(['{', '}'], "")).await;
        }
    }
    assert_eq!(served.json("/api/v1/audit").await, before);
    assert!(served.runner.0.lock().unwrap().is_empty());
}

/// Given wrong methods, types, bodies and paths, then each has its own status.
#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_has_its_status() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let query = |kind: &'static str, body: &'static str| {
        served.request(Method::POST, "/api/v1/query").header("content-type", kind).body(body).send()
    };
    expect(query("text/plain", "{}").await.unwrap(), 415).await;
    expect(query("application/json", "{").await.unwrap(), 400).await;
    expect(query("application/json", "{}").await.unwrap(), 422).await;
    expect(query("application/json", "{\"sql\":\"SELECT 1\",\"limit\":0}").await.unwrap(), 422).await;
    expect(query("application/json", "{\"sql\":\"SELECT 1\",\"limit\":-1}").await.unwrap(), 422).await;
    expect(served.request(Method::PATCH, "/api/v1/query").send().await.unwrap(), 405).await;
    expect(served.request(Method::OPTIONS, "/api/v1/query").send().await.unwrap(), 405).await;
    expect(served.get("/api/v1/runs/").await, 404).await;
    expect(served.get("/api/v1/nothing").await, 404).await;
    assert_eq!(served.request(Method::HEAD, "/api/v1/trust").send().await.unwrap().status(), 200);
    let large = "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n";
    assert!(raw(&served, large.as_bytes()).await.starts_with("HTTP/1.1 413"));
    expect(served.get("/api/v1/lineage?node=sales").await, 422).await;
    expect(served.get("/api/v1/why?model=sales").await, 422).await;
    let asked = "/api/v1/why?model=sales&where=transaction_id%3D%27T1%27&column=amount";
    assert_eq!(served.get(asked).await.status(), 200);
}

/// Given parameters that are out of bounds, then they are refused, and a value is never more than itself.
#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_taken_literally() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    for (query, status) in [
        ("from=2024-03-31&to=2024-03-01", 422),
        ("from=1900-01-01&to=2100-01-01", 422),
        ("from=2024-02-30", 422),
        ("from=2024-3-1", 422),
        ("from=20240301", 422),
        ("from=2024-03-01&from=2024-03-02", 422),
        ("compare=other", 422),
        ("segment=vip", 422),
        ("hour=24", 422),
        ("hour=-1", 422),
        ("hour=", 422),
        ("hour=%2B5", 422),
        ("hour=05", 422),
        ("from=%2B024-01-02", 422),
        ("weekday=0", 422),
        ("weekday=8", 422),
        ("weekday=monday", 422),
        ("nothing=1", 400),
        ("sort=amount", 400),
    ] {
        for figure in ["summary", "trend", "top-products", "categories", "segments", "heatmap", "transactions"] {
            expect(served.get(&format!("/api/v1/sales/{figure}?{query}")).await, status).await;
        }
    }
    let long = "x".repeat(1_001);
    expect(served.get(&format!("/api/v1/sales/summary?city={long}")).await, 422).await;
    for limit in ["0", "501", "-1", "1e2", "x", ""] {
        expect(served.get(&format!("/api/v1/sales/transactions?limit={limit}")).await, 422).await;
    }
    for before in ["x", "e30", "%27"] {
        expect(served.get(&format!("/api/v1/sales/transactions?before={before}")).await, 422).await;
    }
    for value in ["%25", "_", "Ber%25", "Berlin%27+OR+%271%27%3D%271", "%27", "Berlin%00", "*"] {
        for field in ["city", "category", "product"] {
            let all = format!("from=2024-01-01&to=2024-12-31&{field}={value}");
            assert_eq!(
                served.json(&format!("/api/v1/sales/summary?{all}")).await["current"]["transactions"],
                0,
                "{all}"
            );
            assert_eq!(served.json(&format!("/api/v1/sales/transactions?{all}")).await["rows"], json!([]), "{all}");
        }
    }
}

/// Sends bytes as they are; what comes back until the server closes.
async fn raw(served: &Served, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // A server that has heard enough may close while we still write.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer))
        .await
        .expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Given heads that are too large, too many, torn or never end, then the connection ends and the next is served.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_heads() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let head = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n";
    let large = raw(&served, format!("{head}x: {}\r\n\r\n", "a".repeat(1 << 20)).as_bytes()).await;
    assert!(large.starts_with("HTTP/1.1 431") || large.is_empty(), "{large}");
    let many = raw(&served, format!("{head}{}\r\n", "x: 1\r\n".repeat(10_000)).as_bytes()).await;
    assert!(many.starts_with("HTTP/1.1 431") || many.is_empty(), "{many}");
    let smuggled =
        "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!";
    assert!(raw(&served, smuggled.as_bytes()).await.starts_with("HTTP/1.1 400"));
    assert!(raw(&served, b"\x16\x03\x01\x02\x00\x01").await.starts_with("HTTP/1.1 400"), "TLS where there is none");
    let no_host = raw(&served, b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(no_host.starts_with("HTTP/1.1 400"), "{no_host}");
    // Slow: half a head, and then silence.
    assert_eq!(raw(&served, head.as_bytes()).await.split(' ').nth(1).unwrap_or("408"), "408");
    served.json("/api/v1/trust").await;
}
