//! Files of rows: every record is a row or a reject with its reasons, lines ascend, how the file is cut
//! changes nothing, and what `discover` writes can be judged by.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use shoplake_core::contract::{FileOptions, Format, OnChange, SchemaChange};
use shoplake_core::{Column, ColumnType, Contract, Fault, FaultKind, LandedFile, Reject, Result, Sha256};
use shoplake_quality::{FileReading, Marker, ReadOptions, discover, judge_file};

use crate::places;

/// Bytes at the end of a try that say how it is read.
const KNOBS: usize = 3;
const ZONE: Tz = Tz::Europe__Berlin;

thread_local! {
    static FOLDER: RefCell<Option<(tempfile::TempDir, PathBuf)>> = const { RefCell::new(None) };
}

/// A CSV; its last bytes choose the contract and how it is cut.
///
/// # Panics
/// Where a property does not hold.
pub fn csv(bytes: &[u8]) {
    let (bytes, knobs) = parted(bytes);
    let mut contract = contract(Format::Csv);
    contract.options.delimiter = [b',', b';', b'\t', b'|'][usize::from(knobs[0] % 4)];
    contract.schema_change = change(knobs[0] >> 2);
    if knobs[0] & 0x80 != 0 {
        contract.options.header = Some(["id", "quantity", "amount", "at", "day", "paid"].map(str::to_owned).to_vec());
    }
    hold(bytes, "x.csv", &contract, knobs);
}

/// A file of JSON or NDJSON; its last bytes choose the contract and how it is cut.
///
/// # Panics
/// Where a property does not hold.
pub fn json(bytes: &[u8]) {
    let (bytes, knobs) = parted(bytes);
    let mut contract = contract(if knobs[0] & 1 == 0 { Format::Json } else { Format::Ndjson });
    contract.options.explode = (knobs[0] & 2 != 0).then(|| "items".to_owned());
    contract.options.data_selector = (knobs[0] & 0x44 == 4).then(|| "data".to_owned());
    contract.columns[1].header = (knobs[0] & 0x40 != 0).then(|| "a.quantity".to_owned());
    contract.schema_change = change(knobs[0] >> 3);
    hold(bytes, "x.json", &contract, knobs);
}

/// The bytes of the file, and those that say how it is read.
fn parted(bytes: &[u8]) -> (&[u8], [u8; KNOBS]) {
    match bytes.split_last_chunk::<KNOBS>() {
        Some((file, knobs)) => (file, *knobs),
        None => (bytes, [0; KNOBS]),
    }
}

fn change(knob: u8) -> SchemaChange {
    let all = [OnChange::Evolve, OnChange::DiscardRow, OnChange::DiscardValue, OnChange::Freeze];
    let types = all[usize::from(knob >> 2 & 3)];
    SchemaChange {
        columns: all[usize::from(knob & 3)],
        types: if types == OnChange::Evolve { OnChange::DiscardRow } else { types },
    }
}

/// A column of every type, some with rules.
fn contract(format: Format) -> Contract {
    let amount = ColumnType::Decimal { precision: 12, scale: 2 };
    Contract {
        dataset: "items".to_owned(),
        file: "sources/items.yml".to_owned(),
        key: vec!["id".to_owned()],
        event_time: Some("at".to_owned()),
        version: None,
        columns: vec![
            Column { required: true, ..Column::new("id", ColumnType::String) },
            Column { min: Some("1".to_owned()), ..Column::new("quantity", ColumnType::Integer) },
            Column::new("amount", amount),
            Column::new("at", ColumnType::Timestamp),
            Column::new("day", ColumnType::Date),
            Column::new("paid", ColumnType::Boolean),
        ],
        schema_change: SchemaChange::default(),
        reject_limit: 1.0,
        options: FileOptions::new(format),
        enrichments: Vec::new(),
    }
}

/// All that came of a file.
#[derive(Debug, PartialEq)]
struct Outcome {
    reading: FileReading,
    lines: Vec<u64>,
    contents: Vec<u64>,
    keys: Vec<u128>,
    rejects: Vec<Reject>,
}

