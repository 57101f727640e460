//! One column of a contract: its type, and whether its rules fit that type.

use std::borrow::Cow;

use chrono::format::{Item, StrftimeItems};
use shoplake_core::contract::NumberFormat;
use shoplake_core::{Column, ColumnType, Fault};

use crate::files::{ColumnFile, Scalar};
use crate::words::{bad_name, good_name, nearest};
use crate::yaml::Node;

/// The words of the types; `decimal` stands with its digits.
const TYPES: [&str; 6] = ["string", "integer", "decimal", "timestamp", "date", "boolean"];
/// What other systems call the types.
const OTHER_TYPES: [(&str, &str); 16] = [
    ("text", "string"),
    ("varchar", "string"),
    ("str", "string"),
    ("int", "integer"),
    ("bigint", "integer"),
    ("long", "integer"),
    ("float", "decimal(18,4)"),
    ("double", "decimal(18,4)"),
    ("number", "decimal(18,4)"),
    ("numeric", "decimal(18,4)"),
    ("money", "decimal(18,4)"),
    ("decimal", "decimal(18,4)"),
    ("datetime", "timestamp"),
    ("timestamptz", "timestamp"),
    ("time", "timestamp"),
    ("bool", "boolean"),
];

/// Reads one column; `None` where its name or type is wrong, all mistakes in `faults`.
pub(crate) fn read(file: &ColumnFile, node: &Node, faults: &mut Vec<Fault>) -> Option<Column> {
    let name_is_good = check_name("column", &file.name, node.at("name"), faults);
    let column_type = match parse_type(&file.column_type) {
        Ok(column_type) => column_type,
        Err((message, hint)) => {
            faults.push(node.at("type").fault(message).hint(hint));
            return None;
        }
    };
    if !name_is_good {
        return None;
    }
    let scalar = |text: &Option<Scalar>| text.as_ref().map(|scalar| scalar.0.trim().to_owned());
    let mut column = Column::new(&file.name, column_type);
    column.header = scalar(&file.header);
    column.required = file.required.unwrap_or(false);
    (column.min, column.max) = (scalar(&file.min), scalar(&file.max));
    column.pattern.clone_from(&file.pattern);
    column.accepted_values = file.accepted_values.iter().flatten().map(|value| value.0.clone()).collect();
    column.formats = file.formats.clone().unwrap_or_default();
    column.description.clone_from(&file.description);
    column.line = Some(node.spot.line);
    check_bounds(&column, node, faults);
    check_words(&column, node, faults);
    column.number = number_format(file, column_type, node, faults);
    Some(column)
}

/// Whether a dataset or column may be called so.
pub(crate) fn check_name(what: &str, name: &str, node: &Node, faults: &mut Vec<Fault>) -> bool {
    let Some(why) = bad_name(name) else { return true };
    let fault = node.fault(format!("`{name}` cannot be the name of a {what}: {why}"));
    faults.push(match good_name(name) {
        Some(good) if what == "column" => fault.hint(format!("write `name: {good}, header: \"{name}\"`")),
        Some(good) => fault.hint(format!("write `{good}`")),
        None => fault,
    });
    false
}

/// The type that a word means, or what is wrong and what to write instead.
fn parse_type(text: &str) -> Result<ColumnType, (String, String)> {
    let word = text.trim();
    let digits = word.strip_prefix("decimal").map(str::trim_start).and_then(|rest| rest.strip_prefix('('));
    if let Some(inside) = digits.and_then(|rest| rest.strip_suffix(')')) {
        let number = |text: &str| text.trim().parse::<u8>().ok();
        let pair = inside.split_once(',').and_then(|(p, s)| number(p).zip(number(s)));
        return match pair {
            Some((precision @ 1..=38, scale)) if scale <= precision => Ok(ColumnType::Decimal { precision, scale }),
            _ => Err((
                format!("`{word}` is not a decimal type"),
                "write decimal(p,s): p digits in all, 1 to 38, and s of them after the point, at most p".to_owned(),
            )),
        };
    }
    match word {
        "string" => Ok(ColumnType::String),
        "integer" => Ok(ColumnType::Integer),
        "timestamp" => Ok(ColumnType::Timestamp),
        "date" => Ok(ColumnType::Date),
        "boolean" => Ok(ColumnType::Boolean),
        _ => {
            let lower = word.to_lowercase();
            let other = OTHER_TYPES.iter().find(|(other, _)| *other == lower).map(|(_, ours)| *ours);
            let hint = match other.or_else(|| nearest(word, TYPES)) {
                Some(ours) => format!("did you mean `{ours}`?"),
                None => "the types are string, integer, decimal(p,s), timestamp, date and boolean".to_owned(),
            };
            Err((format!("`{word}` is not a type"), hint))
        }
    }
}

/// A value in the order of its type; texts of different lengths of fraction compare as numbers.
#[derive(PartialEq, PartialOrd)]
enum Ordered {
    Number(i128),
    Moment(i64),
}

