//! Sessions: what all queries share, and the plan of one.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::prelude::SessionConfig;
use shoplake_core::project::Limits;
use shoplake_core::{Catalog, Result};

use crate::{average, faults, guard, local_time, relations};

/// Bytes of the footers of files that are kept from query to query: 12 kB a row group, 2 MB for 20 million sales. Each load
/// makes files anew, and DataFusion's own 50 MB would fill with the footers of files that are gone.
const FOOTERS: usize = 8 << 20;

/// What all queries of an engine share.
pub(crate) struct Sessions {
    runtime: Arc<RuntimeEnv>,
    config: SessionConfig,
    functions: Vec<Arc<ScalarUDF>>,
    /// Removed when the engine goes.
    _spill: tempfile::TempDir,
}

impl Sessions {
    /// Sessions over `threads` threads, within `limits`.
    pub(crate) fn new(limits: &Limits, threads: usize, zone: Tz) -> Result<Self> {
        let spill = tempfile::Builder::new().prefix("shoplake-spill-").tempdir()?;
        let pool = FairSpillPool::new(usize::try_from(limits.memory).unwrap_or(usize::MAX));
        let named = TrackConsumersPool::new(pool, std::num::NonZero::<usize>::MIN);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(named))
            .with_temp_file_path(spill.path())
            .with_metadata_cache_limit(FOOTERS)
            .build_arc()
            .map_err(|e| faults::running(&e))?;
        let functions = local_time::functions(zone).into_iter().chain([average::function()]).map(Arc::new).collect();
        Ok(Self { runtime, config: config(threads), functions, _spill: spill })
    }

    /// The plan of one SELECT over `catalog`, and the context to run it in as it stands.
    pub(crate) async fn plan(&self, catalog: &Catalog, sql: &str) -> Result<(SessionContext, LogicalPlan)> {
        let (context, plan) = self.planned(catalog, sql).await?;
        if reads_one_table(&plan).map_err(|e| faults::planning(&e, catalog))? {
            let state = context.state_ref();
            let mut state = state.write();
            let optimizer = &mut state.config_mut().options_mut().optimizer;
            optimizer.preserve_file_partitions = 1;
            optimizer.subset_repartition_threshold = 1;
        }
        Ok((context, plan))
    }

    /// The plan of one SELECT over `catalog`, and a context for it and for what is made of it.
    pub(crate) async fn planned(&self, catalog: &Catalog, sql: &str) -> Result<(SessionContext, LogicalPlan)> {
        let statement = guard::statement(sql)?;
        let context = SessionContext::new_with_config_rt(self.config.clone(), Arc::clone(&self.runtime));
        for function in &self.functions {
            context.register_udf(function.as_ref().clone());
        }
        relations::register(&context, catalog, &statement).await?;
        let plan = context.state().statement_to_plan(statement).await.map_err(|e| faults::planning(&e, catalog))?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(|_| guard::refused())?;
        Ok((context, plan))
    }
}

fn config(threads: usize) -> SessionConfig {
    let mut config = SessionConfig::new().with_target_partitions(threads).with_information_schema(false);
    let options = config.options_mut();
    options.execution.time_zone = Some("UTC".into());
    options.execution.collect_statistics = false;
    // Wrong rows with filters inside the Parquet reader: datafusion#16588, #20267, #24109.
    options.execution.parquet.pushdown_filters = false;
    options.optimizer.prefer_hash_join = true;
    options.sql_parser.collect_spans = true;
    config
}

/// Whether `plan` reads one table once and joins nothing.
///
/// Then files of one partition may stay together and be called hash partitioned: a GROUP BY by
/// month needs no shuffle and one month of memory. Where two sides meet, both would have to be
/// partitioned by the same function, which files are not.
fn reads_one_table(plan: &LogicalPlan) -> datafusion::error::Result<bool> {
    let (mut scans, mut meetings) = (0, 0);
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(_) => scans += 1,
            LogicalPlan::Join(_) | LogicalPlan::Union(_) | LogicalPlan::RecursiveQuery(_) => meetings += 1,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(scans == 1 && meetings == 0)
}
