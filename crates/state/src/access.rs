//! Users, sessions, tokens, shares and the audit log in one SQLite file, `.shoplake/access.db`.
//!
//! It stands apart from the state: the state is a memory that may be deleted, this is not. Every
//! transaction that writes begins with `BEGIN IMMEDIATE`, as there.

mod audit;
mod rows;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shoplake_core::access::{AccessStore, ApiToken, AuditEntry, Role, Session, Share, User};
use shoplake_core::{Fault, Result};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Row, SqliteConnection, SqlitePool};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/access");
const BUSY: Duration = Duration::from_secs(30);

/// Who may do what, in SQLite.
#[derive(Debug, Clone)]
pub struct SqliteAccess {
    /// One connection: what is read here is little, and a reader must see what was just written.
    pool: SqlitePool,
}

impl SqliteAccess {
    /// Opens the database at `path`, making it and its folder where missing; only its owner can read it.
    pub async fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let mut options = fs_err::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)?;
        Self::connect(SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Wal)).await
    }

    /// An empty database that is gone with the value; for tests.
    pub async fn open_in_memory() -> Result<Self> {
        Self::connect(SqliteConnectOptions::from_str("sqlite::memory:").or_fault("open a database in memory")?).await
    }

    async fn connect(options: SqliteConnectOptions) -> Result<Self> {
        let doing = "open the database of users";
        let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = pool.connect_with(options.busy_timeout(BUSY).foreign_keys(true)).await.or_fault(doing)?;
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.or_fault(doing)?;
        // Not `run`: its future is not `Send`.
        MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|error| {
            Fault::unavailable("the database of users cannot be brought up to date")
                .hint("was it made by a newer shoplake? update this one")
                .caused_by(error)
        })?;
        transaction.commit().await.or_fault(doing)?;
        Ok(Self { pool })
    }
}

/// Turns an error of the database into a fault.
trait OrFault<T> {
    /// The value, or a fault that says what was being done: `read the users`.
    fn or_fault(self, doing: &str) -> Result<T>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> OrFault<T> for std::result::Result<T, E> {
    fn or_fault(self, doing: &str) -> Result<T> {
        self.map_err(|error| {
            Fault::unavailable(format!("could not {doing}"))
                .hint("look at `.shoplake/access.db` and the disk that holds it")
                .caused_by(error)
        })
    }
}

const USERS: &str = "read the users";
const SESSIONS: &str = "read a session";
/// The tokens that `?1`, a user or `token:ID`, has made, be it by a token that it had made.
const MADE: &str = "WITH RECURSIVE made (id) AS (
    SELECT id FROM tokens WHERE created_by = ?1
    UNION SELECT tokens.id FROM tokens JOIN made ON created_by = 'token:' || made.id)";

/// Removes all tokens and shares that `who`, a user or `token:ID`, has made, be it by a token that it had made.
async fn remove_made(database: &mut SqliteConnection, who: &str, doing: &str) -> Result<()> {
    // The shares first: they are found by the tokens.
    let shares =
        format!("{MADE} DELETE FROM shares WHERE created_by = ?1 OR created_by IN (SELECT 'token:' || id FROM made)");
    let tokens = format!("{MADE} DELETE FROM tokens WHERE id IN (SELECT id FROM made)");
    for sql in [shares, tokens] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(who).execute(&mut *database).await.or_fault(doing)?;
    }
    Ok(())
}

/// Removes a token and what it has made; `false` where there is none.
async fn remove_token(database: &mut SqliteConnection, id: &str, doing: &str) -> Result<bool> {
    remove_made(database, &format!("token:{id}"), doing).await?;
    let query = sqlx::query("DELETE FROM tokens WHERE id = ?1").bind(id);
    Ok(query.execute(database).await.or_fault(doing)?.rows_affected() > 0)
}

