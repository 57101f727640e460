//! Opening the database: its schema, its migrations, and the refusal of what it cannot read.

use std::str::FromStr;
use std::time::Duration;

use shoplake_core::{Fault, Result};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use super::db;
use super::fault::{OrFault, damaged, database};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection that comes back to the pool may take to say that its other end is there.
const THERE: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 4;
/// Who begins a transaction and then says nothing, since its machine froze or lost its power, is cut off after the first
/// of these: it holds the lock that all others wait for. The second is how long they wait.
const HELD: [(&str, &str); 2] = [("idle_in_transaction_session_timeout", "5s"), ("lock_timeout", "30s")];
/// The server asks after us when it has heard nothing for half a minute, and ends the session of a machine that is gone
/// within another half: what it was in the middle of holds nobody up. (sqlx gives no hand on our end of the connection.)
const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "3")];

/// A pool of connections to the project's schema.
pub(super) async fn open(url: &str, project: &str) -> Result<PgPool> {
    // The error may repeat the address, which has the password in it.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        Fault::usage("the address of the state database is none")
            .hint("write `state: \"${STATE_URL}\"` with STATE_URL=postgres://user:password@host/database")
    })?;
    let schema = schema_of(project);
    let options = options
        .application_name("shoplake")
        .options([("search_path", schema.as_str())])
        .options(HELD)
        .options(KEEPALIVE);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    // A connection whose question was given up is tried before it is used again: one whose other end is gone would
    // otherwise keep its place in the pool until the system gives it up.
    let pool = pool.after_release(|connection, _| Box::pin(answers(connection)));
    let pool = pool.connect_lazy_with(options);
    migrate(&pool, &schema).await?;
    Ok(pool)
}

/// Whether the other end of a connection is there.
async fn answers(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let asked = tokio::time::timeout(THERE, connection.ping()).await;
    asked.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
}

/// The schema of a project: its name in the letters that need no quotes.
fn schema_of(project: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = project.chars().map(letter).take(40).collect();
    // Two names that are alike in these letters are two projects still.
    if name == project { format!("shoplake_{name}") } else { format!("shoplake_{name}_{}", short_hash(project)) }
}

fn short_hash(text: &str) -> String {
    shoplake_core::hash::fingerprint(text).chars().take(8).collect()
}

/// Brings the tables up to date inside one transaction that no other writer shares.
async fn migrate(pool: &PgPool, schema: &str) -> Result<()> {
    let doing = "bring the state database up to date";
    let found = version(pool).await?;
    if found == newest() {
        return Ok(());
    }
    if found > newest() {
        return Err(too_new(found));
    }
    // Of two that make it at once, one finds it there.
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
    match sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await {
        Err(error) if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) => {}
        done => {
            done.or_fault(doing)?;
        }
    }
    let mut transaction = db::begin(pool).await.or_fault(doing)?;
    // Not `run`: its future is not `Send`.
    MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => database(doing, error),
        MigrateError::VersionMissing(version) => too_new(version),
        other => damaged(doing).caused_by(other),
    })?;
    transaction.commit().await.or_fault(doing)
}

/// The last migration that the schema has; 0 where it is new.
async fn version(pool: &PgPool) -> Result<i64> {
    let doing = "open the state database";
    let sql = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    let known: bool = sqlx::query_scalar(sql).fetch_one(pool).await.or_fault(doing)?;
    if !known {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    sqlx::query_scalar(sql).fetch_one(pool).await.or_fault(doing)
}

fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn too_new(found: i64) -> Fault {
    let ours = newest();
    Fault::usage(format!("the state database has schema {found}, and this shoplake knows schema {ours} at most"))
        .detail("A newer shoplake made it; nothing was changed.")
        .hint("update shoplake")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_of_projects() {
        assert_eq!(schema_of("shop"), "shoplake_shop");
        assert!(schema_of("My Shop").starts_with("shoplake_my_shop_"), "{}", schema_of("My Shop"));
        assert_ne!(schema_of("My Shop"), schema_of("my shop"));
        assert!(schema_of("\"; DROP").chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        assert!(schema_of(&"x".repeat(200)).len() < 63);
    }

    /// Given a connection over TCP, then the server asks after its other end soon, and not by its machine's two hours.
    #[tokio::test]
    async fn the_server_asks_after_its_peers() {
        let url = std::env::var("SHOPLAKE_TEST_POSTGRES").expect("`cargo xtask postgres` starts a server");
        let pool = open(&url, &format!("Alive {}", shoplake_core::RunId::new())).await.unwrap();
        for (name, value) in KEEPALIVE {
            let sql = sqlx::AssertSqlSafe(format!("SHOW {name}"));
            let shown: String = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
            assert_eq!(shown, value, "{name}");
        }
    }

    /// Stands between us and the server at `url`: while it is told to be silent nothing goes through, and no connection
    /// ends. Gives the address to reach it at.
    async fn between(url: &str, silent: tokio::sync::watch::Receiver<bool>) -> String {
        let (user, host) = url.split_once('@').unwrap();
        let (address, rest) = host.split_once('/').unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = listener.local_addr().unwrap();
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (address, mut silent) = (address.clone(), silent.clone());
                tokio::spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(address).await.unwrap();
                    let told = async { drop(silent.wait_for(|silent| *silent).await) };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        () = told => std::future::pending().await,
                    }
                });
            }
        });
        format!("{user}@{near}/{rest}")
    }

    /// Given a server that is gone without a word, then whoever asks is told in time, and once it is back it is reached
    /// again, although every connection of the pool was lost.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_says_nothing_more() {
        let url = std::env::var("SHOPLAKE_TEST_POSTGRES").expect("`cargo xtask postgres` starts a server");
        let (silent, told) = tokio::sync::watch::channel(false);
        let pool = open(&between(&url, told).await, &format!("Gone {}", shoplake_core::RunId::new())).await.unwrap();
        let ask = |longest| {
            let asked = async { sqlx::query("SELECT 1").execute(&pool).await.or_fault("ask") };
            db::within_time(Duration::from_secs(longest), asked)
        };
        let began = std::time::Instant::now();
        let all = || async { tokio::join!(ask(2), ask(2), ask(2), ask(2)) };
        all().await.0.unwrap();
        silent.send(true).unwrap();
        for asked in [all().await].map(|(one, two, three, four)| [one, two, three, four]).into_iter().flatten() {
            assert_eq!(asked.unwrap_err().kind, shoplake_core::FaultKind::Unavailable);
        }
        silent.send(false).unwrap();
        while ask(20).await.is_err() {
            assert!(began.elapsed() < Duration::from_mins(1), "it is reached again");
        }
    }

    /// Given an instance that freezes in the middle of a transaction, then others get in within seconds, and it is told
    /// that its transaction is over.
    #[tokio::test]
    async fn who_freezes_holds_nobody_up() {
        let url = std::env::var("SHOPLAKE_TEST_POSTGRES").expect("`cargo xtask postgres` starts a server");
        let project = format!("Frozen {}", shoplake_core::RunId::new());
        let (one, other) = (open(&url, &project).await.unwrap(), open(&url, &project).await.unwrap());
        let mut frozen = db::begin(&one).await.unwrap();
        let began = std::time::Instant::now();
        let next = db::begin(&other).await.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(4), "it waits for whoever is there");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        next.commit().await.unwrap();
        let told = sqlx::query("SELECT 1").execute(&mut *frozen).await.or_fault("go on").unwrap_err();
        assert_eq!(told.kind, shoplake_core::FaultKind::Unavailable, "{told}");
    }
}
