//! What must hold of a lake that is not a folder of the project, wherever it is. [`crate::shared_folder`]
//! runs it on a folder behind an object store, [`crate::s3`] on a real S3 server.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::days::{drop_second_day, first_day, first_day_of};

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// Every step of the line at which a run is cut off.
pub(crate) const POINTS: [&str; 13] = [
    "landed",
    "landed:2",
    "batch-record",
    "data-file:3",
    "before-publish",
    "after-publish",
    "between-commits",
    "between-commits:4",
    "before-archive",
    "between-archived",
    "before-state",
    "before-reports",
    "after-reports",
];

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeed(shop: &Context, arguments: &[&str]) {
    let output = shop.output(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
}

/// What leaves quarantine as rows to correct.
fn exported(shop: &Context) -> String {
    String::from_utf8(shop.output(&["quarantine", "export", "--dataset", "sales"]).stdout).unwrap()
}

/// Given the same days here and there, then everything that can be asked of the two says the same: also
/// on a machine that never ran, after a restore, and after a vacuum.
pub(crate) fn the_same_as_in_a_folder(lake: &str) {
    let (here, there) = (first_day(), first_day_of(Context::with_shop_at(lake)));
    for shop in [&here, &there] {
        drop_second_day(shop);
        succeed(shop, &["run"]);
    }
    assert!(!there.shop().join("lake").exists(), "nothing goes to the folder that a lake is in unless stated");
    let other = there.on_another_machine();
    for restored in [false, true] {
        if restored {
            for shop in [&here, &there] {
                succeed(shop, &["table", "restore", "sales", "--version", "0"]);
            }
        }
        for shop in [&there, &other] {
            assert_eq!(here.figures(), shop.figures(), "restored: {restored}");
            let verified = shop.output(&["verify", "--replay"]);
            assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
            assert_eq!(exported(&here), exported(shop));
        }
    }
    let versions = |shop: &Context| {
        let versions = shop.json(&["table", "history", "sales", "--json"]).as_array().unwrap().clone();
        let told = versions.into_iter().map(|v| (v["version"].clone(), v["rows"].clone(), v["restored"].clone()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(versions(&here), versions(&other));
    succeed(&there, &["table", "vacuum"]);
    succeed(&there, &["report"]);
    let status = there.json(&["status", "--json"]);
    assert_eq!(status["lake"], lake);
    let parts = ["archive", "processed", "quarantine", "reports"];
    assert!(parts.iter().all(|part| status["bytes"][part].as_u64() > Some(0)), "{}", status["bytes"]);
    // The copies here are a cache: without them all is as before.
    fs_err::remove_dir_all(there.shop().join(".shoplake/mirror")).unwrap();
    assert_eq!(here.figures(), there.figures());
}

/// A day of one machine's own: new sales, and corrections of its day before.
fn drop_day(shop: &Context, machine: &str, round: u32) {
    let before = round.saturating_sub(1);
    let day = round % 28 + 1;
    let fresh = (0..10).map(|n| format!("{machine}{round}-{n},C{n},P1,1,{n}.50,2024-03-{day:02} 10:00:00\n"));
    let corrected = (0..3).map(|n| format!("{machine}{before}-{n},C{n},P1,1,{round}.75,2024-03-01 10:00:00\n"));
    let rows: String = fresh.chain(corrected).collect();
    let dirt = format!("B{machine}{round},,P1,1,5.00,2024-03-01 10:00:00\n");
    shop.put(&format!("inbox/sales/{machine}-{round}.csv"), &format!("{HEADER}{rows}{dirt}"));
}

/// Given two machines whose runs start at the same moment, time after time, then one waits for the
/// other, both end well, and the figures are those of one machine that got all of it.
pub(crate) fn two_machines_at_once(lake: &str, rounds: u32) {
    let (first, one) = (Context::with_shop_at(lake), Context::with_shop());
    let second = first.on_another_machine();
    for round in 1..=rounds {
        drop_day(&first, "a", round);
        drop_day(&second, "b", round);
        let runs = [&first, &second].map(|shop| quiet(&mut shop.command(&["run"])).spawn().unwrap());
        for run in runs {
            let ended = run.wait_with_output().unwrap();
            assert!(ended.status.success(), "round {round}: {}", stderr(&ended));
        }
        drop_day(&one, "a", round);
        drop_day(&one, "b", round);
        succeed(&one, &["run"]);
    }
    assert_eq!(one.figures(), first.figures());
    assert_eq!(one.figures(), second.figures());
    first.assert_verified("on the first machine");
    second.assert_verified("on the second machine");
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped())
}

/// Given a run that dies at any step on one machine, when another runs, then it is as if the first had
/// never died; and the first, when it comes back, has nothing left to do.
pub(crate) fn killed_here_continued_there<'a>(
    points: impl Iterator<Item = &'a &'static str>,
    mut lake: impl FnMut() -> String,
) {
    let whole = first_day();
    drop_second_day(&whole);
    succeed(&whole, &["run"]);
    let (expected, before) = (whole.figures(), first_day().figures());
    for point in points {
        let here = first_day_of(Context::with_shop_at(&lake()));
        drop_second_day(&here);
        let cut = here.command(&["run"]).env("SHOPLAKE_FAIL_POINT", point).output().unwrap();
        assert_eq!(cut.status.code(), None, "{point} was not reached: {}", stderr(&cut));
        let there = here.on_another_machine();
        let between = there.figures();
        assert!(between == expected || between == before, "{point}: half a run is seen");
        succeed(&there, &["run"]);
        assert_eq!(there.figures(), expected, "{point}");
        there.assert_verified(point);
        succeed(&here, &["run"]);
        assert_eq!(here.figures(), expected, "{point}: the machine that came back");
        here.assert_verified(point);
    }
}

/// A run that is in the middle of its batch, slow on its way to the store.
fn slow_run(shop: &Context) -> Child {
    let mut command = shop.command(&["run", "--quiet"]);
    command.env("SHOPLAKE_FAULT_STORE", "seed=1,delay=250");
    let run = quiet(&mut command).spawn().unwrap();
    let began = Instant::now();
    // Its data files appear here before they are sent.
    while !shop.files(".shoplake/mirror", ".parquet").iter().any(|path| batch_of(path) == Some(2)) {
        assert!(began.elapsed() < Duration::from_mins(1), "the slow run wrote nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    run
}

fn batch_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("part-")?.split('-').next()?.parse().ok()
}

fn signal(run: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &run.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Given a run that stands still for longer than a writer may be silent, when another machine has taken
/// its lease over and the first goes on, then it cannot publish, says so, and nothing is there twice.
pub(crate) fn a_lease_that_was_taken_over(lake: &str) {
    let whole = first_day();
    drop_second_day(&whole);
    succeed(&whole, &["run"]);
    let here = first_day_of(Context::with_shop_at(lake));
    let there = here.on_another_machine();
    drop_second_day(&here);
    let still = slow_run(&here);
    signal(&still, "-STOP");
    // What the first machine landed waits in the lake, for whoever comes.
    succeed(&there, &["run"]);
    signal(&still, "-CONT");
    let ended = still.wait_with_output().unwrap();
    let words = stderr(&ended);
    assert_eq!(ended.status.code(), Some(1), "{words}");
    assert!(words.contains("took over the lease") || words.contains("was set aside by another run"), "{words}");
    assert_eq!(there.figures(), whole.figures());
    succeed(&here, &["run"]);
    assert_eq!(here.figures(), whole.figures());
    here.assert_verified("on the machine that was taken for dead");
    there.assert_verified("on the machine that took over");
}

/// Given a run on one machine, when another must not wait, then it ends with exit code 1, says who works
/// there, and touches nothing.
pub(crate) fn a_run_that_must_not_wait(lake: &str) {
    let here = first_day_of(Context::with_shop_at(lake));
    let there = here.on_another_machine();
    drop_second_day(&here);
    drop_day(&there, "b", 1);
    let slow = slow_run(&here);
    let refused = there.output(&["run", "--no-wait"]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(stderr(&refused).contains(&format!("another run is working on `{lake}`")), "{}", stderr(&refused));
    assert!(there.shop().join("inbox/sales/b-1.csv").exists());
    let ended = slow.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", stderr(&ended));
}
