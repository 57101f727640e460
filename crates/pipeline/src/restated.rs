//! The figures that a run restates: days of a model by day that were published before, old value, new
//! value, and the rows that caused it. What another SQL gives is no restatement and is not told here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::NaiveDate;
use futures::{StreamExt, stream};
use shoplake_core::ports::{Batch, DatasetChange, RowStream};
use shoplake_core::restated::{RESTATEMENTS, Restated, schema};
use shoplake_core::{Catalog, Fault, PinnedTable, Result, RunId, TableFile};
use shoplake_models::Model;

use crate::Pipeline;
use crate::build::collect;
use crate::collect::Intake;

/// The names that tables have while they are compared; a model's cannot begin so.
const BEFORE: &str = "restated__before";
const CHANGED: &str = "restated__changed";
/// Source files that are named.
const NAMED_FILES: usize = 5;

/// What a run knows of why rows change.
#[derive(Debug, Clone)]
pub(crate) struct Reason {
    pub(crate) run_id: RunId,
    /// Files whose rows left quarantine.
    pub(crate) replayed: HashSet<String>,
    /// Whether a table was brought back to an earlier version.
    pub(crate) restored: bool,
}

impl Reason {
    /// What a run over `intakes` knows.
    pub(crate) fn of_run(run_id: &RunId, intakes: &[Intake]) -> Self {
        let replayed = intakes.iter().flat_map(|intake| &intake.replays);
        let replayed = replayed.map(|replayed| replayed.file.key.clone()).collect();
        Self { run_id: run_id.clone(), replayed, restored: false }
    }
}

/// The rows of one day that came and went.
#[derive(Debug, Default)]
struct Cause {
    entered: i64,
    /// Of these, rows of an earlier run whose enrichment arrived.
    enriched: i64,
    left: i64,
    replayed: bool,
    files: BTreeSet<String>,
}

impl Cause {
    fn word(&self) -> &'static str {
        match self {
            Self { replayed: true, .. } => "replay",
            Self { left: 0, .. } => "late rows",
            Self { enriched, entered, .. } if enriched == entered => "enrichment",
            _ => "correction",
        }
    }
}

/// One figure with another value than before.
struct Figure {
    day: i32,
    row_key: Option<String>,
    column: String,
    old: Option<String>,
    new: Option<String>,
}

impl Pipeline {
    /// Notes what became of the days that `before` holds of a model by day, in the table of restatements.
    pub(crate) async fn note_restated(
        &self,
        batch: &mut dyn Batch,
        model: &Model,
        before: &PinnedTable,
        changes: &HashMap<String, DatasetChange>,
        reason: &Reason,
    ) -> Result<Option<Restated>> {
        let catalog = batch.catalog().await?;
        let (Some(day), Some(after)) = (&model.by_day, catalog.tables.get(&model.name)) else { return Ok(None) };
        // A first table restates nothing, and other columns are another model.
        if before.rows() == 0 || before.schema != after.schema {
            return Ok(None);
        }
        let changes: Vec<(&String, &DatasetChange)> =
            changes.iter().filter(|(name, change)| change.changed && model.reads.contains(*name)).collect();
        let told = changes.iter().all(|(_, change)| change.rows.is_some() && !change.first);
        let days: BTreeSet<i32> = changes.iter().flat_map(|(_, change)| change.days.iter().copied()).collect();
        if told && only_new(before, day, &days) {
            return Ok(None);
        }
        let others = before.schema.fields().iter().map(|field| field.name().as_str());
        let others: Vec<&str> =
            others.filter(|name| name != day && !model.unique_key.iter().any(|key| key == name)).collect();
        let sql = comparison(model, day, &others, told.then_some(&days));
        let differing = collect(self.engine.query(&with(&catalog, BEFORE, before), &sql).await?).await?;
        let figures = figures(&differing, &others)?;
        if figures.is_empty() {
            return Ok(None);
        }
        let mut causes = BTreeMap::new();
        for (_, change) in changes {
            self.causes(&catalog, change, reason, &mut causes).await?;
        }
        let rows = rows(model, &figures, &causes, reason)?;
        let batches = stream::iter([Ok(rows)]).boxed();
        batch.merge(RESTATEMENTS, &[], RowStream { schema: schema(), batches }).await?;
        let words: BTreeSet<&str> = figures.iter().map(|figure| word(&causes, figure.day, reason)).collect();
        Ok(Some(Restated {
            model: model.name.clone(),
            days: figures.iter().map(|figure| figure.day).collect::<BTreeSet<_>>().len() as u64,
            figures: figures.len() as u64,
            causes: words.into_iter().map(str::to_owned).collect(),
        }))
    }

