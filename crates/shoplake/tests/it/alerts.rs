//! Alerts and cost, from a failing run to whoever is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::context::Context;

const SALES: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n\
                     T1,C1,P1,1,10.00,2024-03-15 10:00:00\n";

/// A web server that answers 200 to every POST, or 503 while it is down, and keeps the bodies that it took.
pub(crate) struct Hook {
    pub(crate) url: String,
    pub(crate) taken: Arc<Mutex<Vec<Value>>>,
    down: Arc<Mutex<bool>>,
}

impl Hook {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (taken, down) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::<Mutex<bool>>::default());
        let hook = Self { url, taken: Arc::clone(&taken), down: Arc::clone(&down) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut length, mut signed) = (0, false);
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    let line = line.trim_end().to_lowercase();
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.parse().unwrap();
                    }
                    signed |= line.starts_with("shoplake-signature: t=");
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let down = *down.lock().unwrap();
                if !down {
                    assert!(signed);
                    taken.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                }
                let status = if down { "503 Service Unavailable" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        hook
    }

    fn titles(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|message| message["title"].as_str().unwrap().to_owned()).collect()
    }
}

fn watched(hook: &Hook) -> Context {
    let shop = Context::with_shop();
    shop.put(".env", &format!("HOOK={}\nHOOK_SECRET=s3cret\n", hook.url));
    let alert = shop.read("alerts/pipeline_failed.yml");
    shop.put(
        "alerts/pipeline_failed.yml",
        &format!("{alert}notify: {{ webhook: {{ url: \"${{HOOK}}\", secret: \"${{HOOK_SECRET}}\" }} }}\n"),
    );
    shop
}

/// Given a model that breaks, when the shop runs, then whoever is to know is told once, and told when it is over;
/// while they cannot be reached the message waits.
#[test]
fn a_run_that_fails_is_told() {
    let hook = Hook::open();
    let shop = watched(&hook);
    shop.put("inbox/sales/day.csv", SALES);
    assert!(shop.output(&["run", "-q"]).status.success());
    let quiet = shop.output(&["alert", "check", "--json"]);
    assert_eq!((quiet.status.code(), String::from_utf8_lossy(&quiet.stdout).trim()), (Some(0), "[]"));
    let model = shop.read("models/marts/top_products.sql");
    shop.put("models/marts/top_products.sql", "SELECT CAST('x' AS INT) AS product_id FROM {{ ref('sales') }}");
    *hook.down.lock().unwrap() = true;
    assert_eq!(shop.output(&["run", "-q"]).status.code(), Some(1));
    assert!(hook.titles().is_empty());
    let listed = shop.json(&["alert", "ls", "--json"]);
    let failed = listed.as_array().unwrap().iter().find(|alert| alert["name"] == "pipeline_failed").unwrap();
    assert_eq!(failed["standings"][""]["phase"], "firing");
    assert!(failed["undelivered"][0]["trouble"].as_str().unwrap().contains("503"), "{failed}");
    *hook.down.lock().unwrap() = false;
    std::thread::sleep(std::time::Duration::from_secs(20));
    assert_eq!(shop.output(&["alert", "check"]).status.code(), Some(1));
    assert_eq!(shop.output(&["alert", "check"]).status.code(), Some(1));
    let titles = hook.titles();
    assert_eq!(titles.len(), 1, "{titles:?}");
    assert!(titles[0].starts_with("shop: pipeline_failed fires: the run of "), "{titles:?}");
    assert!(hook.taken.lock().unwrap()[0]["findings"][0]["cause"].as_str().unwrap().contains("top_products"));
    shop.put("models/marts/top_products.sql", &model);
    assert!(shop.output(&["run", "-q"]).status.success());
    assert!(hook.titles()[1].starts_with("shop: pipeline_failed is over"), "{:?}", hook.titles());
    assert!(shop.output(&["alert", "check"]).status.success());
    told_in_the_log(&shop);
}

