//! Dates and timestamps from text: ISO 8601 by hand, because every row has one; other formats by chrono.

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{Datelike, NaiveDate, NaiveTime};
use shoplake_core::{Fault, Result, ShopZone};

use super::Misread;

const MICROS_A_SECOND: i64 = 1_000_000;
const MICROS_A_DAY: i64 = 86_400 * MICROS_A_SECOND;
/// 0001-01-01 and the day after 9999-12-31, in days since 1970-01-01.
const FIRST_DAY: i64 = -719_162;
const END_DAY: i64 = 2_932_897;

/// A strptime format of the contract.
#[derive(Debug)]
pub(crate) struct TimeFormat(Vec<Item<'static>>);

impl TimeFormat {
    /// Compiles a format; `%f` after a point is a fraction, as everywhere but in chrono.
    pub(super) fn new(format: &str) -> Result<Self> {
        let items = StrftimeItems::new(&format.replace(".%f", "%.f")).parse_to_owned();
        items.map(Self).map_err(|error| {
            Fault::usage(format!("`{format}` is no time format: {error}"))
                .hint("write it as strptime does, such as `%d/%m/%Y %H:%M`")
        })
    }

    fn read(&self, text: &str) -> Option<Moment> {
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text, self.0.iter()).ok()?;
        if parsed.timestamp().is_some() && parsed.offset().is_none() {
            return Some(Moment::Utc(parsed.to_naive_datetime_with_offset(0).ok()?.and_utc().timestamp_micros()));
        }
        let date = parsed.to_naive_date().ok()?;
        // `%Y` would take `24` for the year 24: a shop's year has four digits.
        if !(1000..=9999).contains(&date.year()) {
            return None;
        }
        if parsed.offset().is_some() {
            return Some(Moment::Utc(parsed.to_datetime().ok()?.timestamp_micros()));
        }
        let no_time = parsed.hour_mod_12().is_none() && parsed.minute().is_none() && parsed.second().is_none();
        let time = if no_time { NaiveTime::MIN } else { parsed.to_naive_time().ok()? };
        Some(Moment::Local(date.and_time(time).and_utc().timestamp_micros()))
    }
}

/// A moment before the shop's zone is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Microseconds of the shop's local time, as if it were UTC.
    Local(i64),
    /// UTC microseconds.
    Utc(i64),
}

/// UTC microseconds of a text: ISO 8601, or the first of `formats` that fits.
pub(super) fn timestamp(text: &str, formats: &[TimeFormat], zone: &mut ShopZone) -> Result<i64, Misread> {
    let moment = if formats.is_empty() {
        iso_moment(text.as_bytes())
    } else {
        formats.iter().find_map(|format| format.read(text))
    };
    let utc = match moment.ok_or(Misread::Type)? {
        Moment::Utc(utc) => utc,
        Moment::Local(local) => zone.utc_micros(local).ok_or(Misread::NoSuchTime)?,
    };
    let in_years = (FIRST_DAY * MICROS_A_DAY..END_DAY * MICROS_A_DAY).contains(&utc);
    in_years.then_some(utc).ok_or(Misread::Type)
}

/// Days since 1970-01-01 of a text: `YYYY-MM-DD`, or the first of `formats` that fits.
pub(super) fn date(text: &str, formats: &[TimeFormat]) -> Option<i32> {
    if formats.is_empty() {
        let (day, rest) = iso_day(text.as_bytes())?;
        return rest.is_empty().then_some(day as i32);
    }
    formats.iter().find_map(|format| {
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text, format.0.iter()).ok()?;
        let date = parsed.to_naive_date().ok().filter(|date| (1000..=9999).contains(&date.year()))?;
        Some(date.signed_duration_since(NaiveDate::default()).num_days() as i32)
    })
}

/// `YYYY-MM-DD`, alone or with `T` or a blank and `HH:MM[:SS[.f]]`, then `Z` or an offset or nothing.
fn iso_moment(text: &[u8]) -> Option<Moment> {
    let (day, rest) = iso_day(text)?;
    let midnight = day * MICROS_A_DAY;
    let Some((b'T' | b' ', rest)) = rest.split_first() else {
        return rest.is_empty().then_some(Moment::Local(midnight));
    };
    let [h1, h2, b':', m1, m2, rest @ ..] = rest else { return None };
    let (hour, minute) = (two(*h1, *h2, 23)?, two(*m1, *m2, 59)?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2, 59)?, rest),
        _ => (0, rest),
    };
    let seconds = hour * 3600 + minute * 60 + second;
    let local = midnight + seconds * MICROS_A_SECOND;
    if rest.is_empty() {
        return Some(Moment::Local(local));
    }
    let has_seconds = text.get(16) == Some(&b':');
    let (micros, rest) = match rest {
        [b'.' | b',', rest @ ..] if has_seconds => fraction(rest)?,
        _ => (0, rest),
    };
    match rest {
        [] => Some(Moment::Local(local + micros)),
        b"Z" => Some(Moment::Utc(local + micros)),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let offset = offset_minutes(rest)? * 60 * MICROS_A_SECOND;
            Some(Moment::Utc(local + micros - if *sign == b'+' { offset } else { -offset }))
        }
        _ => None,
    }
}

