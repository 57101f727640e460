//! Why a figure is what it is: from one cell of a published table to the rows behind it, each with the
//! landed file and the line that it comes from.
//!
//! A model's plan is followed down to the rows of one table (`trace`), through other models as if they
//! were views. What the rows contribute is folded again and held against the published figure: an
//! answer that does not add up says so. A row of a dataset is its own answer, with the text of its line.

mod parts;
mod row;
mod trace;
mod value;
mod words;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use shoplake_core::planned::{Shape, quoted};
use shoplake_core::ports::{Engine, LandingZone, SqlPlanner};
use shoplake_core::{Catalog, Fault, PinnedTable, Project, Result};
use shoplake_models::{Model, Models};

use self::parts::{aggregate, counting, having};
use self::trace::{Fold, Lost, Row, Start, Trace};
use self::words::{conditions, formula, values_as_text, words, words_of};
use crate::build;

/// Rows of a model that are listed where a condition does not name one alone.
const LISTED: usize = 10;

/// Why a row stands for no one group.
const ALIKE: &str = "stands for one of several groups that the row's columns do not tell apart";

/// All that is needed to explain a figure.
pub struct Explainer {
    /// The project.
    pub project: Arc<Project>,
    /// Its models.
    pub models: Models,
    /// The published tables.
    pub catalog: Catalog,
    /// Runs SQL.
    pub engine: Arc<dyn Engine>,
    /// Takes SQL apart.
    pub planner: Arc<dyn SqlPlanner>,
    /// Where archived files lie.
    pub landing: Arc<dyn LandingZone>,
}

/// A figure, explained.
#[derive(Debug)]
pub struct Why {
    /// The table that was asked for.
    pub model: String,
    /// Its column.
    pub column: String,
    /// What the column means, as it is documented.
    pub description: Option<String>,
    /// The columns that name the row that was asked for, with their values as text.
    pub row: Vec<(String, Option<String>)>,
    /// The SQL that makes the table; of a dataset, the query for the value.
    pub sql: String,
    /// The published value: one row.
    pub value: ArrayRef,
    /// How it is made, part by part: words, and what the part comes to.
    pub parts: Vec<(String, Option<String>)>,
    /// What is done with the parts, where it is more than to take the only one.
    pub formula: Option<String>,
    /// The value made again of the rows, where it is not what was published.
    pub differs: Option<String>,
    /// The table whose rows they are.
    pub table: String,
    /// All rows behind the figure.
    pub row_count: u64,
    /// The first of them: the key's columns, `contribution`, `_source_file`, `_source_line`, and of a
    /// single row of a dataset `raw`.
    pub rows: RecordBatch,
}

impl Explainer {
    /// Explains `column` of the one row of `table` where `condition` holds; at most `limit` rows are listed.
    ///
    /// # Errors
    /// A table, column or condition that does not fit; no row or several; a figure that cannot be
    /// followed, with the model to ask instead.
    pub async fn why(&self, table: &str, condition: &str, column: &str, limit: usize) -> Result<Why> {
        let model = self.models.model(table);
        let source = self.source(table, model).await?;
        let behind = match model {
            Some(model) => Some(self.behind(model).await?),
            None => None,
        };
        let names = self.names_of_row(table, behind.as_ref().map(|behind| &behind.shape));
        let row = self.row(table, &names, &source, condition, column).await?;
        match model.zip(behind) {
            Some((model, behind)) => self.figure(model, &behind, &names, &row, column, limit).await,
            None => self.dataset_row(table, &names, &row, column),
        }
    }

    /// What stands after FROM for a table: itself, or the SQL of a model that has none.
    async fn source(&self, table: &str, model: Option<&Model>) -> Result<String> {
        if self.catalog.tables.contains_key(table) {
            return Ok(quoted(table));
        }
        if let Some(model) = model.filter(|model| !model.materialized.is_stored()) {
            return Ok(format!("({}) AS {}", model.sql, quoted(table)));
        }
        // The engine knows best which name was meant.
        self.engine.schema(&self.catalog, &format!("SELECT * FROM {}", quoted(table))).await.map_err(unplaced)?;
        Err(Fault::usage(format!("table `{table}` is not there yet")).hint("`shoplake run` makes it"))
    }

