//! Numbers from text: exact, in the notation that the contract states, never through a float.

use std::borrow::Cow;

use shoplake_core::contract::NumberFormat;
use shoplake_core::{Fault, Result};

/// Digits that fit 64 bits whatever they are.
const DIGITS_OF_U64: usize = 19;

/// `[+-]?[0-9]+` in 64 bits.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = signed(text);
    if digits.is_empty() {
        return None;
    }
    let size = fold(digits, &[])?;
    i64::try_from(if negative { -size } else { size }).ok()
}

/// `[+-]?[0-9]+(\.[0-9]+)?` in units of the last of `scale` digits; `None` where a digit would be
/// lost or there are more than `precision`.
pub(crate) fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, whole, fraction) = parts(text)?;
    let (kept, lost) = fraction.split_at(fraction.len().min(usize::from(scale)));
    if lost.iter().any(|digit| *digit != b'0') {
        return None;
    }
    let size = fold(whole, kept)?.checked_mul(10_i128.pow(u32::from(scale) - kept.len() as u32))?;
    let size = (size < 10_i128.pow(u32::from(precision))).then_some(size)?;
    Some(if negative { -size } else { size })
}

/// A bound in units of the last of `scale` digits, drawn inwards where it has more digits than that.
pub(super) fn bound(text: &str, scale: u8, lower: bool) -> Option<i128> {
    let (negative, whole, fraction) = parts(text.trim().as_bytes())?;
    let (kept, lost) = fraction.split_at(fraction.len().min(usize::from(scale)));
    let size = fold(whole, kept)?.checked_mul(10_i128.checked_pow(u32::from(scale) - kept.len() as u32)?)?;
    let size = if negative { -size } else { size };
    let between = lost.iter().any(|digit| *digit != b'0');
    Some(match (between, lower, negative) {
        (true, true, false) => size + 1,
        (true, false, true) => size - 1,
        _ => size,
    })
}

/// A decimal of `scale` places as plain text.
pub(crate) fn decimal_text(value: i128, scale: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let unit = 10_u128.pow(u32::from(scale));
    let size = value.unsigned_abs();
    if scale == 0 {
        return format!("{sign}{size}");
    }
    format!("{sign}{}.{:0width$}", size / unit, size % unit, width = usize::from(scale))
}

/// The sign and the rest.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// Sign, whole part and fraction of a plain number.
fn parts(text: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (negative, digits) = signed(text);
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &digits[..0]),
    };
    let bare_point = fraction.is_empty() && whole.len() != digits.len();
    let all_digits = fraction.iter().all(u8::is_ascii_digit);
    (!whole.is_empty() && !bare_point && all_digits).then_some((negative, whole, fraction))
}

/// The number that the digits of both slices write; `None` where one is no digit or they are too many.
fn fold(whole: &[u8], fraction: &[u8]) -> Option<i128> {
    let digits = whole.iter().chain(fraction);
    if whole.len() + fraction.len() <= DIGITS_OF_U64 {
        let mut size = 0_u64;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            size = size * 10 + u64::from(digit);
        }
        return Some(i128::from(size));
    }
    digits.into_iter().try_fold(0_i128, |size, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| size.checked_mul(10)?.checked_add(i128::from(digit)))?
    })
}

/// How numbers are written where they are not written plainly.
#[derive(Debug, Clone)]
pub(crate) struct Notation(Option<Box<Written>>);

#[derive(Debug, Clone)]
struct Written {
    decimal: char,
    thousands: Option<char>,
    currency: Option<String>,
}

impl Notation {
    /// The notation of a column.
    pub(super) fn new(format: &NumberFormat) -> Result<Self> {
        if *format == NumberFormat::default() {
            return Ok(Self(None));
        }
        let written = Written {
            decimal: format.decimal_separator.unwrap_or('.'),
            thousands: format.thousands_separator,
            currency: format.currency_sign.as_deref().map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned),
        };
        if written.thousands == Some(written.decimal) {
            return Err(Fault::usage(format!("`{}` separates both thousands and decimals", written.decimal))
                .hint("set `thousands_separator` to the other sign, or leave it out"));
        }
        Ok(Self(Some(Box::new(written))))
    }

    /// The same number written plainly, or `None`; whether its digits are digits is left to the parser.
    pub(super) fn plain<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let Some(written) = &self.0 else { return Some(Cow::Borrowed(text)) };
        let (mut sign, mut rest) = split_sign(text);
        if let Some(currency) = &written.currency {
            if let Some(after) = rest.strip_prefix(currency.as_str()) {
                rest = after.trim_start();
                if sign.is_empty() {
                    (sign, rest) = split_sign(rest);
                }
            } else if let Some(before) = rest.strip_suffix(currency.as_str()) {
                rest = before.trim_end();
            }
        }
        let (whole, fraction) = match rest.split_once(written.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (rest, None),
        };
        // The plain point would otherwise slip through where the contract says comma.
        if whole.contains('.') && written.thousands != Some('.') || fraction.is_some_and(|f| f.contains('.')) {
            return None;
        }
        let mut plain = String::with_capacity(text.len());
        plain.push_str(sign);
        push_groups(&mut plain, whole, written.thousands)?;
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        Some(Cow::Owned(plain))
    }
}

