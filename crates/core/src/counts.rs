//! What became of the rows that were read: the accounting that every file closes with.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a row was set aside. Where a row breaks several rules, the first in this order names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Wrong number of fields, bad encoding, a value that cannot be read as its type, a cut row.
    Malformed,
    /// Required and empty.
    Missing,
    /// Outside min, max, pattern or the accepted values.
    Range,
    /// A change of columns or types that the contract refuses.
    Contract,
}

impl Reason {
    /// The word in tables, JSON and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Missing => "missing",
            Self::Range => "range",
            Self::Contract => "contract",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Counts of rows for a file, a dataset or a run.
///
/// The identity `rows_read = inserted + updated + duplicate + rejected` holds for every file that
/// was loaded; a file that was not loaded counts zero everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Records in the file, the header and empty lines left out.
    pub rows_read: u64,
    /// Rows whose key was new.
    pub inserted: u64,
    /// Rows whose key was known with other content, which they replaced.
    pub updated: u64,
    /// Rows that say what the table says already (or are older than what it says, with `version`).
    pub duplicate: u64,
    /// Rows in quarantine.
    pub rejected: u64,
    /// Kept rows whose product, customer or other related key is not known yet.
    pub orphans: u64,
    /// Rejected rows by reason; the values sum to `rejected`.
    pub rejects: BTreeMap<Reason, u64>,
}

impl Counts {
    /// Whether every row read is accounted for once.
    pub fn identity_holds(&self) -> bool {
        self.rows_read == self.inserted + self.updated + self.duplicate + self.rejected
            && self.rejected == self.rejects.values().sum::<u64>()
    }
}

impl AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, other: &Counts) {
        self.rows_read += other.rows_read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.orphans += other.orphans;
        for (reason, n) in &other.rejects {
            *self.rejects.entry(*reason).or_default() += n;
        }
    }
}
