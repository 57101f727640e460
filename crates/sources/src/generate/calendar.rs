//! When people buy: seasons, weekdays, hours of the day, growth. Moments come out in order.

use chrono::{Datelike, NaiveDate};
use shoplake_core::ShopZone;

use super::GenerateOptions;
use super::random::Random;

/// Sales of each month against an average one: a dip in summer, a peak in December.
const MONTHS: [f64; 12] = [0.80, 0.82, 0.90, 0.93, 0.96, 0.92, 0.80, 0.78, 0.95, 1.02, 1.30, 1.65];

/// Sales of each weekday, Monday first.
const WEEKDAYS: [f64; 7] = [0.95, 0.92, 0.95, 1.00, 1.12, 1.10, 0.96];

/// Sales of each hour: a peak at lunch, a higher one in the evening, nearly nothing at four.
const HOURS: [f64; 24] = [
    0.35, 0.18, 0.10, 0.05, 0.03, 0.06, 0.20, 0.50, 0.85, 1.05, 1.20, 1.40, 1.75, 1.50, 1.20, 1.15, 1.20, 1.35, 1.60,
    1.95, 2.10, 1.85, 1.30, 0.70,
];

/// Growth in a year.
const GROWTH: f64 = 1.35;

const HOURS_A_DAY: usize = 24;

/// A local moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Days since the first.
    pub(super) day: u32,
    /// Seconds since local midnight.
    pub(super) second: u32,
}

/// Cumulative weight of every hour.
pub(super) struct Calendar {
    cumulative: Vec<f64>,
    /// Days in which the shop's clock skips an hour.
    skips: Vec<bool>,
    start: NaiveDate,
    zone: chrono_tz::Tz,
}

impl Calendar {
    pub(super) fn new(options: &GenerateOptions, random: &mut Random) -> Self {
        let mut cumulative = Vec::with_capacity(options.days as usize * HOURS_A_DAY);
        let mut skips = Vec::with_capacity(options.days as usize);
        let mut zone = ShopZone::new(options.zone);
        let mut total = 0.0;
        for (day, date) in options.start.iter_days().take(options.days as usize).enumerate() {
            let weight = of_day(date) * GROWTH.powf(day as f64 / 365.0) * (0.88 + 0.24 * random.unit());
            for hour in HOURS {
                total += weight * hour * (0.8 + 0.4 * random.unit());
                cumulative.push(total);
            }
            skips.push((0..96).any(|quarter| zone.utc_micros(local_micros(date, quarter * 900)).is_none()));
        }
        Self { cumulative, skips, start: options.start, zone: options.zone }
    }

    /// The date of a day.
    pub(super) fn date(&self, day: u32) -> NaiveDate {
        self.start + chrono::Days::new(u64::from(day))
    }

    /// Draws moments in order: the n-th share of the whole weight, `slot` being where the last one stood.
    pub(super) fn moment(&self, share: f64, slot: &mut usize, zone: &mut ShopZone) -> Moment {
        let last = self.cumulative.len() - 1;
        let target = share * self.cumulative[last];
        while *slot < last && self.cumulative[*slot] <= target {
            *slot += 1;
        }
        let before = if *slot == 0 { 0.0 } else { self.cumulative[*slot - 1] };
        let part = ((target - before) / (self.cumulative[*slot] - before)).clamp(0.0, 0.999_9);
        let day = (*slot / HOURS_A_DAY) as u32;
        let mut second = (((*slot % HOURS_A_DAY) as f64 + part) * 3600.0) as u32;
        if self.skips[day as usize] {
            while second < 86_400 - 1800 && zone.utc_micros(local_micros(self.date(day), second)).is_none() {
                second += 1800;
            }
        }
        Moment { day, second }
    }

    pub(super) fn zone(&self) -> ShopZone {
        ShopZone::new(self.zone)
    }
}

fn local_micros(date: NaiveDate, second: u32) -> i64 {
    let day = date.signed_duration_since(NaiveDate::default()).num_days();
    (day * 86_400 + i64::from(second)) * 1_000_000
}

/// The weight of a day: its season and weekday, the week of Black Friday, the closed days of Christmas.
fn of_day(date: NaiveDate) -> f64 {
    let month = date.month0() as usize;
    // Months run into each other from mid to mid, but for December, which ends at Christmas.
    let along = (f64::from(date.day()) - 15.0) / 30.0;
    let other = if along < 0.0 { (month + 11) % 12 } else { (month + 1) % 12 };
    let season = if month == 11 { MONTHS[11] } else { MONTHS[month] + (MONTHS[other] - MONTHS[month]) * along.abs() };
    let special = match (date.month(), date.day()) {
        (11, 23..=30) => 1.5,
        (12, 10..=20) => 1.25,
        (12, 24..=26) => 0.35,
        (12, 27..=31) | (1, 1) => 0.65,
        _ => 1.0,
    };
    season * WEEKDAYS[date.weekday().num_days_from_monday() as usize] * special
}
