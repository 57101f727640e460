//! A message as an e-mail: plain text in UTF-8, which every reader shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shoplake_core::alert::{Outgoing, Severity, Smtp};

use super::text;

/// Bytes of text that fit into one encoded word of a header (RFC 2047: 75 characters with its frame).
const WORD: usize = 45;
/// Characters of a line of Base64 (RFC 2045).
const LINE: usize = 76;

/// The whole mail, its lines ended by CRLF.
pub(super) fn write(smtp: &Smtp, recipients: &[String], outgoing: &Outgoing) -> String {
    let message = &outgoing.message;
    let domain = smtp.from.rsplit('@').next().unwrap_or("localhost");
    let id: String = outgoing.key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut lines = vec![
        format!("From: Shoplake <{}>", smtp.from),
        format!("To: {}", recipients.join(", ")),
        format!("Subject: {}", header(&message.title)),
        format!("Date: {}", outgoing.at.to_rfc2822()),
        // The same mail has the same name, however often it is sent.
        format!("Message-ID: <{id}@{domain}>"),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Content-Transfer-Encoding: base64".to_owned(),
        // Nobody's out-of-office answers a machine (RFC 3834).
        "Auto-Submitted: auto-generated".to_owned(),
    ];
    if message.severity == Severity::Critical {
        lines.push("Importance: high".to_owned());
    }
    lines.push(String::new());
    let body = STANDARD.encode(text(message).replace('\n', "\r\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        lines.push(line.to_owned());
        rest = after;
    }
    lines.join("\r\n") + "\r\n"
}

/// A header's text as encoded words, so that no letter of it can end the header.
fn header(text: &str) -> String {
    let mut words = vec![String::new()];
    for letter in text.chars() {
        let word = if letter.is_control() { ' ' } else { letter };
        match words.last_mut() {
            Some(last) if last.len() + word.len_utf8() <= WORD => last.push(word),
            _ => words.push(word.to_string()),
        }
    }
    words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect::<Vec<_>>().join("\r\n ")
}
