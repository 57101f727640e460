//! The rules that a value has to keep: one check, one file.
//!
//! A check sees the value after it was read as its type; that it can be read is no check but the
//! reader's own concern. To add one: a file beside the others, and a line in [`of_column`].

mod accepted_values;
mod pattern;
mod range;
mod required;

use std::fmt::Debug;

use shoplake_core::{Column, Reason, Result, ShopZone};

use crate::values::Reader;
pub use crate::values::Value;

/// One rule of a column.
pub trait Check: Debug + Send + Sync {
    /// The rule in words, as quarantine shows it: `required`, `min: 0`.
    fn rule(&self) -> String;
    /// What a row that breaks it is rejected for.
    fn reason(&self) -> Reason;
    /// Whether the value keeps the rule: `text` as it stood in the file without white space around
    /// it, `value` as it was read. An absent value is `None`, which only `required` minds.
    fn accepts(&self, value: Option<(&str, Value<'_>)>) -> bool;
}

/// The checks of a column in the order of their reasons; a fault where one makes no sense.
pub(crate) fn of_column(column: &Column, reader: &Reader, zone: &mut ShopZone) -> Result<Vec<Box<dyn Check>>> {
    let mut checks: Vec<Box<dyn Check>> = Vec::new();
    checks.extend(required::of_column(column).map(boxed));
    checks.extend(range::of_column(column, reader, zone)?.into_iter().map(boxed));
    checks.extend(pattern::of_column(column)?.map(boxed));
    checks.extend(accepted_values::of_column(column, reader, zone)?.map(boxed));
    Ok(checks)
}

fn boxed(check: impl Check + 'static) -> Box<dyn Check> {
    Box::new(check)
}

#[cfg(test)]
mod tests {
    use shoplake_core::ColumnType;

    use super::*;

    /// The rules of `column` that each text breaks.
    fn broken(column: &Column, text: Option<&str>) -> Vec<String> {
        let mut zone = ShopZone::new(chrono_tz::UTC);
        let reader = Reader::new(column).unwrap();
        let value = text.map(|text| (text, reader.read(text, &mut zone).unwrap()));
        let checks = of_column(column, &reader, &mut zone).unwrap();
        checks.iter().filter(|check| !check.accepts(value)).map(|check| check.rule()).collect()
    }

    #[test]
    fn a_required_value_has_to_be_there() {
        let column = Column { required: true, ..Column::new("x", ColumnType::String) };
        assert_eq!(broken(&column, None), ["required"]);
        assert_eq!(broken(&column, Some("a")), [""; 0]);
        assert_eq!(broken(&Column::new("x", ColumnType::String), None), [""; 0]);
    }

    #[test]
    fn bounds_of_each_type() {
        let of = |column_type, min: &str, max: &str| Column {
            min: Some(min.to_owned()),
            max: Some(max.to_owned()),
            ..Column::new("x", column_type)
        };
        let money = of(ColumnType::Decimal { precision: 12, scale: 2 }, "0", "99.995");
        assert_eq!(broken(&money, Some("-0.01")), ["min: 0"]);
        assert_eq!(broken(&money, Some("100")), ["max: 99.995"]);
        assert_eq!(broken(&money, Some("0")), [""; 0]);
        assert_eq!(broken(&of(ColumnType::Integer, "1", "9"), Some("10")), ["max: 9"]);
        assert_eq!(broken(&of(ColumnType::Date, "2020-01-01", "2030-01-01"), Some("2019-12-31")), ["min: 2020-01-01"]);
        let times = of(ColumnType::Timestamp, "2020-01-01", "2030-01-01");
        assert_eq!(broken(&times, Some("2030-01-01T00:00:01Z")), ["max: 2030-01-01"]);
        assert_eq!(broken(&times, None), [""; 0]);
    }

    #[test]
    fn a_pattern_matches_the_whole_text() {
        let column = Column { pattern: Some("[A-Z]|[0-9]+".to_owned()), ..Column::new("x", ColumnType::String) };
        assert_eq!(broken(&column, Some("42")), [""; 0]);
        assert_eq!(broken(&column, Some("A1")), ["pattern: [A-Z]|[0-9]+"]);
    }

    #[test]
    fn accepted_values_are_compared_as_their_type() {
        let accepted_values = vec!["1.50".to_owned(), "2".to_owned()];
        let column = Column::new("x", ColumnType::Decimal { precision: 5, scale: 2 });
        assert_eq!(
            broken(&Column { accepted_values: accepted_values.clone(), ..column.clone() }, Some("1.5")),
            [""; 0]
        );
        assert_eq!(broken(&Column { accepted_values, ..column }, Some("3")), ["accepted_values: 1.50, 2"]);
    }

    /// Given rules that no value could be held against, when compiled, then they are the project's fault.
    #[test]
    fn nonsense_is_refused() {
        let text = Column::new("x", ColumnType::String);
        let number = Column::new("x", ColumnType::Integer);
        for column in [
            Column { pattern: Some("(".to_owned()), ..text.clone() },
            Column { min: Some("a".to_owned()), ..text },
            Column { min: Some("ten".to_owned()), ..number.clone() },
            Column { min: Some("2".to_owned()), max: Some("1".to_owned()), ..number.clone() },
            Column { accepted_values: vec!["one".to_owned()], ..number },
        ] {
            let mut zone = ShopZone::new(chrono_tz::UTC);
            let fault = of_column(&column, &Reader::new(&column).unwrap(), &mut zone).unwrap_err();
            assert_eq!(fault.kind, shoplake_core::FaultKind::Usage, "{fault}");
        }
    }
}
