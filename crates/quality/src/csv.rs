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

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::bounded;
use shoplake_core::{Contract, JudgedChunk, LandedFile, Result};

use crate::open::open_text;
use crate::ordered::in_order;
use crate::rows::CompiledContract;
use crate::{FileReading, ReadOptions};
use piece::{Judged, PieceJudge};
use record::Dialect;
use splitter::Splitter;

/// The rule that a value in another encoding breaks.
const ENCODING: &str = "encoding";

/// Bytes of the first pieces, and of those of a file in which much is rejected: a reject takes a
/// hundred times the memory of a short row.
const CAREFUL_PIECE_BYTES: usize = 256 << 10;

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
    let piece_bytes = AtomicUsize::new(CAREFUL_PIECE_BYTES.min(options.chunk_bytes));
    let most_bytes = options.chunk_bytes;
    let mut delivery =
        Delivery { reading, lines: header.lines, unreadable: 0, piece_bytes: &piece_bytes, most_bytes, sink };
    let judge = PieceJudge::new(compiled, header, dialect, options);
    // A small file is judged sooner than threads are started for it.
    let threads = if file.size < options.chunk_bytes as u64 / 4 { 1 } else { options.workers() };
    // Buffers go round: from the splitter to a judge and back.
    let (give_back, spares) = bounded(threads * 2);
    let mut first = Some(first);
    in_order(
        threads,
        || {
            if let Some(piece) = first.take() {
                return Ok(Some(piece));
            }
            splitter.cut_pieces_of(piece_bytes.load(Ordering::Relaxed));
            splitter.next_piece(spares.try_recv().unwrap_or_default())
        },
        |piece| {
            let (judged, buffer) = judge.judge(piece);
            // No room for it means that there are enough.
            let _ = give_back.try_send(buffer);
            Ok(judged)
        },
        |judged| delivery.take(judged),
    )?;
    Ok(delivery.close(contract))
}

/// Hands judged pieces on, with lines counted from the file's first.
struct Delivery<'a> {
    reading: FileReading,
    /// Physical lines before the piece that comes next.
    lines: u64,
    /// Rows with a value that is not in the file's encoding.
    unreadable: u64,
    /// How large the next pieces are to be.
    piece_bytes: &'a AtomicUsize,
    /// How large they may become.
    most_bytes: usize,
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
        self.set_piece_bytes(&chunk);
        if chunk.rows_read() > 0 {
            (self.sink)(chunk)?;
        }
        Ok(())
    }

    /// Pieces grow while their rows are good and shrink where many are not, so that what is in hand at
    /// once stays small whatever the file is. How a file is cut changes nothing of what comes of it.
    fn set_piece_bytes(&self, chunk: &JudgedChunk) {
        let now = self.piece_bytes.load(Ordering::Relaxed);
        let many = chunk.rejects.len() as u64 * 8 > chunk.rows_read();
        let next = if many { now / 2 } else { now.saturating_mul(2) };
        let least = CAREFUL_PIECE_BYTES.min(self.most_bytes);
        self.piece_bytes.store(next.clamp(least, self.most_bytes.max(least)), Ordering::Relaxed);
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
