//! The tables made again from the archived bytes, in a lake elsewhere, batch by batch in the order of
//! their loads, and held against the published ones.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use shoplake_core::outcome::FileStatus;
use shoplake_core::ports::{BatchSummary, Manifest, TableMaintenance, TableStore};
use shoplake_core::proof::{Check, Finding};
use shoplake_core::{BatchNumber, Catalog, LandedFile, PinnedTable, Result};

use super::Evidence;
use super::rows::{compare, quoted};
use crate::Pipeline;
use crate::collect::Intake;

/// What the tables made again are called in SQL.
const AGAIN: &str = "made_again_";

/// Columns that say when and from where a row was loaded; they are another run's by nature.
fn is_origin(name: &str) -> bool {
    name.starts_with("_source_") || matches!(name, "_run_id" | "_loaded_at")
}

impl Pipeline {
    /// Loads every archived file again into `elsewhere`, an empty lake, and compares the tables.
    ///
    /// # Errors
    /// An archived file that is gone, and whatever keeps a load from going on.
    pub async fn verify_replay(&self, elsewhere: &dyn TableStore, versions: &dyn TableMaintenance) -> Result<Check> {
        let evidence = self.evidence().await?;
        let mut check = Check::new("replay", "rows");
        let mut loaded = HashSet::new();
        let mut kept = Kept::new(&evidence, versions).await?;
        for manifest in &evidence.manifests {
            kept.restore(elsewhere, manifest).await?;
            self.load_again(elsewhere, manifest, &mut loaded).await?;
            kept.keep(elsewhere, manifest.batch).await?;
        }
        let again = elsewhere.pinned().await?;
        let mut both = Catalog { tables: evidence.catalog.tables.clone(), ..Catalog::default() };
        let tables = again.tables.into_iter().map(|(name, table)| (format!("{AGAIN}{name}"), table));
        both.tables.extend(tables);
        for dataset in &self.project.datasets {
            let name = &dataset.contract.dataset;
            let Some(table) = evidence.catalog.tables.get(name) else { continue };
            let expected = both.tables.get(&format!("{AGAIN}{name}")).map_or(0, |table| table.rows());
            check.checked += table.rows();
            if table.rows() == 0 && expected == 0 {
                continue;
            }
            // A row that left quarantine later has the names that were known then, not those of its file's load.
            let left = evidence.loads.iter().any(|load| load.record.file.replayed && &load.record.dataset == name);
            let filled = dataset.contract.enrichments.iter().filter(|_| left);
            let filled: Vec<&str> = filled.map(|enrichment| enrichment.column.as_str()).collect();
            let columns = comparable(&table.schema, &filled);
            let difference = self.compare_tables(&both, name, &columns).await?;
            if difference.rows > 0 {
                check.find(Finding {
                    subject: name.clone(),
                    figure: "rows, against the archived files loaded again".into(),
                    expected: format!("{expected} rows, all the same"),
                    found: format!(
                        "{} rows, {} differ, for one {}",
                        table.rows(),
                        difference.rows,
                        difference.shown.join("; ")
                    ),
                    hint: hint(&evidence, name, &dataset.contract.fingerprint()),
                });
            }
        }
        Ok(check)
    }

    async fn compare_tables(&self, both: &Catalog, name: &str, columns: &SchemaRef) -> Result<super::rows::Difference> {
        let names: Vec<String> = columns.fields().iter().map(|field| quoted(field.name())).collect();
        let select = |table: &str| format!("SELECT {} FROM {}", names.join(", "), quoted(table));
        compare(&*self.engine, both, columns, &select(&format!("{AGAIN}{name}")), &select(name)).await
    }

