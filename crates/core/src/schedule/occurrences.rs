//! The moments at which a schedule is due, in order, through every change of the clock.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::Cron;

/// Whatever day is named comes round within this: 29 February is 8 years away around 2100.
const HORIZON_DAYS: u64 = 12 * 366;
/// A day's moments may lie up to so many days beside it: zones have skipped and repeated whole days.
const SLACK_DAYS: u64 = 2;

/// The moments at which a cron expression is due, one after the other, without end but for the
/// calendar's.
#[derive(Debug)]
pub struct Occurrences<'c> {
    cron: &'c Cron,
    zone: Tz,
    after: DateTime<Utc>,
    /// Moments of the days that were looked at.
    found: BTreeSet<DateTime<Utc>>,
    /// The next day to look at.
    day: NaiveDate,
}

impl Cron {
    /// The moments after `after`, in the clock of `zone`.
    pub fn after(&self, zone: Tz, after: DateTime<Utc>) -> Occurrences<'_> {
        let today = after.with_timezone(&zone).date_naive();
        let day = today.checked_sub_days(Days::new(SLACK_DAYS)).unwrap_or(today);
        Occurrences { cron: self, zone, after, found: BTreeSet::new(), day }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<DateTime<Utc>> {
        let end = self.day.checked_add_days(Days::new(HORIZON_DAYS))?;
        while self.day < end {
            if let Some(first) = self.found.first() {
                let reach = first.with_timezone(&self.zone).date_naive().checked_add_days(Days::new(SLACK_DAYS))?;
                if self.day > reach {
                    break;
                }
            }
            if self.cron.names_day(self.day) {
                self.look_at(self.day);
            }
            self.day = self.day.succ_opt()?;
        }
        self.found.pop_first()
    }
}

impl Occurrences<'_> {
    fn look_at(&mut self, day: NaiveDate) {
        for time in self.cron.times() {
            let local = day.and_time(time);
            let (first, again) = match self.zone.from_local_datetime(&local) {
                MappedLocalTime::Single(moment) => (Some(moment), None),
                MappedLocalTime::Ambiguous(first, again) => (Some(first), Some(again)),
                MappedLocalTime::None if self.cron.counts_hours() => (None, None),
                MappedLocalTime::None => (after_gap(self.zone, local), None),
            };
            let again = again.filter(|_| self.cron.counts_hours());
            let moments = first.into_iter().chain(again).map(|moment| moment.with_timezone(&Utc));
            self.found.extend(moments.filter(|moment| *moment > self.after));
        }
    }
}

/// The first moment after the gap that `local` falls into; `None` where the gap swallows its whole day.
fn after_gap(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Tz>> {
    let exists = |local: &NaiveDateTime| zone.from_local_datetime(local).earliest();
    let minutes = (1..=26 * 60).map(|minutes| local + TimeDelta::minutes(minutes));
    let end = minutes.into_iter().find_map(|later| exists(&later))?;
    let day_begins = exists(&local.date().and_time(chrono::NaiveTime::MIN)).is_some();
    (day_begins || end.date_naive() == local.date()).then_some(end)
}
