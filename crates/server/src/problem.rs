//! Errors as `application/problem+json` (RFC 9457), which tell a client what to do and leak nothing of
//! the machine: what went wrong inside goes to the log.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use shoplake_core::logs::KEPT;
use shoplake_core::{Fault, FaultKind};

/// Events that whoever started the server reads and no log keeps: the words of a panic, or of the engine, may hold
/// values of rows.
const SHOWN: &str = "server";

/// Tells that something happened: with `words` whoever started the server, without them the log that is kept.
pub(crate) fn tell_apart(words: &dyn std::fmt::Display, what: &'static str) {
    tracing::error!(target: SHOWN, error = %words, "{what}");
    tracing::error!(target: KEPT, "{what}; what the server wrote to its terminal says why");
}

/// What handlers answer.
pub(crate) type Answer<T = Response> = Result<T, Problem>;

/// One error of the API.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    hint: Option<String>,
    more: Vec<(&'static str, Value)>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    /// Whether it says that nobody knows who asks.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// A problem with a short name for programs (`query.refused`) and words for people.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), hint: None, more: Vec::new(), headers: Vec::new() }
    }

    /// A parameter or a body that does not say what it should.
    pub(crate) fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// There is no such thing, or the asker may not know that there is.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// The asker may not do that.
    pub(crate) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// The asker asks too often, and may ask again after `wait`.
    pub(crate) fn too_many(code: &'static str, detail: impl Into<String>, wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
            .hint(format!("try again in {seconds} s"))
            .header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// Something inside went wrong; the words go to the log alone.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tell_apart(error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server could not answer; its log says why")
    }

    /// The figures are not there yet.
    pub(crate) fn not_ready() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "the tables are being read; ask again in a moment")
            .header(header::RETRY_AFTER, "1")
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a member of the problem document.
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more.push((name, value));
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: header::HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }
}

/// What went wrong, as `application/problem+json`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemDocument {
    /// What kind of problem it is, for programs: `urn:shoplake:query.refused`.
    r#type: String,
    /// The words of the status.
    title: &'static str,
    /// The status.
    status: u16,
    /// What went wrong, for people.
    detail: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// More about it: `line` and `column` of a query, `errors` of a file, `present` for what stands there now.
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// A mistake in a file of the project, and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Mistake {
    /// The file, relative to the project folder.
    pub(crate) file: Option<String>,
    /// The line there, from 1.
    pub(crate) line: Option<u64>,
    /// The column there, from 1.
    pub(crate) column: Option<u64>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl From<&Fault> for Mistake {
    fn from(fault: &Fault) -> Self {
        let place = fault.place.as_ref();
        Self {
            file: place.map(|place| place.file.clone()),
            line: place.and_then(|place| place.line),
            column: place.and_then(|place| place.column),
            message: fault.message.clone(),
            hint: fault.hint.clone(),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let (status, code) = match fault.kind {
            FaultKind::Usage | FaultKind::Data => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            FaultKind::Busy => (StatusCode::CONFLICT, "busy"),
            FaultKind::Unavailable => {
                tracing::error!(fault = fault.for_log(), detail = fault.detail, source = ?fault.source, "a request failed");
                let detail = "a disk, a store or a limit of this server was in the way; its log says which";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
            }
            FaultKind::Internal => return Self::internal(&fault),
        };
        let mut problem = Self::new(status, code, fault.message);
        problem.hint = fault.hint;
        if let Some(place) = fault.place {
            problem.more.push(("line", json!(place.line)));
            problem.more.push(("column", json!(place.column)));
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            r#type: format!("urn:shoplake:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
            hint: self.hint,
            more: self.more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        let mut response = (self.status, json!(document).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers);
        response
    }
}
