//! Several rows on one line: each leaves quarantine alone, and none that was good is touched.

use shoplake_core::outcome::{RunOutcome, RunStatus};

use crate::shop::{Shop, runtime};

/// Sales as the items of JSON orders, without a key.
fn items_of_orders(contract: &str) -> String {
    let contract = contract.replace("format: csv ", "format: json\nexplode: items ");
    contract.lines().filter(|line| !line.starts_with("key:")).map(|line| format!("{line}\n")).collect()
}

/// An item; the amount as it is written.
fn item(id: &str, customer: &str, amount: &str) -> String {
    format!(
        r#"{{"transaction_id":"{id}","customer_id":{customer},"product_id":"P1","quantity":1,"amount":{amount},"transaction_date":"2024-01-01"}}"#
    )
}

fn order(items: &[String]) -> String {
    format!(r#"{{"items":[{}]}}"#, items.join(","))
}

/// A contract under which a sale needs no customer.
#[expect(clippy::needless_pass_by_value, reason = "as `edit_contract` wants it")]
fn let_guests_in(contract: String) -> String {
    let line = contract.lines().find(|line| line.contains("customer_id,")).unwrap().to_owned();
    contract.replace(&line, &line.replace("required: true,", ""))
}

/// Rows read, inserted, updated, duplicate and rejected of sales.
fn sales(outcome: &RunOutcome) -> (u64, u64, u64, u64, u64) {
    let counts = &outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap().counts;
    (counts.rows_read, counts.inserted, counts.updated, counts.duplicate, counts.rejected)
}

/// Two orders side by side on one line, with two guests and an amount that is none among their items.
fn one_line() -> String {
    [
        order(&[item("T1", "\"C1\"", "1.00"), item("T2", "null", "2.00"), item("T3", "\"C1\"", "3.00")]),
        order(&[item("T4", "\"C2\"", "4.00"), item("T5", "null", "5.00"), item("T6", "\"C2\"", "\"six\"")]),
    ]
    .join(" ")
}

/// Given good and bad items on one line and no key, when the contract lets some of them in, then these
/// alone come in: no good row stands there twice, and the account holds.
#[test]
fn a_changed_contract_judges_the_items_again() {
    runtime().block_on(async {
        let shop = Shop::new(|text| items_of_orders(&text));
        shop.put("sales", "orders.json", one_line());
        assert_eq!(sales(&shop.run().await.unwrap()), (6, 3, 0, 0, 3));
        let aside = shop.query("SELECT source_line, source_item, reason FROM quarantine ORDER BY 2").await;
        assert_eq!(aside, ["1|2|missing", "1|5|missing", "1|6|malformed"]);
        assert_eq!(shop.findings().await, [""; 0]);

        shop.edit_contract(let_guests_in);
        assert_eq!(sales(&shop.run().await.unwrap()), (3, 2, 0, 0, 1));
        let rows = shop.query("SELECT transaction_id, count(*) FROM sales GROUP BY 1 ORDER BY 1").await;
        assert_eq!(rows, ["T1|1", "T2|1", "T3|1", "T4|1", "T5|1"]);
        assert_eq!(shop.query("SELECT source_item FROM quarantine").await, ["6"]);
        assert_eq!(shop.findings().await, [""; 0]);
    });
}

/// Given bad items on one line, when they are exported, then each is there with its own values; and when
/// one of them is corrected, then the others stay in quarantine.
#[test]
fn one_item_is_corrected() {
    runtime().block_on(async {
        let shop = Shop::new(|text| items_of_orders(&text));
        shop.put("sales", "orders.json", one_line());
        shop.run().await.unwrap();
        let rows = shop.export().await;
        let shown: Vec<&str> = rows.iter().map(|row| row.split_once("/orders.json|").unwrap().1).collect();
        assert_eq!(
            shown,
            [
                "1|2|missing|required|customer_id|NULL|NULL|T2|NULL|P1|1|2.00|2024-01-01",
                "1|5|missing|required|customer_id|NULL|NULL|T5|NULL|P1|1|5.00|2024-01-01",
                "1|6|malformed|type: decimal(12,2)|amount|six|NULL|T6|C2|P1|1|six|2024-01-01",
            ]
        );
        let key = shop.query("SELECT min(source_file) FROM quarantine").await.remove(0);
        let header = "_source_file,_source_line,_source_item,transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
        let outcome = shop
            .replay(&format!(
                "{header}{key},1,6,T6,C2,P1,1,6.00,2024-01-01\n{key},1,3,T3,C1,P1,1,3.00,2024-01-01\n{key},1,,T1,C1,P1,1,1.00,2024-01-01\n"
            ))
            .await;
        assert_eq!(outcome.status, RunStatus::Error, "not all of it is done");
        assert_eq!(sales(&outcome), (1, 1, 0, 0, 0));
        assert_eq!(
            outcome.problems,
            [
                format!("fixes.csv:3 names {key}:1 (item 3), which is not in quarantine"),
                format!("fixes.csv:4 names {key}:1, which is not in quarantine"),
            ]
        );
        assert_eq!(shop.query("SELECT source_item FROM quarantine ORDER BY 1").await, ["2", "5"]);
        assert_eq!(shop.query("SELECT count(*), sum(amount) FROM sales").await, ["4|14.00"]);
        assert_eq!(shop.findings().await, [""; 0]);
    });
}

/// Given a line of so many objects that they are judged in several parts, then each has its own place.
#[test]
fn places_go_on_from_part_to_part() {
    runtime().block_on(async {
        let shop = Shop::new(|text| items_of_orders(&text).replace("explode: items ", ""));
        let customer = |at: u32| if at.is_multiple_of(100) { "null" } else { "\"C1\"" };
        let objects: Vec<String> = (1..=25_000).map(|at| item(&format!("T{at}"), customer(at), "1.00")).collect();
        shop.put("sales", "objects.json", objects.join(" "));
        assert_eq!(sales(&shop.run().await.unwrap()), (25_000, 24_750, 0, 0, 250));
        let places = "SELECT count(*), count(DISTINCT source_item), min(source_item), max(source_item), max(source_line) FROM quarantine";
        assert_eq!(shop.query(places).await, ["250|250|100|25000|1"]);
        shop.edit_contract(let_guests_in);
        assert_eq!(sales(&shop.run().await.unwrap()), (250, 250, 0, 0, 0));
        assert_eq!(shop.query("SELECT count(*), count(DISTINCT transaction_id) FROM sales").await, ["25000|25000"]);
        assert_eq!(shop.findings().await, [""; 0]);
    });
}

/// Given rows in quarantine, when the contract comes to read their file in another way, so that they are
/// not found any more, then they stay in quarantine, and the run says so; and when it reads it as
/// before, they are judged again.
#[test]
fn rows_that_are_not_found_again_stay() {
    runtime().block_on(async {
        let shop = Shop::new(|text| items_of_orders(&text));
        shop.put("sales", "orders.json", one_line());
        shop.run().await.unwrap();

        shop.edit_contract(|text| let_guests_in(text.replace("explode: items ", "explode: lines ")));
        let outcome = shop.run().await.unwrap();
        assert_eq!(sales(&outcome), (0, 0, 0, 0, 0));
        let warnings = &outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap().files[0].warnings;
        assert!(warnings[0].starts_with("its rows stay in quarantine: "), "{warnings:?}");
        assert_eq!(shop.query("SELECT count(*) FROM quarantine").await, ["3"]);
        assert_eq!(shop.findings().await, [""; 0]);
        let idle = shop.run().await.unwrap();
        assert!(idle.datasets.iter().all(|d| d.files.is_empty()), "the same contract is not tried again");

        shop.edit_contract(|text| text.replace("explode: lines ", "explode: items "));
        assert_eq!(sales(&shop.run().await.unwrap()), (3, 2, 0, 0, 1));
        assert_eq!(shop.findings().await, [""; 0]);
    });
}

/// Given a contract that changed and a file of corrections for one row that comes before the next run,
/// then the other rows are judged again by that run all the same.
#[test]
fn corrections_do_not_stand_for_the_others() {
    runtime().block_on(async {
        let shop = Shop::new(|text| items_of_orders(&text));
        shop.put("sales", "orders.json", one_line());
        shop.run().await.unwrap();
        shop.edit_contract(let_guests_in);
        let key = shop.query("SELECT min(source_file) FROM quarantine").await.remove(0);
        let header = "_source_file,_source_line,_source_item,transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
        let outcome = shop.replay(&format!("{header}{key},1,6,T6,C2,P1,1,6.00,2024-01-01\n")).await;
        assert_eq!(sales(&outcome), (1, 1, 0, 0, 0));
        assert_eq!(sales(&shop.run().await.unwrap()), (2, 2, 0, 0, 0));
        assert_eq!(shop.query("SELECT count(*), sum(amount) FROM sales").await, ["6|21.00"]);
        assert_eq!(shop.findings().await, [""; 0]);
    });
}
