//! The identity behind a request: a share, a token, a session, or whoever sits at this machine.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use chrono::{TimeDelta, Utc};
use shoplake_core::ShopZone;
use shoplake_core::access::{Role, Share};

use super::secret::hash_of;
use crate::app::App;
use crate::params::PERIOD;
use crate::period::Period;
use crate::problem::{Answer, Problem};

/// The session's cookie, and its name over TLS: no other host and no plain connection can set that one.
pub(crate) const COOKIE: &str = "shoplake_session";
pub(crate) const COOKIE_OVER_TLS: &str = "__Host-shoplake_session";
/// The header that carries a share's token.
const SHARE_HEADER: &str = "x-shoplake-share";
/// A session ends after so long without a request, and so long after sign-in.
const IDLE: TimeDelta = TimeDelta::hours(12);
const LONGEST: TimeDelta = TimeDelta::days(30);
/// How old the note of a session's last use may be.
const TOUCH: TimeDelta = TimeDelta::seconds(60);

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The name for the audit log.
    pub(crate) who: String,
    /// The user, where somebody is signed in.
    pub(crate) user: Option<String>,
    /// What may be done.
    pub(crate) role: Role,
    /// The session's hash, where a cookie names one: its writes must carry [`Identity::csrf`].
    pub(crate) session: Option<String>,
    /// What writes carry.
    pub(crate) csrf: String,
    /// The share, where a link was followed.
    pub(crate) share: Option<Share>,
    /// The filters that it holds now.
    pub(crate) fixed: Vec<(String, String)>,
}

/// The filters of a share as figures know them: a period is the days that it has on the shop's calendar today.
fn fixed(app: &App, share: &Share) -> Answer<Vec<(String, String)>> {
    let mut fixed = Vec::new();
    for (name, value) in &share.filters {
        if name != PERIOD {
            fixed.push((name.clone(), value.clone()));
            continue;
        }
        // Without its days the link would show all of them.
        let period =
            Period::parse(value).ok_or_else(|| Problem::forbidden("share", "nobody knows the link's period"))?;
        let (from, to) = period.days(ShopZone::new(app.project.time_zone).today());
        fixed.extend([("from", from), ("to", to)].map(|(name, day)| (name.to_owned(), day.to_string())));
    }
    Ok(fixed)
}

/// Whether nobody has to sign in: the server listens on loopback and there are no users.
pub(crate) async fn local_only(app: &App) -> Answer<bool> {
    if !app.lasting.loopback {
        return Ok(false);
    }
    Ok(app.access.users().await?.is_empty())
}

/// Who asks from `address`, as [`identify`] says it. Guesses of links, tokens and sessions are slowed down; nothing that
/// is right is, once it was right there.
pub(crate) async fn identify_at(app: &App, headers: &HeaderMap, address: IpAddr) -> Answer<Option<Identity>> {
    let stated = [SHARE_HEADER, header::AUTHORIZATION.as_str()].into_iter().find_map(|name| text(headers, name));
    let of_session = stated.is_none();
    let Some(hash) = stated.or_else(|| cookie(headers)).map(hash_of) else { return identify(app, headers).await };
    let brake = &app.lasting.guesses;
    // The cookie of a session that has ended comes with every request of its browser, until somebody signs in there.
    if of_session && brake.was_wrong(address, &hash) {
        return local(app).await;
    }
    let slowed = || {
        let wait = brake.wait_for_secret(address, &hash)?;
        Some(Problem::too_many("unauthorized.slow", "too many wrong links, tokens or sessions came from here", wait))
    };
    if let Some(problem) = slowed() {
        return Err(problem);
    }
    let mut turn = None;
    if !brake.was_right(address, &hash) {
        turn = Some(app.lasting.guessing.acquire().await.map_err(|error| Problem::internal(&error))?);
        // Guesses that came at once have waited here together: what the first ones earned holds for the rest.
        if let Some(problem) = slowed() {
            return Err(problem);
        }
    }
    let found = identify(app, headers).await;
    match &found {
        Ok(Some(identity)) if !of_session || identity.session.is_some() => brake.note_secret(address, &hash, true),
        Ok(None) => brake.note_secret(address, &hash, false),
        // Where nobody has to sign in there is nothing to guess.
        Err(problem) if problem.is_unauthorized() && !local_only(app).await? => {
            brake.note_secret(address, &hash, false);
        }
        // It was not judged, or is of no worth.
        _ => {}
    }
    drop(turn);
    found
}

/// Who asks; `None` where nobody is known. A wrong share or token is a problem: it is never ignored.
pub(crate) async fn identify(app: &App, headers: &HeaderMap) -> Answer<Option<Identity>> {
    let unknown = |what: &str| {
        Problem::new(
            axum::http::StatusCode::UNAUTHORIZED,
            "unauthorized",
            format!("the {what} is unknown or has ended"),
        )
    };
    if let Some(token) = text(headers, SHARE_HEADER) {
        let share = app.access.share(&hash_of(token)).await?.filter(|share| share.expires_at > Utc::now());
        let share = share.ok_or_else(|| unknown("link"))?;
        return Ok(Some(Identity {
            fixed: fixed(app, &share)?,
            who: format!("share:{}", share.id),
            user: None,
            role: Role::Viewer,
            session: None,
            csrf: String::new(),
            share: Some(share),
        }));
    }
    if let Some(value) = text(headers, header::AUTHORIZATION.as_str()) {
        let token = value.strip_prefix("Bearer ").ok_or_else(|| unknown("token"))?;
        let token = app.access.token(&hash_of(token.trim())).await?;
        let token = token.filter(|token| token.expires_at.is_none_or(|end| end > Utc::now()));
        let token = token.ok_or_else(|| unknown("token"))?;
        return Ok(Some(Identity {
            who: format!("token:{}", token.id),
            user: None,
            role: token.role,
            session: None,
            csrf: String::new(),
            share: None,
            fixed: Vec::new(),
        }));
    }
    if let Some(identity) = by_cookie(app, headers).await? {
        return Ok(Some(identity));
    }
    local(app).await
}

/// Whoever sits at this machine, where nobody has to sign in.
async fn local(app: &App) -> Answer<Option<Identity>> {
    Ok(local_only(app).await?.then(|| Identity {
        who: "local".to_owned(),
        user: None,
        role: Role::Admin,
        session: None,
        csrf: app.lasting.csrf.to_string(),
        share: None,
        fixed: Vec::new(),
    }))
}

async fn by_cookie(app: &App, headers: &HeaderMap) -> Answer<Option<Identity>> {
    let Some(cookie) = cookie(headers) else { return Ok(None) };
    let hash = hash_of(cookie);
    let Some((session, user)) = app.access.session(&hash).await? else { return Ok(None) };
    let now = Utc::now();
    if now - session.used_at > IDLE || now - session.created_at > LONGEST {
        app.access.end_session(&hash).await?;
        return Ok(None);
    }
    if now - session.used_at > TOUCH {
        app.access.touch_session(&hash, now).await?;
    }
    Ok(Some(Identity {
        who: user.name.clone(),
        user: Some(user.name),
        role: user.role,
        session: Some(hash),
        csrf: session.csrf,
        share: None,
        fixed: Vec::new(),
    }))
}

/// The value of the session's cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs: Vec<_> =
        cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect();
    let named = |wanted: &str| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    named(COOKIE_OVER_TLS).or_else(|| named(COOKIE))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
