//! A piece of the text judged: its records taken apart and handed to the judge of rows.

use std::borrow::Cow;
use std::str::from_utf8;
use std::sync::Arc;

use shoplake_core::{Fault, JudgedChunk, Reason, Result, Violation};

use super::ENCODING;
use super::header::Header;
use super::record::{Dialect, Field, Record, Step};
use super::splitter::{Piece, beginning_bytes};
use crate::ReadOptions;
use crate::ordered::Give;
use crate::rows::{Cell, CompiledContract, RowJudge, shown};

/// Bytes that a field of a short record has, about.
const FIELD_BYTES: usize = 8;

/// What became of a piece, or of a part of it.
pub(super) struct Judged {
    /// Its rows and rejects, with lines counted from the piece's own first.
    pub(super) chunk: Result<JudgedChunk>,
    /// The physical lines of the piece, told with its last part; 0 before.
    pub(super) lines: u64,
}

/// What it takes to judge a piece; shared by the threads.
pub(super) struct PieceJudge {
    compiled: Arc<CompiledContract>,
    header: Header,
    dialect: Dialect,
    record_bytes: usize,
}

impl PieceJudge {
    pub(super) fn new(
        compiled: Arc<CompiledContract>,
        header: Header,
        dialect: Dialect,
        options: &ReadOptions,
    ) -> Self {
        Self { compiled, header, dialect, record_bytes: options.record_bytes.max(1) }
    }

    /// Judges one piece, a part at a time; gives its buffer back.
    pub(super) fn judge(&self, piece: Piece, give: &mut Give<'_, Judged>) -> Result<Vec<u8>> {
        match piece {
            Piece::Records { text, start } => {
                let capacity = text.len() / (FIELD_BYTES * self.header.names.len().max(1)) + 1;
                let mut rows = self.rows(capacity);
                let mut lines = 0;
                let chunk = match self.records(&text, start, &mut rows, &mut lines, give)? {
                    None => rows.finish(),
                    // A value that refuses the file stands before it.
                    Some(fault) => rows.finish().and(Err(fault)),
                };
                give(Judged { chunk, lines })?;
                Ok(text)
            }
            Piece::TooLong { beginning, lines } => {
                let mut rows = self.rows(0);
                rows.reject(1, self.too_long(), shown(&beginning));
                give(Judged { chunk: rows.finish(), lines })?;
                Ok(beginning)
            }
            Piece::Unclosed => {
                give(Judged { chunk: Err(self.unclosed(1)), lines: 0 })?;
                Ok(Vec::new())
            }
        }
    }

    fn rows(&self, capacity: usize) -> RowJudge {
        RowJudge::new(Arc::clone(&self.compiled), Arc::clone(&self.header.layout), capacity)
    }

    /// Judges the records of `text` from `start` on, and counts the lines that they take. Full chunks
    /// go to `give`; the fault that is returned refuses the file.
    fn records(
        &self,
        text: &[u8],
        start: usize,
        rows: &mut RowJudge,
        lines: &mut u64,
        give: &mut Give<'_, Judged>,
    ) -> Result<Option<Fault>> {
        // One look at the whole, so that no field of a clean piece is looked at again.
        let clean = from_utf8(text).ok();
        let sources = self.header.layout.sources();
        let mut fields = Vec::with_capacity(self.header.names.len());
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(sources.len());
        let mut at = start;
        while at < text.len() {
            let record = self.dialect.record(text, at, &mut fields);
            let line = *lines + 1;
            *lines += record.lines;
            let own = &text[at..record.end];
            at = record.next;
            if rows.is_full() {
                give(Judged { chunk: rows.finish(), lines: 0 })?;
            }
            if own.is_empty() {
                continue;
            }
            if own.len() > self.record_bytes {
                if Step::quoted_at_end(&own[..self.record_bytes], self.dialect.delimiter) {
                    return Ok(Some(self.unclosed(line)));
                }
                rows.reject(line, self.too_long(), shown(&own[..beginning_bytes(self.record_bytes)]));
                continue;
            }
            if swallows_rows(text, record, &fields) {
                let detail =
                    format!("From this line on, all {} lines of the file belong to one quoted field.", record.lines);
                return Ok(Some(unclosed(line, detail)));
            }
            if let Some(violation) = self.malformed(text, own, record, &fields) {
                rows.reject(line, violation, shown(own));
                continue;
            }
            cells.clear();
            cells.extend(sources.iter().map(|source| match source.and_then(|source| fields.get(source)) {
                Some(field) => cell(text, clean, *field),
                None => Cell::Missing,
            }));
            rows.push(line, &cells, &|| shown(own));
        }
        Ok(None)
    }

    /// What is wrong with a record before its values are looked at.
    fn malformed(&self, text: &[u8], own: &[u8], record: Record, fields: &[Field]) -> Option<Violation> {
        let names = &self.header.names;
        let violation = |rule: String, column: Option<&String>, value: Option<String>| {
            Some(Violation { reason: Reason::Malformed, rule, column: column.cloned(), value })
        };
        if let Some(at) = record.misquoted {
            let field = fields[at];
            return violation("quote".to_owned(), names.get(at), Some(shown(&text[field.start..field.end])));
        }
        if fields.len() != names.len() {
            return violation(format!("fields: {}", names.len()), None, Some(fields.len().to_string()));
        }
        if self.header.text.as_deref() == Some(own) {
            return violation("header repeated".to_owned(), None, None);
        }
        None
    }

    fn too_long(&self) -> Violation {
        let rule = format!("record: at most {} bytes", self.record_bytes);
        Violation { reason: Reason::Malformed, rule, column: None, value: None }
    }

    fn unclosed(&self, line: u64) -> Fault {
        unclosed(line, format!("From this line on, {} bytes belong to one quoted field.", self.record_bytes))
            .hint("close the `\"` in that line, or raise `limits.record_bytes` if the field is so long")
    }
}

/// The fault of a file with a quote at `line` that never closes.
fn unclosed(line: u64, detail: String) -> Fault {
    Fault::data("unclosed quote").detail(detail).hint("close the `\"` in that line").at("", Some(line), None)
}

/// Whether a quote that never closes took the lines behind its own for a value: nobody can tell how
/// many rows they are. A last line that is merely cut short swallows nothing.
fn swallows_rows(text: &[u8], record: Record, fields: &[Field]) -> bool {
    let Some(field) = record.misquoted.and_then(|at| fields.get(at)) else { return false };
    let value = &text[field.start..field.end];
    let behind = memchr::memchr2(b'\n', b'\r', value).map_or(&value[..0], |end| &value[end..]);
    field.end == text.len() && !behind.trim_ascii().is_empty()
}

/// A field as a cell; `clean` is the whole text where all of it is UTF-8.
fn cell<'a>(text: &'a [u8], clean: Option<&'a str>, field: Field) -> Cell<'a> {
    let place = field.start..field.end;
    if place.is_empty() {
        return Cell::Missing;
    }
    let value = match clean.and_then(|clean| clean.get(place.clone())) {
        Some(value) => value,
        None => match from_utf8(&text[place.clone()]) {
            Ok(value) => value,
            Err(_) => return Cell::Invalid { shown: shown(&text[place]), rule: ENCODING.to_owned() },
        },
    };
    if field.escaped { Cell::Text(Cow::Owned(value.replace("\"\"", "\""))) } else { Cell::Text(Cow::Borrowed(value)) }
}
