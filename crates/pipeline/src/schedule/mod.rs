//! The schedule at work: who starts a run when it is due, or when files have arrived.
//!
//! The rules are [`shoplake_core::schedule`]'s; here they meet a clock, a memory, an inbox and whoever
//! runs the pipeline, all behind ports. A step is remembered before it is taken: a process that dies
//! leaves behind what the next one has to go on with, and one that does not lead (any more) cannot
//! write, so that nothing is begun twice.

mod adapters;
mod arrivals;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use shoplake_core::Result;
use shoplake_core::logs::KEPT;
use shoplake_core::schedule::ports::{
    Clock, Ended, Event, Inbox, Launcher, Leadership, Logged, Memory, ScheduleStore, Skipped, Standing, Trigger,
};
use shoplake_core::schedule::{ATTEMPTS_MAX, Arrival, Ending, Planner, Schedule, Step};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use adapters::{ProjectInbox, SystemClock};
use arrivals::Arrivals;

/// How often it beats, looks into the inbox and at the clock.
const BEAT: TimeDelta = TimeDelta::seconds(1);

/// What somebody may tell the schedule while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Run now, or after what is going on.
    Run,
    /// End what is going on.
    Cancel,
    /// Stop: what is going on is ended, and begun again by whoever comes next.
    Stop,
}

/// All that the schedule works with.
#[derive(Clone)]
pub struct Runner {
    /// When to run; without one only files and orders start runs.
    pub schedule: Option<Schedule>,
    /// The shop's zone.
    pub zone: Tz,
    /// What files that arrive do.
    pub arrival: Arrival,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The memory.
    pub store: Arc<dyn ScheduleStore>,
    /// Who of several instances acts.
    pub leadership: Arc<dyn Leadership>,
    /// Who runs the pipeline.
    pub launcher: Arc<dyn Launcher>,
    /// Where files arrive.
    pub inbox: Arc<dyn Inbox>,
}

/// A run that is going on.
struct Going {
    trigger: Trigger,
    task: JoinHandle<Ended>,
}

/// What a leader knows.
struct Lead {
    term: u64,
    planner: Option<Planner>,
    /// Runs that no schedule asked for and that wait: the next one's trigger.
    asked: Option<Trigger>,
    /// How often the run that no schedule asked for was begun.
    occupied: u32,
    /// Lines of the log that are to be written with the next step.
    unwritten: Vec<Logged>,
}

impl Runner {
    /// Works until it is told to stop, or nobody is left to tell it.
    ///
    /// # Errors
    /// None so far: a state or an inbox that is away is waited for, and told in the log.
    pub async fn work(self, mut orders: mpsc::Receiver<Order>) -> Result<()> {
        let mut lead: Option<Lead> = None;
        let mut going: Option<Going> = None;
        let mut arrivals = Arrivals::new(self.arrival);
        loop {
            self.stand(&mut lead, &mut arrivals, going.as_ref()).await;
            if let Some(lead) = &mut lead {
                arrivals.look(&*self.inbox, self.clock.now());
                self.act(lead, &mut going, &mut arrivals).await;
            }
            let wakes_at = lead.as_ref().and_then(|lead| lead.planner.as_ref()?.wakes_at());
            let latest = self.clock.now() + BEAT;
            tokio::select! {
                ended = ended(&mut going) => self.settle(&mut lead, &mut arrivals, ended),
                order = orders.recv() => match order {
                    Some(Order::Run) => if let Some(lead) = &mut lead {
                        lead.asked.get_or_insert(Trigger::Request);
                    },
                    Some(Order::Cancel) => self.launcher.cancel().await,
                    Some(Order::Stop) | None => return self.stop(lead, &arrivals, going).await,
                },
                () = self.clock.sleep_until(wakes_at.map_or(latest, |at| at.min(latest))) => {}
            }
        }
    }

