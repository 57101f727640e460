//! Users: who can sign in, and as what.

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shoplake_core::access::{Role, User};

use super::Endpoint;
use crate::access::{Identity, hash_password, password_fault};
use crate::app::App;
use crate::body::Body;
use crate::guard::Needs;
use crate::problem::{Answer, Problem};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let admin = Needs::Role(Role::Admin);
    let roles = json!({ "type": "string", "enum": ["viewer", "analyst", "operator", "admin"] });
    let body = json!({
        "type": "object", "additionalProperties": false, "required": ["name", "password", "role"],
        "properties": { "name": { "type": "string", "minLength": 1, "maxLength": 100 }, "password": { "type": "string" }, "role": roles },
    });
    let role = json!({
        "type": "object", "additionalProperties": false, "required": ["role"], "properties": { "role": roles },
    });
    vec![
        Endpoint::get("/api/v1/users", admin, "The users", get(list)).gives::<Vec<ListedUser>>(),
        Endpoint::post("/api/v1/users", admin, "Adds a user", post(add)).gives::<UserRole>().body(body),
        Endpoint::new(
            Method::PATCH,
            "/api/v1/users/{name}",
            admin,
            "Gives a user another role, and ends the user's sessions",
            patch(change),
        )
        .gives::<UserRole>()
        .body(role),
        Endpoint::delete("/api/v1/users/{name}", admin, "Removes a user, with all sessions", delete(remove)),
    ]
}

/// A user among all.
#[derive(Serialize, JsonSchema)]
struct ListedUser {
    name: String,
    role: Role,
    created_at: DateTime<Utc>,
}

async fn list(State(app): State<App>) -> Answer<Json<Vec<ListedUser>>> {
    let entry = |user: User| ListedUser { name: user.name, role: user.role, created_at: user.created_at };
    Ok(Json(app.access.users().await?.into_iter().map(entry).collect()))
}

/// What a user is from now on.
#[derive(Serialize, JsonSchema)]
struct UserRole {
    name: String,
    role: Role,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
    password: String,
    role: Role,
}

async fn add(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Body(new): Body<NewUser>,
) -> Answer<Response> {
    if let Some(fault) = shoplake_core::access::name_fault(&new.name).or_else(|| password_fault(&new.password)) {
        return Err(fault.into());
    }
    if new.role != Role::Admin && app.access.users().await?.is_empty() {
        let problem = Problem::unprocessable("user.first", "the first user must be an admin");
        return Err(problem.hint("from then on everybody signs in, and somebody must be able to add users"));
    }
    let permit = app.lasting.hashing.acquire().await.map_err(|error| Problem::internal(&error))?;
    let password = new.password;
    let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await;
    drop(permit);
    let password_hash = hash.map_err(|error| Problem::internal(&error))??;
    let user = User { name: new.name, role: new.role, password_hash, created_at: Utc::now() };
    if !app.access.add_user(&user).await? {
        return Err(Problem::new(StatusCode::CONFLICT, "user.taken", "there is a user of that name"));
    }
    app.access.audit(&identity.who, "user.add", &format!("{} as {}", user.name, user.role)).await?;
    Ok((StatusCode::CREATED, Json(UserRole { name: user.name, role: user.role })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

async fn change(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
    Body(NewRole { role }): Body<NewRole>,
) -> Answer<Json<UserRole>> {
    let _alone = app.lasting.users.lock().await;
    let users = app.access.users().await?;
    let user = users.iter().find(|user| user.name == name).ok_or_else(none)?;
    if role != Role::Admin {
        keeps_an_admin(&users, user)?;
    }
    // The same role again ends nobody's session.
    if user.role != role {
        if !app.access.change_user(&name, Some(role), None).await? {
            return Err(none());
        }
        app.access.audit(&identity.who, "user.role", &format!("{name} from {} to {role}", user.role)).await?;
    }
    Ok(Json(UserRole { name, role }))
}

fn none() -> Problem {
    Problem::not_found("there is no such user").hint("GET /api/v1/users lists them")
}

/// Refuses what would leave nobody who can add users.
fn keeps_an_admin(users: &[User], user: &User) -> Answer<()> {
    let admins = users.iter().filter(|user| user.role == Role::Admin).count();
    if user.role == Role::Admin && admins == 1 {
        let problem = Problem::new(StatusCode::CONFLICT, "user.last", "the last admin must stay one");
        return Err(problem.hint("`shoplake user remove` can remove it, on the machine itself"));
    }
    Ok(())
}

async fn remove(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let _alone = app.lasting.users.lock().await;
    let users = app.access.users().await?;
    keeps_an_admin(&users, users.iter().find(|user| user.name == name).ok_or_else(none)?)?;
    if !app.access.remove_user(&name).await? {
        return Err(none());
    }
    app.access.audit(&identity.who, "user.remove", &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
