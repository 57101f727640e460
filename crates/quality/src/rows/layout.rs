//! Which input column feeds which column of the table, decided once a file.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use shoplake_core::contract::OnChange;
use shoplake_core::{Column, Contract, Fault, Result};

use super::names::{of_new_column, snake_case};

/// Columns that a file may have.
pub const MOST_COLUMNS: usize = 10_000;
/// Column names that a message lists.
const NAMES_SHOWN: usize = 30;
/// Letters of a name in a message.
const LETTERS_SHOWN: usize = 100;

/// Which input column feeds which column of the table, fixed for a file.
///
/// A record's cells are the contract's columns in order, then the columns that are new (under
/// `evolve`), then the columns that no row may fill (under `discard_row`).
#[derive(Debug, Clone)]
pub struct Layout {
    sources: Vec<Option<usize>>,
    contract_columns: usize,
    new_columns: Vec<String>,
    refused: Vec<String>,
    schema: SchemaRef,
}

impl Layout {
    /// Maps the columns of a file, named as the file names them, to the contract; with
    /// words for what differs.
    ///
    /// Faults of kind `Data`: a name twice, no column of the contract at all, a required column that
    /// is not there, a column that `freeze` refuses, too many columns.
    pub fn new(contract: &Contract, file_columns: &[String]) -> Result<(Self, Vec<String>)> {
        if file_columns.len() > MOST_COLUMNS {
            return Err(Fault::data(format!("the header has {} columns", file_columns.len()))
                .hint(format!("a file may have {MOST_COLUMNS}; see whether `delimiter` is right")));
        }
        refuse_twins(file_columns)?;
        let found = find(contract, file_columns);
        if found.iter().all(Option::is_none) && !file_columns.is_empty() {
            return Err(Fault::data("no column of the contract is in the header").detail(listed(file_columns)));
        }
        let mut changes = missing_columns(contract, file_columns, &found)?;
        let mut layout = Self {
            contract_columns: found.len(),
            sources: found,
            new_columns: Vec::new(),
            refused: Vec::new(),
            schema: contract.schema(),
        };
        layout.add_unknown(contract, file_columns, &mut changes)?;
        Ok((layout, changes))
    }

    /// How many columns of the contract a header names.
    pub(crate) fn known(contract: &Contract, file_columns: &[String]) -> usize {
        find(contract, file_columns).iter().flatten().count()
    }

    /// For each cell of a record, the input column it is taken from; none where the file lacks it.
    pub fn sources(&self) -> &[Option<usize>] {
        &self.sources
    }

    /// Cells of a record.
    pub fn width(&self) -> usize {
        self.sources.len()
    }

    /// Cells that are columns of the contract; they come first.
    pub fn contract_columns(&self) -> usize {
        self.contract_columns
    }

    /// The new columns by their names in the table; their cells follow the contract's.
    pub fn new_columns(&self) -> &[String] {
        &self.new_columns
    }

    /// The columns, as the file names them, that no row may fill; their cells come last.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// The schema of the batches: the contract's columns, then the new ones.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Deals with the columns that the contract does not name.
    fn add_unknown(&mut self, contract: &Contract, names: &[String], changes: &mut Vec<String>) -> Result<()> {
        let mut taken: HashSet<String> = contract.columns.iter().map(|c| c.name.clone()).collect();
        taken.extend(contract.enrichments.iter().map(|e| e.column.clone()));
        let used: HashSet<usize> = self.sources.iter().flatten().copied().collect();
        let mut fields: Vec<_> = self.schema.fields().iter().cloned().collect();
        for (at, header) in names.iter().enumerate().filter(|(at, _)| !used.contains(at)) {
            let header = header.trim();
            let called =
                if header.is_empty() { format!("{} of the file", at + 1) } else { format!("`{}`", brief(header)) };
            match contract.schema_change.columns {
                OnChange::Freeze => {
                    return Err(Fault::data(format!("column {called} is not in the contract")).hint(format!(
                        "add it to `columns` in {}, or set `schema_change: {{ columns: evolve }}`",
                        contract.file
                    )));
                }
                OnChange::Evolve => {
                    let name = of_new_column(header, at + 1, &mut taken);
                    changes.push(format!("column {called} is new: it is kept as text in `{name}`"));
                    fields.push(Arc::new(Field::new(&name, DataType::Utf8, true)));
                    self.new_columns.push(name);
                    self.sources.push(Some(at));
                }
                OnChange::DiscardRow => {
                    changes.push(format!("column {called} is not in the contract: rows that fill it are set aside"));
                    self.refused.push(header.to_owned());
                    self.sources.push(Some(at));
                }
                OnChange::DiscardValue => {
                    changes.push(format!("column {called} is not in the contract: its values are left out"));
                }
            }
        }
        self.schema = Arc::new(Schema::new(fields));
        Ok(())
    }
}

