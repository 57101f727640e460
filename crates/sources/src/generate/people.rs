//! The customers: who they are, when they signed up, and who buys again and again.

use std::io::Write as _;
use std::path::Path;

use chrono::{Datelike, Days, NaiveDate};
use shoplake_core::Result;

use super::GenerateOptions;
use super::random::{Random, Weighted};
use super::text::{push_json, push_number, push_two};
use super::words::{CITIES, FIRST_NAMES, LAST_NAMES};

/// The share of customers who had signed up before the first day, over two years.
const BEFORE: f64 = 0.35;
const DAYS_BEFORE: f64 = 730.0;

/// Every so many customers is a regular; together they are the share of baskets below.
const ONE_REGULAR_IN: u64 = 5;
const BASKETS_OF_REGULARS: f64 = 0.6;
/// The share of baskets that the newest customers fill.
const BASKETS_OF_NEWCOMERS: f64 = 0.1;

/// The customers in the order of their sign-up; customer `i` has the id `C{i + 1}`.
pub(super) struct People {
    count: u64,
    start: NaiveDate,
    days: f64,
}

impl People {
    pub(super) fn new(options: &GenerateOptions) -> Self {
        Self { count: u64::from(options.customers), start: options.start, days: f64::from(options.days) }
    }

    /// Customers who have signed up by the end of a day.
    pub(super) fn known_by(&self, day: u32) -> u64 {
        let share = BEFORE + (1.0 - BEFORE) * (f64::from(day) + 1.0) / self.days;
        ((self.count as f64 * share) as u64).clamp(1, self.count)
    }

    /// The customer who fills a basket, of the `known` ones: a number from 1.
    pub(super) fn draw(known: u64, random: &mut Random) -> u64 {
        let kind = random.unit();
        let index = if kind < BASKETS_OF_REGULARS {
            // Squared: some regulars come far more often than others.
            let place = random.unit() * random.unit();
            (place * known.div_ceil(ONE_REGULAR_IN) as f64) as u64 * ONE_REGULAR_IN
        } else if kind < BASKETS_OF_REGULARS + BASKETS_OF_NEWCOMERS {
            known - 1 - random.below((known / 50).max(1))
        } else {
            random.below(known)
        };
        index.min(known - 1) + 1
    }

    /// The day on which customer `index` signed up.
    fn signup(&self, index: u64) -> NaiveDate {
        let share = index as f64 / self.count as f64;
        if share < BEFORE {
            self.start - Days::new((DAYS_BEFORE * (1.0 - share / BEFORE)) as u64 + 1)
        } else {
            self.start + Days::new(((share - BEFORE) / (1.0 - BEFORE) * self.days) as u64)
        }
    }

    /// A JSON array, one customer a line.
    pub(super) fn write(&self, path: &Path, random: &mut Random) -> Result<()> {
        let cities = Weighted::new(&(1..=CITIES.len()).map(|rank| (rank as f64).powf(-0.7)).collect::<Vec<_>>());
        let mut file = fs_err::File::create(path)?;
        let mut out = Vec::with_capacity(1 << 20);
        let mut name = String::new();
        for index in 0..self.count {
            let (first, last) = (random.pick(FIRST_NAMES), random.pick(LAST_NAMES));
            name.clear();
            name.extend([first, " ", last]);
            match random.below(400) {
                0 => name.push_str(", Jr."),
                1 => name.extend([" \"", &first[..1], "J\""]),
                _ => {}
            }
            out.extend_from_slice(if index == 0 { b"[\n" } else { b",\n" });
            out.extend_from_slice(b"{\"customer_id\": \"C");
            push_number(&mut out, index + 1);
            out.extend_from_slice(b"\", \"name\": ");
            push_json(&mut out, &name);
            out.extend_from_slice(b", \"email\": \"");
            out.extend(first.bytes().filter(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_lowercase()));
            out.push(b'.');
            out.extend(last.bytes().filter(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_lowercase()));
            push_number(&mut out, index + 1);
            out.extend_from_slice(b"@example.com\", \"city\": ");
            push_json(&mut out, CITIES[cities.draw(random)]);
            out.extend_from_slice(b", \"signup_date\": \"");
            push_date(&mut out, self.signup(index));
            out.extend_from_slice(b"\"}");
            if out.len() > (1 << 20) - 4096 {
                file.write_all(&out)?;
                out.clear();
            }
        }
        out.extend_from_slice(b"\n]\n");
        file.write_all(&out)?;
        Ok(())
    }
}

/// `2024-03-15`
pub(super) fn push_date(out: &mut Vec<u8>, date: NaiveDate) {
    push_number(out, date.year().unsigned_abs().into());
    out.push(b'-');
    push_two(out, date.month().into());
    out.push(b'-');
    push_two(out, date.day().into());
}
