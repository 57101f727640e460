//! The security list of HTTP, where no other file holds it: pages and files, transport, sign-in that is
//! attacked, requests that two servers could read in two ways.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shoplake_core::access::{AccessStore, Role, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::access::{PASSWORD, Person};
use crate::live::Events;
use crate::shop::{Served, Shop, expect};

/// A shop with one admin.
async fn with_admin() -> (Shop, Served) {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let body = json!({ "name": "admin", "password": PASSWORD, "role": "admin" });
    expect(served.post("/api/v1/users", &body).await, 201).await;
    (shop, served)
}

/// Given the app's own pages and files, and what is none of them, then each has the headers of an answer
/// of the API, no inline script could run, and no file of the machine is reached.
#[tokio::test(flavor = "multi_thread")]
async fn pages_and_files() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let page = served.get("/").await.text().await.unwrap();
    let script = page.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
    let mut paths = ["/", "/quality", "/d/sales", "/nothing.js", "/index.html"].map(str::to_owned).to_vec();
    paths.extend(script);
    for path in [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/shoplake.yml",
        "/assets/..%5c..%5cshoplake.yml",
        "//etc/passwd",
        "/.shoplake/access.db",
        "/shoplake.yml",
    ] {
        paths.push(path.to_owned());
    }
    for path in paths {
        let response = served.get(&path).await;
        let headers = response.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        let text = response.text().await.unwrap();
        assert!(!text.contains("root:") && !text.contains("time_zone:") && !text.starts_with("SQLite"), "{path}");
    }
}

/// Given a proxy that speaks TLS, then browsers are told to stay with it; over plain HTTP they are not.
#[tokio::test(flavor = "multi_thread")]
async fn transport() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    assert!(!served.get("/").await.headers().contains_key("strict-transport-security"));
    for path in ["/", "/api/v1/trust", "/api/v1/nothing"] {
        let over = served.request(Method::GET, path).header("x-forwarded-proto", "https").send().await.unwrap();
        assert_eq!(over.headers()["strict-transport-security"], "max-age=31536000", "{path}");
    }
}

/// Given a cookie that an attacker has planted, when its bearer signs in, then another one counts from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_planted_cookie_gains_nothing() {
    let (_shop, served) = with_admin().await;
    let planted = "shoplake_session=planted-planted-planted-planted-planted";
    let begin = served.request(Method::POST, "/api/v1/session").header("cookie", planted);
    let begun = begin.json(&json!({ "name": "admin", "password": PASSWORD })).send().await.unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(cookie, planted);
    let trust = async |cookie: &str| {
        let request = served.request(Method::GET, "/api/v1/trust").header("cookie", cookie);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((trust(planted).await, trust(&cookie).await), (401, 200));
}

/// Given guesses that each claim another address, then they are slowed down as if they did not.
#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_address_is_not_believed() {
    let (_shop, served) = with_admin().await;
    let guess = async |number: u32| {
        let request = served.request(Method::POST, "/api/v1/session");
        let request = request.header("x-forwarded-for", format!("10.0.0.{number}")).header("x-real-ip", "10.1.1.1");
        let body = json!({ "name": "admin", "password": format!("wrong password {number}") });
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    let mut answers = Vec::new();
    for number in 0..12 {
        answers.push(guess(number).await);
    }
    assert_eq!((answers[0], answers[11]), (401, 429), "{answers:?}");
}

/// Given a proxy that the project trusts, then each of those behind it is slowed down by themselves, whatever they claim
/// in front of what the proxy says, and the audit log names them; what somebody else claims is not believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_says_who_asks() {
    let shop = Shop::with_sales().await;
    let settings = shop.path().join("shoplake.yml");
    let text = fs_err::read_to_string(&settings).unwrap();
    fs_err::write(&settings, text + "\nserver: { trusted_proxies: [127.0.0.0/8] }\n").unwrap();
    let served = shop.serve().await;
    let admin = json!({ "name": "admin", "password": PASSWORD, "role": "admin" });
    expect(served.post("/api/v1/users", &admin).await, 201).await;
    let sign_in = async |way: String, password: &str| {
        let request = served.request(Method::POST, "/api/v1/session").header("x-forwarded-for", way);
        let body = json!({ "name": "admin", "password": password });
        request.json(&body).send().await.unwrap()
    };
    let mut answers = Vec::new();
    for number in 0..12 {
        let way = format!("10.0.0.{number}, 198.51.100.1, 127.0.0.2");
        answers.push(sign_in(way, "a wrong password").await.status().as_u16());
    }
    assert_eq!((answers[0], answers[11]), (401, 429), "{answers:?}");
    assert_eq!(sign_in("198.51.100.1, 198.51.100.2".to_owned(), PASSWORD).await.status(), 201, "another one");
    let log = shop.access().await.audit_log(1).await.unwrap();
    assert_eq!((log[0].what.as_str(), log[0].detail.as_str()), ("session.begin", "from 198.51.100.2"));
}

