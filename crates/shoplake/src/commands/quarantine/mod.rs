//! `shoplake quarantine`: the rows that were set aside, as an inbox: what is there (`ls`, `show`), taken
//! out to be corrected (`export`), and brought back (`replay`).

use shoplake_core::{Fault, Project};

pub(super) mod export;
pub(super) mod ls;
pub(super) mod replay;
pub(super) mod show;

/// The name of a dataset of the project.
fn known(project: &Project, name: &str) -> Result<String, Fault> {
    if project.dataset(name).is_some() {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = project.datasets.iter().map(|dataset| dataset.contract.dataset.as_str()).collect();
    Err(Fault::usage(format!("there is no dataset `{name}`")).hint(format!("the datasets are {}", names.join(", "))))
}

/// `column = 'value'` as SQL, whatever the value holds.
fn equals(column: &str, value: &str) -> String {
    format!("{column} = '{}'", value.replace('\'', "''"))
}

/// `WHERE …` of all conditions, or nothing.
fn filter(conditions: &[Option<String>]) -> String {
    let some: Vec<&str> = conditions.iter().flatten().map(String::as_str).collect();
    if some.is_empty() { String::new() } else { format!("WHERE {}", some.join(" AND ")) }
}
