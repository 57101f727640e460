//! Rows leave quarantine as if they had been good at once: with their origin, once, and in their order.

use proptest::prelude::*;
use shoplake_core::outcome::{RunOutcome, RunStatus};

use crate::shop::{HEADER, Shop, runtime};

/// A contract under which a sale needs no customer.
fn let_guests_in(contract: &str) -> String {
    let line = contract.lines().find(|line| line.contains("customer_id,")).unwrap().to_owned();
    contract.replace(&line, &line.replace("required: true,", ""))
}

/// Rows read, inserted, updated, duplicate and rejected of sales.
fn sales(outcome: &RunOutcome) -> (u64, u64, u64, u64, u64) {
    let counts = &outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap().counts;
    (counts.rows_read, counts.inserted, counts.updated, counts.duplicate, counts.rejected)
}

/// Given guests in quarantine, when the contract lets them in and the shop runs again, then they are
/// in the table with the line they came from, counted once, and a newer row of the same key stays.
#[test]
fn a_changed_contract_judges_the_quarantine_again() {
    runtime().block_on(async {
        let shop = Shop::new(|text| text);
        shop.put("sales", "monday.csv", format!("{HEADER}T1,,P1,1,5.00,2024-01-01 10:00:00\nT2,C1,P1,1,7.00,2024-01-01 11:00:00\nT3,,P1,1,oops,2024-01-01 12:00:00\nT4,,P1,1,9.00,2024-01-01 13:00:00\n"));
        shop.run().await.unwrap();
        shop.put("sales", "tuesday.csv", format!("{HEADER}T4,C4,P1,1,9.50,2024-01-01 13:00:00\n"));
        shop.run().await.unwrap();
        assert_eq!(shop.query("SELECT count(*) FROM quarantine").await, ["3"]);

        shop.edit_contract(|text| let_guests_in(&text));
        let outcome = shop.run().await.unwrap();
        let sales = outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap();
        let counts = &sales.counts;
        assert_eq!((counts.rows_read, counts.inserted, counts.updated, counts.duplicate, counts.rejected), (3, 1, 0, 1, 1));
        let rows = shop.query("SELECT transaction_id, customer_id, amount, _source_line FROM sales ORDER BY 1").await;
        assert_eq!(rows, ["T1|NULL|5.00|2", "T2|C1|7.00|3", "T4|C4|9.50|2"]);
        assert_eq!(shop.query("SELECT source_line, reason FROM quarantine").await, ["4|malformed"]);
        assert_eq!(shop.query("SELECT total_revenue, transaction_count FROM daily_sales_summary").await, ["21.50|3"]);
        let idle = shop.run().await.unwrap();
        assert!(idle.datasets.iter().all(|d| d.files.is_empty()), "and that was all there was to do");
    });
}

/// Given rows of every reason in quarantine, when they are exported, then each has its place, its
/// reason and its values under the columns' names, or the record where it has no values.
#[test]
fn the_export_can_be_corrected() {
    runtime().block_on(async {
        let shop = Shop::new(|text| text);
        shop.put("sales", "mon.csv", format!("{HEADER}T1,,P1,1,5.00,2024-01-01\nT2,C1,P1,1,7.00,2024-01-01\nT3,C2,P1,1,oops,2024-01-01\nT4,C3,P1,1\nT5,C4,P1,-1,9.00,2024-01-01\n"));
        shop.run().await.unwrap();
        let rows = shop.export().await;
        let without_hash: Vec<&str> = rows.iter().map(|row| row.split_once("/mon.csv|").unwrap().1).collect();
        assert_eq!(
            without_hash,
            [
                "2|1|missing|required|customer_id|NULL|NULL|T1|NULL|P1|1|5.00|2024-01-01",
                "4|1|malformed|type: decimal(12,2)|amount|oops|NULL|T3|C2|P1|1|oops|2024-01-01",
                "5|1|malformed|fields: 6|NULL|4|T4,C3,P1,1|NULL|NULL|NULL|NULL|NULL|NULL",
                "6|1|range|min: 1|quantity|-1|NULL|T5|C4|P1|-1|9.00|2024-01-01",
            ]
        );
    });
}

