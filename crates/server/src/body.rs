//! Bodies of requests: JSON of a known shape within a size and a time.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The largest body, and how long it may take to arrive.
pub(crate) const BODY_MAX: usize = 1 << 20;
const BODY_WAIT: Duration = Duration::from_secs(20);

/// The whole body.
pub(crate) async fn bytes(request: Request) -> Result<axum::body::Bytes, Problem> {
    let large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body.large", format!("the body is larger than {BODY_MAX} bytes"))
    };
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > BODY_MAX) {
        return Err(large());
    }
    let read = tokio::time::timeout(BODY_WAIT, axum::body::to_bytes(request.into_body(), BODY_MAX)).await;
    match read {
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body.slow", "the body did not arrive in time")),
        // The connection is gone, or the limit was met: the first cannot be told anything.
        Ok(read) => read.map_err(|_| large()),
    }
}

/// A JSON body of the shape `T`, which should deny fields that it does not know.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            let problem =
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body.type", "the body must be application/json");
            return Err(problem);
        }
        let bytes = bytes(request).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let (status, code) = match error.classify() {
                serde_json::error::Category::Data => (StatusCode::UNPROCESSABLE_ENTITY, "body.shape"),
                _ => (StatusCode::BAD_REQUEST, "body.json"),
            };
            Problem::new(status, code, error.to_string())
        })
    }
}
