//! A run that ends at any step of the line, and the run after it.

use crate::context::Context;
use crate::days::{drop_second_day, first_day};

/// Cuts the second day's run off at each of `points`, runs again, and compares with a run that was
/// never cut off.
fn cut_off_at(points: &[&str]) {
    let base = first_day();
    let whole = base.copy();
    drop_second_day(&whole);
    assert!(whole.output(&["run"]).status.success());
    let expected = whole.figures();
    for point in points {
        let shop = base.copy();
        drop_second_day(&shop);
        let mut command = shop.command(&["run"]);
        let cut = command.env("SHOPLAKE_FAIL_POINT", point).env("SHOPLAKE__RETRY__ATTEMPTS", "1").output().unwrap();
        if point.ends_with("=error") {
            assert_eq!(cut.status.code(), Some(2), "{point}: {}", String::from_utf8_lossy(&cut.stderr));
        } else {
            assert_eq!(cut.status.code(), None, "{point} was not reached");
        }
        // Whoever looks in between sees the day before or the whole of this one.
        let between = Context::figures(&shop);
        assert!(between == expected || between == base.figures(), "{point}: half a run is seen");
        let again = shop.output(&["run"]);
        assert!(again.status.success(), "{point}: {}", String::from_utf8_lossy(&again.stderr));
        assert_eq!(shop.figures(), expected, "{point}");
        shop.assert_verified(point);
        assert!(shop.files("lake/landing/sales", ".csv").is_empty(), "{point}: not everything is archived");
    }
}

/// Given a run that ends before its decision, when run again, then it is as if it had never ended.
#[test]
fn before_the_decision() {
    cut_off_at(&["landed", "landed:2", "batch-record", "data-file", "data-file:3", "before-publish"]);
}

/// Given a step that fails before the decision, when run again, then it is as if it had not failed.
#[test]
fn a_step_that_fails_before_the_decision() {
    cut_off_at(&[
        "landed=error",
        "batch-record=error",
        "data-file:2=error",
        "data-file:8=error",
        "before-publish=error",
    ]);
}

/// Given a run that ends between its decision and its last commit, when run again, then it is rolled
/// forward.
#[test]
fn between_decision_and_commits() {
    cut_off_at(&[
        "after-publish",
        "between-commits",
        "between-commits:4",
        "after-publish=error",
        "between-commits:2=error",
    ]);
}

/// Given a run that ends after its commits, when run again, then archive, state and report catch up.
#[test]
fn after_the_commits() {
    cut_off_at(&[
        "before-archive",
        "between-archived",
        "between-archived:2=error",
        "before-state",
        "before-state=error",
        "before-reports",
        "after-reports",
    ]);
}

/// Given a fail point that does not exist, when run, then it says which there are and touches nothing.
#[test]
fn a_fail_point_that_does_not_exist() {
    let shop = first_day();
    drop_second_day(&shop);
    let output = shop.command(&["run"]).env("SHOPLAKE_FAIL_POINT", "lnded").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`lnded` is not a fail point"), "{output:?}");
}

/// Given a step that fails once, when run, then it is tried again, and the run is as if it had not failed: it
/// publishes once, and says what it did.
#[test]
fn a_step_that_fails_is_tried_again() {
    let base = first_day();
    let whole = base.copy();
    drop_second_day(&whole);
    let expected = whole.json(&["run", "--json"]);
    for point in [
        "landed",
        "batch-record",
        "data-file:2",
        "before-publish",
        "after-publish",
        "between-commits:2",
        "before-state",
    ] {
        let shop = base.copy();
        drop_second_day(&shop);
        let mut command = shop.command(&["run", "--json", "-q"]);
        command.env("SHOPLAKE_FAIL_POINT", format!("{point}=error")).env("SHOPLAKE__RETRY__WAIT", "0s");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{point}: {}", String::from_utf8_lossy(&output.stderr));
        let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("tried again"), "{point} was not reached: {said}");
        for counted in ["rows_read", "inserted", "updated", "duplicate", "rejected"] {
            let of = |outcome: &serde_json::Value| -> Vec<serde_json::Value> {
                outcome["datasets"].as_array().unwrap().iter().map(|dataset| dataset[counted].clone()).collect()
            };
            assert_eq!(of(&outcome), of(&expected), "{point}: {counted}");
        }
        assert_eq!(shop.figures(), whole.figures(), "{point}");
        shop.assert_verified(point);
    }
}
