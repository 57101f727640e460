//! Who may do what over HTTP: users, sessions, API tokens, share links, the audit log, and the port
//! to where they are kept. Secrets stand here only as hashes.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};

/// What somebody may do; each role may do all that the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at dashboards and figures.
    Viewer,
    /// Asks SQL, and shares dashboards.
    Analyst,
    /// Starts runs, replays quarantine, writes dashboards.
    Operator,
    /// Manages users and tokens, and reads the audit log.
    Admin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Analyst, Self::Operator, Self::Admin];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Argon2id, in the PHC string format.
    pub password_hash: String,
    /// When it was made, UTC.
    pub created_at: DateTime<Utc>,
}

/// What is wrong with the name of a user or a token, if anything.
pub fn name_fault(name: &str) -> Option<Fault> {
    let length = name.chars().count();
    if !(1..=100).contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
        let fault = Fault::usage("a name is 1 to 100 characters, without spaces around it and control characters");
        return Some(fault.hint("an e-mail address does well"));
    }
    // The audit log tells users from what only looks like one.
    let taken = ["token:", "share:"].iter().any(|prefix| name.starts_with(prefix)) || name == "local";
    taken.then(|| Fault::usage(format!("`{name}` means something else in the audit log")).hint("take another name"))
}

/// One sign-in, known by the hash of its cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's value, in hex.
    pub hash: String,
    /// Whose it is.
    pub user: String,
    /// What a request that writes must carry besides the cookie.
    pub csrf: String,
    /// When it began, UTC.
    pub created_at: DateTime<Utc>,
    /// When it was used last, UTC.
    pub used_at: DateTime<Utc>,
}

/// A key for programs, known by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its public id.
    pub id: String,
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Who made it.
    pub created_by: String,
    /// When it was made, UTC.
    pub created_at: DateTime<Utc>,
    /// When it ends, UTC.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A link to one dashboard with fixed filters, known by the hash of its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its public id.
    pub id: String,
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// The dashboard as code; empty for the sales page, which no file names.
    pub dashboard: String,
    /// Filters that cannot be taken off: parameter and values.
    pub filters: Vec<(String, String)>,
    /// Who made it.
    pub created_by: String,
    /// When it was made, UTC.
    pub created_at: DateTime<Utc>,
    /// When it ends, UTC.
    pub expires_at: DateTime<Utc>,
}

/// One line of the audit log. Each carries the hash of the one before: a line that is changed, moved or
/// removed breaks the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// 1 for the first.
    pub number: u64,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Who: a user, `token:ID`, or `local` where nobody has to sign in.
    pub who: String,
    /// What was done: `session.begin`, `user.add`.
    pub what: String,
    /// To what, and how: never a secret.
    pub detail: String,
    /// The hash over this line and the one before, in hex.
    pub hash: String,
}

/// Where users, sessions, tokens, shares and the audit log are kept. No one of them can be rebuilt from
/// the lake: this is no memory, but the truth about access.
#[async_trait]
pub trait AccessStore: Send + Sync {
    /// All users, by name.
    async fn users(&self) -> Result<Vec<User>>;
    /// The user of that name.
    async fn user(&self, name: &str) -> Result<Option<User>>;
    /// Adds a user; `false` where the name is taken.
    async fn add_user(&self, user: &User) -> Result<bool>;
    /// Gives a user another role or password, and ends the user's sessions; of the tokens that it has made, those
    /// that may do more than the new role are removed. `false` where there is no such user.
    async fn change_user(&self, name: &str, role: Option<Role>, password_hash: Option<&str>) -> Result<bool>;
    /// Removes a user with its sessions and all that it has made, be it by a token of its own: tokens and shares.
    /// `false` where there is no such user.
    async fn remove_user(&self, name: &str) -> Result<bool>;
    /// Keeps a new session, and forgets those that were not used since `oldest`.
    async fn begin_session(&self, session: &Session, oldest: DateTime<Utc>) -> Result<()>;
    /// The session with this hash, and its user.
    async fn session(&self, hash: &str) -> Result<Option<(Session, User)>>;
    /// Notes that a session was used.
    async fn touch_session(&self, hash: &str, at: DateTime<Utc>) -> Result<()>;
    /// Ends a session.
    async fn end_session(&self, hash: &str) -> Result<()>;
    /// All tokens, the oldest first.
    async fn tokens(&self) -> Result<Vec<ApiToken>>;
    /// The token with this hash.
    async fn token(&self, hash: &str) -> Result<Option<ApiToken>>;
    /// Keeps a token.
    async fn add_token(&self, token: &ApiToken) -> Result<()>;
    /// Removes a token by id, with the tokens and shares that were made by it; `false` where there is none.
    async fn remove_token(&self, id: &str) -> Result<bool>;
    /// All shares, the oldest first.
    async fn shares(&self) -> Result<Vec<Share>>;
    /// The share with this hash.
    async fn share(&self, hash: &str) -> Result<Option<Share>>;
    /// Keeps a share.
    async fn add_share(&self, share: &Share) -> Result<()>;
    /// Removes a share by id; `false` where there is none.
    async fn remove_share(&self, id: &str) -> Result<bool>;
    /// Adds a line to the audit log.
    async fn audit(&self, who: &str, what: &str, detail: &str) -> Result<()>;
    /// The last lines of the audit log, newest first.
    async fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>>;
    /// The number of the first line of the audit log that does not follow from the one before.
    async fn audit_break(&self) -> Result<Option<u64>>;
}
