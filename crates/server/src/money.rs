//! Exact numbers as text: money at its scale, averages as the marts have them, changes as a share.

use crate::cube::Cell;

/// A number in the smallest unit of `scale` as decimal text: `-1050` at 2 is `-10.50`.
pub(crate) fn decimal(value: i128, scale: u8) -> String {
    let digits = format!("{:0width$}", value.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Revenue by sale with 4 places, half away from zero, as the function `average` of SQL; `None` of nothing.
pub(crate) fn average(cell: Cell, scale: u8) -> Option<String> {
    const PLACES: u8 = 4;
    let count = i128::from(cell.transactions);
    if count == 0 {
        return None;
    }
    let (up, down) = (
        10_i128.checked_pow(u32::from(PLACES.saturating_sub(scale)))?,
        10_i128.checked_pow(u32::from(scale.saturating_sub(PLACES)))?,
    );
    let (sum, by) = (cell.revenue.checked_mul(up)?, count.checked_mul(down)?);
    let (quotient, rest) = (sum / by, sum % by);
    let away = if rest.unsigned_abs() * 2 >= by.unsigned_abs() { sum.signum() } else { 0 };
    Some(decimal(quotient + away, PLACES))
}

/// How much more `now` is than `before`, as a share of it; `None` where there was nothing.
pub(crate) fn change(now: i128, before: i128) -> Option<f64> {
    (before != 0).then(|| (((now - before) as f64 / before.unsigned_abs() as f64) * 10_000.0).round() / 10_000.0)
}

/// What share `part` is of `whole`, 0 to 1; 0 of nothing.
pub(crate) fn share(part: i128, whole: i128) -> f64 {
    if whole == 0 { 0.0 } else { ((part as f64 / whole as f64) * 1_000_000.0).round() / 1_000_000.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given numbers on both sides of zero and at every scale, then no digit is lost or made up.
    #[test]
    fn decimals_keep_every_digit() {
        let cases = [(0, 2, "0.00"), (-5, 2, "-0.05"), (1_050, 2, "10.50"), (7, 0, "7"), (-123_456, 4, "-12.3456")];
        for (value, scale, text) in cases {
            assert_eq!(decimal(value, scale), text);
        }
    }

    /// Given sums that end in a half, then the average goes away from zero, and nothing has no average.
    #[test]
    fn averages_round_half_away_from_zero() {
        let cell = |revenue, transactions| Cell { transactions, revenue };
        assert_eq!(average(cell(1, 8), 3).unwrap(), "0.0001", "0.001 / 8 = 0.000125");
        assert_eq!(average(cell(-10_001, 2), 2).unwrap(), "-50.0050");
        assert_eq!(average(cell(1_000_005, 10), 6).unwrap(), "0.1000", "0.1000005");
        assert_eq!(average(cell(15, 10), 5).unwrap(), "0.0000", "0.000015");
        assert_eq!(average(cell(5, 1), 5).unwrap(), "0.0001", "0.00005");
        assert_eq!(average(cell(0, 0), 2), None);
    }
}
