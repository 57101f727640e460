//! The outbox on its way: what is due is sent, what is not taken is tried again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::Result;
use shoplake_core::alert::{Alert, AlertStore, Outgoing, Smtp};

use super::channels::Channels;

/// How long the first wait is, and the longest.
const WAIT: (TimeDelta, TimeDelta) = (TimeDelta::seconds(15), TimeDelta::hours(1));
/// A message that nobody took for so long is given up: it speaks of what is long past.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(3);
/// Messages that are sent in one go, within the time that they are claimed for.
const BATCH: u32 = 20;

/// What became of the messages that were due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Taken by their receivers.
    pub sent: usize,
    /// Tried again later.
    pub waiting: usize,
    /// Given up.
    pub given_up: usize,
}

/// Sends the messages that are due at `now`, one after the other, through the mail server that the project states, with
/// the reports that lie in the lake's folder. Others may do the same at the same time.
///
/// # Errors
/// A state that is away; what was sent and not noted is sent again, under the same name.
pub async fn deliver(
    alerts: &[Alert],
    (smtp, lake): (Option<&Smtp>, &Path),
    store: &dyn AlertStore,
    now: DateTime<Utc>,
) -> Result<Delivered> {
    let mut delivered = Delivered::default();
    let claimed = store.claim(now, BATCH).await?;
    if claimed.is_empty() {
        return Ok(delivered);
    }
    let channels = Channels::new(smtp.cloned(), lake)?;
    for message in claimed {
        let alert = alerts.iter().find(|alert| alert.name == message.alert);
        let channel = alert.and_then(|alert| alert.channels.get(message.channel as usize));
        let Some(channel) = channel else {
            tracing::warn!(alert = message.alert, "a message was given up: the alert has no such channel any more");
            store.undelivered(&message.key, "the alert has no such channel any more", None).await?;
            delivered.given_up += 1;
            continue;
        };
        let (alert, word, attempt) = (&message.alert, channel.word(), message.attempts + 1);
        match channels.send(channel, &message).await {
            Ok(()) => {
                tracing::info!(alert, channel = word, attempt, "a message was delivered");
                store.delivered(&message.key, now).await?;
                delivered.sent += 1;
            }
            Err(trouble) => {
                let next_at = next(&message, trouble.retry_after, now);
                let (why, given_up) = (trouble.for_log(), next_at.is_none());
                tracing::warn!(alert, channel = word, attempt, given_up, why, "a message was not delivered");
                store.undelivered(&message.key, &trouble.why, next_at).await?;
                if next_at.is_some() {
                    delivered.waiting += 1;
                } else {
                    delivered.given_up += 1;
                }
            }
        }
    }
    Ok(delivered)
}

/// When a message is tried again: waits double, with a quarter of chance, and keep to what the receiver asks for.
fn next(message: &Outgoing, asked: Option<TimeDelta>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if now - message.at >= GIVEN_UP_AFTER {
        return None;
    }
    let wait = (WAIT.0 * 2_i32.pow(message.attempts.min(12))).min(WAIT.1);
    // Chance that is the same in every test: messages that failed together are not tried together.
    let mut hasher = DefaultHasher::new();
    (&message.key, message.attempts).hash(&mut hasher);
    let quarter = wait.num_milliseconds() / 4;
    let chance = TimeDelta::milliseconds((hasher.finish() % (quarter.max(1) as u64)) as i64);
    Some(now + asked.map_or(wait, |asked| asked.clamp(wait, WAIT.1)) + chance)
}
