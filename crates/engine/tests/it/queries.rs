//! What queries give.

use arrow::datatypes::{DataType, TimeUnit};
use shoplake_core::ports::Engine;

use crate::lake::{self, Sale};

fn two_years() -> Vec<(i32, i32, Vec<Sale>)> {
    vec![
        (2023, 12, vec![("a1", Some("ann"), 1_00, "2023-12-31T12:00:00Z")]),
        (2024, 1, vec![("b1", Some("ann"), 2_00, "2024-01-01T12:00:00Z"), ("b2", None, 5, "2024-01-02T12:00:00Z")]),
        (2024, 2, vec![("c1", Some("bob"), 3_00, "2024-02-01T12:00:00Z")]),
        (
            2024,
            2,
            vec![("d1", Some("bob"), 4_00, "2024-02-01T13:00:00Z"), ("d2", Some("cy"), 4_00, "2024-02-02T13:00:00Z")],
        ),
    ]
}

/// Given a table without files, when it is asked, then it has its columns and no rows.
#[tokio::test]
async fn a_table_without_files_is_empty() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::empty_sales(folder.path());
    assert_eq!(lake::rows(&engine, &catalog, "SELECT * FROM sales").await.unwrap(), Vec::<String>::new());
    let sums = "SELECT count(*), sum(amount), count(DISTINCT customer_id) FROM sales";
    assert_eq!(lake::rows(&engine, &catalog, sums).await.unwrap(), ["0|NULL|0"]);
    let joined = "SELECT s.day FROM sales s JOIN sales t ON s.customer_id = t.customer_id WHERE t.year = 2024";
    assert_eq!(lake::rows(&engine, &catalog, joined).await.unwrap(), Vec::<String>::new());
}

/// Given files that lack a later column, a percent sign and a space in their names, when read, then
/// the column is NULL and the table's own order of columns and plain types come out.
#[tokio::test]
async fn missing_columns_are_null_and_types_plain() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::sales(folder.path(), &two_years());
    let schema =
        engine.schema(&catalog, "SELECT *, local_date(transaction_date) AS local_day FROM sales").await.unwrap();
    let types: Vec<DataType> = schema.fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(types[..8], lake::sales_schema().fields().iter().map(|f| f.data_type().clone()).collect::<Vec<_>>()[..]);
    assert_eq!(types[5], DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(types[8], DataType::Date32);
    let sql = "SELECT * FROM sales WHERE transaction_id = 'b2'";
    assert_eq!(lake::rows(&engine, &catalog, sql).await.unwrap(), ["2024|1|b2|NULL|0.05|2024-01-02T12:00:00Z|2|NULL"]);
}

/// Given filters on partitions and on columns, when asked, then only rows that match come out, and
/// files that cannot match are never opened: they may be gone.
#[tokio::test]
async fn files_are_pruned_by_partition_and_statistics() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::sales(folder.path(), &two_years());
    fs_err::remove_dir_all(folder.path().join("year=2023")).unwrap();
    for (filter, expected) in [
        ("year = 2024", "b1,b2,c1,d1,d2"),
        ("year = 2024 AND month + 1 = 3", "c1,d1,d2"),
        ("((year = 2024 AND month = 1 AND day IN (2)) OR (year = 2024 AND month = 2 AND day IN (1)))", "b2,c1,d1"),
        ("transaction_id >= 'c1'", "c1,d1,d2"),
        ("make_date(year, month, 1) > DATE '2024-01-15'", "c1,d1,d2"),
        ("year IS NULL", ""),
    ] {
        let sql = format!("SELECT transaction_id FROM sales WHERE {filter} ORDER BY 1");
        let rows = lake::rows(&engine, &catalog, &sql).await.unwrap_or_else(|fault| panic!("{filter}: {fault}"));
        assert_eq!(rows.join(","), expected, "{filter}");
    }
    let fault = lake::fault(&engine, &catalog, "SELECT count(amount) FROM sales").await;
    assert!(fault.starts_with("Unavailable: a file of the lake cannot be read"), "{fault}");
}

/// Given many months, when grouped by day and customer in two steps, then the answer is that of a plain
/// count, and a join on the partition columns finds every row.
#[tokio::test]
async fn grouping_by_partition_gives_the_same_rows() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let months: Vec<_> = (0..30).flat_map(|_| two_years()).collect();
    let catalog = lake::sales(folder.path(), &months);
    let plain = "SELECT year, month, day, count(*), sum(amount), count(DISTINCT customer_id) FROM sales \
                 GROUP BY year, month, day ORDER BY 1, 2, 3";
    let stepwise = "SELECT year, month, day, sum(n), sum(r), count(customer_id) FROM (SELECT year, month, day, customer_id, \
                    count(*) AS n, sum(amount) AS r FROM sales GROUP BY year, month, day, customer_id) \
                    GROUP BY year, month, day ORDER BY 1, 2, 3";
    let expected = [
        "2023|12|31|30|30.00|1",
        "2024|1|1|30|60.00|1",
        "2024|1|2|30|1.50|0",
        "2024|2|1|60|210.00|1",
        "2024|2|2|30|120.00|1",
    ];
    assert_eq!(lake::rows(&engine, &catalog, plain).await.unwrap(), expected);
    assert_eq!(lake::rows(&engine, &catalog, stepwise).await.unwrap(), expected);
    let joined = "SELECT count(*) FROM sales s JOIN (SELECT DISTINCT year, month FROM sales) m ON s.year = m.year AND s.month = m.month";
    assert_eq!(lake::rows(&engine, &catalog, joined).await.unwrap(), ["180"], "a join finds every partition");
}

