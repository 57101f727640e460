//! Hashes of rows, computed on typed values so that a row from a file and the same row from the
//! lake hash alike.
//!
//! The key hash is 128 bits of XXH3 over the key's values. The content hash is 64 bits over every
//! value that is not null, each with its column's name, so that a column which a table gains later
//! leaves the hashes of older rows as they are.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

/// A fingerprint of a text, to tell whether it has changed: 32 hex digits.
pub fn fingerprint(text: &str) -> String {
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

/// The 128-bit hash of each row's key: `columns` are the key's columns in the contract's order.
pub fn key_hashes(columns: &[ArrayRef]) -> Vec<u128> {
    let rows = columns.first().map_or(0, Array::len);
    let columns: Vec<Typed<'_>> = columns.iter().map(Typed::new).collect();
    let mut bytes = Vec::with_capacity(64);
    (0..rows)
        .map(|row| {
            bytes.clear();
            for column in &columns {
                column.push(&mut bytes, row);
            }
            xxh3_128(&bytes)
        })
        .collect()
}

/// The 64-bit hash of each row's content: `columns` with their names, in any order that both sides share.
///
/// It is never written down: it only tells whether two rows that are at hand say the same.
pub fn content_hashes(columns: &[(&str, ArrayRef)]) -> Vec<u64> {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    let mut hashes = vec![0_u64; rows];
    for (name, column) in columns {
        Typed::new(column).add_to(&mut hashes, xxh3_64(name.as_bytes()));
    }
    hashes
}

/// A column whose type was looked up once, not once for every value.
struct Typed<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
}

enum Values<'a> {
    Text(&'a StringArray),
    Eight(&'a [i64]),
    Sixteen(&'a [i128]),
    Four(&'a [i32]),
    Boolean(&'a BooleanArray),
    Unknown,
}

impl<'a> Typed<'a> {
    fn new(column: &'a ArrayRef) -> Self {
        let values = match column.data_type() {
            DataType::Utf8 => Values::Text(column.as_string::<i32>()),
            DataType::Int64 => Values::Eight(column.as_primitive::<Int64Type>().values()),
            DataType::Timestamp(..) => Values::Eight(column.as_primitive::<TimestampMicrosecondType>().values()),
            DataType::Decimal128(..) => Values::Sixteen(column.as_primitive::<Decimal128Type>().values()),
            DataType::Date32 => Values::Four(column.as_primitive::<Date32Type>().values()),
            DataType::Boolean => Values::Boolean(column.as_boolean()),
            // The contract's types are the six above; nothing else reaches a keyed row.
            other => {
                debug_assert!(false, "no hash for {other}");
                Values::Unknown
            }
        };
        Self { values, nulls: column.nulls() }
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Adds to each row's hash that of its value, unless it is null. A sum, so that the order of columns
    /// does not matter.
    fn add_to(&self, hashes: &mut [u64], seed: u64) {
        let nulls = self.nulls;
        match &self.values {
            Values::Text(values) => add(hashes, nulls, |row| xxh3_64_with_seed(values.value(row).as_bytes(), seed)),
            Values::Eight(values) => add(hashes, nulls, |row| xxh3_64_with_seed(&values[row].to_le_bytes(), seed)),
            Values::Sixteen(values) => add(hashes, nulls, |row| xxh3_64_with_seed(&values[row].to_le_bytes(), seed)),
            Values::Four(values) => add(hashes, nulls, |row| xxh3_64_with_seed(&values[row].to_le_bytes(), seed)),
            Values::Boolean(values) => {
                add(hashes, nulls, |row| xxh3_64_with_seed(&[u8::from(values.value(row))], seed));
            }
            Values::Unknown => {}
        }
    }

    /// One value as bytes that no other value of the row can run into: a length or a fixed width first.
    fn push(&self, bytes: &mut Vec<u8>, row: usize) {
        if self.is_null(row) {
            bytes.push(0);
            return;
        }
        bytes.push(1);
        match &self.values {
            Values::Text(values) => {
                let text = values.value(row).as_bytes();
                bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
                bytes.extend_from_slice(text);
            }
            Values::Eight(values) => bytes.extend_from_slice(&values[row].to_le_bytes()),
            Values::Sixteen(values) => bytes.extend_from_slice(&values[row].to_le_bytes()),
            Values::Four(values) => bytes.extend_from_slice(&values[row].to_le_bytes()),
            Values::Boolean(values) => bytes.push(u8::from(values.value(row))),
            Values::Unknown => {}
        }
    }
}

fn add(hashes: &mut [u64], nulls: Option<&NullBuffer>, of: impl Fn(usize) -> u64) {
    for (row, hash) in hashes.iter_mut().enumerate() {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            *hash = hash.wrapping_add(of(row));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray};

    use super::*;

    /// Given rows whose values only differ in where one ends, when hashed, then the keys differ.
    #[test]
    fn values_do_not_run_into_each_other() {
        let left: ArrayRef = Arc::new(StringArray::from(vec![Some("ab"), Some("a"), None]));
        let right: ArrayRef = Arc::new(StringArray::from(vec![Some("c"), Some("bc"), Some("abc")]));
        let keys = key_hashes(&[left, right]);
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }

    /// Given a column that is null everywhere, when the table gains it, then contents stay as they were.
    #[test]
    fn a_new_empty_column_changes_nothing() {
        let a: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let b: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>, None]));
        assert_eq!(content_hashes(&[("a", a.clone())]), content_hashes(&[("b", b), ("a", a)]));
    }

    /// Given the key hashes that stand in side indexes already, when computed again, then they are the same.
    #[test]
    fn key_hashes_never_change() {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("T1"), None]));
        let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(-3), Some(4)]));
        let by_hand = [1, 2, 0, 0, 0, b'T', b'1', 1, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(key_hashes(&[text, number])[0], xxh3_128(&by_hand));
    }

    /// Given rows that differ in one value, in the column of a value or in which value is missing, when
    /// their contents are hashed, then all differ, whatever the order of the columns.
    #[test]
    fn contents_that_differ_are_told_apart() {
        let a: ArrayRef = Arc::new(StringArray::from(vec![Some("4"), Some("5"), None, Some("4"), None]));
        let b: ArrayRef = Arc::new(StringArray::from(vec![None, Some("4"), Some("4"), Some("5"), None]));
        let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(4); 5]));
        let hashes = content_hashes(&[("a", a.clone()), ("b", b.clone()), ("n", n.clone())]);
        assert_eq!(hashes, content_hashes(&[("n", n), ("b", b), ("a", a)]));
        let different: std::collections::HashSet<&u64> = hashes.iter().collect();
        assert_eq!(different.len(), 5);
    }
}
