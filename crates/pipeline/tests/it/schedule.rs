//! The loop that starts runs, on a clock that is simulated: instances that die, files that arrive, a
//! state that is away.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use shoplake_core::schedule::ports::{
    Clock, Ended, Event, Inbox, Launcher, Leadership, Logged, Memory, ScheduleStore, Standing, Trigger,
};
use shoplake_core::schedule::{Arrival, Ending, Missed, Overlap, Schedule, Seen};
use shoplake_core::{Fault, FaultKind, Result, RunId};
use shoplake_pipeline::schedule::{Order, Runner};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// By the moment when they wake, and a number of their own.
type Sleepers = BTreeMap<(DateTime<Utc>, u64), oneshot::Sender<()>>;

/// A clock that stands still until everybody sleeps, then goes to the first who wakes.
struct SimulatedClock {
    now: Mutex<DateTime<Utc>>,
    sleepers: Mutex<Sleepers>,
}

impl SimulatedClock {
    async fn go_to(&self, until: DateTime<Utc>) {
        loop {
            for _ in 0..40 {
                tokio::task::yield_now().await;
            }
            let first = self.sleepers.lock().unwrap().keys().next().copied();
            let Some(first) = first.filter(|(at, _)| *at <= until) else { break };
            *self.now.lock().unwrap() = first.0;
            if let Some(sleeper) = self.sleepers.lock().unwrap().remove(&first) {
                let _ = sleeper.send(());
            }
        }
        *self.now.lock().unwrap() = until;
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }
    async fn sleep_until(&self, at: DateTime<Utc>) {
        if at <= self.now() {
            return tokio::task::yield_now().await;
        }
        let (wake, woken) = oneshot::channel();
        {
            let mut sleepers = self.sleepers.lock().unwrap();
            let number = sleepers.keys().map(|(_, number)| number + 1).max().unwrap_or(0);
            sleepers.insert((at, number), wake);
        }
        let _ = woken.await;
    }
}

/// What all instances share: the state.
#[derive(Default)]
struct Shared {
    memory: Option<Memory>,
    log: Vec<Logged>,
    holder: String,
    term: u64,
    beat_at: Option<DateTime<Utc>>,
    away: bool,
}

/// The runs of a shop, whichever instance started them.
#[derive(Default)]
struct Runs {
    started: Vec<(Trigger, DateTime<Utc>, Vec<PathBuf>)>,
    completed: u32,
    going: i32,
}

/// One instance's view of the world.
struct Instance {
    name: String,
    clock: Arc<SimulatedClock>,
    shared: Arc<Mutex<Shared>>,
    runs: Arc<Mutex<Runs>>,
    inbox: Arc<Mutex<Vec<Seen>>>,
    run_takes: TimeDelta,
    /// So many runs fail, the first ones.
    failing: u32,
    /// A run that fails has landed its files before.
    lands: bool,
    cancel: Notify,
    killed: Arc<AtomicBool>,
}

#[async_trait]
impl ScheduleStore for Instance {
    async fn recall(&self) -> Result<Option<Memory>> {
        Ok(self.shared.lock().unwrap().memory.clone())
    }
    async fn keep(&self, term: u64, memory: &Memory, log: &[Logged]) -> Result<()> {
        let mut shared = self.shared.lock().unwrap();
        if shared.away {
            return Err(Fault::unavailable("the state is away"));
        }
        if shared.term != term {
            return Err(Fault::new(FaultKind::Busy, "another leads"));
        }
        shared.memory = Some(memory.clone());
        shared.log.extend(log.iter().cloned());
        Ok(())
    }
    async fn logged(&self, _limit: u32) -> Result<Vec<Logged>> {
        Ok(self.shared.lock().unwrap().log.clone())
    }
}

