//! What a weekday leads to expect of a daily figure, and how far from it is far.
//!
//! The day that is judged is never part of what it is judged by. Medians all through: one odd day of the
//! past moves neither the expectation nor the spread. Figures are floats here since they are compared,
//! never added up or shown as money.

use chrono::{Datelike, Days, NaiveDate};

/// How many weeks before the day are looked at.
const WEEKS: u64 = 8;
/// Fewer days of the same weekday are no baseline.
const LEAST: usize = 3;
/// Days whose distance from their weekday tells where the level stands now.
const LEVEL_DAYS: u64 = 14;
/// The spread is never taken for smaller than this share of what is expected: a figure that never moved
/// may move a little.
const LEAST_SPREAD: f64 = 0.02;
/// Makes the median of distances what a standard deviation would be (1.4826), half as much again: few days
/// lie too near to their own median, and what is expected is itself an estimate.
const NORMAL: f64 = 1.482_6 * 1.5;

/// What is expected of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// The figure.
    pub figure: f64,
    /// How far figures usually are from what their weekday leads to expect.
    pub spread: f64,
    /// Days of the same weekday that it rests on.
    pub days: usize,
}

impl Expected {
    /// How many spreads a figure is away; negative where it is lower.
    pub fn distance(&self, figure: f64) -> f64 {
        (figure - self.figure) / self.spread
    }
}

/// What the days before `day` lead to expect of it; `None` where there are too few. A day that is missing
/// is missing, not nothing.
pub fn expected(day: NaiveDate, figures: &[(NaiveDate, f64)]) -> Option<Expected> {
    let first = day.checked_sub_days(Days::new(WEEKS * 7))?;
    let before: Vec<(NaiveDate, f64)> =
        figures.iter().copied().filter(|(date, figure)| *date >= first && *date < day && figure.is_finite()).collect();
    let of_weekday = |weekday| -> Vec<f64> {
        before.iter().filter(|(date, _)| date.weekday() == weekday).map(|(_, figure)| *figure).collect()
    };
    let mut usual = [None; 7];
    for (date, _) in before.iter().chain([&(day, 0.0)]) {
        let weekday = date.weekday();
        if let Some(slot) = usual.get_mut(weekday.num_days_from_monday() as usize)
            && slot.is_none()
        {
            *slot = median(of_weekday(weekday));
        }
    }
    let usual_of = |date: NaiveDate| usual.get(date.weekday().num_days_from_monday() as usize).copied().flatten();
    let days = of_weekday(day.weekday()).len();
    if days < LEAST {
        return None;
    }
    let away = |(date, figure): &(NaiveDate, f64)| usual_of(*date).map(|usual| figure - usual);
    let lately = day.checked_sub_days(Days::new(LEVEL_DAYS))?;
    let level = median(before.iter().filter(|(date, _)| *date >= lately).filter_map(away).collect()).unwrap_or(0.0);
    let figure = usual_of(day)? + level;
    let distances = before.iter().filter_map(away).map(f64::abs).collect();
    let spread = median(distances).unwrap_or(0.0) * NORMAL;
    Some(Expected { figure, spread: spread.max(figure.abs() * LEAST_SPREAD).max(f64::EPSILON), days })
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*values.get(middle.checked_sub(1)?)?, upper))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(number: u64) -> NaiveDate {
        "2024-01-01".parse::<NaiveDate>().unwrap() + Days::new(number)
    }

    /// A shop that sells four times as much on Saturdays and nothing on Sundays, with some noise.
    fn seasonal(days: u64) -> Vec<(NaiveDate, f64)> {
        let figure = |number: u64| {
            // SplitMix64: a noise that knows nothing of weekdays.
            let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            let noise = ((mixed ^ mixed >> 31) % 13) as f64 - 6.0;
            match day(number).weekday().num_days_from_monday() {
                5 => 400.0 + noise,
                6 => 0.0,
                _ => 100.0 + noise,
            }
        };
        (0..days).map(|number| (day(number), figure(number))).collect()
    }

    proptest! {
        /// Whatever the day itself and the days after it say, what is expected of it stays the same.
        #[test]
        fn a_day_is_not_part_of_its_own_baseline(number in 30_u64..100, own in -1e9_f64..1e9, later in -1e9_f64..1e9) {
            let mut figures = seasonal(110);
            let before = expected(day(number), &figures);
            prop_assert!(before.is_some());
            for (date, figure) in &mut figures {
                if *date >= day(number) {
                    *figure = if *date == day(number) { own } else { later };
                }
            }
            prop_assert_eq!(expected(day(number), &figures), before);
        }
    }

    /// Given a strong week, then no usual day is far, a Saturday like a Monday is, and so is a Sunday with sales.
    #[test]
    fn weekdays_are_told_apart() {
        let figures = seasonal(120);
        for (date, figure) in &figures[40..] {
            let distance = expected(*date, &figures).unwrap().distance(*figure);
            assert!(distance.abs() < 4.0, "{date} {}: {distance}", date.weekday());
        }
        let saturday = day(5 + 7 * 10);
        assert!(expected(saturday, &figures).unwrap().distance(100.0) < -20.0);
        assert!(expected(saturday + Days::new(1), &figures).unwrap().distance(100.0) > 10.0);
    }

    /// Given one absurd day, then the days after it are judged as if it had not been.
    #[test]
    fn one_odd_day_spoils_nothing() {
        let (clean, mut odd) = (seasonal(80), seasonal(80));
        odd[60].1 = 1e6;
        for number in 61..80 {
            let (clean, odd) = (expected(day(number), &clean).unwrap(), expected(day(number), &odd).unwrap());
            assert!((clean.figure - odd.figure).abs() < 10.0 && (clean.spread - odd.spread).abs() < 5.0, "{number}");
        }
    }

    /// Given a level that has doubled for two weeks, then it is the new usual; given too few days, none is.
    #[test]
    fn levels_and_beginnings() {
        let figures: Vec<_> = (0..70).map(|number| (day(number), if number < 50 { 100.0 } else { 200.0 })).collect();
        assert!(expected(day(51), &figures).unwrap().distance(200.0) > 20.0);
        assert!(expected(day(69), &figures).unwrap().distance(200.0).abs() < 1.0);
        assert_eq!(expected(day(14), &figures), None, "two of the same weekday are no baseline");
        assert_eq!(expected(day(21), &figures).unwrap().days, 3);
        assert_eq!(expected(day(5), &[]), None);
    }
}
