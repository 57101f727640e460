//! How long to wait before asking again. Nothing sleeps here.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The wait before the next attempt, `failed` attempts having failed: what the server asked for, or
/// else a random part of a span that doubles with each failure (full jitter). Never above `longest`.
pub(super) fn wait(failed: u32, unit: Duration, asked: Option<Duration>, longest: Duration) -> Duration {
    if let Some(asked) = asked {
        return asked.min(longest);
    }
    let span = unit.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1))).min(longest);
    span.mul_f64(rand::random::<f64>())
}

/// What a `Retry-After` header asks for: seconds, or an HTTP date.
pub(super) fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = DateTime::parse_from_rfc2822(header).ok()?;
    Some((moment.to_utc() - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given each way to write `Retry-After`, when read, then it is the span until then, never negative.
    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now = DateTime::parse_from_rfc3339("2015-10-21T07:27:30Z").unwrap().to_utc();
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    /// Given many failures, when waiting, then the span doubles and never passes the longest wait.
    #[test]
    fn waits_double_up_to_the_longest() {
        let (unit, longest) = (Duration::from_millis(500), Duration::from_secs(3));
        for failed in 1..80 {
            let most = unit.saturating_mul(2_u32.saturating_pow(failed - 1)).min(longest);
            assert!((0..50).all(|_| wait(failed, unit, None, longest) <= most), "after {failed} failures");
        }
        assert!((0..200).any(|_| wait(9, unit, None, longest) > longest / 2), "jitter spans the whole wait");
        assert_eq!(wait(1, unit, Some(Duration::from_mins(15)), longest), longest);
    }
}
