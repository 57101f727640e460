//! What is refused, and that the process outlives it.

use crate::lake;

/// Given statements that would change something, when run, then each is refused in one voice.
#[tokio::test]
async fn only_select_runs() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::empty_sales(folder.path());
    for sql in [
        "COPY sales TO '/tmp/stolen.parquet'",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'",
        "CREATE VIEW v AS SELECT 1",
        "INSERT INTO sales VALUES (1)",
        "DELETE FROM sales",
        "UPDATE sales SET day = 1",
        "DROP TABLE sales",
        "SET datafusion.execution.batch_size = 1",
        "PREPARE p AS SELECT 1",
        "EXPLAIN ANALYZE INSERT INTO sales VALUES (1)",
    ] {
        let fault = lake::fault(&engine, &catalog, sql).await;
        assert!(fault.starts_with("Usage: only SELECT can run here"), "{sql}: {fault}");
    }
    assert_eq!(
        lake::fault(&engine, &catalog, "SELECT 1; SELECT 2").await,
        "Usage: one statement at a time, not 2\n  hint: run each by itself; in a model, put each into a file of its own"
    );
    assert_eq!(lake::fault(&engine, &catalog, " -- nothing").await, "Usage: no sql given\n  hint: write one SELECT");
    assert_eq!(lake::rows(&engine, &catalog, "SELECT 1;").await.unwrap(), ["1"]);
    let fault = lake::fault(&engine, &catalog, "SELECT * FROM '/etc/passwd'").await;
    assert!(fault.contains("not found"), "files are no tables: {fault}");
}

/// Given SQL that nests, chains or joins without end, when run, then it is refused and the next query works.
#[tokio::test]
async fn endless_sql_is_refused() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::numbers(folder.path(), &[1, 2, 3]);
    let ors: Vec<String> = (0..20_000).map(|n| format!("n = {n}")).collect();
    for sql in [
        format!("SELECT 1{}", "+1".repeat(5_000)),
        format!("SELECT * FROM numbers WHERE {}", ors.join(" OR ")),
        format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT {}1", "- ".repeat(10_000)),
        format!("SELECT {}true", "NOT ".repeat(10_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(5_000), " END".repeat(5_000)),
        format!("SELECT n{} FROM numbers", "::bigint".repeat(20_000)),
    ] {
        let fault = lake::fault(&engine, &catalog, &sql).await;
        assert!(fault.starts_with("Usage: sql") && fault.contains("too complex"), "{fault}");
    }
    let fault = lake::fault(&engine, &catalog, &format!("SELECT '{}'", "x".repeat(1_000_001))).await;
    assert!(fault.starts_with("Usage: sql too long"), "{fault}");
    assert_eq!(lake::rows(&engine, &catalog, "SELECT count(*) FROM numbers").await.unwrap(), ["3"]);
}

/// Given the largest SQL that the bounds let through, when run, then it runs.
#[tokio::test]
async fn what_the_bounds_let_through_runs() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = lake::numbers(folder.path(), &[1, 2, 3]);
    let ors: Vec<String> = (0..500).map(|n| format!("n = {n}")).collect();
    let list: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    for sql in [
        format!("SELECT count(*) FROM numbers WHERE {}", ors.join(" OR ")),
        format!("SELECT count(*) FROM numbers WHERE n IN ({})", list.join(", ")),
        format!("SELECT count(n{}) FROM numbers", " + n".repeat(999)),
        format!("SELECT count({}n{}) FROM numbers", "abs(".repeat(190), ")".repeat(190)),
    ] {
        assert_eq!(lake::rows(&engine, &catalog, &sql).await.unwrap(), ["3"]);
    }
}
