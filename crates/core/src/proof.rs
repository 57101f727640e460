//! What `verify` comes to: checks, and what each found that does not hold. Pure values; what is
//! checked and how is the business of the pipeline and of the lake.

use serde::{Deserialize, Serialize};

/// Findings of one check that are kept; the rest is counted.
const FINDINGS_MAX: usize = 50;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// All that was looked at holds.
    Proved,
    /// Something does not hold.
    Failed,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The table or file: `sales`, `archive/sales/3f2a…/day-9.csv`.
    pub subject: String,
    /// The figure: `rows`, `sha256`.
    pub figure: String,
    /// What it had to be.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// What to do next.
    pub hint: String,
}

/// One promise, held against what stands on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `bytes`, `keys`, `marts`.
    pub name: String,
    /// How it ended.
    pub status: CheckStatus,
    /// How many things were looked at.
    pub checked: u64,
    /// What they are: `files`, `rows`.
    pub unit: String,
    /// What does not hold, the first 50.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_findings: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Check {
    /// A check that has looked at nothing yet.
    pub fn new(name: &str, unit: &str) -> Self {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Self { name, status: CheckStatus::Proved, checked: 0, unit, findings: Vec::new(), more_findings: 0 }
    }

    /// Notes something that does not hold.
    pub fn find(&mut self, finding: Finding) {
        self.status = CheckStatus::Failed;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }

    /// Looks at one figure: notes it where it is not what it had to be.
    pub fn equal<T: PartialEq + ToString>(&mut self, subject: &str, figure: &str, expected: &T, found: &T, hint: &str) {
        if expected != found {
            self.find(Finding {
                subject: subject.to_owned(),
                figure: figure.to_owned(),
                expected: expected.to_string(),
                found: found.to_string(),
                hint: hint.to_owned(),
            });
        }
    }

    /// Whether all of it holds.
    pub fn holds(&self) -> bool {
        self.status == CheckStatus::Proved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given more findings than are kept, then the rest is counted and none is forgotten.
    #[test]
    fn findings_beyond_the_limit_are_counted() {
        let mut check = Check::new("keys", "rows");
        assert!(check.holds());
        for row in 0..60 {
            check.equal("sales", "copies", &1, &(row + 2), "restore the table");
        }
        check.equal("sales", "rows", &7, &7, "none");
        assert_eq!((check.holds(), check.findings.len(), check.more_findings), (false, 50, 10));
    }
}
