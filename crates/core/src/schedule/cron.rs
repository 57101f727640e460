//! Cron expressions of five fields: reading them, and which days and times of day they name.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveTime};

/// A field: its name, its range, and the names that stand for its numbers from the first one on.
struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAYS_MAX: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const FIELDS: [Field; 5] = [
    Field { name: "minute", range: 0..=59, names: &[] },
    Field { name: "hour", range: 0..=23, names: &[] },
    Field { name: "day of the month", range: 1..=31, names: &[] },
    Field { name: "month", range: 1..=12, names: &MONTHS },
    Field { name: "day of the week", range: 0..=7, names: &WEEKDAYS },
];

/// `minute hour day month weekday`, as cron knows them. Where both the day of the month and the day
/// of the week are named, either of them is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    /// One bit a number, for each field; Sunday is bit 0.
    fields: [u64; 5],
    /// Whether a field begins with `*`.
    any: [bool; 5],
}

impl FromStr for Cron {
    type Err = String;

    /// Reads an expression; the error says what is wrong with it, or that it never fires.
    fn from_str(expression: &str) -> Result<Self, String> {
        let written: Vec<&str> = expression.split_whitespace().collect();
        if written.len() != FIELDS.len() {
            return Err(format!("five fields are needed (minute hour day month weekday), found {}", written.len()));
        }
        let mut cron = Self { text: written.join(" "), fields: [0; 5], any: [false; 5] };
        for ((field, text), (bits, any)) in FIELDS.iter().zip(&written).zip(cron.fields.iter_mut().zip(&mut cron.any)) {
            *bits = field.bits(text)?;
            *any = text.starts_with('*');
        }
        // 7 is Sunday too.
        cron.fields[4] = (cron.fields[4] | cron.fields[4] >> 7) & 0x7f;
        let [_, _, days, months, _] = cron.fields;
        let days_of = |month: u32| DAYS_MAX.get(month as usize - 1).copied().unwrap_or(0);
        let fires = (1..=12).any(|month| has(months, month) && (1..=days_of(month)).any(|day| has(days, day)));
        if (cron.any[2] || cron.any[4]) && !fires {
            return Err("it never fires: no such day in that month".to_owned());
        }
        Ok(cron)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// Whether it names this day.
    pub fn names_day(&self, day: NaiveDate) -> bool {
        let [_, _, days, months, weekdays] = self.fields;
        let by_day = has(days, day.day());
        let by_weekday = has(weekdays, day.weekday().num_days_from_sunday());
        // As cron does: two restrictions are alternatives, one beside a `*` is not.
        let named = if self.any[2] || self.any[4] { by_day && by_weekday } else { by_day || by_weekday };
        has(months, day.month()) && named
    }

    /// The times of day that it names, in order.
    pub fn times(&self) -> impl Iterator<Item = NaiveTime> + '_ {
        let [minutes, hours, ..] = self.fields;
        let hours = (0..24).filter(move |hour| has(hours, *hour));
        hours.flat_map(move |hour| {
            let minutes = (0..60).filter(move |minute| has(minutes, *minute));
            minutes.filter_map(move |minute| NaiveTime::from_hms_opt(hour, minute, 0))
        })
    }

    /// Whether it counts hours that pass (`*`, `*/2`) rather than hours that it names.
    pub fn counts_hours(&self) -> bool {
        self.any[1]
    }
}

fn has(bits: u64, number: u32) -> bool {
    bits >> number & 1 == 1
}

impl Field {
    /// The numbers that a field stands for, one bit each.
    fn bits(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)),
                None => (part, Some(1)),
            };
            let step =
                step.ok_or_else(|| format!("`{part}` is not a valid {}: the step must be 1 or more", self.name))?;
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (*self.range.start(), *self.range.end()),
                Some((first, last)) => (self.number(first)?, self.number(last)?),
                None if part.contains('/') => (self.number(range)?, *self.range.end()),
                None => (self.number(range)?, self.number(range)?),
            };
            if first > last {
                return Err(format!("`{part}` is not a valid {}: the range runs backwards", self.name));
            }
            bits |= (first..=last).step_by(step as usize).fold(0, |bits, number| bits | 1 << number);
        }
        Ok(bits)
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = named.map(|index| index as u32 + self.range.start()).or_else(|| text.parse().ok());
        number.filter(|number| self.range.contains(number)).ok_or_else(|| {
            format!("`{text}` is not a valid {} ({} to {})", self.name, self.range.start(), self.range.end())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_expressions_that_fire_pass() {
        for good in
            ["0 6 * * *", "*/15 8-18 * * MON-FRI", "0 0 29 2 *", "5,10 0 1 jan,jul 0", "0 0 30 2 1", "0 0 * * 7"]
        {
            assert!(good.parse::<Cron>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("0 0 30 2 *", "never fires"),
            ("0 0 31 4,6,9,11 *", "never fires"),
            ("60 * * * *", "not a valid minute (0 to 59)"),
            ("* 24 * * *", "not a valid hour"),
            ("* * 0 * *", "day of the month"),
            ("* * * foo *", "not a valid month"),
            ("*/0 * * * *", "step"),
            ("5-1 * * * *", "backwards"),
            ("@daily", "five fields"),
            ("0 6 * * * *", "five fields"),
        ] {
            let message = bad.parse::<Cron>().unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }

    #[test]
    fn days_as_cron_knows_them() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let names = |cron: &str, on: &str| cron.parse::<Cron>().unwrap().names_day(day(on));
        assert!(names("0 6 * * 7", "2024-03-17") && names("0 6 * * 0", "2024-03-17"), "a Sunday has two numbers");
        assert!(!names("0 6 * * MON-FRI", "2024-03-16") && names("0 6 * * MON-FRI", "2024-03-15"));
        assert!(names("0 6 13 * FRI", "2024-03-15") && names("0 6 13 * FRI", "2024-03-13"), "either is enough");
        assert!(!names("0 6 13 * *", "2024-03-15"));
        assert!(!names("0 6 */2 * FRI", "2024-03-08") && names("0 6 */2 * FRI", "2024-03-15"), "beside `*` both");
        assert!(names("0 6 29 2 *", "2024-02-29"));
    }
}
