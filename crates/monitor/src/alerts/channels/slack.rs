//! A message in Slack, through an incoming webhook.

use reqwest::Client;
use serde_json::json;
use shoplake_core::alert::{Message, Phase, Severity};
use shoplake_core::source::Secret;

use super::{Undelivered, taken, text};

pub(super) async fn send(client: &Client, url: &Secret, message: &Message) -> Result<(), Undelivered> {
    taken(client.post(&url.0).json(&body(message)).send().await)
}

fn body(message: &Message) -> serde_json::Value {
    let mark = match (message.phase, message.severity) {
        (Phase::Resolved, _) => ":white_check_mark:",
        (_, Severity::Critical) => ":red_circle:",
        (_, Severity::Warning) => ":large_orange_circle:",
        (_, Severity::Info) => ":information_source:",
    };
    json!({ "text": format!("{mark} *{}*\n{}", escape(&message.title), escape(&text(message))) })
}

/// What Slack would take for a mention or a link is shown as it stands.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nobody_can_be_mentioned() {
        assert_eq!(super::escape("<!channel> & co"), "&lt;!channel&gt; &amp; co");
    }
}
