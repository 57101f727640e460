//! Exact decimal numbers for money and counts, and how they are shown. Never a float.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// An exact decimal number: `units` divided by ten to the power of `scale`.
///
/// Serialized as text (`"1234.50"`), so that no reader takes it for a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decimal {
    /// The digits with their sign.
    pub units: i128,
    /// Digits after the point, 0 to 38.
    pub scale: u32,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { units: 0, scale: 0 };

    /// The number `units / 10^scale`.
    pub fn new(units: i128, scale: u32) -> Self {
        Self { units, scale }
    }

    /// Reads plain decimal text (`-12.50`); `None` where it is anything else or too long.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        let plain = !digits.is_empty() && digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !plain || fraction.len() > 38 {
            return None;
        }
        format!("{whole}{fraction}").parse().ok().map(|units| Self { units, scale: fraction.len() as u32 })
    }

    /// The sum; `None` where it needs more than 38 digits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (left, right, scale) = aligned(self, other)?;
        Some(Self { units: left.checked_add(right)?, scale })
    }

    /// The difference; `None` where it needs more than 38 digits.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self { units: other.units.checked_neg()?, ..other })
    }

    /// What share of `whole` this is, in tenths of a percent, half away from zero; `None` of nothing.
    pub fn permille_of(self, whole: Self) -> Option<i128> {
        let (part, whole, _) = aligned(self, whole)?;
        if whole == 0 {
            return None;
        }
        match part.checked_mul(1000) {
            Some(scaled) => Some(divide_half_away(scaled, whole)),
            None => Some(divide_half_away(part, (whole / 1000).max(1))),
        }
    }

    /// The number with `places` digits after the point, half away from zero.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        let power = |exponent| 10_i128.checked_pow(exponent);
        let units = match self.scale.cmp(&places) {
            Ordering::Equal => Some(self.units),
            Ordering::Less => power(places - self.scale).and_then(|factor| self.units.checked_mul(factor)),
            Ordering::Greater => power(self.scale - places).map(|factor| divide_half_away(self.units, factor)),
        };
        units.map_or(self, |units| Self { units, scale: places })
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.units == 0
    }

    /// A coordinate for drawing, never for arithmetic on money.
    pub(crate) fn to_drawing(self) -> f64 {
        self.units as f64 / 10_f64.powi(self.scale as i32)
    }

    /// The number with thousands separators and a true minus sign: `−1,234.50`.
    pub fn grouped(self) -> String {
        let plain = self.to_string();
        let digits = plain.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut out = String::with_capacity(plain.len() + whole.len() / 3 + 3);
        if self.units < 0 {
            out.push('\u{2212}');
        }
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        out
    }

    /// The amount in a currency (ISO 4217), rounded to its smallest unit: `$1,234.50`, `EUR 1,234.50`.
    pub fn money(self, currency: &str) -> String {
        with_sign(&self.rounded(minor_digits(currency)).grouped(), currency)
    }

    /// The amount in few characters for tiles and axes: `$12.3M`; whole below 10 000.
    pub fn short_money(self, currency: &str) -> String {
        with_sign(&self.short(), currency)
    }

    /// The number in few characters: `12.3M`, `980k`, `1,204`.
    pub fn short(self) -> String {
        let size = self.rounded(0).units.unsigned_abs();
        let (shift, letter) = match size {
            0..10_000 => (0, ""),
            10_000..1_000_000 => (3, "k"),
            1_000_000..1_000_000_000 => (6, "M"),
            _ => (9, "B"),
        };
        let scaled = Self { units: self.units, scale: self.scale + shift };
        let places = u32::from(shift > 0 && size < 100 * 10_u128.pow(shift));
        let text = scaled.rounded(places).grouped();
        let text = if places > 0 { text.trim_end_matches(".0") } else { text.as_str() };
        format!("{text}{letter}")
    }
}

/// Puts the sign or the code of a currency in front, after a minus.
fn with_sign(number: &str, currency: &str) -> String {
    let (minus, digits) = match number.strip_prefix('\u{2212}') {
        Some(digits) => ("\u{2212}", digits),
        None => ("", number),
    };
    match currency {
        "USD" => format!("{minus}${digits}"),
        code => format!("{minus}{code}\u{a0}{digits}"),
    }
}

/// Digits after the point of a currency's smallest unit (ISO 4217).
fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

fn aligned(left: Decimal, right: Decimal) -> Option<(i128, i128, u32)> {
    let scale = left.scale.max(right.scale);
    let lift = |number: Decimal| number.units.checked_mul(10_i128.checked_pow(scale - number.scale)?);
    Some((lift(left)?, lift(right)?, scale))
}

/// `number / divisor` (not zero), half away from zero.
fn divide_half_away(number: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (number / divisor, number % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
    if up { quotient + number.signum() * divisor.signum() } else { quotient }
}

impl From<u64> for Decimal {
    fn from(count: u64) -> Self {
        Self { units: i128::from(count), scale: 0 }
    }
}

impl fmt::Display for Decimal {
    /// Plain decimal text, as every machine reads it: `-1234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0width$}", self.units.unsigned_abs(), width = self.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let minus = if self.units < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{minus}{whole}{point}{fraction}")
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    /// Given amounts, when shown, then digits are exact, grouped, rounded half away from zero to the currency.
    #[test]
    fn money_in_words() {
        for (text, currency, shown) in [
            ("1234.50", "USD", "$1,234.50"),
            ("-1234.5", "USD", "\u{2212}$1,234.50"),
            ("0.005", "EUR", "EUR\u{a0}0.01"),
            ("-0.05", "USD", "\u{2212}$0.05"),
            ("999999.995", "USD", "$1,000,000.00"),
            ("1234.5", "JPY", "JPY\u{a0}1,235"),
        ] {
            assert_eq!(decimal(text).money(currency), shown);
        }
        assert_eq!(decimal("1204.4").short(), "1,204");
        assert_eq!(decimal("12345").short(), "12.3k");
        assert_eq!(decimal("-20000000").short_money("USD"), "\u{2212}$20M");
    }

    /// Given text that is no plain decimal, when parsed, then nothing is guessed; what is parsed prints back.
    #[test]
    fn text_round_trips() {
        for text in ["0", "-0.05", "12.50", "99999999999999999999.9999"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        for text in ["", "-", ".5", "1e3", "1,0", "NaN", "1.-2"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    /// Given shares, when rounded, then halves go away from zero, and a share of nothing is no number.
    #[test]
    fn shares() {
        assert_eq!(decimal("1").permille_of(decimal("3.00")), Some(333));
        assert_eq!(decimal("-0.5").permille_of(decimal("1000")), Some(-1));
        assert_eq!(decimal("2").permille_of(decimal("3")), Some(667));
        assert_eq!(decimal("2").permille_of(Decimal::ZERO), None);
        assert_eq!(decimal("1.5").checked_sub(decimal("0.25")), Some(decimal("1.25")));
    }
}
