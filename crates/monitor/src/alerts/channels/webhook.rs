//! A signed POST of the message as JSON.
//!
//! `Shoplake-Event` names the message: a receiver that sees a name twice has it already.
//! `Shoplake-Signature: t=<seconds>,v1=<code>` proves the sender: the code is HMAC-SHA256, in hexadecimal,
//! of `<seconds>.<body>` under the secret that the alert's file states. A receiver that refuses an old `t`
//! cannot be fooled by a message that somebody recorded.

use chrono::Utc;
use reqwest::Client;
use serde_json::{Value, json};
use shoplake_core::alert::Outgoing;
use shoplake_core::source::Secret;

use super::hmac::hmac_sha256;
use super::{Undelivered, taken};

/// The header of the signature.
pub const SIGNATURE: &str = "Shoplake-Signature";
const EVENT: &str = "Shoplake-Event";

/// The signature of a body at a moment (seconds since 1970).
pub fn sign(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mut signed = format!("{seconds}.").into_bytes();
    signed.extend_from_slice(body);
    format!("t={seconds},v1={}", hmac_sha256(secret.as_bytes(), &signed))
}

pub(super) async fn send(
    client: &Client,
    url: &Secret,
    secret: Option<&Secret>,
    outgoing: &Outgoing,
    figures: Option<Vec<u8>>,
) -> Result<(), Undelivered> {
    let mut body = serde_json::to_value(&outgoing.message).map_err(|error| Undelivered::because(error.to_string()))?;
    if let Some(body) = body.as_object_mut() {
        body.insert("event".to_owned(), outgoing.key.clone().into());
        if let Some(letter) = &outgoing.message.report {
            let figures = figures.and_then(|figures| serde_json::from_slice(&figures).ok());
            body.insert(
                "report".to_owned(),
                json!({
                    "report": letter.report, "date": letter.date, "text": letter.text,
                    "figures": figures.unwrap_or(Value::Null),
                }),
            );
        }
    }
    let body = body.to_string();
    let name: String = outgoing.key.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
    let mut request = client.post(&url.0).header("content-type", "application/json").header(EVENT, name);
    if let Some(secret) = secret {
        request = request.header(SIGNATURE, sign(&secret.0, Utc::now().timestamp(), body.as_bytes()));
    }
    taken(request.body(body).send().await)
}
