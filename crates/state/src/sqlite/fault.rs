//! SQLite's errors and damaged values as faults that say what is safe and what to do.

use shoplake_core::{Fault, Result};

const REBUILT: &str = "nothing in the lake is affected";
const DELETE_IT: &str = "delete `.shoplake/state.db` (safe: the next run rebuilds it from the lake)";

/// Turns an error of the database into a fault.
pub(super) trait OrFault<T> {
    /// The value, or a fault that says what was being done: `read the runs`.
    fn or_fault(self, doing: &str) -> Result<T>;
}

impl<T> OrFault<T> for std::result::Result<T, sqlx::Error> {
    fn or_fault(self, doing: &str) -> Result<T> {
        self.map_err(|error| database(doing, error))
    }
}

impl<T> OrFault<T> for std::result::Result<T, serde_json::Error> {
    fn or_fault(self, doing: &str) -> Result<T> {
        self.map_err(|error| damaged(doing).caused_by(error))
    }
}

/// A value in the database that no version of Shoplake writes.
pub(super) fn damaged(doing: &str) -> Fault {
    Fault::unavailable(format!("could not {doing}: the state database is damaged")).detail(REBUILT).hint(DELETE_IT)
}

/// The fault for an error of sqlx, by SQLite's primary result code.
pub(super) fn database(doing: &str, error: sqlx::Error) -> Fault {
    let code = primary_code(&error);
    let fault = match code {
        Some(5 | 6) => {
            Fault::unavailable(format!("could not {doing}: another process keeps the state database locked"))
                .hint("wait for the other shoplake process to end, or end it")
        }
        Some(8 | 14 | 23) => Fault::unavailable(format!("could not {doing}: the state database cannot be written"))
            .hint("give your user the right to write the folder `.shoplake`"),
        Some(13) => Fault::unavailable(format!("could not {doing}: the disk is full"))
            .hint("free some space; nothing was published, the next run takes the same files"),
        Some(11 | 26) => damaged(doing),
        Some(10) => Fault::unavailable(format!("could not {doing}: the disk reports an error"))
            .hint("check the disk that holds the project folder"),
        _ if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => damaged(doing),
        _ => Fault::internal(format!("could not {doing}: {error}")),
    };
    fault.caused_by(error)
}

/// Whether another connection holds the lock that was asked for.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(5 | 6))
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    // The low byte of an extended result code is the primary one.
    code.parse::<i32>().ok().map(|code| code & 0xff)
}
