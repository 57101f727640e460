//! The one error that crosses crate borders: what happened, where, and what to do next.

use std::fmt;

/// A result whose error people can read and act on.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// Who has to act on a [`Fault`]; callers branch on this and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The command, the project folder or the SQL is wrong: exit code 2.
    Usage,
    /// The data is wrong: the file fails, the run goes on, exit code 1.
    Data,
    /// A disk, a bucket, a database or the network is away or full: exit code 2, nothing published.
    Unavailable,
    /// Another run holds the project.
    Busy,
    /// A promise of Shoplake itself does not hold: nothing is published, exit code 2.
    Internal,
}

/// A position in a file that a person can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user would name it, relative to the project folder where possible.
    pub file: String,
    /// 1-based line, if known.
    pub line: Option<u64>,
    /// 1-based column in characters, if known.
    pub column: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// An error in the house style: a lowercase message without a full stop, names in backticks, then
/// the place, an optional detail (what is safe, what was counted) and a hint (what to do next).
#[derive(Debug, thiserror::Error)]
pub struct Fault {
    /// Who has to act.
    pub kind: FaultKind,
    /// What happened, with the value and the rule.
    pub message: String,
    /// Where it happened.
    pub place: Option<Place>,
    /// What else is known, in full sentences.
    pub detail: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The error below, if there is one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Fault {
    /// A fault of `kind` that says `message`.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, detail: None, hint: None, source: None }
    }
    /// The command or the project is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Usage, message)
    }
    /// The data is wrong.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Data, message)
    }
    /// Something outside is away or full.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Unavailable, message)
    }
    /// A promise of our own does not hold.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Internal, message)
    }
    /// Adds the place.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: Option<u64>, column: Option<u64>) -> Self {
        self.place = Some(Place { file: file.into(), line, column });
        self
    }
    /// Adds what else is known.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Whether a full disk, or a quota that is used up, lies behind it.
    pub fn is_disk_full(&self) -> bool {
        let mut texts = vec![self.message.clone()];
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            texts.push(error.to_string());
            next = error.source();
        }
        // Libraries keep the words of an error where they drop its kind.
        let full = ["os error 28", "os error 122", "disk is full"];
        texts.iter().any(|text| full.iter().any(|words| text.contains(words)))
    }
    /// What a log may keep of it. The words of a fault of the data, or of our own, may name a value of a row: of
    /// those only whose fault it is and the place are told.
    pub fn for_log(&self) -> String {
        let words = match self.kind {
            FaultKind::Data => "a fault of the data",
            FaultKind::Internal => "a promise of Shoplake itself does not hold",
            FaultKind::Usage | FaultKind::Unavailable | FaultKind::Busy => return self.to_string(),
        };
        self.place.as_ref().map_or_else(|| words.to_owned(), |place| format!("{place}: {words}"))
    }
    /// Keeps the error below.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl From<std::io::Error> for Fault {
    /// fs-err puts the path in the message, so an I/O error says by itself what it was about.
    fn from(error: std::io::Error) -> Self {
        let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        let fault = Fault::unavailable(error.to_string());
        if full {
            fault.hint("free some space; nothing was published, the next run takes the same files")
        } else {
            fault
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given faults of every kind that name a value, then a log gets the words of those that speak of the world alone.
    #[test]
    fn a_log_keeps_no_value() {
        let of = |kind| Fault::new(kind, "`ada@private.example` is none").at("sales.csv", Some(3), None).for_log();
        assert_eq!(of(FaultKind::Data), "sales.csv:3: a fault of the data");
        assert_eq!(of(FaultKind::Internal), "sales.csv:3: a promise of Shoplake itself does not hold");
        assert_eq!(Fault::data("`ada` is none").for_log(), "a fault of the data");
        for kind in [FaultKind::Usage, FaultKind::Unavailable, FaultKind::Busy] {
            assert_eq!(of(kind), "sales.csv:3: `ada@private.example` is none");
        }
    }
}
