//! `min` and `max`: both belong to the range.

use shoplake_core::{Column, Fault, Reason, Result, ShopZone};

use super::{Check, Value};
use crate::values::Reader;

#[derive(Debug)]
struct Bound {
    /// As the contract writes it.
    written: String,
    value: Value<'static>,
    lower: bool,
}

pub(super) fn of_column(column: &Column, reader: &Reader, zone: &mut ShopZone) -> Result<Vec<impl Check + use<>>> {
    let mut bound = |written: &Option<String>, lower: bool| {
        let Some(written) = written else { return Ok(None) };
        let value = reader.read_bound(written, lower, zone).ok_or_else(|| {
            let word = if lower { "min" } else { "max" };
            Fault::usage(format!("`{word}: {written}` is no bound for a column of type `{}`", column.column_type))
        })?;
        Ok::<_, Fault>(Some(Bound { written: written.clone(), value, lower }))
    };
    let (min, max) = (bound(&column.min, true)?, bound(&column.max, false)?);
    if let (Some(min), Some(max)) = (&min, &max)
        && !max.accepts(Some(("", min.value)))
    {
        return Err(Fault::usage(format!("`min: {}` is above `max: {}`", min.written, max.written)));
    }
    Ok([min, max].into_iter().flatten().collect())
}

impl Check for Bound {
    fn rule(&self) -> String {
        format!("{}: {}", if self.lower { "min" } else { "max" }, self.written)
    }
    fn reason(&self) -> Reason {
        Reason::Range
    }
    fn accepts(&self, value: Option<(&str, Value<'_>)>) -> bool {
        let Some((_, value)) = value else { return true };
        let order = match (value, self.value) {
            (Value::Integer(value), Value::Integer(bound)) | (Value::Timestamp(value), Value::Timestamp(bound)) => {
                value.cmp(&bound)
            }
            (Value::Decimal(value), Value::Decimal(bound)) => value.cmp(&bound),
            (Value::Date(value), Value::Date(bound)) => value.cmp(&bound),
            // A bound is made by the reader that reads the value: the types are the same.
            _ => return false,
        };
        if self.lower { order.is_ge() } else { order.is_le() }
    }
}
