//! A column chunk of text whose values are known by number already: Parquet's dictionary encoding made of
//! those numbers, without looking at the text of each row.
//!
//! The same pages as the Parquet library's own writer makes, so that every reader knows them: a dictionary
//! page, then data pages of version 1, Snappy throughout, no statistics. Not here: when a column is
//! encoded so ([`crate::parquet_writer`]).

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::PageEncodingStats;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// Rows of a data page, as the Parquet library has it.
const PAGE_ROWS: usize = 20_000;
/// Bit-packed values come in groups of eight, and at most so many groups in a run: then its head is a byte.
const RUN_GROUPS: usize = 63;

/// Text by number.
pub(crate) type Numbered = DictionaryArray<Int32Type>;

/// A column chunk as it stands in a file.
pub(crate) struct DictionaryChunk {
    /// Its pages.
    pub(crate) bytes: Bytes,
    /// What the file's footer says of it, with offsets into `bytes`.
    pub(crate) close: ColumnCloseResult,
}

/// The chunk of these parts of a column; `None` where it cannot be encoded so: its dictionary would have more
/// than `most` bytes, or there is no text in it at all.
pub(crate) fn encode(parts: &[&Numbered], column: &ColumnDescPtr, most: usize) -> Result<Option<DictionaryChunk>> {
    if column.max_def_level() > 1 || column.max_rep_level() > 0 {
        return Ok(None);
    }
    let Some(numbers) = Numbers::of(parts, most) else { return Ok(None) };
    let mut pages = Pages::default();
    let mut sink = TrackedWrite::new(Vec::new());
    pages.dictionary(&mut sink, &numbers)?;
    let nullable = column.max_def_level() == 1;
    let mut values = &numbers.of_values[..];
    for valid in numbers.valid.chunks(PAGE_ROWS) {
        let (here, rest) = values.split_at(valid.iter().filter(|valid| **valid).count());
        values = rest;
        pages.data(&mut sink, valid, here, numbers.width(), nullable)?;
    }
    let bytes = Bytes::from(sink.into_inner()?);
    let close = pages.close(column, numbers.valid.len(), bytes.len())?;
    Ok(Some(DictionaryChunk { bytes, close }))
}

/// The values of a chunk by their number in its dictionary.
#[derive(Default)]
struct Numbers {
    /// The dictionary: each text with its length before it.
    texts: Vec<u8>,
    count: u32,
    /// Whether each row has a value.
    valid: Vec<bool>,
    of_values: Vec<u32>,
}

impl Numbers {
    fn of(parts: &[&Numbered], most: usize) -> Option<Self> {
        let mut numbers = Self::default();
        // Parts of one origin share their values; only others are compared by their text.
        let shared = parts.windows(2).all(|pair| Arc::ptr_eq(pair[0].values(), pair[1].values()));
        let mut known = (!shared).then(HashMap::new);
        let mut last: Option<(&ArrayRef, Vec<u32>)> = None;
        for part in parts {
            let texts = part.values().as_string_opt::<i32>()?;
            let mut own = match last.take() {
                Some((values, own)) if Arc::ptr_eq(values, part.values()) => own,
                _ => vec![u32::MAX; texts.len()],
            };
            let nulls = part.keys().nulls();
            for (row, key) in part.keys().values().iter().enumerate() {
                let value = *key as usize;
                let valid = nulls.is_none_or(|nulls| nulls.is_valid(row)) && texts.is_valid(value);
                numbers.valid.push(valid);
                if valid {
                    if own[value] == u32::MAX {
                        own[value] = numbers.number(texts, value, known.as_mut());
                    }
                    numbers.of_values.push(own[value]);
                }
            }
            if numbers.texts.len() > most {
                return None;
            }
            last = Some((part.values(), own));
        }
        (numbers.count > 0).then_some(numbers)
    }

