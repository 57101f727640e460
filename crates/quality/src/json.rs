//! JSON and NDJSON files against their contract.
//!
//! What lives here: finding out how the records of a file follow each other, and the passage from
//! bytes to judged chunks: one thread cuts the file into records (`scan`), others read them
//! (`record`), the caller's thread takes the chunks in order. What does not: types and rules
//! (`rows`). The file is never held as a whole; it is read twice, since no header tells the names of
//! its fields.

mod chunk;
mod names;
mod record;
mod sample;
mod scan;
mod window;

use std::io;
use std::sync::Arc;

use shoplake_core::contract::{FileOptions, Format, OnChange};
use shoplake_core::{Contract, Fault, JudgedChunk, LandedFile, Result};

pub(crate) use sample::sample;

use chunk::Chunk;
use names::Names;
use record::{Extra, Read, RecordPlan, RecordReader, each_item, malformed};
use scan::{Scan, Shape};
use window::Window;

use crate::open::open_text;
use crate::ordered::{Give, in_order, parts_in_order};
use crate::rows::{CompiledContract, Layout, RowJudge, shown};
use crate::{FileReading, ReadOptions};

/// Bytes that tell whether a file has one record a line.
const SAMPLE_BYTES: usize = 64 << 10;

/// A record with items that is longer is not kept with each item that is rejected.
const LONG_RECORD: usize = 4 << 10;

/// Judges a file of JSON records; calls `sink` with its chunks in order.
pub(crate) fn judge(
    file: &LandedFile,
    contract: &Contract,
    options: &ReadOptions,
    sink: &mut dyn FnMut(JudgedChunk) -> Result<()>,
) -> Result<FileReading> {
    let compiled = Arc::new(CompiledContract::new(contract, options.zone)?);
    let mut reading = FileReading::default();
    let Some(scan) = open(file, contract, options)? else {
        reading.warnings.push("the file is empty".to_owned());
        return Ok(reading);
    };
    let names = ask_names(scan, contract, options)?;
    let called: Vec<String> = contract.columns.iter().map(|column| names.called(column.file_name())).collect();
    if names.records > 0 && !called.iter().any(|name| names.has(name)) {
        return Err(names.no_column(contract));
    }
    let columns: Vec<&str> = called.iter().map(String::as_str).collect();
    let explode = contract.options.explode.as_deref();
    let mut extras = names.extras(&columns, explode);
    reading.schema_changes.extend(missing_columns(contract, &names, &columns));
    let layout = layout(contract, &columns, &extras, &mut reading)?;
    if contract.schema_change.columns == OnChange::DiscardValue {
        extras.clear();
    }
    let plan = RecordPlan::new(&columns, &extras, explode);
    let station = Station { compiled, layout: Arc::new(layout), plan };

    let Some(mut scan) = open(file, contract, options)? else { return Ok(reading) };
    parts_in_order(
        options.workers(),
        || scan.next_chunk(),
        |chunk, give| station.judge(&chunk, give),
        |chunk| {
            reading.add(&chunk);
            sink(chunk)
        },
    )?;
    Ok(reading)
}

/// What every worker shares.
struct Station {
    compiled: Arc<CompiledContract>,
    layout: Arc<Layout>,
    plan: RecordPlan,
}

impl Station {
    fn judge(&self, chunk: &Chunk, give: &mut Give<'_, JudgedChunk>) -> Result<()> {
        let mut judge = RowJudge::new(Arc::clone(&self.compiled), Arc::clone(&self.layout), chunk.len());
        let mut reader = RecordReader::new(&self.plan);
        for (at, (line, record)) in chunk.records().enumerate() {
            if judge.is_full() {
                give(judge.finish()?)?;
            }
            if chunk.cut.contains(&at) {
                judge.reject(line, malformed("record: too long", ""), shown(record));
                continue;
            }
            match reader.read(record) {
                Err(violation) => judge.reject(line, violation, shown(record)),
                Ok(Read::Row(cells)) => judge.push(line, &cells, &|| shown(record)),
                Ok(Read::Items { around, items }) => {
                    let judged = each_item(items, |item| {
                        if judge.is_full() {
                            give(judge.finish()?)?;
                        }
                        // Of a long record the item alone is kept: each of its items may be rejected.
                        let raw = if record.len() > LONG_RECORD { item.get().as_bytes() } else { record };
                        match reader.item(item, &around) {
                            Err(violation) => judge.reject(line, violation, shown(raw)),
                            Ok(cells) => judge.push(line, &cells, &|| shown(raw)),
                        }
                        Ok::<(), Fault>(())
                    });
                    judged.map_err(|error| Fault::internal("items that were read are none").caused_by(error))??;
                }
            }
        }
        give(judge.finish()?)
    }
}

