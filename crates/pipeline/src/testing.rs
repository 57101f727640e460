//! Data tests and unit tests: run, judged, counted.

use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

use arrow_array::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use shoplake_core::outcome::{TestFailure, TestResult, TestsOutcome};
use shoplake_core::{Catalog, Fault, Result};
use shoplake_models::{DataTest, Materialized, Models, UnitTest, Verdict};

use crate::Pipeline;
use crate::build::collect;
use crate::choice::{Choice, Chosen};
use crate::planning::{of_test, plan_all};

/// Data tests that run at once.
const SIDE_BY_SIDE: usize = 2;
/// The most rows of a difference that are told.
const SHOWN: usize = 10;

/// What was built before the tests.
pub(crate) struct Fresh<'b> {
    pub(crate) changed: &'b BTreeSet<String>,
    pub(crate) broken: &'b BTreeSet<String>,
    /// Models whose SQL is not what their table was built with.
    pub(crate) stale: &'b HashSet<String>,
    /// Whether all models are new, so that being new is no reason to ask the views.
    pub(crate) first: bool,
}

impl Pipeline {
    /// Runs tests on the tables as they are published; `None` is all of them.
    pub async fn test_published(&self, models: &Models, chosen: Option<Chosen>) -> Result<TestsOutcome> {
        let catalog = self.tables.pinned().await?;
        let choice = Choice { chosen, all_tests: true, ..Choice::default() };
        let broken: BTreeSet<String> = models
            .models
            .iter()
            .filter(|model| model.materialized.is_stored() && !catalog.tables.contains_key(&model.name))
            .map(|model| model.name.clone())
            .collect();
        let fresh = Fresh { changed: &BTreeSet::new(), broken: &broken, stale: &HashSet::new(), first: false };
        let mut outcome = self.data_tests(&catalog, models, &choice, &fresh).await?;
        for test in &models.tests {
            let asked = choice.chosen.as_ref().is_none_or(|chosen| chosen.tests.contains(&test.name));
            if asked && test.depends_on.iter().any(|table| broken.contains(table)) {
                outcome.results.push(TestResult::skipped(&test.name, "its table was not built yet"));
            }
        }
        self.unit_tests(models, &choice, &fresh, &mut outcome).await?;
        Ok(outcome)
    }

    /// Runs the data tests that are asked for, or else those of what has changed.
    pub(crate) async fn data_tests(
        &self,
        catalog: &Catalog,
        models: &Models,
        choice: &Choice,
        fresh: &Fresh<'_>,
    ) -> Result<TestsOutcome> {
        let mut outcome = TestsOutcome::default();
        self.progress.stage("tests", None);
        let asked = models.tests.iter().filter(|test| {
            let reads = |names: &BTreeSet<String>| test.depends_on.iter().any(|table| names.contains(table));
            let asked = if let Some(chosen) = &choice.chosen {
                chosen.tests.contains(&test.name)
            } else {
                // A view has no table that could have changed: its tests follow its SQL.
                let anew = !fresh.first && test.names.iter().any(|name| fresh.stale.contains(name));
                choice.all_tests || anew || reads(fresh.changed) && !of_view(models, test)
            };
            asked && !reads(fresh.broken)
        });
        // Most of a short query is its plan, which one thread makes: two are asked side by side.
        let answers = stream::iter(asked).map(|test| async move {
            let began = Instant::now();
            let failing = self.failing(catalog, test).await.map_err(|fault| of_test(models, test, fault))?;
            Ok::<_, Fault>((test, failing, milliseconds(began)))
        });
        let mut answers = answers.buffered(SIDE_BY_SIDE);
        while let Some((test, failing, took)) = answers.try_next().await? {
            take(&mut outcome, &test.name, test.judge(failing), failing, None, took);
        }
        self.progress.done();
        Ok(outcome)
    }

    /// Failing rows of a test.
    async fn failing(&self, catalog: &Catalog, test: &DataTest) -> Result<u64> {
        let sql = format!("SELECT count(*) AS failing FROM (\n{}\n)", test.sql);
        Ok(first_count(&collect(self.engine.query(catalog, &sql).await?).await?))
    }

    /// Runs the unit tests that are asked for, or else those of models whose SQL has changed.
    pub(crate) async fn unit_tests(
        &self,
        models: &Models,
        choice: &Choice,
        fresh: &Fresh<'_>,
        outcome: &mut TestsOutcome,
    ) -> Result<()> {
        let asked = |test: &&UnitTest| match &choice.chosen {
            Some(chosen) => chosen.unit_tests.contains(&test.name),
            None => choice.all_tests || fresh.stale.contains(&test.model),
        };
        let tests: Vec<&UnitTest> = models.unit_tests.iter().filter(asked).collect();
        if tests.is_empty() {
            return Ok(());
        }
        let planned = plan_all(&*self.engine, models, self.tables.blank()?).await.map_err(crate::run::many)?;
        for test in tests {
            let began = Instant::now();
            let placed = |mut fault: Fault| {
                fault.place = None;
                fault.at(&test.path, test.line, None).detail(format!("In the unit test `{}`.", test.name))
            };
            let difference = match self.difference(&planned, test).await {
                Ok(difference) => difference,
                Err(fault) if fault.place.is_some() => return Err(fault),
                Err(fault) => return Err(placed(fault)),
            };
            let verdict = if difference.is_empty() { Verdict::Pass } else { Verdict::Fail };
            let rows = difference.len() as u64;
            let more = difference.len().saturating_sub(SHOWN);
            let mut lines: Vec<String> = difference.into_iter().take(SHOWN).collect();
            if more > 0 {
                lines.push(format!("… and {more} more"));
            }
            take(outcome, &test.name, verdict, rows, (rows > 0).then(|| lines.join("\n")), milliseconds(began));
        }
        Ok(())
    }

