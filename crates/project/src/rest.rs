//! A REST source's meaning: addresses, secrets and durations, with `${NAME}` resolved.

use std::collections::BTreeMap;

use shoplake_core::Fault;
use shoplake_core::source::{Auth, Incremental, Paginator, RestApi, RestLimits, Secret};
use url::Url;

use crate::environment::{self, Environment};
use crate::files::{ApiKeyPlace, AuthFile, PaginatorFile, RestApiFile, RestLimitsFile, Scalar};
use crate::units;
use crate::yaml::Node;

/// Headers that carry a secret, by a part of their name.
const SECRET_HEADERS: [&str; 6] = ["authorization", "token", "secret", "api-key", "apikey", "cookie"];

/// Reads what a `rest_api` map means; mistakes go to `faults`, values of variables never do.
pub(crate) fn read(file: &RestApiFile, node: &Node, environment: &Environment, faults: &mut Vec<Fault>) -> RestApi {
    let mut reader = Reader { environment, faults };
    let base_url = reader.expand(&file.base_url, node.at("base_url"));
    reader.check_url(&base_url, node.at("base_url"));
    let headers = reader.headers(file.headers.as_ref(), node.at("headers"));
    RestApi {
        base_url,
        path: reader.expand(&file.path, node.at("path")),
        params: reader.expand_all(file.params.as_ref(), node.at("params")),
        headers,
        auth: file.auth.as_ref().map(|auth| reader.auth(auth, node.at("auth"))),
        data_selector: file.data_selector.clone(),
        paginator: file.paginator.as_ref().map_or(Paginator::SinglePage, paginator),
        incremental: reader.incremental(file, node.at("incremental")),
        limits: reader.limits(file.limits.as_ref(), node.at("limits")),
    }
}

struct Reader<'a> {
    environment: &'a Environment,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn expand(&mut self, text: &str, node: &Node) -> String {
        expand(text, node, self.environment, self.faults)
    }

    fn expand_all(&mut self, values: Option<&BTreeMap<String, Scalar>>, node: &Node) -> BTreeMap<String, String> {
        let values = values.into_iter().flatten();
        values.map(|(key, value)| (key.clone(), self.expand(&value.0, node.at(key)))).collect()
    }

    fn headers(&mut self, values: Option<&BTreeMap<String, Scalar>>, node: &Node) -> BTreeMap<String, String> {
        for (name, value) in values.into_iter().flatten() {
            let lower = name.to_lowercase();
            if SECRET_HEADERS.iter().any(|part| lower.contains(part)) && !value.0.contains("${") {
                let fault = node.at(name).fault(format!("header `{name}` is written as it is"));
                self.faults.push(fault.hint("write `\"${NAME}\"` and set NAME in the environment or in `.env`"));
            }
        }
        self.expand_all(values, node)
    }

    fn check_url(&mut self, text: &str, node: &Node) {
        let mut refuse = |why: &str, hint: &str| self.faults.push(node.fault(why.to_owned()).hint(hint));
        match Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                refuse("`base_url` is not a web address", "for example `https://shop.example/api/v1`");
            }
            Ok(url) if url.password().is_some() || !url.username().is_empty() => {
                refuse("`base_url` carries a user or a password", "write `auth: { basic: { username, password } }`");
            }
            Ok(_) => {}
            // An unset variable has been named already.
            Err(_) if text.contains("${") => {}
            Err(_) => refuse("`base_url` is not a web address", "for example `https://shop.example/api/v1`"),
        }
    }

    fn auth(&mut self, auth: &AuthFile, node: &Node) -> Auth {
        match auth {
            AuthFile::Bearer(token) => Auth::Bearer(self.secret("bearer", token, node.at("bearer"))),
            AuthFile::Basic { username, password } => Auth::Basic {
                username: self.expand(username, node.at("basic/username")),
                password: self.secret("password", password, node.at("basic/password")),
            },
            AuthFile::ApiKey { name, value, place } => Auth::ApiKey {
                name: self.expand(name, node.at("api_key/name")),
                value: self.secret("value", value, node.at("api_key/value")),
                in_query: *place == Some(ApiKeyPlace::Query),
            },
        }
    }

    fn secret(&mut self, key: &str, text: &str, node: &Node) -> Secret {
        if environment::reference(text).is_none() {
            let fault = node.fault(format!("the secret `{key}` is written as it is"));
            let hint = "write `\"${NAME}\"` and set NAME in the environment or in `.env`, which git leaves out";
            self.faults.push(fault.hint(hint));
            return Secret(String::new());
        }
        Secret(self.expand(text.trim(), node))
    }

    fn incremental(&mut self, file: &RestApiFile, node: &Node) -> Option<Incremental> {
        let file = file.incremental.as_ref()?;
        let lag_seconds = file.lag.as_ref().map_or(0, |lag| {
            units::seconds(&lag.0).unwrap_or_else(|| {
                let fault = node.at("lag").fault(format!("`{}` is not a length of time", lag.0));
                self.faults.push(fault.hint("for example `30s`, `15m`, `1h` or `2d`"));
                0
            })
        });
        Some(Incremental {
            cursor_path: file.cursor_path.clone(),
            param: file.param.clone(),
            lag_seconds,
            initial: file.initial_value.as_ref().map(|value| self.expand(&value.0, node.at("initial_value"))),
        })
    }

    fn limits(&mut self, file: Option<&RestLimitsFile>, node: &Node) -> RestLimits {
        let mut limits = RestLimits::default();
        let Some(file) = file else { return limits };
        if let Some(size) = &file.page_bytes {
            limits.page_bytes =
                units::read_bytes(size, node.at("page_bytes"), self.faults).unwrap_or(limits.page_bytes);
        }
        limits.pages = file.pages.unwrap_or(limits.pages);
        limits.connect_seconds = file.connect_seconds.unwrap_or(limits.connect_seconds);
        limits.total_seconds = file.total_seconds.unwrap_or(limits.total_seconds);
        limits.attempts = file.attempts.unwrap_or(limits.attempts);
        limits.max_wait_seconds = file.max_wait_seconds.unwrap_or(limits.max_wait_seconds);
        limits
    }
}

/// Puts variables in place of `${NAME}`; one that is not set is a mistake, and the text stays.
pub(crate) fn expand(text: &str, node: &Node, environment: &Environment, faults: &mut Vec<Fault>) -> String {
    environment.expand(text).unwrap_or_else(|name| {
        let fault = node.fault(format!("the environment variable `{name}` is not set"));
        faults.push(fault.hint(format!("set it in the shell, or write `{name}=…` in `.env` beside shoplake.yml")));
        text.to_owned()
    })
}

fn paginator(file: &PaginatorFile) -> Paginator {
    let or = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
    match file {
        PaginatorFile::SinglePage {} => Paginator::SinglePage,
        PaginatorFile::PageNumber { param, start } => {
            Paginator::PageNumber { param: or(param, "page"), start: start.unwrap_or(1) }
        }
        PaginatorFile::Offset { offset_param, limit_param, limit } => Paginator::Offset {
            offset_param: or(offset_param, "offset"),
            limit_param: or(limit_param, "limit"),
            limit: *limit,
        },
        PaginatorFile::Cursor { cursor_path, param } => {
            Paginator::Cursor { cursor_path: cursor_path.clone(), param: or(param, "cursor") }
        }
        PaginatorFile::JsonLink { next_path } => Paginator::JsonLink { next_path: next_path.clone() },
        PaginatorFile::HeaderLink {} => Paginator::HeaderLink,
    }
}
