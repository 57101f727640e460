//! OpenLineage events of runs: what the specification requires of each, and that nobody who is away fails a run.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::context::Context;

const SALES: &str =
    "transaction_id,customer_id,product_id,quantity,amount,transaction_date\nT1,C1,P1,1,10.50,2024-03-15\n";

fn shop(settings: &str) -> Context {
    let context = Context::with_shop();
    context.put("shoplake.yml", &format!("{}\nopenlineage: {settings}\n", context.read("shoplake.yml")));
    context.put("inbox/sales/day-1.csv", SALES);
    context
}

fn facets_hold(facets: &Value) {
    for (name, facet) in facets.as_object().into_iter().flatten() {
        let url = facet["_schemaURL"].as_str().unwrap_or_default();
        assert!(url.starts_with("https://openlineage.io/spec/facets/"), "{name}: {facet}");
        assert!(facet["_producer"].as_str().is_some_and(|producer| producer.starts_with("https://")), "{name}");
    }
}

/// What the specification requires of a run event (schema 2-0-2).
fn holds(event: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value} in {event}")).to_owned();
    assert!(["START", "COMPLETE", "FAIL"].contains(&text(&event["eventType"]).as_str()));
    chrono::DateTime::parse_from_rfc3339(&text(&event["eventTime"])).unwrap();
    assert_eq!(text(&event["run"]["runId"]).len(), 36);
    text(&event["producer"]);
    text(&event["schemaURL"]);
    let lists = ["inputs", "outputs"].map(|key| event[key].as_array().unwrap());
    for named in lists.into_iter().flatten().chain([&event["job"]]) {
        assert!(!text(&named["namespace"]).is_empty() && !text(&named["name"]).is_empty());
        facets_hold(&named["facets"]);
        facets_hold(&named["outputFacets"]);
    }
    facets_hold(&event["run"]["facets"]);
}

/// Given the file transport, when a run ends, then it and each model have a start and an end, valid, with
/// rows, schema and the columns that each column comes from.
#[test]
fn events_in_a_file() {
    let shop = shop("{ transport: file }");
    let run = shop.json(&["run", "--json", "--quiet"]);
    let path = format!(".shoplake/openlineage/{}.ndjson", run["run_id"].as_str().unwrap());
    let events: Vec<Value> = shop.read(&path).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2 + 2 * 6);
    events.iter().for_each(holds);
    assert_eq!((&events[0]["eventType"], &events[13]["eventType"]), (&"START".into(), &"COMPLETE".into()));
    assert_eq!(events[0]["run"]["runId"], events[13]["run"]["runId"]);
    let daily = events.iter().filter(|event| event["job"]["name"] == "shop.model.daily_sales_summary");
    let daily: Vec<&Value> = daily.collect();
    let [start, end] = daily.as_slice() else { panic!("{daily:?}") };
    assert_eq!((&start["eventType"], &end["eventType"]), (&"START".into(), &"COMPLETE".into()));
    assert_eq!(start["run"]["runId"], end["run"]["runId"]);
    assert_eq!(end["run"]["facets"]["parent"]["run"]["runId"], run["run_id"]);
    let output = &end["outputs"][0];
    assert_eq!(output["outputFacets"]["outputStatistics"]["rowCount"], 1);
    let fields = &output["facets"]["columnLineage"]["fields"];
    assert_eq!(fields["total_revenue"]["inputFields"][0]["field"], "amount");
    assert!(output["facets"]["schema"]["fields"].to_string().contains("\"description\":\"Sum of sales.amount"));
    shop.put("inbox/sales/day-2.csv", "nothing,of,the,kind\n1,2,3,4\n");
    let failed = shop.json(&["run", "--json", "--quiet"]);
    let path = format!(".shoplake/openlineage/{}.ndjson", failed["run_id"].as_str().unwrap());
    let last: Value = serde_json::from_str(shop.read(&path).lines().last().unwrap()).unwrap();
    holds(&last);
    assert_eq!(last["eventType"], "FAIL");
    assert!(last["run"]["facets"]["errorMessage"]["message"].as_str().unwrap().contains("day-2.csv"), "{last}");
}

/// Given rows that a contract refuses and that break a model, and a run that breaks off, then no event of them quotes a
/// value.
#[test]
fn events_quote_no_value() {
    let shop = shop("{ transport: file }");
    let person = "ada.lovelace@private.example";
    shop.put("inbox/sales/day-1.csv", &SALES.replace("C1", person));
    shop.put("inbox/sales/day-2.csv", &SALES.replace("T1", "T2").replace(",1,10.50", &format!(",x{person},10.50")));
    shop.put("models/marts/top_products.sql", "SELECT CAST(customer_id AS INT) AS product_id FROM {{ ref('sales') }}");
    let run = shop.run(&["run", "-q", "--json"]);
    assert!(run.starts_with("exit: 1\n") && run.contains(person), "the outcome says what no event does: {run}");
    let files = shop.files(".shoplake/openlineage", ".ndjson");
    let text: String = files.iter().map(|file| fs_err::read_to_string(file).unwrap()).collect();
    assert!(text.contains("FAIL") && text.contains("the model top_products failed"), "{text}");
    assert!(!text.contains(person), "{text}");
}

/// Given a server, when a run ends, then it was sent each event with the key; given none, then the run
/// is done all the same and says once that its events were not taken.
#[test]
fn events_to_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let shop = shop(&format!("{{ transport: http, url: \"http://127.0.0.1:{port}\", api_key: \"${{LINEAGE_KEY}}\" }}"));
    let server = std::thread::spawn(move || {
        let mut heads = Vec::new();
        while heads.len() < 12 {
            let (mut stream, _) = listener.accept().unwrap();
            heads.extend(request(&mut stream));
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
        heads
    });
    let run = shop.command(&["run", "--json", "--quiet"]).env("LINEAGE_KEY", "s3cret").output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let heads = server.join().unwrap();
    assert!(heads.iter().all(|head| head.starts_with("POST /api/v1/lineage HTTP/1.1")), "{heads:?}");
    assert!(heads.iter().all(|head| head.contains("Bearer s3cret")), "{heads:?}");

    shop.put("inbox/sales/day-2.csv", &SALES.replace("T1", "T2"));
    let away = shop.command(&["run", "--json", "--quiet"]).env("LINEAGE_KEY", "s3cret").output().unwrap();
    assert_eq!(away.status.code(), Some(0), "{}", String::from_utf8_lossy(&away.stderr));
    let outcome: Value = serde_json::from_slice(&away.stdout).unwrap();
    assert_eq!(
        outcome["problems"],
        serde_json::json!(["OpenLineage events of this run were not taken: `127.0.0.1` cannot be reached"])
    );
    assert_eq!(outcome["datasets"][2]["inserted"], 1);
}

/// The head of the next request; `None` at the end of the connection.
fn request(stream: &mut std::net::TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    stream.read_exact(&mut vec![0; length.unwrap_or(0)]).ok()?;
    Some(head)
}