    /// The rows that came out and were not expected (`+`), and those that were and did not (`-`).
    async fn difference(&self, planned: &Catalog, test: &UnitTest) -> Result<Vec<String>> {
        let mut catalog = Catalog::default();
        let columns = |table: &str| -> Vec<(String, String)> {
            let fields = planned.tables.get(table).map(|table| table.schema.fields().clone());
            fields.iter().flatten().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
        };
        for input in &test.inputs {
            let given = test.given.iter().find(|(table, _, _)| table == input);
            let rows = given.map(|(_, _, rows)| rows.clone()).unwrap_or_default();
            let line = given.and_then(|(_, line, _)| *line).or(test.line);
            let sql = rows.select(input, &columns(input)).map_err(|fault| fault.at(&test.path, line, None))?;
            catalog.views.insert(input.clone(), sql);
        }
        let all = columns(&test.model);
        let stated: Vec<(String, String)> =
            all.iter().filter(|(name, _)| test.expect.columns.contains(name)).cloned().collect();
        // A column that the model does not have is told with all that it has.
        let expected =
            test.expect.select(&test.model, if stated.len() < test.expect.columns.len() { &all } else { &stated });
        let expected = expected.map_err(|fault| fault.at(&test.path, test.line, None))?;
        let names: Vec<String> = stated.iter().map(|(name, _)| format!("\"{}\"", name.replace('"', "\"\""))).collect();
        let list = if names.is_empty() { "*".to_owned() } else { names.join(", ") };
        let actual = format!("SELECT {list} FROM (\n{}\n)", test.sql);
        let actual = self.texts(&catalog, &actual).await?;
        let mut expected =
            if test.expect.rows.is_empty() { Vec::new() } else { self.texts(&catalog, &expected).await? };
        let mut difference = Vec::new();
        for row in actual {
            match expected.iter().position(|known| *known == row) {
                Some(at) => {
                    expected.swap_remove(at);
                }
                None => difference.push(format!("+ {row}")),
            }
        }
        expected.sort();
        difference.sort();
        let missing: Vec<String> = expected.into_iter().map(|row| format!("- {row}")).collect();
        Ok(missing.into_iter().chain(difference).collect())
    }

    /// Rows as text: `id=1, amount=2.50`.
    async fn texts(&self, catalog: &Catalog, sql: &str) -> Result<Vec<String>> {
        let mut rows = Vec::new();
        for batch in collect(self.engine.query(catalog, sql).await?).await? {
            let options = arrow_cast::display::FormatOptions::new().with_null("NULL");
            let schema = batch.schema();
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| arrow_cast::display::ArrayFormatter::try_new(column, &options))
                .collect::<std::result::Result<_, _>>()
                .map_err(|error| Fault::internal(error.to_string()))?;
            for row in 0..batch.num_rows() {
                let cells = schema.fields().iter().zip(&columns);
                let cells: Vec<String> =
                    cells.map(|(field, column)| format!("{}={}", field.name(), column.value(row))).collect();
                rows.push(cells.join(", "));
            }
        }
        Ok(rows)
    }
}

fn milliseconds(began: Instant) -> u64 {
    began.elapsed().as_millis() as u64
}

/// Counts one test.
fn take(
    outcome: &mut TestsOutcome,
    name: &str,
    verdict: Verdict,
    rows: u64,
    detail: Option<String>,
    milliseconds: u64,
) {
    let status = match verdict {
        Verdict::Pass => {
            outcome.passed += 1;
            "pass"
        }
        Verdict::Warn => {
            outcome.warned += 1;
            "warn"
        }
        Verdict::Fail => {
            outcome.failed += 1;
            "fail"
        }
    };
    if verdict != Verdict::Pass {
        let blocks = verdict == Verdict::Fail;
        outcome.failures.push(TestFailure { name: name.to_owned(), rows, blocks, detail: detail.clone() });
    }
    outcome.results.push(TestResult {
        name: name.to_owned(),
        status: status.to_owned(),
        rows,
        milliseconds,
        message: detail,
    });
}

/// Whether a test of the properties is one of a view. A view costs a run nothing until it is asked, and
/// each of its tests asks it: `shoplake test` runs them, a run does not.
fn of_view(models: &Models, test: &DataTest) -> bool {
    let view = models.model(&test.table).is_some_and(|model| model.materialized == Materialized::View);
    view && !test.path.ends_with(".sql")
}

/// The number in the first cell of an answer.
fn first_count(batches: &[RecordBatch]) -> u64 {
    use arrow_array::cast::AsArray;
    let cell = batches.iter().find(|batch| batch.num_rows() > 0).map(|batch| batch.column(0).clone());
    let count = cell.and_then(|c| c.as_primitive_opt::<arrow_array::types::Int64Type>().map(|c| c.value(0)));
    count.map_or(0, |count| count.max(0) as u64)
}
