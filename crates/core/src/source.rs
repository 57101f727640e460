//! Where the bytes of a dataset come from, as the project states it.

use std::collections::BTreeMap;

/// The place that a dataset's files come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Files that match a glob below the project folder.
    Files(String),
    /// The pages of a REST API.
    RestApi(Box<RestApi>),
}

/// A REST API, in dlt's words. Secrets are resolved already, and never shown.
#[derive(Debug, Clone)]
pub struct RestApi {
    /// The address that `path` is joined to.
    pub base_url: String,
    /// The path of the resource.
    pub path: String,
    /// Query parameters of the first request (and of each page, where the paginator sets its own beside them).
    pub params: BTreeMap<String, String>,
    /// Request headers.
    pub headers: BTreeMap<String, String>,
    /// How to sign in.
    pub auth: Option<Auth>,
    /// Where the records stand in a page; the page itself if absent.
    pub data_selector: Option<String>,
    /// How to get from a page to the next.
    pub paginator: Paginator,
    /// How to ask only for what is new.
    pub incremental: Option<Incremental>,
    /// Limits.
    pub limits: RestLimits,
}

/// A secret that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How to sign in to an API.
#[derive(Debug, Clone)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer(Secret),
    /// `Authorization: Basic …`
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A key in a header or the query.
    ApiKey {
        /// The header or parameter.
        name: String,
        /// The key.
        value: Secret,
        /// Whether it stands in the query instead of a header.
        in_query: bool,
    },
}

/// How to get from a page to the next. Paging ends at an empty page, a missing next, or a page that
/// repeats the one before.
#[derive(Debug, Clone)]
pub enum Paginator {
    /// There is one page.
    SinglePage,
    /// A page number in a parameter.
    PageNumber {
        /// The parameter.
        param: String,
        /// The first page's number.
        start: u64,
    },
    /// An offset and a limit in parameters.
    Offset {
        /// The offset's parameter.
        offset_param: String,
        /// The limit's parameter.
        limit_param: String,
        /// The records of a page.
        limit: u64,
    },
    /// A cursor from the page's body.
    Cursor {
        /// Where the cursor stands in the body.
        cursor_path: String,
        /// The parameter that it goes into.
        param: String,
    },
    /// A whole link in the body.
    JsonLink {
        /// Where it stands.
        next_path: String,
    },
    /// A `Link: <…>; rel="next"` header.
    HeaderLink,
}

/// Asking only for what changed since the last pull.
#[derive(Debug, Clone)]
pub struct Incremental {
    /// Where the cursor's value stands in a record.
    pub cursor_path: String,
    /// The parameter that the stored value goes into.
    pub param: String,
    /// How far behind the stored value to ask again, in seconds.
    pub lag_seconds: i64,
    /// The value of the first pull, if there is one.
    pub initial: Option<String>,
}

/// Bounds on a pull.
#[derive(Debug, Clone)]
pub struct RestLimits {
    /// Pages in one pull.
    pub pages: u64,
    /// Bytes in one page.
    pub page_bytes: u64,
    /// Seconds for a connection.
    pub connect_seconds: u64,
    /// Seconds for a whole reply.
    pub total_seconds: u64,
    /// Attempts for each page.
    pub attempts: u32,
    /// The longest wait between attempts, in seconds, whatever `Retry-After` says.
    pub max_wait_seconds: u64,
}

impl Default for RestLimits {
    fn default() -> Self {
        Self {
            pages: 10_000,
            page_bytes: 64 << 20,
            connect_seconds: 10,
            total_seconds: 60,
            attempts: 5,
            max_wait_seconds: 60,
        }
    }
}
