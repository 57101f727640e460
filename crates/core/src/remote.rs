//! A lake that is not a folder of this machine: where it is, and how to get in.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::source::Secret;

/// How long a writer may be silent before another takes its lease over, unless stated.
pub const LEASE: Duration = Duration::from_secs(30);

/// A lake by its address. The folder of the project's lake on this machine is a mirror of it, which
/// may be deleted at any time.
#[derive(Clone)]
pub struct RemoteLake {
    /// `s3://bucket/prefix`, or `file:///folder` of a disk that several machines share.
    pub url: String,
    /// The `AWS_…` variables of the environment and of the project's `.env`.
    pub access: BTreeMap<String, Secret>,
    /// How long a writer may be silent before another takes its lease over.
    pub lease: Duration,
}

impl fmt::Debug for RemoteLake {
    /// Names of variables only: their values are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.access.keys().collect();
        f.debug_struct("RemoteLake")
            .field("url", &self.url)
            .field("access", &names)
            .field("lease", &self.lease)
            .finish()
    }
}
