//! The server as a process: where it listens, who is added, a run that it starts, and its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::context::{Context, snapshot};
use crate::scheduler::{events, log, wait_for, wait_for_load};

/// A server that is ended with the value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(context: &Context, more: &[&str]) -> Self {
        Self::of(context.command(&[&["serve", "--listen", "127.0.0.1:0"], more].concat()))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let server = Self { child, address };
        while !server.ask("GET", "/readyz").contains("200 OK") {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        server
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Given a server, when it starts a run, then the run is one of the project's, and its sales are shown; a
/// signal ends the server with exit code 0.
#[test]
fn a_run_that_is_started_over_http() {
    let context = Context::with_shop();
    let mut server = Server::start(&context, &["--no-schedule"]);
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date";
    context.put("inbox/sales/day-1.csv", &format!("{header}\nt1,c1,p1,1,12.50,2024-03-15T10:00:00\n"));
    let started = server.ask("POST", "/api/v1/runs");
    assert!(started.contains("202 Accepted") && started.contains("run_id"), "{started}");
    let path = "/api/v1/sales/summary?from=2024-03-15&to=2024-03-15";
    while !server.ask("GET", path).contains("\"revenue\":\"12.50\"") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// Given a server that watches an alert whose query fails and one whose file gets a mistake, then metrics, the page Alerts
/// and the page Health tell them from those that are quiet.
#[test]
fn alerts_that_cannot_be_judged() {
    let context = Context::with_shop();
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date";
    context.put("inbox/sales/day-1.csv", &format!("{header}\nt1,c1,p1,1,12.50,2024-03-15T10:00:00\n"));
    assert!(context.output(&["run", "-q"]).status.success());
    context.put("alerts/stock.yml", "name: stock\nwhen: { sql: { query: \"SELECT 1 FROM product\" } }\n");
    let server = Server::start(&context, &[]);
    let metrics = wait_for("the first look", || {
        Some(server.ask("GET", "/metrics")).filter(|text| text.contains("shoplake_alert_unjudged{alert=\"stock\"} 1\n"))
    });
    assert!(metrics.contains("shoplake_alert_unjudged{alert=\"cost\"} 0\n"), "{metrics}");
    let health = server.ask("GET", "/api/v1/health");
    assert!(health.contains("`stock` cannot be judged: ") && health.contains("\"verdict\":\"care\""), "{health}");
    context.put("alerts/cost.yml", "name: [");
    let alerts = server.ask("GET", "/api/v1/alerts");
    assert_eq!(alerts.matches("\"state\":\"unjudged\"").count(), 2, "{alerts}");
    assert!(alerts.contains("alerts/cost.yml:1:"), "{alerts}");
}

/// A file that takes a while to load.
fn large_file(context: &Context) {
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date";
    let rows: String = (0..600_000).map(|n| format!("L{n},C1,P1,1,10.00,2024-03-15 10:00:00\n")).collect();
    context.put("inbox/sales/day-1.csv", &format!("{header}\n{rows}"));
}

/// Stops the run that goes on while it loads: it is gone at once, nothing is half done and no file is to blame.
fn stop_while_it_loads(context: &Context, server: &Server) {
    wait_for_load(context);
    let stopped = server.ask("DELETE", "/api/v1/runs/current");
    assert!(stopped.contains("204 No Content"), "{stopped}");
    assert_eq!(fs_err::read_to_string(context.shop().join(".shoplake/attempts.json")).unwrap(), "{}");
    assert!(server.ask("DELETE", "/api/v1/runs/current").contains("404"), "it is gone");
    let runs = server.ask("GET", "/api/v1/runs?limit=1");
    assert!(runs.contains("\"status\":\"unfinished\""), "it does not seem to go on: {runs}");
    let run = context.json(&["status", "--json"])["runs"][0]["run_id"].clone();
    let cost = context.json(&["cost", "--json"]);
    let metered = cost["runs"].as_array().unwrap();
    assert!(metered.iter().any(|usage| usage["run_id"] == run), "what it used was spent: {cost}");
    assert!(context.files("lake/processed/_publish", ".json").is_empty(), "nothing is published");
}

/// The next run does the whole of it.
fn assert_done_again(context: &Context) {
    assert!(context.output(&["retry"]).status.success());
    let rows = context.json(&["query", "SELECT count(*) AS n FROM sales", "--output", "json"]);
    assert_eq!(rows[0]["n"], 600_000);
    context.assert_verified("after a stop");
}

/// Given a run that was started over HTTP, when it is stopped while it loads, then it is gone at once, nothing is
/// half done and no file is to blame; and the next run does the whole of it.
#[test]
fn a_run_that_is_stopped_over_http() {
    let context = Context::with_shop();
    let server = Server::start(&context, &["--no-schedule"]);
    large_file(&context);
    assert!(server.ask("POST", "/api/v1/runs").contains("202 Accepted"));
    stop_while_it_loads(&context, &server);
    assert_done_again(&context);
}

/// Given a run that the schedule began since a file has arrived, when it is stopped over HTTP, then the same holds, and
/// the log of the schedule says so.
#[test]
fn a_run_of_the_schedule_that_is_stopped_over_http() {
    let context = Context::with_shop();
    let server = Server::start(&context, &[]);
    large_file(&context);
    stop_while_it_loads(&context, &server);
    let lines = wait_for("its line in the log", || Some(log(&context)).filter(|lines| lines.len() == 2));
    assert_eq!(events(&lines), ["started", "cancelled"], "{lines:?}");
    drop(server);
    assert_done_again(&context);
}

/// Given a server, when a file is dropped, then it is loaded and shown without anybody doing anything.
#[test]
fn a_file_that_arrives_is_loaded() {
    let context = Context::with_shop();
    let server = Server::start(&context, &[]);
    drop_and_wait(&context, &server);
}

fn drop_and_wait(context: &Context, server: &Server) {
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date";
    context.put("inbox/sales/day-1.csv", &format!("{header}\nt1,c1,p1,1,12.50,2024-03-15T10:00:00\n"));
    while !server.ask("GET", "/api/v1/sales/summary?from=2024-03-15&to=2024-03-15").contains("\"revenue\":\"12.50\"") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Given a server whose binary has been replaced under it, as an upgrade does, when a file is dropped, then it
/// is loaded, by the version that serves.
#[test]
#[cfg(target_os = "linux")]
fn an_upgrade_under_a_server() {
    let context = Context::with_shop();
    let installed = context.shop().join("installed");
    fs_err::copy(env!("CARGO_BIN_EXE_shoplake"), &installed).unwrap();
    let mut command = Command::new(&installed);
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(context.shop());
    let server = Server::of(command);
    fs_err::remove_file(&installed).unwrap();
    drop_and_wait(&context, &server);
}

/// Given no user, then another address is refused with the command that makes one.
#[test]
fn another_address_needs_a_user() {
    snapshot!(Context::with_shop(), ["serve", "--listen", "0.0.0.0:0"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `0.0.0.0:0` can be reached from other machines, and nobody has to sign in yet
    hint: `shoplake user add NAME --role admin` adds the first user; 127.0.0.1 needs none
    ");
}

/// Given a password on stdin, then a user is added once, listed without a secret, and removed.
#[test]
fn users_come_and_go() {
    let context = Context::with_shop();
    let add = |password: &str| {
        let mut command = context.command(&["user", "add", "ada", "--role", "admin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, words) = add("short");
    assert_eq!((code, words.contains("shorter than 10 characters")), (Some(2), true), "{words}");
    assert_eq!(add("correct horse battery").0, Some(0));
    let (code, words) = add("correct horse battery");
    assert_eq!((code, words.contains("there is a user `ada` already")), (Some(2), true), "{words}");
    let listed = String::from_utf8(context.output(&["user", "ls", "--json"]).stdout).unwrap();
    assert!(listed.contains("\"role\": \"admin\"") && !listed.contains("argon2"), "{listed}");
    assert!(context.output(&["user", "remove", "ada"]).status.success());
    assert_eq!(context.output(&["user", "ls", "--json"]).stdout, b"[]\n");
    snapshot!(context, ["user", "remove", "ada"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: there is no user `ada`
    hint: `shoplake user ls` lists them
    ");
}