/// The transitions of the alert and each try to deliver them stand in the log, in their order.
fn told_in_the_log(shop: &Context) {
    let output = shop.output(&["logs", "--json", "--limit", "100000"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.filter(|line| line["fields"]["alert"] == "pipeline_failed").collect();
    let said = lines.iter().map(|line| (line["message"].as_str().unwrap(), line["level"].as_str().unwrap()));
    let said: Vec<_> = said.collect();
    assert_eq!(
        said,
        [
            ("an alert fires", "warn"),
            ("a message was not delivered", "warn"),
            ("a message was delivered", "info"),
            ("an alert is over", "info"),
            ("a message was delivered", "info"),
        ]
    );
    let tries = lines.iter().filter_map(|line| line["fields"]["attempt"].as_u64());
    assert_eq!(tries.collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(lines[1]["fields"]["channel"], "webhook");
    assert_eq!(lines[0]["fields"]["event"], lines[3]["fields"]["event"]);
}

/// Given an alert whose query fails, then it is neither quiet nor firing wherever it is shown; and once it is
/// corrected it is quiet.
#[test]
fn an_alert_that_cannot_be_judged() {
    let shop = Context::with_shop();
    shop.put("inbox/sales/day.csv", SALES);
    let query =
        |table: &str| format!("name: stock\nwhen: {{ sql: {{ query: \"SELECT 1 FROM {table} WHERE stock < 0\" }} }}\n");
    shop.put("alerts/stock.yml", &query("product"));
    assert!(shop.output(&["run", "-q"]).status.success(), "a run is not to blame for its alerts");
    let listed = shop.json(&["alert", "ls", "--json"]);
    let stock = listed.as_array().unwrap().iter().find(|alert| alert["name"] == "stock").unwrap();
    assert!(stock["unjudged"]["why"].as_str().unwrap().contains("product"), "{stock}");
    let text = shop.run(&["alert", "ls"]);
    assert!(text.lines().any(|line| line.contains("stock") && line.contains("cannot be judged")), "{text}");
    let checked = shop.output(&["alert", "check", "--json"]);
    let wanting: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((checked.status.code(), wanting.as_array().unwrap().len()), (Some(1), 1), "{wanting}");
    assert_eq!((&wanting[0]["alert"], &wanting[0]["state"]), (&"stock".into(), &"unjudged".into()));
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(told.contains("the alert `stock` cannot be judged") && !told.contains("no alert fires"), "{told}");
    let looked = shop.json(&["doctor", "--json"]);
    let checks = looked["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "alerts");
    let checks: Vec<&Value> = checks.collect();
    assert_eq!((checks.len(), &checks[0]["verdict"], &looked["verdict"]), (1, &"care".into(), &"care".into()));
    assert!(checks[0]["what"].as_str().unwrap().starts_with("`stock` cannot be judged: "), "{looked:#}");
    shop.put("alerts/stock.yml", &query("products"));
    let checked = shop.output(&["alert", "check", "--json"]);
    assert_eq!((checked.status.code(), String::from_utf8_lossy(&checked.stdout).trim()), (Some(0), "[]"));
}

/// Given a snooze, then nobody is told; given a name that is not there, then the right ones are listed.
#[test]
fn snooze_and_test() {
    let hook = Hook::open();
    let shop = watched(&hook);
    let slip = shop.output(&["alert", "snooze", "pipeline_faild", "--for", "4h"]);
    let told = String::from_utf8_lossy(&slip.stderr).into_owned();
    assert!(slip.status.code() == Some(2) && told.contains("there is no alert `pipeline_faild`"), "{told}");
    assert!(told.contains("`cost`, `error_rate`, `pipeline_failed`, `query_slow`, `sales_are_late`"), "{told}");
    assert!(shop.output(&["alert", "snooze", "pipeline_failed", "--for", "4h"]).status.success());
    shop.put("models/marts/top_products.sql", "SELECT CAST('x' AS INT) AS product_id FROM {{ ref('sales') }}");
    shop.put("inbox/sales/day.csv", SALES);
    assert_eq!(shop.output(&["run", "-q"]).status.code(), Some(1));
    assert!(hook.titles().is_empty());
    assert!(shop.output(&["alert", "snooze", "pipeline_failed", "--for", "0"]).status.success());
    shop.output(&["alert", "check"]);
    assert_eq!(hook.titles().len(), 1);
    assert!(shop.output(&["alert", "test", "pipeline_failed"]).status.success());
    assert!(hook.titles()[1].contains("a test of the alert pipeline_failed"));
    let nobody = shop.output(&["alert", "test", "cost"]);
    let told = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(nobody.status.code() == Some(2) && told.contains("the alert `cost` tells nobody"), "{told}");
}

/// Given an alert whose SQL is wrong, then `check` says so with its file, and what else is wrong in it by place.
#[test]
fn mistakes_in_alerts() {
    let shop = Context::with_shop();
    shop.put(
        "alerts/stock.yml",
        "name: stock\nwhen: { sql: { query: \"SELECT product_id FROM product WHERE stock < 0\" } }\n",
    );
    let checked = shop.output(&["check"]);
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.code() == Some(2) && told.contains("alerts/stock.yml: "), "{told}");
    assert!(told.contains("In the alert `stock`."), "{told}");
}

/// Given runs and a query, then what they used is there, priced by the table, until now and at the month's end.
#[test]
fn cost() {
    let shop = Context::with_shop();
    let nothing = shop.output(&["cost", "--json"]);
    assert_eq!((nothing.status.code(), String::from_utf8_lossy(&nothing.stdout).trim()), (Some(0), "null"));
    shop.put("inbox/sales/day.csv", SALES);
    shop.put(
        "prices.yml",
        "currency: EUR\nprices: { scanned: { each: \"1000000\" }, storage: { each: \"0.023\", free: 5 } }\n",
    );
    assert!(shop.output(&["run", "-q"]).status.success());
    let before = shop.json(&["cost", "--json"]);
    assert_eq!((&before["currency"], before["runs"].as_array().unwrap().len()), (&"EUR".into(), 1), "{before}");
    // A euro for a megabyte: 123 bytes of CSV are 123 millionths.
    let bytes = before["runs"][0]["scanned_bytes"].as_u64().unwrap();
    assert_eq!((bytes, before["spent"].as_str()), (SALES.len() as u64, Some(format!("0.{bytes:06}").as_str())));
    assert!(before["runs"][0]["stored_bytes"].as_u64().unwrap() > 0);
    let after = |sql: &str| {
        shop.json(&["query", sql, "--output", "json"]);
        shop.json(&["cost", "--json"])
    };
    let nothing = after("SELECT 'sales' AS products -- of sales");
    assert_eq!(nothing["spent"], before["spent"], "words are no tables");
    let first = after("SELECT * FROM sales");
    assert!(first["spent"].as_str() > before["spent"].as_str(), "a query reads too: {first}");
    let after = after("SELECT count(*) AS n FROM stg_sales");
    assert!(after["spent"].as_str() > first["spent"].as_str(), "through a view as well: {after}");
    assert!(after["at_month_end"].as_str() >= after["spent"].as_str());
    let text = String::from_utf8(shop.output(&["cost"]).stdout).unwrap();
    assert!(text.contains("will have cost") && text.contains("storage"), "{text}");
}

/// Given a run that breaks off, and a backfill, then what each used is metered as that of any run.
#[test]
fn what_failed_was_spent_too() {
    let shop = Context::with_shop();
    shop.put("inbox/sales/day.csv", SALES);
    let mut broken_off = shop.command(&["run", "-q"]);
    broken_off.env("SHOPLAKE_FAIL_POINT", "before-publish=error").env("SHOPLAKE__RETRY__ATTEMPTS", "1");
    assert_eq!(broken_off.output().unwrap().status.code(), Some(2));
    let cost = shop.json(&["cost", "--runs", "100", "--json"]);
    let metered = cost["runs"].as_array().unwrap();
    assert_eq!(metered.len(), 1, "{cost}");
    let run = &shop.json(&["status", "--json"])["runs"][0];
    assert_eq!(metered[0]["run_id"], run["run_id"]);
    let status = shop.run(&["status"]);
    assert!(status.contains(" failed\nproblem    "), "the status says why the run failed: {status}");
    assert!(status.contains("before-publish") && status.contains("`shoplake retry`"), "{status}");
    assert_eq!(metered[0]["scanned_bytes"], SALES.len(), "the file was read to its end: {cost}");
    assert!(metered[0]["seconds"].as_f64().unwrap() > 0.0 && metered[0]["stored_bytes"].is_null(), "{cost}");
    assert!(shop.output(&["run", "-q"]).status.success());
    let done = shop.output(&["backfill", "--start", "2024-03-14", "--end", "2024-03-15", "-q"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let cost = shop.json(&["cost", "--runs", "100", "--json"]);
    let metered = cost["runs"].as_array().unwrap();
    assert_eq!(metered.len(), 5, "two days, and what reads them: {cost}");
    assert!(metered[0]["stored_bytes"].is_u64() && metered[1]["stored_bytes"].is_null(), "{cost}");
    shop.put("inbox/sales/next.csv", &SALES.replace("T1,", "T9,"));
    for (number, work) in [
        (6, &["run"] as &[&str]),
        (7, &["rollback"]),
        (8, &["table", "restore", "sales", "--version", "1"]),
        (9, &["table", "compact"]),
    ] {
        let done = shop.output(&[work, &["-q"]].concat());
        assert!(done.status.success(), "{work:?}: {}", String::from_utf8_lossy(&done.stderr));
        let cost = shop.json(&["cost", "--runs", "100", "--json"]);
        assert_eq!(cost["runs"].as_array().unwrap().len(), number, "{work:?}: {cost}");
        assert!(cost["runs"][0]["stored_bytes"].is_u64(), "{work:?}: {cost}");
    }
    let whole: Vec<bool> = shop.json(&["status", "--json"])["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|run| run["outcome"]["whole"].as_bool())
        .collect();
    assert_eq!(whole[..4], [false, false, false, true], "what is no run of all that has arrived says so");
}
