//! A pull that goes well: paging, signing in, and asking only for what is new.

use serde_json::{Value, json};
use shoplake_core::source::{Auth, Incremental, Paginator, Secret};

use crate::doubles::Shop;
use crate::server::{Server, Trouble, paginators};

/// Given eight records, when pulled in each way of paging, then each is landed once, as the bytes that
/// came, and the pull is stored as complete until the caller forgets it.
#[tokio::test]
async fn every_paginator_lands_every_record_once() {
    for (style, paginator) in paginators() {
        let server = Server::start(8).await;
        let shop = Shop::new(&server.base, style, paginator);
        let pulled = shop.pull().await;
        assert_eq!(shop.landing.ids(), (1..=8).collect::<Vec<_>>(), "{style}");
        assert!(pulled.problem.is_none() && pulled.warnings.is_empty() && pulled.cursor.is_none(), "{style}");
        let names: Vec<&str> = pulled.files.iter().map(|file| file.name.as_str()).collect();
        let want: &[&str] = if style == "single_page" {
            &["page-000001.json"]
        } else {
            &["page-000001.json", "page-000002.json", "page-000003.json"]
        };
        assert_eq!(names, want, "{style}");
        let stored = shop.state.pull.lock().unwrap().clone().unwrap();
        assert!(shoplake_sources::rest::is_complete(&stored), "{style}");
        assert!(server.uris()[0].contains("per_page=3") && server.asked()[0].headers["x-shop"] == "test", "{style}");
    }
}

/// Given a limit that the server caps, when paging by offset, then the offset moves by what came.
#[tokio::test]
async fn offsets_move_by_the_records_that_came() {
    let server = Server::start(7).await;
    let (_, paginator) = paginators().remove(2);
    let shop = Shop::new(&server.base, "offset", paginator);
    shop.pull().await;
    let offsets: Vec<_> = server.uris().iter().map(|uri| uri.split("offset=").nth(1).unwrap().to_owned()).collect();
    assert_eq!(offsets, ["0&limit=50", "3&limit=50", "6&limit=50", "7&limit=50"]);
}

/// Given nothing to pull, when pulled, then nothing is landed and nothing is wrong.
#[tokio::test]
async fn an_empty_api_is_no_problem() {
    for (style, paginator) in paginators() {
        let server = Server::start(0).await;
        let shop = Shop::new(&server.base, style, paginator);
        let pulled = shop.pull().await;
        assert!(pulled.files.is_empty() && pulled.problem.is_none(), "{style}");
        assert_eq!(server.asked().len(), 1, "{style}");
    }
}

/// Given each way to sign in, when pulled, then the server gets it with every page, and nothing that
/// is stored or shown has the secret.
#[tokio::test]
async fn every_way_to_sign_in() {
    let secret = || Secret("s3cr3t/+key".to_owned());
    let key = |in_query| Auth::ApiKey { name: "X-Key".into(), value: secret(), in_query };
    let ways = [
        (Auth::Bearer(secret()), "authorization", "Bearer s3cr3t/+key"),
        (Auth::Basic { username: "ann".into(), password: secret() }, "authorization", "Basic YW5uOnMzY3IzdC8ra2V5"),
        (key(false), "x-key", "s3cr3t/+key"),
        (key(true), "", "X-Key=s3cr3t%2F%2Bkey"),
    ];
    for (auth, header, want) in ways {
        let server = Server::start(5).await;
        let mut shop = Shop::new(&server.base, "json_link", Paginator::JsonLink { next_path: "links.next".into() });
        shop.api().auth = Some(auth);
        shop.api().params.insert("access_token".into(), "t0psecret".into());
        let pulled = shop.pull().await;
        assert_eq!(shop.landing.ids(), [1, 2, 3, 4, 5]);
        for asked in server.asked() {
            let got = if header.is_empty() { asked.uri.as_str() } else { asked.headers[header].to_str().unwrap() };
            assert!(got.contains(want), "{got}");
        }
        let kept = format!("{pulled:?} {:?}", shop.state.pull.lock().unwrap());
        assert!(!kept.contains("s3cr3t") && !kept.contains("t0psecret"), "{kept}");
    }
}

/// Given a stored cursor and a lag, when pulled, then it asks from before the cursor in every page,
/// and the furthest moment comes back as the cursor, also when nothing new came.
#[tokio::test]
async fn only_what_is_new() {
    let incremental = |lag_seconds, initial: Option<&str>| Incremental {
        cursor_path: "updated_at".into(),
        param: "updated_after".into(),
        lag_seconds,
        initial: initial.map(str::to_owned),
    };
    let server = Server::start(5).await;
    let mut shop = Shop::new(&server.base, "page_number", paginators().remove(1).1);
    shop.api().incremental = Some(incremental(3600, Some("2020-01-01T00:00:00Z")));
    assert_eq!(shop.pull().await.cursor, Some("2024-03-05T08:00:00Z".into()));
    assert!(
        server.uris().iter().all(|uri| uri.contains("updated_after=2020-01-01T00%3A00%3A00Z")),
        "{server:?}",
        server = server.uris()
    );

    *shop.state.pull.lock().unwrap() = None;
    *shop.state.cursor.lock().unwrap() = Some("2024-03-05T08:00:00Z".into());
    assert_eq!(shop.pull().await.cursor, Some("2024-03-05T08:00:00Z".into()));
    assert!(server.uris()[3..].iter().all(|uri| uri.contains("updated_after=2024-03-05T07%3A00%3A00Z")));

    let server = Server::serving(vec![json!({"id": 1, "updated_at": 9}), json!({"id": 2, "updated_at": null})]).await;
    let mut shop = Shop::new(&server.base, "single_page", Paginator::SinglePage);
    shop.api().incremental = Some(incremental(2, None));
    *shop.state.cursor.lock().unwrap() = Some(10.into());
    assert_eq!(shop.pull().await.cursor, Some(10.into()), "a cursor never moves back");
    assert!(server.uris()[0].contains("updated_after=8"));
}

/// Given a page that repeats the one before, when pulled, then paging ends there with a warning, and
/// nothing is landed twice.
#[tokio::test]
async fn a_repeated_page_ends_the_pull() {
    let server = Server::start(9).await;
    server.trouble(3, Trouble::Repeat);
    let shop = Shop::new(&server.base, "page_number", paginators().remove(1).1);
    let pulled = shop.pull().await;
    assert_eq!(shop.landing.ids(), [1, 2, 3, 4, 5, 6]);
    assert!(pulled.problem.is_none());
    assert!(pulled.warnings[0].contains("repeats page 2"), "{:?}", pulled.warnings);
}

/// Given records that change their shape midway, when pulled, then the pages are landed as they came:
/// the contract judges them later.
#[tokio::test]
async fn a_changed_shape_is_landed_as_it_came() {
    let records = (1..=6).map(|id| if id < 4 { json!({"id": id}) } else { json!({"id": id, "new": {"a": [1.10]}}) });
    let records: Vec<Value> = records.collect();
    let server = Server::serving(records.clone()).await;
    let shop = Shop::new(&server.base, "header_link", Paginator::HeaderLink);
    assert!(shop.pull().await.problem.is_none());
    let pages = shop.landing.pages.lock().unwrap();
    let second: Value = serde_json::from_slice(&pages[1].1).unwrap();
    assert_eq!(second["data"]["items"], Value::Array(records[3..].to_vec()));
}
