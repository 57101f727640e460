//! A sample of a file as columns of text, whatever its format.

use std::collections::HashMap;
use std::io::Read;

use shoplake_core::contract::{FileOptions, Format};
use shoplake_core::{Fault, Result};

use crate::open::read_fault;

/// Rows that are looked at.
pub(super) const ROWS: usize = 100_000;
/// Bytes of a text file that are looked at.
const BYTES: u64 = 64 << 20;
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Columns of text, all of the same length; an absent value is empty.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) headers: Vec<String>,
    pub(super) columns: Vec<Vec<String>>,
    by_header: HashMap<String, usize>,
    pub(super) rows: usize,
}

impl Table {
    /// Adds a row whose values are named; a new name is a new column, empty so far.
    pub(super) fn add(&mut self, values: Vec<(String, String)>) {
        for (header, value) in values {
            let at = *self.by_header.entry(header).or_insert_with_key(|header| {
                self.headers.push(header.clone());
                self.columns.push(vec![String::new(); self.rows]);
                self.headers.len() - 1
            });
            // A name that stands twice in a row keeps its first value.
            if self.columns[at].len() == self.rows {
                self.columns[at].push(value);
            }
        }
        self.rows += 1;
        for column in &mut self.columns {
            column.resize(self.rows, String::new());
        }
    }
}

/// A file's sample, how to read the file, and what was decided on the way.
pub(super) struct Sample {
    pub(super) table: Table,
    pub(super) options: FileOptions,
    pub(super) notes: Vec<String>,
}

/// The sample of a file of separated values.
pub(super) fn separated(reader: impl Read) -> Result<Sample> {
    let mut bytes = Vec::new();
    reader.take(BYTES).read_to_end(&mut bytes).map_err(read_fault)?;
    let whole = (bytes.len() as u64) < BYTES;
    let mut notes = Vec::new();
    let (text, encoding) = decode(&bytes)?;
    if let Some(label) = encoding {
        notes.push(format!("is no UTF-8: read as {label}; look whether accents and currency signs are right"));
    }
    let delimiter = delimiter_of(&text);
    if delimiter != b',' {
        let shown = if delimiter == b'\t' { "tab".to_owned() } else { format!("`{}`", char::from(delimiter)) };
        notes.push(format!("fields are separated by {shown}"));
    }
    let mut options = FileOptions::new(Format::Csv);
    options.delimiter = delimiter;
    options.encoding = encoding.map(str::to_owned);

    let mut records = Records { rest: &text, delimiter: char::from(delimiter) }.peekable();
    let Some(first) = records.next() else { return Err(Fault::data("the file is empty")) };
    let headers: Vec<String> = first.iter().map(|field| field.trim().to_owned()).collect();
    let mut table = Table::default();
    let headers = if is_header(&headers) {
        headers
    } else {
        let names: Vec<String> = (1..=headers.len()).map(|at| format!("column_{at}")).collect();
        notes.push(
            "has no header line: columns are called `column_1` and so on; give them names under `header`".to_owned(),
        );
        options.header = Some(names.clone());
        table.add(names.iter().cloned().zip(first).collect());
        names
    };
    if let Some(twin) = headers.iter().enumerate().find(|(at, name)| headers[..*at].contains(name)) {
        return Err(
            Fault::data(format!("the header names `{}` twice", twin.1)).hint("give each column a name of its own")
        );
    }
    let mut uneven = 0_u64;
    while let Some(fields) = records.next() {
        if table.rows >= ROWS || (!whole && records.peek().is_none()) {
            break;
        }
        if fields.len() == headers.len() {
            table.add(headers.iter().cloned().zip(fields).collect());
        } else {
            uneven += 1;
        }
    }
    if uneven > 0 {
        notes.push(format!("{uneven} records have another number of fields than the header; they were not looked at"));
    }
    if table.rows == 0 {
        table.headers.clone_from(&headers);
        table.columns = vec![Vec::new(); headers.len()];
    }
    Ok(Sample { table, options, notes })
}

