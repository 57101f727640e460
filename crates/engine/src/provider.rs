//! A pinned table as DataFusion sees it: exactly the files of its list, pruned by partition and statistics.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{and, prep_null_mask_filter};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::{DFSchema, ScalarValue, Statistics};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::ParquetSource;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result as SqlResult};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, empty::EmptyExec};
use datafusion_datasource::file_groups::FileGroup;
use datafusion_datasource::file_scan_config::{FileScanConfigBuilder, output_partitioning_from_partition_fields};
use datafusion_datasource::{PartitionedFile, TableSchema, compute_all_files_statistics};
use object_store::ObjectMeta;
use shoplake_core::{Fault, PinnedTable, Result, TableFile, TableRoot, Wanted};

use crate::statistics;

/// Partitions a thread needs before whole partitions are handed out in place of pieces of files.
const PARTITIONS_A_THREAD: usize = 2;

/// One file of the list, with what its pruning needs.
#[derive(Debug, Clone)]
struct Listed {
    file: PartitionedFile,
    /// Its place on this machine, and its size.
    wanted: Wanted,
    rows: u64,
    statistics: Arc<Statistics>,
}

/// A table over the files of a [`PinnedTable`].
#[derive(Debug)]
pub(crate) struct PinnedProvider {
    root: TableRoot,
    schema: SchemaRef,
    layout: TableSchema,
    partitions: Vec<FieldRef>,
    files: Vec<Listed>,
}

impl PinnedProvider {
    /// The table; a partition value that is not of its column's type is a fault.
    pub(crate) fn new(table: &PinnedTable) -> Result<Self> {
        let is_partition = |name: &str| table.partition_columns.iter().any(|p| p == name);
        let fields = |partition: bool| {
            let chosen = table.schema.fields().iter().filter(move |f| is_partition(f.name()) == partition);
            chosen.map(|f| Arc::new(Field::new(f.name(), read_type(f.data_type()), true))).collect::<Vec<FieldRef>>()
        };
        // In the order of the partition columns, which is the order that their values sort by.
        let mut partitions = fields(true);
        partitions.sort_by_key(|f| table.partition_columns.iter().position(|p| p == f.name()));
        let in_files = Arc::new(Schema::new(fields(false)));
        let all = table.schema.fields().iter().map(|f| Field::new(f.name(), read_type(f.data_type()), true));
        let schema = Arc::new(Schema::new(all.collect::<Vec<_>>()));
        let layout = TableSchema::builder(Arc::clone(&in_files)).with_table_partition_cols(partitions.clone()).build();
        let files: Result<Vec<_>> = table.files.iter().map(|f| listed(table, f, &in_files, &partitions)).collect();
        Ok(Self { root: table.root.clone(), schema, layout, partitions, files: files? })
    }

    /// Sees to it that the files which a query reads are on this machine.
    async fn bring(&self, files: &[Listed]) -> SqlResult<()> {
        if !self.root.is_remote() {
            return Ok(());
        }
        let (root, wanted) = (self.root.clone(), files.iter().map(|file| file.wanted.clone()).collect::<Vec<_>>());
        let brought = tokio::task::spawn_blocking(move || root.bring(&wanted)).await;
        brought
            .map_err(|error| DataFusionError::External(Box::new(error)))?
            .map_err(|fault| DataFusionError::External(Box::new(fault)))
    }

    fn is_partition(&self, name: &str) -> bool {
        self.partitions.iter().any(|field| field.name() == name)
    }

    fn only_partitions(&self, filter: &Expr) -> bool {
        !filter.is_volatile() && filter.column_refs().iter().all(|column| self.is_partition(column.name()))
    }

    /// The files that may hold rows for `filters`.
    fn prune(&self, state: &dyn Session, filters: &[Expr]) -> SqlResult<Vec<Listed>> {
        let (by_partition, others): (Vec<&Expr>, Vec<&Expr>) = filters.iter().partition(|f| self.only_partitions(f));
        let mut keep = BooleanArray::from(vec![true; self.files.len()]);
        if !by_partition.is_empty() && !self.files.is_empty() {
            keep = and(&keep, &self.by_partition(state, &by_partition)?)?;
        }
        if let Some(filter) = conjunction(others.into_iter().filter(|f| !f.is_volatile()).cloned()) {
            keep = and(&keep, &self.by_statistics(state, filter))?;
        }
        Ok(self.files.iter().zip(keep.values()).filter(|(_, keep)| *keep).map(|(file, _)| file.clone()).collect())
    }

