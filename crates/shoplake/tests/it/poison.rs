//! Files that end the process that loads them, and runs that are told to end.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::context::Context;
use crate::days::first_day;
use crate::scheduler::wait_for;

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// A file that takes a while to load.
fn large(shop: &Context, name: &str) {
    let rows: String = (0..600_000).map(|n| format!("L{n},C1,P1,1,10.00,2024-03-15 10:00:00\n")).collect();
    shop.put(&format!("inbox/sales/{name}"), &format!("{HEADER}{rows}"));
}

fn attempts(shop: &Context) -> Value {
    let text = fs_err::read(shop.shop().join(".shoplake/attempts.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Waits until a run loads a file of which so many have failed before.
fn wait_for_load(shop: &Context) {
    let loading = |known: &Value| {
        known.as_object().is_some_and(|files| files.values().any(|file| file["loading"] == Value::Bool(true)))
    };
    for _ in 0..60_000 {
        if loading(&attempts(shop)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no file is being loaded");
}

/// A run in a process of its own, which may be killed.
fn start(shop: &Context) -> Child {
    let mut command = shop.command(&["run", "-q"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// As if the process had been killed while it loaded: the mark of it stays.
fn killed_while_loading(shop: &Context) {
    let mut run = start(shop);
    // The mark of the run before is still there: this one's is told by its number.
    let before = failed(shop);
    for _ in 0..60_000 {
        if failed(shop) > before {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(failed(shop), before + 1, "it was killed while it loaded");
}

fn failed(shop: &Context) -> u64 {
    attempts(shop).as_object().map_or(0, |files| files.values().filter_map(|file| file["failed"].as_u64()).sum())
}

/// Given a file whose load ends the process three times, when run again, then it is set aside with its reason,
/// the file beside it is loaded, and `retry --file` takes it again.
#[test]
fn a_file_that_ends_the_process_is_set_aside() {
    let shop = first_day();
    large(&shop, "bad.csv");
    for _ in 0..3 {
        killed_while_loading(&shop);
    }
    shop.put("inbox/sales/good.csv", &format!("{HEADER}G1,C1,P1,1,10.00,2024-03-15 10:00:00\n"));
    let run = shop.output(&["run", "--json", "-q"]);
    assert_eq!(run.status.code(), Some(1), "{}", String::from_utf8_lossy(&run.stderr));
    let good = shop.json(&["query", "SELECT count(*) AS n FROM sales WHERE transaction_id = 'G1'", "--output", "json"]);
    assert_eq!(good[0]["n"], 1, "the rest goes on");
    let status = shop.json(&["status", "--json"]);
    let waiting = status["waiting"].as_array().unwrap();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    let error = waiting[0]["file"]["error"].as_str().unwrap();
    assert!(error.contains("set aside, since its load failed 3 times"), "{error}");
    let text = shop.run(&["status"]);
    assert!(text.contains("shoplake retry --file bad.csv"), "{text}");

    assert!(shop.output(&["run", "-q"]).status.success(), "it is left alone from now on");
    let unknown = shop.output(&["retry", "--file", "other.csv"]);
    assert_eq!(unknown.status.code(), Some(2));
    let again = shop.output(&["retry", "--file", "bad.csv"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let rows =
        shop.json(&["query", "SELECT count(*) AS n FROM sales WHERE transaction_id LIKE 'L%'", "--output", "json"]);
    assert_eq!(rows[0]["n"], 600_000);
    assert_eq!(attempts(&shop), serde_json::json!({}));
    shop.assert_verified("after the release");
}

/// Given a run that waits for an API, when it is killed, then what it had used until shortly before was spent, and the run
/// seems to go on only until the next one begins.
#[test]
fn what_a_killed_run_used_was_spent() {
    let shop = first_day();
    let spent = shop.json(&["cost", "--json"])["runs"].as_array().unwrap().len();
    // It takes a connection and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    shop.put(
        "sources/people.yml",
        &format!("name: people\nformat: json\nfrom: {{ rest_api: {{ base_url: \"{url}\", path: people }} }}\nkey: [id]\ncolumns:\n  - {{ name: id, type: string, required: true }}\n"),
    );
    let mut run = start(&shop);
    let metered = wait_for("the note of what it used", || {
        let metered = shop.json(&["cost", "--json"])["runs"].as_array().unwrap().clone();
        (metered.len() > spent).then(|| metered[0].clone())
    });
    run.kill().unwrap();
    run.wait().unwrap();
    let last = |shop: &Context| shop.json(&["status", "--json"])["runs"][0].clone();
    assert_eq!(metered["run_id"], last(&shop)["run_id"]);
    assert!(metered["seconds"].as_f64().unwrap() >= 5.0, "{metered}");
    fs_err::remove_file(shop.shop().join("sources/people.yml")).unwrap();
    assert!(shop.output(&["run", "-q"]).status.success());
    let cost = shop.json(&["cost", "--json"]);
    assert_eq!(cost["runs"].as_array().unwrap().len(), spent + 2, "each run once: {cost}");
    let runs = shop.json(&["status", "--json"])["runs"].clone();
    assert_eq!((&runs[0]["unfinished"], &runs[1]["unfinished"]), (&false.into(), &true.into()), "{runs}");
}

/// Given a run that is told to end while it loads, then it ends at once with nothing half done and no file to
/// blame, what it used is metered, and `retry` does the whole of it.
#[test]
fn a_run_that_is_told_to_end() {
    let shop = first_day();
    let before = shop.figures();
    let metered = || shop.json(&["cost", "--runs", "100", "--json"])["runs"].as_array().unwrap().len();
    let spent = metered();
    large(&shop, "day-2.csv");
    for signal in ["-INT", "-TERM", "-INT", "-TERM"] {
        let run = start(&shop);
        wait_for_load(&shop);
        let pid = run.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("the run was told to end"), "{said}");
        assert_eq!(attempts(&shop), serde_json::json!({}), "no file is to blame");
        assert_eq!(shop.figures(), before, "nothing is half done");
    }
    assert_eq!(metered(), spent + 4, "what they used was spent");
    let runs = shop.json(&["status", "--json"])["runs"].clone();
    assert_eq!(runs[0]["unfinished"], true, "it does not seem to go on: {runs}");
    let retried = shop.output(&["retry"]);
    assert!(retried.status.success(), "{}", String::from_utf8_lossy(&retried.stderr));
    let rows =
        shop.json(&["query", "SELECT count(*) AS n FROM sales WHERE transaction_id LIKE 'L%'", "--output", "json"]);
    assert_eq!(rows[0]["n"], 600_000);
    shop.assert_verified("after the retry");
    let nothing = shop.output(&["retry"]);
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing to retry"));
}
