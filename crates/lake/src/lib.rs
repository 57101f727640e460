//! The lake: the landing zone and the archive, Delta tables with a keyed upsert, and the batches
//! that change all tables of a run together.
//!
//! A run is a numbered batch. `landing/_batches/N.json` says what it sets out to do; its data files
//! are written beside the others while nothing is committed; `processed/_publish/N.json` is the
//! decision; then one Delta commit a table carries `txn(shoplake, N)`. A run that is cut off before
//! the decision is set aside, one after it is rolled forward. This crate alone names deltalake.

mod base;
mod batch;
mod changes;
mod compact;
mod delta;
mod dictionary_chunk;
mod dimension;
mod finish;
mod key_filter;
mod key_index;
mod key_slots;
mod landing;
mod layout;
mod loader;
mod maintenance;
mod merge;
mod parquet_writer;
mod pool;
mod proof;
mod publish;
mod quarantine;
mod read;
mod record;
mod remote;
mod replace;
mod rewrite;
mod row_store;
mod run_keys;
mod shape;
mod stage;
mod staged;
mod stats;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use shoplake_core::ports::{Batch, BatchSummary, LandingZone, Manifest, TableStore};
use shoplake_core::restated::{self, RESTATEMENTS};
use shoplake_core::upkeep::ChangedRows;
use shoplake_core::{
    BatchNumber, Catalog, Contract, Fault, FaultKind, LandedFile, PinnedTable, Project, Result, RunId, ShopZone,
    StagedBatch, fail_point,
};

use crate::batch::{BatchContext, LocalBatch};
use crate::landing::LocalLanding;
use crate::layout::Layout;
use crate::record::{BatchRecord, put_if_absent};
pub use crate::remote::requests;
use crate::remote::{Lease, Remote, probe_folder, refuse_unused_faults};
use crate::store::Store;

/// A lake in a folder of this machine, or elsewhere with that folder as its mirror.
pub struct LocalLake {
    layout: Layout,
    contracts: Vec<Arc<Contract>>,
    zone: ShopZone,
    threads: usize,
    memory: u64,
}

impl LocalLake {
    /// The lake of a project; nothing is made before the first run.
    pub fn open(project: &Project) -> Result<Self> {
        let root = std::path::absolute(&project.lake_dir)?;
        let store = match &project.remote {
            Some(remote) => Store::Remote(Remote::connect(project, remote)?),
            None => refuse_unused_faults().map(|()| Store::Folder)?,
        };
        let layout = Layout::new(&root, store);
        let contracts = project.datasets.iter().map(|dataset| Arc::new(dataset.contract.clone())).collect();
        let (zone, threads) = (ShopZone::new(project.time_zone), project.limits.threads);
        Ok(Self { layout, contracts, zone, threads, memory: project.limits.memory })
    }

    /// The bytes of all objects in a folder of the lake.
    pub fn size(&self, folder: &str) -> Result<u64> {
        Ok(self.layout.store().list(&self.layout.root().join(folder))?.iter().map(|listed| listed.size).sum())
    }

    /// Where the lake's files land and are archived.
    pub fn landing(&self) -> Arc<dyn LandingZone> {
        Arc::new(LocalLanding::new(self.layout.clone()))
    }

    /// Every dataset's table and the quarantine as they are before the first row, for planning without data.
    pub fn empty(&self) -> Result<Catalog> {
        let table = |name: &str, schema, partition_columns| {
            let (name, root) = (name.to_owned(), self.layout.table_root(name));
            (name.clone(), Arc::new(PinnedTable { name, root, schema, partition_columns, files: Vec::new() }))
        };
        let mut tables: BTreeMap<_, _> = [
            table(quarantine::QUARANTINE, quarantine::schema(), Vec::new()),
            table(RESTATEMENTS, restated::schema(), Vec::new()),
        ]
        .into();
        for contract in &self.contracts {
            let shape = shape::TableShape::new(Arc::clone(contract), None)?;
            tables.extend([table(&contract.dataset, shape.table_schema(), shape.partition_columns())]);
        }
        Ok(Catalog { tables, ..Catalog::default() })
    }

    /// What the last published batch did.
    pub fn last_manifest(&self) -> Result<Option<Manifest>> {
        let record = publish::last_committed(&self.layout)?;
        Ok(record.map(|record| Manifest { batch: record.batch, summary: record.summary }))
    }

    /// The tables at the versions of a published batch.
    async fn pin(&self, versions: &BTreeMap<String, u64>) -> Result<Catalog> {
        let pins = versions.iter().map(|(name, version)| delta::pin(&self.layout, name, *version));
        // All come to their end, also where one fails: the kernel's threads panic where nobody listens any more.
        let pinned = futures::future::join_all(pins).await.into_iter();
        let tables = pinned.collect::<Result<Vec<PinnedTable>>>()?;
        let tables = tables.into_iter().map(|table| (table.name.clone(), Arc::new(table))).collect();
        Ok(Catalog { tables, ..Catalog::default() })
    }
}