    /// Evaluates each filter over one row a file; what is not true is dropped, as WHERE does.
    fn by_partition(&self, state: &dyn Session, filters: &[&Expr]) -> SqlResult<BooleanArray> {
        let schema = Arc::new(Schema::new(self.partitions.clone()));
        let columns: SqlResult<Vec<ArrayRef>> = (0..self.partitions.len())
            .map(|at| ScalarValue::iter_to_array(self.files.iter().map(|f| f.file.partition_values[at].clone())))
            .collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(self.files.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns?, &rows)?;
        let schema = DFSchema::try_from(schema)?;
        let mut keep = BooleanArray::from(vec![true; self.files.len()]);
        for filter in filters {
            let answer = state.create_physical_expr((*filter).clone(), &schema)?.evaluate(&batch)?;
            let answer = answer.into_array(self.files.len())?;
            let answer = answer
                .as_any()
                .downcast_ref::<BooleanArray>()
                .ok_or_else(|| DataFusionError::Internal("a filter gave no truth value".into()))?;
            // The kernel wants at least one NULL to turn into false.
            let truth = if answer.null_count() > 0 { prep_null_mask_filter(answer) } else { answer.clone() };
            keep = and(&keep, &truth)?;
        }
        Ok(keep)
    }

    /// Drops files whose minima and maxima rule `filter` out; in doubt a file stays.
    fn by_statistics(&self, state: &dyn Session, filter: Expr) -> BooleanArray {
        let schema = Arc::clone(self.layout.table_schema());
        let answer = || -> SqlResult<Vec<bool>> {
            let filter = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
            let known = self.files.iter().map(|f| Arc::clone(&f.statistics)).collect();
            let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&schema)).try_build(filter)?;
            predicate.prune(&PrunableStatistics::new(known, schema))
        };
        BooleanArray::from(answer().unwrap_or_else(|_| vec![true; self.files.len()]))
    }

    /// Whole partitions, shared out by rows, each group in the order of the partition columns.
    /// `None` where there are too few of them to keep every thread busy.
    fn whole_partitions(&self, files: &[Listed], threads: usize) -> Option<Vec<FileGroup>> {
        let unknown = files.iter().any(|f| f.file.partition_values.iter().any(ScalarValue::is_null));
        if self.partitions.is_empty() || unknown {
            return None;
        }
        let mut files: Vec<&Listed> = files.iter().collect();
        let order = |a: &Listed, b: &Listed| {
            a.file.partition_values.partial_cmp(&b.file.partition_values).unwrap_or(std::cmp::Ordering::Equal)
        };
        files.sort_by(|a, b| order(a, b));
        let mut partitions: Vec<(u64, Vec<&Listed>)> =
            files.chunk_by(|a, b| order(a, b).is_eq()).map(|c| (c.iter().map(|f| f.rows).sum(), c.to_vec())).collect();
        if partitions.len() < threads * PARTITIONS_A_THREAD {
            return None;
        }
        // The largest first, each to the group that has least.
        partitions.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
        let mut groups: Vec<(u64, Vec<&Listed>)> = vec![(0, Vec::new()); threads];
        for (rows, partition) in partitions {
            if let Some(least) = groups.iter_mut().min_by_key(|(rows, _)| *rows) {
                least.0 += rows;
                least.1.extend(partition);
            }
        }
        let total: u64 = groups.iter().map(|(rows, _)| rows).sum();
        let largest = groups.iter().map(|(rows, _)| *rows).max()?;
        // A group a quarter larger than its share leaves threads idle that pieces of files would not.
        if largest * threads as u64 * 4 > total * 5 {
            return None;
        }
        for (_, group) in &mut groups {
            group.sort_by(|a, b| order(a, b));
        }
        Some(groups.into_iter().map(|(_, g)| FileGroup::new(g.into_iter().map(|f| f.file.clone()).collect())).collect())
    }

    fn ordering(&self) -> Option<LexOrdering> {
        let schema = self.layout.table_schema();
        LexOrdering::new(self.partitions.iter().filter_map(|field| {
            let at = schema.index_of(field.name()).ok()?;
            Some(PhysicalSortExpr::new_default(Arc::new(Column::new(field.name(), at))).asc().nulls_first())
        }))
    }

    /// The groups of files, one a thread, and how they are partitioned and ordered where that is known.
    fn groups(&self, state: &dyn Session, files: Vec<Listed>) -> (Vec<FileGroup>, Option<(Partitioning, LexOrdering)>) {
        let threads = state.config().target_partitions();
        if state.config_options().optimizer.preserve_file_partitions > 0
            && let Some(groups) = self.whole_partitions(&files, threads)
            && let Some(ordering) = self.ordering()
            && let Some(partitioning) = output_partitioning_from_partition_fields(
                self.layout.table_schema(),
                self.layout.table_partition_cols(),
                groups.len(),
            )
        {
            return (groups, Some((partitioning, ordering)));
        }
        (FileGroup::new(files.into_iter().map(|f| f.file).collect()).split_files(threads), None)
    }
}