    /// Finds out whether this instance leads, and takes up or lays down what that means.
    async fn stand(&self, lead: &mut Option<Lead>, arrivals: &mut Arrivals, going: Option<&Going>) {
        let standing = match self.leadership.beat().await {
            Ok(standing) => standing,
            Err(fault) => {
                return tracing::warn!(fault = fault.for_log(), "the schedule cannot tell whether it leads, and waits");
            }
        };
        match (standing, lead.as_ref()) {
            (Standing::Leads(term), Some(known)) if known.term == term => {}
            (Standing::Leads(_), _) if going.is_some() => {
                // Led again while a run of an earlier term is still ending: first it ends.
                *lead = None;
                self.launcher.cancel().await;
            }
            (Standing::Leads(term), _) => match self.take_over(term, arrivals).await {
                Ok(taken) => *lead = Some(taken),
                Err(fault) => {
                    tracing::warn!(fault = fault.for_log(), "the schedule cannot recall what it knows, and waits");
                }
            },
            (Standing::Follows, Some(_)) => {
                tracing::warn!("another instance leads now");
                *lead = None;
                self.launcher.cancel().await;
            }
            (Standing::Follows, None) => {}
        }
    }

    /// Goes on from what the last leader knew.
    async fn take_over(&self, term: u64, arrivals: &mut Arrivals) -> Result<Lead> {
        let memory = self.store.recall().await?;
        let now = self.clock.now();
        let mut lead = Lead { term, planner: None, asked: None, occupied: 0, unwritten: Vec::new() };
        let mut log = Vec::new();
        if let Some(schedule) = self.schedule.clone() {
            let (planner, steps) = Planner::resume(schedule, self.zone, memory.as_ref(), now);
            lead.planner = Some(planner);
            log.extend(steps.iter().filter_map(|step| skipped(step, now)));
        }
        lead.occupied = memory.as_ref().map_or(0, |memory| memory.occupied);
        if let Some(retry) = memory.and_then(|memory| memory.retry) {
            arrivals.recall(retry);
        }
        if lead.occupied >= ATTEMPTS_MAX {
            lead.occupied = 0;
            log.push(line(now, Event::Skipped, None, words(Skipped::CutOffTooOften)));
        } else if lead.occupied > 0 {
            lead.asked = Some(Trigger::CutOff);
        }
        self.store.keep(term, &self.memory(&lead, arrivals), &log).await?;
        tell(&log);
        tracing::info!(term, "the schedule works");
        Ok(lead)
    }

    /// Takes the steps that are due. None is taken that could not be remembered.
    async fn act(&self, lead: &mut Lead, going: &mut Option<Going>, arrivals: &mut Arrivals) {
        let now = self.clock.now();
        let before = (lead.planner.clone(), lead.asked.clone(), lead.occupied);
        let occupied = going.as_ref().is_some_and(|going| !matches!(going.trigger, Trigger::Schedule(_)));
        let steps = lead.planner.as_mut().map(|planner| planner.tick(now, occupied)).unwrap_or_default();
        let mut log = lead.unwritten.clone();
        log.extend(steps.iter().filter_map(|step| skipped(step, now)));
        let mut start = steps.iter().find_map(|step| match step {
            Step::Start(run) => Some(Trigger::Schedule(run.clone())),
            _ => None,
        });
        if start.is_none() && going.is_none() {
            start = lead.asked.take().or_else(|| arrivals.take(now));
            lead.occupied = match &start {
                None => lead.occupied,
                Some(Trigger::CutOff) => lead.occupied + 1,
                Some(_) => 1,
            };
        }
        log.extend(start.as_ref().map(|trigger| started(trigger, now)));
        let changed = before.0.as_ref().map(Planner::memory) != lead.planner.as_ref().map(Planner::memory);
        if changed || !log.is_empty() {
            if let Err(fault) = self.store.keep(lead.term, &self.memory(lead, arrivals), &log).await {
                tracing::warn!(fault = fault.for_log(), "nothing is started that cannot be remembered");
                // It is decided again at the next beat.
                (lead.planner, lead.asked, lead.occupied) = before;
                if let Some(trigger) = &start {
                    arrivals.give_back(trigger, now);
                }
                return;
            }
            tell(&log);
            lead.unwritten.clear();
        }
        if steps.iter().any(|step| matches!(step, Step::Cancel(_))) {
            self.launcher.cancel().await;
        }
        if let Some(trigger) = start {
            let (launcher, unsettled) = (Arc::clone(&self.launcher), arrivals.unsettled(now));
            let begun = trigger.clone();
            let task = tokio::spawn(async move { launcher.run(&begun, &unsettled).await });
            *going = Some(Going { trigger, task });
        }
    }

