//! Cron expressions of five fields: whether one is well formed and ever fires. It schedules nothing.

use std::ops::RangeInclusive;

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

/// Checks `minute hour day month weekday`; the error says what is wrong with it.
pub(crate) fn check(expression: &str) -> Result<(), String> {
    let written: Vec<&str> = expression.split_whitespace().collect();
    if written.len() != FIELDS.len() {
        return Err(format!("five fields are needed (minute hour day month weekday), found {}", written.len()));
    }
    let mut values = Vec::with_capacity(FIELDS.len());
    for (field, text) in FIELDS.iter().zip(&written) {
        values.push(field.values(text)?);
    }
    let (days, months) = (&values[2], &values[3]);
    let any_weekday = written[4].starts_with('*');
    let fires = months.iter().any(|month| {
        let last = DAYS_MAX.get(*month as usize - 1).copied().unwrap_or(0);
        days.iter().any(|day| *day <= last)
    });
    // With a day of the week beside the day of the month, either of them is enough.
    if any_weekday && !fires {
        return Err("it never fires: no such day in that month".to_owned());
    }
    Ok(())
}

impl Field {
    /// The numbers that a field stands for.
    fn values(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut values = Vec::new();
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
            values.extend((first..=last).step_by(step as usize));
        }
        Ok(values)
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
            assert_eq!(check(good), Ok(()), "{good}");
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
            let message = check(bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }
}
