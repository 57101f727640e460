//! What Shoplake remembers between runs: runs and their steps, files, cursors, unfinished pulls,
//! what the schedule did and who leads it.
//!
//! What lives here: adapters of [`shoplake_core::ports::StateStore`] and of
//! [`shoplake_core::schedule::ports`], and their migrations. What does
//! not: any decision about what is in a table. The lake's publish records decide that; the state can
//! be deleted, and the next run rebuilds it from them. Beside it, and apart from it, stands the database
//! of users and what they may do, which nothing can rebuild.

mod access;
mod sqlite;

pub use access::SqliteAccess;
pub use sqlite::{SqliteLeadership, SqliteState};
