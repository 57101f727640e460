//! Rendering with a bound: a template that writes without end is stopped, not waited for.

use std::io::{self, Write};

use minijinja::{Error, ErrorKind, Template, Value};

/// Longer SQL than this is no model's.
const MAX_BYTES: usize = 4 << 20;

/// What a template writes, up to the bound.
pub(crate) fn render(template: &Template<'_, '_>, context: Value) -> Result<String, Error> {
    let mut text = Bounded(Vec::new());
    template.render_captured_to(context, &mut text).map_err(|error| match error.kind() {
        ErrorKind::WriteFailure => {
            Error::new(ErrorKind::InvalidOperation, format!("the template writes more than {MAX_BYTES} bytes"))
        }
        _ => error,
    })?;
    String::from_utf8(text.0).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
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
