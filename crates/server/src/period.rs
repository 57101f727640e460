//! Periods that move on with the shop's calendar: the words that the page offers, and the days that each is today.

use chrono::{Datelike, Months, NaiveDate};

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
    pub(crate) fn days(self, today: NaiveDate) -> Days {
        let back = |date: NaiveDate, days: u64| date.checked_sub_days(chrono::Days::new(days)).unwrap_or(date);
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

/// The first day and the last.
pub(crate) type Days = (NaiveDate, NaiveDate);

/// The running day, the week since Monday and the month since the 1st, each with what it is compared to: as many days of
/// the one before.
pub(crate) fn running(on: NaiveDate) -> [(Days, Days); 3] {
    let back = |date: NaiveDate, days: u64| date.checked_sub_days(chrono::Days::new(days)).unwrap_or(date);
    let [(monday, _), (first, _)] = [Period::Week, Period::Month].map(|period| period.days(on));
    let month_before = |date: NaiveDate| date.checked_sub_months(Months::new(1)).unwrap_or(date);
    [
        ((on, on), (back(on, 1), back(on, 1))),
        ((monday, on), (back(monday, 7), back(on, 7))),
        // 31 March against all of February: chrono takes the month's last day where it has no 31st.
        ((first, on), (month_before(first), month_before(on))),
    ]
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

    /// Given the last day of March, then its month is compared with all of February, its week with as
    /// many days of the week before.
    #[test]
    fn spans_are_as_long_as_they_can_be() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let [today, week, month] = running(date("2024-03-31"));
        assert_eq!(today.1, (date("2024-03-30"), date("2024-03-30")));
        assert_eq!(week.0, (date("2024-03-25"), date("2024-03-31")));
        assert_eq!(week.1, (date("2024-03-18"), date("2024-03-24")));
        assert_eq!(month.0, (date("2024-03-01"), date("2024-03-31")));
        assert_eq!(month.1, (date("2024-02-01"), date("2024-02-29")));
    }
}
