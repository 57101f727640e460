//! Named places where a run can be made to end, to prove that it may end anywhere.
//!
//! `SHOPLAKE_FAIL_POINT=name[:nth][=abort|error]` arms one of [`FAIL_POINTS`]: the process aborts there
//! (as after `kill -9`), or the step fails as when the disk is away. `nth` is the time that it is
//! passed, 1 unless stated. Without the variable a point costs one look at a cell that is set once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fault::{Fault, Result};

/// Every fail point, in the order in which a run passes them.
pub const FAIL_POINTS: [&str; 11] = [
    "landed",
    "batch-record",
    "data-file",
    "before-publish",
    "after-publish",
    "between-commits",
    "before-archive",
    "between-archived",
    "before-state",
    "before-reports",
    "after-reports",
];

/// The variable that arms a fail point.
const VARIABLE: &str = "SHOPLAKE_FAIL_POINT";

static ARMED: OnceLock<Result<Option<Armed>, String>> = OnceLock::new();

/// What happens at an armed point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Abort,
    Error,
}

#[derive(Debug)]
struct Armed {
    name: String,
    /// How often the point may still be passed, and once more.
    left: AtomicU64,
    action: Action,
}

/// Passes the point `name`; an armed one ends the process, or this step.
///
/// # Errors
/// Where the point is armed with `error`, and where the variable cannot be read.
pub fn fail_point(name: &'static str) -> Result<()> {
    debug_assert!(FAIL_POINTS.contains(&name), "`{name}` is not in the list of fail points");
    let armed = ARMED.get_or_init(|| std::env::var(VARIABLE).ok().map(|text| parse(&text)).transpose());
    match armed {
        Ok(Some(armed)) if armed.name == name => armed.pass(),
        Ok(_) => Ok(()),
        Err(words) => Err(Fault::usage(words.clone()).hint("unset it: it is there to test Shoplake itself")),
    }
}

impl Armed {
    fn pass(&self) -> Result<()> {
        if self.left.fetch_sub(1, Ordering::Relaxed) != 1 {
            return Ok(());
        }
        match self.action {
            Action::Abort => std::process::abort(),
            Action::Error => Err(Fault::unavailable(format!("the fail point `{}` was reached", self.name))),
        }
    }
}

fn parse(text: &str) -> Result<Armed, String> {
    let (place, action) = text.split_once('=').unwrap_or((text, "abort"));
    let (name, nth) = place.split_once(':').unwrap_or((place, "1"));
    if !FAIL_POINTS.contains(&name) {
        return Err(format!("{VARIABLE}: `{name}` is not a fail point; they are `{}`", FAIL_POINTS.join("`, `")));
    }
    let nth = nth.parse().ok().filter(|nth| *nth > 0);
    let nth = nth.ok_or_else(|| format!("{VARIABLE}: `{place}` does not end in a number of 1 or more"))?;
    let action = match action {
        "abort" => Action::Abort,
        "error" => Action::Error,
        other => return Err(format!("{VARIABLE}: `{other}` is neither `abort` nor `error`")),
    };
    Ok(Armed { name: name.to_owned(), left: AtomicU64::new(nth), action })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a point that is armed for its third time, then the first two and all later ones pass.
    #[test]
    fn only_the_nth_time_fails() {
        let armed = parse("data-file:3=error").unwrap();
        let failed: Vec<bool> = (0..5).map(|_| armed.pass().is_err()).collect();
        assert_eq!(failed, [false, false, true, false, false]);
        assert_eq!(parse("landed").unwrap().action, Action::Abort);
    }

    /// Given a variable that says something else, then the words say what is wrong with it.
    #[test]
    fn a_wrong_variable_is_told() {
        for (text, words) in [("lnded", "is not a fail point"), ("landed:0", "1 or more"), ("landed=panic", "neither")]
        {
            assert!(parse(text).unwrap_err().contains(words), "{text}");
        }
    }
}
