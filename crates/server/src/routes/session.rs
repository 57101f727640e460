//! Sign-in and sign-out, and what a page must know before it asks anything else.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shoplake_core::ShopZone;
use shoplake_core::access::{Role, Session, User};

use super::{Endpoint, shares};
use crate::access::{
    COOKIE, COOKIE_OVER_TLS, Identity, PASSWORD_MAX, Secret, identify_at, local_only, verify_password,
};
use crate::app::App;
use crate::body::Body;
use crate::client::Client;
use crate::guard::{Needs, over_tls};
use crate::problem::{Answer, Problem};

/// Sessions that were not used for so long are forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::days(30);

pub(super) fn endpoints() -> Vec<Endpoint> {
    let path = "/api/v1/session";
    let body = json!({
        "type": "object", "additionalProperties": false, "required": ["name", "password"],
        "properties": { "name": { "type": "string" }, "password": { "type": "string" } },
    });
    vec![
        Endpoint::get(path, Needs::Nothing, "Who asks, and what shop this is", get(show))
            .gives::<ShownSession>()
            .secret(),
        Endpoint::post(path, Needs::Nothing, "Signs in", axum::routing::post(begin))
            .gives::<BegunSession>()
            .body(body)
            .secret(),
        Endpoint::delete(path, Needs::Shared, "Signs out", axum::routing::delete(end)),
    ]
}

/// Who asks, and what shop this is.
#[derive(Serialize, JsonSchema)]
struct ShownSession {
    /// Who is signed in.
    user: Option<String>,
    /// What may be done; null where nobody is known.
    role: Option<Role>,
    /// What writes carry as `X-Shoplake-CSRF`.
    csrf: Option<String>,
    sign_in_required: bool,
    /// The link that is followed.
    share: Option<FollowedShare>,
    shop: ShownShop,
    /// The version of Shoplake.
    version: Option<&'static str>,
}

/// A link as its page knows it.
#[derive(Serialize, JsonSchema)]
struct FollowedShare {
    /// A dashboard as code; null for the sales page.
    dashboard: Option<String>,
    /// Name and value of each filter that it holds.
    filters: Vec<(String, String)>,
    expires_at: DateTime<Utc>,
}

/// The shop; who has not signed in learns its name and nothing else.
#[derive(Default, Serialize, JsonSchema)]
struct ShownShop {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// The shop's day now.
    #[serde(skip_serializing_if = "Option::is_none")]
    today: Option<NaiveDate>,
}

async fn show(State(app): State<App>, extensions: Extensions, headers: HeaderMap) -> Answer<Json<ShownSession>> {
    let identity = identify_at(&app, &headers, Client::address(&extensions)).await?;
    let project = &app.project;
    let name = project.name.clone();
    let sign_in_required = !local_only(&app).await?;
    let Some(identity) = identity else {
        let shop = ShownShop { name, ..ShownShop::default() };
        let (user, role, csrf, share, version) = (None, None, None, None, None);
        return Ok(Json(ShownSession { user, role, csrf, sign_in_required, share, shop, version }));
    };
    let share = identity.share.as_ref().map(|share| FollowedShare {
        dashboard: shares::dashboard_of(share).map(str::to_owned),
        filters: shares::told(&identity, share),
        expires_at: share.expires_at,
    });
    Ok(Json(ShownSession {
        share,
        user: identity.user,
        role: Some(identity.role),
        csrf: Some(identity.csrf),
        sign_in_required,
        shop: ShownShop {
            name,
            time_zone: Some(project.time_zone.name()),
            currency: Some(project.currency.clone()),
            today: Some(ShopZone::new(project.time_zone).today()),
        },
        version: Some(env!("CARGO_PKG_VERSION")),
    }))
}

/// A sign-in.
#[derive(Serialize, JsonSchema)]
struct BegunSession {
    user: String,
    role: Role,
    /// What writes carry as `X-Shoplake-CSRF`.
    csrf: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    name: String,
    password: String,
}

async fn begin(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Body(Credentials { name, password }): Body<Credentials>,
) -> Answer {
    // Where nobody has to sign in a page of another site could still try: it cannot send JSON unasked.
    let address = Client::address(&extensions);
    slowed(&app, address, &name)?;
    let turn = app.lasting.hashing.acquire().await.map_err(|error| Problem::internal(&error))?;
    // Tries that came at once have waited here together: what the first ones earned holds for the rest.
    slowed(&app, address, &name)?;
    let user = app.access.user(&name).await?;
    let right = is_right(password, user.as_ref()).await?;
    app.lasting.brake.note(address, &name, right);
    drop(turn);
    let Some(user) = user.filter(|_| right) else {
        let shown: String = name.chars().take(100).collect();
        app.access.audit(&shown, "session.refused", &format!("from {address}")).await?;
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "session.wrong", "the name or the password is wrong"));
    };
    let (secret, csrf, now) = (Secret::new(""), Secret::new("").text, Utc::now());
    app.lasting.guesses.note_secret(address, &secret.hash, true);
    let session =
        Session { hash: secret.hash, user: user.name.clone(), csrf: csrf.clone(), created_at: now, used_at: now };
    app.access.begin_session(&session, now - FORGOTTEN).await?;
    app.access.audit(&user.name, "session.begin", &format!("from {address}")).await?;
    let answer = Json(BegunSession { user: user.name, role: user.role, csrf });
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie(&secret.text, &headers, 30 * 86_400))], answer)
        .into_response())
}

/// Refuses a try that has to wait.
fn slowed(app: &App, address: IpAddr, name: &str) -> Answer<()> {
    let Some(wait) = app.lasting.brake.wait(address, name) else { return Ok(()) };
    Err(Problem::too_many("session.slow", "too many wrong tries", wait))
}

async fn is_right(password: String, user: Option<&User>) -> Answer<bool> {
    if password.len() > PASSWORD_MAX {
        return Ok(false);
    }
    let hash = user.map(|user| user.password_hash.clone());
    let checked = tokio::task::spawn_blocking(move || verify_password(&password, hash.as_deref())).await;
    checked.map_err(|error| Problem::internal(&error))
}

async fn end(State(app): State<App>, Extension(identity): Extension<Identity>, headers: HeaderMap) -> Answer {
    if let Some(session) = &identity.session {
        app.access.end_session(session).await?;
        app.access.audit(&identity.who, "session.end", "").await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie("", &headers, 0))]).into_response())
}

/// The cookie. Behind a proxy that speaks TLS it goes over TLS alone.
fn cookie(value: &str, headers: &HeaderMap, seconds: u32) -> HeaderValue {
    let tls = over_tls(headers);
    let (name, secure) = if tls { (COOKIE_OVER_TLS, "; Secure") } else { (COOKIE, "") };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}
