//! Writes one Parquet file of a table: row groups are encoded on the pool, side by side, and joined
//! to the file in their order. Codecs and encodings of the lake's columns are chosen here and
//! nowhere else. Text may come by number, as a dictionary; it is written as text all the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_schema::{DataType, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};
use shoplake_core::{Fault, Result, TableFile, fail_point};
use xxhash_rust::xxh3::xxh3_64;

use crate::dictionary_chunk::{self, DictionaryChunk, Numbered};
use crate::pool::{Pool, lock};
use crate::read::Original;
use crate::shape::arrow_fault;
use crate::stats;

/// Rows of one row group.
pub(crate) const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Bytes of text beyond which a row group's column gets no dictionary.
const DICTIONARY_BYTES: usize = 2 << 20;

/// Rows that are looked at to choose a file's encodings.
const SAMPLED_ROWS: usize = 4096;

/// Turns a Parquet error into one that says which file it was about.
pub(crate) fn parquet_fault(path: &Path, error: parquet::errors::ParquetError) -> Fault {
    Fault::unavailable(format!("`{}`: {error}", path.display())).caused_by(error)
}

/// The columns of a file as Parquet has them.
pub(crate) fn parquet_schema(schema: &Schema) -> parquet::errors::Result<SchemaDescriptor> {
    ArrowSchemaConverter::new().with_coerce_types(false).convert(schema)
}

/// How the columns of a table are written.
///
/// Columns in `plain` hardly hold a value twice, so a dictionary would only cost; time and line numbers
/// grow slowly, which delta packing is made for. Snappy throughout: encoding is what a load waits for.
/// Text has no statistics, see [`stats`].
pub(crate) fn properties(schema: &Schema, plain: &[String]) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by("shoplake".to_owned())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS * 2))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES);
    for field in schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        if field.data_type() == &DataType::Utf8 {
            builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        }
        if matches!(field.data_type(), DataType::Timestamp(..)) || field.name() == "_source_line" {
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        } else if plain.contains(field.name()) {
            builder = builder.set_column_dictionary_enabled(path, false);
        }
    }
    builder.build()
}

/// The columns of `rows` whose text hardly stands there twice, by a sample. A dictionary of theirs
/// would be as long as the text itself, and looking each value up in it is what encoding them costs.
fn scattered(rows: &[RecordBatch]) -> Vec<String> {
    let Some(first) = rows.first() else { return Vec::new() };
    let all: usize = rows.iter().map(RecordBatch::num_rows).sum();
    if all < SAMPLED_ROWS / 4 {
        return Vec::new();
    }
    let texts = first.schema_ref().fields().iter().enumerate();
    let texts = texts.filter(|(_, field)| field.data_type() == &DataType::Utf8);
    let scattered = texts.filter(|(at, _)| {
        // Rows of several files: another one may keep the same text by number.
        let columns = rows.iter().filter_map(|batch| batch.column(*at).as_string_opt::<i32>());
        let mut sample: Vec<u64> = columns
            .flat_map(|column| column.iter().flatten())
            .step_by((all / SAMPLED_ROWS).max(1))
            .map(|text| xxh3_64(text.as_bytes()))
            .collect();
        let sampled = sample.len();
        sample.sort_unstable();
        sample.dedup();
        sampled > 0 && sample.len() * 10 > sampled * 9
    });
    scattered.map(|(_, field)| field.name().clone()).collect()
}

/// One file in the making. Row groups may be encoded on any thread.
pub(crate) struct FileWriter {
    path: PathBuf,
    schema: SchemaRef,
    /// Columns that hold a value a row.
    unique: Vec<String>,
    /// Made of the first rows that come, which say how columns are best encoded.
    factory: OnceLock<Factory>,
    state: Mutex<Joining>,
}

/// What makes row groups.
struct Factory {
    groups: ArrowRowGroupWriterFactory,
    columns: SchemaDescriptor,
}

/// An encoded column of a row group.
enum Chunk {
    Arrow(ArrowColumnChunk),
    Dictionary(DictionaryChunk),
    /// As it stands in another file.
    Copied(Arc<std::fs::File>, ColumnCloseResult),
}

impl Chunk {
    fn append_to<W: std::io::Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> parquet::errors::Result<()> {
        match self {
            Self::Arrow(chunk) => chunk.append_to_row_group(group),
            Self::Dictionary(DictionaryChunk { bytes, close }) => group.append_column(&bytes, close),
            Self::Copied(file, close) => group.append_column(&*file, close),
        }
    }
}

/// The file, and the row groups that were encoded before their turn.
#[derive(Default)]
struct Joining {
    writer: Option<SerializedFileWriter<fs_err::File>>,
    next: usize,
    early: BTreeMap<usize, Vec<Chunk>>,
}

