//! When the pipeline runs by itself, and that it does.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use crate::context::{Context, snapshot};
use crate::scheduler::{Scheduler, events, log, send, wait_for, wait_for_load};

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

fn in_berlin(schedule: &str) -> Context {
    let shop = Context::with_shop();
    let settings = shop.read("shoplake.yml").replace("time_zone: UTC ", "time_zone: Europe/Berlin ");
    assert!(settings.contains("Europe/Berlin"));
    shop.put("shoplake.yml", &settings.replace("schedule: \"0 6 * * *\"", schedule));
    shop
}

/// Given both changes of the clock, when asked for the next runs, then they stand by the shop's clock, and
/// for programs as instants.
#[test]
fn the_next_runs() {
    let shop = in_berlin("schedule: \"30 2 * * *\"");
    let output = shop.output(&["schedule", "next", "--from", "2024-03-29 12:00", "--count", "3"]);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(words, "Sat 2024-03-30 02:30 CET\nSun 2024-03-31 03:00 CEST\nMon 2024-04-01 02:30 CEST\n");
    snapshot!(shop, ["schedule", "next", "--from", "2024-10-26T00:00:00Z", "--count", "3", "--json", "-q"], @r#"
    exit: 0
    ----- stdout
    [
      "2024-10-26T02:30:00+02:00",
      "2024-10-27T02:30:00+02:00",
      "2024-10-28T02:30:00+01:00"
    ]
    ----- stderr
    "#);
    snapshot!(shop, ["schedule", "next", "--from", "2024-03-31 02:30"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: [MOMENT]:00 does not exist in Europe/Berlin: the clock skips it
    hint: name a moment before or after, or one with an offset
    ");
    let years = shop.json(&["schedule", "next", "--count", "1000", "--json"]);
    assert_eq!(years.as_array().unwrap().len(), 1000);
}

/// Given no schedule, then there are no next runs, and it says how to state one.
#[test]
fn no_schedule() {
    let shop = in_berlin("");
    snapshot!(shop, ["schedule", "next", "--json"], @r#"
    exit: 0
    ----- stdout
    []
    ----- stderr
    there is no `schedule` in shoplake.yml, for example `schedule: "0 6 * * *"`
    "#);
    snapshot!(shop, ["schedule", "log"], @"
    exit: 0
    ----- stdout
    ----- stderr
    nothing was scheduled yet: `shoplake schedule run` works while it runs
    ");
}

/// Waits until the log of the schedule has so many ends of runs.
fn wait_for_ends(shop: &Context, ends: usize) -> Vec<Value> {
    for _ in 0..600 {
        let lines = log(shop);
        if lines.iter().filter(|line| line["event"] != "started").count() >= ends {
            return lines;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("no run has ended: {:?}", log(shop));
}

fn rows(shop: &Context) -> Value {
    shop.json(&["query", "SELECT count(*) AS rows FROM sales", "--output", "json"])[0]["rows"].clone()
}

/// Given the schedule at work, when a file is written slowly into the inbox, then one run takes all of it once
/// it rests; when its process is killed and another begins, that one goes on; and a stop is no failure.
#[test]
fn a_file_that_arrives_is_loaded() {
    let shop = in_berlin("");
    let scheduler = Scheduler::start(&shop, &[("SHOPLAKE__ARRIVAL__SETTLE", "3s")]);
    let path = shop.shop().join("inbox/sales/slow.csv");
    let mut file = fs_err::File::create(&path).unwrap();
    file.write_all(HEADER.as_bytes()).unwrap();
    for row in 0..8 {
        writeln!(file, "T{row},C1,P1,1,10.00,2024-03-15 10:00:00").unwrap();
        file.flush().unwrap();
        std::thread::sleep(Duration::from_millis(700));
    }
    drop(file);
    let lines = wait_for_ends(&shop, 1);
    assert_eq!(lines[0]["note"], "a file has arrived");
    assert_eq!((lines.len(), &lines[1]["event"]), (2, &"done".into()), "{lines:?}");
    assert_eq!(rows(&shop), 8);
    let runs = shop.json(&["status", "--json"]);
    let run = lines[1]["run"].as_str().unwrap();
    assert!(runs.to_string().contains(run), "the log names the run");

    scheduler.signal("-KILL");
    drop(scheduler);
    shop.put("inbox/sales/next.csv", &format!("{HEADER}T9,C1,P1,1,10.00,2024-03-15 10:00:00\n"));
    let mut scheduler = Scheduler::start(&shop, &[]);
    let lines = wait_for_ends(&shop, 2);
    assert_eq!((lines.len(), rows(&shop)), (4, 9.into()), "{lines:?}");
    scheduler.signal("-TERM");
    assert!(scheduler.0.wait().unwrap().success());
}

/// Given a schedule that is due each minute, then it runs with nothing in the inbox too.
#[test]
fn a_run_that_is_due_begins() {
    let shop = in_berlin("schedule: \"* * * * *\"");
    let _scheduler = Scheduler::start(&shop, &[]);
    let lines = wait_for_ends(&shop, 1);
    assert_eq!((&lines[0]["event"], &lines[1]["event"]), (&"started".into(), &"done".into()), "{lines:?}");
    assert!(
        lines[0]["due"].as_str().unwrap().ends_with(":00.000000Z")
            || lines[0]["due"].as_str().unwrap().ends_with(":00Z")
    );
}

fn many(rows: u32) -> String {
    let rows: String = (0..rows).map(|n| format!("L{n},C1,P1,1,10.00,2024-03-15 10:00:00\n")).collect();
    format!("{HEADER}{rows}")
}

/// Given a run that the schedule began, when its process is killed while it loads, then it is begun again, its rows are
/// there once, and the log of the schedule knows one run; and so it is when the schedule is killed with it, by the one
/// that comes next.
#[test]
fn a_run_that_is_killed_is_begun_again() {
    let shop = in_berlin("");
    let scheduler = Scheduler::start(&shop, &[]);
    shop.put("inbox/sales/many.csv", &many(200_000));
    wait_for_load(&shop);
    let run = scheduler.run().unwrap();
    send("-KILL", &run);
    wait_for("another run", || scheduler.run().filter(|again| *again != run));
    let lines = wait_for_ends(&shop, 1);
    assert_eq!(events(&lines), ["started", "done"], "{lines:?}");
    assert_eq!(rows(&shop), 200_000);
    let told = shop.output(&["logs", "--json", "--grep", "a run died"]);
    assert_eq!(String::from_utf8_lossy(&told.stdout).lines().count(), 1, "it is told");

    shop.put("inbox/sales/more.csv", &many(300_000));
    wait_for_load(&shop);
    let run = scheduler.run().unwrap();
    scheduler.signal("-KILL");
    send("-KILL", &run);
    drop(scheduler);
    assert_eq!(rows(&shop), 200_000, "nothing is half done");
    let _next = Scheduler::start(&shop, &[]);
    let lines = wait_for_ends(&shop, 2);
    assert_eq!(events(&lines), ["started", "done", "started", "started", "done"], "{lines:?}");
    assert_eq!(lines[3]["note"], "again, since it was cut off");
    assert_eq!(rows(&shop), 300_000);
    let status = shop.json(&["status", "--json"]);
    let published = status["runs"].as_array().unwrap().iter().filter(|run| !run["outcome"]["batch"].is_null());
    assert_eq!(published.count(), 2, "each file was published once: {status}");
    shop.assert_verified("after two kills");
}