fn hold(bytes: &[u8], name: &str, contract: &Contract, knobs: [u8; KNOBS]) {
    let path = FOLDER.with_borrow_mut(|folder| {
        let (_, path) = folder.get_or_insert_with(|| {
            let folder = places::folder();
            let path = folder.path().join("file");
            (folder, path)
        });
        path.clone()
    });
    fs_err::write(&path, bytes).unwrap();
    let record_bytes = if knobs[1] & 0x80 == 0 { 1 << 20 } else { usize::from(knobs[1] & 0x7f) + 1 };
    let options = ReadOptions { zone: ZONE, threads: 1, chunk_bytes: 4 << 20, record_bytes, unpacked_bytes: 1 << 24 };
    let whole = judge(&path, name, contract, &options);
    let cut = ReadOptions { chunk_bytes: usize::from(knobs[2] & 0x3f) + 1, ..options.clone() };
    same(&whole, &judge(&path, name, contract, &cut), "cut into small pieces");
    if knobs[2] & 0xc0 == 0xc0 {
        same(&whole, &judge(&path, name, contract, &ReadOptions { threads: 2, ..cut }), "judged by two threads");
    }
    match &whole {
        Ok(outcome) => accounted(outcome, contract, &landed(&path, name), &options),
        Err(fault) => speaks(fault, name),
    }
    match discover::discover(&path, "items", ZONE) {
        Ok(found) => {
            if let Ok(outcome) = judge(&path, name, &found.contract, &options) {
                accounted(&outcome, &found.contract, &landed(&path, name), &options);
            }
        }
        Err(fault) => assert!(!fault.message.is_empty(), "a fault of discover says nothing"),
    }
}

fn judge(path: &Path, name: &str, contract: &Contract, options: &ReadOptions) -> Result<Outcome> {
    let (mut lines, mut contents, mut keys, mut rejects) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let reading = judge_file(&landed(path, name), contract, options, &mut |chunk| {
        assert_eq!(chunk.rows.num_rows(), chunk.lines.len(), "each row has a line");
        assert_eq!(chunk.rows.num_rows(), chunk.contents.len(), "each row has a hash");
        lines.extend(chunk.lines);
        contents.extend(chunk.contents);
        keys.extend(chunk.keys);
        rejects.extend(chunk.rejects);
        Ok(())
    })?;
    Ok(Outcome { reading, lines, contents, keys, rejects })
}

fn same(whole: &Result<Outcome>, other: &Result<Outcome>, how: &str) {
    match (whole, other) {
        (Ok(whole), Ok(other)) => assert_eq!(whole, other, "{how}"),
        (Err(whole), Err(other)) => assert_eq!(whole.to_string(), other.to_string(), "{how}"),
        (Ok(_), Err(fault)) => panic!("{how}: {fault}"),
        (Err(fault), Ok(_)) => panic!("not {how}: {fault}"),
    }
}

/// Every record is accounted for once, in the order of the file, and each reject says why and where.
fn accounted(outcome: &Outcome, contract: &Contract, file: &LandedFile, options: &ReadOptions) {
    let Outcome { reading, lines, rejects, .. } = outcome;
    assert_eq!(reading.rows_read as usize, lines.len() + rejects.len(), "every record is a row or a reject");
    assert_eq!(reading.rejected() as usize, rejects.len(), "rejects by reason");
    let rejected: Vec<u64> = rejects.iter().map(|reject| reject.line).collect();
    let mut all: Vec<u64> = lines.iter().chain(&rejected).copied().collect();
    all.sort_unstable();
    assert!(all.first() != Some(&0), "lines count from 1");
    // Objects may stand behind each other on one line, and items share the line of their record.
    if contract.options.format == Format::Csv {
        assert!(lines.is_sorted_by(|a, b| a < b) && rejected.is_sorted_by(|a, b| a < b), "lines ascend");
        assert!(all.is_sorted_by(|a, b| a < b), "no line stands for two records");
    } else {
        assert!(lines.is_sorted() && rejected.is_sorted(), "lines ascend");
    }
    let marker = (!rejects.is_empty()).then(|| Marker::new(contract, Some(file), options));
    for reject in rejects {
        assert!(reject.first().is_some(), "a reject has a reason");
        for violation in &reject.violations {
            let marked = marker.as_ref().and_then(|marker| marker.broken(&reject.raw, violation));
            assert!(marked.is_none_or(|range| reject.raw.get(range).is_some()), "the mark is a part of the record");
        }
    }
}

/// A refusal names its file and says what to do.
fn speaks(fault: &Fault, name: &str) {
    assert_eq!(fault.kind, FaultKind::Data, "{fault}");
    assert!(fault.place.as_ref().is_some_and(|place| place.file.ends_with(name)), "no place: {fault}");
    assert!(fault.hint.is_some(), "no hint: {fault}");
}

fn landed(path: &Path, name: &str) -> LandedFile {
    LandedFile {
        dataset: "items".to_owned(),
        key: format!("items/0/{name}"),
        name: name.to_owned(),
        origin: format!("inbox/items/{name}"),
        sha256: Sha256("0".repeat(64)),
        size: fs_err::metadata(path).map_or(0, |metadata| metadata.len()),
        path: path.to_owned(),
        page: None,
    }
}