/// Given corrected rows, when they are replayed, then those that keep the contract are in the table
/// under their first file and line, the others stay in quarantine and are named, days and marts
/// follow, and a second replay changes nothing.
#[test]
fn corrected_rows_come_in_once() {
    runtime().block_on(async {
        let shop = Shop::new(|text| text);
        shop.put(
            "sales",
            "mon.csv",
            format!("{HEADER}T1,,P1,1,5.00,2024-01-01\nT2,C1,P1,1,7.00,2024-01-01\nT3,C2,P1,1,oops,2024-01-02\n"),
        );
        shop.run().await.unwrap();
        let key = shop.query("SELECT min(source_file) FROM quarantine").await.remove(0);
        let fixes = format!(
            "_source_file,_source_line,_reason,amount,transaction_id,customer_id,product_id,quantity,transaction_date\n\
             {key},4,malformed,8.50,T3,C2,P1,1,2024-01-02\n\
             {key},2,missing,5.00,T1,,P1,1,2024-01-01\n\
             {key},99,missing,1.00,T9,C9,P1,1,2024-01-01\n"
        );
        let outcome = shop.replay(&fixes).await;
        assert_eq!(outcome.status, RunStatus::Error, "not all of it is done");
        assert_eq!(sales(&outcome), (1, 1, 0, 0, 0));
        assert_eq!(
            outcome.problems,
            [
                "fixes.csv:3 still breaks `required` in `customer_id`: correct it there, then replay the file again"
                    .to_owned(),
                format!("fixes.csv:4 names {key}:99, which is not in quarantine"),
            ]
        );
        let rows = shop.query("SELECT transaction_id, amount, _source_file, _source_line FROM sales ORDER BY 1").await;
        assert_eq!(rows, [format!("T2|7.00|{key}|3"), format!("T3|8.50|{key}|4")]);
        assert_eq!(shop.query("SELECT source_line FROM quarantine").await, ["2"]);
        let days = shop.query("SELECT date, total_revenue FROM daily_sales_summary ORDER BY date").await;
        assert_eq!(days, ["2024-01-01|7.00", "2024-01-02|8.50"]);

        let again = shop.replay(&fixes.lines().take(2).map(|line| format!("{line}\n")).collect::<String>()).await;
        assert_eq!(again.problems, [format!("fixes.csv:2 names {key}:4, which is not in quarantine")]);
        assert_eq!(shop.query("SELECT count(*), sum(amount) FROM sales").await, ["2|15.50"]);
    });
}

/// Given a row in quarantine, when it is corrected, then it replaces the row of its key that was
/// loaded before it, and never one that was loaded later.
#[test]
fn a_replayed_row_keeps_its_place_in_the_order() {
    runtime().block_on(async {
        let shop = Shop::new(|text| text);
        let bodies = ["T1,C1,P1,1,1.00", "T1,C1,P1,1,bad\nT2,C1,P1,1,bad", "T2,C1,P1,1,2.00"];
        for (day, body) in bodies.iter().enumerate() {
            let rows: String = body.lines().map(|row| format!("{row},2024-01-01\n")).collect();
            shop.put("sales", &format!("day-{day}.csv"), format!("{HEADER}{rows}"));
            shop.run().await.unwrap();
        }
        let key = shop.query("SELECT min(source_file) FROM quarantine").await.remove(0);
        let outcome = shop
            .replay(&format!(
                "_source_file,_source_line,{HEADER}{key},2,T1,C1,P1,1,1.50,2024-01-01\n{key},3,T2,C1,P1,1,1.75,2024-01-01\n"
            ))
            .await;
        assert_eq!(sales(&outcome), (2, 0, 1, 1, 0));
        let rows = shop.query("SELECT transaction_id, amount FROM sales ORDER BY 1").await;
        assert_eq!(rows, ["T1|1.50", "T2|2.00"]);
        assert_eq!(shop.query("SELECT total_revenue FROM daily_sales_summary").await, ["3.50"]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 16, ..ProptestConfig::default() })]

    /// Given sales with and without a customer over several runs, when guests are let in afterwards,
    /// then all figures are what they were had guests been let in from the start.
    #[test]
    fn late_is_as_good_as_at_once(rows in prop::collection::vec((0..12_u32, any::<bool>(), 1..28_u32), 1..60), files in 1..5_usize) {
        runtime().block_on(async {
            let (late, at_once) = (Shop::new(|text| text.replace("reject_limit: 0.5", "reject_limit: 1.0")), Shop::new(|text| let_guests_in(&text.replace("reject_limit: 0.5", "reject_limit: 1.0"))));
            // Every amount is its own: a row that only repeats another leaves no trace of its order.
            let line = |(at, (id, guest, day)): (usize, &(u32, bool, u32))| {
                let customer = if *guest { String::new() } else { format!("C{}", id % 3) };
                format!("T{id},{customer},P1,1,{at}.25,2024-01-{day:02}\n")
            };
            let lines: Vec<String> = rows.iter().enumerate().map(line).collect();
            for (number, part) in lines.chunks(lines.len().div_ceil(files)).enumerate() {
                for shop in [&late, &at_once] {
                    shop.put("sales", &format!("part-{number}.csv"), format!("{HEADER}{}", part.concat()));
                    shop.run().await.unwrap();
                }
            }
            late.edit_contract(|text| let_guests_in(&text));
            late.run().await.unwrap();
            prop_assert_eq!(late.figures().await, at_once.figures().await);
            Ok(())
        })?;
    }
}
