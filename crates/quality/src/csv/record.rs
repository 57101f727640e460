//! The grammar of a record (RFC 4180 as Python's `csv` reads it): a quote opens only at the start of
//! a field, `""` stands for one inside, a record ends at `\n`, `\r\n` or a lone `\r`.

use memchr::memchr;
use shoplake_core::{Fault, Result};

/// The signs that a file is written with.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// For each byte, whether a field ends before it.
    ends_field: [bool; 256],
}

/// One field by its place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether `""` stands in it for a quote.
    pub(super) escaped: bool,
}

/// A record by its place in the text; its fields stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// Where its line end begins.
    pub(super) end: usize,
    /// Where the next record starts.
    pub(super) next: usize,
    /// Physical lines that it takes.
    pub(super) lines: u64,
    /// The field with text after its closing quote, or without one.
    pub(super) misquoted: Option<usize>,
}

impl Dialect {
    /// The dialect of a delimiter.
    pub(super) fn new(delimiter: u8) -> Result<Self> {
        if !delimiter.is_ascii() || matches!(delimiter, b'"' | b'\n' | b'\r' | 0) {
            return Err(Fault::usage(format!("`{}` cannot separate fields", delimiter.escape_ascii()))
                .hint("set `delimiter` to a sign such as `,`, `;`, `|` or a tab"));
        }
        let mut ends_field = [false; 256];
        for byte in [delimiter, b'\n', b'\r'] {
            ends_field[usize::from(byte)] = true;
        }
        Ok(Self { delimiter, ends_field })
    }

    /// Reads the record that starts at `at` (which is inside `text`) into `fields`.
    pub(super) fn record(&self, text: &[u8], at: usize, fields: &mut Vec<Field>) -> Record {
        fields.clear();
        let mut record = Record { end: text.len(), next: text.len(), lines: 1, misquoted: None };
        let mut start = at;
        loop {
            let end = if text.get(start) == Some(&b'"') {
                self.quoted(text, start, fields, &mut record)
            } else {
                let end = self.field_end(text, start);
                fields.push(Field { start, end, escaped: false });
                end
            };
            match text.get(end) {
                Some(b'\n') => {
                    (record.end, record.next) = (end, end + 1);
                    return record;
                }
                Some(b'\r') => {
                    (record.end, record.next) = (end, end + 1 + usize::from(text.get(end + 1) == Some(&b'\n')));
                    return record;
                }
                Some(_) => start = end + 1,
                None => return record,
            }
        }
    }

    /// Reads the quoted field that opens at `open`; returns where it ends.
    fn quoted(&self, text: &[u8], open: usize, fields: &mut Vec<Field>, record: &mut Record) -> usize {
        let (mut at, mut escaped) = (open + 1, false);
        let close = loop {
            match memchr(b'"', &text[at..]) {
                Some(quote) if text.get(at + quote + 1) == Some(&b'"') => {
                    escaped = true;
                    at += quote + 2;
                }
                Some(quote) => break Some(at + quote),
                None => break None,
            }
        };
        let inner_end = close.unwrap_or(text.len());
        record.lines += line_ends(&text[open + 1..inner_end]);
        let end = close.map_or(text.len(), |close| self.field_end(text, close + 1));
        let closed = close.is_some_and(|close| end == close + 1);
        if !closed && record.misquoted.is_none() {
            record.misquoted = Some(fields.len());
        }
        fields.push(Field { start: open + 1, end: inner_end, escaped });
        end
    }

    fn field_end(&self, text: &[u8], at: usize) -> usize {
        let ends = |byte: &u8| self.ends_field[usize::from(*byte)];
        text[at..].iter().position(ends).map_or(text.len(), |end| at + end)
    }
}

/// Line ends in a text that does not begin within one: `\n`, `\r\n` and a lone `\r` are one each.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', text).count();
    let lone = memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}

/// The same grammar byte by byte, for records too long to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// At the start of a field.
    FieldStart,
    /// In a field without quotes, or behind a closing quote.
    Plain,
    /// Between quotes.
    Quoted,
    /// At a quote between quotes: the closing one, or the first of two.
    QuoteInQuoted,
    /// Behind the record's line end.
    Ended,
}

impl Step {
    /// The state behind `byte`.
    pub(super) fn after(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::Quoted, _) | (Self::QuoteInQuoted | Self::FieldStart, b'"') => Self::Quoted,
            (_, b'\n' | b'\r') => Self::Ended,
            (_, byte) if byte == delimiter => Self::FieldStart,
            _ => Self::Plain,
        }
    }

    /// Whether the end of `text`, where a record starts, is between quotes.
    pub(super) fn quoted_at_end(text: &[u8], delimiter: u8) -> bool {
        text.iter().fold(Self::FieldStart, |step, byte| step.after(*byte, delimiter)) == Self::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every record of a text: its fields between bars, then what is special of it.
    fn records(text: &str) -> Vec<String> {
        let dialect = Dialect::new(b',').unwrap();
        let (mut at, mut fields, mut found) = (0, Vec::new(), Vec::new());
        while at < text.len() {
            let record = dialect.record(text.as_bytes(), at, &mut fields);
            let mut shown: Vec<String> = fields.iter().map(|f| text[f.start..f.end].to_owned()).collect();
            if record.lines > 1 {
                shown.push(format!("{} lines", record.lines));
            }
            shown.extend(record.misquoted.map(|field| format!("misquoted {field}")));
            found.push(shown.join("|"));
            at = record.next;
        }
        found
    }

    #[test]
    fn the_grammar() {
        for (text, want) in [
            ("a,b\nc,d", vec!["a|b", "c|d"]),
            ("a,b\r\nc\rd\n", vec!["a|b", "c", "d"]),
            ("a\n\n,\n", vec!["a", "", "|"]),
            ("a,", vec!["a|"]),
            ("\"a,b\",\"\"\n", vec!["a,b|"]),
            ("\"a\"\"b\",c\n", vec!["a\"\"b|c"]),
            ("\"a\nb\r\nc\rd\",e\nf", vec!["a\nb\r\nc\rd|e|4 lines", "f"]),
            ("a\"b,c\"\n", vec!["a\"b|c\""]),
            (" \"a\",b\n", vec![" \"a\"|b"]),
            ("\"a\"x,b\nc\n", vec!["a|b|misquoted 0", "c"]),
            ("x,\"a\nb", vec!["x|a\nb|2 lines|misquoted 1"]),
            ("\"", vec!["|misquoted 0"]),
        ] {
            assert_eq!(records(text), want, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_separate() {
        for delimiter in [b'"', b'\n', b'\r', 0, 0xe9] {
            assert!(Dialect::new(delimiter).is_err());
        }
    }

    proptest::proptest! {
        /// The byte-wise grammar ends records where the other does.
        #[test]
        fn both_grammars_agree(text in "[ab,\"\r\n]{0,40}") {
            let (text, dialect) = (text.as_bytes(), Dialect::new(b',').unwrap());
            let record = dialect.record(text, 0, &mut Vec::new());
            let mut step = Step::FieldStart;
            let end = text.iter().position(|byte| { step = step.after(*byte, b','); step == Step::Ended });
            proptest::prop_assert_eq!(end.unwrap_or(text.len()), record.end);
        }
    }
}
