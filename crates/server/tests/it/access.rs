//! Who may do what: this machine without users, sign-in, roles, tokens, and what ends them.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use shoplake_core::access::AccessStore;

use crate::live::Events;
use crate::shop::{Served, Shop, expect};

pub(crate) const PASSWORD: &str = "correct horse battery";

async fn add_user(served: &Served, name: &str, role: &str) -> Response {
    served.post("/api/v1/users", &json!({ "name": name, "password": PASSWORD, "role": role })).await
}

/// Somebody who is signed in.
pub(crate) struct Person<'s> {
    served: &'s Served,
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl<'s> Person<'s> {
    pub(crate) async fn sign_in(served: &'s Served, name: &str) -> Self {
        let response = served.post("/api/v1/session", &json!({ "name": name, "password": PASSWORD })).await;
        let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let body = expect(response, 201).await;
        Self { served, cookie, csrf: body["csrf"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request =
            self.served.request(method, path).header("cookie", &self.cookie).header("x-shoplake-csrf", &self.csrf);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }
}

/// A shop with one user of each role, and its server.
pub(crate) async fn staffed() -> (Shop, Served) {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    expect(add_user(&served, "admin", "admin").await, 201).await;
    let admin = Person::sign_in(&served, "admin").await;
    for role in ["viewer", "analyst", "operator"] {
        let body = json!({ "name": role, "password": PASSWORD, "role": role });
        expect(admin.send(Method::POST, "/api/v1/users", Some(body)).await, 201).await;
    }
    drop(admin);
    (shop, served)
}

/// Given no users, then this machine is admin without sign-in, and no other address is listened on; the
/// first user must be able to add others.
#[tokio::test(flavor = "multi_thread")]
async fn without_users_only_this_machine() {
    let shop = Shop::with_sales().await;
    let refused = shop.serve_at("0.0.0.0:0").await.err().unwrap();
    assert!(refused.hint.unwrap().contains("shoplake user add"));
    let served = shop.serve().await;
    let session = served.json("/api/v1/session").await;
    assert_eq!((&session["role"], &session["sign_in_required"]), (&json!("admin"), &json!(false)));
    assert_eq!(session["shop"]["time_zone"], "Europe/Berlin");
    expect(add_user(&served, "eve", "viewer").await, 422).await;
    expect(add_user(&served, "admin", "admin").await, 201).await;
    let session = served.json("/api/v1/session").await;
    assert_eq!(
        (&session["role"], &session["sign_in_required"], &session["shop"]["currency"]),
        (&Value::Null, &json!(true), &Value::Null)
    );
    expect(served.get("/api/v1/trust").await, 401).await;
    let elsewhere = shop.serve_at("0.0.0.0:0").await.unwrap();
    expect(elsewhere.get("/api/v1/trust").await, 401).await;
    shop.access().await.remove_user("admin").await.unwrap();
    expect(elsewhere.get("/api/v1/trust").await, 401).await;
    served.json("/api/v1/trust").await;
}

/// Given a sign-in, then the cookie is closed to scripts and other sites, is kept as a hash, and ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_begins_and_ends() {
    let (shop, served) = staffed().await;
    let body = json!({ "name": "viewer", "password": PASSWORD });
    let response = served.post("/api/v1/session", &body).await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let behind_tls = served.request(Method::POST, "/api/v1/session").header("x-forwarded-proto", "https").json(&body);
    let behind_tls = behind_tls.send().await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(behind_tls.starts_with("__Host-") && behind_tls.contains("; Secure"), "{behind_tls}");
    let named = behind_tls.split(';').next().unwrap();
    let trust = served.request(Method::GET, "/api/v1/trust").header("cookie", named);
    assert_eq!(trust.send().await.unwrap().status(), 200);
    let person = Person::sign_in(&served, "viewer").await;
    let secret = person.cookie.split_once('=').unwrap().1;
    assert!(secret.len() >= 43, "256 bits");
    for file in ["access.db", "access.db-wal"] {
        let bytes = fs_err::read(shop.path().join(".shoplake").join(file)).unwrap_or_default();
        let has = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!has(secret) && !has(PASSWORD), "no secret stands in {file}");
    }
    assert_eq!(person.send(Method::GET, "/api/v1/trust", None).await.status(), 200);
    assert_eq!(person.send(Method::DELETE, "/api/v1/session", None).await.status(), 204);
    expect(person.send(Method::GET, "/api/v1/trust", None).await, 401).await;
}

