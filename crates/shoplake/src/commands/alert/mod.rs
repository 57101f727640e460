//! `shoplake alert`: what is watched, and whom it tells.

pub(super) mod check;
pub(super) mod ls;
pub(super) mod snooze;
pub(super) mod test;

use shoplake_core::alert::Alert;
use shoplake_core::{Fault, Project};

/// The alert of that name.
fn named<'p>(project: &'p Project, name: &str) -> Result<&'p Alert, Fault> {
    project.alerts.all.iter().find(|alert| alert.name == name).ok_or_else(|| {
        let names: Vec<String> = project.alerts.all.iter().map(|alert| format!("`{}`", alert.name)).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Fault::usage(format!("there is no alert `{name}`")).hint(format!("the project has {known}"))
    })
}
