//! What becomes of JSON files, from their bytes to judged rows.

use std::path::PathBuf;

use arrow_cast::display::array_value_to_string;
use shoplake_core::contract::SchemaChange;
use shoplake_core::project::Limits;
use shoplake_core::{Column, ColumnType, FaultKind, Sha256};

use super::*;
use crate::judge_file;

/// A contract of these optional columns, named `name` or `name=header`.
pub(crate) fn contract(columns: &[(&str, ColumnType)]) -> Contract {
    let column = |(name, column_type): &(&str, ColumnType)| {
        let (name, header) = name.split_once('=').map_or((*name, None), |(name, header)| (name, Some(header)));
        Column { header: header.map(str::to_owned), ..Column::new(name, *column_type) }
    };
    Contract {
        dataset: "things".to_owned(),
        file: "sources/things.yml".to_owned(),
        key: Vec::new(),
        event_time: None,
        version: None,
        columns: columns.iter().map(column).collect(),
        schema_change: SchemaChange::default(),
        reject_limit: 1.0,
        options: FileOptions::new(Format::Json),
        enrichments: Vec::new(),
    }
}

/// A file's rows as text with their lines (NULL as `-`), its rejects as `line reason rule`, and its reading.
#[derive(Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) rows: Vec<(u64, String)>,
    pub(crate) rejects: Vec<String>,
    pub(crate) reading: FileReading,
}

pub(crate) fn judged(path: PathBuf, contract: &Contract, threads: usize, chunk_bytes: usize) -> Result<Judged> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = LandedFile {
        dataset: contract.dataset.clone(),
        key: name.clone(),
        name,
        origin: "inbox/f".to_owned(),
        sha256: Sha256(String::new()),
        size: 0,
        path,
        page: None,
    };
    let options = ReadOptions { threads, chunk_bytes, ..ReadOptions::new(chrono_tz::UTC, &Limits::default()) };
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    let reading = judge_file(&file, contract, &options, &mut |chunk| {
        for (row, line) in chunk.lines.iter().enumerate() {
            let value = |column: &arrow_array::ArrayRef| {
                if column.is_null(row) { "-".to_owned() } else { array_value_to_string(column, row).unwrap() }
            };
            rows.push((*line, chunk.rows.columns().iter().map(value).collect::<Vec<_>>().join("|")));
        }
        rejects.extend(chunk.rejects.iter().map(|reject| {
            let first = reject.first().unwrap();
            format!("{} {} {}", reject.line, first.reason, first.rule)
        }));
        Ok(())
    })?;
    assert_eq!(reading.rows_read, (rows.len() + rejects.len()) as u64, "every record is a row or a reject");
    Ok(Judged { rows, rejects, reading })
}

fn judge_text(bytes: impl AsRef<[u8]>, contract: &Contract) -> Result<Judged> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.json");
    fs_err::write(&path, bytes).unwrap();
    judged(path, contract, 1, 4 << 20)
}

fn money() -> ColumnType {
    ColumnType::Decimal { precision: 12, scale: 2 }
}

fn ab() -> Contract {
    contract(&[("a", ColumnType::Integer), ("b", ColumnType::String)])
}

fn rows(judged: &Judged) -> Vec<(u64, &str)> {
    judged.rows.iter().map(|(line, row)| (*line, row.as_str())).collect()
}

/// Given the same records in each shape a document may have, when judged, then the rows are the
/// same; lines are physical where records follow each other, and ordinals in an array.
#[test]
fn every_shape_of_document() {
    for (text, lines) in [
        ("\u{feff}[{\"a\":1,\"b\":\"x\"},\n\n{\"b\":\"y\",\"a\":2}]", [1, 2]),
        ("{\"a\":1,\"b\":\"x\"}\n\n{\"a\":2,\"b\":\"y\"}", [1, 3]),
        ("{\"a\":1,\n\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n", [1, 3]),
    ] {
        let judged = judge_text(text, &ab()).unwrap();
        assert_eq!(rows(&judged), [(lines[0], "1|x"), (lines[1], "2|y")], "{text}");
    }
    let mut page = ab();
    page.options.data_selector = Some("data.items".to_owned());
    let judged = judge_text(r#"{"meta":{"next":null},"data":{"items":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}}"#, &page);
    assert_eq!(rows(&judged.unwrap()), [(1, "1|x"), (2, "2|y")]);
    let wide: Vec<u8> = "\u{feff}[{\"a\":1,\"b\":\"ä\"}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(rows(&judge_text(wide, &ab()).unwrap()), [(1, "1|ä")]);
}

/// Given values of every kind, when judged, then numbers are exact and what is no scalar is malformed.
#[test]
fn values_keep_their_source_text() {
    let types =
        [("id", ColumnType::Integer), ("price", money()), ("text", ColumnType::String), ("ok", ColumnType::Boolean)];
    let judged = judge_text(
        r#"[{"id":9007199254740993,"price":1.10,"text":12345678901234567890123,"ok":true},
            {"id":"7","price":"2","text":"a\n\u00e4\ud83d\ude00","ok":null},
            {"id":1.0},{"price":1e2},{"text":{}},{"text":[1]},{"text":"\ud800"},{"price":1.005},{"text":true}]"#,
        &contract(&types),
    )
    .unwrap();
    assert_eq!(
        rows(&judged),
        [(1, "9007199254740993|1.10|12345678901234567890123|true"), (2, "7|2.00|a\nä😀|-"), (9, "-|-|true|-")]
    );
    assert_eq!(
        judged.rejects,
        [
            "3 malformed type: integer",
            "4 malformed type: decimal(12,2)",
            "5 malformed json: scalar",
            "6 malformed json: scalar",
            "7 malformed json: unicode",
            "8 malformed type: decimal(12,2)",
        ]
    );
}

