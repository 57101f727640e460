//! Rows of the database as values.

use chrono::{DateTime, Utc};
use shoplake_core::access::{ApiToken, Role, Session, Share, User};
use shoplake_core::{Fault, Result};
use sqlx::sqlite::SqliteRow;

use super::{OrFault, column};

/// Microseconds since 1970 as a moment.
pub(super) fn moment(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| damaged("a moment"))
}

fn damaged(what: &str) -> Fault {
    Fault::unavailable(format!("the database of users holds {what} that no version writes"))
        .hint("bring `.shoplake/access.db` back from a backup")
}

fn role(row: &SqliteRow) -> Result<Role> {
    Role::parse(&column::<String>(row, "role")?).ok_or_else(|| damaged("a role"))
}

pub(super) fn user(row: &SqliteRow, name: &str, since: &str) -> Result<User> {
    Ok(User {
        name: column(row, name)?,
        role: role(row)?,
        password_hash: column(row, "password_hash")?,
        created_at: moment(column(row, since)?)?,
    })
}

pub(super) fn session(row: &SqliteRow) -> Result<Session> {
    Ok(Session {
        hash: column(row, "hash")?,
        user: column(row, "user")?,
        csrf: column(row, "csrf")?,
        created_at: moment(column(row, "created_at")?)?,
        used_at: moment(column(row, "used_at")?)?,
    })
}

pub(super) fn token(row: &SqliteRow) -> Result<ApiToken> {
    Ok(ApiToken {
        id: column(row, "id")?,
        hash: column(row, "hash")?,
        name: column(row, "name")?,
        role: role(row)?,
        created_by: column(row, "created_by")?,
        created_at: moment(column(row, "created_at")?)?,
        expires_at: column::<Option<i64>>(row, "expires_at")?.map(moment).transpose()?,
    })
}

pub(super) fn share(row: &SqliteRow) -> Result<Share> {
    let filters: String = column(row, "filters")?;
    Ok(Share {
        id: column(row, "id")?,
        hash: column(row, "hash")?,
        dashboard: column(row, "dashboard")?,
        filters: serde_json::from_str(&filters).or_fault("read a share")?,
        created_by: column(row, "created_by")?,
        created_at: moment(column(row, "created_at")?)?,
        expires_at: moment(column(row, "expires_at")?)?,
    })
}
