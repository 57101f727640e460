//! Records against the contract: the one judge that every format's reader hands its records to.
//!
//! What lives here: [`Cell`], one value as its reader found it; [`Layout`], which input column
//! feeds which column of the table; [`CompiledContract`], the contract made ready for rows; and
//! [`RowJudge`], which builds the batch. What does not: anything that knows how a file is written.

mod buffer;
mod compiled;
mod judge;
mod layout;
mod names;

use std::borrow::Cow;
use std::fmt::Write;

pub use compiled::CompiledContract;
pub use judge::RowJudge;
pub(crate) use layout::column_of;
pub use layout::{Layout, MOST_COLUMNS};

/// Bytes of a record or a value that quarantine keeps.
const SHOWN_BYTES: usize = 64 << 10;

/// One value of a record as its reader found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Absent, null or empty.
    Missing,
    /// Text, or the source text of a JSON number.
    Text(Cow<'a, str>),
    /// Something that no text can stand for: bad encoding, an object where a scalar should be.
    Invalid {
        /// What stood there, as text that loses nothing.
        shown: String,
        /// The broken rule in words: `encoding`.
        rule: String,
    },
}

/// Bytes as text that loses nothing: what is no UTF-8 as `\xE9`; cut at 64 KiB.
pub fn shown(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a `String` does not fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// The text, cut at 64 KiB where it is longer.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > SHOWN_BYTES {
        text.truncate(text.floor_char_boundary(SHOWN_BYTES));
    }
    text
}
