//! The cursor of an incremental source: how far the records go, and from where to ask the next time.
//!
//! Moments compare as moments and whole numbers as numbers, whatever their text.

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta};
use serde_json::Value;
use serde_json::value::RawValue;

/// One value at `incremental.cursor_path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CursorValue {
    meaning: Meaning,
    text: String,
    /// Whether it is a JSON number, so that it is stored as one.
    number: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    /// Compared letter by letter. Below the others, so that an `n/a` among moments never wins.
    Text,
    Integer(i128),
    Instant(DateTime<FixedOffset>),
}

impl CursorValue {
    /// The value in a record; `None` where it is null, empty or no single value.
    pub(super) fn of_record(raw: &RawValue) -> Option<Self> {
        match raw.get().as_bytes().first()? {
            b'"' => Self::of_text(&serde_json::from_str::<String>(raw.get()).ok()?),
            b'-' | b'0'..=b'9' => Self::of_number(raw.get()),
            _ => None,
        }
    }

    /// The value as it was stored.
    pub(super) fn of_stored(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::of_text(text),
            Value::Number(number) => Self::of_number(&number.to_string()),
            _ => None,
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        let text = text.trim().to_owned();
        if text.is_empty() {
            return None;
        }
        let meaning = if let Ok(integer) = text.parse() {
            Meaning::Integer(integer)
        } else if let Ok(instant) = DateTime::parse_from_rfc3339(&text) {
            Meaning::Instant(instant)
        } else {
            Meaning::Text
        };
        Some(Self { meaning, text, number: false })
    }

    fn of_number(text: &str) -> Option<Self> {
        let integer = match text.parse::<i128>() {
            Ok(integer) => integer,
            // A fraction of a second is asked again rather than compared.
            Err(_) => text.parse::<f64>().ok()?.floor() as i128,
        };
        Some(Self { meaning: Meaning::Integer(integer), text: integer.to_string(), number: true })
    }

    /// The further of the two.
    pub(super) fn max(self, other: Self) -> Self {
        if self.compare(&other).is_lt() { other } else { self }
    }

    /// Whether both are of one kind; an API that changes the kind of its cursor starts a new count.
    pub(super) fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.meaning) == std::mem::discriminant(&other.meaning)
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (&self.meaning, &other.meaning) {
            (Meaning::Text, Meaning::Text) => self.text.cmp(&other.text),
            (Meaning::Integer(a), Meaning::Integer(b)) => a.cmp(b),
            (Meaning::Instant(a), Meaning::Instant(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// The value to ask from: `lag_seconds` behind this one, in the same notation.
    pub(super) fn behind(&self, lag_seconds: i64) -> String {
        if lag_seconds == 0 {
            return self.text.clone();
        }
        match &self.meaning {
            Meaning::Text => self.text.clone(),
            Meaning::Integer(value) => {
                // Counts of this size are milliseconds or microseconds since 1970; asking too early does no harm.
                let a_second = match value.unsigned_abs() {
                    0..100_000_000_000 => 1,
                    100_000_000_000..100_000_000_000_000 => 1_000,
                    _ => 1_000_000,
                };
                value.saturating_sub(i128::from(lag_seconds) * a_second).to_string()
            }
            Meaning::Instant(instant) => {
                TimeDelta::try_seconds(lag_seconds).and_then(|lag| instant.checked_sub_signed(lag)).map_or_else(
                    || self.text.clone(),
                    |moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, self.text.ends_with(['Z', 'z'])),
                )
            }
        }
    }

    /// The value to store.
    pub(super) fn stored(&self) -> Value {
        match (&self.meaning, self.number) {
            (Meaning::Integer(value), true) => {
                i64::try_from(*value).map_or_else(|_| Value::String(self.text.clone()), Value::from)
            }
            _ => Value::String(self.text.clone()),
        }
    }
}

impl Meaning {
    fn rank(&self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Integer(_) => 1,
            Self::Instant(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn furthest(records: &[&str]) -> Option<CursorValue> {
        let values = records.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap());
        values.filter_map(|raw| CursorValue::of_record(&raw)).reduce(CursorValue::max)
    }

    /// Given moments with several offsets, numbers of several lengths, or gaps, when the furthest is
    /// sought, then meaning decides and not text.
    #[test]
    fn the_furthest_by_meaning() {
        let moments = [r#""2024-03-15T23:30:00-05:00""#, r#""2024-03-16T03:00:00Z""#, "null", r#""n/a""#, r#""""#];
        assert_eq!(furthest(&moments).unwrap().stored(), "2024-03-15T23:30:00-05:00");
        assert_eq!(furthest(&["9", "10", "null", "8.5"]).unwrap().stored(), 10);
        assert_eq!(furthest(&[r#""9""#, r#""10""#]).unwrap().stored(), "10");
        assert_eq!(furthest(&[r#""2024-03-09""#, r#""2024-03-10""#]).unwrap().stored(), "2024-03-10");
        assert_eq!(furthest(&["null", "{}", "true"]), None);
    }

    /// Given a lag, when asking again, then the value lies so far behind in its own notation.
    #[test]
    fn behind_in_the_same_notation() {
        let behind = |value: Value| CursorValue::of_stored(&value).unwrap().behind(3600);
        assert_eq!(behind("2024-03-15T10:00:00.250Z".into()), "2024-03-15T09:00:00.250Z");
        assert_eq!(behind("2024-03-15T00:30:00+01:00".into()), "2024-03-14T23:30:00+01:00");
        assert_eq!(behind(1_710_496_800.into()), "1710493200");
        assert_eq!(behind(1_710_496_800_000_i64.into()), "1710493200000");
        assert_eq!(behind("2024-03-15".into()), "2024-03-15", "other text has no lag");
    }
}
