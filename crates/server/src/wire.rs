//! How answers travel: in gzip where the client takes that, and with tags by which it knows them again.
//!
//! Files of the app are compressed when the binary is built, JSON when it is answered. Not compressed: what carries
//! secrets, for its length would tell of them beside text that somebody else has put there, and streams.

use std::io::{Read as _, Write as _};

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::problem::Problem;

/// Bytes from which a body is worth its compression.
const WORTH: u64 = 1 << 10;
/// Takes half the time of the usual level for a few percent more bytes.
const LEVEL: u32 = 4;

/// Whether the client takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let stated = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let stated: Vec<&str> = stated.flat_map(|value| value.split(',')).collect();
    let weight = |wanted: &str| {
        let more = stated.iter().find_map(|entry| {
            let (name, more) = entry.split_once(';').unwrap_or((entry, ""));
            name.trim().eq_ignore_ascii_case(wanted).then(|| more.trim())
        })?;
        let weight = more.strip_prefix("q=").or_else(|| more.strip_prefix("Q="));
        // A weight that is no number is none.
        Some(weight.map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0)))
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// Whether the client has what bears this tag, in whatever encoding.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    known.flat_map(|tags| tags.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag)
}

/// The layer of endpoints whose JSON is compressed.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let takes = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if response.status() != StatusCode::NOT_MODIFIED && kind != Some(b"application/json") {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !takes {
        return response;
    }
    // The same answer in two encodings is not the same bytes: of both a strong tag would be a lie.
    weaken(response.headers_mut());
    if response.body().size_hint().exact().is_none_or(|bytes| bytes < WORTH) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let packed = match to_bytes(body, usize::MAX).await {
        // A large one takes longer than other answers should wait for a thread.
        Ok(bytes) => tokio::task::spawn_blocking(move || pack(&bytes)).await,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    match packed {
        Ok(Ok(packed)) => {
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(packed))
        }
        Ok(Err(error)) => Problem::internal(&error).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

fn pack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(LEVEL));
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What `bytes` say, which are in gzip.
pub(crate) fn unpack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain)?;
    Ok(plain)
}

fn weaken(headers: &mut HeaderMap) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    if let Some(weak) = tag.and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok()) {
        headers.insert(header::ETAG, weak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given what clients say of encodings, then gzip is taken where they take it.
    #[test]
    fn gzip_is_taken_where_it_is_named() {
        let takes = |stated: &[&'static str]| {
            let values = stated.iter().map(|value| (header::ACCEPT_ENCODING, HeaderValue::from_static(value)));
            takes_gzip(&values.collect())
        };
        for stated in ["gzip", "br, GZIP;q=0.5", "gzip, deflate, br, zstd", "*", "identity;q=0, *;q=0.1"] {
            assert!(takes(&[stated]), "{stated}");
        }
        assert!(takes(&["br", "gzip"]));
        for stated in ["", "br", "gzip;q=0", "gzip;q=0.0, *", "identity", "*;q=0", "gzip;q=x", "xgzip"] {
            assert!(!takes(&[stated]), "{stated}");
        }
        assert!(!takes(&[]));
    }
}