/// Given a year of months, when a query reads them alone, then months are handed out whole and in order, so
/// that nothing is shuffled and one month is held at a time; where a join reads them, they are not.
#[tokio::test]
async fn months_stay_whole_where_one_table_is_read() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let months: Vec<_> =
        (1..=12).map(|month| (2024, month, vec![("a", Some("ann"), 1_00, "2024-01-01T12:00:00Z")])).collect();
    let catalog = lake::sales(folder.path(), &months);
    let alone = "SELECT year, month, day, count(DISTINCT customer_id) FROM sales GROUP BY year, month, day";
    assert_eq!(lake::rows(&engine, &catalog, alone).await.unwrap().len(), 12);
    let plan = lake::rows(&engine, &catalog, &format!("EXPLAIN {alone}")).await.unwrap().join("\n");
    assert!(plan.contains("ordering_mode=PartiallySorted") && !plan.contains("RepartitionExec"), "{plan}");
    let joined = "SELECT count(*) FROM sales a JOIN sales b ON a.year = b.year AND a.month = b.month";
    assert_eq!(lake::rows(&engine, &catalog, joined).await.unwrap(), ["12"]);
    let plan = lake::rows(&engine, &catalog, &format!("EXPLAIN {joined}")).await.unwrap().join("\n");
    assert!(!plan.contains("output_partitioning=Hash"), "{plan}");
}

/// Given moments on both sides of New York's clock changes, when put on the shop's clock, then day,
/// hour and weekday are the shop's.
#[tokio::test]
async fn the_shops_clock() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::sales(
        folder.path(),
        &[(
            2024,
            3,
            vec![
                ("1", None, 0, "2024-03-10T04:30:00Z"),
                ("2", None, 0, "2024-03-10T06:59:59Z"),
                ("3", None, 0, "2024-03-10T07:00:00Z"),
                ("4", None, 0, "2024-11-03T05:30:00Z"),
                ("5", None, 0, "2024-11-03T06:30:00Z"),
                ("6", None, 0, "2024-11-04T04:59:59Z"),
            ],
        )],
    );
    let sql = "SELECT local_time(transaction_date), local_date(transaction_date), local_hour(transaction_date), \
               iso_weekday(transaction_date), iso_weekday(local_date(transaction_date)) FROM sales ORDER BY transaction_id";
    assert_eq!(
        lake::rows(&engine, &catalog, sql).await.unwrap(),
        [
            "2024-03-09T23:30:00|2024-03-09|23|6|6",
            "2024-03-10T01:59:59|2024-03-10|1|7|7",
            "2024-03-10T03:00:00|2024-03-10|3|7|7",
            "2024-11-03T01:30:00|2024-11-03|1|7|7",
            "2024-11-03T01:30:00|2024-11-03|1|7|7",
            "2024-11-03T23:59:59|2024-11-03|23|7|7",
        ]
    );
    assert_eq!(lake::rows(&engine, &catalog, "SELECT local_hour(NULL)").await.unwrap(), ["NULL"]);
}

/// Given sums of several scales, when averaged, then four places come out, half away from zero.
#[tokio::test]
async fn averages_are_exact() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::empty_sales(folder.path());
    let sql = "SELECT average(CAST('2.00' AS DECIMAL(12,2)), 3), average(CAST('-0.0001' AS DECIMAL(18,4)), 2), \
               average(CAST('0.000149' AS DECIMAL(20,6)), 3), average(CAST(NULL AS DECIMAL(12,2)), 3), average(7, 2), \
               average(CAST('1.00' AS DECIMAL(12,2)), 0)";
    assert_eq!(lake::rows(&engine, &catalog, sql).await.unwrap(), ["0.6667|-0.0001|0.0000|NULL|3.5000|NULL"]);
}

/// Given two queries at once and one that nobody reads to its end, then each has its own rows and the
/// engine goes on.
#[tokio::test]
async fn queries_do_not_disturb_each_other() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::numbers(folder.path(), &(0..100_000).collect::<Vec<_>>());
    let dropped = engine.query(&catalog, "SELECT a.n FROM numbers a CROSS JOIN numbers b").await.unwrap();
    drop(dropped);
    let (one, two) = tokio::join!(
        lake::rows(&engine, &catalog, "SELECT sum(n) FROM numbers"),
        lake::rows(&engine, &catalog, "SELECT max(n) FROM numbers")
    );
    assert_eq!((one.unwrap(), two.unwrap()), (vec!["4999950000".to_owned()], vec!["99999".to_owned()]));
}
