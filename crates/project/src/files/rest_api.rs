//! `from: { rest_api: … }` of a source file, in dlt's words.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;

/// A REST API that is read page by page. `${NAME}` may stand in any text and is taken from the
/// environment or from `.env`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestApiFile {
    /// The address that `path` is joined to: `https://shop.example/api/v1`.
    pub base_url: String,
    /// The path of the resource: `customers`.
    pub path: String,
    /// Query parameters.
    pub params: Option<BTreeMap<String, Scalar>>,
    /// Request headers.
    pub headers: Option<BTreeMap<String, Scalar>>,
    /// How to sign in.
    pub auth: Option<AuthFile>,
    /// Where the records stand in a page: `data.items`; the page itself unless stated.
    pub data_selector: Option<String>,
    /// How to get from a page to the next; `{ type: single_page }` unless stated.
    pub paginator: Option<PaginatorFile>,
    /// How to ask only for what changed since the last pull.
    pub incremental: Option<IncrementalFile>,
    /// Bounds on a pull.
    pub limits: Option<RestLimitsFile>,
}

/// How to sign in. Secrets are written as `${NAME}`, never as they are.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthFile {
    /// A bearer token: `${SHOP_TOKEN}`.
    Bearer(String),
    /// A user and a password.
    Basic {
        /// The user.
        username: String,
        /// The password: `${SHOP_PASSWORD}`.
        password: String,
    },
    /// A key in a header or in the query.
    ApiKey {
        /// The header or parameter: `X-Api-Key`.
        name: String,
        /// The key: `${SHOP_KEY}`.
        value: String,
        /// Where the key goes; `header` unless stated.
        #[serde(rename = "in")]
        place: Option<ApiKeyPlace>,
    },
}

impl std::fmt::Debug for AuthFile {
    /// What is written may be a secret that does not belong there.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthFile(…)")
    }
}

/// Where an API key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPlace {
    /// A request header.
    Header,
    /// A query parameter.
    Query,
}

/// How to get from a page to the next. Paging ends at an empty page, at a missing next, or at a page
/// that repeats the one before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum PaginatorFile {
    /// There is one page.
    SinglePage {},
    /// A page number in a parameter.
    PageNumber {
        /// The parameter; `page` unless stated.
        param: Option<String>,
        /// The first page's number; 1 unless stated.
        start: Option<u64>,
    },
    /// An offset and a limit in parameters.
    Offset {
        /// The offset's parameter; `offset` unless stated.
        offset_param: Option<String>,
        /// The limit's parameter; `limit` unless stated.
        limit_param: Option<String>,
        /// The records of a page.
        #[schemars(range(min = 1))]
        limit: u64,
    },
    /// A cursor from the page's body.
    Cursor {
        /// Where the cursor stands in the body: `meta.next`.
        cursor_path: String,
        /// The parameter that it goes into; `cursor` unless stated.
        param: Option<String>,
    },
    /// A whole link in the body.
    JsonLink {
        /// Where the link stands: `links.next`.
        next_path: String,
    },
    /// A `Link: <…>; rel="next"` header.
    HeaderLink {},
}

/// Asking only for what changed since the last pull.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncrementalFile {
    /// Where the cursor's value stands in a record: `updated_at`.
    pub cursor_path: String,
    /// The parameter that the stored value goes into: `updated_after`.
    pub param: String,
    /// How far behind the stored value to ask again: `30s`, `15m`, `1h`, `2d`; 0 unless stated.
    pub lag: Option<Scalar>,
    /// The value of the first pull; everything unless stated.
    pub initial_value: Option<Scalar>,
}

/// Bounds on a pull.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestLimitsFile {
    /// Pages in one pull; 10000 unless stated.
    #[schemars(range(min = 1))]
    pub pages: Option<u64>,
    /// The size of one page: `64MB` unless stated.
    pub page_bytes: Option<Scalar>,
    /// Seconds to connect; 10 unless stated.
    #[schemars(range(min = 1))]
    pub connect_seconds: Option<u64>,
    /// Seconds for a whole reply; 60 unless stated.
    #[schemars(range(min = 1))]
    pub total_seconds: Option<u64>,
    /// Attempts for each page; 5 unless stated.
    #[schemars(range(min = 1))]
    pub attempts: Option<u32>,
    /// The longest wait between attempts in seconds, whatever the server asks for; 60 unless stated.
    pub max_wait_seconds: Option<u64>,
}
