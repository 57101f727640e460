//! What the month costs: what runs and queries used, by the price table, until now and until its end.
//!
//! Money is whole numbers of 10⁻¹² of the currency all through, rounded once, when it is shown. What was
//! used is measured and may be a float. A month is the shop's.

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use shoplake_core::Result;
use shoplake_core::cost::{Meter, Prices, Usage, UsageStore};

/// Less of a month than this says nothing of the rest: what was used is then taken for so many seconds' use.
const LEAST_ELAPSED: f64 = 86_400.0;

/// One line of the bill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// What is metered.
    pub meter: Meter,
    /// Units used until now.
    pub used: f64,
    /// Units at the month's end, if it goes on like this.
    pub expected: f64,
    /// Units that cost nothing.
    pub free: f64,
    /// What it has cost, in 10⁻¹² of the currency.
    pub spent: i128,
    /// What it will have cost.
    pub at_month_end: i128,
}

/// The bill of a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// The first day of the month.
    pub month: NaiveDate,
    /// The currency.
    pub currency: String,
    /// A line for each meter.
    pub lines: Vec<Line>,
    /// What it has cost until now, in millionths of the currency, half away from zero.
    pub spent: i128,
    /// What it will have cost at its end.
    pub at_month_end: i128,
}

/// The bill of the month that `now` is in; `None` where nothing was metered yet.
///
/// # Errors
/// A state that is away.
pub async fn month(store: &dyn UsageStore, prices: &Prices, zone: Tz, now: DateTime<Utc>) -> Result<Option<Bill>> {
    let today = now.with_timezone(&zone).date_naive();
    let first = today.with_day(1).unwrap_or(today);
    let start = begins(zone, first);
    let used = store.used(start).await?;
    if used.is_empty() {
        return Ok(None);
    }
    let next = first.checked_add_months(chrono::Months::new(1)).unwrap_or(first);
    Ok(Some(bill(&used, prices, first, (start, now, begins(zone, next)))))
}

fn begins(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    let local = zone.from_local_datetime(&midnight).earliest();
    local.map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
}

fn bill(
    used: &[Usage],
    prices: &Prices,
    month: NaiveDate,
    (start, now, end): (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>),
) -> Bill {
    let seconds = |from: DateTime<Utc>, to: DateTime<Utc>| ((to - from).num_milliseconds() as f64 / 1000.0).max(0.0);
    let (elapsed, whole) = (seconds(start, now), seconds(start, end).max(1.0));
    let growth = (whole / elapsed.max(LEAST_ELAPSED)).max(1.0);
    let this_month = || used.iter().filter(|usage| usage.at >= start && usage.at <= now);
    let lines: Vec<Line> = Meter::ALL
        .into_iter()
        .map(|meter| {
            let (until_now, expected) = if meter == Meter::Storage {
                stored(used, (start, now, end), whole)
            } else {
                let sum: f64 = this_month().map(|usage| quantity(meter, usage)).sum();
                (sum, sum * growth)
            };
            line(meter, prices, until_now, expected)
        })
        .collect();
    let total = |of: fn(&Line) -> i128| rounded(lines.iter().map(of).sum());
    Bill {
        month,
        currency: prices.currency.clone(),
        spent: total(|line| line.spent),
        at_month_end: total(|line| line.at_month_end),
        lines,
    }
}

/// What a run or a query used of a meter, in its unit.
pub fn quantity(meter: Meter, usage: &Usage) -> f64 {
    match meter {
        // Bytes are stored by the month, not by the run.
        Meter::Storage => 0.0,
        Meter::Writes => usage.writes as f64 / 1e3,
        Meter::Reads => usage.reads as f64 / 1e3,
        Meter::Scanned => usage.scanned as f64 / 1e12,
        Meter::Compute => usage.seconds * usage.memory as f64 / 1e9,
    }
}

/// What one run or query would cost by itself, free units left aside, in 10⁻¹² of the currency.
pub fn price_of(usage: &Usage, prices: &Prices) -> i128 {
    prices.prices.iter().map(|price| times(price.each, quantity(price.meter, usage))).sum()
}

/// Gigabyte-months until now and at the month's end: what was stored at each moment, for as long as it was.
fn stored(used: &[Usage], (start, now, end): (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>), whole: f64) -> (f64, f64) {
    let (mut sum, mut since, mut bytes) = (0.0, start, 0.0);
    for (at, stored) in used.iter().filter_map(|usage| Some((usage.at, usage.stored?))) {
        let at = at.clamp(since, now.max(since));
        sum += bytes * (at - since).num_milliseconds() as f64;
        (since, bytes) = (at, stored as f64);
    }
    let until = |moment: DateTime<Utc>| sum + bytes * (moment - since).num_milliseconds().max(0) as f64;
    let months = |byte_milliseconds: f64| byte_milliseconds / 1000.0 / whole / 1e9;
    (months(until(now)), months(until(end)))
}

