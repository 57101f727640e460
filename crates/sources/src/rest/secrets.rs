//! What must never be seen: secrets in messages, and in the addresses that are stored or shown.

use shoplake_core::source::{Auth, RestApi};
use url::Url;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Words in a parameter's name that make its value a secret.
const TELLING: [&str; 7] = ["token", "secret", "password", "passwd", "api_key", "apikey", "signature"];

/// The secrets of one API, in every spelling that a reply or an error may repeat.
pub(super) struct Secrets {
    spellings: Vec<String>,
    /// The query parameter that carries the key, if one does.
    key_param: Option<String>,
}

impl Secrets {
    pub(super) fn of(api: &RestApi) -> Self {
        let mut plain: Vec<&str> = Vec::new();
        let mut key_param = None;
        match &api.auth {
            Some(Auth::Bearer(token)) => plain.push(&token.0),
            Some(Auth::Basic { password, .. }) => plain.push(&password.0),
            Some(Auth::ApiKey { name, value, in_query }) => {
                plain.push(&value.0);
                key_param = in_query.then(|| name.clone());
            }
            None => {}
        }
        plain.extend(api.params.iter().chain(&api.headers).filter(|(name, _)| telling(name)).map(|(_, v)| v.as_str()));
        let mut spellings: Vec<String> = Vec::new();
        for secret in plain {
            spellings.push(secret.to_owned());
            spellings.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
        }
        if let Some(Auth::Basic { username, password }) = &api.auth {
            spellings.push(basic(username, &password.0));
        }
        // Masking very short text would garble a message and hide nothing.
        spellings.retain(|spelling| spelling.len() >= 4);
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        spellings.dedup();
        Self { spellings, key_param }
    }

    /// The text with every secret masked.
    pub(super) fn masked(&self, text: &str) -> String {
        self.spellings.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }

    /// The address as it may be stored and asked again: without the key, which each request adds.
    pub(super) fn without_key(&self, url: &Url) -> Url {
        let Some(key) = &self.key_param else { return url.clone() };
        with_query(url, |name, value| (name != key).then(|| value.to_owned()))
    }

    /// The address as people may see it.
    pub(super) fn shown(&self, url: &Url) -> String {
        let mut url = with_query(&self.without_key(url), |name, value| {
            Some(if telling(name) { MASK.to_owned() } else { value.to_owned() })
        });
        // Only addresses that cannot have a user refuse this, and those have none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        self.masked(url.as_str())
    }
}

/// The credentials of HTTP Basic.
pub(super) fn basic(username: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"))
}

fn telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    name == "key" || name == "authorization" || TELLING.iter().any(|word| name.contains(word))
}

/// The address with each parameter kept, changed or (`None`) left out.
fn with_query(url: &Url, change: impl Fn(&str, &str) -> Option<String>) -> Url {
    let mut out = url.clone();
    if url.query().is_none() {
        return out;
    }
    let kept: Vec<(String, String)> =
        url.query_pairs().filter_map(|(name, value)| Some((name.to_string(), change(&name, &value)?))).collect();
    out.set_query(None);
    if !kept.is_empty() {
        out.query_pairs_mut().extend_pairs(kept);
    }
    out
}
