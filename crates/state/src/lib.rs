//! What Shoplake remembers between runs: runs and their steps, files, cursors, unfinished pulls,
//! what the schedule did and who leads it.
//!
//! What lives here: adapters of [`shoplake_core::ports::StateStore`] and of
//! [`shoplake_core::schedule::ports`], and their migrations. Each file of `tables/` holds the statements on
//! one matter and is compiled twice, for SQLite and for PostgreSQL; what differs between the two (how a
//! transaction begins, faults, migrations) stands in `sqlite/` and `postgres/`. What does
//! not: any decision about what is in a table. The lake's publish records decide that; the state can
//! be deleted, and the next run rebuilds it from them. Beside it, and apart from it, stands the database
//! of users and what they may do, which nothing can rebuild.

#![expect(clippy::duplicate_mod, reason = "each file of `tables` is compiled for SQLite and for PostgreSQL")]

mod access;
mod postgres;
mod sqlite;

pub use access::SqliteAccess;
pub use postgres::{Leader as PostgresLeadership, State as PostgresState};
pub use sqlite::{Leader as SqliteLeadership, State as SqliteState};
