//! The judge: holds each record against the contract and builds the batch of those that keep it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use shoplake_core::contract::OnChange;
use shoplake_core::hash::{content_hashes, key_hashes};
use shoplake_core::{
    ColumnType, DiscardedValues, Fault, JudgedChunk, Reason, Reject, Result, RowPlace, ShopZone, Violation,
};

use super::buffer::ColumnBuffer;
use super::compiled::{CompiledColumn, CompiledContract};
use super::{Cell, Layout, cut};
use crate::values::{Misread, Value, decimal_text, normal, rule_of, trimmed};

/// Rows of a chunk at most.
const CHUNK_ROWS: usize = 128 << 10;

/// Rejects of a chunk at most: each takes some hundred bytes more than it has in the file.
const CHUNK_REJECTS: usize = 4 << 10;

/// Bytes of rejected records in a chunk, about.
const CHUNK_RAW_BYTES: usize = 4 << 20;

/// Judges records one after another and builds the batch.
#[derive(Debug)]
pub struct RowJudge {
    compiled: Arc<CompiledContract>,
    layout: Arc<Layout>,
    columns: Vec<ColumnBuffer>,
    lines: Vec<u64>,
    /// As [`JudgedChunk::items`].
    items: Vec<u32>,
    /// The record before, in this chunk.
    last: RowPlace,
    rejects: Vec<Reject>,
    /// Bytes of the rejected records.
    raw_bytes: usize,
    bench: Bench,
    capacity: usize,
}

/// The record in hand: what its values are read with, and what they have broken.
#[derive(Debug)]
struct Bench {
    zone: ShopZone,
    /// What happens to a value that is not of its type.
    types: OnChange,
    violations: Vec<Violation>,
    /// Values that were left out, by column.
    discarded: BTreeMap<String, DiscardedValues>,
    /// Why the whole file is refused, once it is.
    refused: Option<Fault>,
}

impl RowJudge {
    /// A judge for records of `layout`, with room for `capacity` of them in a chunk.
    pub fn new(compiled: Arc<CompiledContract>, layout: Arc<Layout>, capacity: usize) -> Self {
        let capacity = capacity.min(CHUNK_ROWS);
        let contract = compiled.columns.iter().map(|column| column.column_type);
        let new = layout.new_columns().iter().map(|_| ColumnType::String);
        let zone = ShopZone::new(compiled.zone);
        Self {
            bench: Bench {
                zone,
                types: compiled.types,
                violations: Vec::new(),
                discarded: BTreeMap::new(),
                refused: None,
            },
            columns: contract.chain(new).map(|column_type| ColumnBuffer::new(column_type, capacity)).collect(),
            lines: Vec::with_capacity(capacity),
            items: Vec::new(),
            last: RowPlace { line: 0, item: 0 },
            rejects: Vec::new(),
            raw_bytes: 0,
            capacity,
            compiled,
            layout,
        }
    }