fn split_sign(text: &str) -> (&str, &str) {
    if text.starts_with(['+', '-']) { text.split_at(1) } else { ("", text) }
}

/// Adds the whole part without its separators: groups of three digits after the first.
fn push_groups(plain: &mut String, whole: &str, thousands: Option<char>) -> Option<()> {
    let Some(separator) = thousands else {
        plain.push_str(whole);
        return Some(());
    };
    // Where a blank is declared, the no-break blanks that spreadsheets write are meant too.
    let separates = |c: char| c == separator || separator == ' ' && matches!(c, '\u{a0}' | '\u{202f}');
    let grouped = whole.contains(separates);
    for (n, group) in whole.split(separates).enumerate() {
        let right = if n == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 };
        if grouped && !right {
            return None;
        }
        plain.push_str(group);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (text, want) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+7", Some(7)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("18446744073709551616", None),
            ("000000000000000000000000000000000000000000000000001", Some(1)),
            ("", None),
            ("-", None),
            ("+-1", None),
            ("1.0", None),
            ("1e3", None),
            ("0x10", None),
            ("1_000", None),
            ("٣", None),
        ] {
            assert_eq!(integer(text.as_bytes()), want, "{text}");
        }
    }

    /// Given texts for decimal(12,2), when read, then nothing is rounded and nothing is guessed.
    #[test]
    fn decimals() {
        for (text, want) in [
            ("19.98", Some(1998)),
            ("-5", Some(-500)),
            ("+0.5", Some(50)),
            ("10.500", Some(1050)),
            ("10.5000000000000000000000000000000000000000000", Some(1050)),
            ("10.005", None),
            ("9999999999.99", Some(999_999_999_999)),
            ("10000000000", None),
            ("000010000000.00", Some(1_000_000_000)),
            ("999999999999999999999999999999999999999999", None),
            (".5", None),
            ("5.", None),
            (".", None),
            ("1.2.3", None),
            ("12,50", None),
            ("€5", None),
            ("(5.00)", None),
            ("5-", None),
            ("1e3", None),
            ("NaN", None),
            ("Infinity", None),
        ] {
            assert_eq!(decimal(text.as_bytes(), 12, 2), want, "{text}");
        }
        assert_eq!(decimal(b"99999999999999999999999999999999999999", 38, 0), Some(10_i128.pow(38) - 1));
        assert_eq!(decimal(b"0.12345678901234567890123456789012345678", 38, 38).map(|v| v % 100), Some(78));
    }

    #[test]
    fn notations() {
        let german = NumberFormat {
            decimal_separator: Some(','),
            thousands_separator: Some('.'),
            currency_sign: Some("€".to_owned()),
        };
        let notation = Notation::new(&german).unwrap();
        for (text, want) in [
            ("12,50", Some(1250)),
            ("1.234,56", Some(123_456)),
            ("-1.234.567,8 €", Some(-123_456_780)),
            ("€ -5", Some(-500)),
            ("- €5", None),
            ("1.23", None),
            ("12.34,5", None),
            ("1,234,5", None),
            ("1,234.56", None),
        ] {
            assert_eq!(notation.plain(text).and_then(|p| decimal(p.as_bytes(), 12, 2)), want, "{text}");
        }
        assert!(Notation::new(&NumberFormat { thousands_separator: Some('.'), ..Default::default() }).is_err());
    }

    #[test]
    fn bounds_are_drawn_inwards() {
        assert_eq!(bound("0.001", 2, true), Some(1));
        assert_eq!(bound("0.001", 2, false), Some(0));
        assert_eq!(bound("-0.001", 2, true), Some(0));
        assert_eq!(bound("-0.001", 2, false), Some(-1));
        assert_eq!(bound("ten", 2, true), None);
    }

    proptest::proptest! {
        /// Every decimal that is written out is read back as itself.
        #[test]
        fn text_and_back(value in -10_i128.pow(18)+1..10_i128.pow(18), scale in 0_u8..=18) {
            proptest::prop_assert_eq!(decimal(decimal_text(value, scale).as_bytes(), 18, scale), Some(value));
        }
    }
}
