//! What jinja knows besides functions: `this`, `target`, `run_started_at`, `exceptions`.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

use crate::sql;

/// `{{ this }}`: the model's own table.
#[derive(Debug)]
pub(crate) struct This(pub(crate) String);

impl Object for This {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "name" | "identifier" | "table" | "alias" => Some(Value::from(self.0.clone())),
            _ => None,
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sql::identifier(&self.0))
    }
}

/// `{{ run_started_at }}`, with Python's `strftime`.
#[derive(Debug)]
pub(crate) struct Started(pub(crate) DateTime<Utc>);

impl Object for Started {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _: &State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let [form] = args else {
            return Err(Error::new(ErrorKind::MissingArgument, "`strftime` takes one form"));
        };
        match (method, form.as_str()) {
            ("strftime", Some(form)) => {
                use fmt::Write;
                let mut text = String::new();
                write!(text, "{}", self.0.format(form))
                    .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("`{form}` is no form of a time")))?;
                Ok(Value::from(text))
            }
            _ => Err(Error::new(
                ErrorKind::UnknownMethod,
                format!("`run_started_at` has no `{method}`, only `strftime`"),
            )),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d %H:%M:%S%.6f+00:00"))
    }
}

/// `{{ exceptions.raise_compiler_error('…') }}`.
#[derive(Debug)]
pub(crate) struct Exceptions;

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _: &State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let words = args.first().map(ToString::to_string).unwrap_or_default();
        match method {
            "raise_compiler_error" => Err(Error::new(ErrorKind::InvalidOperation, words)),
            "warn" => Ok(Value::from("")),
            other => Err(Error::new(ErrorKind::UnknownMethod, format!("`exceptions` has no `{other}`"))),
        }
    }
}
