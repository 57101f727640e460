//! A project in a folder of its own, run in this process and served on a free port.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::TryStreamExt;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use shoplake_core::cost::UsageStore;
use shoplake_core::logs::{LogLine, LogQuery, LogStore};
use shoplake_core::metrics::{Meters, Metric};
use shoplake_core::outcome::RunOutcome;
use shoplake_core::ports::{Deaf, Engine, Quiet, RowStream, StateStore, TableStore};
use shoplake_core::upkeep::{Upkeep, Upkept};
use shoplake_core::{Catalog, Project, Result, RunId};
use shoplake_engine::DataFusionEngine;
use shoplake_lake::LocalLake;
use shoplake_pipeline::schedule::SystemClock;
use shoplake_pipeline::{Pipeline, RunOptions};
use shoplake_project::{Environment, InitOptions, init, load};
use shoplake_server::{Explain, Explanation, Health, Origins, Ports, Reopen, Runner, Verdict, Work, bind, serve};
use shoplake_state::{SqliteAccess, SqliteState};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The columns of a sales export.
pub(crate) const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// A shop in Berlin.
pub(crate) struct Shop {
    dir: TempDir,
}

/// Remembers what was started, and notes a run that begins, as the real one does.
pub(crate) struct NotedRunner(pub(crate) Mutex<Vec<Work>>, SqliteState);

#[async_trait]
impl Runner for NotedRunner {
    async fn start(&self, work: Work) -> Result<()> {
        self.0.lock().unwrap().push(work);
        self.1.begin_run(&RunId::new(), chrono::Utc::now()).await
    }
    async fn stop(&self) -> Result<bool> {
        Ok(self.0.lock().unwrap().pop().is_some())
    }
}

/// A project that measures one thing of itself.
struct Unmeasured;

#[async_trait]
impl Meters for Unmeasured {
    async fn read(&self) -> Result<Vec<Metric>> {
        Ok(vec![Metric::gauge("shoplake_last_run_failed", "Whether.").with([], 0.0)])
    }
}