#[async_trait]
impl Leadership for Instance {
    async fn beat(&self) -> Result<Standing> {
        let now = self.clock.now();
        let mut shared = self.shared.lock().unwrap();
        let silent = shared.beat_at.is_none_or(|at| now - at > TimeDelta::seconds(5));
        if shared.holder != self.name {
            if !silent && !shared.holder.is_empty() {
                return Ok(Standing::Follows);
            }
            shared.holder.clone_from(&self.name);
            shared.term += 1;
        }
        shared.beat_at = Some(now);
        Ok(Standing::Leads(shared.term))
    }
    async fn resign(&self) -> Result<()> {
        self.shared.lock().unwrap().holder.clear();
        Ok(())
    }
}

/// Counts a run as going on until it has ended.
struct GoingOn(Arc<Mutex<Runs>>);

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.0.lock().unwrap().going -= 1;
    }
}

#[async_trait]
impl Launcher for Instance {
    async fn run(&self, trigger: &Trigger, unsettled: &[PathBuf]) -> Ended {
        let now = self.clock.now();
        {
            let mut runs = self.runs.lock().unwrap();
            runs.started.push((trigger.clone(), now, unsettled.to_vec()));
            runs.going += 1;
            assert_eq!(runs.going, 1, "two runs at once");
        }
        let _going = GoingOn(Arc::clone(&self.runs));
        tokio::select! {
            () = self.clock.sleep_until(now + self.run_takes) => {}
            () = self.cancel.notified() => {
                return Ended { ending: Ending::Cancelled, run: None, note: String::new() };
            }
        }
        if self.killed.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let completed = {
            let mut runs = self.runs.lock().unwrap();
            runs.completed += 1;
            runs.completed
        };
        let ending = if completed <= self.failing { Ending::Failed } else { Ending::Done };
        if ending == Ending::Done || self.lands {
            self.inbox
                .lock()
                .unwrap()
                .retain(|file| unsettled.contains(&file.path) || file.path.starts_with("exports"));
        }
        Ended { ending, run: Some(RunId("run".into())), note: String::new() }
    }
    async fn cancel(&self) {
        if self.runs.lock().unwrap().going > 0 {
            self.cancel.notify_one();
        }
    }
}

impl Inbox for Instance {
    fn look(&self) -> Result<Vec<Seen>> {
        Ok(self.inbox.lock().unwrap().clone())
    }
}

/// A world with one state, one inbox and any number of instances.
struct World {
    clock: Arc<SimulatedClock>,
    shared: Arc<Mutex<Shared>>,
    runs: Arc<Mutex<Runs>>,
    inbox: Arc<Mutex<Vec<Seen>>>,
    cron: Option<&'static str>,
    overlap: Overlap,
    run_takes: TimeDelta,
    /// So many runs fail, the first ones.
    failing: u32,
    /// A run that fails has landed its files before.
    lands: bool,
}

struct Living {
    work: JoinHandle<Result<()>>,
    killed: Arc<AtomicBool>,
    orders: mpsc::Sender<Order>,
}

impl World {
    fn new(now: &str, cron: Option<&'static str>) -> Self {
        Self {
            clock: Arc::new(SimulatedClock { now: Mutex::new(at(now)), sleepers: Mutex::default() }),
            shared: Arc::default(),
            runs: Arc::default(),
            inbox: Arc::default(),
            cron,
            overlap: Overlap::Wait,
            run_takes: TimeDelta::minutes(10),
            failing: 0,
            lands: false,
        }
    }

    fn start(&self, name: &str) -> Living {
        let killed = Arc::<AtomicBool>::default();
        let instance = Arc::new(Instance {
            name: name.into(),
            clock: Arc::clone(&self.clock),
            shared: Arc::clone(&self.shared),
            runs: Arc::clone(&self.runs),
            inbox: Arc::clone(&self.inbox),
            run_takes: self.run_takes,
            failing: self.failing,
            lands: self.lands,
            cancel: Notify::new(),
            killed: Arc::clone(&killed),
        });
        let schedule =
            self.cron.map(|cron| Schedule { cron: cron.parse().unwrap(), overlap: self.overlap, missed: Missed::Last });
        let runner = Runner {
            schedule,
            zone: chrono_tz::Europe::Berlin,
            arrival: Arrival::default(),
            clock: self.clock.clone(),
            store: instance.clone(),
            leadership: instance.clone(),
            launcher: instance.clone(),
            inbox: instance,
        };
        let (orders, received) = mpsc::channel(4);
        Living { work: tokio::spawn(runner.work(received)), killed, orders }
    }

