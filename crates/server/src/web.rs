//! The app, carried in the binary: files by name, and its page for every address that is none of the
//! API's. Files with a hash in their name may be kept for good.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/web.rs"));
}

const PAGE: &str = "index.html";
const FALLBACK: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width\"><title>Shoplake</title><h1>Shoplake</h1><p>The server runs; this build carries no \
    app. Its figures are at <a href=\"/api/v1/trust\">/api/v1/trust</a>, described at \
    <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p></html>";

/// Answers what no endpoint does.
pub(crate) async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || path == "/api" {
        return Problem::not_found("there is no such endpoint")
            .hint("GET /api/openapi.json lists them")
            .into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "only GET and HEAD are answered here")
            .into_response();
    }
    let name = path.trim_start_matches('/');
    if let Some((name, bytes)) = file(name).filter(|(name, _)| *name != PAGE) {
        return answer(name, bytes);
    }
    // A name with an ending is a file that is not there; anything else is a page of the app.
    if name.rsplit('/').next().is_some_and(|last| last.contains('.')) {
        return Problem::not_found("there is no such file").into_response();
    }
    match file(PAGE) {
        Some((name, bytes)) => answer(name, bytes),
        None => answer(PAGE, FALLBACK.as_bytes()),
    }
}

fn file(name: &str) -> Option<(&'static str, &'static [u8])> {
    embedded::FILES
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()
        .and_then(|index| embedded::FILES.get(index))
        .copied()
}

fn answer(name: &str, bytes: &'static [u8]) -> Response {
    let kind = match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    let keep = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
    ];
    (headers, bytes).into_response()
}