/// The layout of rows whose cells are the contract's columns, then `extras`.
fn layout(contract: &Contract, columns: &[&str], extras: &[Extra], reading: &mut FileReading) -> Result<Layout> {
    let mut names: Vec<String> = Vec::new();
    for name in columns {
        // Two columns may be read from one field; a header would not name it twice.
        if !names.iter().any(|known| known == name) {
            names.push((*name).to_owned());
        }
    }
    names.extend(extras.iter().map(|extra| extra.name.clone()));
    let (layout, changes) = Layout::new(contract, &names)?;
    reading.schema_changes.extend(changes);
    reading.new_columns = layout.new_columns().to_vec();
    Ok(layout)
}

/// Words for columns that no record has; whether a row may lack them is judged row by row.
fn missing_columns(contract: &Contract, names: &Names, columns: &[&str]) -> Vec<String> {
    if names.records == 0 || contract.schema_change.columns == OnChange::DiscardValue {
        return Vec::new();
    }
    let missing = contract.columns.iter().zip(columns).filter(|(_, name)| !names.has(name));
    missing.map(|(column, name)| format!("column `{name}` is not in the file: `{}` stays empty", column.name)).collect()
}

/// Asks all records for the names of their fields: what is taken for a column must not hang on where the
/// file is cut.
fn ask_names(mut scan: Scan<Stream>, contract: &Contract, options: &ReadOptions) -> Result<Names> {
    let explode = contract.options.explode.as_deref();
    let mut names = Names::default();
    let work = |chunk| Ok(Names::of_chunk(&chunk, explode));
    let unknown_are_dropped = contract.schema_change.columns == OnChange::DiscardValue;
    in_order(
        options.workers(),
        || scan.next_chunk(),
        work,
        |later| {
            if unknown_are_dropped {
                names.merge_asked(&later, contract);
                return Ok(());
            }
            names.merge(&later)
        },
    )?;
    Ok(names)
}

type Stream = Box<dyn io::Read + Send>;

/// A scan from the file's start; `None` where there is nothing in it.
fn open(file: &LandedFile, contract: &Contract, options: &ReadOptions) -> Result<Option<Scan<Stream>>> {
    let mut window = Window::new(open_text(file, options, &contract.options)?, &file.origin);
    if window.skip_space()?.is_none() {
        return Ok(None);
    }
    let shape = shape_of(&mut window, &contract.options)?;
    Ok(Some(Scan::new(window, shape, options.record_bytes, options.chunk_bytes)))
}

/// How the records follow each other: as the contract says, or as the first lines show.
fn shape_of(window: &mut Window<Stream>, how: &FileOptions) -> Result<Shape> {
    if let Some(selector) = &how.data_selector {
        let path = selector.trim_start_matches('$').trim_matches('.').trim_end_matches("[*]");
        return Ok(Shape::Document(path.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect()));
    }
    if how.format == Format::Ndjson {
        return Ok(Shape::Lines);
    }
    if window.skip_space()? != Some(b'{') {
        return Ok(Shape::Document(Vec::new()));
    }
    let sample = window.sample(SAMPLE_BYTES)?;
    let mut lines: Vec<&[u8]> = sample.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    lines.retain(|line| !line.is_empty());
    let one_a_line = lines.len() > 1 && (is_one_record(lines[0]) || lines.iter().all(|line| line.starts_with(b"{")));
    Ok(if one_a_line { Shape::Lines } else { Shape::Document(Vec::new()) })
}

/// Whether a line is one record from its first byte to its last.
fn is_one_record(line: &[u8]) -> bool {
    let mut scan = Scan::new(Window::new(line, ""), Shape::Document(Vec::new()), line.len(), line.len());
    let Ok(Some(chunk)) = scan.next_chunk() else { return false };
    chunk.records().next().is_some_and(|(_, record)| record.len() == line.len())
}

#[cfg(test)]
pub(crate) mod tests;