#[async_trait]
impl TableStore for LocalLake {
    async fn recover(&self) -> Result<()> {
        match self.layout.store() {
            Store::Folder => probe_folder(self.layout.root())?,
            remote @ Store::Remote(_) => remote.still_ours()?,
        }
        publish::recover(&self.layout).await
    }

    async fn pinned(&self) -> Result<Catalog> {
        match publish::last_committed(&self.layout)? {
            Some(record) => Ok(Catalog { views: record.summary.views, ..self.pin(&record.versions).await? }),
            None => Ok(Catalog::default()),
        }
    }

    fn blank(&self) -> Result<Catalog> {
        self.empty()
    }

    async fn last_committed(&self) -> Result<BatchNumber> {
        Ok(publish::last_committed(&self.layout)?.map_or(BatchNumber(0), |record| record.batch))
    }

    async fn manifests(&self, after: BatchNumber) -> Result<Vec<Manifest>> {
        let later = record::all_published(&self.layout, after)?.into_iter();
        Ok(later.map(|record| Manifest { batch: record.batch, summary: record.summary }).collect())
    }

    async fn changed_rows(
        &self,
        table: &PinnedTable,
        after: BatchNumber,
        to: BatchNumber,
    ) -> Result<Option<Vec<ChangedRows>>> {
        changes::between(&self.layout, table, after, to)
    }

    async fn checkpoint(&self) -> Result<u64> {
        match publish::last_committed(&self.layout)? {
            Some(record) => maintenance::checkpoint(&self.layout, &record.versions).await,
            None => Ok(0),
        }
    }

    async fn begin(&self, run: &RunId, files: &[LandedFile]) -> Result<Box<dyn Batch>> {
        self.discard_staged().await?;
        let (base, versions) = match publish::last_committed(&self.layout)? {
            Some(record) => (self.pin(&record.versions).await?, record.versions),
            None => (Catalog::default(), BTreeMap::new()),
        };
        let number = publish::next_number(&self.layout)?;
        let record = BatchRecord { batch: number, run_id: run.clone(), files: files.to_vec(), base: versions.clone() };
        self.layout.store().still_ours()?;
        if !put_if_absent(self.layout.store(), &self.layout.batch(number), &record)? {
            return Err(Fault::new(FaultKind::Busy, format!("batch {number} was begun by another run")));
        }
        fail_point("batch-record")?;
        let context = BatchContext {
            layout: self.layout.clone(),
            number,
            run_id: run.clone(),
            zone: self.zone.clone(),
            contracts: self.contracts.clone(),
            threads: self.threads,
        };
        Ok(Box::new(LocalBatch::new(context, base, &versions)?))
    }

    async fn staged(&self) -> Result<Option<StagedBatch>> {
        Ok(staged::kept(&self.layout)?.map(|kept| kept.staged))
    }

    async fn publish_staged(&self, batch: BatchNumber, summary: BatchSummary) -> Result<Manifest> {
        staged::publish(&self.layout, batch, summary).await
    }

    async fn discard_staged(&self) -> Result<()> {
        staged::discard(&self.layout)
    }
}

/// The one writer's hold on a project and on its lake; the lock is gone with its process, the lease of
/// a lake elsewhere some time after it.
#[derive(Debug)]
pub struct WriterLock {
    // In this order: whoever gets the lock must find the lease given back.
    _lease: Option<Lease>,
    _file: std::fs::File,
}

/// Takes the project's lock: waits for another run to end, or (`wait` false) fails at once.
///
/// # Errors
/// [`FaultKind::Busy`] where another run holds the project.
pub fn lock(project: &Project, wait: bool) -> Result<WriterLock> {
    fs_err::create_dir_all(project.state_dir())?;
    let path = project.state_dir().join("lock");
    let (file, _) = fs_err::OpenOptions::new().create(true).truncate(false).write(true).open(&path)?.into_parts();
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) if wait => file.lock()?,
        Err(std::fs::TryLockError::WouldBlock) => {
            return Err(Fault::new(FaultKind::Busy, "another run is working on this project")
                .hint("wait for it to end, or run without `--no-wait`"));
        }
        Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
    }
    let lease = project.remote.as_ref().map(|remote| {
        let lake = Remote::connect(project, remote)?;
        lake.take_lease(&path, remote.lease, wait)
    });
    Ok(WriterLock { _lease: lease.transpose()?, _file: file })
}