/// Given a wrong name or password, then both are told the same; many tries have to wait, others do not.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slow_and_tells_nothing() {
    let (_shop, served) = staffed().await;
    let attempt = async |name: &str, password: String| {
        served.post("/api/v1/session", &json!({ "name": name, "password": password })).await
    };
    let wrong = expect(attempt("viewer", "wrong password".into()).await, 401).await;
    let nobody = expect(attempt("nobody", "wrong password".into()).await, 401).await;
    assert_eq!(wrong, nobody);
    expect(attempt("viewer", "x".repeat(900_000)).await, 401).await;
    for _ in 0..3 {
        expect(attempt("viewer", "wrong password".into()).await, 401).await;
    }
    let slow = attempt("viewer", PASSWORD.into()).await;
    assert!(slow.headers().contains_key("retry-after"));
    expect(slow, 429).await;
    Person::sign_in(&served, "analyst").await;
}

/// Given each role, then it may do what it should and nothing above.
#[tokio::test(flavor = "multi_thread")]
async fn roles() {
    let (_shop, served) = staffed().await;
    let asks: [(Method, &str, Option<Value>, &str, u16); 9] = [
        (Method::GET, "/api/v1/sales/summary", None, "viewer", 200),
        (Method::GET, "/api/v1/runs", None, "viewer", 200),
        (Method::POST, "/api/v1/query", Some(json!({ "sql": "SELECT 1" })), "analyst", 200),
        (Method::GET, "/api/v1/quarantine/rows", None, "analyst", 200),
        (Method::GET, "/api/v1/shares", None, "analyst", 200),
        (Method::POST, "/api/v1/runs", None, "operator", 202),
        (Method::POST, "/api/v1/quarantine/replay", Some(json!({})), "operator", 202),
        (Method::GET, "/api/v1/users", None, "admin", 200),
        (Method::GET, "/api/v1/audit", None, "admin", 200),
    ];
    let roles = ["viewer", "analyst", "operator", "admin"];
    for (index, role) in roles.iter().enumerate() {
        let person = Person::sign_in(&served, role).await;
        for (method, path, body, least, status) in asks.clone() {
            let may = index >= roles.iter().position(|role| *role == least).unwrap();
            let found = person.send(method, path, body).await.status().as_u16();
            assert_eq!(found, if may { status } else { 403 }, "{role} {path}");
        }
    }
    let admin = Person::sign_in(&served, "admin").await;
    expect(admin.send(Method::DELETE, "/api/v1/users/admin", None).await, 409).await;
    let audit = expect(admin.send(Method::GET, "/api/v1/audit", None).await, 200).await;
    assert_eq!(audit["first_break"], Value::Null);
    let lines: Vec<(&Value, &Value)> =
        audit["entries"].as_array().unwrap().iter().map(|e| (&e["who"], &e["what"])).collect();
    for line in [("operator", "run.start"), ("admin", "user.add"), ("viewer", "session.begin")] {
        assert!(lines.contains(&(&json!(line.0), &json!(line.1))), "{line:?} of {lines:?}");
    }
    assert!(!audit.to_string().contains(PASSWORD));
}

/// Given a session, when a write lacks its header or comes from another site, then nothing is done.
#[tokio::test(flavor = "multi_thread")]
async fn other_sites_cannot_write() {
    let (_shop, served) = staffed().await;
    let admin = Person::sign_in(&served, "admin").await;
    let start = || served.request(Method::POST, "/api/v1/runs").header("cookie", &admin.cookie);
    let ours = format!("http://{}", served.address);
    expect(start().send().await.unwrap(), 403).await;
    expect(start().header("x-shoplake-csrf", "guessed").send().await.unwrap(), 403).await;
    let right = || start().header("x-shoplake-csrf", &admin.csrf);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        expect(right().header(name, value).send().await.unwrap(), 403).await;
    }
    assert_eq!(served.runner.0.lock().unwrap().len(), 0);
    expect(right().header("origin", ours).header("sec-fetch-site", "same-origin").send().await.unwrap(), 202).await;
    assert_eq!(served.runner.0.lock().unwrap().len(), 1);
}

/// Given this machine without users, then a page of another site can neither write nor come by another name.
#[tokio::test(flavor = "multi_thread")]
async fn other_sites_cannot_use_an_open_machine() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let evil = served.request(Method::POST, "/api/v1/runs").header("origin", "https://evil.example");
    expect(evil.send().await.unwrap(), 403).await;
    for host in ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example"] {
        let rebound = served.request(Method::GET, "/api/v1/trust").header("host", host);
        expect(rebound.send().await.unwrap(), 403).await;
    }
    let form = served
        .request(Method::POST, "/api/v1/query")
        .header("content-type", "text/plain")
        .body("{\"sql\":\"SELECT 1\"}");
    expect(form.send().await.unwrap(), 415).await;
    assert_eq!(served.runner.0.lock().unwrap().len(), 0);
}

