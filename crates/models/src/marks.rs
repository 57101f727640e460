//! From rendered SQL back to the file that a person wrote.
//!
//! A template is rendered a second time, only where an error has to be told, with marks (private-use
//! characters) at both ends of each stretch of text between its jinja blocks. Taken out again, they say
//! where each byte of the SQL comes from. Where the marks themselves change what comes out (a filter
//! that counts letters), [`Origin::of`] gives up and lines are compared instead.

use std::ops::Range;

/// The first mark; plane 15 and 16 are for private use.
const FIRST: u32 = 0xF_0000;
/// The most marks of one rendering.
const MOST: usize = 60_000;
/// Stands behind each name that `ref` and `source` write.
pub(crate) const NAMED: char = '\u{E000}';

/// One end of a stretch of text.
#[derive(Debug, Clone, Copy)]
struct Mark {
    file: usize,
    at: usize,
    ends: bool,
}

/// The marks of one rendering; file 0 is the model, the others are its macros.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    /// `text` with marks.
    pub(crate) fn put(&mut self, text: &str, file: usize) -> String {
        let mut marked = String::with_capacity(text.len() * 2);
        let mut done = 0;
        for chunk in chunks(text) {
            let inner = &text[chunk.clone()];
            let start = chunk.start + (inner.len() - inner.trim_start().len());
            let end = chunk.start + inner.trim_end().len();
            if start >= end || self.0.len() + 2 > MOST {
                continue;
            }
            marked.push_str(&text[done..start]);
            marked.extend(self.mark(Mark { file, at: start, ends: false }));
            marked.push_str(&text[start..end]);
            marked.extend(self.mark(Mark { file, at: end, ends: true }));
            done = end;
        }
        marked.push_str(&text[done..]);
        marked
    }

    fn mark(&mut self, mark: Mark) -> Option<char> {
        let letter = char::from_u32(FIRST + self.0.len() as u32)?;
        self.0.push(mark);
        Some(letter)
    }

    /// Takes the marks out of what was rendered with them.
    pub(crate) fn take(&self, rendered: &str) -> (String, Origin) {
        let (mut plain, mut stretches) = (String::with_capacity(rendered.len()), Vec::new());
        stretches.push((0, Mark { file: 0, at: 0, ends: true }));
        for letter in rendered.chars() {
            match (letter as u32).checked_sub(FIRST).and_then(|index| self.0.get(index as usize)) {
                Some(mark) => stretches.push((plain.len(), *mark)),
                None if letter == NAMED => {}
                None => plain.push(letter),
            }
        }
        (plain, Origin(stretches))
    }
}

/// Where rendered text comes from: from each byte on, the mark before it.
#[derive(Debug)]
pub(crate) struct Origin(Vec<(usize, Mark)>);

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) file: usize,
    pub(crate) at: usize,
    /// Whether it is the jinja block behind `at` that wrote the text.
    pub(crate) block: bool,
}

impl Origin {
    /// Where the byte `at` of the plain text comes from, and, if that is a macro, where file 0 calls it.
    pub(crate) fn of(&self, at: usize) -> (Spot, Option<Spot>) {
        let index = self.0.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        let spot = |index: usize, at: usize| {
            let (start, mark) = self.0.get(index).copied().unwrap_or((0, Mark { file: 0, at: 0, ends: true }));
            let inside = if mark.ends { 0 } else { at.saturating_sub(start) };
            Spot { file: mark.file, at: mark.at + inside, block: mark.ends }
        };
        let found = spot(index, at);
        if found.file == 0 {
            return (found, None);
        }
        let call = (0..index).rev().find(|index| self.0.get(*index).is_some_and(|(_, mark)| mark.file == 0));
        (found, call.map(|index| spot(index, at)))
    }
}

/// The stretches of text between jinja blocks.
pub(crate) fn chunks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(open) = next_block(text, start) {
        found.push(start..open);
        start = block_end(text, open);
    }
    found.push(start..text.len());
    found
}

/// Where the next block starts from `at` on.
pub(crate) fn next_block(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min().map(|found| at + found)
}

/// Where the block that opens at `open` ends.
pub(crate) fn block_end(text: &str, open: usize) -> usize {
    let close = match text.as_bytes().get(open + 1) {
        Some(b'{') => "}}",
        Some(b'%') => "%}",
        _ => return text[open..].find("#}").map_or(text.len(), |end| open + end + 2),
    };
    let inside = text[open + 2..].trim_start_matches(['-', '+']).trim_start();
    if close == "%}" && inside.starts_with("raw") {
        let end = text[open..].find("endraw").map_or(text.len(), |end| open + end);
        return text[end..].find("%}").map_or(text.len(), |close| end + close + 2);
    }
    let mut quote = None;
    for (at, letter) in text[open + 2..].char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            None if text[open + 2 + at..].starts_with(close) => return open + 2 + at + 2,
            _ => {}
        }
    }
    text.len()
}

/// Line and column (from 1, in characters) of the byte `at`.
pub(crate) fn line_column(text: &str, at: usize) -> (u64, u64) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given text with blocks, comments and quotes, then only what stands between them is text.
    #[test]
    fn text_stands_between_blocks() {
        let text = "a {{ ref('}}') }} b {# c #}{% raw %}{{ d }}{% endraw %} e";
        let found: Vec<&str> = chunks(text).into_iter().map(|chunk| &text[chunk]).collect();
        assert_eq!(found, ["a ", " b ", "", " e"]);
    }

    /// Given marked text, when the marks are taken out, then each byte knows where it stood.
    #[test]
    fn bytes_know_where_they_stood() {
        let text = "SELECT {{ x }}\n  , nam FROM t";
        let mut marks = Marks::default();
        let marked = marks.put(text, 0).replace("{{ x }}", "1 + 2");
        let (plain, origin) = marks.take(&marked);
        assert_eq!(plain, "SELECT 1 + 2\n  , nam FROM t");
        let at = |word: &str| origin.of(plain.find(word).unwrap()).0;
        assert_eq!(at("nam"), Spot { file: 0, at: text.find("nam").unwrap(), block: false });
        assert_eq!(at("2"), Spot { file: 0, at: "SELECT".len(), block: true });
    }
}
