//! What holds for every file, whatever its bytes and however it is cut.

use proptest::prelude::*;

use shoplake_quality::judge_file;

use crate::{judge_named, options, sales, texts};

/// Text that is dense in the signs that matter to a CSV.
fn dirty() -> impl Strategy<Value = Vec<u8>> {
    let sign = prop_oneof![
        4 => Just(b','), 3 => Just(b'"'), 2 => Just(b'\n'), 1 => Just(b'\r'), 4 => b'a'..=b'c', 1 => Just(0xe9), 1 => Just(0)
    ];
    prop::collection::vec(sign, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the bytes: no panic, and every row read is a row or a reject.
    #[test]
    fn every_row_is_accounted_for(bytes in prop::collection::vec(any::<u8>(), 0..300), record_bytes in 1_usize..400) {
        let options = crate::ReadOptions { record_bytes, ..options() };
        for bytes in [bytes.clone(), [b"a,b\n", bytes.as_slice()].concat()] {
            if let Ok(outcome) = judge_named("x.csv", &bytes, &texts(&["a", "b"]), &options) {
                prop_assert_eq!(outcome.reading.rows_read as usize, outcome.rows.len() + outcome.rejects.len());
                prop_assert_eq!(outcome.reading.rejected() as usize, outcome.rejects.len());
                prop_assert_eq!(outcome.rows.len(), outcome.lines.len());
            }
        }
    }

    /// However a file is cut, and by however many it is judged: the same rows, lines, rejects and faults.
    #[test]
    fn cutting_changes_nothing(body in dirty(), chunk_bytes in 1_usize..80, record_bytes in prop_oneof![1_usize..60, Just(1 << 20)]) {
        let bytes = [b"a,b\n", body.as_slice()].concat();
        let judge = |threads, chunk_bytes| {
            let options = crate::ReadOptions { threads, chunk_bytes, record_bytes, ..options() };
            judge_named("x.csv", &bytes, &texts(&["a", "b"]), &options).map_err(|fault| fault.to_string())
        };
        let want = judge(1, 4 << 20);
        prop_assert_eq!(&judge(1, 1), &want);
        prop_assert_eq!(&judge(1, chunk_bytes), &want);
        prop_assert_eq!(&judge(3, chunk_bytes), &want);
    }
}

/// Given a file of many pieces, when judged by several threads, then it comes out as by one.
#[test]
fn threads_keep_the_order() {
    let row = |n: u32| {
        let (customer, product, quantity, amount, second) = (n % 97, n % 7, n % 5, n % 1000, n % 60);
        format!("T{n},\"C\n{customer}\",P{product},{quantity},{amount}.50,2024-01-01 00:00:{second:02}\n")
    };
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n".to_owned();
    let text: String = std::iter::once(header).chain((0..20_000).map(row)).collect();
    let judge = |threads, chunk_bytes| {
        let options = crate::ReadOptions { threads, chunk_bytes, ..options() };
        judge_named("x.csv", text.as_bytes(), &sales(), &options).unwrap()
    };
    let want = judge(1, 4 << 20);
    assert_eq!(want.reading.rejects.values().sum::<u64>(), 4000, "every fifth has no quantity");
    assert_eq!(want.lines[0], 4, "quoted newlines count as lines");
    assert!(judge(4, 10_000) == want);
}

/// Given a file of nothing but rejects, and one of the shortest rows, when judged, then no chunk holds
/// more of them than a bound that does not grow with the file, and lines go on from chunk to chunk.
#[test]
fn chunks_are_bounded() {
    let options = crate::ReadOptions { threads: 2, chunk_bytes: 4 << 20, ..options() };
    for (row, rows, most) in [("\"x\"y,\n", 50_000, 4_096), ("1\n", 300_000, 128 << 10)] {
        let header = if row.contains(',') { "a,b\n" } else { "a\n" };
        let text = header.to_owned() + &row.repeat(rows);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let mut lines = Vec::new();
        let landed = crate::landed(file.path(), "x.csv", text.len());
        let contract = texts(if row.contains(',') { &["a", "b"] } else { &["a"] });
        judge_file(&landed, &contract, &options, &mut |chunk| {
            assert!(chunk.rejects.len() <= most && chunk.lines.len() <= most);
            lines.extend(chunk.rejects.iter().map(|reject| reject.line));
            lines.extend(&chunk.lines);
            Ok(())
        })
        .unwrap();
        assert_eq!(lines, (2..rows as u64 + 2).collect::<Vec<_>>());
    }
}
