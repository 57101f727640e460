//! Lineage: which column comes from which, from the sources to what people look at.
//!
//! Nodes are called `table.column`. A table is a source (the files or the API of a dataset), a dataset,
//! a model of any kind, or something that shows models: a report or a dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shoplake_core::planned::{Derivation, Origin};
use shoplake_core::ports::SqlPlanner;
use shoplake_core::source::Origin as Bytes;
use shoplake_core::{Catalog, Fault, PinnedTable, Project, Result};

use crate::Models;
use crate::references::candidates;

/// What a table of the lineage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableKind {
    /// The files or the API that a dataset comes from.
    Source,
    /// A dataset.
    Dataset,
    /// A model.
    Model,
    /// A report.
    Report,
    /// A dashboard.
    Dashboard,
}

impl TableKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Dataset => "dataset",
            Self::Model => "model",
            Self::Report => "report",
            Self::Dashboard => "dashboard",
        }
    }
}

/// How one column comes from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Its value as it stands.
    Copy,
    /// Its value, calculated with.
    Expression,
    /// Its values of many rows.
    Aggregate,
    /// No value of it: it decides which rows count (filters, joins, grouping).
    Rows,
}

impl Link {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Expression => "expression",
            Self::Aggregate => "aggregate",
            Self::Rows => "rows",
        }
    }
}

/// One column coming from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Where from.
    pub from: Origin,
    /// Where to.
    pub to: Origin,
    /// How.
    pub link: Link,
}

/// Something that shows columns to people.
#[derive(Debug, Clone)]
pub struct Shown {
    /// `reports/daily`, `dashboards/sales`.
    pub name: String,
    /// Whether it is a report or a dashboard.
    pub kind: TableKind,
    /// The part of it: a table of the report, the title of a tile.
    pub part: String,
    /// The table that it shows.
    pub table: String,
    /// Its columns; all where there are none.
    pub columns: Vec<String>,
}

/// The lineage of a project.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// What each table is.
    pub tables: BTreeMap<String, TableKind>,
    /// The columns of each table, in its order.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Every link, ordered.
    pub edges: BTreeSet<Edge>,
    /// Columns that count the rows of tables.
    pub counts: BTreeMap<Origin, BTreeSet<String>>,
}

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To where it comes from.
    Upstream,
    /// To what is made of it.
    Downstream,
}

impl Lineage {
    /// The lineage of `project`: `empty` holds the tables of its datasets, `shown` what looks at tables.
    ///
    /// # Errors
    /// A model that does not fit the tables that it reads.
    pub async fn of(
        project: &Project,
        models: &Models,
        planner: &dyn SqlPlanner,
        empty: Catalog,
        shown: &[Shown],
    ) -> Result<Self> {
        let mut lineage = Self::default();
        lineage.datasets(project, &empty);
        let mut catalog = empty;
        for model in &models.models {
            let planned =
                planner.plan(&catalog, &model.plain_sql).await.map_err(|fault| in_file(fault, &model.path))?;
            lineage.tables.insert(model.name.clone(), TableKind::Model);
            let names = planned.columns.iter().map(|column| column.name.clone()).collect();
            lineage.columns.insert(model.name.clone(), names);
            for column in &planned.columns {
                let to = Origin { table: model.name.clone(), column: column.name.clone() };
                let link = match column.derivation {
                    Derivation::Copy => Link::Copy,
                    Derivation::Expression => Link::Expression,
                    Derivation::Aggregate => Link::Aggregate,
                };
                for from in &column.values {
                    lineage.edges.insert(Edge { from: from.clone(), to: to.clone(), link });
                }
                for from in &column.shaped_by {
                    lineage.edges.insert(Edge { from: from.clone(), to: to.clone(), link: Link::Rows });
                }
                if !column.counts.is_empty() {
                    lineage.counts.insert(to, column.counts.clone());
                }
            }
            let table = PinnedTable {
                name: model.name.clone(),
                root: std::env::temp_dir().into(),
                schema: planned.schema,
                partition_columns: Vec::new(),
                files: Vec::new(),
            };
            catalog.tables.insert(model.name.clone(), Arc::new(table));
        }
        lineage.shown(shown);
        Ok(lineage)
    }

