//! A window that slides over a stream of bytes and knows the line and column of where it stands.
//!
//! It holds one block, or one record where that is longer. It knows nothing of JSON.

use std::io::Read;

use memchr::memchr_iter;
use shoplake_core::{Fault, Result};

use crate::open::read_fault;

const BLOCK: usize = 256 << 10;

/// The window.
pub(super) struct Window<R> {
    reader: R,
    file: String,
    bytes: Vec<u8>,
    /// The next byte to look at.
    at: usize,
    /// The first byte of the record that is being cut out, which must stay in the window.
    kept: Option<usize>,
    at_end: bool,
    /// Bytes of the window whose newlines `line` and `column` have counted.
    counted: usize,
    line: u64,
    column: u64,
}

impl<R: Read> Window<R> {
    /// A window at the start of `reader`; `file` is what faults call it.
    pub(super) fn new(reader: R, file: &str) -> Self {
        Self {
            reader,
            file: file.to_owned(),
            bytes: Vec::new(),
            at: 0,
            kept: None,
            at_end: false,
            counted: 0,
            line: 1,
            column: 1,
        }
    }

    /// The next byte, which stays the next one; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        while self.at == self.bytes.len() {
            if !self.more()? {
                return Ok(None);
            }
        }
        Ok(Some(self.bytes[self.at]))
    }

    /// What of the window lies ahead; empty only at the end.
    pub(super) fn ahead(&mut self) -> Result<&[u8]> {
        self.peek()?;
        Ok(&self.bytes[self.at..])
    }

    /// Passes over `count` bytes of [`Window::ahead`].
    pub(super) fn pass(&mut self, count: usize) {
        self.at += count;
        debug_assert!(self.at <= self.bytes.len(), "only bytes that were seen are passed over");
    }

    /// The next byte that is not JSON white space.
    pub(super) fn skip_space(&mut self) -> Result<Option<u8>> {
        loop {
            let ahead = self.ahead()?;
            if ahead.is_empty() {
                return Ok(None);
            }
            let space = ahead.iter().take_while(|byte| is_space(**byte)).count();
            let next = ahead.get(space).copied();
            self.pass(space);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// At least `count` bytes ahead, unless the stream ends before.
    pub(super) fn sample(&mut self, count: usize) -> Result<&[u8]> {
        self.keep();
        while self.bytes.len() - self.at < count && self.more()? {}
        self.kept = None;
        Ok(&self.bytes[self.at..])
    }

    /// Begins a record at the next byte.
    pub(super) fn keep(&mut self) {
        self.kept = Some(self.at);
    }

    /// Bytes of the record so far.
    pub(super) fn kept_len(&self) -> usize {
        self.at - self.kept.unwrap_or(self.at)
    }

    /// Ends the record before the next byte and gives it.
    pub(super) fn take(&mut self) -> &[u8] {
        let from = self.kept.take().unwrap_or(self.at);
        &self.bytes[from..self.at]
    }

    /// The 1-based line of the next byte.
    pub(super) fn line(&mut self) -> u64 {
        self.count_to(self.at);
        self.line
    }

    /// A fault of the data at the next byte.
    pub(super) fn fault(&mut self, message: impl Into<String>) -> Fault {
        self.count_to(self.at);
        Fault::data(message).at(&self.file, Some(self.line), Some(self.column))
    }

    fn more(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        let from = self.kept.unwrap_or(self.at);
        if from > 0 {
            self.count_to(from.max(self.counted));
            self.bytes.drain(..from);
            self.at -= from;
            self.counted -= from;
            self.kept = self.kept.map(|kept| kept - from);
        }
        let old = self.bytes.len();
        self.bytes.resize(old + BLOCK, 0);
        let read = loop {
            match self.reader.read(&mut self.bytes[old..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(old + *read.as_ref().unwrap_or(&0));
        self.at_end = read.map_err(read_fault)? == 0;
        Ok(!self.at_end)
    }

    fn count_to(&mut self, end: usize) {
        let Some(passed) = self.bytes.get(self.counted..end) else { return };
        let mut from = 0;
        for newline in memchr_iter(b'\n', passed) {
            self.line += 1;
            self.column = 1;
            from = newline + 1;
        }
        self.column += passed[from..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
        self.counted = end;
    }
}

/// Whether JSON takes the byte for white space.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a reader that gives one byte at a time, when a record is kept, then it comes out whole
    /// and the place is the one an editor shows.
    #[test]
    fn a_record_may_be_longer_than_what_the_reader_gives() {
        struct OneByte<'a>(&'a [u8]);
        impl Read for OneByte<'_> {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                let (Some(first), Some(slot)) = (self.0.first(), into.first_mut()) else { return Ok(0) };
                *slot = *first;
                self.0 = &self.0[1..];
                Ok(1)
            }
        }
        let mut window = Window::new(OneByte("é\n  größe!".as_bytes()), "f");
        assert_eq!(window.skip_space().unwrap(), Some(0xC3));
        window.pass(1);
        window.peek().unwrap();
        window.pass(1);
        window.skip_space().unwrap();
        window.keep();
        while window.peek().unwrap() != Some(b'!') {
            window.pass(1);
        }
        assert_eq!(window.take(), "größe".as_bytes());
        assert_eq!(window.fault("x").to_string(), "f:2:8: x");
    }
}
