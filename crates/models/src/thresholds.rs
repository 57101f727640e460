//! What the number of failing rows of a test means.

use shoplake_core::Fault;

/// What a failing row of a test means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It is told.
    Warn,
    /// It keeps the run from being published.
    Error,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not, and that is told.
    Warn,
    /// It does not, and nothing is published.
    Fail,
}

/// A number of failing rows that is too many: `> 10`, `!= 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    sign: &'static str,
    rows: u64,
}

impl Default for Threshold {
    /// Any failing row.
    fn default() -> Self {
        Self { sign: "!=", rows: 0 }
    }
}

impl Threshold {
    /// Reads dbt's `warn_if` and `error_if`.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        const SIGNS: [(&str, &str); 8] =
            [(">=", ">="), ("<=", "<="), ("!=", "!="), ("<>", "!="), ("==", "="), (">", ">"), ("<", "<"), ("=", "=")];
        let text = text.trim();
        let found = SIGNS.iter().find_map(|(written, sign)| Some((*sign, text.strip_prefix(written)?)));
        found.and_then(|(sign, rows)| Some(Self { sign, rows: rows.trim().parse().ok()? })).ok_or_else(|| {
            Fault::usage(format!("`{text}` is no number of failing rows")).hint("write `>10`, `>=1` or `!=0`")
        })
    }

    /// Whether so many failing rows are too many.
    pub fn met(self, failing: u64) -> bool {
        match self.sign {
            ">" => failing > self.rows,
            ">=" => failing >= self.rows,
            "<" => failing < self.rows,
            "<=" => failing <= self.rows,
            "=" => failing == self.rows,
            _ => failing != self.rows,
        }
    }
}

impl crate::DataTest {
    /// How the test ended, with so many failing rows.
    pub fn judge(&self, failing: u64) -> Verdict {
        if self.severity == Severity::Error && self.error_if.met(failing) {
            Verdict::Fail
        } else if self.warn_if.met(failing) {
            Verdict::Warn
        } else {
            Verdict::Pass
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given thresholds as dbt writes them, then they count as dbt counts.
    #[test]
    fn thresholds() {
        let met = |text: &str, rows| Threshold::read(text).unwrap().met(rows);
        assert!(
            met(">10", 11) && !met("> 10", 10) && met(">=10", 10) && met("!=0", 1) && !met("= 1", 2) && met("<3", 2)
        );
        assert!(Threshold::read("10").is_err() && Threshold::read("> x").is_err());
        assert!(Threshold::default().met(1) && !Threshold::default().met(0));
    }
}
