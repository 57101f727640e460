//! Periods that move on with the shop's calendar: the words that the page offers, and the days that each is today.

use chrono::{Datelike, Days, Months, NaiveDate};

/// A period, by its word in addresses and share links (`web/src/lib/state/filters.ts` has the same ones).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    Today,
    Yesterday,
    Week,
    Last7,
    Last30,
    Month,
    LastMonth,
    Last90,
    Year,
    Last365,
}

impl Period {
    /// All of them, the shorter ones first.
    pub(crate) const ALL: [Self; 10] = [
        Self::Today,
        Self::Yesterday,
        Self::Week,
        Self::Last7,
        Self::Last30,
        Self::Month,
        Self::LastMonth,
        Self::Last90,
        Self::Year,
        Self::Last365,
    ];
    /// Their words, in that order.
    pub(crate) const WORDS: [&str; 10] =
        ["today", "yesterday", "week", "last7", "last30", "month", "last_month", "last90", "year", "last365"];

    /// The period of that word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().zip(Self::ALL).find(|(known, _)| *known == word).map(|(_, period)| period)
    }

    /// Its first day and its last.
    pub(crate) fn days(self, today: NaiveDate) -> (NaiveDate, NaiveDate) {
        let back = |date: NaiveDate, days: u64| date.checked_sub_days(Days::new(days)).unwrap_or(date);
        let month = back(today, u64::from(today.day0()));
        match self {
            Self::Today => (today, today),
            Self::Yesterday => (back(today, 1), back(today, 1)),
            Self::Week => (back(today, u64::from(today.weekday().num_days_from_monday())), today),
            Self::Last7 => (back(today, 6), today),
            Self::Last30 => (back(today, 29), today),
            Self::Month => (month, today),
            Self::LastMonth => (month.checked_sub_months(Months::new(1)).unwrap_or(month), back(month, 1)),
            Self::Last90 => (back(today, 89), today),
            Self::Year => (back(today, u64::from(today.ordinal0())), today),
            Self::Last365 => (back(today, 364), today),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a Sunday at the end of March after a leap day, then each period has the days that the page gives it.
    #[test]
    fn periods_are_those_of_the_page() {
        let days = |word: &str| {
            let (from, to) = Period::parse(word).unwrap().days("2024-03-31".parse().unwrap());
            format!("{from} {to}")
        };
        for (word, expected) in [
            ("today", "2024-03-31 2024-03-31"),
            ("yesterday", "2024-03-30 2024-03-30"),
            ("week", "2024-03-25 2024-03-31"),
            ("last7", "2024-03-25 2024-03-31"),
            ("last30", "2024-03-02 2024-03-31"),
            ("month", "2024-03-01 2024-03-31"),
            ("last_month", "2024-02-01 2024-02-29"),
            ("last90", "2024-01-02 2024-03-31"),
            ("year", "2024-01-01 2024-03-31"),
            ("last365", "2023-04-02 2024-03-31"),
        ] {
            assert_eq!(days(word), expected, "{word}");
        }
        assert_eq!(Period::parse("last31"), None);
    }

    /// Given the page's own list of words, then it is this one.
    #[test]
    fn words_are_those_of_the_page() {
        let page = include_str!("../../../web/src/lib/state/filters.ts");
        let list = page.split("export const PRESETS = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        let words: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(words, Period::WORDS);
    }
}
