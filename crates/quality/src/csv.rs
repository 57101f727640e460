//! Separated values: one thread cuts the text between records, others judge the pieces, and the
//! pieces are delivered in the order of the file.
//!
//! What lives here: the way of a file through its parts: [`splitter`] (where pieces end),
//! [`record`] (the grammar of a record), [`header`] (names), [`piece`] (a piece judged). What does
//! not: what a value means (`rows`), and how bytes become text (`open`).

mod header;
mod piece;
mod record;
mod splitter;

use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::bounded;
use shoplake_core::{Contract, JudgedChunk, LandedFile, Result};

use crate::open::open_text;
use crate::ordered::parts_in_order;
use crate::rows::CompiledContract;
use crate::{FileReading, ReadOptions};
use piece::{Judged, PieceJudge};
use record::Dialect;
use splitter::Splitter;

/// The rule that a value in another encoding breaks.
const ENCODING: &str = "encoding";

/// Judges a CSV file.
pub(crate) fn judge(
    file: &LandedFile,
    contract: &Contract,
    options: &ReadOptions,
    sink: &mut dyn FnMut(JudgedChunk) -> Result<()>,
) -> Result<FileReading> {
    let dialect = Dialect::new(contract.options.delimiter)?;
    let compiled = Arc::new(CompiledContract::new(contract, options.zone)?);
    let text = open_text(file, options, &contract.options)?;
    let mut splitter = Splitter::new(text, dialect.clone(), options);
    let Some((header, first)) = header::read(&mut splitter, &dialect, contract, options)? else {
        return Ok(FileReading { warnings: vec!["the file is empty".to_owned()], ..FileReading::default() });
    };
    let reading = FileReading {
        schema_changes: header.schema_changes.clone(),
        new_columns: header.layout.new_columns().to_vec(),
        ..FileReading::default()
    };
    let mut delivery = Delivery { reading, lines: header.lines, unreadable: 0, sink };
    let judge = PieceJudge::new(compiled, header, dialect, options);
    // A small file is judged sooner than threads are started for it.
    let threads = if file.size < options.chunk_bytes as u64 / 4 { 1 } else { options.workers() };
    // Buffers go round: from the splitter to a judge and back.
    let (give_back, spares) = bounded(threads * 2);
    let mut first = Some(first);
    parts_in_order(
        threads,
        || {
            if let Some(piece) = first.take() {
                return Ok(Some(piece));
            }
            splitter.next_piece(spares.try_recv().unwrap_or_default())
        },
        |piece, give| {
            let buffer = judge.judge(piece, give)?;
            // No room for it means that there are enough.
            let _ = give_back.try_send(buffer);
            Ok(())
        },
        |judged| delivery.take(judged),
    )?;
    Ok(delivery.close(contract))
}

/// The columns of a CSV file as its header names them.
pub(crate) fn names(file: &LandedFile, contract: &Contract, options: &ReadOptions) -> Result<Vec<String>> {
    let dialect = Dialect::new(contract.options.delimiter)?;
    let mut splitter = Splitter::new(open_text(file, options, &contract.options)?, dialect.clone(), options);
    Ok(header::read(&mut splitter, &dialect, contract, options)?.map(|(header, _)| header.names).unwrap_or_default())
}

/// Where each field of one record stands, its quotes and what is behind them included.
pub(crate) fn field_ranges(record: &str, delimiter: u8) -> Option<Vec<Range<usize>>> {
    let dialect = Dialect::new(delimiter).ok()?;
    let mut fields = Vec::new();
    let end = dialect.record(record.as_bytes(), 0, &mut fields).end;
    let quoted = |start: usize| start > 0 && record.as_bytes()[start - 1] == b'"';
    let begins: Vec<usize> = fields.iter().map(|field| field.start - usize::from(quoted(field.start))).collect();
    let ends = begins.iter().skip(1).map(|begin| begin - 1).chain([end]);
    Some(begins.iter().copied().zip(ends).map(|(begin, end)| begin..end).collect())
}

/// Hands judged pieces on, with lines counted from the file's first.
struct Delivery<'a> {
    reading: FileReading,
    /// Physical lines before the piece that comes next.
    lines: u64,
    /// Rows with a value that is not in the file's encoding.
    unreadable: u64,
    sink: &'a mut dyn FnMut(JudgedChunk) -> Result<()>,
}

impl Delivery<'_> {
    /// Hands on one piece.
    fn take(&mut self, judged: Judged) -> Result<()> {
        let mut chunk = judged.chunk.map_err(|mut fault| {
            if let Some(line) = fault.place.as_mut().and_then(|place| place.line.as_mut()) {
                *line += self.lines;
            }
            fault
        })?;
        let lines = chunk.lines.iter_mut().chain(chunk.rejects.iter_mut().map(|reject| &mut reject.line));
        lines.for_each(|line| *line += self.lines);
        self.lines += judged.lines;
        self.reading.add(&chunk);
        let unreadable = chunk.rejects.iter().filter(|r| r.violations.iter().any(|v| v.rule == ENCODING));
        self.unreadable += unreadable.count() as u64;
        if chunk.rows_read() > 0 {
            (self.sink)(chunk)?;
        }
        Ok(())
    }

    fn close(mut self, contract: &Contract) -> FileReading {
        if self.reading.rows_read == 0 {
            self.reading.warnings.push("the file has a header and no rows".to_owned());
        }
        if self.unreadable > 0 && contract.options.encoding.is_none() {
            self.reading.warnings.push(format!(
                "{} rows have bytes that are not UTF-8: if the file is from a spreadsheet, set `encoding: windows-1252` in {}",
                self.unreadable, contract.file
            ));
        }
        self.reading
    }
}
