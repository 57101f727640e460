//! After the decision: the state learns what was published, and landed files go to the archive,
//! each with the small metadata file that says what became of it.

use serde_json::json;
use shoplake_core::outcome::FileStatus;
use shoplake_core::ports::Manifest;
use shoplake_core::{Result, fail_point};

use crate::Pipeline;

impl Pipeline {
    /// Brings state and archive up to what the lake has published. Doing it twice does no harm.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let known = self.state.last_batch().await?;
        for manifest in self.tables.manifests(known).await? {
            self.settle(&manifest).await?;
        }
        Ok(())
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
            let metadata = json!({
                "source_file": file.key,
                "original_path": file.origin,
                "sha256": file.sha256,
                "size": file.size,
                "processed_date": summary.started_at,
                "run_id": summary.run_id,
                "batch": manifest.batch,
                "records_processed": counts.rows_read,
                "validation_passed": counts.rejected == 0,
                "inserted": counts.inserted,
                "updated": counts.updated,
                "duplicate": counts.duplicate,
                "rejected": counts.rejected,
                "orphans": counts.orphans,
                "rejects": counts.rejects,
            });
            self.landing.archive(file, &metadata)?;
            fail_point("between-archived")?;
        }
        fail_point("before-state")?;
        for (dataset, _) in &summary.cursors {
            self.state.set_pull(dataset, None).await?;
        }
        self.state.record_batch(manifest).await
    }
}
