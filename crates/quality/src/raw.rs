//! The text of one row of a file, as it stands there: what a figure is made of in the end.

use std::io::{BufRead, BufReader, Read};

use shoplake_core::contract::{FileOptions, Format};
use shoplake_core::{LandedFile, Result};

use crate::ReadOptions;
use crate::open::{open_text, read_fault};

/// More lines than this are not one row: a quote is open that nothing closes.
const MOST_LINES: usize = 100;
/// A longer line is cut.
const MOST_BYTES: u64 = 64 << 10;

/// The record that starts at `line` (1-based) of a file of lines; `None` where the format has no lines
/// or the file ends before.
///
/// # Errors
/// A file that cannot be read or unpacked.
pub fn raw_line(file: &LandedFile, how: &FileOptions, options: &ReadOptions, line: u64) -> Result<Option<String>> {
    if !matches!(how.format, Format::Csv | Format::Ndjson) || line == 0 {
        return Ok(None);
    }
    let mut text = BufReader::new(open_text(file, options, how)?);
    for _ in 1..line {
        if text.skip_until(b'\n').map_err(read_fault)? == 0 {
            return Ok(None);
        }
    }
    let mut record = Vec::new();
    for _ in 0..MOST_LINES {
        let mut bounded = (&mut text).take(MOST_BYTES);
        let read = bounded.read_until(b'\n', &mut record).map_err(read_fault)?;
        let open = record.iter().fold(false, |open, byte| open ^ (*byte == b'"'));
        if read == 0 || how.format == Format::Ndjson || !open {
            break;
        }
    }
    if record.is_empty() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&record).trim_end_matches(['\r', '\n']).to_owned()))
}
