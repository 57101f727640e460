//! What is answered is what the OpenAPI document says: each JSON answer against the schema that stands there.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::access::PASSWORD;
use crate::shop::{KNOWN, Served, Shop};

/// What some paths are asked with: path parameters filled in, and query parameters that must be there.
fn address(path: &str, run: &str) -> String {
    let path = match path {
        "/api/v1/lineage" => format!("{path}?node={KNOWN}"),
        "/api/v1/why" => format!("{path}?model=sales&where=1%3D1&column=amount"),
        "/api/v1/sales/filter-values" => format!("{path}?field=city"),
        "/api/v1/sales/summary" | "/api/v1/sales/trend" => format!("{path}?to=2024-03-31&compare=previous"),
        "/api/v1/tables/{name}" => "/api/v1/tables/sales".to_owned(),
        _ => path.to_owned(),
    };
    path.replace("{dashboard}", "sales").replace("{tile}", "revenue").replace("{name}", "sales").replace("{id}", run)
}

/// Holds an answer against the schema of `content`, an entry of the document's responses.
async fn conforms(document: &Value, operation: &Value, response: Response) -> Value {
    let (url, status) = (response.url().clone(), response.status());
    let (kind, entry) = if status.is_success() {
        ("application/json", &operation["responses"]["2XX"])
    } else {
        ("application/problem+json", &operation["responses"]["4XX"])
    };
    assert_eq!(response.headers()["content-type"], kind, "{url}");
    let answer: Value = response.json().await.unwrap();
    let schema = json!({ "allOf": [entry["content"][kind]["schema"]], "components": document["components"] });
    assert!(!schema["allOf"][0].is_null(), "{url} has no schema");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&answer).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{url}: {faults:#?}\n{answer:#}");
    answer
}

/// Given a shop with sales, refused rows and a run that goes on, when every JSON endpoint that reads is asked, then each
/// answers as the document says.
#[tokio::test(flavor = "multi_thread")]
async fn every_reading_endpoint_answers_by_its_schema() {
    let shop = Shop::with_sales().await;
    shop.put("sales", "wrong.csv", format!("{}t1,c1,p1,1,-5.00,2024-03-01T10:00:00\n", crate::shop::HEADER));
    shop.run().await;
    let served = shop.serve().await;
    let body = json!({ "expires_at": "2999-01-01T00:00:00Z", "name": "t", "role": "viewer" });
    assert_eq!(served.post("/api/v1/tokens", &body).await.status(), 201);
    let share =
        json!({ "expires_at": chrono::Utc::now() + chrono::TimeDelta::days(1), "filters": { "city": "Berlin" } });
    assert_eq!(served.post("/api/v1/shares", &share).await.status(), 201);
    let ended = served.json("/api/v1/runs").await[0]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(served.post("/api/v1/runs", &json!({})).await.status(), 202);
    let running = served.json("/api/v1/runs").await[0]["run_id"].as_str().unwrap().to_owned();
    assert_ne!(ended, running);
    let document = served.json("/api/openapi.json").await;
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let operation = &methods["get"];
        if operation["responses"]["2XX"]["content"]["application/json"].is_null() {
            continue;
        }
        for run in [&ended, &running] {
            let response = served.get(&address(path, run)).await;
            assert_eq!(response.status(), 200, "{path}");
            let answer = conforms(&document, operation, response).await;
            let rows = answer.as_array().or_else(|| answer["rows"].as_array());
            // These have nothing to list here, and a schema of a list's items is only held where there are some.
            let empty = ["/api/v1/users", "/api/v1/logs"].contains(&path.as_str());
            assert!(empty || rows.is_none_or(|rows| !rows.is_empty()), "{path} lists nothing: {answer}");
        }
        asked += 1;
    }
    assert!(asked > 30, "{asked}");
}

/// Given what makes things and what is refused, then those answers are by their schemas too.
#[tokio::test(flavor = "multi_thread")]
async fn writing_endpoints_and_problems_answer_by_their_schemas() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let document = served.json("/api/openapi.json").await;
    let tomorrow = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let admin = json!({ "name": "admin", "password": PASSWORD, "role": "admin" });
    let session = json!({ "name": "admin", "password": PASSWORD });
    for (method, path, body, status) in [
        (Method::POST, "/api/v1/query", json!({ "sql": "SELECT 1 AS one, 'a' AS a, NULL AS nothing" }), 200),
        (Method::POST, "/api/v1/query", json!({ "sql": "SELECT nothing FROM sales" }), 422),
        (Method::POST, "/api/v1/runs", json!({}), 202),
        (Method::POST, "/api/v1/quarantine/replay", json!({}), 202),
        (Method::POST, "/api/v1/tokens", json!({ "name": "t", "role": "viewer", "expires_at": null }), 201),
        (Method::POST, "/api/v1/shares", json!({ "expires_at": tomorrow }), 201),
        (Method::POST, "/api/v1/shares", json!({ "expires_at": "2001-01-01T00:00:00Z" }), 422),
        (Method::POST, "/api/v1/users", admin, 201),
        (Method::POST, "/api/v1/session", session, 201),
        (Method::POST, "/api/v1/tokens", json!({ "name": "t", "role": "viewer" }), 401),
    ] {
        let response = send(&served, &method, path, &body).await;
        assert_eq!(response.status(), status, "{path}");
        conforms(&document, &document["paths"][path][method.as_str().to_lowercase()], response).await;
    }
}

async fn send(served: &Served, method: &Method, path: &str, body: &Value) -> Response {
    served.request(method.clone(), path).json(body).send().await.unwrap()
}