fn line(meter: Meter, prices: &Prices, used: f64, expected: f64) -> Line {
    let price = prices.prices.iter().find(|price| price.meter == meter);
    let free = price.map_or(0.0, |price| price.free as f64 / 1e6);
    let cost = |used: f64| price.map_or(0, |price| times(price.each, (used - free).max(0.0)));
    Line { meter, used, expected, free, spent: cost(used), at_month_end: cost(expected) }
}

/// A price times what was used, to the byte of a terabyte.
fn times(each: i128, units: f64) -> i128 {
    each.saturating_mul((units * 1e12).round() as i128) / 1_000_000_000_000
}

/// Millionths of the currency, half away from zero.
pub fn rounded(trillionths: i128) -> i128 {
    (trillionths.abs() + 500_000) / 1_000_000 * trillionths.signum()
}

#[cfg(test)]
mod tests {
    use shoplake_core::RunId;
    use shoplake_core::cost::Price;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn usage(moment: &str, stored: Option<u64>) -> Usage {
        Usage {
            at: at(moment),
            run: Some(RunId("run".into())),
            seconds: 100.0,
            memory: 2_000_000_000,
            scanned: 500_000_000_000,
            reads: 2_000,
            writes: 1_000,
            stored,
        }
    }

    fn prices(free: i128) -> Prices {
        let price = |meter, each| Price { meter, each, free };
        Prices {
            currency: "USD".into(),
            prices: vec![
                price(Meter::Storage, 23_000_000_000),
                price(Meter::Writes, 5_000_000_000),
                price(Meter::Reads, 400_000_000),
                price(Meter::Scanned, 5_000_000_000_000),
                price(Meter::Compute, 16_666_700),
            ],
        }
    }

    fn june() -> (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>) {
        (at("2024-06-01T00:00:00Z"), at("2024-06-16T00:00:00Z"), at("2024-07-01T00:00:00Z"))
    }

    /// Given half a month with 10 GB stored all through and one run, then half of the storage and all of the run are
    /// spent, and twice of both is expected.
    #[test]
    fn half_a_month() {
        let used = [usage("2024-05-20T00:00:00Z", Some(10_000_000_000)), usage("2024-06-10T00:00:00Z", None)];
        let bill = bill(&used, &prices(0), "2024-06-01".parse().unwrap(), june());
        let line = |meter| *bill.lines.iter().find(|line| line.meter == meter).unwrap();
        assert_eq!((line(Meter::Storage).used, line(Meter::Storage).expected), (5.0, 10.0), "GB-months");
        assert_eq!((line(Meter::Scanned).used, line(Meter::Scanned).expected), (0.5, 1.0), "May's run is May's");
        assert_eq!((line(Meter::Compute).used, line(Meter::Writes).used, line(Meter::Reads).used), (200.0, 1.0, 2.0));
        // 5 × 0.023 + 0.5 × 5 + 200 × 0.0000166667 + 0.005 + 2 × 0.0004
        assert_eq!(bill.spent, 2_624_133);
        assert_eq!(bill.at_month_end, 5_248_267);
    }

    /// Given the free tier, then only what is beyond it costs, also where the forecast alone goes beyond.
    #[test]
    fn the_free_tier() {
        let used = [usage("2024-06-10T00:00:00Z", None)];
        let bill = bill(&used, &prices(600_000), "2024-06-01".parse().unwrap(), june());
        let scanned = bill.lines.iter().find(|line| line.meter == Meter::Scanned).unwrap();
        assert_eq!((scanned.spent, scanned.at_month_end), (0, 2_000_000_000_000), "0.5 TB, then 1 TB, of 0.6 TB");
    }

    /// Given the first hour of a month, then a run in it is not taken for one an hour.
    #[test]
    fn the_first_hour() {
        let (start, _, end) = june();
        let used = [usage("2024-06-01T00:30:00Z", None)];
        let bill = bill(&used, &prices(0), "2024-06-01".parse().unwrap(), (start, at("2024-06-01T01:00:00Z"), end));
        let scanned = bill.lines.iter().find(|line| line.meter == Meter::Scanned).unwrap();
        assert!((scanned.expected - 15.0).abs() < 1e-9, "one a day: {}", scanned.expected);
    }

    /// What grows and shrinks within the month counts for as long as it was so.
    #[test]
    fn storage_that_changes() {
        let used = [usage("2024-06-07T00:00:00Z", Some(30_000_000_000)), usage("2024-06-13T00:00:00Z", Some(0))];
        let (start, _, end) = june();
        let bill = bill(&used, &prices(0), "2024-06-01".parse().unwrap(), (start, at("2024-06-30T00:00:00Z"), end));
        let months = (bill.lines[0].used, bill.lines[0].expected);
        assert_eq!(months, (6.0, 6.0), "30 GB for 6 of 30 days");
    }

    #[test]
    fn rounding() {
        assert_eq!([rounded(1_499_999), rounded(1_500_000), rounded(-1_500_000)], [1, 2, -2]);
        assert_eq!(price_of(&usage("2024-06-10T00:00:00Z", None), &prices(1_000_000)), 2_509_133_340_000);
    }
}
