//! Cuts a JSON document into its records, block by block, without reading their fields.
//!
//! It follows brackets and strings only, on a stack of bits, so that no input can overflow anything.
//! What stands between records must be right, else the file is refused; what stands inside a record
//! is the business of `record`, which refuses the record alone.

use std::io::Read;
use std::sync::Arc;

use shoplake_core::{Fault, Result};

use super::chunk::Chunk;
use super::window::{Window, is_space};

/// Objects and arrays inside one another, the document's own among them.
pub(super) const DEPTH_LIMIT: u32 = 64;
/// Records of a chunk; the first chunk is what the names of a file are taken from.
const CHUNK_RECORDS: usize = 10_000;

/// How the records of a file follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// One record a line; a bad line harms no other.
    Lines,
    /// One document: an array of records, records that follow each other, or records in an array
    /// below these keys.
    Document(Vec<String>),
}

/// Where the scan stands between two records.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Before the document, or before the next of records that follow each other.
    Outside,
    /// In one of the objects on the way to the records.
    Object { first: bool },
    /// In the array of records.
    Array { first: bool },
    /// After the array, where nothing may follow.
    Behind,
}

/// A scan over one file.
pub(super) struct Scan<R> {
    window: Window<R>,
    shape: Shape,
    record_bytes: usize,
    chunk_bytes: usize,
    state: State,
    /// Objects of the path that are open.
    open: usize,
    /// Whether the path led somewhere in the present document.
    found: bool,
    ordinal: u64,
    /// Keys seen on the way, for hints.
    passed_keys: Vec<String>,
}

impl<R: Read> Scan<R> {
    /// A scan from the start of `window` that gives about `chunk_bytes` at a time; a record longer than
    /// `record_bytes` is refused.
    pub(super) fn new(window: Window<R>, shape: Shape, record_bytes: usize, chunk_bytes: usize) -> Self {
        Self {
            window,
            shape,
            record_bytes,
            chunk_bytes: chunk_bytes.max(1),
            state: State::Outside,
            open: 0,
            found: false,
            ordinal: 0,
            passed_keys: Vec::new(),
        }
    }

