//! One batch: tables as they will be, and the decision that makes them so.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::TryStreamExt;
use shoplake_core::maintenance::Compacted;
use shoplake_core::ports::{Batch, BatchSummary, DatasetChange, Loader, Manifest, RowStream};
use shoplake_core::restated::{self, RESTATEMENTS};
use shoplake_core::{
    BatchNumber, Catalog, Contract, Fault, PinnedTable, Result, RunId, ShopZone, StagedBatch, TableFile, TableRoot,
};

use crate::base::Base;
use crate::changes;
use crate::compact::{Join, compact, groups};
use crate::delta;
use crate::dimension::Dimension;
use crate::finish::{FileChanges, Finished, finish};
use crate::layout::Layout;
use crate::loader::{LoaderParts, TableLoader};
use crate::merge::{Merged, merge};
use crate::parquet_writer::{FileWriter, OrderedFile};
use crate::pool::{Pool, lock};
use crate::publish;
use crate::quarantine::{self, QUARANTINE, Quarantine};
use crate::record::{FilesOfRows, PublishRecord, TableCommit};
use crate::rewrite::{Merger, new_file};
use crate::shape::TableShape;
use crate::stage::{Related, Shaper};
use crate::staged::{self, StagedRecord};

/// One table within a batch.
struct TableState {
    pinned: PinnedTable,
    base_version: Option<u64>,
    /// Whether the commit must state the columns: the table is new, or they changed.
    restate: bool,
    add: Vec<TableFile>,
    remove: Vec<TableFile>,
    /// The rows that make the difference; `None` once something is done that does not tell them.
    rows: Option<FilesOfRows>,
}

impl TableState {
    fn new(root: TableRoot, name: &str, schema: SchemaRef, partition_columns: Vec<String>) -> Self {
        let pinned = PinnedTable { name: name.to_owned(), root, schema, partition_columns, files: Vec::new() };
        Self { restate: true, ..Self::over(pinned, None) }
    }

    fn over(pinned: PinnedTable, base_version: Option<u64>) -> Self {
        let rows = Some(FilesOfRows::default());
        Self { pinned, base_version, restate: false, add: Vec::new(), remove: Vec::new(), rows }
    }

    fn has_changes(&self) -> bool {
        self.restate || !self.add.is_empty() || !self.remove.is_empty()
    }

    fn restate_as(&mut self, schema: &SchemaRef) {
        if &self.pinned.schema != schema {
            self.pinned.schema = schema.clone();
            self.restate = true;
        }
    }
}

/// What a batch works with.
pub(crate) struct BatchContext {
    pub(crate) layout: Layout,
    pub(crate) number: BatchNumber,
    pub(crate) run_id: RunId,
    pub(crate) zone: ShopZone,
    pub(crate) contracts: Vec<Arc<Contract>>,
    pub(crate) threads: usize,
}

/// A batch on a local disk.
pub(crate) struct LocalBatch {
    context: BatchContext,
    started_micros: i64,
    pool: Arc<Pool>,
    quarantine: Arc<Mutex<Quarantine>>,
    tables: BTreeMap<String, TableState>,
    dimensions: HashMap<(String, String), Arc<Dimension>>,
    changed: BTreeSet<String>,
}

impl LocalBatch {
    /// A batch over the tables as they are.
    pub(crate) fn new(context: BatchContext, base: Catalog, versions: &BTreeMap<String, u64>) -> Result<Self> {
        let mut tables: BTreeMap<String, TableState> = BTreeMap::new();
        for (name, pinned) in base.tables {
            let base_version = versions.get(&name).copied();
            let pinned = Arc::unwrap_or_clone(pinned);
            tables.insert(name, TableState::over(pinned, base_version));
        }
        for contract in &context.contracts {
            let name = &contract.dataset;
            if let Entry::Vacant(vacant) = tables.entry(name.clone()) {
                let shape = TableShape::new(contract.clone(), None)?;
                let root = context.layout.table_root(name);
                vacant.insert(TableState::new(root, name, shape.table_schema(), shape.partition_columns()));
            }
        }
        let quarantine_root = context.layout.table_root(QUARANTINE);
        tables
            .entry(QUARANTINE.to_owned())
            .or_insert_with(|| TableState::new(quarantine_root.clone(), QUARANTINE, quarantine::schema(), Vec::new()))
            .restate_as(&quarantine::schema());
        let restated = RESTATEMENTS.to_owned();
        tables.entry(restated).or_insert_with(|| {
            TableState::new(context.layout.table_root(RESTATEMENTS), RESTATEMENTS, restated::schema(), Vec::new())
        });
        let started_micros = chrono::Utc::now().timestamp_micros();
        let quarantine = Quarantine::new(&quarantine_root, context.number, context.run_id.clone(), started_micros);
        Ok(Self {
            pool: Arc::new(Pool::new(context.threads)?),
            quarantine: Arc::new(Mutex::new(quarantine)),
            started_micros,
            tables,
            dimensions: HashMap::new(),
            changed: BTreeSet::new(),
            context,
        })
    }

