//! The words of errors.

use std::fmt::Write;

use crate::lake;

/// Given common mistakes, when run, then each says what is wrong, where, and what was likely meant.
#[tokio::test]
async fn mistakes_name_their_place_and_a_remedy() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let rows = vec![("a1", Some("ann"), 1_00, "2024-01-01T12:00:00Z")];
    let catalog = lake::sales(folder.path(), &[(2024, 1, rows)]);
    let mut told = String::new();
    for sql in [
        "SELECT * FROM sale",
        "SELECT * FROM nowhere",
        "SELECT\n  amunt\nFROM sales",
        "SELECT s.colour FROM sales s",
        "SELECT day FROM sales a JOIN sales b ON a.day = b.day",
        "SELECT FROM WHERE",
        "SELECT 'open",
        "SELECT day, sum(amount) FROM sales",
        "SELECT cuont(*) FROM sales",
        "SELECT local_hour(amount) FROM sales",
        "SELECT amount + transaction_date FROM sales",
        "SELECT 1 AS a, 2 AS a",
        "SELECT 1 / (day - day) FROM sales",
        "SELECT CAST(customer_id AS BIGINT) FROM sales",
        "SELECT CAST(amount AS DECIMAL(2,2)) FROM sales",
        "SELECT sum(CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0)) * day) * 10 FROM sales",
    ] {
        let _ = writeln!(told, "{sql}\n=> {}\n", lake::fault(&engine, &catalog, sql).await);
    }
    insta::assert_snapshot!(told);
}