    /// The number of a text, which is a new one unless it is among those `known`.
    fn number<'a>(&mut self, texts: &'a StringArray, value: usize, known: Option<&mut HashMap<&'a str, u32>>) -> u32 {
        let text = texts.value(value);
        if let Some(known) = known {
            if let Some(number) = known.get(text) {
                return *number;
            }
            known.insert(text, self.count);
        }
        self.texts.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.texts.extend_from_slice(text.as_bytes());
        self.count += 1;
        self.count - 1
    }

    /// Bits of a number.
    fn width(&self) -> u32 {
        u32::BITS - self.count.saturating_sub(1).leading_zeros()
    }
}

/// What is said of the pages of a chunk.
#[derive(Default)]
struct Pages {
    uncompressed: usize,
    data_offset: Option<u64>,
    count: i32,
    index: OffsetIndexBuilder,
}

impl Pages {
    fn dictionary(&mut self, sink: &mut TrackedWrite<Vec<u8>>, numbers: &Numbers) -> Result<()> {
        let page = Page::DictionaryPage {
            buf: compressed(&numbers.texts)?,
            num_values: numbers.count,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.write(sink, CompressedPage::new(page, numbers.texts.len())).map(|_| ())
    }

    fn data(
        &mut self,
        sink: &mut TrackedWrite<Vec<u8>>,
        valid: &[bool],
        values: &[u32],
        width: u32,
        nullable: bool,
    ) -> Result<()> {
        let mut body = Vec::with_capacity(values.len() * width as usize / 8 + 64);
        if nullable {
            let mut levels = Vec::new();
            if valid.len() == values.len() {
                run(&mut levels, valid.len(), &[1]);
            } else {
                packed(&mut levels, &valid.iter().map(|valid| u32::from(*valid)).collect::<Vec<_>>(), 1);
            }
            body.extend_from_slice(&(levels.len() as u32).to_le_bytes());
            body.append(&mut levels);
        }
        body.push(width as u8);
        if width == 0 {
            run(&mut body, values.len(), &[]);
        } else {
            packed(&mut body, values, width);
        }
        let page = Page::DataPage {
            buf: compressed(&body)?,
            num_values: valid.len() as u32,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = self.write(sink, CompressedPage::new(page, body.len()))?;
        self.data_offset.get_or_insert(written.offset);
        self.count += 1;
        self.index.append_row_count(valid.len() as i64);
        self.index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        Ok(())
    }

    fn write(&mut self, sink: &mut TrackedWrite<Vec<u8>>, page: CompressedPage) -> Result<PageWriteSpec> {
        let written = SerializedPageWriter::new(sink).write_page(page)?;
        self.uncompressed += written.uncompressed_size;
        Ok(written)
    }

    fn close(self, column: &ColumnDescPtr, rows: usize, bytes: usize) -> Result<ColumnCloseResult> {
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let encodings = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::SNAPPY)
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_page_encoding_stats(vec![
                stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
                stats(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, self.count),
            ])
            .set_total_compressed_size(bytes as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_num_values(rows as i64)
            .set_data_page_offset(self.data_offset.unwrap_or_default() as i64)
            .set_dictionary_page_offset(Some(0))
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: bytes as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(self.index.build()),
        })
    }
}

fn compressed(bytes: &[u8]) -> Result<Bytes> {
    let compressed = snap::raw::Encoder::new().compress_vec(bytes);
    compressed.map(Bytes::from).map_err(|error| ParquetError::External(Box::new(error)))
}

/// One value `count` times, in the hybrid encoding.
fn run(out: &mut Vec<u8>, count: usize, value: &[u8]) {
    let mut head = (count as u64) << 1;
    while head >= 0x80 {
        out.push(head as u8 | 0x80);
        head >>= 7;
    }
    out.push(head as u8);
    out.extend_from_slice(value);
}

