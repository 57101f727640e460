//! `accepted_values`: the only values that may stand in the column, compared as its type.

use std::collections::HashSet;

use shoplake_core::{Column, Fault, Reason, Result, ShopZone};

use super::{Check, Value};
use crate::values::{Reader, normal};

#[derive(Debug)]
struct AcceptedValues {
    /// As the contract writes them.
    written: Vec<String>,
    texts: HashSet<String>,
    others: Vec<Value<'static>>,
}

pub(super) fn of_column(column: &Column, reader: &Reader, zone: &mut ShopZone) -> Result<Option<impl Check + use<>>> {
    if column.accepted_values.is_empty() {
        return Ok(None);
    }
    let mut check =
        AcceptedValues { written: column.accepted_values.clone(), texts: HashSet::new(), others: Vec::new() };
    for written in &column.accepted_values {
        let wrong = || Fault::usage(format!("`{written}` in `accepted_values` is no `{}`", column.column_type));
        match reader.read(written.trim(), zone).map_err(|_| wrong())? {
            Value::Text(text) => {
                check.texts.insert(normal(text).map_err(|_| wrong())?.into_owned());
            }
            Value::Integer(value) => check.others.push(Value::Integer(value)),
            Value::Decimal(value) => check.others.push(Value::Decimal(value)),
            Value::Timestamp(value) => check.others.push(Value::Timestamp(value)),
            Value::Date(value) => check.others.push(Value::Date(value)),
            Value::Boolean(value) => check.others.push(Value::Boolean(value)),
        }
    }
    Ok(Some(check))
}

impl Check for AcceptedValues {
    fn rule(&self) -> String {
        format!("accepted_values: {}", self.written.join(", "))
    }
    fn reason(&self) -> Reason {
        Reason::Range
    }
    fn accepts(&self, value: Option<(&str, Value<'_>)>) -> bool {
        match value {
            None => true,
            Some((_, Value::Text(text))) => self.texts.contains(text),
            Some((_, value)) => self.others.contains(&value),
        }
    }
}
