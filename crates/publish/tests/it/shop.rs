//! A small shop: the answers that SQL would give, and the outcome of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use chrono::{DateTime, NaiveDate, Utc};
use shoplake_core::outcome::{
    DatasetOutcome, FileOutcome, FileStatus, ModelOutcome, ModelStatus, RunOutcome, RunStatus, TestFailure,
    TestsOutcome, TopCause,
};
use shoplake_core::{BatchNumber, Counts, Reason, RunId, Sha256};
use shoplake_publish::daily::{Answers, DailyReport, Facts, Shop, Span};

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Vec<RecordBatch> {
    vec![RecordBatch::try_from_iter(columns).unwrap()]
}

fn cents(values: Vec<i128>) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(22, 2).unwrap())
}

fn counts(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn texts(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

/// Days as the mart has them: date, transactions, revenue in cents, customers.
pub(crate) fn days(lines: &[(&str, i64, i128, i64)]) -> Vec<RecordBatch> {
    let day = |text| (date(text) - NaiveDate::default()).num_days() as i32;
    let average = |(_, orders, revenue, _): &(&str, i64, i128, i64)| revenue * 100 / i128::from(*orders);
    let average: Vec<i128> = lines.iter().map(average).collect();
    batch(vec![
        ("date", Arc::new(Date32Array::from(lines.iter().map(|line| day(line.0)).collect::<Vec<_>>()))),
        ("transaction_count", counts(lines.iter().map(|line| line.1).collect())),
        ("total_revenue", cents(lines.iter().map(|line| line.2).collect())),
        ("avg_order_value", Arc::new(Decimal128Array::from(average).with_precision_and_scale(38, 4).unwrap())),
        ("unique_customers", counts(lines.iter().map(|line| line.3).collect())),
    ])
}

pub(crate) fn answers(days: Vec<RecordBatch>) -> Answers {
    // 23:30 and 23:45 UTC are after midnight in Berlin.
    let quarter = |text: &str| text.parse::<DateTime<Utc>>().unwrap().timestamp_micros();
    let quarters = ["2026-11-21T23:30:00Z", "2026-11-22T09:00:00Z", "2026-11-22T09:45:00Z"].map(quarter).to_vec();
    Answers {
        days,
        products: batch(vec![
            ("product_id", texts(vec![Some("P-7"), Some("P-1"), Some("P-99")])),
            ("name", texts(vec![Some("<script>alert(1)</script>"), Some("=cmd|' /C calc'!A0"), None])),
            ("orders", counts(vec![2, 1, 1])),
            ("revenue", cents(vec![90_000, 30_050, 3_400])),
        ]),
        categories: batch(vec![
            ("category_name", texts(vec![Some("Kitchen & Bath"), Some("(unknown product)")])),
            ("orders", counts(vec![3, 1])),
            ("revenue", cents(vec![120_050, 3_400])),
        ]),
        hours: batch(vec![
            ("quarter", Arc::new(TimestampMicrosecondArray::from(quarters).with_timezone("UTC"))),
            ("orders", counts(vec![1, 2, 1])),
            ("revenue", cents(vec![3_400, 90_000, 30_050])),
        ]),
        quarantine: batch(vec![("dataset", texts(vec![Some("sales")])), ("row_count", counts(vec![41]))]),
    }
}

fn file(name: &str, status: FileStatus, counts: Counts, error: Option<&str>) -> FileOutcome {
    FileOutcome {
        path: format!("inbox/sales/{name}"),
        key: format!("sales/{name}"),
        sha256: Sha256("00".into()),
        size: 10,
        status,
        replayed: false,
        error: error.map(str::to_owned),
        offenders: None,
        warnings: Vec::new(),
        schema_changes: Vec::new(),
        counts,
    }
}

/// A run that read 20 140 rows, set 40 aside and refused one file.
pub(crate) fn run() -> RunOutcome {
    let sales = Counts {
        rows_read: 20_140,
        inserted: 20_000,
        updated: 40,
        duplicate: 60,
        rejected: 40,
        orphans: 3,
        rejects: BTreeMap::from([(Reason::Missing, 38), (Reason::Range, 2)]),
    };
    let cause = TopCause {
        reason: Reason::Missing,
        rule: "required".into(),
        column: Some("customer_id".into()),
        rows: 38,
        share: 0.001_886,
        money: Some("1912.40".into()),
        example: Some("empty at day-2.csv:118".into()),
        hint: Some("set `required: false` at sources/sales.yml:9, then `shoplake run`".into()),
    };
    let files = vec![
        file("day-2.csv", FileStatus::Loaded, sales.clone(), None),
        file("day-3.csv", FileStatus::Failed, Counts::default(), Some("no header matches; is the delimiter `;`?")),
    ];
    let outcome = |dataset: &str, files, counts, top_cause| DatasetOutcome {
        dataset: dataset.to_owned(),
        files,
        counts,
        top_cause,
        seconds: 0.0,
    };
    RunOutcome {
        run_id: RunId("0199-run".into()),
        status: RunStatus::Error,
        seconds: 1.5,
        started_at: "2026-11-23T06:59:58Z".parse().unwrap(),
        whole: true,
        batch: Some(BatchNumber(4)),
        datasets: vec![
            outcome("products", Vec::new(), Counts::default(), None),
            outcome("sales", files, sales, Some(cause)),
        ],
        models: vec![ModelOutcome {
            name: "top_products".into(),
            status: ModelStatus::Error,
            how: None,
            why: None,
            rows: 0,
            seconds: 0.0,
            error: Some("no column `nmae`".into()),
        }],
        tests: TestsOutcome {
            passed: 13,
            warned: 1,
            failed: 0,
            failures: vec![TestFailure {
                name: "not_null(top_products.name)".into(),
                rows: 2,
                blocks: false,
                detail: None,
            }],
            results: Vec::new(),
        },
        restated: Vec::new(),
        reports: Vec::new(),
        problems: Vec::new(),
    }
}

/// The report on a day of the shop in Berlin, made on the Monday morning of 2026-11-23.
pub(crate) fn report(day: Option<&str>, span: Span, answers: &Answers, run: Option<&RunOutcome>) -> DailyReport {
    let shop = Shop { name: "Tea & Tins".into(), currency: "USD".into(), time_zone: chrono_tz::Europe::Berlin };
    let generated_at = "2026-11-23T07:00:00Z".parse().unwrap();
    DailyReport::build(Facts { shop, date: day.map(date), span, generated_at, run }, answers).unwrap()
}

pub(crate) fn span(first: &str, last: &str) -> Span {
    Span { first: Some(date(first)), last: Some(date(last)), report: Some(date(last)) }
}

/// Sunday 22 November with the Saturday before and the Sunday of the week before; no sale on the other days.
pub(crate) fn sunday() -> DailyReport {
    let days = days(&[("2026-11-15", 5, 200_000, 4), ("2026-11-21", 3, 98_760, 3), ("2026-11-22", 4, 123_450, 2)]);
    report(Some("2026-11-22"), span("2026-11-15", "2026-11-22"), &answers(days), Some(&run()))
}