/// Given bad lines among good ones, when judged as NDJSON, then each bad line is one reject and no
/// good one is harmed.
#[test]
fn a_bad_line_harms_no_other() {
    let bad = [
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":1} x",
        "{\"a\":1",
        "// no",
        "[1]",
        "17",
        "{\"a\":1,\"a\":2}",
        "{\"x\":1,\"x\":2}",
        "{\"a\":01}",
        "{\"b\":\"tab\there\"}",
    ];
    let mut text = bad.join("\n{\"a\":5}\n").into_bytes();
    text.extend_from_slice(b"\n{\"b\":\"\xff\"}\n");
    text.extend_from_slice(format!("{{\"b\":{}1{}}}", "[".repeat(5000), "]".repeat(5000)).as_bytes());
    for format in [Format::Ndjson, Format::Json] {
        let mut lines = ab();
        lines.options.format = format;
        let judged = judge_text(&text, &lines).unwrap();
        assert_eq!(judged.rows.len(), bad.len() - 1);
        assert!(judged.rows.iter().all(|(line, row)| line % 2 == 0 && row.starts_with("5|-")));
        let rules: Vec<&str> = judged.rejects.iter().map(|reject| reject.split_once("malformed ").unwrap().1).collect();
        assert_eq!(rules[..6], ["json: syntax"; 6]);
        assert_eq!(rules[6..10], ["json: object", "json: object", "json: duplicate key", "json: duplicate key"]);
        assert_eq!(rules[10..], ["json: syntax", "json: syntax", "encoding", "json: nested at most 64"]);
    }
}

/// Given a key that only the 15 000th record has, when judged, then the contract's word decides, and
/// nothing of it is lost unsaid.
#[test]
fn a_key_that_comes_late() {
    let mut text = "{\"a\":1}\n".repeat(15_000);
    text.push_str("{\"a\":2,\"New Key\":{\"x\":1}}\n");
    let with = |columns| {
        let mut contract = ab();
        contract.schema_change.columns = columns;
        judge_text(&text, &contract)
    };
    let evolved = with(OnChange::Evolve).unwrap();
    assert_eq!(evolved.reading.new_columns, ["new_key"]);
    assert_eq!(evolved.rows.first().unwrap().1, "1|-|-");
    assert_eq!(evolved.rows.last().unwrap(), &(15_001, "2|-|{\"x\":1}".to_owned()));
    assert_eq!(with(OnChange::DiscardRow).unwrap().rejects, ["15001 contract columns: discard_row"]);
    assert_eq!(with(OnChange::DiscardValue).unwrap().rows.last().unwrap().1, "2|-");
    assert_eq!(with(OnChange::Freeze).unwrap_err().kind, FaultKind::Data);
}

/// Given orders with items, when exploded, then each item is a row with the order's fields beside
/// it; its own come first, and an order without items has none.
#[test]
fn items_become_rows() {
    let mut sales = contract(&[
        ("order_id=parent_id", ColumnType::Integer),
        ("id", ColumnType::Integer),
        ("note", ColumnType::String),
        ("city=ship.city", ColumnType::String),
    ]);
    sales.options.explode = Some("items".to_owned());
    let text = r#"[{"id":1,"note":"n","ship":{"city":"X","zip":"1"},"tags":[1],"vip":true,"items":[{"id":10},{"id":11,"note":null}]},
                   {"id":2,"items":[]},{"id":3},{"id":4,"items":null},{"id":5,"items":[{"id":50,"ship":{"city":"Y"}}]}]"#;
    let judged = judge_text(text, &sales).unwrap();
    // The order's own note is reached where an item has none, and lost nowhere.
    assert_eq!(judged.reading.new_columns, ["parent_note", "vip"]);
    assert_eq!(rows(&judged), [(1, "1|10|n|X|n|true"), (1, "1|11|-|X|n|true"), (5, "5|50|-|Y|-|-")]);
    let odd = judge_text(r#"[{"id":1,"items":[{"id":1}]},{"id":2,"items":7},{"id":3,"items":[8]}]"#, &sales).unwrap();
    assert_eq!(odd.rejects, ["2 malformed json: explode needs an array", "3 malformed json: object"]);
}

