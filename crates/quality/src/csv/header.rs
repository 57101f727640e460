//! The header: the names of a file's columns, and what they say about the file as a whole.

use std::io::Read;
use std::sync::Arc;

use shoplake_core::{Contract, Fault, Result};

use super::record::{Dialect, Field, Step};
use super::splitter::{Piece, Splitter};
use crate::ReadOptions;
use crate::rows::{Layout, shown};

/// Delimiters that a file may have in place of the declared one.
const LIKELY_DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    /// The names as the file has them.
    pub(super) names: Vec<String>,
    /// The header's own text, to know it again further down; none where the contract brings the header.
    pub(super) text: Option<Vec<u8>>,
    pub(super) layout: Arc<Layout>,
    /// How the header differs from the contract, in words.
    pub(super) schema_changes: Vec<String>,
    /// Physical lines up to its end.
    pub(super) lines: u64,
}

/// Reads up to the end of the header; gives it with the piece that it stands in. `None` where the
/// file holds nothing but empty lines.
pub(super) fn read(
    splitter: &mut Splitter<impl Read>,
    dialect: &Dialect,
    contract: &Contract,
    options: &ReadOptions,
) -> Result<Option<(Header, Piece)>> {
    if let Some(names) = &contract.options.header {
        let Some(first) = splitter.next_piece(Vec::new())? else { return Ok(None) };
        let (layout, schema_changes) = Layout::new(contract, names)?;
        let header = Header { names: names.clone(), text: None, layout: Arc::new(layout), schema_changes, lines: 0 };
        return Ok(Some((header, first)));
    }
    let mut lines = 0;
    let mut fields = Vec::new();
    loop {
        let text = match splitter.next_piece(Vec::new())? {
            None => return Ok(None),
            Some(Piece::Records { text, .. }) => text,
            Some(Piece::Unclosed) => return Err(unclosed(lines)),
            Some(Piece::TooLong { .. }) => return Err(too_long(options)),
        };
        let mut at = 0;
        while at < text.len() {
            let record = dialect.record(&text, at, &mut fields);
            lines += record.lines;
            if record.end == at {
                at = record.next;
                continue;
            }
            let own = &text[at..record.end];
            let beginning = own.get(..options.record_bytes).filter(|_| own.len() > options.record_bytes);
            let swallows = beginning.is_some_and(|beginning| Step::quoted_at_end(beginning, dialect.delimiter));
            if beginning.is_some() && !swallows {
                return Err(too_long(options));
            }
            if swallows || record.misquoted.is_some() {
                return Err(unclosed(lines - record.lines));
            }
            let names = names(&text, &fields);
            let (layout, schema_changes) =
                Layout::new(contract, &names).map_err(|fault| with_remedy(fault, own, dialect, contract))?;
            let header = Header { names, text: Some(own.to_vec()), layout: Arc::new(layout), schema_changes, lines };
            return Ok(Some((header, Piece::Records { text, start: record.next })));
        }
    }
}

fn too_long(options: &ReadOptions) -> Fault {
    Fault::data(format!("the header is longer than {} bytes", options.record_bytes))
        .hint("see whether the file is the one that was meant")
}

fn unclosed(lines_before: u64) -> Fault {
    Fault::data("a quote in the header is not closed, or has text behind it")
        .hint("a `\"` at the start of a field must close at its end")
        .at("", Some(lines_before + 1), None)
}

fn names(text: &[u8], fields: &[Field]) -> Vec<String> {
    let name = |field: &Field| {
        let name = shown(&text[field.start..field.end]);
        let name = if field.escaped { name.replace("\"\"", "\"") } else { name };
        name.trim().to_owned()
    };
    fields.iter().map(name).collect()
}

/// A header that does not fit gets the hint that would make it: another delimiter, format, encoding.
fn with_remedy(fault: Fault, own: &[u8], dialect: &Dialect, contract: &Contract) -> Fault {
    let matches = |delimiter: u8| {
        Dialect::new(delimiter).map_or(0, |dialect| {
            let mut fields = Vec::new();
            dialect.record(own, 0, &mut fields);
            Layout::known(contract, &names(own, &fields))
        })
    };
    if own.starts_with("\u{feff}".as_bytes()) {
        return fault
            .hint("a second byte-order mark (U+FEFF) stands before the first name: save the file with one, or none");
    }
    if own.starts_with(b"sep=") {
        return fault.hint("remove the first line, `sep=`: it is a note to Excel, and the header stands below it");
    }
    let as_declared = matches(dialect.delimiter);
    let better = LIKELY_DELIMITERS.into_iter().filter(|d| *d != dialect.delimiter).max_by_key(|d| matches(*d));
    if let Some(delimiter) = better.filter(|delimiter| matches(*delimiter) > as_declared) {
        return fault.hint(format!("set `delimiter: \"{}\"` in {}", delimiter.escape_ascii(), contract.file));
    }
    let mut fields = Vec::new();
    dialect.record(own, 0, &mut fields);
    let numbers = names(own, &fields).iter().any(|name| name.parse::<f64>().is_ok());
    if numbers && as_declared == 0 {
        let hint =
            format!("a row where the header should be? list the columns: `header: [id, …]` in {}", contract.file);
        return fault.hint(hint);
    }
    if fault.hint.is_some() {
        return fault;
    }
    if matches!(own.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return fault.hint(format!("the file looks like JSON: set `format: json` in {}", contract.file));
    }
    if std::str::from_utf8(own).is_err() {
        return fault.hint(format!("the header is not UTF-8: set `encoding: windows-1252` in {}", contract.file));
    }
    fault.hint(format!("say what the file calls each column with `header:` in {}", contract.file))
}