    /// The dimensions that a contract's columns refer to.
    fn related(&mut self, contract: &Contract) -> Result<Vec<Related>> {
        let mut related = Vec::new();
        for column in &contract.columns {
            let Some(relationship) = &column.relationship else { continue };
            let Some(other) = self.context.contracts.iter().find(|c| c.dataset == relationship.dataset) else {
                continue;
            };
            let Some(state) = self.tables.get(&relationship.dataset) else { continue };
            let wanted = contract.enrichments.iter().filter(|e| e.by == column.name).map(|e| e.from.clone());
            let wanted: Vec<String> = wanted.collect();
            let name = (relationship.dataset.clone(), format!("{}:{}", relationship.column, wanted.join(",")));
            let dimension = if let Some(dimension) = self.dimensions.get(&name) {
                dimension.clone()
            } else {
                let PinnedTable { root, files, .. } = &state.pinned;
                let dimension = Arc::new(Dimension::read(root, files, other, &relationship.column, &wanted)?);
                self.dimensions.insert(name, dimension.clone());
                dimension
            };
            related.push(Related { column: column.name.clone(), dimension });
        }
        Ok(related)
    }

    /// Ends the batch's part of the quarantine: what each table's commit does, and the versions after.
    fn commits(&mut self) -> Result<(Vec<TableCommit>, BTreeMap<String, u64>)> {
        let root = self.context.layout.table_root(QUARANTINE);
        let quarantine = std::mem::replace(
            &mut *lock(&self.quarantine),
            Quarantine::new(&root, self.context.number, self.context.run_id.clone(), self.started_micros),
        );
        if let Some(state) = self.tables.get_mut(QUARANTINE) {
            let changes = quarantine.finish(&self.pool, &state.pinned.files)?;
            state.add.extend(changes.add);
            state.remove.extend(changes.remove);
            state.rows = None;
        }
        self.pool.synced()?;
        let mut versions = BTreeMap::new();
        let mut commits = Vec::new();
        for (name, state) in std::mem::take(&mut self.tables) {
            let changes = state.has_changes();
            let version = match (state.base_version, changes) {
                (None, _) => 0,
                (Some(base), true) => base + 1,
                (Some(base), false) => base,
            };
            versions.insert(name.clone(), version);
            if changes {
                let rows = changes::keep_few(&state.pinned.root, self.context.number, state.rows)?;
                let schema = if state.restate { Some(delta::schema_json(&state.pinned.schema)?) } else { None };
                let partition_columns = state.pinned.partition_columns;
                commits.push(TableCommit {
                    table: name,
                    version,
                    schema,
                    partition_columns,
                    add: state.add,
                    remove: state.remove,
                    rows,
                });
            }
        }
        Ok((commits, versions))
    }

    /// Takes in what was done to the files of a table, and the rows that make the difference where they are told.
    fn take_in(
        &mut self,
        table: &str,
        schema: &SchemaRef,
        changes: FileChanges,
        rows: Option<FilesOfRows>,
    ) -> Result<()> {
        let Some(state) = self.tables.get_mut(table) else {
            return Err(Fault::internal(format!("table `{table}` is not part of the batch")));
        };
        state.restate_as(schema);
        state.rows = state.rows.take().zip(rows).map(|(mut all, rows)| {
            all.entered.extend(rows.entered);
            all.left.extend(rows.left);
            all
        });
        state.pinned.files = changes.stay;
        state.pinned.files.extend(changes.add.iter().cloned());
        // A file that this batch wrote and replaced again was never anybody's.
        let (own, base): (Vec<_>, Vec<_>) = changes.remove.into_iter().partition(|file| state.add.contains(file));
        state.add.retain(|file| !own.contains(file));
        state.add.extend(changes.add);
        state.remove.extend(base);
        Ok(())
    }
}

