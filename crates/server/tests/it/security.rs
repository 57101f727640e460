//! The security list of HTTP, where no other file holds it: pages and files, transport, sign-in that is
//! attacked, requests that two servers could read in two ways.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::shop::{Served, Shop, expect};

const PASSWORD: &str = "correct horse battery";

/// A shop with one admin.
async fn with_admin() -> (Shop, Served) {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let body = json!({ "name": "admin", "password": PASSWORD, "role": "admin" });
    expect(served.post("/api/v1/users", &body).await, 201).await;
    (shop, served)
}

/// Given the app's own pages and files, and what is none of them, then each has the headers of an answer
/// of the API, no inline script could run, and no file of the machine is reached.
#[tokio::test(flavor = "multi_thread")]
async fn pages_and_files() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let page = served.get("/").await.text().await.unwrap();
    let script = page.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
    let mut paths = ["/", "/quality", "/d/sales", "/nothing.js", "/index.html"].map(str::to_owned).to_vec();
    paths.extend(script);
    for path in [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/shoplake.yml",
        "/assets/..%5c..%5cshoplake.yml",
        "//etc/passwd",
        "/.shoplake/access.db",
        "/shoplake.yml",
    ] {
        paths.push(path.to_owned());
    }
    for path in paths {
        let response = served.get(&path).await;
        let headers = response.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        let text = response.text().await.unwrap();
        assert!(!text.contains("root:") && !text.contains("time_zone:") && !text.starts_with("SQLite"), "{path}");
    }
}

/// Given a proxy that speaks TLS, then browsers are told to stay with it; over plain HTTP they are not.
#[tokio::test(flavor = "multi_thread")]
async fn transport() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    assert!(!served.get("/").await.headers().contains_key("strict-transport-security"));
    for path in ["/", "/api/v1/trust", "/api/v1/nothing"] {
        let over = served.request(Method::GET, path).header("x-forwarded-proto", "https").send().await.unwrap();
        assert_eq!(over.headers()["strict-transport-security"], "max-age=31536000", "{path}");
    }
}

/// Given a cookie that an attacker has planted, when its bearer signs in, then another one counts from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_planted_cookie_gains_nothing() {
    let (_shop, served) = with_admin().await;
    let planted = "shoplake_session=planted-planted-planted-planted-planted";
    let begin = served.request(Method::POST, "/api/v1/session").header("cookie", planted);
    let begun = begin.json(&json!({ "name": "admin", "password": PASSWORD })).send().await.unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(cookie, planted);
    let trust = async |cookie: &str| {
        let request = served.request(Method::GET, "/api/v1/trust").header("cookie", cookie);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((trust(planted).await, trust(&cookie).await), (401, 200));
}

/// Given guesses that each claim another address, then they are slowed down as if they did not.
#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_address_is_not_believed() {
    let (_shop, served) = with_admin().await;
    let guess = async |number: u32| {
        let request = served.request(Method::POST, "/api/v1/session");
        let request = request.header("x-forwarded-for", format!("10.0.0.{number}")).header("x-real-ip", "10.1.1.1");
        let body = json!({ "name": "admin", "password": format!("wrong password {number}") });
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    let mut answers = Vec::new();
    for number in 0..12 {
        answers.push(guess(number).await);
    }
    assert_eq!((answers[0], answers[11]), (401, 429), "{answers:?}");
}

/// Given requests whose end two servers could see in two places, then they are refused, and nothing that
/// is hidden in them is answered.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let hidden = "DELETE /api/v1/runs/current HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for head in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding : chunked\r\n",
        "content-length: +4\r\n",
        "content-length: 4, 5\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
        let request = format!(
            "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}\r\n0\r\n\r\n{hidden}"
        );
        // A server that has heard enough may close while we still write.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 4"), "{head}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head}: {answer}");
    }
}