#[async_trait]
impl TableProvider for PinnedProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> SqlResult<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| {
            if self.only_partitions(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> SqlResult<Arc<dyn ExecutionPlan>> {
        let everything: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&everything);
        let files = self.prune(state, filters)?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(wanted)?))));
        }
        self.bring(&files).await?;
        // Partition columns stand last in the layout, wherever the table has them.
        let laid_out = self.layout.table_schema();
        let wanted: Result<Vec<usize>, _> =
            wanted.iter().map(|at| laid_out.index_of(self.schema.field(*at).name())).collect();
        let (groups, known) = self.groups(state, files);
        let (groups, statistics) = compute_all_files_statistics(groups, Arc::clone(laid_out), true, false)?;
        let url = ObjectStoreUrl::local_filesystem();
        let store = state.runtime_env().object_store(&url)?;
        let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
        let reader = Arc::new(CachedParquetFileReaderFactory::new(store, footers));
        let source = ParquetSource::new(self.layout.clone())
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_parquet_file_reader_factory(reader);
        let mut config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(wanted?))?
            .with_limit(limit);
        if let Some((partitioning, ordering)) = known {
            config = config.with_output_partitioning(Some(partitioning)).with_output_ordering(vec![ordering]);
        }
        Ok(DataSourceExec::from_data_source(config.build()))
    }
}

fn listed(table: &PinnedTable, file: &TableFile, in_files: &SchemaRef, partitions: &[FieldRef]) -> Result<Listed> {
    let wrong = |what: &str| Fault::internal(format!("file `{}` of table `{}` {what}", file.path, table.name));
    let values: Result<Vec<ScalarValue>> = partitions
        .iter()
        .map(|field| match file.partition.get(field.name()).and_then(Option::as_deref) {
            Some(text) => ScalarValue::try_from_string(text.to_owned(), field.data_type())
                .map_err(|e| wrong(&format!("has the partition value `{}={text}`", field.name())).caused_by(e)),
            None => ScalarValue::try_from(field.data_type()).map_err(|e| wrong("has an odd partition").caused_by(e)),
        })
        .collect();
    let values = values?;
    // `from_absolute_path` encodes nothing twice, and asks for no file to be there.
    let path = std::path::absolute(table.root.join(&file.path))?;
    let wanted = (path.clone(), Some(file.size));
    let location = object_store::path::Path::from_absolute_path(path)
        .map_err(|e| wrong("has a path that cannot be read").caused_by(e))?;
    let modified = moment(file.modified);
    let known = statistics::of_file(file, in_files);
    let meta = ObjectMeta { location, last_modified: modified, size: file.size, e_tag: None, version: None };
    // DataFusion takes partition values for never NULL where it has statistics.
    let whole = !values.iter().any(ScalarValue::is_null);
    let listed = PartitionedFile::new_from_meta(meta).with_partition_values(values);
    if !whole {
        let statistics = Arc::new(Statistics::new_unknown(&with_partitions(in_files, partitions)));
        return Ok(Listed { file: listed, wanted, rows: file.rows, statistics });
    }
    let to_skip_by = listed.clone().with_statistics(Arc::new(known.clone())).statistics.unwrap_or_default();
    let file_of_scan = listed.with_statistics(Arc::new(statistics::as_bounds(known)));
    Ok(Listed { file: file_of_scan, wanted, rows: file.rows, statistics: to_skip_by })
}

fn with_partitions(in_files: &SchemaRef, partitions: &[FieldRef]) -> Schema {
    Schema::new(in_files.fields().iter().chain(partitions).cloned().collect::<Vec<_>>())
}

/// The type that a column is read as. Views of text group and compare faster than copies of it.
fn read_type(stored: &DataType) -> DataType {
    match stored {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        other => other.clone(),
    }
}

fn moment(millis: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