/// What a contract's value means for its type, or why it means nothing.
fn value_of(text: &str, column_type: ColumnType) -> Result<Ordered, String> {
    let refused = || {
        let example = match column_type {
            ColumnType::Date => ", which is written `2024-01-31`",
            ColumnType::Timestamp => ", which is written `2024-01-31 00:00:00`",
            _ => "",
        };
        format!("`{text}` is not a value of type {column_type}{example}")
    };
    match column_type {
        ColumnType::Integer => text.parse::<i64>().map(|n| Ordered::Number(n.into())).map_err(|_| refused()),
        ColumnType::Decimal { precision, scale } => {
            let unsigned = text.trim_start_matches(['+', '-']);
            let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
            let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
            let written = !whole.is_empty() && digits(whole) && digits(fraction) && text.len() - unsigned.len() <= 1;
            if !written || unsigned.ends_with('.') {
                return Err(refused());
            }
            let whole_digits = whole.trim_start_matches('0').len();
            if fraction.len() > usize::from(scale) || whole_digits > usize::from(precision - scale) {
                return Err(format!("`{text}` does not fit {column_type}"));
            }
            let number = format!("{whole}{fraction:0<width$}", width = usize::from(scale));
            let number = number.parse::<i128>().map_err(|_| refused())?;
            Ok(Ordered::Number(if text.starts_with('-') { -number } else { number }))
        }
        ColumnType::Date => moment(text, false).map(Ordered::Moment).ok_or_else(refused),
        ColumnType::Timestamp => moment(text, true).map(Ordered::Moment).ok_or_else(refused),
        ColumnType::String | ColumnType::Boolean => Err(format!("it does not apply to type {column_type}")),
    }
}

/// Microseconds of an ISO 8601 day, or of a moment where `with_time`.
fn moment(text: &str, with_time: bool) -> Option<i64> {
    if let Ok(day) = text.parse::<chrono::NaiveDate>()
        && text.len() == 10
    {
        return Some(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros());
    }
    if !with_time {
        return None;
    }
    let text = text.replacen(' ', "T", 1);
    let with_offset = chrono::DateTime::parse_from_rfc3339(&text).map(|moment| moment.timestamp_micros());
    with_offset
        .or_else(|_| text.parse::<chrono::NaiveDateTime>().map(|moment| moment.and_utc().timestamp_micros()))
        .ok()
}

fn check_bounds(column: &Column, node: &Node, faults: &mut Vec<Fault>) {
    let mut read = |key: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        value_of(text, column.column_type)
            .map_err(|why| faults.push(node.at(key).fault(format!("`{key}` of column `{}`: {why}", column.name))))
            .ok()
    };
    let (min, max) = (read("min", &column.min), read("max", &column.max));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        faults.push(node.at("max").fault(format!("`max` of column `{}` is below its `min`", column.name)));
    }
}

fn check_words(column: &Column, node: &Node, faults: &mut Vec<Fault>) {
    let name = &column.name;
    if let Some(Err(error)) = column.pattern.as_deref().map(regex::Regex::new) {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        faults
            .push(node.at("pattern").fault(format!("`pattern` of column `{name}` is not a regular expression: {why}")));
    }
    for (index, value) in column.accepted_values.iter().enumerate() {
        let fits = match column.column_type {
            ColumnType::String => true,
            ColumnType::Boolean => matches!(value.as_str(), "true" | "false"),
            other => value_of(value, other).is_ok(),
        };
        if !fits {
            let message =
                format!("`accepted_values` of column `{name}`: `{value}` is not of type {}", column.column_type);
            faults.push(node.at(&format!("accepted_values/{index}")).fault(message));
        }
    }
    let dated = matches!(column.column_type, ColumnType::Date | ColumnType::Timestamp);
    if !column.formats.is_empty() && !dated {
        let message = format!("`formats` of column `{name}`: it does not apply to type {}", column.column_type);
        faults.push(node.at("formats").fault(message));
        return;
    }
    for (index, format) in column.formats.iter().enumerate() {
        let literal_only = StrftimeItems::new(format).all(|item| matches!(item, Item::Literal(_) | Item::Space(_)));
        if literal_only || StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
            let message = format!("`formats` of column `{name}`: `{format}` is not a strptime format");
            let fault = node.at(&format!("formats/{index}")).fault(message);
            faults.push(fault.hint("for example `%d/%m/%Y %H:%M:%S`"));
        }
    }
}

fn number_format(file: &ColumnFile, column_type: ColumnType, node: &Node, faults: &mut Vec<Fault>) -> NumberFormat {
    let is_number = matches!(column_type, ColumnType::Integer | ColumnType::Decimal { .. });
    let keys = [
        ("decimal_separator", &file.decimal_separator),
        ("thousands_separator", &file.thousands_separator),
        ("currency_sign", &file.currency_sign),
    ];
    let mut complain = |key: &str, why: Cow<'_, str>| {
        faults.push(node.at(key).fault(format!("`{key}` of column `{}`: {why}", file.name)));
    };
    for (key, _) in keys.iter().filter(|(_, text)| text.is_some() && !is_number) {
        complain(key, format!("it does not apply to type {column_type}").into());
    }
    let mut single = |key: &str, text: Option<&str>| {
        let mut characters = text?.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) if !one.is_ascii_alphanumeric() && !matches!(one, '+' | '-') => Some(one),
            _ => {
                complain(key, "it must be one character that is not a letter, a digit or a sign".into());
                None
            }
        }
    };
    let decimal_separator = single("decimal_separator", file.decimal_separator.as_deref());
    let thousands_separator = single("thousands_separator", file.thousands_separator.as_deref());
    if thousands_separator.is_some() && thousands_separator == Some(decimal_separator.unwrap_or('.')) {
        complain("thousands_separator", "it is the decimal separator too".into());
    }
    if file.currency_sign.as_deref().is_some_and(|sign| sign.trim().is_empty()) {
        complain("currency_sign", "it is empty".into());
    }
    NumberFormat { decimal_separator, thousands_separator, currency_sign: file.currency_sign.clone() }
}