    /// The next records; `None` at the end of the file.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        let path: Option<Arc<[String]>> = match &self.shape {
            Shape::Lines => None,
            Shape::Document(path) => Some(path.as_slice().into()),
        };
        while chunk.len() < CHUNK_RECORDS && chunk.bytes() < self.chunk_bytes {
            let more = match &path {
                None => self.next_line(&mut chunk)?,
                Some(path) => self.next_record(path, &mut chunk)?,
            };
            if !more {
                break;
            }
        }
        Ok((chunk.len() > 0).then_some(chunk))
    }

    fn next_line(&mut self, chunk: &mut Chunk) -> Result<bool> {
        if self.window.skip_space()?.is_none() {
            return Ok(false);
        }
        let line = self.window.line();
        self.window.keep();
        let mut cut = None;
        loop {
            let ahead = self.window.ahead()?;
            if ahead.is_empty() {
                break;
            }
            let newline = memchr::memchr(b'\n', ahead);
            let length = newline.unwrap_or(ahead.len());
            self.window.pass(length);
            if self.window.kept_len() > self.record_bytes {
                let start = self.window.take();
                cut = cut.or_else(|| Some(start[..start.len().min(64 << 10)].to_vec()));
                self.window.keep();
            }
            if newline.is_some() {
                break;
            }
        }
        if let Some(start) = cut {
            chunk.cut.push(chunk.len());
            chunk.push(line, &start);
            self.window.take();
        } else {
            chunk.push(line, self.window.take().trim_ascii_end());
        }
        Ok(true)
    }

    fn next_record(&mut self, path: &[String], chunk: &mut Chunk) -> Result<bool> {
        loop {
            let next = self.window.skip_space()?;
            match (self.state, next) {
                (State::Outside | State::Behind, None) => return Ok(false),
                (_, None) => return Err(self.cut_short()),
                (State::Behind, Some(byte)) => return Err(self.expected("the end of the document", byte)),
                (State::Outside, Some(byte)) if path.is_empty() => match byte {
                    b'[' if self.ordinal == 0 => {
                        self.window.pass(1);
                        self.state = State::Array { first: true };
                    }
                    b'{' => return self.record(chunk, true),
                    _ if self.ordinal > 0 => return Err(self.expected("`{` or the end of the document", byte)),
                    b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => return self.record(chunk, true),
                    _ => return Err(self.expected("`[` or `{`", byte)),
                },
                (State::Outside, Some(b'{')) => {
                    self.window.pass(1);
                    (self.open, self.found, self.state) = (1, false, State::Object { first: true });
                }
                (State::Outside, Some(byte)) => {
                    let wanted = format!("`{{` of an object that holds `{}`", path.join("."));
                    return Err(self.expected(&wanted, byte).hint("leave out `data_selector`, or correct it"));
                }
                (State::Array { first }, Some(byte)) => {
                    if byte == b']' {
                        self.window.pass(1);
                        self.leave_array();
                        continue;
                    }
                    if !first {
                        self.comma_then_value(byte, b']')?;
                    }
                    self.state = State::Array { first: false };
                    return self.record(chunk, false);
                }
                (State::Object { first }, Some(byte)) => {
                    if byte == b'}' {
                        self.window.pass(1);
                        self.leave_object(path)?;
                        continue;
                    }
                    if !first {
                        self.comma_then_value(byte, b'}')?;
                    }
                    self.state = State::Object { first: false };
                    if self.member(path)? {
                        return self.record(chunk, false);
                    }
                }
            }
        }
    }

    /// Cuts out the value that comes next as a record.
    fn record(&mut self, chunk: &mut Chunk, by_line: bool) -> Result<bool> {
        self.ordinal += 1;
        let line = if by_line { self.window.line() } else { self.ordinal };
        self.window.keep();
        self.value()?;
        self.check_length()?;
        chunk.push(line, self.window.take());
        Ok(true)
    }

    /// Reads one member of an object on the way; true where a record comes next.
    fn member(&mut self, path: &[String]) -> Result<bool> {
        match self.window.peek()? {
            Some(b'"') => {}
            Some(byte) => return Err(self.expected("a key in double quotes", byte)),
            None => return Err(self.cut_short()),
        }
        self.window.keep();
        self.value()?;
        let key: Option<String> = serde_json::from_slice(self.window.take()).ok();
        match self.window.skip_space()? {
            Some(b':') => self.window.pass(1),
            Some(byte) => return Err(self.expected("`:`", byte)),
            None => return Err(self.cut_short()),
        }
        let next = self.window.skip_space()?.ok_or_else(|| self.cut_short())?;
        let wanted = &path[self.open - 1];
        if key.as_ref() != Some(wanted) {
            self.passed_keys.extend(key.filter(|_| self.passed_keys.len() < 100));
            self.value()?;
            return Ok(false);
        }
        if self.open < path.len() {
            if next != b'{' {
                return Err(self.expected(&format!("`{{` at `{}`", path[..self.open].join(".")), next));
            }
            self.window.pass(1);
            self.open += 1;
            self.state = State::Object { first: true };
            return Ok(false);
        }
        if std::mem::replace(&mut self.found, true) {
            let fault = self.window.fault(format!("`{}` stands twice in the document", path.join(".")));
            return Err(fault.hint("ask the sender which of the two is meant, and drop the file with that one alone"));
        }
        match next {
            b'[' => {
                self.window.pass(1);
                self.state = State::Array { first: true };
                Ok(false)
            }
            b'{' => Ok(true),
            b'n' => self.value().map(|()| false),
            byte => Err(self.expected(&format!("`[` at `{}`", path.join(".")), byte)),
        }
    }

    fn leave_array(&mut self) {
        self.state = if self.open == 0 { State::Behind } else { State::Object { first: false } };
    }

    fn leave_object(&mut self, path: &[String]) -> Result<()> {
        self.open -= 1;
        self.state = State::Object { first: false };
        if self.open > 0 {
            return Ok(());
        }
        self.state = State::Outside;
        if self.found {
            return Ok(());
        }
        let keys = self.passed_keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let fault = self.window.fault(format!("no `{}` in the document", path.join(".")));
        Err(fault.hint(if keys.is_empty() {
            "correct `data_selector`".to_owned()
        } else {
            format!("correct `data_selector`; the document has {keys}")
        }))
    }

    fn comma_then_value(&mut self, byte: u8, closer: u8) -> Result<()> {
        let closer_shown = char::from(closer);
        if byte != b',' {
            return Err(self.expected(&format!("`,` or `{closer_shown}`"), byte));
        }
        self.window.pass(1);
        match self.window.skip_space()? {
            Some(byte) if byte == closer => Err(self.expected("a value after the `,`", byte)),
            Some(_) => Ok(()),
            None => Err(self.cut_short()),
        }
    }

    /// Passes over one value, whatever it is.
    fn value(&mut self) -> Result<()> {
        match self.window.peek()? {
            Some(b'{' | b'[') => self.container(),
            Some(b'"') => self.string(),
            Some(_) => self.word(),
            None => Err(self.cut_short()),
        }
    }

    fn container(&mut self) -> Result<()> {
        let outer = self.open as u32 + u32::from(matches!(self.state, State::Array { .. }));
        let (mut depth, mut arrays) = (0_u32, 0_u64);
        let (mut in_string, mut escaped) = (false, false);
        loop {
            let ahead = self.window.ahead()?;
            if ahead.is_empty() {
                return Err(self.cut_short());
            }
            let mut count = 0;
            let mut problem = None;
            for &byte in ahead {
                count += 1;
                if in_string {
                    if escaped {
                        escaped = false;
                    } else if byte == b'\\' {
                        escaped = true;
                    } else if byte == b'"' {
                        in_string = false;
                    }
                    continue;
                }
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => {
                        depth += 1;
                        arrays = arrays << 1 | u64::from(byte == b'[');
                        if depth + outer > DEPTH_LIMIT {
                            problem = Some(byte);
                        }
                    }
                    b'}' | b']' => {
                        if (arrays & 1 == 1) != (byte == b']') {
                            problem = Some(byte);
                        }
                        depth -= 1;
                        arrays >>= 1;
                    }
                    _ => continue,
                }
                if problem.is_some() || depth == 0 {
                    break;
                }
            }
            if problem.is_some() {
                count -= 1;
            }
            self.window.pass(count);
            match problem {
                Some(b'{' | b'[') => {
                    let fault = self.window.fault(too_deep());
                    return Err(fault.hint("see whether the file is the one that was meant"));
                }
                Some(byte) => {
                    let wanted = if byte == b']' { "`}`" } else { "`]`" };
                    return Err(self.expected(wanted, byte));
                }
                None if depth == 0 && !in_string => return Ok(()),
                None => self.check_length()?,
            }
        }
    }

    fn string(&mut self) -> Result<()> {
        self.window.pass(1);
        let mut escaped = false;
        loop {
            let ahead = self.window.ahead()?;
            if ahead.is_empty() {
                return Err(self.cut_short());
            }
            let end = ahead.iter().position(|&byte| {
                let closes = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes
            });
            let count = end.map_or(ahead.len(), |end| end + 1);
            self.window.pass(count);
            if end.is_some() {
                return Ok(());
            }
            self.check_length()?;
        }
    }

    /// A number, `true`, `null`, or what somebody took for one.
    fn word(&mut self) -> Result<()> {
        let mut empty = true;
        loop {
            let ahead = self.window.ahead()?;
            let end = ahead.iter().position(|&byte| is_space(byte) || matches!(byte, b',' | b':' | b']' | b'}'));
            let (count, next) = (end.unwrap_or(ahead.len()), end.and_then(|end| ahead.get(end).copied()));
            self.window.pass(count);
            empty &= count == 0;
            match next {
                Some(byte) if empty => return Err(self.expected("a value", byte)),
                None if count > 0 => self.check_length()?,
                _ => return Ok(()),
            }
        }
    }

    fn check_length(&mut self) -> Result<()> {
        if self.window.kept_len() <= self.record_bytes {
            return Ok(());
        }
        let fault = self.window.fault(format!("a record is longer than {} bytes", self.record_bytes));
        Err(fault.hint("where the records stand in an array inside the document, name it with `data_selector`"))
    }

    fn expected(&mut self, wanted: &str, found: u8) -> Fault {
        let found =
            if found.is_ascii_graphic() { format!("`{}`", char::from(found)) } else { format!("byte 0x{found:02X}") };
        let fault = self.window.fault(format!("broken JSON: expected {wanted}, found {found}"));
        fault.hint("correct the file there, or export it again; nothing of it is loaded")
    }

    fn cut_short(&mut self) -> Fault {
        let fault = self.window.fault("the JSON document is cut short");
        let fault = fault.detail(format!("It ends inside a value, after {} records were begun.", self.ordinal));
        fault.hint("fetch the file again; nothing of it is loaded")
    }
}