#[async_trait]
impl Batch for LocalBatch {
    fn number(&self) -> BatchNumber {
        self.context.number
    }

    async fn loader(&mut self, contract: &Arc<Contract>) -> Result<Box<dyn Loader>> {
        let Some(state) = self.tables.get(&contract.dataset) else {
            return Err(Fault::internal(format!("`{}` is not a dataset of the batch", contract.dataset)));
        };
        let shape = TableShape::new(contract.clone(), Some(&state.pinned.schema))?;
        let (root, files) = (state.pinned.root.clone(), state.pinned.files.clone());
        let refers_to = contract.columns.iter().filter_map(|c| c.relationship.as_ref()).map(|r| &r.dataset);
        let heal = refers_to.into_iter().any(|dataset| self.changed.contains(dataset));
        let related = Arc::new(self.related(contract)?);
        let shaper = Shaper {
            file_schema: shape.file_schema(),
            shape,
            related,
            batch: self.context.number,
            run_id: self.context.run_id.clone(),
            loaded_at: self.started_micros,
        };
        let base = Base::new(root, files, contract.clone(), shaper.shape.content_schema());
        let parts = LoaderParts {
            base,
            shaper,
            pool: self.pool.clone(),
            quarantine: self.quarantine.clone(),
            zone: self.context.zone.clone(),
            heal,
        };
        Ok(Box::new(TableLoader::new(parts)))
    }

    async fn finish(&mut self, loader: Box<dyn Loader>) -> Result<DatasetChange> {
        let Ok(loader) = loader.into_any().downcast::<TableLoader>() else {
            return Err(Fault::internal("the loader is not this batch's"));
        };
        let (dataset, schema) = (loader.shape.contract.dataset.clone(), loader.shape.table_schema());
        let pool = self.pool.clone();
        let ended = tokio::task::spawn_blocking(move || finish(*loader, &pool)).await;
        let Finished { changes, changed, days, undated, first, rows } =
            ended.map_err(|error| Fault::internal(error.to_string()))??;
        if changed {
            self.changed.insert(dataset.clone());
        }
        self.take_in(&dataset, &schema, changes, rows.clone())?;
        let table = self.tables.get(&dataset).map(|state| &state.pinned);
        let rows = rows.filter(|_| changed);
        let rows = table.zip(rows).map(|(table, rows)| rows.of(table));
        Ok(DatasetChange { changed, days, undated, first, rows })
    }

    fn loaded(&mut self) {
        self.dimensions.clear();
    }

    async fn catalog(&self) -> Result<Catalog> {
        let tables = self.tables.iter().map(|(name, state)| (name.clone(), Arc::new(state.pinned.clone())));
        Ok(Catalog { tables: tables.collect(), ..Catalog::default() })
    }

    async fn replace(&mut self, table: &str, rows: RowStream) -> Result<u64> {
        let RowStream { schema, mut batches } = rows;
        let root = self.context.layout.table_root(table);
        let path = new_file(&root, self.context.number, &BTreeMap::new());
        let writer = FileWriter::create(path.clone(), schema.clone(), &[])?;
        let mut file: OrderedFile<RecordBatch> = OrderedFile::new(writer, Arc::new(|batch| Ok(vec![batch.clone()])));
        while let Some(batch) = batches.try_next().await? {
            let rows = batch.num_rows();
            if rows > 0 {
                file.append(&self.pool, batch, rows)?;
            }
        }
        file.flush(&self.pool)?;
        let rows = file.rows();
        let (pool, root_of_file) = (self.pool.clone(), root.clone());
        let ended = tokio::task::spawn_blocking(move || {
            pool.wait()?;
            file.into_writer().finish(&root_of_file, BTreeMap::new())
        });
        let (written, unsynced) = ended.await.map_err(|error| Fault::internal(error.to_string()))??;
        let state = self
            .tables
            .entry(table.to_owned())
            .or_insert_with(|| TableState::new(root, table, schema.clone(), Vec::new()));
        let remove = std::mem::take(&mut state.pinned.files);
        let add = if rows > 0 {
            self.pool.sync(unsynced)?;
            vec![written]
        } else {
            fs_err::remove_file(path).map(|()| Vec::new())?
        };
        self.take_in(table, &schema, FileChanges { stay: Vec::new(), add, remove }, None)?;
        Ok(rows)
    }

