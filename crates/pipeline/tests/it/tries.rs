//! Steps that fail for a while, hang, or fail for good, under a clock that a test turns.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::outcome::RunStatus;
use shoplake_core::ports::{Engine, Progress, RowStream};
use shoplake_core::schedule::ports::Clock;
use shoplake_core::upkeep::{Upkeep, Upkept};
use shoplake_core::{Catalog, Fault, FaultKind, Result};
use shoplake_pipeline::{Pipeline, RunOptions};

use crate::shop::{HEADER, Shop, runtime};

/// A clock that stands still, but for waits, which it notes and jumps over. A time that a step is bounded by passes
/// only when `hurries` says so.
struct TurnedClock {
    now: Mutex<DateTime<Utc>>,
    waits: Mutex<Vec<TimeDelta>>,
    hurries: Arc<AtomicBool>,
}

#[async_trait]
impl Clock for TurnedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }
    async fn sleep_until(&self, at: DateTime<Utc>) {
        let wait = at - self.now();
        if wait >= TimeDelta::hours(1) {
            while !self.hurries.swap(false, Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
        } else {
            self.waits.lock().unwrap().push(wait);
        }
        *self.now.lock().unwrap() = at;
    }
}

/// An engine whose first queries fail, or never come back.
struct Flaky {
    engine: Arc<dyn Engine>,
    left: AtomicU32,
    /// How they fail; without a kind they hang.
    how: Option<FaultKind>,
    hurries: Arc<AtomicBool>,
}

#[async_trait]
impl Engine for Flaky {
    async fn schema(&self, catalog: &Catalog, sql: &str) -> Result<SchemaRef> {
        self.engine.schema(catalog, sql).await
    }
    async fn query(&self, catalog: &Catalog, sql: &str) -> Result<RowStream> {
        let left = self.left.load(Ordering::SeqCst);
        if left > 0 {
            self.left.store(left - 1, Ordering::SeqCst);
            if let Some(kind) = self.how {
                return Err(Fault::new(kind, "the engine is away"));
            }
            self.hurries.store(true, Ordering::SeqCst);
            return std::future::pending().await;
        }
        self.engine.query(catalog, sql).await
    }
    async fn upkeep(&self, upkeep: &Upkeep<'_>) -> Result<Upkept> {
        self.engine.upkeep(upkeep).await
    }
}

async fn flaky(shop: &Shop, left: u32, how: Option<FaultKind>) -> (Pipeline, Arc<TurnedClock>) {
    fs_err::create_dir_all(shop.project().state_dir()).unwrap();
    let pipeline = shop.pipeline().await;
    let hurries = Arc::new(AtomicBool::new(false));
    let clock = Arc::new(TurnedClock {
        now: Mutex::new("2024-03-20T05:00:00Z".parse().unwrap()),
        waits: Mutex::default(),
        hurries: Arc::clone(&hurries),
    });
    let engine = Flaky { engine: Arc::clone(&pipeline.engine), left: AtomicU32::new(left), how, hurries };
    (Pipeline { engine: Arc::new(engine), clock: Arc::clone(&clock) as Arc<dyn Clock>, ..pipeline }, clock)
}

fn shop() -> Shop {
    let shop = Shop::new(|contract| contract);
    shop.put("sales", "day-1.csv", format!("{HEADER}t1,c1,p1,1,12.50,2024-03-15T10:00:00\n"));
    shop
}

/// Given models that fail twice since something is away, when run, then the batch is begun anew after waits that
/// double, and the run publishes once as if nothing had been.
#[test]
fn what_is_away_is_tried_again() {
    runtime().block_on(async {
        let shop = shop();
        let (pipeline, clock) = flaky(&shop, 2, Some(FaultKind::Unavailable)).await;
        let outcome = pipeline.run(&RunOptions::default()).await.unwrap();
        // A warning, since nobody knows the customer.
        assert_eq!(outcome.status, RunStatus::Warning);
        let rows: u64 = outcome.datasets.iter().map(|dataset| dataset.counts.inserted).sum();
        assert_eq!(rows, 1);
        let waits: Vec<i64> = clock.waits.lock().unwrap().iter().map(TimeDelta::num_milliseconds).collect();
        assert_eq!(waits.len(), 2, "{waits:?}");
        assert!((500..=1_000).contains(&waits[0]) && (1_000..=2_000).contains(&waits[1]), "{waits:?}");
        assert!(shop.stale_models().await.is_empty());
    });
}

/// Given a fault of the data or of the project, when run, then nothing is tried again.
#[test]
fn other_faults_are_not() {
    runtime().block_on(async {
        for kind in [FaultKind::Usage, FaultKind::Data, FaultKind::Internal] {
            let shop = shop();
            let (pipeline, clock) = flaky(&shop, 1, Some(kind)).await;
            let outcome = pipeline.run(&RunOptions::default()).await;
            assert!(outcome.is_err() || outcome.unwrap().status == RunStatus::Error, "{kind:?}");
            assert!(clock.waits.lock().unwrap().is_empty(), "{kind:?}");
        }
    });
}