    /// Loads the files of one batch as that batch did, and the rows that it took from corrections.
    /// A file whose rows came out of quarantine later gave them at its first load already, since the
    /// contract as it is judges it now.
    async fn load_again(
        &self,
        elsewhere: &dyn TableStore,
        manifest: &Manifest,
        loaded: &mut HashSet<String>,
    ) -> Result<()> {
        let mut intakes = Vec::new();
        let (mut files, mut replays) = (Vec::new(), false);
        for dataset in &self.project.datasets {
            let name = &dataset.contract.dataset;
            let mut intake = Intake::default();
            for file in manifest.summary.files.iter().filter(|file| &file.dataset == name) {
                let replayed = file.is_archived() && loaded.contains(&file.key);
                if !replayed {
                    loaded.insert(file.key.clone());
                    intake.files.push(LandedFile { path: self.landing.archived(&file.key)?, ..file.clone() });
                }
            }
            for corrections in manifest.summary.corrections.iter().filter(|known| &known.file.dataset == name) {
                intake.replays.extend(self.corrected_again(corrections).await?);
            }
            replays |= !intake.replays.is_empty();
            files.extend(intake.files.iter().cloned());
            intakes.push(intake);
        }
        if files.is_empty() && !replays {
            return Ok(());
        }
        let mut batch = elsewhere.begin(&manifest.summary.run_id, &files).await?;
        let made = self.load(&mut *batch, &intakes, None).await.map_err(|failed| failed.fault)?;
        let summary = BatchSummary {
            datasets: made.datasets,
            files: made.files,
            cursors: Vec::new(),
            fingerprints: Vec::new(),
            restored: Vec::new(),
            ..manifest.summary.clone()
        };
        batch.publish(summary).await?;
        Ok(())
    }
}

/// Tables made again, kept as they were after the batches that a later one went back to.
struct Kept {
    /// By table and version, the batch that made the version.
    wanted: BTreeMap<(String, u64), BatchNumber>,
    tables: BTreeMap<(String, BatchNumber), Arc<PinnedTable>>,
}

impl Kept {
    async fn new(evidence: &Evidence, versions: &dyn TableMaintenance) -> Result<Self> {
        let mut wanted = BTreeMap::new();
        for restored in evidence.manifests.iter().flat_map(|manifest| &manifest.summary.restored) {
            let history = versions.history(&restored.table).await?;
            let made = history.iter().find(|known| known.version == restored.version);
            wanted.extend(made.map(|made| ((restored.table.clone(), restored.version), made.batch)));
        }
        Ok(Self { wanted, tables: BTreeMap::new() })
    }

    /// Goes back where the batch went back.
    async fn restore(&self, elsewhere: &dyn TableStore, manifest: &Manifest) -> Result<()> {
        if manifest.summary.restored.is_empty() {
            return Ok(());
        }
        let mut batch = elsewhere.begin(&manifest.summary.run_id, &[]).await?;
        for restored in &manifest.summary.restored {
            let made = self.wanted.get(&(restored.table.clone(), restored.version));
            let table = made.and_then(|made| self.tables.get(&(restored.table.clone(), *made)));
            if let Some(table) = table {
                batch.restore(PinnedTable::clone(table)).await?;
            }
        }
        batch.publish(BatchSummary { datasets: Vec::new(), files: Vec::new(), ..manifest.summary.clone() }).await?;
        Ok(())
    }

    /// Keeps what a later batch goes back to.
    async fn keep(&mut self, elsewhere: &dyn TableStore, batch: BatchNumber) -> Result<()> {
        for ((table, _), _) in self.wanted.iter().filter(|(_, made)| **made == batch) {
            let pinned = elsewhere.pinned().await?;
            let pinned = pinned.tables.get(table).cloned();
            self.tables.extend(pinned.map(|pinned| ((table.clone(), batch), pinned)));
        }
        Ok(())
    }
}

/// The columns that a row has wherever it is loaded, but for `filled`.
fn comparable(schema: &SchemaRef, filled: &[&str]) -> SchemaRef {
    let fields = schema.fields().iter();
    let fields = fields.filter(|field| !is_origin(field.name()) && !filled.contains(&field.name().as_str())).cloned();
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// What may lie behind a difference: files that another contract judged are judged anew by this one.
fn hint(evidence: &Evidence, dataset: &str, fingerprint: &str) -> String {
    let other = evidence.loads.iter().map(|load| &load.record);
    let other: BTreeSet<&str> = other
        .filter(|record| record.dataset == dataset && record.file.status == FileStatus::Loaded)
        .filter(|record| record.fingerprint != fingerprint)
        .map(|record| record.file.key.as_str())
        .collect();
    match other.first() {
        Some(file) => format!(
            "the contract of `{dataset}` has changed since {} of its files were judged (`{file}` for one): rows that it judges otherwise differ",
            other.len()
        ),
        None => format!("`shoplake table history {dataset}` says which batch changed it; report this"),
    }
}