    async fn go_to(&self, until: &str) {
        self.clock.go_to(at(until)).await;
    }

    fn drop_file(&self, path: &str, size: u64) {
        let mut inbox = self.inbox.lock().unwrap();
        inbox.retain(|file| file.path != std::path::Path::new(path));
        inbox.push(Seen { path: path.into(), size, modified: Some(self.clock.now()) });
    }

    /// What was started, in words.
    fn started(&self) -> Vec<String> {
        let words = |(trigger, at, unsettled): &(Trigger, DateTime<Utc>, Vec<PathBuf>)| {
            let why = match trigger {
                Trigger::Schedule(run) => format!("due {} attempt {}", run.due.format("%d %H:%M"), run.attempts + 1),
                Trigger::Arrival(files) => format!("{} files", files.len()),
                Trigger::Request => "asked".into(),
                Trigger::Failed => "failed".into(),
                Trigger::CutOff => "cut off".into(),
            };
            let left = if unsettled.is_empty() { String::new() } else { format!(", {} left alone", unsettled.len()) };
            format!("{}: {why}{left}", at.format("%d %H:%M:%S"))
        };
        self.runs.lock().unwrap().started.iter().map(words).collect()
    }

    fn completed(&self) -> u32 {
        self.runs.lock().unwrap().completed
    }

    fn events(&self) -> Vec<Event> {
        self.shared.lock().unwrap().log.iter().map(|line| line.event).collect()
    }
}

/// Given two instances, when the leader dies in the middle of a run, then the other takes over within
/// seconds and the run completes once; and the day after has its run.
#[tokio::test]
async fn a_leader_that_dies_mid_run() {
    let world = World::new("2024-03-15T04:50:00Z", Some("0 6 * * *"));
    let first = world.start("first");
    let _second = world.start("second");
    world.go_to("2024-03-15T05:03:00Z").await;
    first.work.abort();
    first.killed.store(true, Ordering::Relaxed);
    {
        let mut runs = world.runs.lock().unwrap();
        assert_eq!((runs.completed, runs.started.len()), (0, 1));
        runs.going = 0;
    }
    world.go_to("2024-03-16T06:00:00Z").await;
    let started = world.started();
    assert_eq!(started.len(), 3, "{started:?}");
    assert_eq!(started[0], "15 05:00:00: due 15 05:00 attempt 1");
    assert!(started[1].starts_with("15 05:03:0") && started[1].ends_with("due 15 05:00 attempt 2"), "{started:?}");
    assert_eq!(started[2], "16 05:00:00: due 16 05:00 attempt 1");
    assert_eq!(world.completed(), 2, "each once");
}

/// Given a stop in the middle of a run, when it is started again a day later, then the run is made up for,
/// and stopping costs it no attempt.
#[tokio::test]
async fn a_stop_mid_run() {
    let world = World::new("2024-03-15T04:59:00Z", Some("0 6 * * *"));
    for _ in 0..5 {
        let instance = world.start("only");
        let now = world.clock.now();
        world.clock.go_to(now + TimeDelta::minutes(2)).await;
        instance.orders.send(Order::Stop).await.unwrap();
        instance.work.await.unwrap().unwrap();
    }
    let _again = world.start("only");
    world.go_to("2024-03-15T06:00:00Z").await;
    let started = world.started();
    assert_eq!(started.len(), 6, "{started:?}");
    assert!(started.iter().all(|run| run.ends_with("due 15 05:00 attempt 1")), "{started:?}");
    assert_eq!(world.completed(), 1);
}

