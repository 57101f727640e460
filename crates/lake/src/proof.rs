//! What the lake proves of itself for `verify`: records against commits, data files against the log,
//! keys, side indexes, archived bytes. It reads and changes nothing; what does not hold becomes a
//! finding, not a fault. Counts of files and marts against tables are the pipeline's business.

mod indexes;
mod keys;

use std::sync::Arc;

use async_trait::async_trait;
use parquet::file::reader::{FileReader, SerializedFileReader};
use shoplake_core::ports::LakeProof;
use shoplake_core::proof::{Check, Finding};
use shoplake_core::{BatchNumber, Catalog, Contract, Fault, PinnedTable, Result, Sha256, TableFile};

use crate::landing;
use crate::record;
use crate::{LocalLake, delta};

/// What to do about a table whose files are not what its log says.
const RESTORE: &str =
    "put the file back from a backup; `shoplake table history TABLE` shows versions from before it was changed";

impl LocalLake {
    /// The keyed datasets of `catalog` with their contracts.
    fn keyed(&self, catalog: &Catalog) -> Vec<(Arc<PinnedTable>, Arc<Contract>)> {
        self.datasets(catalog).into_iter().filter(|(_, contract)| !contract.key.is_empty()).collect()
    }

    fn datasets(&self, catalog: &Catalog) -> Vec<(Arc<PinnedTable>, Arc<Contract>)> {
        let contracts = self.contracts.iter();
        contracts.filter_map(|c| Some((catalog.tables.get(&c.dataset)?.clone(), c.clone()))).collect()
    }
}

/// Runs a check on a thread where it may block.
async fn blocking(check: impl FnOnce() -> Result<Check> + Send + 'static) -> Result<Check> {
    tokio::task::spawn_blocking(check).await.map_err(|error| Fault::internal(error.to_string()))?
}

#[async_trait]
impl LakeProof for LocalLake {
    async fn commits(&self) -> Result<Check> {
        let mut check = Check::new("batches", "batches");
        for published in record::all_published(&self.layout, BatchNumber(0))? {
            check.checked += 1;
            for commit in &published.commits {
                if !delta::had_version(&self.layout, &commit.table, commit.version)? {
                    check.find(Finding {
                        subject: commit.table.clone(),
                        figure: format!("the commit of batch {}", published.batch.0),
                        expected: format!("version {}", commit.version),
                        found: "no such version".into(),
                        hint: "`shoplake run` makes the commits of the last batch that was decided".into(),
                    });
                }
            }
        }
        Ok(check)
    }

    async fn data_files(&self, catalog: &Catalog) -> Result<Check> {
        let catalog = catalog.clone();
        blocking(move || {
            let mut check = Check::new("data_files", "files");
            for table in catalog.tables.values() {
                for file in &table.files {
                    check.checked += 1;
                    look_at(table, file, &mut check)?;
                }
            }
            Ok(check)
        })
        .await
    }

    async fn keys(&self, catalog: &Catalog) -> Result<Check> {
        let (tables, memory) = (self.keyed(catalog), self.memory);
        blocking(move || keys::unique(&tables, memory)).await
    }

    async fn indexes(&self, catalog: &Catalog) -> Result<Check> {
        let (keyed, all) = (self.keyed(catalog), self.datasets(catalog));
        blocking(move || indexes::agree(&keyed, &all)).await
    }

    async fn archived_bytes(&self, key: &str) -> Result<Option<(Sha256, u64)>> {
        let path = self.layout.archive().join(key);
        self.layout.table_root("").bring(&[(path.clone(), None)])?;
        let read =
            tokio::task::spawn_blocking(
                move || {
                    if path.try_exists()? { landing::hash(&path).map(Some) } else { Ok(None) }
                },
            );
        read.await.map_err(|error| Fault::internal(error.to_string()))?
    }
}

/// Holds one data file against what the log states of it.
fn look_at(table: &PinnedTable, file: &TableFile, check: &mut Check) -> Result<()> {
    let path = table.root.join(&file.path);
    let subject = format!("{}/{}", table.name, file.path);
    table.root.bring(&[(path.clone(), None)])?;
    let input = match fs_err::File::open(&path) {
        Ok(input) => input.into_parts().0,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            check.equal(&subject, "data file", &"there", &"missing", RESTORE);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    check.equal(&subject, "bytes", &file.size, &input.metadata()?.len(), RESTORE);
    match SerializedFileReader::new(input) {
        Ok(reader) => {
            let rows = reader.metadata().file_metadata().num_rows() as u64;
            check.equal(&subject, "rows", &file.rows, &rows, RESTORE);
        }
        Err(error) => {
            check.equal(&subject, "Parquet footer", &"one that can be read".into(), &error.to_string(), RESTORE);
        }
    }
    Ok(())
}
