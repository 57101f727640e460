//! Rows of a query on their way to stdout: JSON, CSV, or an aligned table.
//!
//! JSON: an array of objects, decimals as strings, timestamps in ISO 8601 with fractions only where
//! there are any, NULL as null. CSV: RFC 4180; NULL is an empty field, an empty text is `""`.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{JsonFormat, NullableEncoder, WriterBuilder};
use arrow_json::{Encoder, EncoderFactory, EncoderOptions};
use arrow_schema::{ArrowError, Field, FieldRef, Schema, SchemaRef};
use futures::StreamExt;
use shoplake_core::Fault;
use shoplake_core::ports::RowStream;

use crate::cli::Output;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Side, Table, Tone};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows.
    pub(crate) rows: usize,
    /// Whether rows beyond the limit were left out.
    pub(crate) cut: bool,
}

/// Prints the rows in the form that is asked for, as they arrive where the form allows it.
///
/// `limit` is the most rows to print, `cell_width` the most characters of a table's cell.
pub(crate) async fn print(
    stream: RowStream,
    output: Output,
    limit: Option<usize>,
    cell_width: Option<usize>,
    printer: &Printer,
) -> Result<Written, Failure> {
    match output {
        Output::Table => write(stream, output, limit, cell_width, &mut printer.data()).await,
        Output::Json | Output::Csv => write(stream, output, limit, cell_width, &mut printer.raw_data()).await,
    }
}

/// Writes the rows to `out` in the form that is asked for.
pub(crate) async fn write(
    stream: RowStream,
    output: Output,
    limit: Option<usize>,
    cell_width: Option<usize>,
    out: &mut impl Write,
) -> Result<Written, Failure> {
    let rows = Limited { stream, left: limit, written: Written { rows: 0, cut: false } };
    let written = match output {
        Output::Json => json(rows, out).await?,
        Output::Csv => csv(rows, out).await?,
        Output::Table => table(rows, cell_width, out).await?,
    };
    out.flush().map_err(Failure::Output)?;
    Ok(written)
}

/// The stream, cut after the limit.
struct Limited {
    stream: RowStream,
    left: Option<usize>,
    written: Written,
}

impl Limited {
    async fn next(&mut self) -> Result<Option<RecordBatch>, Fault> {
        while !self.written.cut {
            let Some(batch) = self.stream.batches.next().await.transpose()? else { return Ok(None) };
            let take = self.left.map_or(batch.num_rows(), |left| left.min(batch.num_rows()));
            self.written.cut = take < batch.num_rows();
            self.written.rows += take;
            self.left = self.left.map(|left| left - take);
            if take > 0 {
                return Ok(Some(batch.slice(0, take)));
            }
        }
        Ok(None)
    }
}

async fn json(mut rows: Limited, out: &mut impl Write) -> Result<Written, Failure> {
    let schema = distinct_names(&rows.stream.schema);
    // The first batch before the first byte: a query that fails at once leaves stdout empty.
    let mut next = rows.next().await?;
    let builder = WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(DecimalsAsText));
    let mut writer = builder.build::<_, ArrayOfLines>(&mut *out);
    while let Some(batch) = next {
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).map_err(|e| unwritable(&e))?;
        writer.write(&batch).map_err(output_or_fault)?;
        next = rows.next().await?;
    }
    writer.finish().map_err(output_or_fault)?;
    Ok(rows.written)
}

/// A JSON array with one object a line.
#[derive(Debug, Default)]
struct ArrayOfLines;

impl JsonFormat for ArrayOfLines {
    fn start_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"[")?)
    }
    fn start_row<W: Write>(&self, writer: &mut W, is_first_row: bool) -> Result<(), ArrowError> {
        if is_first_row { Ok(()) } else { Ok(writer.write_all(b",\n")?) }
    }
    fn end_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"]\n")?)
    }
}

/// Decimals keep their digits in JSON: as strings, which no reader turns into a float.
#[derive(Debug)]
struct DecimalsAsText;

struct TextEncoder<'a>(ArrayFormatter<'a>);

impl Encoder for TextEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        // Digits, a sign and a point need no escaping, and a Vec takes them all.
        let _ = write!(out, "\"{}\"", self.0.value(row));
    }
}

impl EncoderFactory for DecimalsAsText {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if !array.data_type().is_decimal() {
            return Ok(None);
        }
        let formatter = ArrayFormatter::try_new(array, &FormatOptions::new())?;
        Ok(Some(NullableEncoder::new(Box::new(TextEncoder(formatter)), array.nulls().cloned())))
    }
}

/// The schema with `id, id` as `id, id_1`: a JSON object holds each name once.
fn distinct_names(schema: &SchemaRef) -> SchemaRef {
    let mut taken = std::collections::HashSet::new();
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let mut name = field.name().clone();
            let mut number = 1;
            while !taken.insert(name.clone()) {
                name = format!("{}_{number}", field.name());
                number += 1;
            }
            field.as_ref().clone().with_name(name)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

async fn csv(mut rows: Limited, out: &mut impl Write) -> Result<Written, Failure> {
    let mut next = rows.next().await?;
    let (mut line, mut value) = (String::new(), String::new());
    for (index, field) in rows.stream.schema.fields().iter().enumerate() {
        push_csv_field(&mut line, index, Some(field.name()));
    }
    write!(out, "{line}\r\n").map_err(Failure::Output)?;
    while let Some(batch) = next {
        let columns = formatters(&batch)?;
        for row in 0..batch.num_rows() {
            line.clear();
            for (index, (column, values)) in batch.columns().iter().zip(&columns).enumerate() {
                value.clear();
                let known = column.is_valid(row) && write!(value, "{}", values.value(row)).is_ok();
                push_csv_field(&mut line, index, known.then_some(&value));
            }
            line.push_str("\r\n");
            out.write_all(line.as_bytes()).map_err(Failure::Output)?;
        }
        next = rows.next().await?;
    }
    Ok(rows.written)
}

fn push_csv_field(line: &mut String, index: usize, value: Option<&String>) {
    if index > 0 {
        line.push(',');
    }
    match value {
        None => {}
        Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            line.push('"');
            line.push_str(&text.replace('"', "\"\""));
            line.push('"');
        }
        Some(text) => line.push_str(text),
    }
}