    fn datasets(&mut self, project: &Project, empty: &Catalog) {
        for (name, table) in &empty.tables {
            self.tables.insert(name.clone(), TableKind::Dataset);
            let columns = table.schema.fields().iter().map(|field| field.name().clone()).collect();
            self.columns.insert(name.clone(), columns);
        }
        for dataset in &project.datasets {
            let contract = &dataset.contract;
            let source = match &dataset.origin {
                Bytes::Files(glob) => glob.clone(),
                Bytes::RestApi(api) => format!("{}/{}", api.base_url.trim_end_matches('/'), api.path),
            };
            let column = |table: &str, column: &str| Origin { table: table.to_owned(), column: column.to_owned() };
            self.tables.insert(source.clone(), TableKind::Source);
            for known in &contract.columns {
                let (from, to) = (column(&source, known.file_name()), column(&contract.dataset, &known.name));
                self.columns.entry(source.clone()).or_default().push(known.file_name().to_owned());
                self.edges.insert(Edge { from, to, link: Link::Copy });
            }
            for enrichment in &contract.enrichments {
                let to = column(&contract.dataset, &enrichment.column);
                let from = column(&enrichment.dataset, &enrichment.from);
                self.edges.insert(Edge { from, to: to.clone(), link: Link::Copy });
                let by = column(&contract.dataset, &enrichment.by);
                self.edges.insert(Edge { from: by, to, link: Link::Rows });
            }
            let Some(time) = &contract.event_time else { continue };
            for part in ["year", "month", "day"].into_iter().filter(|part| contract.column(part).is_none()) {
                let (from, to) = (column(&contract.dataset, time), column(&contract.dataset, part));
                self.edges.insert(Edge { from, to, link: Link::Expression });
            }
        }
    }

    fn shown(&mut self, shown: &[Shown]) {
        for part in shown {
            let Some(known) = self.columns.get(&part.table).cloned() else { continue };
            self.tables.insert(part.name.clone(), part.kind);
            let to = Origin { table: part.name.clone(), column: part.part.clone() };
            let parts = self.columns.entry(part.name.clone()).or_default();
            if !parts.contains(&part.part) {
                parts.push(part.part.clone());
            }
            let columns = if part.columns.is_empty() { known } else { part.columns.clone() };
            for column in columns {
                let from = Origin { table: part.table.clone(), column };
                self.edges.insert(Edge { from, to: to.clone(), link: Link::Copy });
            }
        }
    }

    /// The columns that `name` means: one (`table.column`), or all of a table.
    ///
    /// # Errors
    /// A name that is not there, with the nearest.
    pub fn find(&self, name: &str) -> Result<Vec<Origin>> {
        let of_table = |table: &str| {
            let columns = self.columns.get(table)?;
            Some(columns.iter().map(|column| Origin { table: table.to_owned(), column: column.clone() }).collect())
        };
        if let Some(columns) = of_table(name) {
            return Ok(columns);
        }
        let Some((table, column)) = name.rsplit_once('.') else {
            let known: Vec<&str> = self.columns.keys().map(String::as_str).collect();
            return Err(unknown(format!("there is no table `{name}`"), name, &known));
        };
        let Some(columns) = self.columns.get(table) else {
            let known: Vec<&str> = self.columns.keys().map(String::as_str).collect();
            return Err(unknown(format!("there is no table `{table}`"), table, &known));
        };
        if columns.iter().any(|known| known == column) {
            return Ok(vec![Origin { table: table.to_owned(), column: column.to_owned() }]);
        }
        let known: Vec<&str> = columns.iter().map(String::as_str).collect();
        Err(unknown(format!("`{table}` has no column `{column}`"), column, &known))
    }

    /// The links of one column in a direction: first those that carry values.
    pub fn next(&self, column: &Origin, direction: Direction) -> Vec<&Edge> {
        let mut edges: Vec<&Edge> = self
            .edges
            .iter()
            .filter(|edge| match direction {
                Direction::Upstream => edge.to == *column,
                Direction::Downstream => edge.from == *column,
            })
            .collect();
        edges.sort_by_key(|edge| edge.link == Link::Rows);
        edges
    }

    /// All that can be reached from `start` in these directions: columns and links.
    ///
    /// What only decides which rows count is a link, and not followed further from there.
    pub fn around(&self, start: &[Origin], directions: &[Direction]) -> (BTreeSet<Origin>, BTreeSet<Edge>) {
        let mut nodes: BTreeSet<Origin> = start.iter().cloned().collect();
        let mut edges = BTreeSet::new();
        for direction in directions {
            let mut seen: BTreeSet<Origin> = BTreeSet::new();
            let mut waiting: Vec<Origin> = start.to_vec();
            while let Some(column) = waiting.pop() {
                if !seen.insert(column.clone()) {
                    continue;
                }
                for edge in self.next(&column, *direction) {
                    let other = match direction {
                        Direction::Upstream => &edge.from,
                        Direction::Downstream => &edge.to,
                    };
                    nodes.insert(other.clone());
                    edges.insert(edge.clone());
                    if edge.link != Link::Rows {
                        waiting.push(other.clone());
                    }
                }
            }
        }
        (nodes, edges)
    }
}

fn unknown(what: String, name: &str, known: &[&str]) -> Fault {
    let fault = Fault::usage(what);
    match candidates(name, known) {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

fn in_file(mut fault: Fault, path: &str) -> Fault {
    let place = fault.place.take();
    fault.at(path, place.as_ref().and_then(|p| p.line), place.and_then(|p| p.column))
}
