//! `shoplake verify`: what holds is proved, and what was changed behind its back is found.

use crate::context::{Context, snapshot};
use crate::days::{drop_second_day, first_day};

/// A shop of two days.
fn two_days() -> Context {
    let shop = first_day();
    drop_second_day(&shop);
    assert!(shop.output(&["run"]).status.success());
    shop
}

/// The checks that fail, with their findings' figures.
fn failed(shop: &Context) -> Vec<(String, Vec<String>)> {
    let checks = shop.json(&["verify", "--json"])["checks"].as_array().unwrap().clone();
    let failed = checks.iter().filter(|check| check["status"] == "failed");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    failed
        .map(|check| {
            let findings = check["findings"].as_array().unwrap();
            (text(&check["name"]), findings.iter().map(|finding| text(&finding["figure"])).collect())
        })
        .collect()
}

/// Given a shop of two days, when verified, then each promise is proved, also by loading all again.
#[test]
fn a_sound_shop() {
    let shop = two_days();
    snapshot!(shop, ["verify", "--replay"], @"
    exit: 0
    ----- stdout
    proved  batches      2 batches
    proved  bytes        5 files
    proved  files        5 files
    proved  tables       64 rows
    proved  quarantine   3 rows
    proved  data_files   17 files
    proved  keys         64 rows
    proved  indexes      18 files
    proved  marts        6 marts
    proved  replay       64 rows
    ----- stderr
    all of it holds
    ");
    assert!(!shop.shop().join(".shoplake/verify").exists(), "nothing is left behind");
}

/// Given a shop that has never run, when verified, then there is nothing to disprove.
#[test]
fn a_shop_that_never_ran() {
    Context::with_shop().assert_verified("before the first run");
}

/// Given an archived file that somebody edited, when verified, then it names file, hash and remedy.
#[test]
fn an_edited_archive() {
    let shop = two_days();
    let archived = shop.files("lake/archive/sales", "day-1.csv").remove(0);
    let text = fs_err::read_to_string(&archived).unwrap();
    fs_err::write(&archived, text.replace("T1,", "T7,")).unwrap();
    snapshot!(shop, ["verify"], @"
    exit: 1
    ----- stdout
    proved  batches      2 batches
    failed  bytes        5 files
                archive/sales/[HASH]/day-1.csv: sha256: expected 92e99a62a2d0c37cd223f8cc41b9eaff37799f9732b8ece9f739861559386ebb, found 9bb4cf4d4d2f0f1d4745e1c431ab8eddce54ba3f054bf68c4d1eb701eae9cfe1
                hint: somebody changed it: put it back from a backup; its rows in the tables are as they were loaded
    proved  files        5 files
    proved  tables       64 rows
    proved  quarantine   3 rows
    proved  data_files   17 files
    proved  keys         64 rows
    proved  indexes      18 files
    proved  marts        6 marts
    ----- stderr
    1 check failed of 9
    ");
    fs_err::remove_file(archived).unwrap();
    assert_eq!(failed(&shop), [("bytes".to_owned(), vec!["archived file".to_owned()])]);
}

/// Given a mart whose file was put back to the day before, when verified, then file and mart are found.
#[test]
fn an_old_mart() {
    let shop = two_days();
    let parts = shop.files("lake/processed/daily_sales_summary", ".parquet");
    fs_err::copy(&parts[0], &parts[1]).unwrap();
    let failed = failed(&shop);
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["data_files", "marts"]);
    assert_eq!(failed[0].1, ["bytes", "rows"]);
}

/// Given an index that says something else than its data file, when verified, then it is found; given
/// one that is missing, then it is not missed, since it can be made again.
#[test]
fn a_wrong_index() {
    let shop = two_days();
    let indexes = shop.files("lake/processed/sales/_index", ".keys");
    for index in &indexes {
        let mut bytes = fs_err::read(index).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs_err::write(index, &bytes).unwrap();
    }
    let found = failed(&shop);
    assert_eq!(found[0].0, "indexes");
    for index in &indexes {
        fs_err::remove_file(index).unwrap();
    }
    shop.assert_verified("without indexes");
}

/// Given a list of orphans that is gone, when verified, then it is found: their names would never be
/// filled in.
#[test]
fn a_lost_list_of_orphans() {
    let shop = two_days();
    for list in shop.files("lake/processed/sales/_index", ".orphans-product_id") {
        fs_err::remove_file(list).unwrap();
    }
    assert_eq!(failed(&shop)[0].1[0], "orphans that are not listed");
}

/// Given a commit that is gone from a table, when verified, then batch and version are named.
#[test]
fn a_lost_commit() {
    let shop = two_days();
    let commits = shop.files("lake/processed/sales/_delta_log", ".json");
    fs_err::remove_file(commits.last().unwrap()).unwrap();
    let found = failed(&shop);
    assert_eq!(found[0], ("batches".to_owned(), vec!["the commit of batch 2".to_owned()]));
    assert!(shop.output(&["run"]).status.success());
    shop.assert_verified("after the run that made it again");
}

/// Given rows that left quarantine because the contract changed, when verified, then each is counted
/// where it is now, and loading all again gives the same tables.
#[test]
fn rows_that_left_quarantine() {
    let shop = two_days();
    let contract = shop.read("sources/sales.yml");
    let line = contract.lines().find(|line| line.contains("customer_id,")).unwrap();
    shop.put("sources/sales.yml", &contract.replace(line, &line.replace("required: true,", "")));
    assert!(shop.output(&["run"]).status.success());
    let rows = shop.json(&["query", "SELECT count(*) AS n FROM quarantine", "--output", "json"]);
    assert_eq!(rows[0]["n"], 1, "only what cannot be read is left");
    let output = shop.output(&["verify", "--replay"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Given rows that somebody corrected by hand between two days, when verified, then what he wrote is in
/// the archive with its account, and loading all again, corrections in their turn, gives the same tables.
#[test]
fn rows_corrected_by_hand() {
    let shop = two_days();
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    shop.put("inbox/sales/day-3.csv", &format!("{header}T91,C4,P1,3,7.00,2024-03-17 10:00:00\n"));
    assert!(shop.output(&["run"]).status.success());
    assert!(shop.output(&["quarantine", "export", "--dataset", "sales", "--out", "fixes.csv"]).status.success());
    let fixes = shop.read("fixes.csv").replace("T90,,", "T90,C1,").replace("T91,,", "T91,C2,");
    let fixes: Vec<String> = fixes
        .lines()
        .map(|line| if line.contains("T92,") { line.replace("oops", "9.00") } else { line.into() })
        .collect();
    shop.put("fixes.csv", &fixes.join("\n"));
    let outcome = shop.json(&["quarantine", "replay", "fixes.csv", "--json"]);
    let sales = outcome["datasets"].as_array().unwrap().iter().find(|d| d["dataset"] == "sales").unwrap();
    let counts = ["rows_read", "inserted", "updated", "duplicate"].map(|name| sales[name].as_u64().unwrap());
    assert_eq!(counts, [3, 2, 0, 1], "the third day knew better: {outcome}");
    shop.put("inbox/sales/day-4.csv", &format!("{header}T92,C1,P1,1,9.50,2024-03-16 10:00:00\n"));
    assert!(shop.output(&["run"]).status.success());

    let archived = shop.files("lake/archive/_corrections", "fixes.csv").remove(0);
    assert_eq!(fs_err::read_to_string(&archived).unwrap(), shop.read("fixes.csv"));
    let account = shop.files("lake/archive/_corrections", "fixes_metadata.json").remove(0);
    let account: serde_json::Value = serde_json::from_slice(&fs_err::read(account).unwrap()).unwrap();
    let lines: Vec<usize> =
        account["rows"].as_object().unwrap().values().map(|lines| lines.as_array().unwrap().len()).collect();
    assert_eq!((lines.iter().sum::<usize>(), lines.len(), &account["corrects"]), (3, 2, &"sales".into()));
    assert!(
        !shop.shop().join("lake/landing/_corrections").exists()
            || shop.files("lake/landing/_corrections", "").is_empty()
    );
    let output = shop.output(&["verify", "--replay"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    // Once more: nothing of it is in quarantine, and nothing is left in landing.
    assert_eq!(shop.output(&["quarantine", "replay", "fixes.csv"]).status.code(), Some(1));
    assert!(shop.files("lake/landing/_corrections", "").is_empty());
    fs_err::write(archived, "other bytes").unwrap();
    assert_eq!(failed(&shop), [("bytes".to_owned(), vec!["bytes".to_owned(), "sha256".to_owned()])]);
}