async fn table(mut rows: Limited, cell_width: Option<usize>, out: &mut impl Write) -> Result<Written, Failure> {
    let side = |field: &FieldRef| if field.data_type().is_numeric() { Side::Right } else { Side::Left };
    let mut table = Table::new(rows.stream.schema.fields().iter().map(|field| (field.name().clone(), side(field))));
    while let Some(batch) = rows.next().await? {
        let columns = formatters(&batch)?;
        for row in 0..batch.num_rows() {
            table.row(batch.columns().iter().zip(&columns).map(|(column, values)| {
                if column.is_valid(row) {
                    (cut(values.value(row).to_string(), cell_width), Tone::Plain)
                } else {
                    ("NULL".to_owned(), Tone::Dim)
                }
            }));
        }
    }
    out.write_all(table.text().as_bytes()).map_err(Failure::Output)?;
    Ok(rows.written)
}

fn cut(text: String, width: Option<usize>) -> String {
    match width.and_then(|width| text.char_indices().nth(width)) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(&text)),
        None => text,
    }
}

/// The values of each column as text: ISO 8601, decimals in full, nested values in JSON's likeness.
fn formatters(batch: &RecordBatch) -> Result<Vec<ArrayFormatter<'_>>, Failure> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new();
    let formatter = |column| ArrayFormatter::try_new(column, &OPTIONS).map_err(|error| unwritable(&error).into());
    batch.columns().iter().map(|column| formatter(column.as_ref())).collect()
}

fn unwritable(error: &ArrowError) -> Fault {
    Fault::usage(format!("the result cannot be written: {error}")).hint("cast the column to VARCHAR")
}

/// Arrow's writers wrap the errors of the output; a closed pipe must be known as one.
fn output_or_fault(error: ArrowError) -> Failure {
    match error {
        ArrowError::IoError(_, io) => Failure::Output(io),
        other => unwritable(&other).into(),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{BooleanArray, Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn rows() -> RowStream {
        let day = 19_797; // 2024-03-15
        let at = i64::from(day) * 86_400_000_000 + 37_800_000_000;
        let columns: Vec<(&str, Arc<dyn Array>)> = vec![
            ("n", Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None]))),
            (
                "amount",
                Arc::new(Decimal128Array::from(vec![Some(1_050), None]).with_precision_and_scale(12, 2).unwrap()),
            ),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![at, at + 1_500]).with_timezone("UTC"))),
            ("day", Arc::new(Date32Array::from(vec![Some(day), None]))),
            ("paid", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("name", Arc::new(StringArray::from(vec![Some("a \"b\", c\n"), Some("")]))),
            ("name", Arc::new(StringArray::from(vec![None, Some("日本")]))),
        ];
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
        RowStream { schema, batches: Box::pin(futures::stream::iter([Ok(batch.slice(0, 1)), Ok(batch.slice(1, 1))])) }
    }

    fn written(stream: RowStream, output: Output, limit: Option<usize>) -> (String, Written) {
        let mut out = Vec::new();
        let written = futures::executor::block_on(write(stream, output, limit, None, &mut out)).unwrap();
        (anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string(), written)
    }

    /// Given every type the lake has, when written as JSON, then no digit is lost and each name stands once.
    #[test]
    fn json_keeps_every_digit() {
        let (text, _) = written(rows(), Output::Json, None);
        insta::assert_snapshot!(text, @r#"
        [{"n":9007199254740993,"amount":"10.50","at":"2024-03-15T10:30:00Z","day":"2024-03-15","paid":true,"name":"a \"b\", c\n","name_1":null},
        {"n":null,"amount":null,"at":"2024-03-15T10:30:00.001500Z","day":null,"paid":null,"name":"","name_1":"日本"}]
        "#);
    }

    /// Given commas, quotes, line ends, an empty text and NULL, when written as CSV, then they can be told apart.
    #[test]
    fn csv_tells_null_from_empty() {
        let (text, _) = written(rows(), Output::Csv, None);
        insta::assert_snapshot!(text.replace('\r', "<CR>"), @r#"
        n,amount,at,day,paid,name,name<CR>
        9007199254740993,10.50,2024-03-15T10:30:00Z,2024-03-15,true,"a ""b"", c
        ",<CR>
        ,,2024-03-15T10:30:00.001500Z,,,"",日本<CR>
        "#);
    }

    /// Given numbers and texts, when written as a table, then numbers keep right and each row has one line.
    #[test]
    fn a_table_has_a_line_a_row() {
        let (text, written) = written(rows(), Output::Table, Some(1));
        assert_eq!(written, Written { rows: 1, cut: true });
        insta::assert_snapshot!(text, @r#"
                       n  amount  at                    day         paid  name        name
        9007199254740993   10.50  2024-03-15T10:30:00Z  2024-03-15  true  a "b", c\n  NULL
        "#);
    }

    /// Given no rows, then JSON is an empty array and CSV has its header.
    #[test]
    fn no_rows() {
        let empty = || RowStream { schema: rows().schema, batches: Box::pin(futures::stream::empty()) };
        assert_eq!(written(empty(), Output::Json, None).0, "[]\n");
        assert_eq!(written(empty(), Output::Csv, None).0, "n,amount,at,day,paid,name,name\r\n");
    }
}