/// Given files that are dropped while others are still being written, then a run takes those that rest, and
/// is told which to leave alone; a file that stays where it lies starts one run, and one more when it changes.
#[tokio::test]
async fn files_start_runs() {
    let mut world = World::new("2024-03-15T12:00:00Z", None);
    world.run_takes = TimeDelta::seconds(20);
    let _instance = world.start("only");
    world.go_to("2024-03-15T12:00:10Z").await;
    assert_eq!(world.started(), Vec::<String>::new(), "nothing is there, nothing runs");
    world.drop_file("inbox/sales/a.csv", 10);
    world.go_to("2024-03-15T12:00:11Z").await;
    world.drop_file("inbox/sales/b.csv", 5);
    world.drop_file("inbox/sales/a.csv", 20);
    world.go_to("2024-03-15T12:00:12Z").await;
    world.drop_file("inbox/sales/b.csv", 6);
    world.go_to("2024-03-15T12:01:00Z").await;
    world.drop_file("exports/c.csv", 10);
    world.go_to("2024-03-15T14:00:00Z").await;
    world.drop_file("exports/c.csv", 11);
    world.go_to("2024-03-15T16:00:00Z").await;
    assert_eq!(
        world.started(),
        ["15 12:00:14: 1 files, 1 left alone", "15 12:00:34: 1 files", "15 12:01:03: 1 files", "15 14:00:03: 1 files"]
    );
}

/// Given a run that fails with its file still there (a full disk), then it is tried again after 1, 2, 4
/// minutes and so on, at most once an hour; a new file is not kept waiting by that.
#[tokio::test]
async fn files_of_a_failed_run_are_tried_again() {
    let mut world = World::new("2024-03-15T12:00:00Z", None);
    world.run_takes = TimeDelta::seconds(1);
    world.failing = u32::MAX;
    let _instance = world.start("only");
    world.drop_file("inbox/sales/a.csv", 10);
    world.go_to("2024-03-15T18:00:00Z").await;
    let times: Vec<String> = world.started().iter().map(|run| run[3..8].to_owned()).collect();
    assert_eq!(
        times,
        ["12:00", "12:01", "12:03", "12:07", "12:15", "12:31", "13:03", "14:03", "15:03", "16:03", "17:03"]
    );
    world.drop_file("inbox/sales/b.csv", 10);
    world.go_to("2024-03-15T18:00:10Z").await;
    assert_eq!(world.started().last().unwrap(), "15 18:00:03: 1 files");
}

/// Given runs that fail with their file still there, or landed, when the process is started again in between, then the
/// next one follows when it would have, and not at once.
#[tokio::test]
async fn retries_outlive_the_process() {
    for lands in [false, true] {
        let mut world = World::new("2024-03-15T12:00:00Z", None);
        (world.run_takes, world.failing, world.lands) = (TimeDelta::seconds(1), u32::MAX, lands);
        let first = world.start("first");
        world.drop_file("inbox/sales/a.csv", 10);
        world.go_to("2024-03-15T12:05:00Z").await;
        first.orders.send(Order::Stop).await.unwrap();
        world.go_to("2024-03-15T12:05:01Z").await;
        first.work.await.unwrap().unwrap();
        let second = world.start("second");
        world.go_to("2024-03-15T12:20:00Z").await;
        second.killed.store(true, Ordering::Relaxed);
        second.work.abort();
        let _third = world.start("third");
        world.go_to("2024-03-15T13:10:00Z").await;
        let times: Vec<String> = world.started().iter().map(|run| run[3..8].to_owned()).collect();
        assert_eq!(times, ["12:00", "12:01", "12:03", "12:07", "12:15", "12:31", "13:03"], "lands: {lands}");
    }
}