/// The input column of each column of the contract: by its exact name, else whatever its case.
fn find(contract: &Contract, file_columns: &[String]) -> Vec<Option<usize>> {
    let mut exact = HashMap::new();
    let mut folded = HashMap::new();
    for (at, name) in file_columns.iter().enumerate() {
        exact.entry(name.trim()).or_insert(at);
        folded.entry(name.trim().to_lowercase()).or_insert(at);
    }
    let find = |column: &Column| {
        let name = column.file_name().trim();
        exact.get(name).or_else(|| folded.get(&name.to_lowercase())).copied()
    };
    contract.columns.iter().map(find).collect()
}

/// Which column of the file is the table's column `name`, be it the contract's or a new one.
pub(crate) fn column_of(contract: &Contract, file_columns: &[String], name: &str) -> Option<usize> {
    match contract.columns.iter().position(|column| column.name == name) {
        Some(at) => find(contract, file_columns).get(at).copied().flatten(),
        None => file_columns.iter().position(|header| header == name || snake_case(header) == name),
    }
}

/// Two columns whose names differ only in case or in white space would be one to the contract.
fn refuse_twins(file_columns: &[String]) -> Result<()> {
    let mut seen = HashMap::new();
    for (at, name) in file_columns.iter().enumerate() {
        let folded = name.trim().to_lowercase();
        // Columns without a name are told apart by their place.
        if folded.is_empty() {
            continue;
        }
        if let Some(first) = seen.insert(folded, at) {
            return Err(Fault::data(format!(
                "columns {} and {} of the file are both called `{}`",
                first + 1,
                at + 1,
                brief(name)
            ))
            .hint("give each column a name of its own; case and white space do not tell them apart"));
        }
    }
    Ok(())
}

/// Words for optional columns that the file lacks; a fault for the first required one.
fn missing_columns(contract: &Contract, names: &[String], found: &[Option<usize>]) -> Result<Vec<String>> {
    let mut changes = Vec::new();
    for (column, _) in contract.columns.iter().zip(found).filter(|(_, found)| found.is_none() && !names.is_empty()) {
        let called = column.file_name();
        let unused =
            names.iter().enumerate().filter(|(at, _)| !found.contains(&Some(*at))).map(|(_, name)| name.trim());
        let near = nearest(called, unused).filter(|near| near.len() <= LETTERS_SHOWN);
        let near = near.map(|near| near.replace('\n', "\\n").replace('\r', "\\r"));
        let place = match column.line {
            Some(line) => format!("{}:{line}", contract.file),
            None => contract.file.clone(),
        };
        if !column.required {
            let renamed = near.map(|near| format!("; renamed? add `header: \"{near}\"` at {place}"));
            let renamed = renamed.unwrap_or_default();
            changes.push(format!("column `{called}` is not in the file: `{}` stays empty{renamed}", column.name));
            continue;
        }
        let hint = match near {
            Some(near) => format!("add `header: \"{near}\"` to column `{}` in {place}", column.name),
            None => format!("have the file bring it, or set `required: false` for column `{}` in {place}", column.name),
        };
        return Err(Fault::data(format!("column `{called}` is required, but the header lacks it"))
            .detail(listed(names))
            .hint(hint));
    }
    Ok(changes)
}