/// Given the cookie of a session that has ended, which its browser sends again and again, then it is one guess, and
/// whoever sent it can sign in.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_locks_out_nobody() {
    let (_shop, served) = with_admin().await;
    let ended = Person::sign_in(&served, "admin").await;
    assert_eq!(ended.send(Method::DELETE, "/api/v1/session", None).await.status(), 204);
    for _ in 0..40 {
        expect(ended.send(Method::GET, "/api/v1/trust", None).await, 401).await;
        let session = expect(ended.send(Method::GET, "/api/v1/session", None).await, 200).await;
        assert_eq!(session["sign_in_required"], true);
    }
    let again = Person::sign_in(&served, "admin").await;
    assert_eq!(again.send(Method::GET, "/api/v1/trust", None).await.status(), 200);
    let other = served.request(Method::GET, "/api/v1/trust").header("cookie", "shoplake_session=other").send().await;
    expect(other.unwrap(), 401).await;
}

/// Given requests whose end two servers could see in two places, then they are refused, and nothing that
/// is hidden in them is answered.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let hidden = "DELETE /api/v1/runs/current HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for head in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding : chunked\r\n",
        "content-length: +4\r\n",
        "content-length: 4, 5\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
        let request = format!(
            "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}\r\n0\r\n\r\n{hidden}"
        );
        // A server that has heard enough may close while we still write.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 4"), "{head}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head}: {answer}");
    }
}

/// Given many guesses at once, then no more of them are judged than one after the other would have been.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_as_slow() {
    let (_shop, served) = with_admin().await;
    let guess = async |number: u32| {
        let body = json!({ "name": "admin", "password": format!("wrong password {number}") });
        served.post("/api/v1/session", &body).await.status().as_u16()
    };
    let answers = futures::future::join_all((0..50).map(guess)).await;
    let judged = answers.iter().filter(|status| **status == 401).count();
    assert!((5..=6).contains(&judged), "{judged} of {answers:?}");
    assert!(answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
}

/// Given many guesses of links and tokens, one after the other or at once, then they are slowed down whatever they
/// name, and neither those who sign in nor who has a link that was right here waits.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_secrets_are_slowed_down() {
    for at_once in [false, true] {
        let (_shop, served) = with_admin().await;
        let admin = Person::sign_in(&served, "admin").await;
        let body = json!({ "expires_at": Utc::now() + TimeDelta::days(1) });
        let link = expect(admin.send(Method::POST, "/api/v1/shares", Some(body)).await, 201).await;
        let link = link["token"].as_str().unwrap();
        let send = async |header: &'static str, value: String, path: &'static str| {
            served.request(Method::GET, path).header(header, value).send().await.unwrap()
        };
        assert_eq!(send("x-shoplake-share", link.to_owned(), "/api/v1/trust").await.status(), 200);
        let guess = async |number: u32| match number % 4 {
            3 => send("cookie", format!("shoplake_session=guess{number}"), "/api/v1/trust").await,
            0 => send("x-shoplake-share", format!("sls_{number}"), "/api/v1/trust").await,
            1 => send("authorization", format!("Bearer slt_{number}"), "/api/v1/trust").await,
            _ => send("authorization", format!("Bearer slt_{number}"), "/api/v1/session").await,
        };
        let mut answers = Vec::new();
        if at_once {
            answers = futures::future::join_all((0..60).map(guess)).await;
        } else {
            for number in 0..60 {
                answers.push(guess(number).await);
            }
        }
        let judged = answers.iter().filter(|answer| answer.status() == 401).count();
        assert!((20..=22).contains(&judged), "{judged} of 60 are judged, at once: {at_once}");
        for answer in answers.into_iter().filter(|answer| answer.status() != 401) {
            assert!(answer.headers().contains_key("retry-after"));
            expect(answer, 429).await;
        }
        assert_eq!(send("x-shoplake-share", link.to_owned(), "/api/v1/trust").await.status(), 200);
        assert_eq!(admin.send(Method::GET, "/api/v1/trust", None).await.status(), 200);
        assert_eq!(served.get("/api/v1/session").await.status(), 200);
    }
}