/// Given a retry whose process dies in the middle, then it is begun again, and what fails again is tried later.
#[tokio::test]
async fn a_retry_that_is_cut_off() {
    let mut world = World::new("2024-03-15T12:00:00Z", None);
    (world.run_takes, world.failing, world.lands) = (TimeDelta::seconds(10), u32::MAX, true);
    let first = world.start("first");
    world.drop_file("inbox/sales/a.csv", 10);
    world.go_to("2024-03-15T12:01:15Z").await;
    assert_eq!(world.started().last().unwrap(), "15 12:01:12: failed");
    first.killed.store(true, Ordering::Relaxed);
    first.work.abort();
    world.runs.lock().unwrap().going = 0;
    let _second = world.start("second");
    world.go_to("2024-03-15T12:10:00Z").await;
    let started = world.started();
    assert!(started[2].ends_with(": cut off"), "{started:?}");
    assert!(started[3].ends_with(": failed"), "{started:?}");
}

/// Given a run that fails when its file has landed, then another follows though nothing lies there any more, and
/// goes on until one has gone well; a run of another file that goes well in between does not stand for it.
#[tokio::test]
async fn a_file_of_a_failed_run_that_has_landed_is_loaded_later() {
    let mut world = World::new("2024-03-15T12:00:00Z", None);
    world.run_takes = TimeDelta::seconds(1);
    world.failing = 1;
    world.lands = true;
    let _instance = world.start("only");
    world.drop_file("inbox/sales/a.csv", 10);
    world.go_to("2024-03-15T12:00:20Z").await;
    world.drop_file("inbox/sales/b.csv", 10);
    world.go_to("2024-03-15T18:00:00Z").await;
    assert_eq!(world.started(), ["15 12:00:02: 1 files", "15 12:00:23: 1 files", "15 12:01:03: failed"]);
}

/// Given orders while a run is going on, then a request waits for its end, and a cancelled run is not begun again.
#[tokio::test]
async fn orders() {
    let world = World::new("2024-03-15T04:59:00Z", Some("0 6 * * *"));
    let instance = world.start("only");
    world.go_to("2024-03-15T05:01:00Z").await;
    instance.orders.send(Order::Run).await.unwrap();
    instance.orders.send(Order::Run).await.unwrap();
    world.go_to("2024-03-15T05:30:00Z").await;
    assert_eq!(world.started(), ["15 05:00:00: due 15 05:00 attempt 1", "15 05:10:00: asked"]);
    instance.orders.send(Order::Run).await.unwrap();
    world.go_to("2024-03-15T05:31:00Z").await;
    instance.orders.send(Order::Cancel).await.unwrap();
    world.go_to("2024-03-15T06:00:00Z").await;
    assert_eq!((world.started().len(), world.completed()), (3, 2));
    assert_eq!(world.events().last(), Some(&Event::Cancelled));
}

/// Given a schedule that ends what is still going on, then the run that is due begins at once.
#[tokio::test]
async fn a_run_that_gives_way() {
    let mut world = World::new("2024-03-15T04:59:00Z", Some("0 * * * *"));
    world.overlap = Overlap::Cancel;
    world.run_takes = TimeDelta::minutes(90);
    let _instance = world.start("only");
    world.go_to("2024-03-15T07:30:00Z").await;
    assert_eq!(world.started().len(), 3);
    assert_eq!(world.started()[1], "15 06:00:00: due 15 06:00 attempt 1");
    assert_eq!(world.events(), [Event::Started, Event::Cancelled, Event::Started, Event::Cancelled, Event::Started]);
}

/// Given a state that is away when a run is due, then nothing is started that could be started twice; once
/// it is back the run comes.
#[tokio::test]
async fn a_state_that_is_away() {
    let world = World::new("2024-03-15T04:59:00Z", Some("0 6 * * *"));
    let _instance = world.start("only");
    world.go_to("2024-03-15T04:59:30Z").await;
    world.shared.lock().unwrap().away = true;
    world.go_to("2024-03-15T05:20:00Z").await;
    assert_eq!(world.started(), Vec::<String>::new());
    world.shared.lock().unwrap().away = false;
    world.go_to("2024-03-15T06:00:00Z").await;
    assert_eq!(world.started(), ["15 05:20:00: due 15 05:00 attempt 1"]);
    assert_eq!(world.events(), [Event::Started, Event::Done], "the end is noted too");
}