/// What is said of a document or a line nested too deep.
pub(super) fn too_deep() -> String {
    format!("json nested deeper than {DEPTH_LIMIT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, path: &[&str]) -> Result<Vec<(u64, String)>> {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        let mut scan = Scan::new(Window::new(text.as_bytes(), "f.json"), Shape::Document(path), 1 << 20, 64);
        let mut records = Vec::new();
        while let Some(chunk) = scan.next_chunk()? {
            records.extend(chunk.records().map(|(line, record)| (line, String::from_utf8_lossy(record).into_owned())));
        }
        Ok(records)
    }

    fn refused(text: &str, path: &[&str]) -> String {
        scan(text, path).unwrap_err().to_string()
    }

    /// Given the documents that hold records, when cut, then each record has its ordinal in an array
    /// and its line where records follow each other.
    #[test]
    fn records_are_found_wherever_they_stand() {
        let two = |a: u64, b: u64| vec![(a, r#"{"a":"]}"}"#.to_owned()), (b, "[1]".to_owned())];
        assert_eq!(scan("[ {\"a\":\"]}\"} ,\n[1]]", &[]).unwrap(), two(1, 2));
        assert_eq!(scan(r#"{"n":{"z":[{}]},"d":{"i":[{"a":"]}"},[1]]}}"#, &["d", "i"]).unwrap(), two(1, 2));
        assert_eq!(scan("\n{\"a\":1}{\n}\n{}", &[]).unwrap().iter().map(|r| r.0).collect::<Vec<_>>(), [2, 2, 4]);
        assert_eq!(scan(r#"{"d":{"a":1}}"#, &["d"]).unwrap(), [(1, r#"{"a":1}"#.to_owned())]);
        assert!(scan(r#"{"d":null}"#, &["d"]).unwrap().is_empty() && scan(" ", &[]).unwrap().is_empty());
    }

    /// Given a document that is broken between its records, when cut, then it is refused with the
    /// place and what was expected there.
    #[test]
    fn a_broken_document_says_where_and_what() {
        assert_eq!(refused("[{}\n {}]", &[]), "f.json:2:2: broken JSON: expected `,` or `]`, found `{`");
        assert_eq!(refused("[{},]", &[]), "f.json:1:5: broken JSON: expected a value after the `,`, found `]`");
        assert_eq!(refused("[{]", &[]), "f.json:1:3: broken JSON: expected `}`, found `]`");
        assert_eq!(refused("[] x", &[]), "f.json:1:4: broken JSON: expected the end of the document, found `x`");
        assert_eq!(refused("<html>", &[]), "f.json:1:1: broken JSON: expected `[` or `{`, found `<`");
        assert_eq!(refused("[{\"a\":\"x", &[]), "f.json:1:9: the JSON document is cut short");
        assert_eq!(refused(r#"{"a":1}"#, &["d"]), "f.json:1:8: no `d` in the document");
        assert_eq!(refused(&"[".repeat(100_000), &[]), "f.json:1:65: json nested deeper than 64");
    }
}
