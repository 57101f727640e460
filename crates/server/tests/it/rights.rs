//! Who may do what, endpoint by endpoint: one table that must name every endpoint of the server, asked by
//! everybody who could ask; and things that are somebody else's.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shoplake_core::access::AccessStore;
use shoplake_core::alert::AlertStore;
use shoplake_state::SqliteState;

use crate::access::{PASSWORD, Person, staffed};
use crate::shop::{Served, Shop, expect};

/// Headers of a request: who asks.
type Headers = Vec<(&'static str, String)>;

/// The least that may use an endpoint, from everybody up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Least {
    Anybody,
    Link,
    Viewer,
    Analyst,
    Operator,
    Admin,
}
use Least::{Admin, Analyst, Anybody, Link, Operator, Viewer};

/// One endpoint: its path with what goes into its braces, what is sent, and what the least who may is answered.
struct Entry {
    method: Method,
    path: &'static str,
    fill: String,
    query: &'static str,
    body: Body,
    least: Least,
    status: u16,
}

enum Body {
    Nothing,
    Json(Value),
    Text(&'static str),
}

impl Entry {
    fn new(method: Method, path: &'static str, least: Least, status: u16) -> Self {
        Self { method, path, fill: String::new(), query: "", body: Body::Nothing, least, status }
    }

    fn get(path: &'static str, least: Least) -> Self {
        Self::new(Method::GET, path, least, 200)
    }

    fn post(path: &'static str, least: Least, status: u16, body: Value) -> Self {
        Self::new(Method::POST, path, least, status).sends(body)
    }

    fn delete(path: &'static str, least: Least) -> Self {
        Self::new(Method::DELETE, path, least, 204)
    }

    /// What stands in the first pair of braces.
    fn of(self, fill: &str) -> Self {
        Self { fill: fill.to_owned(), ..self }
    }

