//! `pattern`: a regular expression that the whole text must match.

use regex::Regex;
use shoplake_core::{Column, Fault, Reason, Result};

use super::{Check, Value};

#[derive(Debug)]
struct Pattern {
    /// As the contract writes it.
    written: String,
    whole: Regex,
}

pub(super) fn of_column(column: &Column) -> Result<Option<impl Check + use<>>> {
    let Some(written) = &column.pattern else { return Ok(None) };
    // Alone first, so that a stray bracket cannot close the group around it.
    let whole = Regex::new(written).and_then(|_| Regex::new(&format!(r"\A(?:{written})\z")));
    let whole = whole.map_err(|error| {
        Fault::usage(format!("`pattern: {written}` is no regular expression")).detail(error.to_string())
    })?;
    Ok(Some(Pattern { written: written.clone(), whole }))
}

impl Check for Pattern {
    fn rule(&self) -> String {
        format!("pattern: {}", self.written)
    }
    fn reason(&self) -> Reason {
        Reason::Range
    }
    fn accepts(&self, value: Option<(&str, Value<'_>)>) -> bool {
        value.is_none_or(|(text, _)| self.whole.is_match(text))
    }
}
