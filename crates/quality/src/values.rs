//! Text to typed values, one parser for each type of the contract.
//!
//! What lives here: [`Value`], and [`Reader`], which a column's type, formats and notation of
//! numbers are compiled into. What does not: whether a value is allowed (`checks`).

mod number;
mod text;
mod time;

use std::borrow::Cow;

use shoplake_core::{Column, ColumnType, Fault, Result, ShopZone};

pub(crate) use number::decimal_text;
pub(crate) use text::normal;

use number::Notation;
use time::TimeFormat;

/// A value that was read as its column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text, trimmed and in NFC.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A decimal in units of its column's last digit.
    Decimal(i128),
    /// UTC microseconds since 1970.
    Timestamp(i64),
    /// Days since 1970-01-01.
    Date(i32),
    /// True or false.
    Boolean(bool),
}

/// Why a text is no value of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misread {
    /// It is not written as the type is.
    Type,
    /// It is a local time that the clock change skips.
    NoSuchTime,
    /// It holds a NUL byte.
    Nul,
}

/// How a column's text is read.
#[derive(Debug)]
pub(crate) enum Reader {
    Text,
    Integer(Notation),
    Decimal { precision: u8, scale: u8, notation: Notation },
    Timestamp(Vec<TimeFormat>),
    Date(Vec<TimeFormat>),
    Boolean,
}

impl Reader {
    /// The reader of a column; a fault where its formats or its notation make no sense.
    pub(crate) fn new(column: &Column) -> Result<Self> {
        let formats = || column.formats.iter().map(|format| TimeFormat::new(format)).collect::<Result<Vec<_>>>();
        Ok(match column.column_type {
            ColumnType::String => Self::Text,
            ColumnType::Integer => Self::Integer(Notation::new(&column.number)?),
            ColumnType::Decimal { precision, scale } => {
                if !(1..=38).contains(&precision) || scale > precision {
                    return Err(Fault::usage(format!("`decimal({precision},{scale})` is no type")));
                }
                Self::Decimal { precision, scale, notation: Notation::new(&column.number)? }
            }
            ColumnType::Timestamp => Self::Timestamp(formats()?),
            ColumnType::Date => Self::Date(formats()?),
            ColumnType::Boolean => Self::Boolean,
        })
    }

    /// Reads a trimmed text that is not empty. Text comes back as it stands: [`normal`] is the caller's.
    pub(crate) fn read<'a>(&self, text: &'a str, zone: &mut ShopZone) -> Result<Value<'a>, Misread> {
        match self {
            Self::Text => Ok(Value::Text(text)),
            Self::Integer(notation) => notation
                .plain(text)
                .and_then(|plain| number::integer(plain.as_bytes()))
                .map(Value::Integer)
                .ok_or(Misread::Type),
            Self::Decimal { precision, scale, notation } => notation
                .plain(text)
                .and_then(|plain| number::decimal(plain.as_bytes(), *precision, *scale))
                .map(Value::Decimal)
                .ok_or(Misread::Type),
            Self::Timestamp(formats) => time::timestamp(text, formats, zone).map(Value::Timestamp),
            Self::Date(formats) => time::date(text, formats).map(Value::Date).ok_or(Misread::Type),
            Self::Boolean => boolean(text).map(Value::Boolean).ok_or(Misread::Type),
        }
    }

    /// Reads a bound of the contract. A decimal bound with more digits than the column has is drawn
    /// inwards (`min: 0.001` of two places is 0.01), so that it accepts the same values.
    pub(crate) fn read_bound(&self, text: &str, lower: bool, zone: &mut ShopZone) -> Option<Value<'static>> {
        match self {
            Self::Text | Self::Boolean => None,
            Self::Integer(_) => number::bound(text, 0, lower)?.try_into().ok().map(Value::Integer),
            Self::Decimal { scale, .. } => number::bound(text, *scale, lower).map(Value::Decimal),
            Self::Timestamp(_) => time::timestamp(text, &[], zone).ok().map(Value::Timestamp),
            Self::Date(_) => time::date(text, &[]).map(Value::Date),
        }
    }
}

/// `true`, `false`, `1`, `0`, `yes`, `no`, whatever their case.
fn boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "1", "yes"]) {
        Some(true)
    } else if is(["false", "0", "no"]) {
        Some(false)
    } else {
        None
    }
}

/// Text without white space at its ends, fast where there is none.
pub(crate) fn trimmed(text: &str) -> &str {
    let solid = |byte: Option<&u8>| byte.is_some_and(|byte| (0x21..0x7f).contains(byte));
    if solid(text.as_bytes().first()) && solid(text.as_bytes().last()) { text } else { text.trim() }
}

/// A type's name as a rule: `type: decimal(12,2)`.
pub(crate) fn rule_of(misread: Misread, column_type: ColumnType) -> Cow<'static, str> {
    match misread {
        Misread::Type => Cow::Owned(format!("type: {column_type}")),
        Misread::NoSuchTime => Cow::Borrowed("time: does not exist"),
        Misread::Nul => Cow::Borrowed("text: no NUL bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given the words for true and false in any case, when read, then nothing else is one.
    #[test]
    fn booleans() {
        for (text, want) in
            [("TRUE", Some(true)), ("1", Some(true)), ("Yes", Some(true)), ("no", Some(false)), ("0", Some(false))]
        {
            assert_eq!(boolean(text), want, "{text}");
        }
        for text in ["2", "t", "y", "", "on", "truee"] {
            assert_eq!(boolean(text), None, "{text}");
        }
    }

    /// Given white space of any kind around a value, when trimmed, then only the inside stays.
    #[test]
    fn white_space_goes() {
        assert_eq!(trimmed("ab"), "ab");
        assert_eq!(trimmed("\u{a0}a b\u{2003}"), "a b");
        assert_eq!(trimmed(" \t"), "");
    }
}