/// The text of the bytes, and the encoding where it has to be declared.
fn decode(bytes: &[u8]) -> Result<(String, Option<&'static str>)> {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return Ok((encoding.decode(bytes).0.into_owned(), None));
    }
    if bytes.contains(&0) {
        return Err(Fault::data("the file is no text").hint("export it as CSV, JSON or Parquet"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text.to_owned(), None)),
        // The sample may end inside a character.
        Err(error) if error.error_len().is_none() => {
            Ok((String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(), None))
        }
        Err(_) => Ok((encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned(), Some("windows-1252"))),
    }
}

/// The separator under which most records have the same number of fields, more than one.
fn delimiter_of(text: &str) -> u8 {
    let quality = |delimiter: u8| {
        let records = Records { rest: text, delimiter: char::from(delimiter) };
        let widths: Vec<usize> = records.take(50).map(|fields| fields.len()).collect();
        let first = widths.first().copied().unwrap_or(1);
        let even = widths.iter().filter(|width| **width == first).count();
        if first < 2 { (0, 0) } else { (even * 100 / widths.len().max(1), first) }
    };
    // The last of equals wins: the commonest stands last.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| quality(*delimiter)).unwrap_or(b',')
}

/// Whether a first record reads like names: none empty, none twice, none a number, a date or an address.
fn is_header(fields: &[String]) -> bool {
    let like_name = |field: &String| {
        let first = field.chars().next();
        first.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '#' | '$' | '(')) && !field.contains('@')
            || first.is_some_and(|c| c.is_ascii_digit()) && field.chars().filter(|c| c.is_alphabetic()).count() > 2
    };
    fields.iter().all(like_name)
}

/// The records of a text, quotes understood; empty lines are none.
struct Records<'t> {
    rest: &'t str,
    delimiter: char,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        self.rest = self.rest.trim_start_matches(['\n', '\r']);
        if self.rest.is_empty() {
            return None;
        }
        let mut fields = vec![String::new()];
        let (mut quoted, mut at_start) = (false, true);
        let mut characters = self.rest.char_indices().peekable();
        while let Some((_, c)) = characters.next() {
            let field = fields.last_mut()?;
            match c {
                '"' if quoted && characters.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
                '"' if quoted => quoted = false,
                '"' if at_start => quoted = true,
                c if quoted => field.push(c),
                c if c == self.delimiter => {
                    fields.push(String::new());
                    at_start = true;
                    continue;
                }
                '\n' | '\r' => break,
                c => field.push(c),
            }
            at_start = false;
        }
        let end = characters.peek().map_or(self.rest.len(), |(at, _)| *at);
        self.rest = &self.rest[end..];
        Some(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(bytes: &[u8]) -> Sample {
        separated(bytes).unwrap()
    }

    /// Given exports of several programs, when sampled, then delimiter, encoding and header are seen.
    #[test]
    fn dialects() {
        let german = sample("name;preis\r\nGr\u{f6}\u{df}e;\"1,50; netto\"\r\n".as_bytes());
        assert_eq!((german.options.delimiter, german.table.columns[1][0].as_str()), (b';', "1,50; netto"));
        let latin = sample(b"name,city\nJos\xe9,M\xfcnchen\n");
        assert_eq!(
            (latin.options.encoding.as_deref(), latin.table.columns[0][0].as_str()),
            (Some("windows-1252"), "José")
        );
        let utf16: Vec<u8> = "\u{feff}a\tb\n\"x\ny\"\tz\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let wide = sample(&utf16);
        assert_eq!((wide.options.delimiter, wide.table.rows, wide.table.columns[0][0].as_str()), (b'\t', 1, "x\ny"));
        let bare = sample(b"1,2024-01-01,x\n2,2024-01-02,y\n");
        assert_eq!((bare.options.header.map(|names| names.len()), bare.table.rows), (Some(3), 2));
    }
}
