//! After the decision: the state learns what was published, and landed files go to the archive,
//! each with the small metadata file that says what became of it; files of corrected rows too.

use serde_json::json;
use shoplake_core::outcome::FileStatus;
use shoplake_core::ports::Manifest;
use shoplake_core::{BatchNumber, Fault, LandedFile, Result, RunId, fail_point};

use crate::Pipeline;

impl Pipeline {
    /// Brings state and archive up to what the lake has published. Doing it twice does no harm.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let known = self.state.last_batch().await?;
        let mut manifests = self.tables.manifests(BatchNumber(known.0.saturating_sub(1))).await?.into_iter().peekable();
        let last = manifests.next_if(|manifest| manifest.batch == known).map(|manifest| manifest.summary.run_id);
        let remembered = self.state.run_of(known).await?;
        if last != remembered {
            return Err(self.another_lake(known, remembered.as_ref()));
        }
        for manifest in manifests {
            self.settle(&manifest).await?;
        }
        Ok(())
    }

    /// What the state remembers is not in the lake: its files would be passed over as loaded.
    fn another_lake(&self, batch: BatchNumber, run: Option<&RunId>) -> Fault {
        let lake = &self.project.lake_dir;
        let folder = lake.strip_prefix(&self.project.dir).unwrap_or(lake).display().to_string();
        let lake = self.project.remote.as_ref().map_or(folder, |remote| remote.url.clone());
        let run = run.map(|run| format!(" of run {}", run.0)).unwrap_or_default();
        let (state, forget) = match &self.project.state {
            None => ("`.shoplake/state.db`", "remove `.shoplake/state.db`"),
            Some(_) => ("the state database", "drop the project's schema in the state database"),
        };
        Fault::usage(format!(
            "the lake `{lake}` is not the one that {state} remembers: it has no batch {}{run}",
            batch.0
        ))
        .detail(
            "It was emptied, brought back from an older copy, or another one stands in its place. Nothing was \
             taken or changed.",
        )
        .hint(format!(
            "point `lake` of the target where it was, or bring it back; if it is meant to be this one, {forget}: the \
             next run builds it again from the lake"
        ))
    }

    /// Archives the files of a published batch, then notes the batch: a run that is cut off between
    /// the two does both again.
    pub(crate) async fn settle(&self, manifest: &Manifest) -> Result<()> {
        fail_point("before-archive")?;
        let summary = &manifest.summary;
        let outcomes = summary.datasets.iter().flat_map(|dataset| &dataset.files);
        let outcomes: Vec<_> = outcomes.filter(|file| file.status == FileStatus::Loaded).collect();
        for file in &summary.files {
            // A file that was judged again lies in the archive, with the account of its first load.
            let archived = file.is_archived();
            let Some(outcome) = outcomes.iter().find(|outcome| outcome.key == file.key && !archived) else { continue };
            let counts = &outcome.counts;
            let account = json!({
                "source_file": file.key,
                "records_processed": counts.rows_read,
                "validation_passed": counts.rejected == 0,
                "inserted": counts.inserted,
                "updated": counts.updated,
                "duplicate": counts.duplicate,
                "rejected": counts.rejected,
                "orphans": counts.orphans,
                "rejects": counts.rejects,
            });
            self.archive(manifest, file, account)?;
        }
        for corrections in &summary.corrections {
            // The rows are counted under the files that they come from.
            let account = json!({ "corrects": corrections.file.dataset, "rows": corrections.rows });
            self.archive(manifest, &corrections.file, account)?;
        }
        fail_point("before-state")?;
        for (dataset, _) in &summary.cursors {
            self.state.set_pull(dataset, None).await?;
        }
        self.state.record_batch(manifest).await
    }

    /// Archives a file with `account` beside it, and what is said of every file.
    fn archive(&self, manifest: &Manifest, file: &LandedFile, mut account: serde_json::Value) -> Result<()> {
        let of_all = json!({
            "original_path": file.origin,
            "sha256": file.sha256,
            "size": file.size,
            "processed_date": manifest.summary.started_at,
            "run_id": manifest.summary.run_id,
            "batch": manifest.batch,
        });
        if let (Some(account), serde_json::Value::Object(of_all)) = (account.as_object_mut(), of_all) {
            account.extend(of_all);
        }
        self.landing.archive(file, &account)?;
        fail_point("between-archived")
    }
}