impl Shop {
    /// An empty shop.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = InitOptions {
            time_zone: Some("Europe/Berlin".into()),
            currency: Some("EUR".into()),
            ..InitOptions::default()
        };
        init(dir.path(), &options).unwrap();
        let settings = dir.path().join("shoplake.yml");
        let text = fs_err::read_to_string(&settings).unwrap();
        assert!(text.contains("  # threads: 2 "));
        fs_err::write(settings, text.replace("  # threads: 2 ", "  threads: 2 ")).unwrap();
        Self { dir }
    }

    /// A shop with 600 sales of known content over 75 days, run once: 12 products in 3 categories and none,
    /// one unknown product, 40 customers of 4 cities and none, some of them unknown.
    pub(crate) async fn with_sales() -> Self {
        let shop = Self::new();
        let products = (1..=12).map(|n| {
            let category = ["Tea", "Cups", "O'Brien \"%_\"", ""][n % 4];
            let category = if category.is_empty() { Value::Null } else { category.into() };
            serde_json::json!({ "product_id": format!("p{n}"), "name": format!("Product {n}"), "category": category, "price": "9.99", "stock": 5 })
        });
        shop.put("products", "products.json", serde_json::to_string(&products.collect::<Vec<_>>()).unwrap());
        let customers = (1..=36).map(|n| {
            let city = ["Berlin", "München", "東京 🍵", "Köln", ""][n % 5];
            serde_json::json!({ "customer_id": format!("c{n}"), "name": format!("Customer {n}"), "city": city, "signup_date": "2024-01-01" })
        });
        shop.put("customers", "customers.json", serde_json::to_string(&customers.collect::<Vec<_>>()).unwrap());
        shop.put("sales", "day-1.csv", sales(0..600));
        shop.run().await;
        shop
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn put(&self, dataset: &str, name: &str, bytes: impl AsRef<[u8]>) {
        let folder = self.dir.path().join("inbox").join(dataset);
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join(name), bytes).unwrap();
    }

    pub(crate) fn project(&self) -> Arc<Project> {
        Arc::new(load(self.path(), &Environment { variables: BTreeMap::new() }).unwrap())
    }

    /// Runs once, as another process would.
    pub(crate) async fn run(&self) -> RunOutcome {
        self.pipeline().await.run(&RunOptions::default()).await.unwrap()
    }

    /// Joins small files of the tables, as another process would.
    pub(crate) async fn compact(&self) {
        self.pipeline().await.compact(None).await.unwrap();
    }

    async fn pipeline(&self) -> Pipeline {
        let project = self.project();
        fs_err::create_dir_all(project.state_dir()).unwrap();
        let lake = LocalLake::open(&project).unwrap();
        Pipeline {
            landing: lake.landing(),
            tables: Arc::new(lake),
            engine: Arc::new(DataFusionEngine::new(&project.limits, project.time_zone).unwrap()),
            state: Arc::new(SqliteState::open(&project.state_dir().join("state.db")).await.unwrap()),
            listener: Arc::new(Deaf),
            progress: Arc::new(Quiet),
            give_back: || {},
            clock: Arc::new(SystemClock),
            project,
        }
    }

    /// What `shoplake query` would answer: each row's values as text, NULL as `NULL`.
    pub(crate) async fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let project = self.project();
        let catalog = LocalLake::open(&project).unwrap().pinned().await.unwrap();
        let engine = DataFusionEngine::new(&project.limits, project.time_zone).unwrap();
        let batches: Vec<_> = engine.query(&catalog, sql).await.unwrap().batches.try_collect().await.unwrap();
        let mut rows = Vec::new();
        for batch in batches {
            let options = arrow_cast::display::FormatOptions::new().with_null("NULL");
            let columns = batch.columns().iter();
            let columns: Vec<_> =
                columns.map(|c| arrow_cast::display::ArrayFormatter::try_new(c, &options).unwrap()).collect();
            rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect()));
        }
        rows
    }

    /// Seconds that queries took, as far as they are noted.
    pub(crate) async fn query_seconds(&self) -> Vec<f64> {
        let state = SqliteState::open(&self.project().state_dir().join("state.db")).await.unwrap();
        state.query_seconds(chrono::Utc::now() - chrono::TimeDelta::hours(1)).await.unwrap()
    }

    pub(crate) async fn access(&self) -> SqliteAccess {
        SqliteAccess::open(&self.project().state_dir().join("access.db")).await.unwrap()
    }

    /// Serves the shop on loopback, and waits until figures can be asked for.
    pub(crate) async fn serve(&self) -> Served {
        self.serve_at("127.0.0.1:0").await.unwrap()
    }

    /// Serves the shop at an address.
    pub(crate) async fn serve_at(&self, address: &str) -> Result<Served> {
        let state = SqliteState::open(&self.project().state_dir().join("state.db")).await.unwrap();
        let runner = Arc::new(NotedRunner(Mutex::default(), state));
        let (traffic, fragile) = (Arc::default(), Arc::default());
        let reopened = Arc::new(Reopened { runner: Arc::clone(&runner), traffic, fragile: Arc::clone(&fragile) });
        let ports = reopened.ports(self.project()).await?;
        let listener = bind(address.parse().unwrap(), &ports).await?;
        let port = listener.local_addr().unwrap().port();
        let (stop, stopping) = watch::channel(false);
        let server = tokio::spawn(serve(listener, ports, reopened, stopping));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let served = Served { address: ([127, 0, 0, 1], port).into(), client, stop, server, runner, fragile };
        while served.get("/readyz").await.status() != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Ok(served)
    }
}

/// Puts the ports together, as the binary does.
struct Reopened {
    runner: Arc<NotedRunner>,
    traffic: Arc<shoplake_server::Traffic>,
    fragile: Arc<Fragile>,
}

#[async_trait]
impl Reopen for Reopened {
    async fn ports(&self, project: Arc<Project>) -> Result<Ports> {
        let state = SqliteState::open(&project.state_dir().join("state.db")).await?;
        let engine = DataFusionEngine::new(&project.limits, project.time_zone)?;
        Ok(Ports {
            tables: Arc::new(LocalLake::open(&project)?),
            engine: Arc::new(FragileEngine(engine, Arc::clone(&self.fragile))),
            access: Arc::new(SqliteAccess::open(&project.state_dir().join("access.db")).await?),
            alerts: Arc::new(SqliteState::open(&project.state_dir().join("state.db")).await?),
            logs: Arc::new(Stated),
            meters: Arc::new(Unmeasured),
            usage: Arc::new(SqliteState::open(&project.state_dir().join("state.db")).await?),
            state: Arc::new(state),
            traffic: Arc::clone(&self.traffic),
            runner: Arc::clone(&self.runner) as Arc<dyn Runner>,
            explain: Arc::new(Unexplained),
            project,
        })
    }
}

/// Whether SQL panics.
#[derive(Default)]
pub(crate) struct Fragile(AtomicBool);

impl Fragile {
    pub(crate) fn break_down(&self, broken: bool) {
        self.0.store(broken, Ordering::SeqCst);
    }
}

/// The engine, which can be made to panic.
struct FragileEngine(DataFusionEngine, Arc<Fragile>);

