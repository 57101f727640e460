//! Where traces and metrics go: `otlp` in shoplake.yml, else the standard's own variables.

use shoplake_core::Fault;
use shoplake_core::project::Otlp;
use shoplake_core::source::Secret;

use crate::environment::{self, Environment};
use crate::files::OtlpFile;
use crate::rest;
use crate::yaml::Node;

/// The variables of OpenTelemetry that every program reads.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// The receiver; `None` where none is stated, or where `faults` says why not.
pub(crate) fn read(
    file: Option<&OtlpFile>,
    node: &Node,
    environment: &Environment,
    faults: &mut Vec<Fault>,
) -> Option<Otlp> {
    let variable =
        |name: &str| environment.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    if variable(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    let Some(file) = file else {
        let endpoint = variable(ENDPOINT)?.to_owned();
        return Some(Otlp { endpoint, headers: variable(HEADERS).map(pairs).unwrap_or_default() });
    };
    let endpoint = rest::expand(&file.endpoint, node.at("endpoint"), environment, faults);
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        let fault = node.at("endpoint").fault(format!("`{endpoint}` is not an address"));
        faults.push(fault.hint("write it with `https://` or `http://`, for example `http://localhost:4318`"));
        return None;
    }
    let mut headers = Vec::new();
    for (name, text) in file.headers.iter().flatten() {
        let node = node.at("headers").at(name);
        if environment::reference(text).is_none() && is_secret(name) {
            let fault = node.fault(format!("the secret `{name}` is written as it is"));
            faults.push(
                fault.hint("write `\"${NAME}\"` and set NAME in the environment or in `.env`, which git leaves out"),
            );
        }
        headers.push((name.clone(), Secret(rest::expand(text.trim(), node, environment, faults))));
    }
    Some(Otlp { endpoint, headers })
}

/// Whether a header of this name lets people in.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["auth", "key", "token", "secret"].iter().any(|word| name.contains(word))
}

/// `name=value,name=value`, values percent-encoded, as the standard writes it.
fn pairs(text: &str) -> Vec<(String, Secret)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), Secret(decoded(value.trim()))))
    };
    text.split(',').filter_map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let code = rest.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            left = rest.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            left = rest;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_standard() {
        let read: Vec<(String, String)> =
            pairs("api-key=a%20b, x = 1%,broken").into_iter().map(|(name, value)| (name, value.0)).collect();
        assert_eq!(read, [("api-key".to_owned(), "a b".to_owned()), ("x".to_owned(), "1%".to_owned())]);
    }
}
