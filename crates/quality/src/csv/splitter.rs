//! Cuts a stream of text into pieces between records, exactly, whatever stands between quotes.
//!
//! Where there are no quotes this costs one vectorised look at the bytes. Memory is bounded: a
//! record beyond the limit is passed by, and only its beginning is kept.

use std::io::{ErrorKind, Read};

use memchr::{memchr, memrchr2};
use shoplake_core::Result;

use super::record::{Dialect, Step};
use crate::ReadOptions;
use crate::open::read_fault;

/// Bytes of the first piece; each is twice as large as the one before, so that a small file costs little.
const FIRST_BYTES: usize = 256 << 10;

/// Bytes that are kept at most of a record which is too long.
const KEPT_BYTES: usize = 64 << 10;

/// Bytes that are kept of a record longer than `record_bytes`, wherever a piece ends.
pub(super) fn beginning_bytes(record_bytes: usize) -> usize {
    record_bytes.min(KEPT_BYTES)
}

/// What is cut off at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Whole records. All before `start` is dealt with already.
    Records { text: Vec<u8>, start: usize },
    /// One record longer than the limit: its beginning, and the lines it takes.
    TooLong { beginning: Vec<u8>, lines: u64 },
    /// A record that is still between quotes at the limit.
    Unclosed,
}

/// Cuts `reader`'s text into pieces.
pub(super) struct Splitter<R> {
    reader: R,
    dialect: Dialect,
    chunk_bytes: usize,
    /// Bytes of the next piece, about: at most `chunk_bytes`.
    piece_bytes: usize,
    record_bytes: usize,
    /// Begins where a record does; its length is what may be filled.
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes that were looked at.
    scanned: usize,
    /// Whether `scanned` is between quotes.
    inside: bool,
    /// Behind the last record end that was seen.
    cut: usize,
    ended: bool,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(reader: R, dialect: Dialect, options: &ReadOptions) -> Self {
        Self {
            reader,
            dialect,
            chunk_bytes: options.chunk_bytes.max(1),
            piece_bytes: options.chunk_bytes.clamp(1, FIRST_BYTES),
            record_bytes: options.record_bytes.max(1),
            buffer: Vec::new(),
            filled: 0,
            scanned: 0,
            inside: false,
            cut: 0,
            ended: false,
        }
    }

    /// The next piece; `spare` is a buffer that is not needed any more.
    pub(super) fn next_piece(&mut self, spare: Vec<u8>) -> Result<Option<Piece>> {
        if !self.ended && self.buffer.len() < self.piece_bytes {
            self.buffer.resize(self.piece_bytes, 0);
        }
        loop {
            self.fill()?;
            if self.filled == 0 {
                return Ok(None);
            }
            self.scan();
            if self.ended {
                self.cut = self.filled;
            }
            if self.cut > 0 {
                return Ok(Some(self.cut_off(spare)));
            }
            if self.scanned > self.record_bytes {
                return self.pass_by().map(Some);
            }
            let grown =
                (self.buffer.len() * 2).min(self.record_bytes.saturating_add(self.chunk_bytes)).max(self.filled + 16);
            self.buffer.resize(grown, 0);
        }
    }

    /// Fills the buffer as far as there is text.
    fn fill(&mut self) -> Result<()> {
        while !self.ended && self.filled < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(n) => self.filled += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(read_fault(error)),
            }
        }
        Ok(())
    }

    /// Looks at the bytes that are new: where quotes are open, and where a record ends.
    fn scan(&mut self) {
        let text = &self.buffer[..self.filled];
        let mut at = self.scanned;
        while at < text.len() {
            let quote = memchr(b'"', &text[at..]).map(|quote| at + quote);
            if self.inside {
                match quote {
                    // Whether it closes is told by the byte behind it.
                    Some(quote) if quote + 1 == text.len() && !self.ended => {
                        self.scanned = quote;
                        return;
                    }
                    Some(quote) if text.get(quote + 1) == Some(&b'"') => at = quote + 2,
                    Some(quote) => {
                        self.inside = false;
                        at = quote + 1;
                    }
                    None => at = text.len(),
                }
                continue;
            }
            let mut end = quote.unwrap_or(text.len());
            // A `\n` may follow that belongs to it.
            if end == text.len() && text[end - 1] == b'\r' && !self.ended {
                end -= 1;
            }
            if let Some(line_end) = memrchr2(b'\n', b'\r', &text[at..end]) {
                self.cut = at + line_end + 1;
            }
            let Some(quote) = quote else {
                self.scanned = end;
                return;
            };
            let before = quote.checked_sub(1).map_or(b'\n', |before| text[before]);
            self.inside = before == self.dialect.delimiter || before == b'\n' || before == b'\r';
            at = quote + 1;
        }
        self.scanned = text.len();
    }

    /// Cuts off what ends at the last record end; the rest moves to the spare buffer.
    fn cut_off(&mut self, mut spare: Vec<u8>) -> Piece {
        let rest = &self.buffer[self.cut..self.filled];
        self.piece_bytes = (self.piece_bytes * 2).min(self.chunk_bytes);
        let wanted = if self.ended { rest.len() } else { self.piece_bytes.max(rest.len()) };
        if spare.len() < wanted {
            spare.resize(wanted, 0);
        }
        spare[..rest.len()].copy_from_slice(rest);
        let mut text = std::mem::replace(&mut self.buffer, spare);
        text.truncate(self.cut);
        self.filled -= self.cut;
        self.scanned = self.scanned.saturating_sub(self.cut);
        self.cut = 0;
        Piece::Records { text, start: 0 }
    }

    /// Passes by the record at the beginning of the buffer, which is longer than the limit.
    fn pass_by(&mut self) -> Result<Piece> {
        if Step::quoted_at_end(&self.buffer[..self.record_bytes], self.dialect.delimiter) {
            return Ok(Piece::Unclosed);
        }
        let beginning = self.buffer[..beginning_bytes(self.record_bytes)].to_vec();
        let (mut step, mut lines, mut after_return) = (Step::FieldStart, 0, false);
        let mut at = 0;
        while step != Step::Ended {
            if at == self.filled {
                (self.filled, at) = (0, 0);
                self.fill()?;
                if self.filled == 0 {
                    break;
                }
            }
            let byte = self.buffer[at];
            step = step.after(byte, self.dialect.delimiter);
            // Line ends between quotes count, the record's own comes below.
            if step != Step::Ended && (byte == b'\r' || byte == b'\n' && !after_return) {
                lines += 1;
            }
            after_return = byte == b'\r';
            at += 1;
        }
        lines += 1;
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        if after_return {
            self.fill()?;
            if self.filled > 0 && self.buffer[0] == b'\n' {
                self.buffer.copy_within(1..self.filled, 0);
                self.filled -= 1;
            }
        }
        (self.scanned, self.cut, self.inside) = (0, 0, false);
        Ok(Piece::TooLong { beginning, lines })
    }
}
