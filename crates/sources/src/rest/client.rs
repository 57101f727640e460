//! One request at a time: signing in, waiting, trying again, and the bounds on a reply.
//!
//! Every message that leaves this file is free of secrets and of the addresses that carry them.

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use shoplake_core::project::Dataset;
use shoplake_core::source::{Auth, RestApi};
use shoplake_core::{Fault, Result};
use url::Url;

use super::page::{NotAPage, Page};
use super::paginator::Position;
use super::secrets::{Secrets, basic};
use super::{PullOptions, backoff};

/// Redirects that a server may answer with before it is taken to go in circles.
const REDIRECTS: usize = 5;

/// Characters of an unexpected body that a message shows.
const EXCERPT: usize = 200;

/// Asks one API for pages.
pub(super) struct Client<'a> {
    http: reqwest::Client,
    api: &'a RestApi,
    /// The file that states the source, for messages.
    file: &'a str,
    columns: Vec<&'a str>,
    base: Url,
    backoff_unit: Duration,
    /// What must not be shown.
    pub(super) secrets: Secrets,
}

/// A reply that is a page.
pub(super) struct Reply {
    /// The body as it came; empty where the API said that there is no content.
    pub(super) body: Vec<u8>,
    /// The `Link` headers, joined.
    pub(super) link: Option<String>,
}

/// A page that could not be had.
pub(super) struct Refusal {
    /// Why.
    pub(super) fault: Fault,
    /// The place in the pull is not known to the server (any more): it may be asked from the start.
    pub(super) gone: bool,
}

/// How one attempt failed.
enum Failure {
    /// It may work the next time, after so long if the server says so.
    Passing(Fault, Option<Duration>),
    /// It will not.
    Lasting(Refusal),
}