/// Values of `width` bits each (1 to 32), in the hybrid encoding: bit-packed from the lowest bit on.
fn packed(out: &mut Vec<u8>, values: &[u32], width: u32) {
    for values in values.chunks(RUN_GROUPS * 8) {
        let groups = values.len().div_ceil(8);
        out.push((groups << 1 | 1) as u8);
        let end = out.len() + groups * width as usize;
        let (mut buffer, mut filled) = (0_u64, 0);
        for value in values {
            buffer |= u64::from(*value) << filled;
            filled += width;
            if filled >= 32 {
                out.extend_from_slice(&(buffer as u32).to_le_bytes());
                (buffer, filled) = (buffer >> 32, filled - 32);
            }
        }
        out.extend_from_slice(&buffer.to_le_bytes()[..filled.div_ceil(8) as usize]);
        // The last group of eight is filled up.
        out.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int32Array, RecordBatch};
    use arrow_schema::{DataType, Field, Schema};
    use parquet::arrow::ArrowSchemaConverter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::writer::SerializedFileWriter;

    use super::*;

    /// Parts by the number of each row's text, from so many texts; a number beyond them is NULL.
    fn part(name: &str, texts: usize, rows: &[usize]) -> Numbered {
        let values: StringArray = (0..texts).map(|number| Some(format!("{name} {number}"))).collect();
        let keys: Int32Array = rows.iter().map(|number| (*number < texts).then_some(*number as i32)).collect();
        Numbered::new(keys, Arc::new(values))
    }

    fn texts(parts: &[&Numbered]) -> Vec<Option<String>> {
        let typed = parts.iter().map(|part| part.downcast_dict::<StringArray>().unwrap());
        typed.flat_map(|part| part.into_iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()).collect()
    }

    /// What a reader finds in a file of this one chunk.
    fn read(parts: &[&Numbered]) -> Vec<Option<String>> {
        let schema = Schema::new(vec![Field::new("text", DataType::Utf8, true)]);
        let parquet = ArrowSchemaConverter::new().convert(&schema).unwrap();
        let chunk = encode(parts, &parquet.column(0), 2 << 20).unwrap().unwrap();
        let mut writer = SerializedFileWriter::new(Vec::new(), parquet.root_schema_ptr(), Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        group.append_column(&chunk.bytes, chunk.close).unwrap();
        group.close().unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batches: Vec<RecordBatch> = reader.collect::<std::result::Result<_, _>>().unwrap();
        let columns = batches.iter().map(|batch| batch.column(0).as_string::<i32>());
        columns.flat_map(|column| column.iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()).collect()
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]

        /// Given parts that share their texts or not, with and without NULL, when encoded and read, then every
        /// row says what it said.
        #[test]
        fn every_reader_finds_what_was_written(
            one in proptest::collection::vec(0_usize..20, 1..2000),
            two in proptest::collection::vec(0_usize..400, 0..700),
            count in 1_usize..300,
            repeat in 1_usize..14,
        ) {
            let one = part("one", count, &one);
            let two = part("one", count + 3, &two);
            let all: Vec<&Numbered> = std::iter::repeat_n(&one, repeat).chain([&two, &one]).collect();
            for parts in [&all[..repeat], &all[..]] {
                let want = texts(parts);
                if want.iter().any(Option::is_some) {
                    proptest::prop_assert_eq!(read(parts), want);
                }
            }
        }
    }

    /// Given a chunk of one text, when encoded, then a row costs nothing.
    #[test]
    fn one_text_costs_nothing_a_row() {
        let schema = Schema::new(vec![Field::new("text", DataType::Utf8, true)]);
        let parquet = ArrowSchemaConverter::new().convert(&schema).unwrap();
        let constant = part("sales", 1, &vec![0; 100_000]);
        let chunk = encode(&[&constant], &parquet.column(0), 100).unwrap().unwrap();
        assert!(chunk.bytes.len() < 400, "{} bytes", chunk.bytes.len());
        assert_eq!(read(&[&constant]), texts(&[&constant]));
    }

    /// Given more text than a dictionary may have, or none at all, when encoded, then it is left to others.
    #[test]
    fn what_does_not_fit_is_left() {
        let schema = Schema::new(vec![Field::new("text", DataType::Utf8, true)]);
        let column = ArrowSchemaConverter::new().convert(&schema).unwrap().column(0);
        assert!(encode(&[&part("long", 100, &(0..100).collect::<Vec<_>>())], &column, 500).unwrap().is_none());
        assert!(encode(&[&part("none", 1, &[1, 1])], &column, 500).unwrap().is_none());
    }
}
