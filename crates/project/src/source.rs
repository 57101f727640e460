//! A source file's meaning: its contract and its origin, checked by themselves. What concerns other
//! files is in `relations`.

use std::collections::HashSet;

use shoplake_core::contract::{FileOptions, Format, OnChange, SchemaChange};
use shoplake_core::project::Dataset;
use shoplake_core::source::Origin;
use shoplake_core::{Contract, Fault};

use crate::environment::Environment;
use crate::files::{FormatWord, FromFile, OnChangeWord, SourceFile};
use crate::words::{nearest, suggest};
use crate::yaml::Node;
use crate::{column, rest};

/// Names of tables that Shoplake makes itself.
const RESERVED_DATASETS: [&str; 2] = ["quarantine", "restatements"];
/// Columns that a dataset with `event_time` gets from its day.
pub(crate) const DAY_COLUMNS: [&str; 3] = ["year", "month", "day"];
/// Encodings that exports come in, for hints.
const USUAL_ENCODINGS: [&str; 8] =
    ["utf-8", "utf-16le", "utf-16be", "windows-1252", "windows-1251", "iso-8859-1", "iso-8859-15", "shift_jis"];

/// A source file that was read, with what the checks across files need.
pub(crate) struct Draft {
    pub(crate) dataset: Dataset,
    pub(crate) file: SourceFile,
    pub(crate) node: Node,
    /// For each column of the contract, its index in the file.
    pub(crate) positions: Vec<usize>,
}

/// Reads the meaning of a source file. `written` are all column names that stand in it, right or wrong.
pub(crate) fn read(
    file: SourceFile,
    node: Node,
    written: &[String],
    environment: &Environment,
    faults: &mut Vec<Fault>,
) -> Draft {
    if column::check_name("dataset", &file.name, node.at("name"), faults)
        && RESERVED_DATASETS.contains(&file.name.as_str())
    {
        faults.push(node.at("name").fault(format!("`{}` is a table that Shoplake makes itself", file.name)));
    }
    let (mut columns, mut positions) = (Vec::new(), Vec::new());
    for (index, column) in file.columns.iter().enumerate() {
        if let Some(read) = column::read(column, node.at(&format!("columns/{index}")), faults) {
            columns.push(read);
            positions.push(index);
        }
    }
    if file.columns.is_empty() && written.is_empty() {
        faults.push(node.at("columns").fault("`columns` is empty: a dataset needs at least one column"));
    }
    let mut draft = Draft {
        dataset: Dataset {
            contract: Contract {
                dataset: file.name.clone(),
                file: node.spot.file.to_string(),
                key: file.key.clone().unwrap_or_default(),
                event_time: file.event_time.clone(),
                version: file.version.clone(),
                columns,
                schema_change: schema_change(&file),
                reject_limit: file.reject_limit.unwrap_or(0.5),
                options: options(&file, &node, faults),
                enrichments: Vec::new(),
            },
            origin: Origin::Files(String::new()),
        },
        file,
        node,
        positions,
    };
    draft.dataset.origin = draft.origin(environment, faults);
    draft.check_names(faults);
    draft.check_references(written, faults);
    if !(0.0..=1.0).contains(&draft.dataset.contract.reject_limit) {
        let message = format!("`reject_limit` is {}: it must be between 0 and 1", draft.dataset.contract.reject_limit);
        faults.push(draft.node.at("reject_limit").fault(message).hint("0.5 is one half of the rows"));
    }
    draft
}

impl Draft {
    /// The YAML of a column of the contract.
    pub(crate) fn column_node(&self, index: usize) -> &Node {
        let position = self.positions.get(index).copied().unwrap_or(index);
        self.node.at(&format!("columns/{position}"))
    }