impl FileWriter {
    /// A file to be, whose columns in `unique` hold a value a row. Creates the folders above it.
    pub(crate) fn create(path: PathBuf, schema: SchemaRef, unique: &[String]) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let unique = unique.to_vec();
        Ok(Self { path, schema, unique, factory: OnceLock::new(), state: Mutex::default() })
    }

    /// What makes row groups; at first it begins the file, for rows like `rows`.
    fn factory(&self, rows: &[RecordBatch]) -> Result<&Factory> {
        let mut state = lock(&self.state);
        if let Some(factory) = self.factory.get() {
            return Ok(factory);
        }
        let fault = |error| parquet_fault(&self.path, error);
        let plain = [self.unique.as_slice(), &scattered(rows)].concat();
        let properties = Arc::new(properties(&self.schema, &plain));
        let columns = parquet_schema(&self.schema).map_err(fault)?;
        let file = fs_err::File::create(&self.path)?;
        let writer = SerializedFileWriter::new(file, columns.root_schema_ptr(), properties).map_err(fault)?;
        let groups = ArrowRowGroupWriterFactory::new(&writer, self.schema.clone());
        let factory = Factory { groups, columns };
        state.writer = Some(writer);
        Ok(self.factory.get_or_init(|| factory))
    }

    /// Encodes row group `number` and joins every row group whose turn has come. One without rows only
    /// has its turn.
    pub(crate) fn encode(&self, number: usize, batches: &[RecordBatch]) -> Result<()> {
        let chunks = if batches.iter().all(|batch| batch.num_rows() == 0) {
            Vec::new()
        } else {
            self.chunks(number, batches, None)?
        };
        self.join(number, chunks)
    }

    /// Copies row group `number` of another file with the same columns, but for those that `changed` has: all of its rows
    /// of some columns.
    pub(crate) fn encode_over(&self, number: usize, original: &Original, changed: &[RecordBatch]) -> Result<()> {
        self.join(number, self.chunks(number, changed, Some(original))?)
    }

    /// Takes the chunks of a row group, and joins every row group whose turn has come.
    fn join(&self, number: usize, chunks: Vec<Chunk>) -> Result<()> {
        let fault = |error| parquet_fault(&self.path, error);
        let mut state = lock(&self.state);
        state.early.insert(number, chunks);
        let Joining { writer: Some(writer), next, early } = &mut *state else { return Ok(()) };
        while let Some(chunks) = early.remove(next) {
            *next += 1;
            if chunks.is_empty() {
                continue;
            }
            let mut group = writer.next_row_group().map_err(fault)?;
            for chunk in chunks {
                chunk.append_to(&mut group).map_err(fault)?;
            }
            group.close().map_err(fault)?;
        }
        Ok(())
    }

    /// Encodes the columns of a row group; those that `batches` lack are copied from `original`.
    fn chunks(&self, number: usize, batches: &[RecordBatch], original: Option<&Original>) -> Result<Vec<Chunk>> {
        let fault = |error| parquet_fault(&self.path, error);
        let factory = self.factory(batches)?;
        let writers = factory.groups.create_column_writers(number).map_err(fault)?;
        if writers.len() != self.schema.fields().len() {
            return Err(Fault::internal(format!("`{}` has nested columns", self.path.display())));
        }
        let columns = writers.into_iter().enumerate().map(|(at, mut writer)| {
            let field = self.schema.field(at);
            let parts = batches.iter().map(|batch| batch.column_by_name(field.name())).collect::<Option<Vec<_>>>();
            let parts = match (parts.filter(|parts| !parts.is_empty()), original) {
                (Some(parts), _) => parts,
                (None, Some(original)) => {
                    return Ok(Chunk::Copied(Arc::clone(&original.file), original.column(number, at)));
                }
                (None, None) => return Err(Fault::internal(format!("`{}` lacks a column", self.path.display()))),
            };
            let numbered: Option<Vec<&Numbered>> =
                parts.iter().map(|part| part.as_dictionary_opt::<Int32Type>()).collect();
            if let Some(numbered) = numbered
                && let Some(chunk) =
                    dictionary_chunk::encode(&numbered, &factory.columns.column(at), DICTIONARY_BYTES).map_err(fault)?
            {
                return Ok(Chunk::Dictionary(chunk));
            }
            for part in parts {
                let plain = match part.data_type() {
                    DataType::Dictionary(..) => &arrow_cast::cast(part, field.data_type()).map_err(arrow_fault)?,
                    _ => part,
                };
                for leaf in compute_leaves(field, plain).map_err(fault)? {
                    writer.write(&leaf).map_err(fault)?;
                }
            }
            writer.close().map(Chunk::Arrow).map_err(fault)
        });
        columns.collect()
    }

    /// Ends the file. `root` is the table's folder.
    pub(crate) fn finish(
        &self,
        root: &Path,
        partition: BTreeMap<String, Option<String>>,
    ) -> Result<(TableFile, Unsynced)> {
        fail_point("data-file")?;
        self.factory(&[])?;
        let fault = |error| parquet_fault(&self.path, error);
        let mut state = lock(&self.state);
        let Some(mut writer) = state.writer.take() else {
            return Err(Fault::internal(format!("`{}` was ended twice", self.path.display())));
        };
        let metadata = writer.finish().map_err(fault)?;
        let unsynced = Unsynced(writer.inner().try_clone()?);
        let stats = stats::of_file(&metadata, &self.schema);
        let rows = metadata.file_metadata().num_rows() as u64;
        let size = fs_err::metadata(&self.path)?.len();
        let path = self.path.strip_prefix(root).unwrap_or(&self.path).to_string_lossy().replace('\\', "/");
        let modified = chrono::Utc::now().timestamp_millis();
        Ok((TableFile { path, size, rows, partition, modified, stats: Some(stats) }, unsynced))
    }
}