    /// The one row that is meant: all of its columns.
    async fn row(
        &self,
        table: &str,
        names: &[String],
        source: &str,
        condition: &str,
        column: &str,
    ) -> Result<RecordBatch> {
        let asked = format!("SELECT {} FROM {source}", quoted(column));
        self.engine.schema(&self.catalog, &asked).await.map_err(unplaced)?;
        let before = format!("SELECT * FROM {source} WHERE (");
        let order = match names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ") {
            names if names.is_empty() => String::new(),
            names => format!("ORDER BY {names} "),
        };
        let sql = format!("{before}{condition}\n) {order}LIMIT {}", LISTED + 1);
        let rows = self.engine.query(&self.catalog, &sql).await.map_err(|fault| in_where(fault, &before))?;
        let schema = Arc::clone(&rows.schema);
        let rows = build::collect(rows).await.map_err(|fault| in_where(fault, &before))?;
        let rows = arrow_select::concat::concat_batches(&schema, &rows).map_err(value::unreadable)?;
        let keys = if names.is_empty() { words_of(&rows) } else { names.to_vec() };
        match rows.num_rows() {
            1 => Ok(rows),
            0 => {
                let some = format!("SELECT * FROM {source} {order}LIMIT 3");
                let some = build::collect(self.engine.query(&self.catalog, &some).await?).await?;
                let listed: Vec<String> = some.iter().flat_map(|batch| conditions(batch, &keys)).collect();
                let fault = Fault::usage(format!("no row of `{table}` where {condition}"));
                Err(match listed.as_slice() {
                    [] => fault.hint(format!("`{table}` has no rows; `shoplake run` loads some")),
                    listed => fault.hint(format!("there is for one --where \"{}\"", listed.join("\", or \""))),
                })
            }
            many => {
                let more = if many > LISTED { "more than " } else { "" };
                let listed: Vec<String> = conditions(&rows, &keys).into_iter().take(LISTED).collect();
                Err(Fault::usage(format!("{more}{} rows of `{table}` where {condition}, not one", many.min(LISTED)))
                    .detail(listed.join("\n"))
                    .hint("choose one of them with --where"))
            }
        }
    }

    /// The columns that name a row of `table`, as far as they are known.
    fn names_of_row(&self, table: &str, shape: Option<&Shape>) -> Vec<String> {
        match (self.project.dataset(table), self.models.model(table)) {
            (Some(dataset), _) => dataset.contract.key.clone(),
            (None, Some(model)) if !model.unique_key.is_empty() => model.unique_key.clone(),
            (None, Some(_)) => shape.map(trace::identity).unwrap_or_default(),
            (None, None) => vec!["source_file".to_owned(), "source_line".to_owned()],
        }
    }

    /// A figure of a model.
    async fn figure(
        &self,
        model: &Model,
        behind: &Behind,
        names: &[String],
        row: &RecordBatch,
        column: &str,
        limit: usize,
    ) -> Result<Why> {
        let at = row.schema().index_of(column).map_err(value::unreadable)?;
        let published = Arc::clone(row.column(at));
        let values = values(row)?;
        let lost = |Lost(reason): Lost| self.cannot(model, &reason);
        let mut start = trace::top(&behind.shape, column, &values).map_err(lost)?;
        if let Some(sql) = start.alike(&values).map_err(lost)? {
            let groups = self.two(&sql).await?;
            match groups.num_rows() {
                1 => start = start.named(&literals(&groups)?),
                0 => {}
                _ => return Err(self.cannot(model, ALIKE)),
            }
        }
        let trace = self.pinned(&start, &values).await?.map_err(lost)?;
        let folded = self.fold(&trace, &published).await?;
        let rows = self.rows(&trace, &folded, limit).await?;
        let description =
            model.columns.iter().find(|known| known.name == column).map(|known| known.description.clone());
        let mut parts = words(&trace, &folded);
        if behind.opaque.contains(&trace.table) {
            let hint = format!("rows of `{}`, whose own figures `shoplake why {}` explains", trace.table, trace.table);
            parts.push((hint, None));
        }
        Ok(Why {
            model: model.name.clone(),
            column: column.to_owned(),
            description: description.filter(|text| !text.is_empty()),
            row: values_as_text(row, names)?,
            sql: model.sql.clone(),
            value: published,
            formula: (!trace.plain).then(|| formula(&start, column)),
            parts,
            differs: folded.differs,
            table: trace.table.clone(),
            row_count: folded.row_count,
            rows,
        })
    }

    /// The trace of a figure. Where a row of the model is a row of a grouping below, that group is named
    /// by its values: it must be one, and naming it saves asking again.
    async fn pinned(&self, start: &Start, row: &Row) -> Result<Result<Trace, Lost>> {
        let mut trace = match trace::follow(start) {
            Ok(trace) => trace,
            Err(lost) => return Ok(Err(lost)),
        };
        if start.level.select.group.is_some() {
            return Ok(Ok(trace));
        }
        let Some((witness, _)) = &trace.first_witness else { return Ok(Ok(trace)) };
        let mut groups = self.two(&format!("{witness} LIMIT 2")).await?;
        if groups.num_rows() > 1 {
            trace = match trace::follow(&start.narrowed(row)) {
                Ok(trace) => trace,
                Err(lost) => return Ok(Err(lost)),
            };
            let Some((witness, _)) = &trace.first_witness else { return Ok(Ok(trace)) };
            groups = self.two(&format!("{witness} LIMIT 2")).await?;
        }
        match groups.num_rows() {
            1 if trace.depth == 1 => trace.level = trace.level.pinned(&literals(&groups)?),
            0 | 1 => {}
            _ => return Ok(Err(Lost(ALIKE.into()))),
        }
        Ok(Ok(trace))
    }

    /// The one or two rows of a question that asks whether there is one.
    async fn two(&self, sql: &str) -> Result<RecordBatch> {
        let stream = self.engine.query(&self.catalog, sql).await?;
        let schema = Arc::clone(&stream.schema);
        arrow_select::concat::concat_batches(&schema, &build::collect(stream).await?).map_err(value::unreadable)
    }

    /// The shape of a model through all models that it reads and whose own shape is known; the others.
    async fn behind(&self, model: &Model) -> Result<Behind> {
        let mut catalog = self.catalog.clone();
        let (mut definitions, mut opaque) = (Vec::new(), Vec::new());
        for other in &self.models.models {
            if other.name == model.name {
                break;
            }
            if !other.materialized.is_stored() || !self.reads(model, &other.name) {
                continue;
            }
            let planned = self.planner.plan(&catalog, &other.sql).await?;
            if planned.shape.other().is_some() {
                opaque.push(other.name.clone());
            } else {
                definitions.push((other.name.clone(), other.sql.clone()));
            }
            catalog.tables.entry(other.name.clone()).or_insert_with(|| blank(&other.name, planned.schema));
        }
        let planned = self.planner.plan_through(&catalog, &definitions, &model.sql).await?;
        Ok(Behind { shape: planned.shape, opaque })
    }

    /// Whether `name` is among the models that `model` is made of.
    fn reads(&self, model: &Model, name: &str) -> bool {
        let further = model.reads.iter().filter_map(|read| self.models.model(read));
        model.reads.iter().any(|read| read == name) || further.into_iter().any(|read| self.reads(read, name))
    }

    fn cannot(&self, model: &Model, reason: &str) -> Fault {
        let upstream: Vec<&str> =
            model.depends_on.iter().filter(|name| self.models.model(name).is_some()).map(String::as_str).collect();
        let fault = Fault::usage(format!("the rows behind this figure cannot be told: it {reason}")).at(
            &model.path,
            None,
            None,
        );
        match upstream.as_slice() {
            [] => fault.hint(format!("`shoplake lineage {}` shows the columns that it is made of", model.name)),
            names => fault.hint(format!("ask for a figure of {}", names.join(" or of "))),
        }
    }

    /// Folds what the rows contribute, and holds it against what was published.
    async fn fold(&self, trace: &Trace, published: &ArrayRef) -> Result<Folded> {
        let lost = |Lost(reason): Lost| Fault::internal(format!("a figure {reason}"));
        let aggregates: Vec<String> =
            trace.parts.iter().enumerate().map(|(at, part)| format!("{} AS \"p{at}\"", aggregate(part))).collect();
        let counted = format!("{}, {} AS \"rows\"", aggregates.join(", "), counting(trace));
        let inner = trace.level.sql(&counted, &[]).map_err(lost)?;
        let sql = format!("SELECT {} AS \"value\", \"f\".* FROM ({inner}) AS \"f\"", trace.formula);
        let rows = build::collect(self.engine.query(&self.catalog, &sql).await?).await?;
        let Some(batch) = rows.iter().find(|batch| batch.num_rows() == 1) else {
            return Err(Fault::internal("a figure folded to nothing"));
        };
        let differs = !value::same(published, batch.column(0))?;
        let first = batch.columns().get(1).map(|column| value::literal(column, 0)).transpose()?.flatten();
        let mut row_count = value::count(batch, trace.parts.len() + 1);
        if let Some(part) = trace.parts.first().filter(|part| matches!(part.fold, Fold::Min | Fold::Max)) {
            let sql = trace.level.sql("count(*)", &having(trace, part, first.as_ref())).map_err(lost)?;
            let rows = build::collect(self.engine.query(&self.catalog, &sql).await?).await?;
            row_count = rows.first().map_or(0, |batch| value::count(batch, 0));
        }
        let folded = (0..trace.parts.len()).map(|at| Arc::clone(batch.column(at + 1))).collect::<Vec<_>>();
        Ok(Folded {
            differs: differs
                .then(|| value::text(batch.column(0).as_ref(), 0))
                .transpose()?
                .map(|text| text.unwrap_or_else(|| "NULL".into())),
            row_count,
            texts: folded.iter().map(|column| value::text(column.as_ref(), 0)).collect::<Result<_>>()?,
            first,
        })
    }

    /// The first rows behind a figure, with what each contributes.
    async fn rows(&self, trace: &Trace, folded: &Folded, limit: usize) -> Result<RecordBatch> {
        let lost = |Lost(reason): Lost| Fault::internal(format!("a figure {reason}"));
        let origin = self.origin(&trace.table);
        let alias = quoted(&trace.alias);
        let part = trace.parts.first().ok_or_else(|| Fault::internal("a figure without parts"))?;
        let also = having(trace, part, folded.first.as_ref());
        let at = |column: &Option<String>| column.as_ref().map(|column| format!("{alias}.{}", quoted(column)));
        let file = at(&origin.file).unwrap_or_else(|| "CAST(NULL AS VARCHAR)".into());
        let line = at(&origin.line).unwrap_or_else(|| "CAST(NULL AS BIGINT)".into());
        let mut columns: Vec<String> =
            origin.keys.iter().map(|key| format!("{alias}.{} AS {}", quoted(key), quoted(key))).collect();
        columns.push(format!("{} AS \"contribution\"", part.value.sql));
        columns.push(format!("{file} AS \"_source_file\""));
        columns.push(format!("{line} AS \"_source_line\""));
        let rows = trace.level.sql(&columns.join(", "), &also).map_err(lost)?;
        let by = origin.keys.iter().map(|key| quoted(key));
        let by: Vec<String> = ["\"_source_file\"".into(), "\"_source_line\"".into()].into_iter().chain(by).collect();
        let by = by.join(", ");
        let sql = if part.fold == Fold::Distinct {
            let first = format!("row_number() OVER (PARTITION BY \"contribution\" ORDER BY {by}) AS \"nth\"");
            let listed: Vec<String> = origin.keys.iter().map(|key| quoted(key)).collect();
            let listed =
                [listed, vec!["\"contribution\"".into(), "\"_source_file\"".into(), "\"_source_line\"".into()]];
            let listed = listed.concat().join(", ");
            format!(
                "SELECT {listed} FROM (SELECT *, {first} FROM ({rows}) AS \"all\") AS \"firsts\" WHERE \"nth\" = 1 ORDER BY \"contribution\" LIMIT {limit}"
            )
        } else {
            format!("{rows} ORDER BY {by} LIMIT {limit}")
        };
        let stream = self.engine.query(&self.catalog, &sql).await?;
        let schema = Arc::clone(&stream.schema);
        let rows = build::collect(stream).await?;
        arrow_select::concat::concat_batches(&schema, &rows).map_err(value::unreadable)
    }

    /// What names a row of a table and its place in a file.
    fn origin(&self, table: &str) -> Origin {
        let column = |name: &str| {
            let known = self.catalog.tables.get(table).is_some_and(|t| t.schema.column_with_name(name).is_some());
            known.then(|| name.to_owned())
        };
        if let Some(dataset) = self.project.dataset(table) {
            return Origin {
                keys: dataset.contract.key.clone(),
                file: column("_source_file"),
                line: column("_source_line"),
            };
        }
        match self.models.model(table) {
            Some(model) => Origin { keys: model.unique_key.clone(), file: None, line: None },
            None => Origin { keys: Vec::new(), file: column("source_file"), line: column("source_line") },
        }
    }
}