    /// Adds up the rows that came and went, by day.
    async fn causes(
        &self,
        catalog: &Catalog,
        change: &DatasetChange,
        reason: &Reason,
        causes: &mut BTreeMap<i32, Cause>,
    ) -> Result<()> {
        let Some(rows) = &change.rows else { return Ok(()) };
        for (side, entered) in [(&rows.entered, true), (&rows.left, false)] {
            if side.partition_columns.is_empty() {
                continue;
            }
            let sql = format!(
                "SELECT make_date(year, month, day) AS day, _source_file, _run_id, count(*) AS n FROM {CHANGED} \
                 WHERE day IS NOT NULL GROUP BY 1, 2, 3"
            );
            for batch in collect(self.engine.query(&with(catalog, CHANGED, side), &sql).await?).await? {
                let (days, counts) = (batch.column(0).as_primitive::<Date32Type>(), batch.column(3));
                let (files, runs) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
                let counts = counts.as_primitive::<Int64Type>();
                for row in 0..batch.num_rows() {
                    let cause = causes.entry(days.value(row)).or_default();
                    if !entered {
                        cause.left += counts.value(row);
                        continue;
                    }
                    cause.entered += counts.value(row);
                    if runs.value(row) == reason.run_id.0 {
                        cause.replayed |= reason.replayed.contains(files.value(row));
                    } else {
                        cause.enriched += counts.value(row);
                    }
                    cause.files.insert(files.value(row).to_owned());
                }
            }
        }
        Ok(())
    }
}

/// The catalog with one more table in it.
fn with(catalog: &Catalog, name: &str, table: &PinnedTable) -> Catalog {
    let mut catalog = catalog.clone();
    catalog.tables.insert(name.to_owned(), Arc::new(PinnedTable { name: name.to_owned(), ..table.clone() }));
    catalog
}

/// Whether all of `days` are later than every day that the table's files say they hold.
fn only_new(before: &PinnedTable, day: &str, days: &BTreeSet<i32>) -> bool {
    let Some(first) = days.first() else { return false };
    before.files.iter().all(|file| last_day(file, day).is_some_and(|last| last < i64::from(*first)))
}

