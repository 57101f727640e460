//! Hashes of rows, computed on typed values so that a row from a file and the same row from the
//! lake hash alike.
//!
//! The key hash is 128 bits of XXH3 over the key's values. The content hash is 64 bits over every
//! value that is not null, each with its column's name, so that a column which a table gains later
//! leaves the hashes of older rows as they are.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

/// The 128-bit hash of each row's key: `columns` are the key's columns in the contract's order.
pub fn key_hashes(columns: &[ArrayRef]) -> Vec<u128> {
    let rows = columns.first().map_or(0, Array::len);
    let mut bytes = Vec::with_capacity(64);
    (0..rows)
        .map(|row| {
            bytes.clear();
            for column in columns {
                push_value(&mut bytes, column, row);
            }
            xxh3_128(&bytes)
        })
        .collect()
}

/// The 64-bit hash of each row's content: `columns` with their names, in any order that both sides share.
pub fn content_hashes(columns: &[(&str, ArrayRef)]) -> Vec<u64> {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    let names: Vec<u64> = columns.iter().map(|(name, _)| xxh3_64(name.as_bytes())).collect();
    let mut bytes = Vec::with_capacity(64);
    (0..rows)
        .map(|row| {
            columns.iter().zip(&names).fold(0_u64, |hash, ((_, column), name)| {
                if column.is_null(row) {
                    return hash;
                }
                bytes.clear();
                push_value(&mut bytes, column, row);
                // A sum, so that the order of columns does not matter.
                hash.wrapping_add(xxh3_64_with_seed(&bytes, *name))
            })
        })
        .collect()
}

/// One value as bytes that no other value of the row can run into: a length or a fixed width first.
fn push_value(bytes: &mut Vec<u8>, column: &ArrayRef, row: usize) {
    if column.is_null(row) {
        bytes.push(0);
        return;
    }
    bytes.push(1);
    match column.data_type() {
        DataType::Utf8 => {
            let text = column.as_string::<i32>().value(row).as_bytes();
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        DataType::Int64 => bytes.extend_from_slice(&column.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Decimal128(..) => {
            bytes.extend_from_slice(&column.as_primitive::<Decimal128Type>().value(row).to_le_bytes())
        }
        DataType::Timestamp(..) => {
            bytes.extend_from_slice(&column.as_primitive::<TimestampMicrosecondType>().value(row).to_le_bytes())
        }
        DataType::Date32 => bytes.extend_from_slice(&column.as_primitive::<Date32Type>().value(row).to_le_bytes()),
        DataType::Boolean => bytes.push(u8::from(column.as_boolean().value(row))),
        // The contract's types are the six above; nothing else reaches a keyed row.
        other => debug_assert!(false, "no hash for {other}"),
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
}
