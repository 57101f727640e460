//! A message as an e-mail: plain text in UTF-8, which every reader shows; the page of a report is attached.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shoplake_core::alert::{Outgoing, Severity, Smtp};

use super::text;

/// Bytes of text that fit into one encoded word of a header (RFC 2047: 75 characters with its frame).
const WORD: usize = 45;
/// Characters of a line of Base64 (RFC 2045).
const LINE: usize = 76;

/// The whole mail, its lines ended by CRLF; `attached` is a page of HTML under a name in plain ASCII.
pub(super) fn write(
    smtp: &Smtp,
    recipients: &[String],
    outgoing: &Outgoing,
    attached: Option<(String, Vec<u8>)>,
) -> String {
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
        // Nobody's out-of-office answers a machine (RFC 3834).
        "Auto-Submitted: auto-generated".to_owned(),
    ];
    if message.severity == Severity::Critical {
        lines.push("Importance: high".to_owned());
    }
    let words = text(message).replace('\n', "\r\n");
    let Some((name, page)) = attached else {
        part(&mut lines, "text/plain", None, words.as_bytes());
        return lines.join("\r\n") + "\r\n";
    };
    // No line of Base64 begins with a dash: nothing that is attached can end its part.
    let boundary = "--shoplake-part".to_owned();
    lines.push("Content-Type: multipart/mixed; boundary=\"shoplake-part\"".to_owned());
    lines.extend([String::new(), boundary.clone()]);
    part(&mut lines, "text/plain", None, words.as_bytes());
    lines.push(boundary.clone());
    part(&mut lines, "text/html", Some(&name), &page);
    lines.push(format!("{boundary}--"));
    lines.join("\r\n") + "\r\n"
}

/// Some bytes with the headers that say what they are.
fn part(lines: &mut Vec<String>, media_type: &str, name: Option<&str>, bytes: &[u8]) {
    lines.push(format!("Content-Type: {media_type}; charset=utf-8"));
    lines.push("Content-Transfer-Encoding: base64".to_owned());
    lines.extend(name.map(|name| format!("Content-Disposition: attachment; filename=\"{name}\"")));
    lines.push(String::new());
    let body = STANDARD.encode(bytes);
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        lines.push(line.to_owned());
        rest = after;
    }
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
