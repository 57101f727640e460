//! A pull against a server that misbehaves: either every record arrives once, or the fault is clear.

use std::time::{Duration, Instant};

use shoplake_core::source::{Auth, Paginator, Secret};

use crate::doubles::Shop;
use crate::server::{Server, Trouble, paginators};

fn by_number(server: &Server) -> Shop {
    Shop::new(&server.base, "page_number", paginators().remove(1).1)
}

/// Given trouble that passes, when it strikes in the middle, then the page is asked again and every
/// record arrives once.
#[tokio::test]
async fn what_passes_is_asked_again() {
    let troubles = [
        Trouble::Status(429, None),
        Trouble::Status(500, None),
        Trouble::Status(502, None),
        Trouble::Status(503, Some("0".into())),
        Trouble::Status(504, None),
        Trouble::Hang,
        Trouble::Cut,
        Trouble::Close,
        Trouble::Body("{\"data\":{\"items\":[{\"id\":4},"),
    ];
    for trouble in troubles {
        let server = Server::start(8).await;
        server.trouble(2, trouble.clone());
        let shop = by_number(&server);
        let pulled = shop.pull().await;
        assert!(pulled.problem.is_none(), "{trouble:?}: {:?}", pulled.problem);
        assert_eq!(shop.landing.ids(), (1..=8).collect::<Vec<_>>(), "{trouble:?}");
        assert_eq!(server.asked().len(), 5, "{trouble:?}: four pages, one of them twice");
    }
}

/// Given a server that says when to come back, in seconds or as a date, when rate-limited, then the
/// pull waits so long, and never longer than its limit.
#[tokio::test]
async fn retry_after_is_honoured_and_capped() {
    let date = (chrono::Utc::now() + chrono::TimeDelta::seconds(2)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (after, least) in [(date, 0.9), ("1".to_owned(), 1.0), ("86400".to_owned(), 2.0)] {
        let server = Server::start(2).await;
        server.trouble(1, Trouble::Status(429, Some(after.clone())));
        let shop = by_number(&server);
        let began = Instant::now();
        assert!(shop.pull().await.problem.is_none(), "{after}");
        let waited = began.elapsed();
        assert!(waited >= Duration::from_secs_f64(least) && waited < Duration::from_secs(6), "{after}: {waited:?}");
    }
}

/// Given trouble that lasts, when it strikes at the third page, then two pages are kept, the fault says
/// what happened and where, no secret is in it, and there is no cursor to store.
#[tokio::test]
async fn what_lasts_ends_the_pull_with_a_clear_fault() {
    let cases = [
        (Trouble::Status(401, None), "the API refused the sign-in with `auth.bearer`: 401 Unauthorized"),
        (Trouble::Status(403, None), "the API refused the sign-in with `auth.bearer`: 403 Forbidden"),
        (Trouble::Status(404, None), "the API answered 404 Not Found"),
        (
            Trouble::Body("<html><title>Sign in</title> hunter2hunter2"),
            "unexpected body, not JSON: `<html><title>Sign in</title> ***`",
        ),
        (
            Trouble::Body("{\"errors\":[\"no\"]}"),
            "unexpected body, no records at `data.items`: `{\"errors\":[\"no\"]}`",
        ),
        (
            Trouble::Redirect("http://169.254.169.254/latest?x=hunter2hunter2".into()),
            "redirects elsewhere, to `http://169.254.169.254`",
        ),
        (Trouble::Redirect("?page=3".into()), "the API answered 418"),
        (Trouble::Endless, "a page is larger than 1000000 bytes"),
    ];
    for (trouble, want) in cases {
        let server = Server::start(9).await;
        server.trouble(3, trouble.clone());
        server.trouble(4, Trouble::Status(418, None));
        let mut shop = by_number(&server);
        shop.api().auth = Some(Auth::Bearer(Secret("hunter2hunter2".into())));
        shop.api().limits.page_bytes = 1_000_000;
        let pulled = shop.pull().await;
        assert_eq!(shop.landing.ids(), [1, 2, 3, 4, 5, 6], "{trouble:?}");
        assert!(pulled.files.len() == 2 && pulled.cursor.is_none(), "{trouble:?}");
        let problem = pulled.problem.unwrap();
        assert!(problem.to_string().contains(want), "{problem}");
        assert!(problem.to_string().starts_with("sources/customers.yml: "), "{problem}");
        assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
    }
}

/// Given an API that stays away, when all attempts are used up, then the fault says how often it was asked.
#[tokio::test]
async fn attempts_are_bounded() {
    let server = Server::start(9).await;
    (2..=9).for_each(|request| server.trouble(request, Trouble::Status(503, None)));
    let shop = by_number(&server);
    let problem = shop.pull().await.problem.unwrap();
    assert_eq!(problem.detail.as_deref(), Some("It was asked 3 times."));
    assert_eq!(server.asked().len(), 4);

    let nobody = Shop::new("http://127.0.0.1:9/v1", "page_number", paginators().remove(1).1);
    let problem = nobody.pull().await.problem.unwrap();
    assert!(problem.to_string().contains("no connection"), "{problem}");
}

/// Given a next link to another host, when followed, then it is refused before that host hears of it.
#[tokio::test]
async fn a_link_elsewhere_is_not_followed() {
    let stranger = Server::start(3).await;
    let server = Server::start(9).await;
    let body = format!(r#"{{"data":{{"items":[{{"id":1}}]}},"links":{{"next":"{}/json_link"}}}}"#, stranger.base);
    server.trouble(1, Trouble::Body(body.leak()));
    let shop = Shop::new(&server.base, "json_link", Paginator::JsonLink { next_path: "links.next".into() });
    let pulled = shop.pull().await;
    assert_eq!(shop.landing.ids(), [1]);
    assert!(pulled.problem.unwrap().message.contains("leads elsewhere"));
    assert!(stranger.asked().is_empty());
}

/// Given more pages than the limit, when pulled, then the pull stops there, and the next run goes on.
#[tokio::test]
async fn pages_are_bounded() {
    let server = Server::start(9).await;
    let mut shop = by_number(&server);
    shop.api().limits.pages = 2;
    let pulled = shop.pull().await;
    assert!(pulled.problem.unwrap().message.contains("more than 2 pages"));
    assert_eq!(pulled.files.len(), 2);
    assert!(shop.pull().await.problem.is_none());
    assert_eq!(shop.landing.ids(), (1..=9).collect::<Vec<_>>());
}

/// Given a source that is stated wrongly, when pulled, then nothing is asked and the fault names it.
#[tokio::test]
async fn a_wrong_statement_is_named() {
    let mut shop = Shop::new("ftp://shop.example", "x", Paginator::SinglePage);
    assert!(shop.try_pull().await.unwrap_err().message.contains("no http or https address"));
    shop.api().base_url = "http://127.0.0.1:9".into();
    shop.api().auth = Some(Auth::Bearer(Secret("token\n".into())));
    let fault = shop.try_pull().await.unwrap_err();
    assert!(fault.message.contains("`auth.bearer`") && !format!("{fault:?}").contains("token"), "{fault:?}");
}