    fn asks(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    fn sends(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    fn request(&self, served: &Served) -> RequestBuilder {
        let mut path = self.path.to_owned();
        while let Some((before, rest)) = path.clone().split_once('{') {
            let (name, after) = rest.split_once('}').unwrap();
            let fill = if name == "tile" { "revenue-by-day" } else { &self.fill };
            assert!(!fill.is_empty(), "{} needs something in {{{name}}}", self.path);
            path = format!("{before}{fill}{after}");
        }
        let request = served.request(self.method.clone(), &format!("{path}{}", self.query)).header("if-match", "*");
        match &self.body {
            Body::Nothing => request,
            Body::Json(body) => request.json(body),
            Body::Text(text) => request.body(*text),
        }
    }
}

/// What there is to be asked for.
struct Things {
    run: String,
    token: String,
    /// A link of the analyst's.
    share: String,
}

/// Every endpoint of the server.
fn table(things: &Things) -> Vec<Entry> {
    let soon = json!(Utc::now() + TimeDelta::days(1));
    let role = |name: &str| json!({ "name": name, "password": PASSWORD, "role": "viewer" });
    let sales = ["summary", "periods", "trend", "top-products", "categories", "segments", "heatmap", "transactions"];
    let sales: Vec<&'static str> = sales.iter().map(|name| &*format!("/api/v1/sales/{name}").leak()).collect();
    let write = Entry::new(Method::PUT, "/api/v1/dashboards/{name}/source", Operator, 201).of("fresh");
    let mut all = vec![
        Entry::get("/healthz", Anybody),
        Entry::get("/readyz", Anybody),
        Entry::get("/metrics", Viewer),
        Entry::get("/api/openapi.json", Viewer),
        Entry::get("/api/v1/session", Anybody),
        Entry::post("/api/v1/session", Anybody, 201, json!({ "name": "viewer", "password": PASSWORD })),
        Entry::delete("/api/v1/session", Link),
        Entry::get("/api/v1/trust", Link),
        Entry::get("/api/v1/dashboards", Viewer),
        Entry::get("/api/v1/dashboards/{name}", Link).of("sales"),
        Entry::get("/api/v1/dashboards/{name}/source", Viewer).of("sales"),
        Entry { body: Body::Text("name: fresh\ntiles: []\n"), ..write },
        Entry::get("/api/v1/tile/{dashboard}/{tile}", Link).of("sales"),
        Entry::get("/api/v1/sales/filter-values", Link).asks("?field=city"),
        Entry::get("/api/v1/events", Link),
        Entry::get("/api/v1/runs", Viewer),
        Entry::get("/api/v1/runs/{id}", Viewer).of(&things.run),
        Entry::post("/api/v1/runs", Operator, 202, Value::Null),
        Entry::delete("/api/v1/runs/current", Operator),
        Entry::get("/api/v1/quarantine", Viewer),
        Entry::get("/api/v1/quarantine/rows", Analyst),
        Entry::get("/api/v1/quarantine/trend", Viewer),
        Entry::post("/api/v1/quarantine/replay", Operator, 202, json!({ "dataset": "sales" })),
        Entry::get("/api/v1/tables", Viewer),
        Entry::get("/api/v1/tables/{name}", Viewer).of("customers"),
        Entry::post("/api/v1/query", Analyst, 200, json!({ "sql": "SELECT name FROM customers" })),
        Entry::get("/api/v1/shares", Analyst),
        Entry::post("/api/v1/shares", Analyst, 201, json!({ "expires_at": soon })),
        Entry::delete("/api/v1/shares/{id}", Analyst).of(&things.share),
        Entry::get("/api/v1/users", Admin),
        Entry::post("/api/v1/users", Admin, 201, role("guest")),
        Entry::new(Method::PATCH, "/api/v1/users/{name}", Admin, 200).of("victim").sends(json!({ "role": "admin" })),
        Entry::delete("/api/v1/users/{name}", Admin).of("victim"),
        Entry::get("/api/v1/tokens", Admin),
        Entry::post("/api/v1/tokens", Admin, 201, json!({ "name": "mine", "role": "admin" })),
        Entry::delete("/api/v1/tokens/{id}", Admin).of(&things.token),
        Entry::get("/api/v1/audit", Admin),
        Entry::get("/api/v1/alerts", Viewer),
        Entry::post("/api/v1/alerts/{name}/mute", Operator, 204, json!({ "until": soon })).of("pipeline_failed"),
        // Explanations are the binary's: here there is nothing to find.
        Entry::get("/api/v1/health", Viewer),
        Entry { status: 422, ..Entry::get("/api/v1/lineage", Viewer).asks("?node=sales") },
        Entry::get("/api/v1/why", Analyst).asks("?model=sales&where=1%3D1&column=amount"),
        Entry::get("/api/v1/logs", Viewer),
    ];
    all.extend(sales.into_iter().map(|path| Entry::get(path, Link)));
    all
}

/// Makes a token of a role; its id and itself.
async fn token(admin: &Person<'_>, role: &str) -> (String, String) {
    let body = json!({ "name": format!("for {role}"), "role": role });
    let made = expect(admin.send(Method::POST, "/api/v1/tokens", Some(body)).await, 201).await;
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

/// Makes a link; its id and its token.
async fn link(person: &Person<'_>, dashboard: &str) -> (String, String) {
    let body = json!({ "dashboard": dashboard, "expires_at": Utc::now() + TimeDelta::days(1) });
    let made = expect(person.send(Method::POST, "/api/v1/shares", Some(body)).await, 201).await;
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

/// All that a request could have changed.
async fn everything(shop: &Shop, served: &Served) -> String {
    let access = shop.access().await;
    let state = SqliteState::open(&shop.project().state_dir().join("state.db")).await.unwrap();
    let dashboards: BTreeSet<_> =
        fs_err::read_dir(shop.path().join("dashboards")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {}",
        access.users().await.unwrap(),
        access.tokens().await.unwrap(),
        access.shares().await.unwrap(),
        access.audit_log(10_000).await.unwrap(),
        state.book().await.unwrap().snoozed,
        dashboards,
        served.runner.0.lock().unwrap().len(),
    )
}

/// Given every endpoint with things that exist, when somebody asks who may not, then it is refused and nothing
/// has changed; the least who may is answered. An endpoint that the table does not name fails here.
#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_knows_who_may() {
    let (shop, served) = staffed().await;
    let admin = Person::sign_in(&served, "admin").await;
    let victim = json!({ "name": "victim", "password": PASSWORD, "role": "viewer" });
    expect(admin.send(Method::POST, "/api/v1/users", Some(victim)).await, 201).await;
    let runs = expect(admin.send(Method::GET, "/api/v1/runs", None).await, 200).await;
    let (share, _) = link(&Person::sign_in(&served, "analyst").await, "sales").await;
    let (_, followed) = link(&admin, "sales").await;
    let things =
        Things { run: runs[0]["run_id"].as_str().unwrap().to_owned(), token: token(&admin, "viewer").await.0, share };
    let table = table(&things);

    let document = expect(admin.send(Method::GET, "/api/openapi.json", None).await, 200).await;
    let documented = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let named: BTreeSet<String> = table.iter().map(|entry| format!("{} {}", entry.method, entry.path)).collect();
    assert_eq!(named, documented.collect(), "the table names each endpoint, and no other");

    let mut askers: Vec<(Least, &str, Headers)> =
        vec![(Anybody, "a stranger", vec![]), (Link, "a link", vec![("x-shoplake-share", followed)])];
    for (least, role) in [(Viewer, "viewer"), (Analyst, "analyst"), (Operator, "operator"), (Admin, "admin")] {
        let person = Person::sign_in(&served, role).await;
        askers.push((least, role, vec![("cookie", person.cookie), ("x-shoplake-csrf", person.csrf)]));
        let bearer = format!("Bearer {}", token(&admin, role).await.1);
        askers.push((least, "a token", vec![("authorization", bearer)]));
    }
    let ask = async |entry: &Entry, headers: &[(&str, String)]| {
        let request = entry.request(&served);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, value)).send().await.unwrap()
    };
    let before = everything(&shop, &served).await;
    for entry in &table {
        for (rank, who, headers) in askers.iter().filter(|(rank, ..)| *rank < entry.least) {
            let response = ask(entry, headers).await;
            let status = if *rank == Anybody { 401 } else { 403 };
            let asked = format!("{who} as {rank:?}: {} {}", entry.method, response.url().path());
            assert_eq!(response.status().as_u16(), status, "{asked}");
            assert!(!response.text().await.unwrap().contains("Customer 1"), "{asked}");
        }
        assert_eq!(everything(&shop, &served).await, before, "{} {} changed something", entry.method, entry.path);
    }
    for entry in &table {
        let (_, who, headers) = askers.iter().find(|(rank, ..)| *rank == entry.least).unwrap();
        let status = ask(entry, headers).await.status().as_u16();
        assert_eq!(status, entry.status, "{who}: {} {}", entry.method, entry.path);
    }
    assert_ne!(everything(&shop, &served).await, before);
}

/// Given links of two analysts, then neither sees or ends the other's, an id of another kind is none, and an
/// admin ends any.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_its_makers_own() {
    let (shop, served) = staffed().await;
    let admin = Person::sign_in(&served, "admin").await;
    let body = json!({ "name": "bea", "password": PASSWORD, "role": "operator" });
    expect(admin.send(Method::POST, "/api/v1/users", Some(body)).await, 201).await;
    let (ada, bea) = (Person::sign_in(&served, "analyst").await, Person::sign_in(&served, "bea").await);
    let (own, others) = (link(&bea, "sales").await, link(&ada, "sales").await);
    let (token_id, token) = token(&admin, "analyst").await;
    let listed = async |person: &Person<'_>| {
        let listed = expect(person.send(Method::GET, "/api/v1/shares", None).await, 200).await;
        listed.as_array().unwrap().iter().map(|share| share["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((listed(&bea).await, listed(&ada).await), (vec![own.0.clone()], vec![others.0.clone()]));
    assert_eq!(listed(&admin).await.len(), 2);

    let before = everything(&shop, &served).await;
    let end = async |person: &Person<'_>, path: String| person.send(Method::DELETE, &path, None).await;
    let nothing = expect(end(&bea, "/api/v1/shares/nothing".to_owned()).await, 404).await;
    let refused = expect(end(&bea, format!("/api/v1/shares/{}", others.0)).await, 404).await;
    assert_eq!(refused, nothing, "whether it exists is not told");
    let by_token = served.request(Method::DELETE, &format!("/api/v1/shares/{}", others.0));
    expect(by_token.header("authorization", format!("Bearer {token}")).send().await.unwrap(), 404).await;
    expect(end(&admin, format!("/api/v1/shares/{token_id}")).await, 404).await;
    expect(end(&admin, format!("/api/v1/tokens/{}", own.0)).await, 404).await;
    expect(end(&admin, format!("/api/v1/users/{}", own.0)).await, 404).await;
    assert_eq!(everything(&shop, &served).await, before);

    let open = async |token: &str| {
        let request = served.request(Method::GET, "/api/v1/trust").header("x-shoplake-share", token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((open(&own.1).await, open(&others.1).await), (200, 200));
    assert_eq!(end(&bea, format!("/api/v1/shares/{}", own.0)).await.status(), 204);
    assert_eq!(end(&admin, format!("/api/v1/shares/{}", others.0)).await.status(), 204);
    assert_eq!((open(&own.1).await, open(&others.1).await), (401, 401));
}

/// Given two sessions of one user and one of another, then what belongs to one is of no use with another, and a
/// sign-out ends its own alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_its_own() {
    let (_shop, served) = staffed().await;
    let (first, second) = (Person::sign_in(&served, "operator").await, Person::sign_in(&served, "operator").await);
    let admin = Person::sign_in(&served, "admin").await;
    for csrf in [&second.csrf, &admin.csrf] {
        let mixed = served.request(Method::POST, "/api/v1/runs").header("cookie", &first.cookie);
        expect(mixed.header("x-shoplake-csrf", csrf).send().await.unwrap(), 403).await;
    }
    assert!(served.runner.0.lock().unwrap().is_empty());
    assert_eq!(first.send(Method::DELETE, "/api/v1/session", None).await.status(), 204);
    expect(first.send(Method::GET, "/api/v1/trust", None).await, 401).await;
    for person in [&second, &admin] {
        assert_eq!(person.send(Method::GET, "/api/v1/trust", None).await.status(), 200);
    }
}
