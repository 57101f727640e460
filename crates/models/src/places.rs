//! Faults of SQL told at the file that a person wrote: line and column there, not in what jinja made of it.

use std::collections::BTreeMap;

use shoplake_core::{Fault, Place};

use crate::jinja::{How, Jinja};
use crate::marks::{Spot, line_column, next_block};
use crate::references::SqlFile;
use crate::relations::offset;

/// The files behind models and tests, and how they are rendered.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) jinja: Jinja,
    /// By path.
    pub(crate) files: BTreeMap<String, SqlFile>,
}

impl Places {
    /// `fault` of the SQL of the file at `path`, told at its place there. `sql` is what the engine was given.
    pub(crate) fn put(&self, mut fault: Fault, path: &str, sql: &str) -> Fault {
        let Some(Place { line: Some(line), column, .. }) = fault.place.take() else {
            return fault.at(path, None, None);
        };
        let Some(file) = self.files.get(path) else { return fault.at(path, None, None) };
        let start = sql.split_inclusive('\n').take((line as usize).saturating_sub(1)).map(str::len).sum();
        let at = offset(sql, start, column.unwrap_or(1)).unwrap_or(start);
        let Some((origin, trimmed)) = self.jinja.origin(file, &How::default()) else {
            return fault.at(path, same_line(&file.text, sql, line), None);
        };
        let (spot, call) = origin.of(at + trimmed);
        let told = call.unwrap_or(spot);
        if spot.file > 0
            && let Some(of) = self.jinja.macros.files.get(spot.file - 1)
        {
            let (line, column) = place(&of.text, spot);
            let before = fault.detail.take().map(|detail| detail + " ").unwrap_or_default();
            fault = fault.detail(format!("{before}The macro at {}:{line}:{column} writes it.", of.path));
        }
        let (line, column) = place(&file.text, told);
        fault.at(path, Some(line), Some(column))
    }
}

/// Line and column of a spot; what a block wrote stands where the block's expression starts.
fn place(text: &str, spot: Spot) -> (u64, u64) {
    let mut at = spot.at;
    if spot.block {
        at = next_block(text, at).unwrap_or(at);
        let inside = text.get(at + 2..).unwrap_or_default();
        at += 2 + (inside.len() - inside.trim_start_matches(['-', '+']).trim_start().len());
    }
    line_column(text, at)
}

/// The line of `text` that reads as line `line` of `sql`, where there is just one.
fn same_line(text: &str, sql: &str, line: u64) -> Option<u64> {
    let wanted = sql.lines().nth((line as usize).checked_sub(1)?)?.trim();
    let mut same = text.lines().enumerate().filter(|(_, known)| known.trim() == wanted);
    let first = same.next()?.0 as u64 + 1;
    same.next().is_none().then_some(first)
}