/// A file that is whole, and whose bytes may still be on their way to the disk.
#[must_use = "a file must be on the disk before it is published"]
pub(crate) struct Unsynced(fs_err::File);

impl Unsynced {
    /// Waits until the bytes are on the disk.
    pub(crate) fn sync(self) -> Result<()> {
        Ok(self.0.sync_all()?)
    }
}

/// Makes a file's columns of what was staged.
pub(crate) type Shape<S> = Arc<dyn Fn(&S) -> Result<Vec<RecordBatch>> + Send + Sync>;

/// A file being filled in the order of its rows. What is staged becomes columns on the pool.
pub(crate) struct OrderedFile<S> {
    writer: Arc<FileWriter>,
    shape: Shape<S>,
    pending: Vec<S>,
    pending_rows: usize,
    groups: usize,
    rows: u64,
}

impl<S: Send + 'static> OrderedFile<S> {
    /// Begins with an empty file.
    pub(crate) fn new(writer: FileWriter, shape: Shape<S>) -> Self {
        Self { writer: Arc::new(writer), shape, pending: Vec::new(), pending_rows: 0, groups: 0, rows: 0 }
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that wait for their row group.
    pub(crate) fn pending_rows(&self) -> usize {
        self.pending_rows
    }

    /// Adds `rows` rows; a full row group goes to the pool.
    pub(crate) fn append(&mut self, pool: &Pool, staged: S, rows: usize) -> Result<()> {
        self.rows += rows as u64;
        self.pending_rows += rows;
        self.pending.push(staged);
        if self.pending_rows >= ROW_GROUP_ROWS { self.flush(pool) } else { Ok(()) }
    }

    /// Sends what is pending to the pool as a row group.
    pub(crate) fn flush(&mut self, pool: &Pool) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let (writer, shape, number) = (self.writer.clone(), self.shape.clone(), self.groups);
        (self.pending_rows, self.groups) = (0, self.groups + 1);
        pool.submit(move || {
            let shaped = pending.iter().map(|staged| shape(staged)).collect::<Result<Vec<_>>>()?;
            drop(pending);
            writer.encode(number, &shaped.concat())
        })
    }

    /// The writer, to end once everything was flushed and the pool has come to rest.
    pub(crate) fn into_writer(self) -> Arc<FileWriter> {
        self.writer
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int32Array, StringArray};
    use arrow_schema::Field;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    /// Given rows of two files in one row group, when one keeps a column as plain text and the other by
    /// number, whichever comes first, then all of them are written.
    #[test]
    fn rows_of_several_files_are_joined() {
        let rows = SAMPLED_ROWS;
        let text: Vec<String> = (0..rows).map(|row| format!("customer {row}")).collect();
        let plain: ArrayRef = Arc::new(StringArray::from(text));
        let numbers = Int32Array::from_iter_values((0..rows as i32).map(|row| row % 2));
        let numbered: ArrayRef = Arc::new(Numbered::new(numbers, Arc::new(StringArray::from(vec!["Ana", "Bo"]))));
        let batch = |column: &ArrayRef| RecordBatch::try_from_iter([("customer", column.clone())]).unwrap();
        let schema = Arc::new(Schema::new(vec![Field::new("customer", DataType::Utf8, true)]));
        for (first, second) in [(&plain, &numbered), (&numbered, &plain)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("joined.parquet");
            let writer = FileWriter::create(path.clone(), schema.clone(), &[]).unwrap();
            writer.encode(0, &[batch(first), batch(second)]).unwrap();
            let (file, _unsynced) = writer.finish(folder.path(), BTreeMap::new()).unwrap();
            assert_eq!(file.rows, 2 * rows as u64);
            let file = fs_err::File::open(&path).unwrap().into_parts().0;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            let read: Vec<String> = reader
                .flat_map(|batch| {
                    batch.unwrap().column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
                })
                .collect();
            let two = |at: usize| read[at * rows..(at + 1) * rows].iter().filter(|text| *text == "Bo").count();
            assert_eq!([two(0), two(1)].iter().sum::<usize>(), rows / 2);
        }
    }
}