/// Given files that are no records of this contract, when judged, then the file is refused with
/// what to do; given an empty one, then it is a warning.
#[test]
fn files_that_are_refused() {
    let refused = |text: &str| judge_text(text, &ab()).unwrap_err();
    assert_eq!(refused("[{\"a\":1},\n{\"a\":2}").to_string(), "inbox/f:2:8: the JSON document is cut short");
    assert_eq!(refused("[{\"a\":1}\n{\"a\":2}]").place.unwrap().line, Some(2));
    assert_eq!(refused(r#"{"items":[{"a":1}]}"#).hint.unwrap(), "set `data_selector: items` in `sources/things.yml`");
    assert!(refused(r#"[{"A_":1}]"#).hint.unwrap().contains("header: \"A_\""));
    assert!(refused("[1,2]").to_string().contains("no record of the file is a JSON object"));
    assert!(judge_text("[]", &ab()).unwrap().rows.is_empty());
    assert_eq!(judge_text(" \n", &ab()).unwrap().reading.warnings, ["the file is empty"]);
    assert_eq!(rows(&judge_text(r#"[{"A":1}]"#, &ab()).unwrap()), [(1, "1|-")], "case does not matter");
}

/// Given a record longer than the limit, when judged, then a line is set aside and a document refused.
#[test]
fn records_have_a_longest_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.json");
    let long = format!("{{\"a\":1,\"b\":\"{}\"}}", "x".repeat(17 << 20));
    fs_err::write(&path, format!("{{\"a\":1}}\n{long}\n{{\"a\":2}}\n")).unwrap();
    let judged_lines = judged(path.clone(), &ab(), 1, 1 << 20).unwrap();
    assert_eq!((judged_lines.rows.len(), judged_lines.rejects.len()), (2, 1));
    assert_eq!(judged_lines.rejects, ["2 malformed record: too long"]);
    fs_err::write(&path, format!("[{{\"a\":1}},{long}]")).unwrap();
    assert!(judged(path, &ab(), 1, 1 << 20).unwrap_err().to_string().contains("longer than"));
}

/// Given the public suite of JSON documents, when judged, then what must parse is never called
/// broken, and what must not is a fault or a reject.
#[test]
fn the_public_json_test_suite() {
    let Ok(cases) = fs_err::read_dir("/work/shared/data/json-test-suite/test_parsing") else {
        eprintln!("passed over: the suite is not on this machine");
        return;
    };
    for case in cases {
        let path = case.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let outcome = judged(path, &contract(&[("a", ColumnType::String)]), 1, 4 << 20);
        let complaint = match &outcome {
            Err(fault) => fault.to_string(),
            Ok(judged) => judged.rejects.join(","),
        };
        let broken = ["broken JSON", "cut short", "syntax", "nested deeper", "encoding", "binary", "UTF-8"];
        let said = broken.iter().any(|word| complaint.contains(word));
        let empty = outcome.is_ok_and(|judged| judged.reading.rows_read == 0);
        match name.as_bytes()[0] {
            b'y' => assert!(!said, "{name}: {complaint}"),
            b'n' => assert!(said || empty || complaint.contains("no record of"), "{name}: {complaint:?}"),
            _ => {}
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// Given any pieces of JSON in any order, when judged, then nothing panics, every record is
    /// accounted for, and neither threads nor the size of chunks change the outcome.
    #[test]
    fn any_bytes(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"c\"", "1", "-2", "\"x\\u00e9\"", "\n", " ", "{\"a\":1}",
                "{\"a\":1,\"c\":\"z\"}\n", "\"", "\\", "null", "tru", "\u{feff}", "[{\"a\":3},",
            ]),
            0..40,
        ),
        junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..4),
        lines in proptest::prelude::any::<bool>(),
        explode in proptest::prelude::any::<bool>(),
    ) {
        let mut bytes = pieces.concat().into_bytes();
        bytes.extend(junk);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.json");
        fs_err::write(&path, &bytes).unwrap();
        let mut contract = ab();
        contract.options.format = if lines { Format::Ndjson } else { Format::Json };
        contract.options.explode = explode.then(|| "c".to_owned());
        let whole = judged(path.clone(), &contract, 1, 4 << 20).map_err(|fault| fault.to_string());
        let pieces = judged(path, &contract, 3, 1).map_err(|fault| fault.to_string());
        proptest::prop_assert_eq!(whole, pieces);
    }
}
