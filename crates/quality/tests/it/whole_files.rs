//! What refuses a file as a whole, and what only looks as if it should.

use std::io::Write;

use shoplake_core::contract::{FileOptions, Format, OnChange};
use shoplake_core::{ColumnType, FaultKind};
use shoplake_quality::over_reject_limit;

use crate::{judge, judge_named, options, sales, texts};

const TEXT: &str = "a,b\n1,2\n3,4\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zip(files: &[&str]) -> Vec<u8> {
    let mut packed = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in files {
        packed.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        packed.write_all(TEXT.as_bytes()).unwrap();
    }
    packed.finish().unwrap().into_inner()
}

#[test]
fn archives_read_as_they_are() {
    let mut twice = gzip(b"a,b\n1,2\n");
    twice.extend(gzip(b"3,4\n"));
    let zstd = zstd::encode_all(TEXT.as_bytes(), 3).unwrap();
    for (name, bytes) in
        [("a.csv.gz", gzip(TEXT.as_bytes())), ("members.gz", twice), ("a.zst", zstd), ("a.zip", zip(&["dir/a.csv"]))]
    {
        let outcome = judge_named(name, &bytes, &texts(&["a", "b"]), &options()).unwrap();
        assert_eq!((outcome.rows, outcome.lines), (vec!["1|2".to_owned(), "3|4".to_owned()], vec![2, 3]), "{name}");
    }
}

/// Given archives that are cut, nested, crowded or too large, when read, then the file fails and nothing else.
#[test]
fn archives_that_refuse_the_file() {
    let whole = gzip(TEXT.repeat(100).as_bytes());
    let zstd = zstd::encode_all(TEXT.as_bytes(), 3).unwrap();
    let mut garbled = zip(&["a.csv"]);
    garbled[40] ^= 0x10;
    for (name, bytes, want) in [
        ("cut.gz", whole[..whole.len() - 6].to_vec(), "cannot be unpacked"),
        ("half.gz", whole[..whole.len() / 2].to_vec(), "cannot be unpacked"),
        ("empty.gz", Vec::new(), "cannot be unpacked"),
        ("cut.zst", zstd[..zstd.len() - 5].to_vec(), "cannot be unpacked"),
        ("cut.zip", zip(&["a.csv"])[..60].to_vec(), "cannot be unpacked"),
        ("garbled.zip", garbled, "cannot be unpacked"),
        ("two.zip", zip(&["a.csv", "b.csv"]), "holds 2 files"),
        ("none.zip", zip(&[]), "holds 0 files"),
        ("book.xlsx", zip(&["[Content_Types].xml", "xl/workbook.xml"]), "Excel workbook"),
        ("twice.gz", gzip(&whole), "archive within an archive"),
        ("bomb.gz", gzip(&vec![b'0'; 17 << 20]), "unpacks to more than"),
    ] {
        let fault = judge_named(name, &bytes, &texts(&["a", "b"]), &options()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Data, "{name}: {fault}");
        assert!(fault.to_string().contains(want), "{name}: {fault}");
        assert!(fault.hint.is_some(), "{name}: {fault}");
    }
}

#[test]
fn files_that_are_no_table() {
    for (what, bytes, want) in [
        ("pdf", &b"%PDF-1.7 a,b"[..], "a PDF document"),
        ("web page", b"<!DOCTYPE html><html>", "a web page"),
        ("binary", b"a,b\0\x01\x02", "binary"),
        ("parquet", b"PAR1....", "a Parquet file"),
        ("json", b"[{\"c\":1}]", "no column of the contract"),
        ("wide without a mark", b"a\0,\0b\0\n\0", "not in UTF-8"),
        ("twins", b"a,b,A \n1,2,3\n", "are both called"),
        ("unclosed header", b"\"a,b\n1,2\n", "quote in the header"),
    ] {
        let fault = judge(bytes, &texts(&["a", "b"])).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Data, "{what}");
        assert!(fault.to_string().contains(want), "{what}: {fault}");
        assert!(fault.to_string().starts_with("inbox/sales/day.csv"), "{what}: {fault}");
        assert!(fault.hint.is_some(), "{what}");
    }
    let mut many = vec!["a".to_owned(), "b".to_owned()];
    many.extend((0..10_000).map(|n| format!("c{n}")));
    assert!(judge(many.join(","), &texts(&["a", "b"])).unwrap_err().to_string().contains("10002 columns"));
}

