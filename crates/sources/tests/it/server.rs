//! A shop's API on this machine that pages in every way, and misbehaves when told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt;
use serde_json::{Value, json};
use shoplake_core::source::Paginator;

/// What the server does instead of answering.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// A status, with a `Retry-After` header or without.
    Status(u16, Option<String>),
    /// No answer until the client gives up.
    Hang,
    /// Headers that promise more bytes than come.
    Cut,
    /// The whole page as chunks, without their end.
    Close,
    /// This body, with status 200.
    Body(&'static str),
    /// A redirect to this address.
    Redirect(String),
    /// A body without an end.
    Endless,
    /// The records of the page before.
    Repeat,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
}

#[derive(Default)]
struct Inner {
    records: Vec<Value>,
    troubles: Mutex<HashMap<usize, Trouble>>,
    asked: Mutex<Vec<Asked>>,
}

/// The running server.
pub(crate) struct Server {
    pub(crate) base: String,
    inner: Arc<Inner>,
}

/// Records of a page.
pub(crate) const PAGE: usize = 3;

impl Server {
    /// Serves `count` records with ids from 1, `PAGE` of them a page.
    pub(crate) async fn start(count: usize) -> Self {
        Self::serving(
            (1..=count).map(|id| json!({"id": id, "updated_at": format!("2024-03-{id:02}T08:00:00Z")})).collect(),
        )
        .await
    }

    pub(crate) async fn serving(records: Vec<Value>) -> Self {
        let inner = Arc::new(Inner { records, ..Inner::default() });
        let app = Router::new().route("/v1/{style}", get(answer)).with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { base, inner }
    }

    /// Misbehaves at the request of this number, counted from 1 over the server's life.
    pub(crate) fn trouble(&self, request: usize, trouble: Trouble) {
        self.inner.troubles.lock().unwrap().insert(request, trouble);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    /// The paths and queries that were asked for, without the host.
    pub(crate) fn uris(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.uri).collect()
    }
}

/// Every way to page, by the path that pages so.
pub(crate) fn paginators() -> Vec<(&'static str, Paginator)> {
    vec![
        ("single_page", Paginator::SinglePage),
        ("page_number", Paginator::PageNumber { param: "page".into(), start: 1 }),
        ("offset", Paginator::Offset { offset_param: "offset".into(), limit_param: "limit".into(), limit: 50 }),
        ("cursor", Paginator::Cursor { cursor_path: "meta.next".into(), param: "after".into() }),
        ("json_link", Paginator::JsonLink { next_path: "links.next".into() }),
        ("header_link", Paginator::HeaderLink),
    ]
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    Path(style): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let number = {
        let mut asked = inner.asked.lock().unwrap();
        asked.push(Asked { uri: request.uri().to_string(), headers: request.headers().clone() });
        asked.len()
    };
    let trouble = inner.troubles.lock().unwrap().get(&number).cloned();
    let repeat = matches!(trouble, Some(Trouble::Repeat));
    let (page, next) = page(&inner, &style, &query, repeat);
    match trouble {
        None | Some(Trouble::Repeat) => {
            let mut response = page.into_response();
            if let (Some(next), "header_link") = (next, style.as_str()) {
                let link = format!("</v1/{style}?page={next}&per_page=3>; rel=\"next\"");
                response.headers_mut().insert(header::LINK, link.parse().unwrap());
            }
            response
        }
        Some(trouble) => misbehave(trouble, &page).await,
    }
}

async fn misbehave(trouble: Trouble, page: &str) -> Response {
    let half = page.as_bytes()[..page.len() / 2].to_vec();
    let builder = Response::builder();
    let broken = || Err::<Vec<u8>, _>(std::io::Error::other("gone"));
    match trouble {
        Trouble::Status(code, after) => {
            let mut response = (StatusCode::from_u16(code).unwrap(), "{\"error\":\"no\"}").into_response();
            if let Some(after) = after {
                response.headers_mut().insert(header::RETRY_AFTER, after.parse().unwrap());
            }
            response
        }
        Trouble::Hang => std::future::pending().await,
        Trouble::Cut => {
            let body = Body::from_stream(futures::stream::iter([Ok(half), broken()]));
            builder.header(header::CONTENT_LENGTH, page.len()).body(body).unwrap()
        }
        Trouble::Close => {
            let body = Body::from_stream(futures::stream::iter([Ok(page.as_bytes().to_vec()), broken()]));
            builder.body(body).unwrap()
        }
        Trouble::Body(text) => text.into_response(),
        Trouble::Redirect(to) => builder.status(302).header(header::LOCATION, to).body(Body::empty()).unwrap(),
        Trouble::Endless => {
            let body = futures::stream::repeat(vec![b' '; 65_536]).map(Ok::<_, std::io::Error>);
            builder.body(Body::from_stream(body)).unwrap()
        }
        Trouble::Repeat => unreachable!(),
    }
}

/// The page that a request asks for, and the number of the next one. Pages count from 1.
fn page(inner: &Inner, style: &str, query: &HashMap<String, String>, repeat: bool) -> (String, Option<usize>) {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let all = inner.records.len();
    let start = match style {
        "single_page" => 0,
        "offset" => number("offset").unwrap_or(0),
        "cursor" => number("after").map_or(0, |after| after / 7 * PAGE),
        _ => (number("page").unwrap_or(1) - 1) * PAGE,
    };
    let start = if repeat { start - PAGE } else { start };
    let size = if style == "single_page" { all } else { PAGE };
    let items = inner.records.iter().skip(start).take(size).collect::<Vec<_>>();
    let done = start / PAGE + 1;
    let next = (start + size < all).then_some(done + 1);
    let links = next.map(|next| format!("?page={next}"));
    let cursor = next.map(|_| done * 7);
    let body = json!({"data": {"items": items}, "meta": {"next": cursor}, "links": {"next": links}});
    (body.to_string(), next)
}