    fn origin(&mut self, environment: &Environment, faults: &mut Vec<Fault>) -> Origin {
        let node = self.node.at("from");
        let not_yet = |what: &str| {
            let fault = node.fault(format!("`from: {what}` is not available yet"));
            fault.hint("use `files` or `rest_api`")
        };
        match &self.file.from {
            None => Origin::Files(format!("inbox/{}/*", self.file.name)),
            Some(FromFile::Files(pattern)) => {
                check_path(pattern, node.at("files"), faults);
                Origin::Files(pattern.clone())
            }
            Some(FromFile::RestApi(api)) => {
                if !matches!(self.file.format, FormatWord::Json | FormatWord::Ndjson) {
                    let fault = self.node.at("format").fault("the pages of a REST API are `json` or `ndjson`");
                    faults.push(fault.hint("write `format: json`"));
                }
                let mut api = rest::read(api, node.at("rest_api"), environment, faults);
                // One selector serves both: the pages are landed as they came and read like files.
                let options = &mut self.dataset.contract.options;
                match (&options.data_selector, &api.data_selector) {
                    (Some(of_file), Some(of_page)) if of_file != of_page => {
                        let message = "`data_selector` differs from the one in `rest_api`";
                        faults.push(self.node.at("data_selector").fault(message).hint("remove one of them"));
                    }
                    (Some(_), _) => api.data_selector.clone_from(&options.data_selector),
                    (None, _) => options.data_selector.clone_from(&api.data_selector),
                }
                Origin::RestApi(Box::new(api))
            }
            Some(FromFile::Stream(_)) => {
                faults.push(not_yet("stream"));
                Origin::Files(String::new())
            }
            Some(FromFile::S3(_)) => {
                faults.push(not_yet("s3"));
                Origin::Files(String::new())
            }
        }
    }

    /// No two columns share a name or a header, and none has the name of one that Shoplake adds.
    fn check_names(&self, faults: &mut Vec<Fault>) {
        let contract = &self.dataset.contract;
        let (mut names, mut headers) = (HashSet::new(), HashSet::new());
        for (index, column) in contract.columns.iter().enumerate() {
            let node = self.column_node(index);
            if !names.insert(&column.name) {
                faults.push(node.at("name").fault(format!("column `{}` stands twice", column.name)));
            } else if !headers.insert(column.file_name()) {
                faults.push(node.fault(format!("two columns are read from the header `{}`", column.file_name())));
            }
            if contract.event_time.is_some() && DAY_COLUMNS.contains(&column.name.as_str()) {
                let message = format!(
                    "column `{0}` clashes with the `{0}` that Shoplake adds to a dataset with `event_time`",
                    column.name
                );
                let hint = format!("write `name: {}_{1}, header: \"{1}\"`", contract.dataset, column.name);
                faults.push(node.at("name").fault(message).hint(hint));
            }
        }
    }

    /// `key`, `event_time` and `version` name columns that exist.
    fn check_references(&self, written: &[String], faults: &mut Vec<Fault>) {
        let contract = &self.dataset.contract;
        let known: Vec<&str> = written.iter().map(String::as_str).collect();
        let mut exists = |name: &str, path: &str| {
            if known.contains(&name) {
                return;
            }
            let key = path.split('/').next().unwrap_or(path);
            let fault = self.node.at(path).fault(format!("`{key}`: there is no column `{name}`"));
            faults.push(suggest(fault, name, &known, "column"));
        };
        for (index, name) in contract.key.iter().enumerate() {
            exists(name, &format!("key/{index}"));
        }
        if let Some(name) = &contract.event_time {
            exists(name, "event_time");
        }
        if let Some(name) = &contract.version {
            exists(name, "version");
        }
        let mut seen = HashSet::new();
        for (index, name) in contract.key.iter().enumerate() {
            if !seen.insert(name) {
                faults.push(self.node.at(&format!("key/{index}")).fault(format!("`{name}` stands twice in `key`")));
            }
        }
        let dated = contract.event_time.as_ref().and_then(|name| contract.column(name));
        if let Some(column) = dated
            && !matches!(column.column_type, shoplake_core::ColumnType::Date | shoplake_core::ColumnType::Timestamp)
        {
            let message = format!("`event_time`: column `{}` is of type {}", column.name, column.column_type);
            faults.push(self.node.at("event_time").fault(message).hint("it must be a timestamp or a date"));
        }
        if contract.version.is_some() && contract.key.is_empty() {
            faults.push(self.node.at("version").fault("`version` without a `key`: no row is a version of another"));
        }
    }
}