/// The name that is most likely meant; the only one, if there is no other.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = snake_case(wanted);
    let mut likely: Vec<(f64, &str)> = names
        .filter(|name| !name.is_empty())
        .map(|name| (strsim::jaro_winkler(&wanted, &snake_case(name)), name))
        .collect();
    likely.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (likeness, name) = *likely.first()?;
    (likeness > 0.6 || likely.len() == 1).then_some(name)
}

/// A name as a message shows it: what is no table has names as long as the file.
fn brief(name: &str) -> String {
    let name = name.trim();
    let end = name.char_indices().nth(LETTERS_SHOWN).map(|(end, _)| end);
    end.map_or_else(|| name.to_owned(), |end| format!("{}…", &name[..end]))
}

fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES_SHOWN).map(|name| format!("`{}`", brief(name))).collect();
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the header has {}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use shoplake_core::ColumnType;
    use shoplake_core::contract::{FileOptions, Format, SchemaChange};

    use super::*;

    fn contract(columns: OnChange) -> Contract {
        let required = |name| Column { required: true, ..Column::new(name, ColumnType::String) };
        Contract {
            dataset: "sales".to_owned(),
            file: "sources/sales.yml".to_owned(),
            key: vec!["transaction_id".to_owned()],
            event_time: None,
            version: None,
            columns: vec![required("transaction_id"), Column::new("amount", ColumnType::String)],
            schema_change: SchemaChange { columns, types: OnChange::DiscardRow },
            reject_limit: 0.5,
            options: FileOptions::new(Format::Csv),
            enrichments: Vec::new(),
        }
    }

    fn layout(columns: OnChange, names: &[&str]) -> Result<(Layout, Vec<String>)> {
        Layout::new(&contract(columns), &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
    }

    /// Given headers in another order and case, when mapped, then each column finds its own.
    #[test]
    fn columns_are_found_by_name() {
        let (layout, warnings) = layout(OnChange::Evolve, &["AMOUNT", " transaction_id "]).unwrap();
        assert_eq!(layout.sources(), [Some(1), Some(0)]);
        assert_eq!(warnings, [""; 0]);
    }

    /// Given a column that the contract does not name, when mapped, then its word decides.
    #[test]
    fn unknown_columns() {
        let names = ["transaction_id", "amount", "Discount Code"];
        let (evolved, warnings) = layout(OnChange::Evolve, &names).unwrap();
        assert_eq!(evolved.new_columns(), ["discount_code"]);
        assert_eq!(evolved.schema().field(2).name(), "discount_code");
        assert_eq!(warnings, ["column `Discount Code` is new: it is kept as text in `discount_code`"]);
        let (refusing, warnings) = layout(OnChange::DiscardRow, &names).unwrap();
        assert_eq!(warnings, ["column `Discount Code` is not in the contract: rows that fill it are set aside"]);
        assert_eq!((refusing.refused(), refusing.width()), (&["Discount Code".to_owned()][..], 3));
        assert_eq!(layout(OnChange::DiscardValue, &names).unwrap().0.width(), 2);
        assert!(layout(OnChange::Freeze, &names).unwrap_err().message.contains("`Discount Code`"));
    }

    #[test]
    fn headers_that_refuse_the_file() {
        let fault = layout(OnChange::Evolve, &["Transaction", "amount"]).unwrap_err();
        assert_eq!(fault.message, "column `transaction_id` is required, but the header lacks it");
        assert_eq!(
            fault.hint.as_deref(),
            Some("add `header: \"Transaction\"` to column `transaction_id` in sources/sales.yml")
        );
        let fault = layout(OnChange::Evolve, &["transaction_id", "Transaction_ID "]).unwrap_err();
        assert!(fault.message.contains("are both called"), "{fault}");
        let fault = layout(OnChange::Evolve, &["a;b", "c"]).unwrap_err();
        assert_eq!(fault.message, "no column of the contract is in the header");
    }
}
