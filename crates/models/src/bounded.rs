//! Rendering with a bound: a template that writes or reckons without end is stopped, not waited for.

use std::io::{self, Write};

use minijinja::{Error, ErrorKind, Template, Value};

/// Longer SQL than this is no model's.
const MAX_BYTES: usize = 4 << 20;

/// Steps that a template may take: a second's work or so, where a model's takes thousands.
pub(crate) const MAX_STEPS: u64 = 5_000_000;

/// What a template writes, up to the bound. Its environment has [`MAX_STEPS`] for fuel.
pub(crate) fn render(template: &Template<'_, '_>, context: Value) -> Result<String, Error> {
    let mut text = Bounded(Vec::new());
    template.render_captured_to(context, &mut text)?;
    String::from_utf8(text.0).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// What is said of a template that was stopped, and what to do.
pub(crate) fn stopped(error: &Error) -> Option<(String, &'static str)> {
    match error.kind() {
        ErrorKind::WriteFailure => Some((
            format!("the template writes more than {MAX_BYTES} bytes"),
            "a loop writes too much: take a shorter one, or let SQL do it (`generate_series`, a join)",
        )),
        ErrorKind::OutOfFuel => Some((
            format!("the template takes more than {MAX_STEPS} steps"),
            "a loop goes round too often: take a shorter one, or let SQL do it (`generate_series`, a join)",
        )),
        _ => None,
    }
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the text is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