fn options(file: &SourceFile, node: &Node, faults: &mut Vec<Fault>) -> FileOptions {
    let format = match file.format {
        FormatWord::Csv => Format::Csv,
        FormatWord::Json => Format::Json,
        FormatWord::Ndjson => Format::Ndjson,
        FormatWord::Parquet => Format::Parquet,
    };
    let only_for = |key: &str, set: bool, formats: &[Format], names: &str, faults: &mut Vec<Fault>| {
        if set && !formats.contains(&format) {
            faults.push(node.at(key).fault(format!("`{key}` is only for format {names}")));
        }
    };
    only_for("delimiter", file.delimiter.is_some(), &[Format::Csv], "csv", faults);
    only_for("header", file.header.is_some(), &[Format::Csv], "csv", faults);
    only_for("data_selector", file.data_selector.is_some(), &[Format::Json, Format::Ndjson], "json or ndjson", faults);
    only_for("explode", file.explode.is_some(), &[Format::Json, Format::Ndjson], "json or ndjson", faults);
    let mut options = FileOptions::new(format);
    match file.delimiter.as_deref() {
        None => {}
        Some("\\t" | "tab") => options.delimiter = b'\t',
        Some(text) => match text.as_bytes() {
            [one] if !one.is_ascii_alphanumeric() && !matches!(one, b'"' | b'\n' | b'\r') => options.delimiter = *one,
            _ => {
                let fault = node.at("delimiter").fault(format!("`{text}` is not a delimiter"));
                faults.push(fault.hint("one character, for example `\";\"` or `\"\\t\"`"));
            }
        },
    }
    if let Some(label) = &file.encoding
        && encoding_rs::Encoding::for_label(label.as_bytes()).is_none()
    {
        let fault = node.at("encoding").fault(format!("`{label}` is not an encoding"));
        let hint = nearest(label, USUAL_ENCODINGS)
            .map_or_else(|| "for example `windows-1252`".to_owned(), |near| format!("did you mean `{near}`?"));
        faults.push(fault.hint(hint));
    }
    options.encoding.clone_from(&file.encoding);
    options.data_selector.clone_from(&file.data_selector);
    options.explode.clone_from(&file.explode);
    options.header.clone_from(&file.header);
    options
}

fn schema_change(file: &SourceFile) -> SchemaChange {
    let mut change = SchemaChange::default();
    let word = |word: OnChangeWord| match word {
        OnChangeWord::Evolve => OnChange::Evolve,
        OnChangeWord::Freeze => OnChange::Freeze,
        OnChangeWord::DiscardRow => OnChange::DiscardRow,
        OnChangeWord::DiscardValue => OnChange::DiscardValue,
    };
    if let Some(file) = &file.schema_change {
        change.columns = file.columns.map_or(change.columns, word);
        change.types = file.types.map_or(change.types, word);
    }
    change
}

/// A pattern must stay inside the project folder.
fn check_path(pattern: &str, node: &Node, faults: &mut Vec<Fault>) {
    let outside = pattern.starts_with(['/', '\\', '~'])
        || pattern.chars().nth(1) == Some(':')
        || pattern.split(['/', '\\']).any(|part| part == "..");
    if outside {
        let fault = node.fault(format!("`{pattern}` leaves the project folder"));
        faults.push(fault.hint("files come from below the project folder: `inbox/sales/*`"));
    } else if pattern.trim().is_empty() {
        faults.push(node.fault("`files` is empty").hint("for example `inbox/sales/*`"));
    } else if pattern.contains("://") {
        faults.push(node.fault(format!("`{pattern}` is not a path")).hint("use `rest_api` for addresses"));
    }
}
