//! Delta tables: opened at a version, committed to with our own actions. The only module that names
//! deltalake.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, MetadataExt, Remove, StructType, Transaction};
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore, logstore_for};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::config::TableProperty;
use object_store::prefix::PrefixStore;
use shoplake_core::{BatchNumber, Fault, PinnedTable, Result, TableFile};
use url::Url;

use crate::layout::Layout;
use crate::record::TableCommit;
use crate::stats;
use crate::store::{Store, sync_folder};

/// The application id of our transactions: `txn(shoplake, N)` says that batch N is in the table.
const APP_ID: &str = "shoplake";

fn fault(root: &Path) -> impl Fn(deltalake::DeltaTableError) -> Fault + '_ {
    move |error| Fault::unavailable(format!("table `{}`: {error}", root.display())).caused_by(error)
}

fn url(root: &Path) -> Result<Url> {
    Url::from_directory_path(root).map_err(|()| Fault::usage(format!("`{}` is not an absolute path", root.display())))
}

/// Where a table's log is: in its folder, or in the store of a lake elsewhere.
fn log_store(layout: &Layout, name: &str) -> Result<LogStoreRef> {
    let root = layout.table(name);
    match layout.store() {
        Store::Folder => logstore_for(&url(&root)?, StorageConfig::default()).map_err(fault(&root)),
        Store::Remote(remote) => {
            let (store, prefix, url) = remote.for_table(&root)?;
            let below = Arc::new(PrefixStore::new(Arc::clone(&store), prefix));
            Ok(default_logstore(below, store, &url, &StorageConfig::default()))
        }
    }
}

/// Whether version `version` of the table is there.
pub(crate) fn has_version(layout: &Layout, name: &str, version: u64) -> Result<bool> {
    layout.store().exists(&layout.table(name).join("_delta_log").join(format!("{version:020}.json")))
}

/// Whether version `version` of the table was made: its commit stands in the log, or a checkpoint
/// stands for it and for all before.
pub(crate) fn had_version(layout: &Layout, name: &str, version: u64) -> Result<bool> {
    if has_version(layout, name, version)? {
        return Ok(true);
    }
    Ok(last_checkpoint(layout, name)?.is_some_and(|stands| stands >= version))
}

/// The version of the table's last checkpoint.
pub(crate) fn last_checkpoint(layout: &Layout, name: &str) -> Result<Option<u64>> {
    let names = layout.store().names(&layout.table(name).join("_delta_log"))?;
    Ok(names.iter().filter_map(|name| name.split_once(".checkpoint")?.0.parse().ok()).max())
}

/// Writes a checkpoint at `version`, opens the table again and sees that it is the same; one that is
/// not is removed, since the commits say all of it without.
pub(crate) async fn checkpoint(layout: &Layout, name: &str, version: u64) -> Result<()> {
    let before = pin(layout, name, version).await?;
    let table = open(layout, name, Some(version)).await?;
    let root = layout.table(name);
    deltalake::checkpoints::create_checkpoint(&table, None).await.map_err(fault(&root))?;
    let again = pin(layout, name, version).await;
    let (store, log) = (layout.store(), root.join("_delta_log"));
    if again.as_ref().is_ok_and(|again| again.files == before.files && again.schema == before.schema) {
        return if store.remote().is_some() { Ok(()) } else { sync_folder(&log) };
    }
    let mine = format!("{version:020}.checkpoint");
    let names = store.names(&log)?;
    for name in names.iter().filter(|name| *name == "_last_checkpoint" || name.starts_with(&mine)) {
        store.remove(&log.join(name))?;
    }
    let fault =
        Fault::internal(format!("a checkpoint of `{name}` at version {version} said something else than its log"));
    Err(match again {
        Ok(_) => fault,
        Err(error) => fault.caused_by(error),
    }
    .detail("It was removed; the table is as it was."))
}

async fn open(layout: &Layout, name: &str, version: Option<u64>) -> Result<DeltaTable> {
    let mut table = DeltaTable::new(log_store(layout, name)?);
    let loaded = match version {
        Some(version) => table.load_version(version).await,
        None => table.load().await,
    };
    loaded.map_err(fault(&layout.shown(name)))?;
    Ok(table)
}

