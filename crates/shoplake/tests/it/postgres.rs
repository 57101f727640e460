//! The state on a real PostgreSQL server. Only `cargo xtask test` runs these: it starts the server, and says
//! where it is in `SHOPLAKE_TEST_POSTGRES`.

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::context::Context;

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// A shop whose state is in a schema of its own.
fn shop() -> Context {
    let server = std::env::var("SHOPLAKE_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("SHOPLAKE_TEST_POSTGRES is not set: `cargo xtask test` starts a server and runs these tests")
    });
    let shop = Context::with_shop();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let settings = shop.read("shoplake.yml").replace("name: shop", &format!("name: shop{now}"));
    let settings = settings.replace("schedule: \"0 6 * * *\"", "state: \"${STATE_URL}\"");
    assert!(settings.contains("STATE_URL") && settings.contains(&format!("shop{now}")), "{settings}");
    shop.put("shoplake.yml", &settings);
    shop.put(".env", &format!("STATE_URL={server}\n"));
    shop
}

fn sales(rows: u32) -> String {
    let mut text = HEADER.to_owned();
    for row in 0..rows {
        writeln!(text, "T{row},C{},P{},1,10.00,2024-03-{:02} 10:00:00", row % 977, row % 83, 1 + row % 31).unwrap();
    }
    text
}

/// An instance of the schedule.
struct Scheduler(Child);

impl Scheduler {
    fn start(shop: &Context) -> Self {
        let mut command = shop.command(&["schedule", "run"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// The run that it has started and that goes on.
    fn run(&self) -> Option<String> {
        let found = Command::new("pgrep").args(["-P", &self.0.id().to_string()]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().next().map(str::to_owned)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill(process: &str) {
    assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
}

fn log(shop: &Context) -> Vec<Value> {
    let mut lines = shop.json(&["schedule", "log", "--json"]).as_array().unwrap().clone();
    lines.reverse();
    lines
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Given a state on PostgreSQL, then runs, their log, alerts, cost and `doctor` work as on a file, and no file is made;
/// an address without a server is exit code 2, and its password is told nowhere.
#[test]
fn the_same_as_in_a_file() {
    let shop = shop();
    shop.put("inbox/sales/day.csv", &sales(50));
    let run = shop.output(&["run", "-q"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    shop.put("inbox/sales/day-2.csv", &(sales(60) + "T9,C1,P1,x,1.00,2024-03-01 10:00:00\n"));
    assert!(shop.output(&["run", "-q"]).status.success());
    let status = shop.json(&["status", "--json"]);
    assert_eq!((status["runs"].as_array().unwrap().len(), &status["last_batch"]), (2, &json!(2)), "{status}");
    let counts = &status["files"][0];
    assert_eq!((&counts["inserted"], &counts["duplicate"], &counts["rejected"]), (&json!(10), &json!(50), &json!(1)));
    assert_eq!(shop.output(&["alert", "check"]).status.code(), Some(1), "the sales are late");
    assert!(!shop.json(&["cost", "--json"])["runs"].as_array().unwrap().is_empty());
    shop.output(&["query", "SELECT 1"]);
    shop.assert_verified("with the state on PostgreSQL");
    assert!(!shop.shop().join(".shoplake/state.db").exists());

    let away = shop.shop().join(".env");
    fs_err::write(away, "STATE_URL=postgres://shop:hunter2@127.0.0.1:9/shop\n").unwrap();
    let refused = shop.output(&["status"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("cannot be reached") && !told.contains("hunter2"), "{told}");
}

/// Given two instances on one server, when the one that leads is killed in a run, and its run with it or not, then
/// the other takes over within seconds, the run completes once, and each row is there once.
#[test]
fn the_leader_is_killed_in_a_run() {
    for with_its_run in [true, false] {
        let shop = shop();
        let instances = [Scheduler::start(&shop), Scheduler::start(&shop)];
        shop.put("inbox/sales/many.csv", &sales(400_000));
        let (leads, run) = wait_for("a run", || {
            instances.iter().enumerate().find_map(|(place, instance)| Some((place, instance.run()?)))
        });
        assert_eq!(instances[1 - leads].run(), None, "one of them runs");
        // In the middle: it is remembered as begun, and nothing of it is published.
        wait_for("the run's beginning", || {
            let status = shop.json(&["status", "--json"]);
            status["runs"].as_array().unwrap().first().map(|run| assert!(run["outcome"].is_null(), "too late: {run}"))
        });
        kill(&instances[leads].0.id().to_string());
        if with_its_run {
            kill(&run);
        }
        let killed = Instant::now();
        let lines = wait_for("the end of the run", || {
            let lines = log(&shop);
            lines.iter().any(|line| line["event"] == "done").then_some(lines)
        });
        let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["started", "started", "done"], "{lines:?}");
        assert_eq!(lines[1]["note"], "again, since it was cut off", "{:?}", killed.elapsed());
        let rows = shop.json(&["query", "SELECT count(*) AS n, sum(amount) AS s FROM sales", "--output", "json"]);
        assert_eq!(rows, json!([{ "n": 400_000, "s": "4000000.00" }]));
        let status = shop.json(&["status", "--json"]);
        let batches = status["runs"].as_array().unwrap().iter().filter(|run| !run["outcome"]["batch"].is_null());
        assert_eq!(batches.count(), 1, "one run has published: {status}");
        shop.assert_verified("after the leader was killed");

        // Whoever leads now works: the next file is one run more.
        shop.put("inbox/sales/next.csv", &format!("{HEADER}N1,C1,P1,1,1.00,2024-03-15 10:00:00\n"));
        wait_for("the next run", || {
            let lines = log(&shop);
            (lines.len() == 5 && lines[4]["event"] == "done").then_some(())
        });
    }
}
