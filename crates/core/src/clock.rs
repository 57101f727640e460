//! The shop's clock: local time to UTC and back, fast enough for every row.

use std::collections::HashMap;

use chrono::{Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

const MICROS_A_SECOND: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// The zone that the shop's days are counted in, with a memory of each day's offset.
///
/// Not shared between threads: clone one for each.
#[derive(Debug, Clone)]
pub struct ShopZone {
    zone: Tz,
    by_utc_day: HashMap<i64, Option<i32>>,
    by_local_day: HashMap<i64, Option<i32>>,
    last_utc: Option<(i64, i32)>,
    last_local: Option<(i64, i32)>,
}

impl ShopZone {
    /// The clock of `zone`.
    pub fn new(zone: Tz) -> Self {
        Self { zone, by_utc_day: HashMap::new(), by_local_day: HashMap::new(), last_utc: None, last_local: None }
    }

    /// The zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// UTC microseconds of a local moment; `None` where the clock change skips it.
    ///
    /// A moment that happens twice is the earlier one.
    pub fn utc_micros(&mut self, local_micros: i64) -> Option<i64> {
        let day = local_micros.div_euclid(MICROS_A_SECOND * SECONDS_A_DAY);
        if let Some((known, offset)) = self.last_local
            && known == day
        {
            return Some(local_micros - i64::from(offset) * MICROS_A_SECOND);
        }
        let zone = self.zone;
        let offset = *self.by_local_day.entry(day).or_insert_with(|| {
            let at = |day| offset_of_local(zone, day * SECONDS_A_DAY);
            at(day).filter(|first| at(day + 1) == Some(*first))
        });
        if let Some(offset) = offset {
            self.last_local = Some((day, offset));
            return Some(local_micros - i64::from(offset) * MICROS_A_SECOND);
        }
        let seconds = local_micros.div_euclid(MICROS_A_SECOND);
        offset_of_local(zone, seconds).map(|offset| local_micros - i64::from(offset) * MICROS_A_SECOND)
    }

    /// Local microseconds (as if they were UTC) of a UTC moment.
    pub fn local_micros(&mut self, utc_micros: i64) -> i64 {
        let day = utc_micros.div_euclid(MICROS_A_SECOND * SECONDS_A_DAY);
        if let Some((known, offset)) = self.last_utc
            && known == day
        {
            return utc_micros + i64::from(offset) * MICROS_A_SECOND;
        }
        let zone = self.zone;
        let offset = *self.by_utc_day.entry(day).or_insert_with(|| {
            let first = offset_of_utc(zone, day * SECONDS_A_DAY);
            (first == offset_of_utc(zone, (day + 1) * SECONDS_A_DAY)).then_some(first)
        });
        if let Some(offset) = offset {
            self.last_utc = Some((day, offset));
        }
        let offset = offset.unwrap_or_else(|| offset_of_utc(zone, utc_micros.div_euclid(MICROS_A_SECOND)));
        utc_micros + i64::from(offset) * MICROS_A_SECOND
    }

    /// The shop's calendar day of a UTC moment, in days since 1970-01-01.
    pub fn local_day(&mut self, utc_micros: i64) -> i32 {
        self.local_micros(utc_micros).div_euclid(MICROS_A_SECOND * SECONDS_A_DAY) as i32
    }

    /// The shop's day at this moment.
    pub fn today(&self) -> NaiveDate {
        Utc::now().with_timezone(&self.zone).date_naive()
    }
}

/// Year, month and day of a day number since 1970-01-01.
pub fn civil(day: i32) -> (i32, i32, i32) {
    let date = NaiveDate::default() + chrono::TimeDelta::days(i64::from(day));
    (date.year(), date.month() as i32, date.day() as i32)
}

/// The number of a calendar day, days since 1970-01-01; `None` where there is no such day.
pub fn day_number(year: i32, month: i32, day: i32) -> Option<i32> {
    let date = NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

fn offset_of_utc(zone: Tz, seconds: i64) -> i32 {
    naive(seconds).map_or(0, |utc| zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

fn offset_of_local(zone: Tz, seconds: i64) -> Option<i32> {
    match zone.offset_from_local_datetime(&naive(seconds)?) {
        MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => Some(offset.fix().local_minus_utc()),
        MappedLocalTime::None => None,
    }
}

fn naive(seconds: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp(seconds, 0).map(|moment| moment.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<NaiveDateTime>().unwrap().and_utc().timestamp_micros()
    }

    /// Given New York, when clocks go forward and back, then each moment has the offset of its side.
    #[test]
    fn both_clock_changes() {
        let mut zone = ShopZone::new(chrono_tz::America::New_York);
        assert_eq!(zone.utc_micros(micros("2024-03-10T01:59:59")), Some(micros("2024-03-10T06:59:59")));
        assert_eq!(zone.utc_micros(micros("2024-03-10T02:30:00")), None, "the clock skips 02:30");
        assert_eq!(zone.utc_micros(micros("2024-03-10T03:00:00")), Some(micros("2024-03-10T07:00:00")));
        assert_eq!(
            zone.utc_micros(micros("2024-11-03T01:30:00")),
            Some(micros("2024-11-03T05:30:00")),
            "the earlier one"
        );
        assert_eq!(zone.local_micros(micros("2024-11-03T05:30:00")), micros("2024-11-03T01:30:00"));
        assert_eq!(zone.local_micros(micros("2024-11-03T06:30:00")), micros("2024-11-03T01:30:00"));
        assert_eq!(civil(zone.local_day(micros("2024-03-10T04:30:00"))), (2024, 3, 9));
    }

    proptest::proptest! {
        /// The memory of a day's offset never differs from asking the zone for each moment.
        #[test]
        fn memory_equals_the_zone(seconds in -4_000_000_000_i64..8_000_000_000) {
            for tz in [chrono_tz::America::New_York, chrono_tz::Africa::Casablanca, chrono_tz::Australia::Lord_Howe] {
                let mut zone = ShopZone::new(tz);
                proptest::prop_assert_eq!(zone.local_micros(seconds * MICROS_A_SECOND), (seconds + i64::from(offset_of_utc(tz, seconds))) * MICROS_A_SECOND);
                let want = offset_of_local(tz, seconds).map(|offset| (seconds - i64::from(offset)) * MICROS_A_SECOND);
                proptest::prop_assert_eq!(zone.utc_micros(seconds * MICROS_A_SECOND), want);
            }
        }
    }
}