/// The table at a version, as a plain list of files.
pub(crate) async fn pin(layout: &Layout, name: &str, version: u64) -> Result<PinnedTable> {
    let root = layout.shown(name);
    let table = open(layout, name, Some(version)).await?;
    let snapshot = table.snapshot().map_err(fault(&root))?;
    let schema: Schema = snapshot.schema().as_ref().try_into_arrow().map_err(|e| fault(&root)(e.into()))?;
    let mut files = Vec::new();
    for file in snapshot.log_data().iter() {
        if file.deletion_vector_descriptor().is_some() {
            return Err(Fault::usage(format!("table `{name}` has deletion vectors, which another program wrote"))
                .hint("rewrite the table there without deletion vectors (`delta.enableDeletionVectors = false`, then `REORG TABLE … APPLY (PURGE)`)"));
        }
        files.push(TableFile {
            path: file.object_store_path().to_string(),
            size: file.size() as u64,
            rows: file.num_records().unwrap_or(0) as u64,
            partition: file.partition_values_map().into_iter().collect(),
            modified: file.modification_time(),
            stats: file.stats(),
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let partition_columns = snapshot.metadata().partition_columns().to_vec();
    let (name, root, schema) = (name.to_owned(), layout.table_root(name), Arc::new(schema));
    Ok(PinnedTable { name, root, schema, partition_columns, files })
}

/// The Delta schema of Arrow columns, as JSON.
pub(crate) fn schema_json(schema: &SchemaRef) -> Result<serde_json::Value> {
    let schema: StructType = schema
        .as_ref()
        .try_into_kernel()
        .map_err(|error| Fault::internal(format!("columns have no Delta type: {error}")))?;
    serde_json::to_value(&schema).map_err(|error| Fault::internal(error.to_string()))
}

/// Makes a decided commit, unless the table has it already.
///
/// An error of a commit says nothing yet: what the log says afterwards does.
pub(crate) async fn commit(layout: &Layout, batch: BatchNumber, commit: &TableCommit) -> Result<()> {
    let made = try_commit(layout, batch, commit).await;
    if layout.store().remote().is_none() {
        made?;
        // object_store does not sync what it writes: a commit must survive a power cut.
        let log = layout.table(&commit.table).join("_delta_log");
        fs_err::File::open(log.join(format!("{:020}.json", commit.version)))?.sync_all()?;
        return sync_folder(&log);
    }
    match made {
        Err(_) if is_in(layout, batch, commit).await.unwrap_or_default() => Ok(()),
        made => made,
    }
}

/// Whether the table has a batch's commit.
async fn is_in(layout: &Layout, batch: BatchNumber, commit: &TableCommit) -> Result<bool> {
    let root = layout.shown(&commit.table);
    let table = open(layout, &commit.table, None).await?;
    let snapshot = table.snapshot().map_err(fault(&root))?;
    let known = snapshot.transaction_version(table.log_store().as_ref(), APP_ID).await.map_err(fault(&root))?;
    Ok(known.is_some_and(|known| known >= batch.0 as i64))
}

async fn try_commit(layout: &Layout, batch: BatchNumber, commit: &TableCommit) -> Result<()> {
    let root = &layout.shown(&commit.table);
    if layout.store().remote().is_none() {
        fs_err::create_dir_all(root)?;
    }
    let transaction = Transaction::new(APP_ID, batch.0 as i64);
    let properties = CommitProperties::default()
        .with_application_transaction(transaction)
        .with_cleanup_expired_logs(Some(false))
        // A process that is killed while it writes one must not cost the table: maintenance does it.
        .with_create_checkpoint(false)
        .with_metadata([("shoplakeBatch".to_owned(), serde_json::json!(batch.0))]);
    let mut actions: Vec<Action> = Vec::new();
    let removed_at = chrono::Utc::now().timestamp_millis();
    actions.extend(commit.remove.iter().map(|file| Action::Remove(remove(file, removed_at))));
    actions.extend(commit.add.iter().map(|file| Action::Add(add(file))));
    let schema = commit.schema.clone().map(serde_json::from_value::<StructType>).transpose();
    let schema = schema.map_err(|error| Fault::internal(format!("the record's schema cannot be read: {error}")))?;
    if has_version(layout, &commit.table, 0)? {
        append(layout, batch, commit, actions, schema, properties).await
    } else {
        let Some(schema) = schema else { return Err(Fault::internal(format!("table `{}` is missing", commit.table))) };
        CreateBuilder::new()
            .with_log_store(log_store(layout, &commit.table)?)
            .with_table_name(&commit.table)
            .with_columns(schema.fields().cloned())
            .with_partition_columns(commit.partition_columns.clone())
            .with_configuration_property(
                TableProperty::DataSkippingStatsColumns,
                Some(stats::columns(&schema, &commit.partition_columns)),
            )
            .with_actions(actions)
            .with_commit_properties(properties)
            .await
            .map(|_| ())
            .map_err(fault(root))
    }
}

async fn append(
    layout: &Layout,
    batch: BatchNumber,
    commit: &TableCommit,
    mut actions: Vec<Action>,
    schema: Option<StructType>,
    properties: CommitProperties,
) -> Result<()> {
    let root = &layout.shown(&commit.table);
    let table = open(layout, &commit.table, None).await?;
    let snapshot = table.snapshot().map_err(fault(root))?;
    let log_store = table.log_store();
    let known = snapshot.transaction_version(log_store.as_ref(), APP_ID).await.map_err(fault(root))?;
    if known.is_some_and(|known| known >= batch.0 as i64) {
        return Ok(());
    }
    if table.version() != Some(commit.version - 1) {
        return Err(Fault::unavailable(format!(
            "table `{}` is at version {} and not at {}: another program wrote to it",
            commit.table,
            table.version().unwrap_or_default(),
            commit.version - 1
        ))
        .hint("tables under `processed/` are written by shoplake alone; restore the version before, then run again"));
    }
    if let Some(schema) = schema {
        let key = TableProperty::DataSkippingStatsColumns.as_ref().to_owned();
        let metadata = snapshot.metadata().clone().with_schema(&schema);
        let metadata = metadata
            .and_then(|metadata| metadata.add_config_key(key, stats::columns(&schema, &commit.partition_columns)));
        let metadata = metadata.map_err(|e| fault(root)(e.into()))?;
        actions.insert(0, Action::Metadata(metadata));
    }
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    let committed = CommitBuilder::from(properties)
        .with_actions(actions)
        .with_max_retries(0)
        .build(Some(snapshot), log_store, operation)
        .await
        .map_err(fault(root))?;
    if committed.version() == commit.version {
        Ok(())
    } else {
        Err(Fault::internal(format!(
            "table `{}` went to version {}, not {}",
            commit.table,
            committed.version(),
            commit.version
        )))
    }
}

fn partition_values(file: &TableFile) -> HashMap<String, Option<String>> {
    file.partition.clone().into_iter().collect()
}

fn add(file: &TableFile) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: partition_values(file),
        size: file.size as i64,
        modification_time: file.modified,
        data_change: true,
        stats: file.stats.clone(),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

fn remove(file: &TableFile, at: i64) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: true,
        deletion_timestamp: Some(at),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(file)),
        size: Some(file.size as i64),
        ..Remove::default()
    }
}