    async fn merge(&mut self, table: &str, keys: &[RecordBatch], rows: RowStream) -> Result<u64> {
        let RowStream { schema, batches } = rows;
        let fresh: Vec<RecordBatch> = batches.try_collect().await?;
        let Some(state) = self.tables.get(table).filter(|state| state.pinned.schema == schema) else {
            return Err(Fault::internal(format!("rows of other columns cannot be merged into table `{table}`")));
        };
        let (root, files) = (state.pinned.root.clone(), state.pinned.files.clone());
        let (pool, number, columns, keys) = (self.pool.clone(), self.context.number, schema.clone(), keys.to_vec());
        let work = move || merge(&pool, number, &root, &columns, files, &keys, fresh);
        let ended = tokio::task::spawn_blocking(work).await;
        let Merged { changes, rows } = ended.map_err(|error| Fault::internal(error.to_string()))??;
        self.take_in(table, &schema, changes, None)?;
        Ok(rows)
    }

    async fn restore(&mut self, version: PinnedTable) -> Result<()> {
        let PinnedTable { name, schema, files, .. } = version;
        let known = self.tables.get(&name).map(|state| state.pinned.files.clone()).unwrap_or_default();
        let has = |files: &[TableFile], file: &TableFile| files.iter().any(|known| known.path == file.path);
        let changes = FileChanges {
            stay: known.iter().filter(|file| has(&files, file)).cloned().collect(),
            add: files.iter().filter(|file| !has(&known, file)).cloned().collect(),
            remove: known.iter().filter(|file| !has(&files, file)).cloned().collect(),
        };
        self.take_in(&name, &schema, changes, None)
    }

    async fn compact(&mut self, table: &str) -> Result<Compacted> {
        let Some(state) = self.tables.get(table) else {
            return Err(Fault::internal(format!("table `{table}` is not part of the batch")));
        };
        let PinnedTable { root, schema, files, .. } = state.pinned.clone();
        let (rows, before, batch) = (state.pinned.rows(), files.len() as u64, self.context.number);
        let groups = groups(files);
        if groups.iter().all(|group| group.len() < 2) {
            return Ok(Compacted { table: table.to_owned(), rows, before, after: before });
        }
        let contract = self.context.contracts.iter().find(|contract| contract.dataset == table).cloned();
        let join = match contract {
            Some(contract) => Join::Dataset(Arc::new(Merger {
                root,
                batch,
                shape: TableShape::new(contract.clone(), Some(&schema))?,
                related: Arc::new(self.related(&contract)?),
            })),
            None => Join::Plain { root, batch, schema: schema.clone() },
        };
        let pool = self.pool.clone();
        let ended = tokio::task::spawn_blocking(move || compact(&join, groups, &pool)).await;
        let (changes, told) = ended.map_err(|error| Fault::internal(error.to_string()))??;
        self.take_in(table, &schema, changes, told)?;
        let after = self.tables.get(table).map_or(0, |state| state.pinned.files.len() as u64);
        Ok(Compacted { table: table.to_owned(), rows, before, after })
    }

    async fn publish(mut self: Box<Self>, summary: BatchSummary) -> Result<Manifest> {
        let (commits, versions) = self.commits()?;
        let layout = &self.context.layout;
        publish::send_files(layout, self.context.number, &commits)?;
        publish::decide(layout, PublishRecord { batch: self.context.number, commits, versions, summary }).await
    }

    async fn stage(mut self: Box<Self>, staged: StagedBatch) -> Result<()> {
        let base = self.tables.iter().filter_map(|(name, state)| Some((name.clone(), state.base_version?))).collect();
        let (commits, versions) = self.commits()?;
        publish::send_files(&self.context.layout, self.context.number, &commits)?;
        staged::keep(&self.context.layout, &StagedRecord { staged, base, commits, versions })
    }

    async fn abandon(self: Box<Self>) -> Result<()> {
        let Self { context, pool, quarantine, .. } = *self;
        // Files that are still being written must come to rest before they are swept.
        let rested = pool.wait();
        drop((pool, quarantine));
        publish::set_aside(&context.layout, context.number, false)?;
        rested
    }
}
