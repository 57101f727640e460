//! The state on a real PostgreSQL server. Only `cargo xtask postgres` runs these, and `cargo xtask test` with it: it
//! starts the server, and says where it is in `SHOPLAKE_TEST_POSTGRES` and whom it is signed by in
//! `SHOPLAKE_TEST_POSTGRES_CA`.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::alerts::Hook;
use crate::context::Context;
use crate::scheduler::{Scheduler, events, log, send, wait_for, wait_for_load};

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: `cargo xtask postgres` starts a server and runs these tests"))
}

fn server() -> String {
    variable("SHOPLAKE_TEST_POSTGRES")
}

/// A shop whose state is in a schema of its own, and the schema.
fn shop() -> (Context, String) {
    with_state(Context::with_shop())
}

fn with_state(shop: Context) -> (Context, String) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let settings = shop.read("shoplake.yml").replace("name: \"shop\"", &format!("name: shop{now}"));
    let settings = settings.replace("schedule: \"0 6 * * *\"", "state: \"${STATE_URL}\"");
    assert!(settings.contains("STATE_URL") && settings.contains(&format!("shop{now}")), "{settings}");
    shop.put("shoplake.yml", &settings);
    state_at(&shop, &server());
    (shop, format!("shoplake_shop{now}"))
}

fn state_at(shop: &Context, url: &str) {
    shop.put(".env", &format!("STATE_URL={url}\n"));
}

/// What the server says to somebody else.
fn sql(text: &str) -> String {
    asked(text).unwrap_or_else(|error| panic!("{error}"))
}

fn asked(text: &str) -> Result<String, String> {
    let said = Command::new("psql").args([&server(), "-Atqc", text]).output().unwrap();
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if said.status.success() { Ok(words(&said.stdout)) } else { Err(words(&said.stderr)) }
}

fn sales(rows: u32) -> String {
    let mut text = HEADER.to_owned();
    for row in 0..rows {
        writeln!(text, "T{row},C{},P{},1,10.00,2024-03-{:02} 10:00:00", row % 977, row % 83, 1 + row % 31).unwrap();
    }
    text
}

/// Which of the instances has started a run, and its process.
fn running(instances: &[Scheduler]) -> Option<(usize, String)> {
    instances.iter().enumerate().find_map(|(place, instance)| Some((place, instance.run()?)))
}

/// One run has published, and each of the rows is there once.
fn assert_once(shop: &Context, rows: u32) {
    let found = shop.json(&["query", "SELECT count(*) AS n, sum(amount) AS s FROM sales", "--output", "json"]);
    assert_eq!(found, json!([{ "n": rows, "s": format!("{}.00", rows * 10) }]));
    let status = shop.json(&["status", "--json"]);
    let batches = status["runs"].as_array().unwrap().iter().filter(|run| !run["outcome"]["batch"].is_null());
    assert_eq!(batches.count(), 1, "one run has published: {status}");
}

/// Waits until the log of the schedule says that a run is done.
fn wait_for_its_end(shop: &Context) -> Vec<Value> {
    wait_for("the end of the run", || Some(log(shop)).filter(|lines| events(lines).contains(&"done")))
}

