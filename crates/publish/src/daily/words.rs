//! Figures, days and changes as people say them.

use chrono::NaiveDate;

use super::Unit;
use crate::Decimal;

/// A figure in full: `$1,234.50`, `1,204`.
pub(super) fn figure(value: Decimal, unit: Unit, currency: &str) -> String {
    match unit {
        Unit::Money => value.money(currency),
        Unit::Count => value.rounded(0).grouped(),
    }
}

/// A count: `20,140`.
pub(super) fn count(number: u64) -> String {
    Decimal::from(number).grouped()
}

/// A count with its noun, `1 row`, `2 rows`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// `Sunday 22 November 2026`
pub(super) fn long_date(date: NaiveDate) -> String {
    date.format("%A %-d %B %Y").to_string()
}

/// `22 Nov`
pub(super) fn short_date(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

/// A percentage with one digit: `12.5%`.
pub(super) fn percent(value: Decimal) -> String {
    format!("{}%", value.grouped())
}

/// Rows as a share of rows, never `0.0%` for some: `0.3%`, `under 0.1%`.
pub(super) fn share(part: u64, whole: u64) -> String {
    match Decimal::from(part).permille_of(whole.into()) {
        Some(0) if part > 0 => "under 0.1%".into(),
        Some(permille) => percent(Decimal::new(permille, 1)),
        None => "0%".into(),
    }
}

/// A change with its sign, in words: `up 12.5% (+$120.00) on the day before`.
pub(super) fn change(
    value: Option<Decimal>,
    earlier: Option<Decimal>,
    difference: Option<Decimal>,
    percent_of_earlier: Option<Decimal>,
    against: &str,
    unit: Unit,
    currency: &str,
) -> String {
    let (Some(value), Some(earlier)) = (value, earlier) else {
        return if earlier.is_none() {
            format!("no sales {against}")
        } else {
            format!("no sales to compare with {against}")
        };
    };
    let Some(difference) = difference else { return format!("too large to compare with {against}") };
    if difference.is_zero() {
        return format!("same as {against}");
    }
    let (direction, sign) = if difference.units > 0 { ("up", "+") } else { ("down", "") };
    let absolute = format!("{sign}{}", figure(difference, unit, currency));
    match percent_of_earlier {
        Some(percent) if earlier.units > 0 && value.units >= 0 => {
            let size = Decimal { units: percent.units.saturating_abs(), ..percent };
            let size = if size.is_zero() { "under 0.1%".into() } else { self::percent(size) };
            format!("{direction} {size} ({absolute}) on {against}")
        }
        _ => format!("{direction} {absolute} on {against}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given values and their earlier ones, when put in words, then sign, percent and comparison stand there, and
    /// nothing is divided by zero.
    #[test]
    fn changes() {
        let decimal = |text: &str| Decimal::parse(text);
        let say = |value: &str, earlier: &str, percent: &str| {
            let (value, earlier) = (decimal(value), decimal(earlier));
            let difference = value.zip(earlier).and_then(|(value, earlier)| value.checked_sub(earlier));
            change(value, earlier, difference, decimal(percent), "the day before", Unit::Money, "USD")
        };
        assert_eq!(say("112.50", "100", "12.5"), "up 12.5% (+$12.50) on the day before");
        assert_eq!(say("50", "100", "-50.0"), "down 50.0% (\u{2212}$50.00) on the day before");
        assert_eq!(say("50", "none", ""), "no sales the day before");
        assert_eq!(say("none", "50", ""), "no sales to compare with the day before");
        assert_eq!(say("50", "50.00", "0.0"), "same as the day before");
        assert_eq!(say("50", "0", ""), "up +$50.00 on the day before");
        assert_eq!(say("-5", "10", "-150.0"), "down \u{2212}$15.00 on the day before");
    }

    /// Given few rows of many, when said as a share, then some is never none.
    #[test]
    fn shares_of_rows() {
        assert_eq!(share(1, 1_000_000), "under 0.1%");
        assert_eq!(share(0, 0), "0%");
        assert_eq!((counted(1, "row"), counted(20140, "row")), ("1 row".into(), "20,140 rows".into()));
    }
}
