//! The log that is kept: what it says of a run, how it is searched, and what never stands there.

use std::process::Stdio;

use serde_json::Value;

use crate::context::Context;
use crate::days::{drop_second_day, first_day};

fn lines(shop: &Context, more: &[&str]) -> Vec<Value> {
    let all: &[&str] = if more.contains(&"--limit") { &[] } else { &["--limit", "100000"] };
    let output = shop.output(&[&["logs", "--json"], all, more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Given two runs, then the log tells of each with its steps, datasets and files, and is searched by run, level, text
/// and time; for people it is in the shop's zone.
#[test]
fn what_a_run_did() {
    let shop = first_day();
    drop_second_day(&shop);
    let second = shop.json(&["run", "--json"]);
    let run = second["run_id"].as_str().unwrap();
    let of_run = lines(&shop, &["--run", run]);
    assert_eq!(of_run[0]["message"], "a run begins");
    assert_eq!(of_run.last().unwrap()["message"], "the run ended");
    for step in ["recover", "land", "load", "models", "publish", "archive", "reports"] {
        assert!(of_run.iter().any(|line| line["step"] == step), "{step}: {of_run:?}");
    }
    let loaded = of_run.iter().find(|line| line["file"] == "inbox/sales/day-2.csv").unwrap();
    assert_eq!((&loaded["dataset"], &loaded["message"]), (&"sales".into(), &"loaded".into()));
    assert_eq!(loaded["fields"]["rejected"], 2);
    let both = lines(&shop, &[]);
    assert!(both.len() > of_run.len(), "the first run is there too");
    assert_eq!(lines(&shop, &["--grep", "DAY-2.CSV"]).len(), 1);
    assert!(lines(&shop, &["--level", "error"]).is_empty());
    assert_eq!(lines(&shop, &["--since", "1h"]).len(), both.len());
    assert_eq!(lines(&shop, &["--limit", "3"]), both[both.len() - 3..]);
    let people = shop.run(&["logs", "--grep", "day-2.csv"]);
    assert!(people.contains("UTC info  loaded step=load dataset=sales file=inbox/sales/day-2.csv"), "{people}");

    let fault = shop.output(&["run", "nothing.csv"]);
    assert_eq!(fault.status.code(), Some(2));
    let told = lines(&shop, &["--level", "error"]);
    assert_eq!((told.len(), &told[0]["message"]), (1, &"the command failed".into()), "{told:?}");
}

/// Given known secrets and known personal data, when runs load them, fail on them and tell an API and a receiver of
/// them, then none of it stands in any file of the log.
#[test]
fn no_secret_and_no_personal_data() {
    let shop = first_day();
    let (secret, key) = ("s3cr3t-hook-Jx9", "k3y-of-the-lineage-server");
    shop.put(".env", &format!("HOOK=http://127.0.0.1:9/{secret}\nLINEAGE={key}\n"));
    shop.put("alerts/leak.yml", "name: leak\nseverity: info\nwhen: { sql: { query: \"SELECT customer_id FROM sales\" } }\nnotify: { slack: { webhooks: [\"${HOOK}\"] } }\n");
    // A condition that breaks on a value, and an API that is away and would be asked about somebody.
    shop.put("alerts/broken.yml", "name: broken\nseverity: info\nwhen: { sql: { query: \"SELECT 1 FROM sales WHERE CAST(customer_id AS INT) > 0\" } }\n");
    shop.put("sources/people.yml", "name: people\nformat: json\nfrom: { rest_api: { base_url: \"http://127.0.0.1:9/\", path: people, params: { about: ada.lovelace }, limits: { attempts: 2 } } }\nkey: [id]\ncolumns:\n  - { name: id, type: string, required: true }\n");
    let settings = shop.read("shoplake.yml");
    shop.put(
        "shoplake.yml",
        &format!("{settings}\nopenlineage: {{ transport: http, url: \"http://127.0.0.1:9/?key=${{LINEAGE}}\", api_key: \"${{LINEAGE}}\" }}\n"),
    );
    let person = "ada.lovelace@private.example";
    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    shop.put(
        "inbox/sales/some.csv",
        &format!(
            "{header}S1,{person},P1,1,1.00,2024-03-15 10:00:00\nS2,{person},P1,x{person},1.00,2024-03-15 10:00:00\n"
        ),
    );
    shop.put("inbox/sales/all.csv", &format!("{header}A1,{person},P1,x{person},1.00,2024-03-15 10:00:00\n"));
    shop.put("inbox/sales/none.csv", &format!("{person};{person}\n"));
    let run = shop.output(&["run", "-v", "--json"]);
    assert_ne!(run.status.code(), Some(0), "files are refused");
    shop.put("tests/nobody.sql", &format!("SELECT customer_id FROM sales WHERE customer_id = '{person}'\n"));
    shop.output(&["test"]);
    shop.output(&["alert", "check"]);
    let status = shop.run(&["status"]);
    assert!(status.contains("all.csv") || status.contains("none.csv"), "status says what the log does not: {status}");

    let files = shop.files(".shoplake/logs", ".jsonl");
    let text: String = files.iter().map(|file| fs_err::read_to_string(file).unwrap()).collect();
    assert!(text.contains("\"refused\"") && text.contains("none.csv"), "the run is told: {text}");
    assert!(text.contains("an alert cannot be judged") && text.contains("a fault of the data"), "{text}");
    assert!(
        text.contains("asking again") && text.contains("no connection, from `http://127.0.0.1:9/people`"),
        "{text}"
    );
    assert!(text.contains("openlineage") || text.contains("not delivered"), "receivers that are away are told: {text}");
    for word in [secret, key, person, "ada.lovelace"] {
        assert!(!text.contains(word), "`{word}` stands in the log: {text}");
    }
}

/// Given somebody who follows, when a run goes on, then its lines come as they are written.
#[test]
fn followed() {
    let shop = first_day();
    let mut command = shop.command(&["logs", "--follow", "--json", "--limit", "0"]);
    let mut follower = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufRead::lines(std::io::BufReader::new(follower.stdout.take().unwrap()));
    drop_second_day(&shop);
    // It may look for the first time only when the run has ended: then the next run tells of itself.
    let told = std::thread::spawn(move || {
        reader.find(|line| line.as_ref().is_ok_and(|line| line.contains("the run ended"))).is_some()
    });
    while !told.is_finished() {
        assert!(shop.output(&["run", "-q"]).status.success());
    }
    assert!(told.join().unwrap());
    follower.kill().unwrap();
    follower.wait().unwrap();
}