/// The greatest value of a column of days in a file, where its statistics tell, since 1970-01-01.
fn last_day(file: &TableFile, column: &str) -> Option<i64> {
    let last: NaiveDate = file.statistic("maxValues", column)?.as_str()?.parse().ok()?;
    Some(last.signed_duration_since(NaiveDate::default()).num_days())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// One row for each row that has another figure: its day, its key, and of each other column the old and
/// the new value. Days after the last of the table before were not published then.
fn comparison(model: &Model, day: &str, others: &[&str], days: Option<&BTreeSet<i32>>) -> String {
    let within = days.filter(|days| !days.is_empty()).map(|days| {
        let days: Vec<String> = days.iter().map(|day| format!("DATE '{}'", civil_text(*day))).collect();
        format!(" WHERE {} IN ({})", quoted(day), days.join(", "))
    });
    let within = within.unwrap_or_default();
    let keys: Vec<&String> = model.unique_key.iter().filter(|key| *key != day).collect();
    let same = keys.iter().map(|key| format!(" AND o.{0} IS NOT DISTINCT FROM n.{0}", quoted(key)));
    let row_key = keys.iter().map(|key| {
        let shown = format!("CAST(coalesce(o.{0}, n.{0}) AS VARCHAR)", quoted(key));
        format!("'{}=' || coalesce({shown}, 'NULL')", key.replace('\'', "''"))
    });
    let row_key = row_key.collect::<Vec<_>>().join(" || ', ' || ");
    let row_key = if row_key.is_empty() { "CAST(NULL AS VARCHAR)" } else { &row_key };
    let values = others.iter().enumerate().map(|(at, other)| {
        let value = |side| format!("CAST({side}.{} AS VARCHAR) AS {side}{at}", quoted(other));
        format!(", {}, {}", value("o"), value("n"))
    });
    let differ = others.iter().map(|other| format!(" OR o.{0} IS DISTINCT FROM n.{0}", quoted(other)));
    format!(
        "SELECT coalesce(o.{day}, n.{day}) AS day, {row_key} AS row_key{values} \
         FROM (SELECT *, true AS is_there FROM {BEFORE}{within}) AS o \
         FULL JOIN (SELECT *, true AS is_there FROM {after}{within}) AS n ON o.{day} = n.{day}{same} \
         WHERE (o.is_there IS DISTINCT FROM n.is_there{differ}) \
         AND coalesce(o.{day}, n.{day}) <= (SELECT max({day}) FROM {BEFORE})",
        day = quoted(day),
        values = values.collect::<String>(),
        after = quoted(&model.name),
        same = same.collect::<String>(),
        differ = differ.collect::<String>(),
    )
}

fn civil_text(day: i32) -> String {
    let (year, month, day) = shoplake_core::clock::civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The figures that differ, each column of each row one.
fn figures(batches: &[RecordBatch], others: &[&str]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for batch in batches {
        let days = batch.column(0).as_primitive_opt::<Date32Type>();
        let days = days.ok_or_else(|| Fault::internal("a model by day has no days"))?;
        let text = |column: usize, row: usize| {
            let column = batch.column(column).as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        for (row, (at, column)) in
            (0..batch.num_rows()).flat_map(|row| others.iter().enumerate().map(move |o| (row, o)))
        {
            let (old, new) = (text(2 + 2 * at, row), text(3 + 2 * at, row));
            if old != new {
                figures.push(Figure {
                    day: days.value(row),
                    row_key: text(1, row),
                    column: (*column).to_owned(),
                    old,
                    new,
                });
            }
        }
    }
    figures.sort_by(|a, b| (a.day, &a.row_key, &a.column).cmp(&(b.day, &b.row_key, &b.column)));
    Ok(figures)
}

fn word(causes: &BTreeMap<i32, Cause>, day: i32, reason: &Reason) -> &'static str {
    match causes.get(&day) {
        _ if reason.restored => "restore",
        Some(cause) => cause.word(),
        None => "other tables",
    }
}

fn rows(model: &Model, figures: &[Figure], causes: &BTreeMap<i32, Cause>, reason: &Reason) -> Result<RecordBatch> {
    let text = |value: fn(&Figure) -> Option<&str>| -> ArrayRef {
        Arc::new(figures.iter().map(value).collect::<StringArray>())
    };
    let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; figures.len()])) };
    let count = |value: fn(&Cause) -> i64| -> ArrayRef {
        Arc::new(figures.iter().map(|figure| causes.get(&figure.day).map(value)).collect::<Int64Array>())
    };
    let files = figures.iter().map(|figure| {
        let files = &causes.get(&figure.day).filter(|cause| !cause.files.is_empty())?.files;
        let mut named: Vec<&str> = files.iter().map(String::as_str).take(NAMED_FILES).collect();
        let more = format!("and {} more", files.len() - named.len());
        if files.len() > named.len() {
            named.push(&more);
        }
        Some(named.join(", "))
    });
    let now = TimestampMicrosecondArray::from_value(chrono::Utc::now().timestamp_micros(), figures.len());
    let columns: Vec<ArrayRef> = vec![
        same(&reason.run_id.0),
        Arc::new(now.with_timezone("UTC")),
        same(&model.name),
        Arc::new(figures.iter().map(|figure| Some(figure.day)).collect::<Date32Array>()),
        text(|figure| figure.row_key.as_deref()),
        text(|figure| Some(&figure.column)),
        text(|figure| figure.old.as_deref()),
        text(|figure| figure.new.as_deref()),
        Arc::new(figures.iter().map(|figure| Some(word(causes, figure.day, reason))).collect::<StringArray>()),
        count(|cause| cause.entered),
        count(|cause| cause.left),
        Arc::new(files.collect::<StringArray>()),
    ];
    RecordBatch::try_new(schema(), columns).map_err(|error| Fault::internal(format!("restatements: {error}")))
}