    /// Judges the record at `line`: `cells` as [`Layout::sources`] orders them (those that are not
    /// given are missing), `raw` the record as it stood in the file, asked for only if it is rejected.
    pub fn push(&mut self, line: u64, cells: &[Cell<'_>], raw: &dyn Fn() -> String) {
        let (mut cells, mut buffers) = (cells.iter(), self.columns.iter_mut());
        for (column, buffer) in self.compiled.columns.iter().zip(&mut buffers) {
            self.bench.contract_cell(line, column, cells.next().unwrap_or(&Cell::Missing), buffer);
        }
        for (name, buffer) in self.layout.new_columns().iter().zip(buffers) {
            self.bench.new_cell(name, cells.next().unwrap_or(&Cell::Missing), buffer);
        }
        for (name, cell) in self.layout.refused().iter().zip(cells) {
            self.bench.refused_cell(name, cell);
        }
        let item = self.item(line);
        if self.bench.violations.is_empty() {
            if item > 1 || !self.items.is_empty() {
                self.items.resize(self.lines.len(), 1);
                self.items.push(item);
            }
            self.lines.push(line);
            return;
        }
        let rows = self.lines.len();
        let money = |(at, scale): (usize, u8)| Some(decimal_text(self.columns[at].last_decimal()?, scale));
        let money = self.compiled.money.and_then(money);
        for column in &mut self.columns {
            column.truncate(rows);
        }
        let violations = std::mem::take(&mut self.bench.violations);
        let raw = cut(raw());
        self.raw_bytes += raw.len();
        self.rejects.push(Reject { line, item, violations, raw, money });
    }

    /// Rejects a record that has no cells to judge: a wrong number of fields, a line that is no JSON.
    pub fn reject(&mut self, line: u64, violation: Violation, raw: String) {
        let raw = cut(raw);
        self.raw_bytes += raw.len();
        let item = self.item(line);
        self.rejects.push(Reject { line, item, violations: vec![violation], raw, money: None });
    }

    /// The place of the next record among those of its line, in this chunk.
    fn item(&mut self, line: u64) -> u32 {
        let item = if self.last.line == line { self.last.item + 1 } else { 1 };
        self.last = RowPlace { line, item };
        item
    }

    /// Whether the chunk is so large that it should be finished: what is in memory at once must not
    /// grow with the share of rejects, or with the shortness of rows.
    pub fn is_full(&self) -> bool {
        self.lines.len() >= CHUNK_ROWS || self.rejects.len() >= CHUNK_REJECTS || self.raw_bytes >= CHUNK_RAW_BYTES
    }

    /// The records since the last call, judged, with the hashes of the good ones.
    ///
    /// Fails where a value refuses the whole file (`schema_change.types: freeze`).
    pub fn finish(&mut self) -> Result<JudgedChunk> {
        if let Some(fault) = self.bench.refused.take() {
            return Err(fault);
        }
        let arrays = self.columns.iter_mut().map(ColumnBuffer::take).collect::<Result<Vec<ArrayRef>>>()?;
        let key: Vec<ArrayRef> = self.compiled.key.iter().map(|at| Arc::clone(&arrays[*at])).collect();
        let schema = self.layout.schema();
        let named: Vec<(&str, ArrayRef)> =
            schema.fields().iter().map(|field| field.name().as_str()).zip(arrays.iter().cloned()).collect();
        let keys = if key.is_empty() { Vec::new() } else { key_hashes(&key) };
        let contents = content_hashes(&named);
        let rows = RecordBatch::try_new(Arc::clone(schema), arrays)
            .map_err(|error| Fault::internal("judged columns make no batch").caused_by(error))?;
        self.raw_bytes = 0;
        self.last = RowPlace { line: 0, item: 0 };
        Ok(JudgedChunk {
            rows,
            lines: std::mem::replace(&mut self.lines, Vec::with_capacity(self.capacity)),
            items: std::mem::take(&mut self.items),
            keys,
            contents,
            rejects: std::mem::take(&mut self.rejects),
            discarded: std::mem::take(&mut self.bench.discarded),
        })
    }
}

impl Bench {
    /// One value of a column of the contract: read, checked, and put into its column.
    fn contract_cell(&mut self, line: u64, column: &CompiledColumn, cell: &Cell<'_>, buffer: &mut ColumnBuffer) {
        let mut normalised = Cow::Borrowed("");
        let read = match cell {
            Cell::Missing => Ok(None),
            Cell::Invalid { shown, rule } => Err((Cow::Borrowed(rule.as_str()), shown.as_str())),
            Cell::Text(text) => match trimmed(text) {
                "" => Ok(None),
                written => read_text(column, written, &mut normalised, &mut self.zone)
                    .map(|value| Some((written, value)))
                    .map_err(|misread| (rule_of(misread, column.column_type), &**text)),
            },
        };
        let value = match (read, self.types) {
            (Ok(value), _) => value,
            (Err((_, shown)), OnChange::DiscardValue) => {
                let discarded = self.discarded.entry(column.name.clone()).or_default();
                discarded.values += 1;
                if discarded.values == 1 {
                    discarded.example = cut(shown.to_owned());
                }
                None
            }
            (Err((rule, shown)), types) => {
                if types == OnChange::Freeze {
                    self.refuse(line, &column.name, &rule, shown);
                }
                self.violate(Reason::Malformed, rule.into_owned(), &column.name, Some(shown));
                return buffer.push(None);
            }
        };
        for check in &column.checks {
            if !check.accepts(value) {
                let written = if let Cell::Text(text) = cell { Some(&**text) } else { None };
                self.violate(check.reason(), check.rule(), &column.name, written.filter(|_| value.is_some()));
            }
        }
        buffer.push(value.map(|(_, value)| value));
    }

    /// One value of a column that the contract does not name: text.
    fn new_cell(&mut self, name: &str, cell: &Cell<'_>, buffer: &mut ColumnBuffer) {
        let (rule, shown) = match cell {
            Cell::Missing => return buffer.push(None),
            Cell::Invalid { shown, rule } => (Cow::Borrowed(rule.as_str()), shown.as_str()),
            Cell::Text(text) => match normal(trimmed(text)) {
                Ok(text) => return buffer.push((!text.is_empty()).then_some(Value::Text(&text))),
                Err(misread) => (rule_of(misread, ColumnType::String), &**text),
            },
        };
        buffer.push(None);
        self.violate(Reason::Malformed, rule.into_owned(), name, Some(shown));
    }

    /// One value of a column that no row may fill.
    fn refused_cell(&mut self, name: &str, cell: &Cell<'_>) {
        let value = match cell {
            Cell::Missing => return,
            Cell::Text(text) if trimmed(text).is_empty() => return,
            Cell::Text(text) => &**text,
            Cell::Invalid { shown, .. } => shown.as_str(),
        };
        self.violate(Reason::Contract, "columns: discard_row".to_owned(), name, Some(value));
    }

    fn violate(&mut self, reason: Reason, rule: String, column: &str, value: Option<&str>) {
        let value = value.map(|value| cut(value.to_owned()));
        self.violations.push(Violation { reason, rule, column: Some(column.to_owned()), value });
    }

    /// Refuses the whole file for its first value of another type.
    fn refuse(&mut self, line: u64, column: &str, rule: &str, shown: &str) {
        let fault = || {
            Fault::data(format!("`{}` in column `{column}` breaks `{rule}`", cut(shown.to_owned())))
                .hint("`schema_change: { types: discard_row }` would set only the row aside")
                .at("", Some(line), None)
        };
        self.refused.get_or_insert_with(fault);
    }
}

/// Reads a text as its column's type; text that had to be brought to NFC is kept in `normalised`.
fn read_text<'a>(
    column: &CompiledColumn,
    written: &'a str,
    normalised: &'a mut Cow<'a, str>,
    zone: &mut ShopZone,
) -> Result<Value<'a>, Misread> {
    match column.reader.read(written, zone)? {
        Value::Text(text) => {
            *normalised = normal(text)?;
            Ok(Value::Text(normalised))
        }
        value => Ok(value),
    }
}
