//! A pull that an earlier run left: taken up where it stands, or started anew where that is not safe.

use std::sync::atomic::Ordering;

use shoplake_core::ports::LandingZone;
use shoplake_core::source::{Incremental, Paginator};

use crate::doubles::Shop;
use crate::server::{Server, Trouble, paginators};

fn by_number(server: &Server) -> Shop {
    Shop::new(&server.base, "page_number", paginators().remove(1).1)
}

/// Given a failure at the third page, when run again, then in each way of paging only the rest is
/// asked for, the earlier pages come first, and the cursor covers them all.
#[tokio::test]
async fn a_failed_pull_asks_only_for_the_rest() {
    for (style, paginator) in paginators().into_iter().skip(1) {
        let server = Server::start(9).await;
        server.trouble(3, Trouble::Status(401, None));
        let mut shop = Shop::new(&server.base, style, paginator);
        shop.api().incremental = Some(Incremental {
            cursor_path: "updated_at".into(),
            param: "since".into(),
            lag_seconds: 0,
            initial: None,
        });
        let first = shop.pull().await;
        assert!(first.problem.is_some() && first.cursor.is_none(), "{style}");
        let second = shop.pull().await;
        assert!(second.problem.is_none(), "{style}: {:?}", second.problem);
        let uris = server.uris();
        assert_eq!(uris[3], uris[2], "{style}: the first request is the one that failed");
        assert_eq!(shop.landing.ids(), (1..=9).collect::<Vec<_>>(), "{style}");
        assert_eq!(second.files[..2], first.files, "{style}");
        let numbers: Vec<u64> = second.files.iter().map(|file| file.page.clone().unwrap().1).collect();
        assert_eq!(numbers, [1, 2, 3], "{style}");
        assert_eq!(second.cursor, Some("2024-03-09T08:00:00Z".into()), "{style}");
    }
}

/// Given a complete pull whose load was cut off, when run again, then its pages are used as they lie;
/// once it is forgotten, the next run is a pull of its own.
#[tokio::test]
async fn a_complete_pull_is_not_pulled_again() {
    let server = Server::start(5).await;
    let shop = by_number(&server);
    let first = shop.pull().await;
    let asked = server.asked().len();
    assert_eq!(shop.pull().await.files, first.files);
    assert_eq!(server.asked().len(), asked);
    *shop.state.pull.lock().unwrap() = None;
    let third = shop.pull().await;
    assert!(third.files[0].page.as_ref().unwrap().0 != first.files[0].page.as_ref().unwrap().0);
    assert_eq!(third.files.len(), 2);
}

/// Given pages that wait from a pull that was made while the clock stood a year ahead, when pulled by the
/// true clock, then the new pull sorts after that one: what is newer is loaded later.
#[tokio::test]
async fn a_clock_that_was_set_back() {
    let server = Server::start(5).await;
    let shop = by_number(&server);
    let ahead = format!("{:012x}-{:016x}", chrono::Utc::now().timestamp_millis() + 365 * 86_400_000, 7);
    shop.landing
        .land_page("customers", "page-000001.json", "x", (ahead.clone(), 1), br#"{"data":{"items":[]}}"#)
        .unwrap();
    let pulled = shop.pull().await;
    let pulls: Vec<&str> = pulled.files.iter().map(|file| file.page.as_ref().unwrap().0.as_str()).collect();
    assert!(!pulls.is_empty() && pulls.iter().all(|pull| *pull > ahead.as_str()), "{pulls:?}");
}

/// Given a page that is gone from landing, when run again, then the pull starts anew, unless that page
/// was loaded: then only the rest is returned.
#[tokio::test]
async fn a_lost_page_starts_anew_and_a_loaded_one_does_not() {
    for loaded in [false, true] {
        let server = Server::start(9).await;
        server.trouble(3, Trouble::Status(401, None));
        let shop = by_number(&server);
        let first = shop.pull().await;
        for file in &first.files {
            if loaded {
                shop.state.loaded(file);
            }
            shop.landing.archive(file, &serde_json::Value::Null).unwrap();
        }
        let second = shop.pull().await;
        let ids = shop.landing.ids();
        assert_eq!(ids, if loaded { (7..=9).collect::<Vec<_>>() } else { (1..=9).collect() }, "loaded: {loaded}");
        assert!(second.problem.is_none());
    }
}

/// Given a source that was changed meanwhile, when run again, then the pull starts anew.
#[tokio::test]
async fn a_changed_source_starts_anew() {
    let server = Server::start(9).await;
    server.trouble(3, Trouble::Status(401, None));
    let mut shop = by_number(&server);
    shop.pull().await;
    shop.api().params.insert("active".into(), "true".into());
    assert_eq!(shop.pull().await.files.len(), 3);
    assert!(server.uris()[3].contains("page=1"));
}

/// Given a cursor that the server has forgotten, when the pull is taken up, then it starts anew and says so.
#[tokio::test]
async fn an_expired_place_starts_anew() {
    let server = Server::start(9).await;
    server.trouble(3, Trouble::Status(401, None));
    server.trouble(4, Trouble::Status(410, None));
    let shop =
        Shop::new(&server.base, "cursor", Paginator::Cursor { cursor_path: "meta.next".into(), param: "after".into() });
    shop.pull().await;
    let second = shop.pull().await;
    assert!(second.problem.is_none(), "{:?}", second.problem);
    assert!(second.warnings[0].contains("starts anew"));
    assert_eq!(second.files.len(), 3);
}

/// Given a full disk in the middle, when run again with room, then every record is landed once; a page
/// that was landed but not noted is asked for again, not kept twice.
#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let server = Server::start(9).await;
    server.trouble(2, Trouble::Status(401, None));
    let shop = by_number(&server);
    let first = shop.pull().await;
    shop.landing.full.store(true, Ordering::SeqCst);
    assert!(shop.try_pull().await.is_err());
    shop.landing.full.store(false, Ordering::SeqCst);
    let (pull, _) = first.files[0].page.clone().unwrap();
    shop.landing
        .land_page("customers", "page-000002.json", "", (pull, 2), br#"{"data":{"items":[{"id":99}]}}"#)
        .unwrap();
    assert!(shop.pull().await.problem.is_none());
    assert_eq!(shop.landing.ids(), (1..=9).collect::<Vec<_>>());
}
