//! A project in a folder of its own, run in this process on the real lake, engine and state.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{Deaf, Engine, Quiet, SqlPlanner, TableStore};
use shoplake_core::{Fault, Project};
use shoplake_engine::DataFusionEngine;
use shoplake_lake::LocalLake;
use shoplake_pipeline::schedule::SystemClock;
use shoplake_pipeline::{Choice, Explainer, Pipeline, ReplayOptions, RunOptions, Why};
use shoplake_project::{Environment, InitOptions, init, load};
use shoplake_state::SqliteState;
use tempfile::TempDir;

/// Rows as text, one line a row.
fn lines(batches: Vec<RecordBatch>) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        let options = arrow_cast::display::FormatOptions::new().with_null("NULL");
        let columns = batch.columns().iter();
        let columns: Vec<_> =
            columns.map(|c| arrow_cast::display::ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

/// A shop and the means to run it.
pub(crate) struct Shop {
    dir: TempDir,
}

/// The columns of a sales export.
pub(crate) const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// The threads of one test.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The columns that say when and from where a row was loaded, which no figure depends on.
const CONTENT: &str = "transaction_id, customer_id, product_id, quantity, amount, transaction_date, product_name, category, city, year, month, day";

impl Shop {
    /// A new shop in UTC; `edit` may change the sales contract.
    pub(crate) fn new(edit: impl Fn(String) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            InitOptions { time_zone: Some("UTC".into()), currency: Some("USD".into()), ..InitOptions::default() };
        init(dir.path(), &options).unwrap();
        let sales = dir.path().join("sources/sales.yml");
        let text = fs_err::read_to_string(&sales).unwrap();
        fs_err::write(&sales, edit(text)).unwrap();
        Self { dir }
    }

    /// A project as it stands in a folder of fixtures.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut open = vec![folder.to_path_buf()];
        while let Some(from) = open.pop() {
            for entry in fs_err::read_dir(&from).unwrap() {
                let path = entry.unwrap().path();
                let to = dir.path().join(path.strip_prefix(folder).unwrap());
                if path.is_dir() {
                    fs_err::create_dir_all(&to).unwrap();
                    open.push(path);
                } else {
                    fs_err::copy(&path, &to).unwrap();
                }
            }
        }
        Self { dir }
    }

    /// Writes a file of the project, and its folders.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// Builds models over the tables as they are.
    pub(crate) async fn build(&self, choice: Choice) -> RunOutcome {
        fs_err::create_dir_all(self.project().state_dir()).unwrap();
        let options = RunOptions { build_only: true, choice, ..RunOptions::default() };
        self.pipeline().await.run(&options).await.unwrap()
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Drops a file in the inbox.
    pub(crate) fn put(&self, dataset: &str, name: &str, bytes: impl AsRef<[u8]>) {
        let folder = self.dir.path().join("inbox").join(dataset);
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join(name), bytes).unwrap();
    }

    pub(crate) fn project(&self) -> Project {
        let environment = Environment { variables: BTreeMap::new() };
        let mut project = load(self.path(), &environment).unwrap();
        project.limits.threads = 2;
        project
    }

    pub(crate) async fn pipeline(&self) -> Pipeline {
        let project = Arc::new(self.project());
        let lake = LocalLake::open(&project).unwrap();
        let state = SqliteState::open(&project.state_dir().join("state.db")).await.unwrap();
        Pipeline {
            landing: lake.landing(),
            tables: Arc::new(lake),
            engine: Arc::new(DataFusionEngine::new(&project.limits, project.time_zone).unwrap()),
            state: Arc::new(state),
            listener: Arc::new(Deaf),
            progress: Arc::new(Quiet),
            give_back: || {},
            clock: Arc::new(SystemClock),
            project,
        }
    }

    /// Runs once.
    pub(crate) async fn run(&self) -> Result<RunOutcome, Fault> {
        fs_err::create_dir_all(self.project().state_dir()).unwrap();
        self.pipeline().await.run(&RunOptions::default()).await
    }

    /// Runs once, and makes every model anew in full.
    pub(crate) async fn full_refresh(&self) -> RunOutcome {
        let choice = Choice { full_refresh: true, ..Choice::default() };
        let options = RunOptions { choice, ..RunOptions::default() };
        self.pipeline().await.run(&options).await.unwrap()
    }

    /// Brings a table back to an earlier version.
    pub(crate) async fn restore(&self, table: &str, version: u64) -> Result<RunOutcome, Fault> {
        let lake = LocalLake::open(&self.project()).unwrap();
        self.pipeline().await.restore(&lake, table, version).await
    }

    /// Where a model's table is not what its SQL gives over the same tables: both, as sorted lines.
    pub(crate) async fn stale_models(&self) -> Vec<(String, Vec<String>, Vec<String>)> {
        let project = self.project();
        let catalog = LocalLake::open(&project).unwrap().pinned().await.unwrap();
        let engine = DataFusionEngine::new(&project.limits, project.time_zone).unwrap();
        let mut stale = Vec::new();
        for model in shoplake_models::load(&project).unwrap().models.iter().filter(|m| m.materialized.is_stored()) {
            let mut sides = Vec::new();
            for sql in [format!("SELECT * FROM {}", model.name), model.sql.clone()] {
                let rows = engine.query(&catalog, &sql).await.unwrap().batches.try_collect().await.unwrap();
                let mut rows = lines(rows);
                rows.sort();
                sides.push(rows);
            }
            if sides[0] != sides[1] {
                let fresh = sides.remove(1);
                stale.push((model.name.clone(), sides.remove(0), fresh));
            }
        }
        stale
    }

    /// Replays corrected rows of sales.
    pub(crate) async fn replay(&self, corrections: &str) -> RunOutcome {
        let path = self.path().join("fixes.csv");
        fs_err::write(&path, corrections).unwrap();
        let replay = ReplayOptions { dataset: Some("sales".into()), corrections: Some(path) };
        let options = RunOptions { replay: Some(replay), ..RunOptions::default() };
        self.pipeline().await.run(&options).await.unwrap()
    }

    /// The quarantined rows of sales as they are given out for correction, one line a row.
    pub(crate) async fn export(&self) -> Vec<String> {
        let pipeline = self.pipeline().await;
        let rows = pipeline.export(pipeline.project.dataset("sales").unwrap(), None).await.unwrap();
        lines(rows.batches.try_collect().await.unwrap())
    }

    /// What `verify` finds wrong.
    pub(crate) async fn findings(&self) -> Vec<String> {
        let lake = LocalLake::open(&self.project()).unwrap();
        let checks = self.pipeline().await.verify(&lake).await.unwrap();
        checks.iter().flat_map(|check| &check.findings).map(|finding| format!("{finding:?}")).collect()
    }

    /// Changes the sales contract.
    pub(crate) fn edit_contract(&self, edit: impl Fn(String) -> String) {
        let path = self.path().join("sources/sales.yml");
        fs_err::write(&path, edit(fs_err::read_to_string(&path).unwrap())).unwrap();
    }

    /// A figure, explained.
    pub(crate) async fn why(&self, table: &str, condition: &str, column: &str) -> Result<Why, Fault> {
        let project = Arc::new(self.project());
        let lake = LocalLake::open(&project).unwrap();
        let engine = Arc::new(DataFusionEngine::new(&project.limits, project.time_zone).unwrap());
        let explainer = Explainer {
            models: shoplake_models::load(&project).unwrap(),
            catalog: lake.pinned().await.unwrap(),
            planner: Arc::clone(&engine) as Arc<dyn SqlPlanner>,
            engine,
            landing: lake.landing(),
            project,
        };
        explainer.why(table, condition, column, 1_000).await
    }

    /// The place of a row as explanations order them: by the key of its file, then by line.
    pub(crate) fn key_order(&self, place: &(String, i64)) -> (String, i64) {
        let archive = self.path().join("lake/archive/sales");
        let mut folders = fs_err::read_dir(archive).unwrap().flatten();
        let folder = folders.find(|folder| folder.path().join(&place.0).is_file()).unwrap();
        (folder.file_name().to_string_lossy().into_owned(), place.1)
    }

    /// The answer of a query, one line a row.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        let project = self.project();
        let catalog = LocalLake::open(&project).unwrap().pinned().await.unwrap();
        let engine = DataFusionEngine::new(&project.limits, project.time_zone).unwrap();
        lines(engine.query(&catalog, sql).await.unwrap().batches.try_collect().await.unwrap())
    }

    /// Everything that the shop's figures are made of, and the figures.
    pub(crate) async fn figures(&self) -> Vec<Vec<String>> {
        let mut figures = Vec::new();
        for sql in [
            format!("SELECT {CONTENT} FROM sales ORDER BY transaction_id"),
            "SELECT * FROM daily_sales_summary ORDER BY date".into(),
            "SELECT * FROM top_products ORDER BY revenue DESC, product_id".into(),
            "SELECT * FROM customer_lifetime_value ORDER BY customer_id".into(),
            "SELECT * FROM sales_by_category ORDER BY category".into(),
            "SELECT * FROM sales_by_hour ORDER BY day_of_week, hour".into(),
            "SELECT dataset, reason, rule, column_name, value, violations, raw FROM quarantine ORDER BY raw, value"
                .into(),
        ] {
            figures.push(self.query(&sql).await);
        }
        figures
    }
}
