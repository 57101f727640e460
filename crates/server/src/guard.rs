//! What every request passes: where it comes from, who asks, what may be answered, and the headers of
//! whatever is answered. A handler that panics is an error of the API, and the process lives.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use shoplake_core::access::Role;

use crate::access::{identify_at, same};
use crate::app::App;
use crate::client::Client;
use crate::problem::{Answer, Problem};

/// The header that writes carry where a cookie says who asks.
pub(crate) const CSRF_HEADER: &str = "x-shoplake-csrf";

/// Who may use an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody, signed in or not.
    Nothing,
    /// Every role, and who follows a share link: the handler holds its filters.
    Shared,
    /// This role or a higher one.
    Role(Role),
}

/// The outermost layer: hosts, panics, headers, counts.
pub(crate) async fn every_request(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let (uri, method, tls) = (request.uri().clone(), request.method().clone(), over_tls(request.headers()));
    let client = Client::of(request.extensions(), request.headers(), &app.project.trusted_proxies);
    request.extensions_mut().insert(client);
    let refused = refused(&app, request.headers(), &method, &uri);
    let _waiting = app.traffic.wait();
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| {
            Problem::internal(&format!("a handler panicked: {}", panic_words(&*panic))).into_response()
        }),
    };
    harden(response.headers_mut(), &uri, tls);
    app.traffic.answer(response.status().as_u16());
    response
}

/// What somebody said who panicked.
pub(crate) fn panic_words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Why a request is refused before anything looks at it.
fn refused(app: &App, headers: &HeaderMap, method: &Method, uri: &Uri) -> Option<Problem> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    let Some(host) = host else {
        return Some(Problem::new(StatusCode::BAD_REQUEST, "host.missing", "the request names no host"));
    };
    // A page elsewhere can let its own name point to this machine: the name tells it from ours.
    if app.lasting.loopback && !is_loopback(host) {
        let problem = Problem::forbidden("host.other", "this server answers to `localhost` and 127.0.0.1 alone");
        return Some(problem.hint("open http://localhost with the port that `shoplake serve` printed"));
    }
    if method.is_safe() {
        return None;
    }
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null"));
    let ours = |origin: &str| origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host));
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let foreign = origin.is_some_and(|origin| !ours(origin)) || site.is_some_and(|s| s != "same-origin" && s != "none");
    foreign.then(|| Problem::forbidden("origin.other", "another site may not write here"))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the proxy in front speaks TLS with the client.
pub(crate) fn over_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https")
}

/// The headers of every answer.
fn harden(headers: &mut HeaderMap, uri: &Uri, tls: bool) {
    let shared = uri.path().starts_with("/s/");
    // A shared dashboard may stand in a page of the shop's own; nothing else may.
    let framed = shared && uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "embed=1"));
    let ancestors = if framed { "*" } else { "'none'" };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
         frame-ancestors {ancestors}"
    );
    let mut set = |name: HeaderName, value: &str| {
        headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
    };
    set(header::CONTENT_SECURITY_POLICY, &policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()");
    if !framed {
        set(header::X_FRAME_OPTIONS, "DENY");
    }
    if tls {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if shared {
        set(HeaderName::from_static("x-robots-tag"), "noindex, nofollow");
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The layer of one endpoint: lets those through who may use it, with their identity.
pub(crate) async fn authorize(State((app, needs)): State<(App, Needs)>, mut request: Request, next: Next) -> Answer {
    if needs == Needs::Nothing {
        return Ok(next.run(request).await);
    }
    let headers = request.headers();
    let Some(identity) = identify_at(&app, headers, Client::address(request.extensions())).await? else {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "sign in first")
            .hint("POST /api/v1/session with name and password, or send an API token")
            .header(header::WWW_AUTHENTICATE, "Bearer realm=\"shoplake\""));
    };
    let enough = match needs {
        Needs::Nothing | Needs::Shared => true,
        Needs::Role(role) => identity.share.is_none() && identity.role >= role,
    };
    if !enough {
        return Err(match (needs, &identity.share) {
            (Needs::Role(role), None) => Problem::forbidden("role", format!("this needs the role {role}")),
            _ => Problem::forbidden("share", "a link shows its own dashboard and nothing else"),
        });
    }
    if identity.session.is_some() && !request.method().is_safe() {
        let sent = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !same(sent, &identity.csrf) {
            let problem =
                Problem::forbidden("csrf", "the header `X-Shoplake-CSRF` is missing or is not this session's");
            return Err(problem.hint("GET /api/v1/session says what it must be"));
        }
    }
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given names of hosts, then only this machine's own are taken for it.
    #[test]
    fn only_loopback_names_are_loopback() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "127.1.2.3", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", "", "::1x"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
