//! `required: true`: the value must be there.

use shoplake_core::{Column, Reason};

use super::{Check, Value};

#[derive(Debug)]
struct Required;

pub(super) fn of_column(column: &Column) -> Option<impl Check + use<>> {
    column.required.then_some(Required)
}

impl Check for Required {
    fn rule(&self) -> String {
        "required".to_owned()
    }
    fn reason(&self) -> Reason {
        Reason::Missing
    }
    fn accepts(&self, value: Option<(&str, Value<'_>)>) -> bool {
        value.is_some()
    }
}