/// Given a header that another delimiter or name would make fit, when refused, then the hint says so.
#[test]
fn hints_say_what_to_change() {
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date";
    let hint = |text: String| judge(text, &sales()).unwrap_err().hint.unwrap();
    assert_eq!(hint(header.replace(',', ";")), "set `delimiter: \";\"` in sources/sales.yml");
    assert_eq!(hint(header.replace(',', "\t")), "set `delimiter: \"\\t\"` in sources/sales.yml");
    assert_eq!(
        hint(header.replace("customer_id", "Customer Number")),
        "add `header: \"Customer Number\"` to column `customer_id` in sources/sales.yml"
    );
    assert_eq!(hint("[{}]".to_owned()), "the file looks like JSON: set `format: json` in sources/sales.yml");
}

#[test]
fn empty_files_are_no_faults() {
    for (text, warning) in [
        ("", "the file is empty"),
        ("\n\r\n", "the file is empty"),
        ("a,b", "the file has a header and no rows"),
        ("a,b\r\n\r\n", "the file has a header and no rows"),
    ] {
        let outcome = judge(text, &texts(&["a", "b"])).unwrap();
        assert_eq!((outcome.reading.rows_read, outcome.reading.warnings), (0, vec![warning.to_owned()]), "{text:?}");
    }
}

#[test]
fn optional_columns_may_be_absent() {
    let outcome = judge("b\n2\n", &texts(&["a", "b"])).unwrap();
    assert_eq!(outcome.rows, ["∅|2"]);
    assert_eq!(outcome.reading.schema_changes, ["column `a` is not in the file: `a` stays empty"]);
}

/// Given a header that was renamed, when the file is judged, then the change names the likely new name
/// and where to write it.
#[test]
fn a_renamed_header_is_recognised() {
    let mut contract = texts(&["id", "customer_name"]);
    contract.columns[1].line = Some(9);
    let outcome = judge("id,customer\n1,Ada\n", &contract).unwrap();
    assert_eq!(
        outcome.reading.schema_changes,
        [
            "column `customer_name` is not in the file: `customer_name` stays empty; renamed? add `header: \"customer\"` at sources/sales.yml:9",
            "column `customer` is new: it is kept as text in `customer`",
        ]
    );
}

/// Given a column whose type has changed, when the file is judged, then the change is told with its
/// extent, whether the rows or only the values are set aside; a few mistakes are no change.
#[test]
fn a_changed_type_is_told() {
    let rows = |bad: usize| -> String {
        (0..100).map(|row| if row < bad { format!("{row},x{row}\n") } else { format!("{row},{row}\n") }).collect()
    };
    let changes = |bad: usize, types: OnChange| {
        let mut contract = texts(&["id", "stock"]);
        contract.columns[1].column_type = ColumnType::Integer;
        contract.schema_change.types = types;
        judge(format!("id,stock\n{}", rows(bad)), &contract).unwrap().reading.schema_changes
    };
    assert_eq!(changes(1, OnChange::DiscardRow), [""; 0]);
    assert_eq!(
        changes(25, OnChange::DiscardRow),
        ["column `stock` is integer in the contract: 25 of 100 values are not"]
    );
    assert_eq!(
        changes(1, OnChange::DiscardValue),
        ["column `stock` is integer: 1 value of another type left out, the first `x0`"]
    );
}

#[test]
fn wide_encodings() {
    let text = "a,b\n\"é\n\",2\n";
    let little: Vec<u8> =
        "\u{feff}".chars().chain(text.chars()).collect::<String>().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        "\u{feff}".chars().chain(text.chars()).collect::<String>().encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [&little, &big] {
        assert_eq!(judge(bytes, &texts(&["a", "b"])).unwrap().rows, ["é|2"]);
    }
    let mut declared = texts(&["a", "b"]);
    declared.options = FileOptions { encoding: Some("utf-16le".to_owned()), ..FileOptions::new(Format::Csv) };
    assert_eq!(judge(&little[2..], &declared).unwrap().rows, ["é|2"]);
}

#[test]
fn the_reject_limit_counts_from_a_hundred_rows_on() {
    let contract = sales();
    assert!(!over_reject_limit(&contract, 99, 99));
    assert!(!over_reject_limit(&contract, 100, 50));
    assert!(over_reject_limit(&contract, 100, 51));
}
