//! How a CSV is cut into records and fields, and which records are no rows.

use shoplake_core::Reason;
use shoplake_core::contract::{FileOptions, Format};

use crate::{judge, judge_named, options, texts};

/// Given records in every form, when judged, then rows, lines and rejects are as the grammar says.
#[test]
fn records() {
    for (what, text, rows, lines, rejected) in [
        ("plain", "a,b\n1,2\n", vec!["1|2"], vec![2], vec![]),
        ("no last newline", "a,b\n1,2", vec!["1|2"], vec![2], vec![]),
        ("carriage returns", "a,b\r1,2\r3,4\r", vec!["1|2", "3|4"], vec![2, 3], vec![]),
        ("mixed line ends", "a,b\r\n1,2\r3,4\n5,6", vec!["1|2", "3|4", "5|6"], vec![2, 3, 4], vec![]),
        ("empty lines count as lines only", "\na,b\n\n1,2\r\n\r\n3,4\n", vec!["1|2", "3|4"], vec![4, 6], vec![]),
        ("a line of empty fields", "a,b\n,\n", vec!["∅|∅"], vec![2], vec![]),
        ("quoted newlines", "a,b\n\"1\n2\r\n3\",4\n5,6\n", vec!["1\n2\r\n3|4", "5|6"], vec![2, 5], vec![]),
        ("escaped quotes", "a,b\n\"say \"\"hi\"\"\",\"\"\n", vec!["say \"hi\"|∅"], vec![2], vec![]),
        ("quotes inside", "a,b\n5\" pipe, \"x\"\n", vec!["5\" pipe|\"x\""], vec![2], vec![]),
        ("white space", "a , b\n\t1 ,\u{a0}2\n", vec!["1|2"], vec![2], vec![]),
        ("byte-order mark", "\u{feff}a,b\n1,2\n", vec!["1|2"], vec![2], vec![]),
        (
            "wrong number of fields",
            "a,b\n1\n1,2,3\n1,2\n",
            vec!["1|2"],
            vec![4],
            vec![(2, "fields: 2"), (3, "fields: 2")],
        ),
        ("text after a quote", "a,b\n\"1\"x,2\n3,4\n", vec!["3|4"], vec![3], vec![(2, "quote")]),
        ("unclosed at the end", "a,b\n1,2\n3,\"4\n", vec!["1|2"], vec![2], vec![(3, "quote")]),
        ("header again", "a,b\n1,2\na,b\n3,4\n", vec!["1|2", "3|4"], vec![2, 4], vec![(3, "header repeated")]),
        ("cut short", "a,b\n1,2\n3", vec!["1|2"], vec![2], vec![(3, "fields: 2")]),
    ] {
        let outcome = judge(text, &texts(&["a", "b"])).unwrap();
        assert_eq!(outcome.rows, rows, "{what}");
        assert_eq!(outcome.lines, lines, "{what}");
        assert_eq!(outcome.rejected(), rejected, "{what}");
        assert_eq!(outcome.reading.rows_read as usize, rows.len() + rejected.len(), "{what}");
    }
}

/// Given a record with too few fields, when rejected, then quarantine says how many there were.
#[test]
fn a_wrong_number_of_fields_is_told() {
    let outcome = judge("a,b\n1,2,3\n", &texts(&["a", "b"])).unwrap();
    let violation = outcome.rejects[0].first().unwrap();
    assert_eq!(
        (violation.reason, violation.column.as_deref(), violation.value.as_deref()),
        (Reason::Malformed, None, Some("3"))
    );
    assert_eq!(outcome.rejects[0].raw, "1,2,3");
}

/// Given a file with another delimiter or without a header, when the contract says so, then it loads.
#[test]
fn declared_dialects() {
    let mut contract = texts(&["a", "b"]);
    contract.options = FileOptions { delimiter: b';', ..FileOptions::new(Format::Csv) };
    assert_eq!(judge("a;b\n1,5;2\n", &contract).unwrap().rows, ["1,5|2"]);
    contract.options =
        FileOptions { header: Some(vec!["b".to_owned(), "a".to_owned()]), ..FileOptions::new(Format::Csv) };
    let outcome = judge("1,2\n3,4\n", &contract).unwrap();
    assert_eq!((outcome.rows, outcome.lines), (vec!["2|1".to_owned(), "4|3".to_owned()], vec![1, 2]));
}

/// Given a record beyond the limit, when judged, then it alone is set aside; an unclosed quote that
/// swallows as much refuses the file at the line where it opens.
#[test]
fn records_beyond_the_limit() {
    let long = "x".repeat(500);
    for chunk_bytes in [1, 64, 1 << 20] {
        let small = crate::ReadOptions { record_bytes: 100, chunk_bytes, ..options() };
        let judge = |text: &str| judge_named("day.csv", text.as_bytes(), &texts(&["a", "b"]), &small);
        let outcome = judge(&format!("a,b\n1,2\n{long},\"\r\n\"\r\n3,4\n")).unwrap();
        assert_eq!(outcome.rejected(), [(3, "record: at most 100 bytes")], "{chunk_bytes}");
        assert_eq!((outcome.lines, outcome.rejects[0].raw.len()), (vec![2, 5], 100), "{chunk_bytes}");
        let fault = judge(&format!("a,b\n1,2\n\"{long},4\n5,6\n")).unwrap_err();
        assert_eq!(fault.to_string(), "inbox/sales/day.csv:3: unclosed quote", "{chunk_bytes}");
    }
}

/// Given a quote that never closes, when rows stand behind it, then nobody can tell how many it took:
/// the file is refused at the line where it opens.
#[test]
fn an_unclosed_quote_takes_no_rows_with_it() {
    for chunk_bytes in [1, 1 << 20] {
        let options = crate::ReadOptions { chunk_bytes, ..options() };
        let judge = |text: &str| judge_named("day.csv", text.as_bytes(), &texts(&["a", "b"]), &options);
        let fault = judge("a,b\n1,2\n\"3,4\n5,6\n7,8\n").unwrap_err();
        assert_eq!(fault.to_string(), "inbox/sales/day.csv:3: unclosed quote", "{chunk_bytes}");
        assert_eq!(fault.hint.as_deref(), Some("close the `\"` in that line"));
    }
}

/// Given bytes that are no UTF-8, when judged, then the row shows them in hex and the encoding is hinted.
#[test]
fn bytes_that_are_no_text() {
    let outcome = judge(b"a,b\ncaf\xe9,2\n3,4\n", &texts(&["a", "b"])).unwrap();
    assert_eq!(outcome.rejected(), [(2, "encoding")]);
    assert_eq!(outcome.rejects[0].raw, "caf\\xE9,2");
    assert!(outcome.reading.warnings[0].contains("encoding: windows-1252"), "{:?}", outcome.reading.warnings);
    assert_eq!(
        judge(b"a,b\nx\0y,2\n3,4\n5,6\n7,8\n", &texts(&["a", "b"])).unwrap().rejected(),
        [(2, "text: no NUL bytes")]
    );
    let mut declared = texts(&["a", "b"]);
    declared.options.encoding = Some("latin1".to_owned());
    assert_eq!(judge(b"a,b\ncaf\xe9,\x80\n", &declared).unwrap().rows, ["café|€"]);
}
