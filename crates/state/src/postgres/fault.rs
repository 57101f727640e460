//! PostgreSQL's errors and damaged values as faults that say what is safe and what to do.

use shoplake_core::{Fault, Result};

const REBUILT: &str = "nothing in the lake is affected";

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
    let fault = Fault::unavailable(format!("could not {doing}: a value of the state database is damaged"));
    fault.detail(REBUILT).hint("drop the project's schema (safe: the next run rebuilds it from the lake)")
}

/// The fault for an error of sqlx, by PostgreSQL's code.
pub(super) fn database(doing: &str, error: sqlx::Error) -> Fault {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned);
    let away = |why: &str| Fault::unavailable(format!("could not {doing}: the state database {why}")).detail(REBUILT);
    let fault = match (code.as_deref(), &error) {
        (Some("28000" | "28P01"), _) => {
            away("does not let this user in").hint("look at user and password in the address that `state` names")
        }
        (Some("3D000"), _) => away("is not there").hint("make it: `createdb NAME`"),
        (Some("42501"), _) => {
            away("does not give this user enough rights").hint("`GRANT CREATE ON DATABASE NAME TO USER`")
        }
        (Some(code), _) if code.starts_with("53") => away("is short of disk, memory or connections"),
        (Some("55P03"), _) => away("is held by another process for too long"),
        (Some(code), _) if code.starts_with("57") || code.starts_with("25P03") || code.starts_with("08") => {
            away("ends its connections")
        }
        (None, sqlx::Error::Tls(_)) => without_tls(away),
        // A certificate that is not trusted arrives as an answer that cannot be read.
        (None, sqlx::Error::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => without_tls(away),
        (None, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => {
            away("cannot be reached").hint("look at the address that `state` names, and whether the server runs")
        }
        (_, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => damaged(doing),
        _ => Fault::internal(format!("could not {doing}: {error}")),
    };
    fault.caused_by(error)
}

fn without_tls(away: impl Fn(&str) -> Fault) -> Fault {
    away("cannot be reached over TLS")
        .hint("look at `sslmode`, and at `sslrootcert`: the certificate of whoever signed the server's")
}
