//! What goes over the wire: gzip where the client takes it, plain bytes where not, and tags that tell them apart.

use std::io::Read as _;

use chrono::{TimeDelta, Utc};
use reqwest::{Method, Response};
use serde_json::json;

use crate::shop::{Served, Shop, expect};

/// What the first visit may cost.
const FIRST_VISIT: usize = 250_000;

async fn ask(served: &Served, method: Method, path: &str, more: &[(&str, &str)]) -> Response {
    let request = served.request(method, path).header("accept-encoding", "gzip, deflate, br");
    more.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// A file as a browser gets it and as a client without gzip does: the bytes on the wire, and the plain ones.
async fn both(served: &Served, path: &str) -> (usize, Vec<u8>) {
    let (packed, plain) = (ask(served, Method::GET, path, &[]).await, served.get(path).await);
    assert_eq!((packed.status().as_u16(), plain.status().as_u16()), (200, 200), "{path}");
    for answer in [&packed, &plain] {
        assert_eq!(answer.headers()["vary"], "accept-encoding", "{path}");
    }
    assert!(!plain.headers().contains_key("content-encoding"), "{path}");
    assert_ne!(packed.headers().get("etag"), None, "{path}");
    let is_packed = packed.headers().get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    assert_eq!(packed.headers()["etag"] != plain.headers()["etag"], is_packed, "{path}: one tag for one row of bytes");
    let (sent, plain) = (packed.bytes().await.unwrap(), plain.bytes().await.unwrap());
    assert_eq!(if is_packed { unpacked(&sent) } else { sent.to_vec() }, plain, "{path}");
    (sent.len(), plain.to_vec())
}

/// Given a browser that has nothing yet, when it opens the page, then all that it names, and the charts that it draws
/// with, come in fewer bytes than are promised.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_visit_is_small() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let (mut sent, page) = both(&served, "/").await;
    let page = String::from_utf8(page).unwrap();
    let mut paths: Vec<String> = page.split('"').filter(|part| part.starts_with('/')).map(str::to_owned).collect();
    // Scripts name the charts, which come when there are figures.
    let mut charts = None;
    for path in paths.iter().filter(|path| path.ends_with(".js")) {
        let script = String::from_utf8(both(&served, path).await.1).unwrap();
        let mut named = script.split(['"', '\'', '`']);
        charts = charts.or(named.find(|part| part.contains("engine-") && part.ends_with(".js")).map(str::to_owned));
    }
    let charts = charts.unwrap();
    paths.push(format!("/assets/{}", charts.rsplit('/').next().unwrap()));
    let mut plain = page.len();
    for path in &paths {
        let (of_path, bytes) = both(&served, path).await;
        sent += of_path;
        plain += bytes.len();
    }
    assert!(paths.len() > 5 && plain > 2 * FIRST_VISIT, "{plain} plain bytes of {paths:?}");
    assert!(sent < FIRST_VISIT, "{sent} bytes are sent");
}

/// Given a file that the client has, then it is not sent again; one in another encoding is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_sent_again() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    for path in ["/", "/api/v1/sales/heatmap?from=2024-01-01&to=2024-12-31"] {
        let first = ask(&served, Method::GET, path, &[]).await;
        assert_eq!(first.headers()["content-encoding"], "gzip", "{path}");
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = ask(&served, Method::GET, path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()), "{path}");
        assert_eq!(again.headers()["vary"], "accept-encoding", "{path}");
        assert!(again.bytes().await.unwrap().is_empty());
        let plain = served.get(path).await.headers()["etag"].to_str().unwrap().to_owned();
        assert_ne!(plain, tag, "{path}");
        let other = ask(&served, Method::GET, path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status(), 200, "{path}");
    }
}

/// Given HEAD and ranges, then the head is that of GET in either encoding, and a range gets the whole, never a piece of
/// other bytes.
#[tokio::test(flavor = "multi_thread")]
async fn heads_and_ranges_are_right() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    for path in ["/", "/favicon.svg", "/api/openapi.json", "/api/v1/trust"] {
        for encoding in ["gzip", "identity"] {
            let send = async |method: Method, range: Option<&str>| {
                let request = served.request(method, path).header("accept-encoding", encoding);
                range.iter().fold(request, |request, range| request.header("range", *range)).send().await.unwrap()
            };
            let (whole, head) = (send(Method::GET, None).await, send(Method::HEAD, None).await);
            for name in ["content-length", "content-encoding", "content-type", "etag", "vary"] {
                assert_eq!(head.headers().get(name), whole.headers().get(name), "{name} of {path} in {encoding}");
            }
            let length: usize = head.headers()["content-length"].to_str().unwrap().parse().unwrap();
            assert!(head.bytes().await.unwrap().is_empty(), "{path}");
            let bytes = whole.bytes().await.unwrap();
            assert_eq!(bytes.len(), length, "{path} in {encoding}");
            let piece = send(Method::GET, Some("bytes=0-9")).await;
            assert_eq!((piece.status().as_u16(), piece.bytes().await.unwrap()), (200, bytes), "{path} in {encoding}");
        }
    }
}

/// Given answers of JSON, then long ones are compressed, and neither short ones, nor secrets, nor news are.
#[tokio::test(flavor = "multi_thread")]
async fn json_is_compressed_and_secrets_are_not() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    for path in ["/api/openapi.json", "/api/v1/sales/transactions?from=2024-01-01&to=2024-12-31", "/api/v1/tables"] {
        let packed = ask(&served, Method::GET, path, &[]).await;
        assert_eq!(
            (&packed.headers()["content-encoding"], &packed.headers()["vary"]),
            (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap()),
            "{path}"
        );
        let (sent, plain) = (packed.bytes().await.unwrap(), served.get(path).await.bytes().await.unwrap());
        assert_eq!(unpacked(&sent), plain, "{path}");
        assert!(sent.len() * 2 < plain.len(), "{path}: {} of {}", sent.len(), plain.len());
    }
    for number in 0..10 {
        let token = json!({ "name": format!("token {number}"), "role": "viewer" });
        let made = ask(&served, Method::POST, "/api/v1/tokens", &[]).await;
        assert!(!made.headers().contains_key("content-encoding"));
        expect(served.post("/api/v1/tokens", &token).await, 201).await;
        let share = json!({ "expires_at": Utc::now() + TimeDelta::days(1) });
        expect(served.post("/api/v1/shares", &share).await, 201).await;
    }
    for path in ["/api/v1/tokens", "/api/v1/shares", "/api/v1/session", "/healthz", "/api/v1/events"] {
        let answer = ask(&served, Method::GET, path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(!answer.headers().contains_key("content-encoding"), "{path}");
    }
    assert!(served.get("/api/v1/tokens").await.bytes().await.unwrap().len() > 1_024, "long enough");
    assert!(served.get("/api/v1/shares").await.bytes().await.unwrap().len() > 1_024, "long enough");
}