/// Given a state on PostgreSQL, then runs, their log, alerts, cost and `doctor` work as on a file, and no file is made.
#[test]
fn the_same_as_in_a_file() {
    let (shop, schema) = shop();
    shop.put("inbox/sales/day.csv", &sales(50));
    let run = shop.output(&["run", "-q"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    shop.put("inbox/sales/day-2.csv", &(sales(60) + "T9,C1,P1,x,1.00,2024-03-01 10:00:00\n"));
    assert!(shop.output(&["run", "-q"]).status.success());
    let status = shop.json(&["status", "--json"]);
    assert_eq!((status["runs"].as_array().unwrap().len(), &status["last_batch"]), (2, &json!(2)), "{status}");
    let counts = &status["files"][0]["file"];
    assert_eq!((&counts["inserted"], &counts["duplicate"], &counts["rejected"]), (&json!(10), &json!(50), &json!(1)));
    assert_eq!(shop.output(&["alert", "check"]).status.code(), Some(0), "nothing is wrong");
    let alert = "name: sold\nseverity: info\nwhen: { sql: { query: \"SELECT product_id FROM sales\" } }\n";
    shop.put("alerts/sold.yml", alert);
    assert_eq!(shop.output(&["alert", "check"]).status.code(), Some(1), "it fires");
    assert!(!shop.json(&["cost", "--json"])["runs"].as_array().unwrap().is_empty());
    shop.output(&["query", "SELECT 1"]);
    assert_ne!(shop.output(&["doctor"]).status.code(), Some(2));
    shop.assert_verified("with the state on PostgreSQL");
    assert!(!shop.shop().join(".shoplake/state.db").exists());
    assert_eq!(sql(&format!("SELECT count(*) FROM {schema}.runs")), "2");

    // It is a memory: dropped, the next run makes it anew from the lake.
    sql(&format!("DROP SCHEMA {schema} CASCADE"));
    shop.put("inbox/sales/day-3.csv", &sales(70));
    assert!(shop.output(&["run", "-q"]).status.success());
    assert_eq!(shop.json(&["status", "--json"])["last_batch"], 3);
    let rows = shop.json(&["query", "SELECT count(*) AS n FROM sales", "--output", "json"]);
    assert_eq!(rows[0]["n"], 70);
}

/// Given an address that leads nowhere or lets nobody in, then it is exit code 2 with what to do, in seconds; and neither
/// what is printed nor the log that is kept has the password.
#[test]
fn who_is_not_let_in() {
    let (shop, _) = shop();
    assert!(shop.output(&["run", "-q"]).status.success());
    let (good, password) = (server(), "hunter2-and-more");
    let secret = good.split(':').nth(2).unwrap().split('@').next().unwrap();
    let wrong = [
        (good.replace(secret, password), "does not let this user in", "look at user and password"),
        (
            good.replace(&format!("shoplake:{secret}"), &format!("nobody:{password}")),
            "does not let this user in",
            "user",
        ),
        (good.replace("/postgres", "/nowhere"), "is not there", "createdb"),
        (format!("postgres://shop:{password}@127.0.0.1:9/shop"), "cannot be reached", "whether the server runs"),
    ];
    for (url, what, hint) in &wrong {
        state_at(&shop, url);
        for command in [&["status"][..], &["run"]] {
            let refused = shop.output(command);
            let told = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{told}");
            assert!(told.contains(what) && told.contains(hint), "{told}");
            assert!(!told.contains(password) && !told.contains(secret), "{told}");
        }
    }
    let kept: String =
        shop.files(".shoplake/logs", ".jsonl").iter().map(|f| fs_err::read_to_string(f).unwrap()).collect();
    assert!(kept.contains("does not let this user in") && !kept.contains(password), "{kept}");
    assert!(!kept.contains(secret), "{kept}");
}

/// Given a server with a certificate, then `verify-full` takes it under the certificate of its signer, which lies beside
/// shoplake.yml wherever the command is given; and refuses it without, and under another name.
#[test]
fn over_tls() {
    let (shop, _) = shop();
    fs_err::copy(variable("SHOPLAKE_TEST_POSTGRES_CA"), shop.shop().join("ca.pem")).unwrap();
    let named = server().replace("127.0.0.1", "localhost");
    state_at(&shop, &format!("{named}?sslmode=verify-full&sslrootcert=ca.pem"));
    shop.put("inbox/sales/day.csv", &sales(50));
    let elsewhere = shop.command(&["run", "-q", "--project-dir"]).arg(shop.shop()).current_dir("/").output().unwrap();
    assert!(elsewhere.status.success(), "{}", String::from_utf8_lossy(&elsewhere.stderr));
    assert_once(&shop, 50);

    let refused = [
        (format!("{named}?sslmode=verify-full"), "cannot be reached over TLS", "UnknownIssuer"),
        (format!("{}?sslmode=verify-full&sslrootcert=ca.pem", server()), "cannot be reached over TLS", "not valid for"),
        (
            format!("{named}?sslmode=verify-full&sslrootcert=none.pem"),
            "there is no file `none.pem`",
            "beside shoplake.yml",
        ),
    ];
    for (url, what, more) in &refused {
        state_at(&shop, url);
        let refused = shop.output(&["status"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains(what) && told.contains(more), "{told}");
    }
}

/// Given two instances on one server, when the one that leads is killed in a run, and its run with it or not, then
/// the other takes over within seconds, the run completes once, and each row is there once.
#[test]
fn the_leader_is_killed_in_a_run() {
    for with_its_run in [true, false] {
        let (shop, _) = shop();
        let instances = [Scheduler::start(&shop, &[]), Scheduler::start(&shop, &[])];
        shop.put("inbox/sales/many.csv", &sales(400_000));
        let (leads, run) = wait_for("a run", || running(&instances));
        assert_eq!(instances[1 - leads].run(), None, "one of them runs");
        wait_for_load(&shop);
        instances[leads].signal("-KILL");
        if with_its_run {
            send("-KILL", &run);
        }
        let killed = Instant::now();
        wait_for("another leader's run", || instances[1 - leads].run());
        assert!(killed.elapsed() < Duration::from_secs(20), "it took over after {:?}", killed.elapsed());
        let lines = wait_for_its_end(&shop);
        assert_eq!(events(&lines), ["started", "started", "done"], "{lines:?}");
        assert_eq!(lines[1]["note"], "again, since it was cut off", "{:?}", killed.elapsed());
        assert_once(&shop, 400_000);
        shop.assert_verified("after the leader was killed");

        // Whoever leads now works: the next file is one run more.
        shop.put("inbox/sales/next.csv", &format!("{HEADER}N1,C1,P1,1,1.00,2024-03-15 10:00:00\n"));
        let lines = wait_for("the next run", || Some(log(&shop)).filter(|lines| lines.len() == 5));
        assert_eq!(events(&lines)[3..], ["started", "done"], "{lines:?}");
    }
}

/// Given two instances in the middle of a run, when every connection to their database is ended, again and again, then
/// the run completes once.
#[test]
fn connections_are_lost_in_a_run() {
    let (shop, schema) = shop();
    sql(&format!("CREATE DATABASE {schema}"));
    state_at(&shop, &server().replace("/postgres", &format!("/{schema}")));
    let instances = [Scheduler::start(&shop, &[]), Scheduler::start(&shop, &[])];
    shop.put("inbox/sales/many.csv", &sales(200_000));
    wait_for("a run", || running(&instances));
    let mut lost = 0;
    while running(&instances).is_some() {
        let ended = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{schema}'");
        lost += sql(&ended).parse::<u32>().unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(lost > 0, "none was there to lose");
    wait_for_its_end(&shop);
    assert_once(&shop, 200_000);
    shop.assert_verified("after connections were lost");
}

/// Given two instances in the middle of a run, when the server breaks down and starts again, then the run completes
/// once, and whoever leads works on.
#[test]
fn the_server_is_restarted_in_a_run() {
    let (shop, schema) = shop();
    let instances = [Scheduler::start(&shop, &[]), Scheduler::start(&shop, &[])];
    shop.put("inbox/sales/many.csv", &sales(400_000));
    wait_for("a run", || running(&instances));
    wait_for_load(&shop);
    // A process of the server that is killed takes all others with it: the server goes through its log and begins anew.
    let checkpointer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
    let process = sql(checkpointer);
    send("-KILL", &process);
    wait_for("the server", || asked(checkpointer).ok().filter(|again| !again.is_empty() && *again != process));
    assert!(running(&instances).is_some(), "the run goes on");
    wait_for_its_end(&shop);
    assert_once(&shop, 400_000);
    shop.assert_verified("after the server was restarted");
    shop.put("inbox/sales/next.csv", &format!("{HEADER}N1,C1,P1,1,1.00,2024-03-15 10:00:00\n"));
    let done = |lines: &Vec<Value>| events(lines).iter().filter(|event| **event == "done").count() == 2;
    wait_for("the next run", || Some(log(&shop)).filter(done));
    assert_eq!(sql(&format!("SELECT count(*) FROM {schema}.batches")), "2");
}

/// Given two machines on one state and one lake, of which one runs and the other tells people, then they get the report
/// whole: its figures were made on a disk that is not theirs.
#[test]
fn a_report_that_another_machine_made() {
    let lake = tempfile::tempdir().unwrap();
    let address = format!("file://{}", lake.path().canonicalize().unwrap().display());
    let (runs, _) = with_state(Context::with_shop_at(&address));
    let hook = Hook::open();
    let tells = runs.on_another_machine();
    tells.put(".env", &format!("{}HOOK={}\nHOOK_SECRET=s3cret\n", tells.read(".env"), hook.url));
    let deliver =
        "deliver:\n  - { report: daily, to: { webhook: { url: \"${HOOK}\", secret: \"${HOOK_SECRET}\" } } }\n";
    tells.put("shoplake.yml", &format!("{}\n{deliver}", tells.read("shoplake.yml")));
    runs.put("inbox/sales/day.csv", &sales(50));
    assert!(runs.output(&["run", "-q"]).status.success());
    for _ in 0..2 {
        let told = tells.output(&["alert", "check"]);
        assert_ne!(told.status.code(), Some(2), "{}", String::from_utf8_lossy(&told.stderr));
    }
    let taken = hook.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 1, "once: {taken:?}");
    let report = &taken[0]["report"];
    assert!(!report["figures"]["kpis"].as_array().unwrap().is_empty(), "{report}");
    assert!(report["text"].as_str().unwrap().contains("Revenue"), "{report}");
}