/// Given a query that never comes back, when run, then each try ends with its time, the run ends after the last with
/// what to do, nothing is published, and the next run does all of it.
#[test]
fn what_hangs_is_ended() {
    runtime().block_on(async {
        let shop = shop();
        let (pipeline, clock) = flaky(&shop, 100, None).await;
        let fault = pipeline.run(&RunOptions::default()).await.unwrap_err();
        assert!(fault.to_string().contains("step `models` took longer than 21600 s"), "{fault}");
        assert!(fault.hint.unwrap().contains("retry.steps.models.timeout"));
        assert!(fault.detail.unwrap().contains("was tried 4 times"));
        assert_eq!(clock.waits.lock().unwrap().len(), 3);
        assert!(shop.pipeline().await.tables.pinned().await.unwrap().tables.is_empty(), "nothing is published");
        assert_eq!(shop.run().await.unwrap().status, RunStatus::Warning);
    });
}

/// A clock that files turn: the load of each takes so many hours, by the name that it is shown with. One that takes more
/// than the six that it may goes on until it is given up.
struct Slow {
    now: Mutex<DateTime<Utc>>,
    hours: fn(&str) -> i64,
    /// Waits between two tries by now, and how many there must be before the file in hand has an end.
    waits: AtomicU32,
    ends_after: AtomicU32,
}

#[async_trait]
impl Clock for Slow {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }
    async fn sleep_until(&self, at: DateTime<Utc>) {
        // A wait between two tries; the time of a step is passed by files alone.
        if at - self.now() < TimeDelta::hours(1) {
            *self.now.lock().unwrap() = at;
            self.waits.fetch_add(1, Ordering::SeqCst);
        }
        while self.now() < at {
            tokio::task::yield_now().await;
        }
    }
}

impl Progress for Slow {
    fn stage(&self, name: &str, total_bytes: Option<u64>) {
        if total_bytes.is_some() {
            let hours = (self.hours)(name);
            *self.now.lock().unwrap() += TimeDelta::hours(hours);
            let ends_after = if hours > 6 { self.waits.load(Ordering::SeqCst) + 1 } else { 0 };
            self.ends_after.store(ends_after, Ordering::SeqCst);
        }
    }
    fn advance(&self, _bytes: u64, _rows: u64) {
        while self.waits.load(Ordering::SeqCst) < self.ends_after.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    fn done(&self) {}
}

async fn slow(shop: &Shop, hours: fn(&str) -> i64) -> Pipeline {
    fs_err::create_dir_all(shop.project().state_dir()).unwrap();
    let now = Mutex::new("2024-03-20T05:00:00Z".parse().unwrap());
    let clock = Arc::new(Slow { now, hours, waits: AtomicU32::new(0), ends_after: AtomicU32::new(0) });
    Pipeline { clock: Arc::clone(&clock) as _, progress: clock, ..shop.pipeline().await }
}

fn shop_of_files(names: [&str; 4]) -> Shop {
    let shop = Shop::new(|contract| contract);
    for (index, name) in names.into_iter().enumerate() {
        shop.put("sales", name, format!("{HEADER}t{index},c1,p1,1,12.50,2024-03-15T10:00:00\n"));
    }
    shop
}

/// Given files that take longer together than the load of one may, then they are loaded at once and nobody is to blame.
#[test]
fn the_time_of_a_load_is_each_files_own() {
    runtime().block_on(async {
        let shop = shop_of_files(["a.csv", "b.csv", "c.csv", "d.csv"]);
        let outcome = slow(&shop, |_| 4).await.run(&RunOptions::default()).await.unwrap();
        let inserted: u64 = outcome.datasets.iter().map(|dataset| dataset.counts.inserted).sum();
        assert_eq!((outcome.status, inserted), (RunStatus::Warning, 4));
        let attempts = fs_err::read_to_string(shop.project().state_dir().join("attempts.json")).unwrap();
        assert_eq!(attempts, "{}");
    });
}

/// Given one file among others that takes longer than the load of one may, then it alone is set aside, with the
/// reason, and all the others are loaded, whether they come before or after it.
#[test]
fn a_file_that_takes_too_long_is_set_aside_alone() {
    runtime().block_on(async {
        let shop = shop_of_files(["a.csv", "b.csv", "poison.csv", "z.csv"]);
        let pipeline = slow(&shop, |name| if name.contains("poison") { 7 } else { 4 }).await;
        let outcome = pipeline.run(&RunOptions::default()).await.unwrap();
        let files: Vec<_> = outcome.datasets.iter().flat_map(|dataset| &dataset.files).collect();
        let refused: Vec<_> = files.iter().filter_map(|file| Some((&file.path, file.error.as_ref()?))).collect();
        let [(path, why)] = refused.as_slice() else { panic!("{files:?} {:?}", outcome.problems) };
        assert!(path.ends_with("poison.csv"), "{path}");
        assert!(why.contains("failed 3 times: step `load` took longer than 21600 s"), "{why}");
        let inserted: u64 = outcome.datasets.iter().map(|dataset| dataset.counts.inserted).sum();
        assert_eq!(inserted, 3, "the rest goes on");
    });
}
