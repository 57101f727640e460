//! Two runs at the same moment on one project.

use crate::context::Context;

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// How many times; `SHOPLAKE_TEST_ROUNDS=50` takes the long form.
fn rounds() -> u32 {
    std::env::var("SHOPLAKE_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

/// A day with new sales, corrections of the day before, and a row that is rejected.
fn drop_day(shop: &Context, round: u32) {
    let before = round.saturating_sub(1);
    let fresh = (0..10).map(|n| format!("T{round}-{n},C{n},P1,1,{n}.50,2024-03-{:02} 10:00:00\n", round % 28 + 1));
    let corrected = (0..3).map(|n| format!("T{before}-{n},C{n},P1,1,{round}.75,2024-03-01 10:00:00\n"));
    let dirt = format!("B{round},,P1,1,5.00,2024-03-01 10:00:00\n");
    shop.put(
        &format!("inbox/sales/day-{round}.csv"),
        &format!("{HEADER}{}{dirt}", fresh.chain(corrected).collect::<String>()),
    );
}

/// Given two runs that start at the same moment, time after time, then one waits for the other, both
/// end well, and the figures are those of one run a day.
#[test]
fn two_runs_at_once() {
    let (twice, once) = (Context::with_shop(), Context::with_shop());
    for round in 1..=rounds() {
        drop_day(&twice, round);
        let runs = [0, 1].map(|_| twice.command(&["run", "--quiet"]).spawn().unwrap());
        for run in runs {
            let ended = run.wait_with_output().unwrap();
            assert!(ended.status.success(), "round {round}: {}", String::from_utf8_lossy(&ended.stderr));
        }
        drop_day(&once, round);
        assert!(once.output(&["run"]).status.success());
    }
    assert_eq!(twice.figures(), once.figures());
    twice.assert_verified("after the last round");
}

/// Given a run that holds the project, when another must not wait, then it ends with exit code 1 and
/// touches nothing.
#[test]
fn a_run_that_must_not_wait() {
    let shop = Context::with_shop();
    drop_day(&shop, 1);
    fs_err::create_dir_all(shop.shop().join(".shoplake")).unwrap();
    let held = fs_err::File::create(shop.shop().join(".shoplake/lock")).unwrap();
    held.file().lock().unwrap();
    let output = shop.output(&["run", "--no-wait"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shop.shop().join("inbox/sales/day-1.csv").exists());
}
