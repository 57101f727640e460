//! Times the way from bytes to judged batches: `judge FILE [THREADS]`, with the seed's contract of `sales`.

use std::time::Instant;

use shoplake_core::contract::{FileOptions, Format, SchemaChange};
use shoplake_core::project::Limits;
use shoplake_core::{Column, ColumnType, Contract, Fault, LandedFile, Result, Sha256};
use shoplake_quality::{ReadOptions, judge_file};

#[expect(clippy::print_stdout, reason = "an example says what it found")]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or_else(|| Fault::usage("say which file: judge FILE [THREADS]"))?;
    let threads = arguments.next().and_then(|threads| threads.parse().ok()).unwrap_or(2);
    let size = fs_err::metadata(&path)?.len();
    let file = LandedFile {
        dataset: "sales".to_owned(),
        key: path.clone(),
        name: path.clone(),
        origin: path.clone(),
        sha256: Sha256(String::new()),
        size,
        path: path.into(),
        page: None,
    };
    let options = ReadOptions { threads, ..ReadOptions::new(chrono_tz::UTC, &Limits::default()) };
    let begin = Instant::now();
    let (mut rows, mut chunks) = (0, 0);
    let reading = judge_file(&file, &sales(), &options, &mut |chunk| {
        rows += chunk.rows.num_rows();
        chunks += 1;
        Ok(())
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    println!("{} rows read, {rows} good, rejects {:?}, in {chunks} chunks", reading.rows_read, reading.rejects);
    println!("{seconds:.2} s with {threads} threads, {:.0} MB/s", size as f64 / 1e6 / seconds);
    Ok(())
}

fn sales() -> Contract {
    let required = |name, column_type| Column { required: true, ..Column::new(name, column_type) };
    let money = ColumnType::Decimal { precision: 12, scale: 2 };
    Contract {
        dataset: "sales".to_owned(),
        file: "sources/sales.yml".to_owned(),
        key: vec!["transaction_id".to_owned()],
        event_time: Some("transaction_date".to_owned()),
        version: None,
        columns: vec![
            required("transaction_id", ColumnType::String),
            required("customer_id", ColumnType::String),
            required("product_id", ColumnType::String),
            Column { min: Some("1".to_owned()), ..required("quantity", ColumnType::Integer) },
            Column { min: Some("0".to_owned()), ..required("amount", money) },
            required("transaction_date", ColumnType::Timestamp),
        ],
        schema_change: SchemaChange::default(),
        reject_limit: 0.5,
        options: FileOptions::new(Format::Csv),
        enrichments: Vec::new(),
    }
}
