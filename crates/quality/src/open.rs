//! A landed file as a stream of text: unpacked, sniffed, and brought to UTF-8.
//!
//! What lives here: archives ([`archive`]), encodings ([`encoding`]), and the look at the first
//! bytes that tells a table from something else ([`sniff`]). What does not: records and fields.

mod archive;
mod encoding;
mod sniff;

use std::error::Error;
use std::io::{self, Cursor, Read};

use shoplake_core::contract::FileOptions;
use shoplake_core::{Fault, LandedFile, Result};

use crate::ReadOptions;

/// Bytes that are looked at before the file is read.
const HEAD_BYTES: u64 = 4096;

/// Opens a landed file as text in UTF-8, without its byte-order mark.
///
/// Bytes that no text can stand for come through as bytes that are no UTF-8, for the reader to
/// reject the record. A fault of kind `Data` where the file is no table; an error while reading is
/// turned into a fault by [`read_fault`].
pub(crate) fn open_text(file: &LandedFile, options: &ReadOptions, how: &FileOptions) -> Result<Box<dyn Read + Send>> {
    let mut unpacked = archive::unpack(file, options.unpacked_bytes)?;
    let mut head = Vec::new();
    unpacked.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(read_fault)?;
    let declared = how.encoding.as_deref().map(encoding::of_label).transpose()?;
    let (encoding, mark_bytes) = encoding::of_head(&head).unwrap_or((declared, 0));
    sniff::refuse_what_is_no_table(&head[mark_bytes..], encoding, how.format)?;
    let rest = Cursor::new(head.split_off(mark_bytes)).chain(unpacked);
    Ok(match encoding.filter(|encoding| *encoding != encoding_rs::UTF_8) {
        Some(encoding) => Box::new(encoding::Transcoder::new(rest, encoding)),
        None => Box::new(rest),
    })
}

/// The fault behind an error of a stream from [`open_text`]: the data's where the archive is broken
/// or too large, the disk's where the file cannot be read.
pub(crate) fn read_fault(error: io::Error) -> Fault {
    if !error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<Fault>) {
        return Fault::from(error);
    }
    match error.into_inner().map(<dyn Error + Send + Sync>::downcast::<Fault>) {
        Some(Ok(fault)) => *fault,
        _ => Fault::internal("an error of a stream lost its cause"),
    }
}

/// A fault as the error of a stream.
fn stream_error(kind: io::ErrorKind, fault: Fault) -> io::Error {
    io::Error::new(kind, fault)
}
