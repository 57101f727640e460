//! Opening the database: its settings, its migrations, and the refusal of what it cannot read.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use shoplake_core::{Fault, Result};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use super::fault::{OrFault, damaged, database, is_busy};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a statement waits for a lock of another process.
const BUSY: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
/// KiB of the database that a connection keeps in memory. SQLite's own 2,000 are filled over the hours as the database
/// grows, once for each connection; the system has the pages at hand anyway.
const CACHE: &str = "-256";

/// The pools of writers (one connection) and of readers for the database at `path`.
pub(super) async fn file(path: &Path) -> Result<(SqlitePool, SqlitePool)> {
    create(path)?;
    let options = settings(SqliteConnectOptions::new().filename(path))
        .journal_mode(SqliteJournalMode::Wal)
        // Power loss may take the last transactions; the publish records in the lake bring them back.
        .synchronous(SqliteSynchronous::Normal);
    prepare(&options).await.map_err(|fault| fault.at(path.display().to_string(), None, None))?;
    let writer = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
    let readers = options.pragma("query_only", "on");
    let reader = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(readers);
    Ok((writer, reader))
}

/// One connection to a database in memory, for reading and writing.
pub(super) async fn memory() -> Result<SqlitePool> {
    let options = settings(SqliteConnectOptions::from_str("sqlite::memory:").or_fault("open a state in memory")?);
    // The database lives as long as its only connection, so that one must never be closed.
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.connect_with(options).await.or_fault("open a state in memory")?;
    let mut connection = pool.acquire().await.or_fault("open a state in memory")?;
    migrate(&mut connection).await?;
    drop(connection);
    Ok(pool)
}

fn settings(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.busy_timeout(BUSY).foreign_keys(true).pragma("cache_size", CACHE)
}

/// Makes the folder and an empty file that only its owner can read: paths and error texts lie in it.
fn create(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let mut options = fs_err::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    Ok(())
}

/// Sets the journal mode and migrates, once for all connections to come.
async fn prepare(options: &SqliteConnectOptions) -> Result<()> {
    let mut connection = connect(options).await.or_fault("open the state database")?;
    migrate(&mut connection).await?;
    connection.close().await.or_fault("open the state database")
}

/// Connects, again while another process switches a new database to write-ahead logging: SQLite
/// does not wait for that lock by itself.
async fn connect(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut wait = Duration::from_millis(5);
    loop {
        match options.connect().await {
            Err(error) if is_busy(&error) && wait < Duration::from_secs(5) => {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            done => return done,
        }
    }
}

/// Brings the tables up to date inside one transaction that holds the write lock, since sqlx itself
/// does not keep two processes from migrating one SQLite file at once.
async fn migrate(connection: &mut SqliteConnection) -> Result<()> {
    let doing = "bring the state database up to date";
    if schema_version(connection).await? == newest() {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.or_fault(doing)?;
    let found = schema_version(&mut transaction).await?;
    if found > newest() {
        return Err(too_new(found));
    }
    // Not `run`: its future is not `Send`.
    MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => database(doing, error),
        MigrateError::VersionMissing(version) => too_new(version),
        other => damaged(doing).caused_by(other),
    })?;
    transaction.commit().await.or_fault(doing)
}

/// The last migration that the database has; 0 where it is new.
async fn schema_version(connection: &mut SqliteConnection) -> Result<i64> {
    let doing = "read the state database's version";
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut *connection)
        .await
        .or_fault(doing)?;
    if known == 0 {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    sqlx::query_scalar(sql).fetch_one(connection).await.or_fault(doing)
}

fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn too_new(found: i64) -> Fault {
    let ours = newest();
    Fault::usage(format!("the state database has schema {found}, and this shoplake knows schema {ours} at most"))
        .detail("A newer shoplake made it; nothing was changed.")
        .hint("update shoplake, or delete `.shoplake/state.db` (the next run rebuilds it from the lake)")
}