impl<'a> Client<'a> {
    pub(super) fn new(dataset: &'a Dataset, api: &'a RestApi, options: &PullOptions) -> Result<Self> {
        let file = dataset.contract.file.as_str();
        let address = format!("{}/{}", api.base_url.trim_end_matches('/'), api.path.trim_start_matches('/'));
        let base = Url::parse(&address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
            Fault::usage("`base_url` and `path` make no http or https address").at(file, None, None)
        })?;
        let limits = &api.limits;
        let http = reqwest::Client::builder()
            .user_agent(concat!("shoplake/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(api, file)?)
            .connect_timeout(Duration::from_secs(limits.connect_seconds))
            .timeout(Duration::from_secs(limits.total_seconds))
            .referer(false)
            .redirect(Policy::custom(|attempt| {
                let from = attempt.previous().last();
                let stays = from.is_some_and(|from| stays_home(from, attempt.url()));
                if stays && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
            }))
            .build()
            .map_err(|error| Fault::unavailable("cannot set up HTTPS").caused_by(error.without_url()))?;
        let columns = dataset.contract.columns.iter().map(shoplake_core::Column::file_name).collect();
        let secrets = Secrets::of(api);
        Ok(Self { http, api, file, columns, base, backoff_unit: options.backoff_unit, secrets })
    }

    /// The address of the resource as people may see it.
    pub(super) fn shown(&self) -> String {
        self.secrets.shown(&self.base)
    }

    /// The address of the page at `position`, without the key; `since` is the incremental parameter's value.
    pub(super) fn address(&self, position: &Position, since: Option<&str>) -> Result<Url, Refusal> {
        if let Position::Link(link) = position {
            let refuse = |fault: Fault| Refusal { fault: fault.at(self.file, None, None), gone: false };
            let link =
                self.base.join(link).map_err(|_| refuse(Fault::data("the link to the next page is no address")))?;
            if !stays_home(&self.base, &link) {
                let place = site(&link);
                return Err(refuse(elsewhere(format!("the link to the next page leads elsewhere, to `{place}`"))));
            }
            return Ok(self.secrets.without_key(&link));
        }
        let mut url = self.base.clone();
        let mut own = position.params(&self.api.paginator);
        if let (Some(incremental), Some(since)) = (&self.api.incremental, since) {
            own.push((incremental.param.clone(), since.to_owned()));
        }
        let given = self.api.params.iter().filter(|(name, _)| !own.iter().any(|(mine, _)| mine == *name));
        let params: Vec<_> = given.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if !params.is_empty() || !own.is_empty() {
            url.query_pairs_mut().extend_pairs(params).extend_pairs(&own);
        }
        Ok(url)
    }

    /// Asks for a page until it comes, or may not come any more.
    pub(super) async fn fetch(&self, address: &Url) -> Result<Reply, Refusal> {
        let longest = Duration::from_secs(self.api.limits.max_wait_seconds);
        let attempts = self.api.limits.attempts.max(1);
        let mut failed = 0;
        loop {
            let (fault, asked) = match self.attempt(address).await {
                Ok(reply) => return Ok(reply),
                Err(Failure::Lasting(refusal)) => return Err(refusal),
                Err(Failure::Passing(fault, asked)) => (fault, asked),
            };
            failed += 1;
            if failed >= attempts {
                let fault = fault
                    .detail(format!("It was asked {failed} times."))
                    .hint("the pages before it are kept; the next run goes on from here");
                return Err(Refusal { fault, gone: false });
            }
            let wait = backoff::wait(failed, self.backoff_unit, asked, longest);
            tracing::warn!(
                why = self.for_log(&fault, address),
                failed,
                wait_ms = wait.as_millis() as u64,
                "asking again"
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, address: &Url) -> Result<Reply, Failure> {
        let mut url = address.clone();
        if let Some(Auth::ApiKey { name, value, in_query: true }) = &self.api.auth {
            url.query_pairs_mut().append_pair(name, &value.0);
        }
        let response = self.http.get(url).send().await.map_err(|error| self.broken(address, error))?;
        self.judge(address, &response)?;
        let links: Vec<&str> = response.headers().get_all(LINK).iter().filter_map(|v| v.to_str().ok()).collect();
        let link = (!links.is_empty()).then(|| links.join(", "));
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Reply { body: Vec::new(), link });
        }
        let body = self.body(address, response).await?;
        match self.read(&body) {
            Ok(_) => Ok(Reply { body, link }),
            Err(NotAPage::Cut) => {
                Err(Failure::Passing(self.fault(address, "the reply ends in the middle of its JSON"), None))
            }
            Err(NotAPage::Unexpected(why)) => Err(self.unexpected(address, &why, &body)),
        }
    }

    /// Finds the records of a body.
    pub(super) fn read<'b>(&self, body: &'b [u8]) -> Result<Page<'b>, NotAPage> {
        Page::read(body, self.api.data_selector.as_deref(), &self.columns)
    }

    /// Whether the status lets the body be read.
    fn judge(&self, address: &Url, response: &Response) -> Result<(), Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        if status.is_redirection() {
            return Err(self.redirected(address, response));
        }
        let fault = self.fault(address, format!("the API answered {status}"));
        match status.as_u16() {
            429 | 500 | 502 | 503 | 504 => {
                let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                Err(Failure::Passing(fault, asked.and_then(|text| backoff::retry_after(text, Utc::now()))))
            }
            401 | 403 => {
                let (way, hint) = match &self.api.auth {
                    Some(Auth::Bearer(_)) => ("`auth.bearer`", "check that its token is valid and may read this"),
                    Some(Auth::Basic { .. }) => ("`auth.basic`", "check its user and password"),
                    Some(Auth::ApiKey { .. }) => ("`auth.api_key`", "check that its key is valid and may read this"),
                    None => ("no `auth`", "state how to sign in, as `auth: { bearer: \"${NAME}\" }`"),
                };
                let fault = self.fault(address, format!("the API refused the sign-in with {way}: {status}"));
                Err(Failure::Lasting(Refusal { fault: fault.hint(hint), gone: false }))
            }
            code => {
                let hint = "check `base_url`, `path` and `params`";
                let gone = matches!(code, 400 | 404 | 410 | 422);
                Err(Failure::Lasting(Refusal { fault: fault.hint(hint), gone }))
            }
        }
    }

    fn redirected(&self, address: &Url, response: &Response) -> Failure {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| response.url().join(location).ok());
        let fault = match target {
            Some(target) if !stays_home(response.url(), &target) => {
                elsewhere(format!("the API redirects elsewhere, to `{}`", site(&target)))
            }
            Some(_) => Fault::data("the API redirects in circles"),
            None => Fault::data(format!("the API answered {} without a place to go", response.status())),
        };
        let message = format!("{}: `{}`", fault.message, self.secrets.shown(address));
        let fault = Fault { message: self.secrets.masked(&message), ..fault }.at(self.file, None, None);
        Failure::Lasting(Refusal { fault, gone: false })
    }

    /// Reads the body up to the limit.
    async fn body(&self, address: &Url, mut response: Response) -> Result<Vec<u8>, Failure> {
        let limit = self.api.limits.page_bytes;
        let too_large = || {
            let fault = self.fault(address, format!("a page is larger than {limit} bytes"));
            let fault = fault.hint("ask for fewer records a page with `params`, or raise `limits.page_bytes`");
            Failure::Lasting(Refusal { fault, gone: false })
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > limit {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced.min(limit) as usize);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(address, error))? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// A request or a body that broke off.
    fn broken(&self, address: &Url, error: reqwest::Error) -> Failure {
        let limits = &self.api.limits;
        let what = if error.is_timeout() && error.is_connect() {
            format!("no connection within {} s", limits.connect_seconds)
        } else if error.is_timeout() {
            format!("no full reply within {} s", limits.total_seconds)
        } else if error.is_connect() {
            "no connection".to_owned()
        } else {
            "the connection broke off in the middle of the reply".to_owned()
        };
        let fault = self.fault(address, what);
        let fault = Fault { kind: shoplake_core::FaultKind::Unavailable, ..fault }.caused_by(error.without_url());
        Failure::Passing(fault, None)
    }

    fn unexpected(&self, address: &Url, why: &str, body: &[u8]) -> Failure {
        let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT * 8)]);
        let text = self.secrets.masked(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        let start: String = text.chars().take(EXCERPT).collect();
        let hint = if start.starts_with('<') {
            "this is a web page, perhaps a sign-in form: check `base_url`, `path` and `auth`"
        } else {
            "check `data_selector`, and what the API says"
        };
        let fault = self.fault(address, format!("unexpected body, {why}: `{start}`")).hint(hint);
        Failure::Lasting(Refusal { fault, gone: false })
    }

    /// What a fault about an address says, without its query: a cursor or a parameter may be the value of a row.
    fn for_log(&self, fault: &Fault, address: &Url) -> String {
        let mut bare = address.clone();
        bare.set_query(None);
        fault.message.replace(&self.secrets.shown(address), &self.secrets.shown(&bare))
    }

    fn fault(&self, address: &Url, what: impl std::fmt::Display) -> Fault {
        let message = format!("{what}, from `{}`", self.secrets.shown(address));
        Fault::data(self.secrets.masked(&message)).at(self.file, None, None)
    }
}

