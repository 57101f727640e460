//! How a command ends: its exit code, and the faults that it ends with.

use std::io;
use std::process::ExitCode;

use shoplake_core::{Fault, FaultKind};

use crate::printer::Printer;

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All of it is done: 0.
    Done,
    /// It is done, but a file, a test or a check failed: 1.
    DataFailed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => ExitCode::SUCCESS,
            Exit::DataFailed => ExitCode::from(1),
        }
    }
}

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What is wrong, never empty.
    Faults(Vec<Fault>),
    /// The standard output takes no more.
    Output(io::Error),
}

impl Failure {
    /// Prints the faults and gives the exit code. A reader that has seen enough (`| head`) is no fault.
    pub(crate) fn report(self, printer: &Printer) -> ExitCode {
        match self {
            Self::Faults(faults) => {
                printer.faults(&faults);
                ExitCode::from(code(&faults))
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(error) => {
                printer.faults(&[Fault::from(error)]);
                ExitCode::from(2)
            }
        }
    }
}

/// 1 where only the data is at fault or another run holds the project, 2 otherwise.
fn code(faults: &[Fault]) -> u8 {
    let mild = |fault: &Fault| matches!(fault.kind, FaultKind::Data | FaultKind::Busy);
    if faults.iter().all(mild) { 1 } else { 2 }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Faults(vec![fault])
    }
}

impl From<Vec<Fault>> for Failure {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Faults(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given faults of several kinds, then the gravest decides the exit code.
    #[test]
    fn the_gravest_fault_decides() {
        let busy = || Fault::new(FaultKind::Busy, "another run holds the project");
        assert_eq!(code(&[busy()]), 1);
        assert_eq!(code(&[Fault::data("no header")]), 1);
        assert_eq!(code(&[busy(), Fault::usage("unknown key")]), 2);
        assert_eq!(code(&[Fault::unavailable("disk full")]), 2);
        assert_eq!(code(&[Fault::internal("rows lost")]), 2);
    }
}
