//! Values against the seed's contract: which row is good, and what a bad one is told.

use shoplake_core::contract::OnChange;
use shoplake_core::{FaultKind, Reason};

use crate::{Outcome, judge, judge_named, options, sales};

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

fn judge_rows(rows: &str) -> Outcome {
    judge(format!("{HEADER}{rows}"), &sales()).unwrap()
}

#[test]
fn a_good_row_is_typed() {
    let outcome = judge_rows("T1, C1 ,P4,+2,19.9,2024-01-01 00:00:12\n");
    assert_eq!(outcome.rows, ["T1|C1|P4|2|19.90|2024-01-01T00:00:12Z"]);
    assert_eq!((outcome.keys.len(), outcome.contents.len()), (1, 1));
}

/// Given one broken value in each row, when judged, then reason, rule and column name it.
#[test]
fn bad_rows_are_told_why() {
    for (row, reason, rule, column) in [
        ("T1,C1,P4,2.0,1.00,2024-01-01", Reason::Malformed, "type: integer", "quantity"),
        ("T1,C1,P4,2,1.005,2024-01-01", Reason::Malformed, "type: decimal(12,2)", "amount"),
        ("T1,C1,P4,2,1.00,01/02/2024", Reason::Malformed, "type: timestamp", "transaction_date"),
        ("T1,,P4,2,1.00,2024-01-01", Reason::Missing, "required", "customer_id"),
        ("\"  \",C1,P4,2,1.00,2024-01-01", Reason::Missing, "required", "transaction_id"),
        ("T1,C1,P4,0,1.00,2024-01-01", Reason::Range, "min: 1", "quantity"),
        ("T1,C1,P4,1,-0.01,2024-01-01", Reason::Range, "min: 0", "amount"),
    ] {
        let outcome = judge_rows(row);
        let first = outcome.rejects[0].first().unwrap();
        assert_eq!((first.reason, first.rule.as_str(), first.column.as_deref()), (reason, rule, Some(column)), "{row}");
        assert_eq!(outcome.reading.rejects.get(&reason), Some(&1), "{row}");
    }
}

/// Given a row that breaks several rules, when judged, then all are listed, the least reason names it,
/// and the money at stake is told.
#[test]
fn all_broken_rules_are_listed() {
    let outcome = judge_rows("T1,C1,,0,-5,yesterday\n");
    let reject = &outcome.rejects[0];
    let rules: Vec<_> = reject.violations.iter().map(|v| v.rule.as_str()).collect();
    assert_eq!(rules, ["required", "min: 1", "min: 0", "type: timestamp"]);
    assert_eq!(reject.first().unwrap().rule, "type: timestamp");
    assert_eq!((reject.money.as_deref(), reject.raw.as_str()), (Some("-5.00"), "T1,C1,,0,-5,yesterday"));
    assert_eq!(outcome.rows.len() + outcome.lines.len() + outcome.keys.len(), 0, "nothing of it is in the batch");
}

/// Given good and bad rows in turn, when judged, then the bad leave no trace in the good.
#[test]
fn bad_rows_leave_no_trace() {
    let outcome = judge_rows("T1,C1,P1,1,1.00,2024-01-01\nT2,C2,P2,x,,\nT3,C3,P3,3,3.00,2024-01-03\n");
    assert_eq!(outcome.rows, ["T1|C1|P1|1|1.00|2024-01-01T00:00:00Z", "T3|C3|P3|3|3.00|2024-01-03T00:00:00Z"]);
    assert_eq!(outcome.lines, [2, 4]);
}

/// Given the same values written in two ways, when hashed, then key and content are the same.
#[test]
fn hashes_are_of_typed_values() {
    let outcome = judge_rows("T1,Zoe\u{308},P,1,1.5,2024-01-01\n\"T1\",Zoë,P,+01,1.50,2024-01-01T00:00:00Z\n");
    assert_eq!(outcome.keys[0], outcome.keys[1]);
    assert_eq!(outcome.contents[0], outcome.contents[1]);
}

#[test]
fn local_times_that_do_not_exist() {
    let new_york = crate::ReadOptions { zone: chrono_tz::America::New_York, ..options() };
    let text = format!("{HEADER}T1,C,P,1,1,2024-03-10 02:30:00\nT2,C,P,1,1,2024-03-09 23:45:00\n");
    let outcome = judge_named("day.csv", text.as_bytes(), &sales(), &new_york).unwrap();
    assert_eq!(outcome.rejected(), [(2, "time: does not exist")]);
    assert_eq!(outcome.rows, ["T2|C|P|1|1.00|2024-03-10T04:45:00Z"]);
}

/// Given a value that is not of its type, when the contract has another word for it, then that holds.
#[test]
fn what_happens_to_values_of_another_type() {
    let text = format!("{HEADER}T1,C,P,1,1,2024-01-01\nT2,C,P,many,1,2024-01-01\n");
    let mut contract = sales();
    contract.schema_change.types = OnChange::DiscardValue;
    assert_eq!(judge(&text, &contract).unwrap().rejected(), [(3, "required")]);
    contract.columns[3].required = false;
    assert_eq!(judge(&text, &contract).unwrap().rows[1], "T2|C|P|∅|1.00|2024-01-01T00:00:00Z");
    contract.schema_change.types = OnChange::Freeze;
    let fault = judge(&text, &contract).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Data);
    assert_eq!(fault.to_string(), "inbox/sales/day.csv:3: `many` in column `quantity` breaks `type: integer`");
}

/// Given a column beyond the contract, when rows fill it, then `schema_change.columns` decides.
#[test]
fn columns_beyond_the_contract() {
    let text = format!("{},Note\nT1,C,P,1,1,2024-01-01,\nT2,C,P,1,1,2024-01-01,hi\n", HEADER.trim_end());
    let mut contract = sales();
    let outcome = judge(&text, &contract).unwrap();
    assert_eq!(outcome.reading.new_columns, ["note"]);
    assert_eq!(outcome.rows[1], "T2|C|P|1|1.00|2024-01-01T00:00:00Z|hi");
    contract.schema_change.columns = OnChange::DiscardRow;
    let outcome = judge(&text, &contract).unwrap();
    assert_eq!((outcome.rows.len(), outcome.rejected()), (1, vec![(3, "columns: discard_row")]));
    assert_eq!(outcome.reading.rejects.get(&Reason::Contract), Some(&1));
}