/// The day that the text begins with, and the rest.
fn iso_day(text: &[u8]) -> Option<(i64, &[u8])> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text else { return None };
    let year = two(*y1, *y2, 99)? * 100 + two(*y3, *y4, 99)?;
    let (month, day) = (two(*m1, *m2, 12)?, two(*d1, *d2, 31)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (year > 0 && month > 0 && (1..=days).contains(&day)).then(|| (day_number(year, month, day), rest))
}

/// Days since 1970-01-01 (Howard Hinnant's days_from_civil).
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day at their end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Two digits that write a number of at most `most`.
fn two(tens: u8, ones: u8, most: i64) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return None;
    }
    let number = i64::from(tens) * 10 + i64::from(ones);
    (number <= most).then_some(number)
}

/// Microseconds of a fraction and the rest; finer digits than that must be zeros, for none is lost.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || digits.iter().skip(6).any(|digit| *digit != b'0') {
        return None;
    }
    let micros = (0..6).fold(0, |micros, n| micros * 10 + digits.get(n).map_or(0, |digit| i64::from(digit - b'0')));
    Some((micros, rest))
}

/// `HH:MM`, `HHMM` or `HH`.
fn offset_minutes(text: &[u8]) -> Option<i64> {
    match text {
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => Some(two(*h1, *h2, 23)? * 60 + two(*m1, *m2, 59)?),
        [h1, h2] => Some(two(*h1, *h2, 23)? * 60),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<String> {
        let mut zone = ShopZone::new(chrono_tz::UTC);
        let micros = timestamp(text, &[], &mut zone).ok()?;
        Some(chrono::DateTime::from_timestamp_micros(micros).unwrap().format("%Y-%m-%dT%H:%M:%S%.f").to_string())
    }

    /// Given texts that ISO 8601 allows and such that it does not, when read, then only the first load.
    #[test]
    fn iso_timestamps() {
        for (text, want) in [
            ("2024-01-01 00:00:12", "2024-01-01T00:00:12"),
            ("2024-01-01", "2024-01-01T00:00:00"),
            ("2024-02-29T23:59", "2024-02-29T23:59:00"),
            ("2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.500"),
            ("2024-01-01T00:00:00.123456000Z", "2024-01-01T00:00:00.123456"),
            ("2024-01-01T09:00:00+09:00", "2024-01-01T00:00:00"),
            ("2023-12-31T23:30:00-0500", "2024-01-01T04:30:00"),
            ("2024-01-01T01:00+01", "2024-01-01T00:00:00"),
            ("0001-01-01", "0001-01-01T00:00:00"),
            ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
        ] {
            assert_eq!(utc(text).as_deref(), Some(want), "{text}");
        }
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "0000-01-01",
            "10000-01-01",
            "31/02/2026",
            "20240101",
            "2024-01-01T24:00:00",
            "2024-01-01T23:59:60",
            "2024-01-01T00:00:00.",
            "2024-01-01T00:00:00.1234567",
            "2024-01-01T00:00.5",
            "2024-01-01  00:00",
            "2024-01-01T",
            "2024-01-01t00:00:00",
            "2024-01-01T00:00:00z",
            "2024-01-01T00:00:00 Z",
            "2024-01-01T00:00:00+24:00",
            "0001-01-01T00:00:00+09:00",
            "1704067200",
            "not a time",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    /// Given New York, when a local time is skipped, then it is named so, and others get their offset.
    #[test]
    fn local_times() {
        let mut zone = ShopZone::new(chrono_tz::America::New_York);
        assert_eq!(timestamp("2024-03-10 02:30:00", &[], &mut zone), Err(Misread::NoSuchTime));
        let midnight = timestamp("2024-01-02", &[], &mut zone).unwrap();
        assert_eq!(Ok(midnight), timestamp("2024-01-02T05:00:00Z", &[], &mut zone));
    }

    #[test]
    fn declared_formats() {
        let formats = ["%d/%m/%y %H:%M", "%d.%m.%Y", "%Y%m%dT%H%M%S.%f%z"].map(|f| TimeFormat::new(f).unwrap());
        let mut zone = ShopZone::new(chrono_tz::UTC);
        let mut read = |text: &str| timestamp(text, &formats, &mut zone).ok();
        assert_eq!(read("1/12/10 8:26"), Some(1_291_191_960_000_000));
        assert_eq!(read("31.01.2024"), Some(1_706_659_200_000_000));
        assert_eq!(read("20240131T010203.5+0100"), Some(1_706_659_323_500_000));
        assert_eq!(read("31/02/10 08:26"), None);
        assert_eq!(read("31.01.24"), None, "the year 24 is not meant");
        assert_eq!(read("2024-01-31"), None, "the contract says otherwise");
        assert!(TimeFormat::new("%Q").is_err());
    }

    #[test]
    fn dates() {
        assert_eq!(date("1970-01-02", &[]), Some(1));
        assert_eq!(date("2024-02-30", &[]), None);
        assert_eq!(date("2024-01-01T00:00:00", &[]), None);
        assert_eq!(date("02.01.1970", &[TimeFormat::new("%d.%m.%Y").unwrap()]), Some(1));
    }

    proptest::proptest! {
        /// The hand-written calendar is chrono's.
        #[test]
        fn calendar_equals_chronos(day in FIRST_DAY..END_DAY) {
            let date = NaiveDate::default() + chrono::TimeDelta::days(day);
            let text = date.format("%Y-%m-%d").to_string();
            proptest::prop_assert_eq!(super::date(&text, &[]), Some(day as i32));
        }
    }
}