/// The figure made again.
struct Folded {
    /// What it came to, where that is not what was published.
    differs: Option<String>,
    row_count: u64,
    /// What each part came to.
    texts: Vec<Option<String>>,
    /// The first part as a literal.
    first: Option<String>,
}

/// What stands behind a model.
struct Behind {
    /// Its shape, through the models whose own is known.
    shape: Shape,
    /// The models whose is not.
    opaque: Vec<String>,
}

struct Origin {
    keys: Vec<String>,
    file: Option<String>,
    line: Option<String>,
}

/// The values of the first row as SQL.
fn literals(rows: &RecordBatch) -> Result<Vec<Option<String>>> {
    rows.columns().iter().map(|column| value::literal(column, 0)).collect()
}

/// Every column of the row as SQL.
fn values(row: &RecordBatch) -> Result<Row> {
    let schema = row.schema();
    let columns = schema.fields().iter().zip(row.columns());
    columns.map(|(field, column)| Ok((field.name().clone(), value::literal(column, 0)?))).collect()
}

/// A fault of SQL that nobody wrote: its place means nothing.
fn unplaced(mut fault: Fault) -> Fault {
    fault.place = None;
    fault
}

/// A fault of the condition, with its place there.
fn in_where(mut fault: Fault, before: &str) -> Fault {
    let Some(place) = fault.place.take() else { return fault };
    let column = place.column.filter(|_| place.line == Some(1)).and_then(|at| at.checked_sub(before.len() as u64));
    fault.at("--where", column.map(|_| 1), column)
}

/// A model's table without files, for planning.
fn blank(name: &str, schema: arrow_schema::SchemaRef) -> Arc<PinnedTable> {
    let (name, root) = (name.to_owned(), std::env::temp_dir().into());
    Arc::new(PinnedTable { name, root, schema, partition_columns: Vec::new(), files: Vec::new() })
}