#[async_trait]
impl Engine for FragileEngine {
    async fn schema(&self, catalog: &Catalog, sql: &str) -> Result<arrow_schema::SchemaRef> {
        self.0.schema(catalog, sql).await
    }

    async fn query(&self, catalog: &Catalog, sql: &str) -> Result<RowStream> {
        assert!(!self.1.0.load(Ordering::SeqCst), "the engine is broken");
        self.0.query(catalog, sql).await
    }

    async fn upkeep(&self, upkeep: &Upkeep<'_>) -> Result<Upkept> {
        self.0.upkeep(upkeep).await
    }
}

/// The table whose lineage is known.
pub(crate) const KNOWN: &str = "products";
/// What makes explanations and the log panic.
pub(crate) const PANIC: &str = "panic";

/// Explanations are the binary's; here only the way to them is of interest.
struct Unexplained;

#[async_trait]
impl Explain for Unexplained {
    async fn why(&self, model: &str, condition: &str, column: &str, limit: usize) -> Result<Explanation> {
        assert!(model != PANIC, "/srv/secret/access.db is not there");
        Ok(Explanation {
            value: json!(limit),
            model: model.to_owned(),
            column: column.to_owned(),
            row: BTreeMap::new(),
            description: None,
            sql: condition.to_owned(),
            made_of: Vec::new(),
            formula: None,
            agrees: true,
            made_again: None,
            table: model.to_owned(),
            row_count: 1,
            rows: vec![[("contribution".to_owned(), json!("9.99"))].into_iter().collect()],
        })
    }

    async fn lineage(&self, node: &str) -> Result<Origins> {
        if node == KNOWN {
            let of = node.to_owned();
            return Ok(Origins { of, nodes: Vec::new(), edges: Vec::new(), tables: BTreeMap::new() });
        }
        Err(shoplake_core::Fault::usage(format!("there is no table `{node}`")).hint("look again"))
    }

    async fn health(&self) -> Result<Health> {
        Ok(Health { trusted: true, verdict: Verdict::Good, checks: Vec::new() })
    }
}

/// The log is the binary's; here four lines of two runs stand in it.
struct Stated;

impl LogStore for Stated {
    fn search(&self, query: &LogQuery, limit: usize) -> Result<Vec<LogLine>> {
        assert!(query.grep.as_deref() != Some(PANIC), "/srv/secret/logs is not there");
        let line = |minute: u32, level: &str, message: &str, run: &str| {
            serde_json::from_value(json!({
                "at": format!("2026-03-15T06:0{minute}:00Z"), "level": level, "message": message, "run": run,
                "step": "load", "target": "shoplake_pipeline", "process": 7,
            }))
        };
        let lines = [
            line(0, "info", "a run begins", "r1"),
            line(1, "warn", "tried again", "r1"),
            line(2, "info", "a run begins", "r2"),
            line(3, "error", "refused", "r2"),
        ];
        let lines = lines.map(|line: serde_json::Result<LogLine>| line.unwrap()).into_iter();
        let wanted: Vec<LogLine> =
            lines.filter(|line| query.wants(line, &serde_json::to_string(line).unwrap())).collect();
        Ok(wanted.split_at(wanted.len().saturating_sub(limit)).1.to_vec())
    }
}

/// A server that runs.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) server: JoinHandle<Result<()>>,
    pub(crate) runner: Arc<NotedRunner>,
    pub(crate) fragile: Arc<Fragile>,
}

impl Served {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    /// The JSON of an answer that must be right.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// The JSON of a response with this status.
pub(crate) async fn expect(response: Response, status: u16) -> Value {
    let (found, url) = (response.status().as_u16(), response.url().clone());
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{url}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// Sales of known content: any numbers give the same rows again.
pub(crate) fn sales(numbers: std::ops::Range<u64>) -> String {
    let mut text = HEADER.to_owned();
    for n in numbers {
        // Squares modulo 41 are 21 customers with many sales; some others have one, or two to four.
        let few = [3, 6, 7, 11, 12, 13, 14, 15, 17, 19, 22, 24, 26, 27];
        let few = few[if n < 100 { n / 20 } else { 5 + n / 20 % 9 } as usize];
        let (customer, product) = (if n % 20 == 0 { few } else { n * n % 41 }, n * 5 % 14);
        let minutes = n * 179 % (75 * 24 * 60);
        let at = "2024-02-15T00:30:00".parse::<chrono::NaiveDateTime>().unwrap()
            + chrono::TimeDelta::minutes(minutes as i64);
        let amount = n * n * 37 % 20_011;
        text += &format!("t{n:05},c{customer},p{product},1,{}.{:02},{at}\n", amount / 100, amount % 100);
    }
    text
}