/// Given two admins, when each removes or demotes the other at the same moment, then one stays an admin.
#[tokio::test(flavor = "multi_thread")]
async fn two_admins_cannot_remove_each_other() {
    for demote in [false, true] {
        let (shop, served) = with_admin().await;
        let admin = Person::sign_in(&served, "admin").await;
        let other = json!({ "name": "other", "password": PASSWORD, "role": "admin" });
        expect(admin.send(Method::POST, "/api/v1/users", Some(other)).await, 201).await;
        let other = Person::sign_in(&served, "other").await;
        let against = async |who: &Person<'_>, name: &str| {
            let path = format!("/api/v1/users/{name}");
            let (method, body) =
                if demote { (Method::PATCH, Some(json!({ "role": "viewer" }))) } else { (Method::DELETE, None) };
            who.send(method, &path, body).await
        };
        let both = (0..10).map(|_| futures::future::join(against(&admin, "other"), against(&other, "admin")));
        futures::future::join_all(both).await;
        let users = shop.access().await.users().await.unwrap();
        let admins: Vec<&str> =
            users.iter().filter(|user| user.role == Role::Admin).map(|user| user.name.as_str()).collect();
        assert_eq!(admins.len(), 1, "demote: {demote}, {users:?}");
    }
}

/// Given a session that nobody used for long, and one that began long ago, then both have ended; one within both
/// bounds has not.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_by_themselves() {
    let (shop, served) = with_admin().await;
    let (access, now) = (shop.access().await, Utc::now());
    let begun = async |cookie: &str, began: TimeDelta, used: TimeDelta| {
        let hash = Sha256::digest(cookie.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let (user, csrf) = ("admin".to_owned(), "c".to_owned());
        let session = Session { hash, user, csrf, created_at: now - began, used_at: now - used };
        access.begin_session(&session, now - TimeDelta::days(60)).await.unwrap();
        let request =
            served.request(Method::GET, "/api/v1/trust").header("cookie", format!("shoplake_session={cookie}"));
        request.send().await.unwrap().status().as_u16()
    };
    let (hour, day) = (TimeDelta::hours(1), TimeDelta::days(1));
    assert_eq!(begun("used an hour ago", day * 29, hour).await, 200);
    assert_eq!(begun("idle for half a day", day, hour * 12 + TimeDelta::minutes(1)).await, 401);
    assert_eq!(begun("begun a month ago", day * 30 + hour, hour).await, 401);
}

/// Given a token and a link that end soon, then they open nothing from that moment on.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_links_end_by_themselves() {
    let (_shop, served) = with_admin().await;
    let admin = Person::sign_in(&served, "admin").await;
    let end = Utc::now() + TimeDelta::seconds(3);
    let made = async |path: &str, body: Value| {
        let made = expect(admin.send(Method::POST, path, Some(body)).await, 201).await;
        made["token"].as_str().unwrap().to_owned()
    };
    let token = made("/api/v1/tokens", json!({ "name": "short", "role": "viewer", "expires_at": end })).await;
    let link = made("/api/v1/shares", json!({ "expires_at": end })).await;
    let headers = [("authorization", format!("Bearer {token}")), ("x-shoplake-share", link)];
    let open = async |(name, value): &(&str, String)| {
        let request = served.request(Method::GET, "/api/v1/trust").header(*name, value);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((open(&headers[0]).await, open(&headers[1]).await), (200, 200));
    tokio::time::sleep((end - Utc::now()).to_std().unwrap_or_default()).await;
    assert_eq!((open(&headers[0]).await, open(&headers[1]).await), (401, 401));
}

/// Given an open page, when its user signs out, then its stream of news ends within five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_ends_streams() {
    let (_shop, served) = with_admin().await;
    let admin = Person::sign_in(&served, "admin").await;
    let mut events = Events::of(admin.send(Method::GET, "/api/v1/events", None).await);
    events.until("batch").await;
    assert_eq!(admin.send(Method::DELETE, "/api/v1/session", None).await.status(), 204);
    let ended = async { while events.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the stream ends");
}

/// Given the app's files, then none is a source map or names one.
#[tokio::test(flavor = "multi_thread")]
async fn no_source_maps() {
    let shop = Shop::with_sales().await;
    let served = shop.serve().await;
    let page = served.get("/").await.text().await.unwrap();
    let names = page.split('"').filter(|part| part.starts_with("/assets/"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.iter().any(|name| name.ends_with(".js")), "{page}");
    for name in names {
        assert!(!served.get(&name).await.text().await.unwrap().contains("sourceMappingURL"), "{name}");
        expect(served.get(&format!("{name}.map")).await, 404).await;
    }
}
