//! Encodings: which one a file is in, and the way from it to UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding};
use shoplake_core::{Fault, Result};

const INPUT_BYTES: usize = 64 << 10;
/// A byte that is in no UTF-8: it stands for what the declared encoding cannot read.
const UNREADABLE: u8 = 0xff;

/// The encoding of a WHATWG label.
pub(super) fn of_label(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Fault::usage(format!("`{label}` is no encoding"))
            .hint("set `encoding` to a name such as `utf-8`, `windows-1252` or `utf-16le`")
    })
}

/// The encoding that a byte-order mark tells, and the mark's length.
pub(super) fn of_head(head: &[u8]) -> Option<(Option<&'static Encoding>, usize)> {
    Encoding::for_bom(head).map(|(encoding, bytes)| (Some(encoding), bytes))
}

/// A stream in UTF-8 over one in another encoding.
pub(super) struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Output that is not read yet.
    unread: std::ops::Range<usize>,
    ended: bool,
}

impl<R: Read> Transcoder<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            // The mark is gone already; a second one would be a character of the text.
            decoder: encoding.new_decoder_without_bom_handling(),
            input: vec![0; INPUT_BYTES],
            output: Vec::new(),
            unread: 0..0,
            ended: false,
        }
    }

    /// Decodes the next piece of input into an empty output.
    fn refill(&mut self) -> io::Result<()> {
        let n = self.inner.read(&mut self.input)?;
        self.ended = n == 0;
        // Three bytes of UTF-8 for each of the input, and what the decoder held back.
        self.output.resize(INPUT_BYTES * 3 + 16, 0);
        let (mut at, mut filled) = (0, 0);
        loop {
            let rest = &self.input[at..n];
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(rest, &mut self.output[filled..], self.ended);
            at += read;
            filled += written;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                DecoderResult::Malformed(..) => {
                    if filled == self.output.len() {
                        self.output.push(0);
                    }
                    self.output[filled] = UNREADABLE;
                    filled += 1;
                }
            }
        }
        self.unread = 0..filled;
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() && !self.ended {
            self.refill()?;
        }
        let n = self.unread.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.output[self.unread.start..self.unread.start + n]);
        self.unread.start += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoding: &'static Encoding, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        Transcoder::new(bytes, encoding).read_to_end(&mut text).unwrap();
        text
    }

    /// Given text in another encoding, when read, then it is UTF-8, and what is no text shows as no UTF-8.
    #[test]
    fn to_utf8() {
        assert_eq!(decode(of_label("latin1").unwrap(), b"caf\xe9 \x80"), "café €".as_bytes());
        assert_eq!(decode(encoding_rs::UTF_16LE, b"a\0\xe9\0"), "aé".as_bytes());
        assert_eq!(decode(encoding_rs::UTF_16BE, b"\xd8\x00\x00a"), b"\xffa", "a lone surrogate");
        let long = "é".repeat(200_000);
        let bytes: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(encoding_rs::UTF_16LE, &bytes), long.as_bytes());
        assert!(of_label("klingon").is_err());
    }
}