#[async_trait]
impl AccessStore for SqliteAccess {
    async fn users(&self) -> Result<Vec<User>> {
        let found = sqlx::query("SELECT * FROM users ORDER BY name").fetch_all(&self.pool).await.or_fault(USERS)?;
        found.iter().map(|row| rows::user(row, "name", "created_at")).collect()
    }

    async fn user(&self, name: &str) -> Result<Option<User>> {
        let query = sqlx::query("SELECT * FROM users WHERE name = ?1").bind(name);
        let found = query.fetch_optional(&self.pool).await.or_fault(USERS)?;
        found.map(|row| rows::user(&row, "name", "created_at")).transpose()
    }

    async fn add_user(&self, user: &User) -> Result<bool> {
        let sql = "INSERT INTO users (name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(&user.name).bind(user.role.as_str()).bind(&user.password_hash);
        let query = query.bind(user.created_at.timestamp_micros());
        Ok(query.execute(&self.pool).await.or_fault("add a user")?.rows_affected() > 0)
    }

    async fn change_user(&self, name: &str, role: Option<Role>, password_hash: Option<&str>) -> Result<bool> {
        let doing = "change a user";
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.or_fault(doing)?;
        let sql = "UPDATE users SET role = coalesce(?2, role), password_hash = coalesce(?3, password_hash)
                   WHERE name = ?1";
        let query = sqlx::query(sql).bind(name).bind(role.map(Role::as_str)).bind(password_hash);
        let changed = query.execute(&mut *transaction).await.or_fault(doing)?.rows_affected() > 0;
        sqlx::query("DELETE FROM sessions WHERE user = ?1")
            .bind(name)
            .execute(&mut *transaction)
            .await
            .or_fault(doing)?;
        if let Some(role) = role {
            let sql = format!("{MADE} SELECT * FROM tokens WHERE id IN (SELECT id FROM made)");
            let made = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name).fetch_all(&mut *transaction).await;
            for token in made.or_fault(doing)?.iter().map(rows::token) {
                let token = token?;
                if token.role > role {
                    remove_token(&mut transaction, &token.id, doing).await?;
                }
            }
        }
        transaction.commit().await.or_fault(doing)?;
        Ok(changed)
    }

    async fn remove_user(&self, name: &str) -> Result<bool> {
        let doing = "remove a user";
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.or_fault(doing)?;
        remove_made(&mut transaction, name, doing).await?;
        let query = sqlx::query("DELETE FROM users WHERE name = ?1").bind(name);
        let removed = query.execute(&mut *transaction).await.or_fault(doing)?.rows_affected() > 0;
        transaction.commit().await.or_fault(doing)?;
        Ok(removed)
    }

    async fn begin_session(&self, session: &Session, oldest: DateTime<Utc>) -> Result<()> {
        let doing = "begin a session";
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.or_fault(doing)?;
        let old = sqlx::query("DELETE FROM sessions WHERE used_at < ?1").bind(oldest.timestamp_micros());
        old.execute(&mut *transaction).await.or_fault(doing)?;
        let sql = "INSERT INTO sessions (hash, user, csrf, created_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let query = sqlx::query(sql).bind(&session.hash).bind(&session.user).bind(&session.csrf);
        let query = query.bind(session.created_at.timestamp_micros()).bind(session.used_at.timestamp_micros());
        query.execute(&mut *transaction).await.or_fault(doing)?;
        transaction.commit().await.or_fault(doing)
    }

    async fn session(&self, hash: &str) -> Result<Option<(Session, User)>> {
        let sql = "SELECT sessions.*, role, password_hash, users.created_at AS user_since
                   FROM sessions JOIN users ON name = user WHERE hash = ?1";
        let found = sqlx::query(sql).bind(hash).fetch_optional(&self.pool).await.or_fault(SESSIONS)?;
        found.map(|row| Ok((rows::session(&row)?, rows::user(&row, "user", "user_since")?))).transpose()
    }

    async fn touch_session(&self, hash: &str, at: DateTime<Utc>) -> Result<()> {
        let query = sqlx::query("UPDATE sessions SET used_at = ?2 WHERE hash = ?1").bind(hash);
        query.bind(at.timestamp_micros()).execute(&self.pool).await.or_fault("note a session")?;
        Ok(())
    }

    async fn end_session(&self, hash: &str) -> Result<()> {
        let query = sqlx::query("DELETE FROM sessions WHERE hash = ?1").bind(hash);
        query.execute(&self.pool).await.or_fault("end a session")?;
        Ok(())
    }

    async fn tokens(&self) -> Result<Vec<ApiToken>> {
        let query = sqlx::query("SELECT * FROM tokens ORDER BY created_at, id");
        query.fetch_all(&self.pool).await.or_fault("read the tokens")?.iter().map(rows::token).collect()
    }

    async fn token(&self, hash: &str) -> Result<Option<ApiToken>> {
        let query = sqlx::query("SELECT * FROM tokens WHERE hash = ?1").bind(hash);
        query.fetch_optional(&self.pool).await.or_fault("read a token")?.as_ref().map(rows::token).transpose()
    }

    async fn add_token(&self, token: &ApiToken) -> Result<()> {
        let sql = "INSERT INTO tokens (id, hash, name, role, created_by, created_at, expires_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let query = sqlx::query(sql).bind(&token.id).bind(&token.hash).bind(&token.name).bind(token.role.as_str());
        let query = query.bind(&token.created_by).bind(token.created_at.timestamp_micros());
        let query = query.bind(token.expires_at.map(|at| at.timestamp_micros()));
        query.execute(&self.pool).await.or_fault("keep a token")?;
        Ok(())
    }

    async fn remove_token(&self, id: &str) -> Result<bool> {
        let doing = "remove a token";
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.or_fault(doing)?;
        let removed = remove_token(&mut transaction, id, doing).await?;
        transaction.commit().await.or_fault(doing)?;
        Ok(removed)
    }

    async fn shares(&self) -> Result<Vec<Share>> {
        let query = sqlx::query("SELECT * FROM shares ORDER BY created_at, id");
        query.fetch_all(&self.pool).await.or_fault("read the shares")?.iter().map(rows::share).collect()
    }

    async fn share(&self, hash: &str) -> Result<Option<Share>> {
        let query = sqlx::query("SELECT * FROM shares WHERE hash = ?1").bind(hash);
        query.fetch_optional(&self.pool).await.or_fault("read a share")?.as_ref().map(rows::share).transpose()
    }

    async fn add_share(&self, share: &Share) -> Result<()> {
        let doing = "keep a share";
        let sql = "INSERT INTO shares (id, hash, dashboard, filters, created_by, created_at, expires_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let filters = serde_json::to_string(&share.filters).or_fault(doing)?;
        let query = sqlx::query(sql).bind(&share.id).bind(&share.hash).bind(&share.dashboard).bind(filters);
        let query = query.bind(&share.created_by).bind(share.created_at.timestamp_micros());
        query.bind(share.expires_at.timestamp_micros()).execute(&self.pool).await.or_fault(doing)?;
        Ok(())
    }

    async fn remove_share(&self, id: &str) -> Result<bool> {
        let query = sqlx::query("DELETE FROM shares WHERE id = ?1").bind(id);
        Ok(query.execute(&self.pool).await.or_fault("remove a share")?.rows_affected() > 0)
    }

    async fn audit(&self, who: &str, what: &str, detail: &str) -> Result<()> {
        audit::append(&self.pool, who, what, detail).await
    }

    async fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        audit::latest(&self.pool, limit).await
    }

    async fn audit_break(&self) -> Result<Option<u64>> {
        audit::first_break(&self.pool).await
    }
}

/// A column of a row.
fn column<'r, T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
    row: &'r sqlx::sqlite::SqliteRow,
    name: &str,
) -> Result<T> {
    row.try_get(name).or_fault("read the database of users")
}
