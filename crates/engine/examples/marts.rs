//! Times models over a lake of Parquet files: `marts LAKE MODELS...` prints seconds, rows and the
//! peak memory of the process for each SQL file.
//!
//! `LAKE` holds a folder a table: `sales/year=2024/month=1/*.parquet`, `products/*.parquet`,
//! `customers/*.parquet`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shoplake_core::ports::Engine;
use shoplake_core::project::Limits;
use shoplake_core::{Catalog, PinnedTable, TableFile};
use shoplake_engine::DataFusionEngine;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (lake, models) = arguments.split_first().ok_or("usage: marts LAKE MODEL.sql…")?;
    let catalog = catalog(Path::new(lake))?;
    let memory = std::env::var("MEMORY_MB").ok().and_then(|mb| mb.parse::<u64>().ok()).unwrap_or(512);
    let limits = Limits { memory: memory << 20, ..Limits::default() };
    let engine = DataFusionEngine::new(&limits, chrono_tz::UTC)?;
    let mut total = 0.0;
    for model in models {
        let mut sql = fs_err::read_to_string(model)?;
        for table in ["sales", "products", "customers"] {
            sql = sql.replace(&format!("{{{{ source('shop', '{table}') }}}}"), table);
        }
        // The settings of a model stand in one jinja call; what is left is plain SQL.
        let sql: String =
            sql.lines().filter(|line| !line.contains("{{") && !line.contains("{%")).collect::<Vec<_>>().join("\n");
        let start = Instant::now();
        let mut rows = 0;
        let mut stream = engine.query(&catalog, &sql).await?;
        while let Some(batch) = stream.batches.next().await {
            rows += batch?.num_rows();
        }
        let seconds = start.elapsed().as_secs_f64();
        total += seconds;
        println!("{seconds:7.3} s {rows:9} rows  peak {:5} MB  {model}", peak_megabytes());
    }
    println!("{total:7.3} s in all");
    Ok(())
}

/// The most memory that this process has held so far.
fn peak_megabytes() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn catalog(lake: &Path) -> Outcome<Catalog> {
    let mut catalog = Catalog::default();
    for table in ["sales", "products", "customers"] {
        let root = lake.join(table);
        let partition_columns: Vec<String> =
            if table == "sales" { vec!["year".into(), "month".into()] } else { Vec::new() };
        let (mut files, mut fields) = (Vec::new(), Vec::new());
        collect(&root, &root, &mut files, &mut fields)?;
        for name in &partition_columns {
            fields.retain(|field: &Field| field.name() != name);
            fields.push(Field::new(name, DataType::Int32, true));
        }
        let schema = Arc::new(Schema::new(fields));
        let pinned = PinnedTable { name: table.into(), root: root.into(), schema, partition_columns, files };
        catalog.tables.insert(table.into(), Arc::new(pinned));
    }
    Ok(catalog)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<TableFile>, fields: &mut Vec<Field>) -> Outcome<()> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files, fields)?;
            continue;
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs_err::File::open(&path)?.into_file())?;
        if fields.is_empty() {
            fields.extend(reader.schema().fields().iter().map(|field| field.as_ref().clone()));
        }
        let below = path.strip_prefix(root)?.to_string_lossy().into_owned();
        let pairs = below.split('/').filter_map(|part| part.split_once('='));
        let partition: BTreeMap<_, _> = pairs.map(|(k, v)| (k.to_owned(), Some(v.to_owned()))).collect();
        let rows = u64::try_from(reader.metadata().file_metadata().num_rows())?;
        let size = fs_err::metadata(&path)?.len();
        files.push(TableFile { path: below, size, rows, partition, modified: 0, stats: None });
    }
    Ok(())
}