fn elsewhere(message: String) -> Fault {
    Fault::data(message).hint("if that is where the data is, state it as `base_url`")
}

/// The headers of every request.
fn headers(api: &RestApi, file: &str) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    // What is landed are the bytes of the page, so they come as they are.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let refused = |what: String| {
        Fault::usage(format!("{what} has characters that no header may have"))
            .at(file, None, None)
            .hint("look for a line break at its end")
    };
    for (name, value) in &api.headers {
        let what = || refused(format!("header `{name}`"));
        headers
            .insert(HeaderName::try_from(name).map_err(|_| what())?, HeaderValue::try_from(value).map_err(|_| what())?);
    }
    let (name, value, what) = match &api.auth {
        Some(Auth::Bearer(token)) => (AUTHORIZATION, format!("Bearer {}", token.0), "bearer"),
        Some(Auth::Basic { username, password }) => {
            (AUTHORIZATION, format!("Basic {}", basic(username, &password.0)), "basic")
        }
        Some(Auth::ApiKey { name, value, in_query: false }) => {
            let name = HeaderName::try_from(name).map_err(|_| refused("the name in `auth.api_key`".to_owned()))?;
            (name, value.0.clone(), "api_key")
        }
        _ => return Ok(headers),
    };
    let mut value = HeaderValue::try_from(value).map_err(|_| refused(format!("`auth.{what}`")))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(headers)
}

/// Whether a request may go from one address to the other: the same scheme, host and port, or the
/// same host with encryption instead of without.
fn stays_home(from: &Url, to: &Url) -> bool {
    let same_host = from.host() == to.host();
    let same_door = from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default();
    let upgrade = (from.scheme(), to.scheme()) == ("http", "https") && from.port().is_none() && to.port().is_none();
    same_host && (same_door || upgrade)
}

/// Scheme, host and port: what a message may say of a stranger's address.
fn site(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}
