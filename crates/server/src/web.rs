//! The app, carried in the binary: files by name, and its page for every address that is none of the
//! API's. Files with a hash in their name may be kept for good, the others are asked for anew by their tag.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::wire::{is_known, takes_gzip, unpack};

mod embedded {
    use super::File;

    include!(concat!(env!("OUT_DIR"), "/web.rs"));
}

/// A file of the app.
pub(crate) struct File {
    name: &'static str,
    /// Another one for other bytes.
    tag: &'static str,
    bytes: &'static [u8],
    /// Whether these are in gzip, as they are where that is shorter.
    gzip: bool,
}

const PAGE: &str = "index.html";
const FALLBACK: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width\"><title>Shoplake</title><h1>Shoplake</h1><p>The server runs; this build carries no \
    app. Its figures are at <a href=\"/api/v1/trust\">/api/v1/trust</a>, described at \
    <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p></html>";
/// Stands in for the app where there is none.
const NO_APP: File = File { name: PAGE, tag: "none", bytes: FALLBACK.as_bytes(), gzip: false };

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
    if let Some(file) = file(name).filter(|file| file.name != PAGE) {
        return answer(file, request.headers());
    }
    // A name with an ending is a file that is not there; anything else is a page of the app.
    if name.rsplit('/').next().is_some_and(|last| last.contains('.')) {
        return Problem::not_found("there is no such file").into_response();
    }
    answer(file(PAGE).unwrap_or(&NO_APP), request.headers())
}

fn file(name: &str) -> Option<&'static File> {
    let index = embedded::FILES.binary_search_by(|file| file.name.cmp(name)).ok()?;
    embedded::FILES.get(index)
}

fn answer(file: &'static File, asked: &HeaderMap) -> Response {
    let packed = file.gzip && takes_gzip(asked);
    // Other bytes, another tag: a cache must not put a piece of one into the other.
    let tag = format!("\"{}{}\"", file.tag, if packed { "-gzip" } else { "" });
    let keep = if file.name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    if is_known(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(file.name)));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    // Hardly anybody takes no gzip: that the binary carries each file once is worth the work.
    match if file.gzip && !packed { unpack(file.bytes).map(Cow::Owned) } else { Ok(Cow::Borrowed(file.bytes)) } {
        Ok(bytes) => (headers, bytes).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// The media type of a file.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
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
    }
}