/// Given a token, then it does what its role may, is never listed, and ends when it is removed.
#[tokio::test(flavor = "multi_thread")]
async fn tokens() {
    let (_shop, served) = staffed().await;
    let admin = Person::sign_in(&served, "admin").await;
    let made = expect(
        admin.send(Method::POST, "/api/v1/tokens", Some(json!({ "name": "nightly", "role": "operator" }))).await,
        201,
    )
    .await;
    let secret = made["token"].as_str().unwrap();
    let with = |path: &str, token: &str| {
        served.request(Method::GET, path).header("authorization", format!("Bearer {token}")).send()
    };
    assert_eq!(with("/api/v1/runs", secret).await.unwrap().status(), 200);
    assert_eq!(with("/metrics", secret).await.unwrap().status(), 200);
    expect(with("/api/v1/users", secret).await.unwrap(), 403).await;
    expect(with("/api/v1/runs", "slt_guessed").await.unwrap(), 401).await;
    let start = served.request(Method::POST, "/api/v1/runs").header("authorization", format!("Bearer {secret}"));
    expect(start.send().await.unwrap(), 202).await;
    let listed = expect(admin.send(Method::GET, "/api/v1/tokens", None).await, 200).await;
    assert!(!listed.to_string().contains(secret) && !listed.to_string().contains("hash"), "{listed}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(admin.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), None).await.status(), 204);
    expect(with("/api/v1/runs", secret).await.unwrap(), 401).await;
    let ended = admin.send(
        Method::POST,
        "/api/v1/tokens",
        Some(json!({ "name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z" })),
    );
    expect(ended.await, 422).await;
}

/// Given a user who is signed in, when the role changes, then the session ends and the next has the new
/// role; nobody can take away the last admin.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_changes() {
    let (_shop, served) = staffed().await;
    let admin = Person::sign_in(&served, "admin").await;
    let person = Person::sign_in(&served, "viewer").await;
    let to = async |who: &Person<'_>, name: &str, role: &str| {
        who.send(Method::PATCH, &format!("/api/v1/users/{name}"), Some(json!({ "role": role }))).await
    };
    expect(to(&person, "viewer", "admin").await, 403).await;
    assert_eq!(expect(to(&admin, "viewer", "viewer").await, 200).await["role"], "viewer");
    assert_eq!(person.send(Method::GET, "/api/v1/trust", None).await.status(), 200, "the same role ends nothing");
    assert_eq!(expect(to(&admin, "viewer", "operator").await, 200).await["role"], "operator");
    expect(person.send(Method::GET, "/api/v1/trust", None).await, 401).await;
    let again = Person::sign_in(&served, "viewer").await;
    expect(again.send(Method::POST, "/api/v1/runs", None).await, 202).await;
    expect(to(&admin, "nobody", "viewer").await, 404).await;
    expect(to(&admin, "admin", "viewer").await, 409).await;
    expect(to(&admin, "viewer", "root").await, 422).await;
    let audit = expect(admin.send(Method::GET, "/api/v1/audit", None).await, 200).await;
    let changed = json!(["admin", "user.role", "viewer from viewer to operator"]);
    let lines = audit["entries"].as_array().unwrap().iter().map(|e| json!([e["who"], e["what"], e["detail"]]));
    assert_eq!(lines.filter(|line| line[1] == "user.role").collect::<Vec<_>>(), [changed]);
}

/// Given an open page, when its user is removed, then its stream of news ends and nothing is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_user_is_out_at_once() {
    let (shop, served) = staffed().await;
    let person = Person::sign_in(&served, "viewer").await;
    let stream = person.send(Method::GET, "/api/v1/events", None).await;
    let mut events = Events::of(stream);
    events.until("batch").await;
    shop.access().await.remove_user("viewer").await.unwrap();
    expect(person.send(Method::GET, "/api/v1/trust", None).await, 401).await;
    while events.next().await.is_some() {}
}

/// Given a body that says more than it may, then it is refused: roles are not handed out by accident.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_refused() {
    let (_shop, served) = staffed().await;
    let admin = Person::sign_in(&served, "admin").await;
    for (path, body) in [
        ("/api/v1/users", json!({ "name": "x", "password": PASSWORD, "role": "viewer", "id": 1 })),
        ("/api/v1/tokens", json!({ "name": "x", "role": "viewer", "created_by": "admin" })),
        ("/api/v1/users", json!({ "name": "x", "password": PASSWORD, "role": "root" })),
        ("/api/v1/users", json!({ "name": "token:x", "password": PASSWORD, "role": "viewer" })),
        ("/api/v1/users", json!({ "name": "x\r\nERROR fake", "password": PASSWORD, "role": "viewer" })),
        ("/api/v1/users", json!({ "name": "x", "password": "short", "role": "viewer" })),
        ("/api/v1/session", json!({ "name": "admin", "password": PASSWORD, "role": "admin" })),
    ] {
        expect(admin.send(Method::POST, path, Some(body)).await, 422).await;
    }
}