    /// Notes how a run ended; the next step writes it down.
    fn settle(&self, lead: &mut Option<Lead>, arrivals: &mut Arrivals, (trigger, ended): (Trigger, Ended)) {
        let now = self.clock.now();
        arrivals.ended(&trigger, ended.ending, now);
        let Some(lead) = lead else { return };
        if matches!(trigger, Trigger::Schedule(_)) {
            if let Some(planner) = &mut lead.planner {
                planner.ended();
            }
        } else {
            lead.occupied = 0;
        }
        let event = match ended.ending {
            Ending::Done => Event::Done,
            Ending::Failed => Event::Failed,
            Ending::Cancelled => Event::Cancelled,
        };
        let mut logged = line(now, event, due(&trigger), ended.note);
        logged.run = ended.run;
        lead.unwritten.push(logged);
    }

    /// Ends what is going on, keeps it for whoever comes next, and gives the lead away.
    async fn stop(&self, lead: Option<Lead>, arrivals: &Arrivals, going: Option<Going>) -> Result<()> {
        if let Some(going) = going {
            self.launcher.cancel().await;
            let _ = going.task.await;
        }
        if let Some(mut lead) = lead {
            if let Some(planner) = &mut lead.planner {
                planner.put_back();
            }
            self.store.keep(lead.term, &self.memory(&lead, arrivals), &lead.unwritten).await?;
        }
        self.leadership.resign().await
    }

    fn memory(&self, lead: &Lead, arrivals: &Arrivals) -> Memory {
        let nothing = || Memory {
            schedule: String::new(),
            counted_until: self.clock.now(),
            waiting: Vec::new(),
            running: None,
            occupied: 0,
            retry: None,
        };
        let memory = lead.planner.as_ref().map_or_else(nothing, Planner::memory);
        Memory { occupied: lead.occupied, retry: arrivals.retry(), ..memory }
    }
}

/// The end of the run that is going on; never, where there is none.
async fn ended(going: &mut Option<Going>) -> (Trigger, Ended) {
    let Some(run) = going else { return std::future::pending().await };
    let ended = (&mut run.task).await.unwrap_or_else(|error| Ended {
        ending: Ending::Failed,
        run: None,
        note: format!("the run broke off: {error}"),
    });
    let trigger = run.trigger.clone();
    *going = None;
    (trigger, ended)
}

fn due(trigger: &Trigger) -> Option<DateTime<Utc>> {
    match trigger {
        Trigger::Schedule(run) => Some(run.due),
        _ => None,
    }
}

fn line(at: DateTime<Utc>, event: Event, due: Option<DateTime<Utc>>, note: impl Into<String>) -> Logged {
    Logged { at, due, event, count: 1, run: None, note: note.into() }
}

fn started(trigger: &Trigger, now: DateTime<Utc>) -> Logged {
    let (count, note) = match trigger {
        Trigger::Schedule(run) if run.attempts > 0 => (run.stands_for, "again, since it was cut off".to_owned()),
        Trigger::Schedule(run) if run.stands_for > 1 => {
            (run.stands_for, format!("one run for {} that were due", run.stands_for))
        }
        Trigger::Schedule(run) => (run.stands_for, String::new()),
        Trigger::Arrival(files) if files.len() == 1 => (1, "a file has arrived".to_owned()),
        Trigger::Arrival(files) => (1, format!("{} files have arrived", files.len())),
        Trigger::Request => (1, "somebody asked for it".to_owned()),
        Trigger::Failed => (1, "again, since a run of files that had arrived failed".to_owned()),
        Trigger::CutOff => (1, "again, since it was cut off".to_owned()),
    };
    Logged { count, ..line(now, Event::Started, due(trigger), note) }
}

/// The same in the log that is kept.
fn tell(log: &[Logged]) {
    for line in log {
        let Logged { event, note, .. } = line;
        let (due, run) = (line.due.map(|due| due.to_rfc3339()), line.run.as_ref().map(|run| run.0.as_str()));
        tracing::info!(target: KEPT, ?event, due, run, note, "a run of the schedule");
    }
}

fn skipped(step: &Step, now: DateTime<Utc>) -> Option<Logged> {
    match step {
        Step::Skip(due, count, why) => {
            Some(Logged { count: *count, ..line(now, Event::Skipped, Some(*due), words(*why)) })
        }
        _ => None,
    }
}

fn words(why: Skipped) -> &'static str {
    match why {
        Skipped::StillRunning => "another run was going on",
        Skipped::TooMany => "more were missed than are made up for",
        Skipped::CutOffTooOften => "its process died each time; given up",
    }
}
