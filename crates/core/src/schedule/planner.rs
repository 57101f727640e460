//! What to do about the schedule at a moment: start, wait, leave out, end what is going on.
//!
//! A state machine without a clock. Its caller asks it at any moment ([`Planner::tick`]), does what it
//! says, tells it what ended ([`Planner::ended`]), and keeps its [`Memory`](super::ports::Memory) after
//! each step, so that another process can go on from there.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::ports::{Memory, Skipped};
use super::{ATTEMPTS_MAX, MISSED_MAX, Missed, Overlap, Schedule};

/// A memory further in the future than this was written by a clock that was wrong.
const CLOCK_SLACK: TimeDelta = TimeDelta::hours(24);

/// A run that is due and has not begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unstarted {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// How often it was begun before and cut off.
    pub attempts: u32,
    /// How many due runs it stands for, itself included.
    pub stands_for: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// It is published, or there was nothing to do.
    Done,
    /// Something of the data failed, or the run did.
    Failed,
    /// It was told to end.
    Cancelled,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Start this run.
    Start(Unstarted),
    /// End the run that was due then; the next tick starts the one that waits for it.
    Cancel(DateTime<Utc>),
    /// So many runs, the last of which was due then, do not happen.
    Skip(DateTime<Utc>, u64, Skipped),
}

/// The schedule at work.
#[derive(Debug, Clone)]
pub struct Planner {
    schedule: Schedule,
    zone: Tz,
    /// Everything due until here is done, queued or left out.
    counted_until: DateTime<Utc>,
    next: Option<DateTime<Utc>>,
    queue: VecDeque<Unstarted>,
    running: Option<Unstarted>,
    cancelling: bool,
}

impl Planner {
    /// Goes on from `memory`. A schedule that it does not know counts from `now`; a run that was going
    /// on when its process died comes first, or is given up.
    pub fn resume(schedule: Schedule, zone: Tz, memory: Option<&Memory>, now: DateTime<Utc>) -> (Self, Vec<Step>) {
        let known = memory.filter(|memory| memory.schedule == fingerprint(&schedule, zone));
        let counted_until = known.map_or(now, |memory| memory.counted_until);
        let mut queue: VecDeque<Unstarted> =
            memory.map(|memory| memory.waiting.iter().cloned().collect()).unwrap_or_default();
        let mut steps = Vec::new();
        if let Some(cut_off) = memory.and_then(|memory| memory.running.clone()) {
            let again = Unstarted { attempts: cut_off.attempts + 1, ..cut_off };
            if again.attempts < ATTEMPTS_MAX {
                queue.push_front(again);
            } else {
                steps.push(Step::Skip(again.due, again.stands_for, Skipped::CutOffTooOften));
            }
        }
        let mut planner = Self { schedule, zone, counted_until, next: None, queue, running: None, cancelling: false };
        planner.look_ahead();
        (planner, steps)
    }

    /// What to do at `now`. `occupied` says that a run which is not the schedule's is going on: it is
    /// always waited for.
    pub fn tick(&mut self, now: DateTime<Utc>, occupied: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.counted_until > now + CLOCK_SLACK {
            self.counted_until = now;
            self.look_ahead();
        }
        if self.next.is_some_and(|next| next <= now) {
            self.take_due(now, &mut steps);
        }
        if self.running.is_none()
            && !occupied
            && let Some(next) = self.queue.pop_front()
        {
            self.running = Some(next.clone());
            steps.push(Step::Start(next));
        }
        steps
    }

    /// The schedule's run has ended.
    pub fn ended(&mut self) {
        self.running = None;
        self.cancelling = false;
    }

    /// The schedule's run was ended to be begun again by whoever comes next: that costs it no attempt.
    pub fn put_back(&mut self) {
        self.queue.extend(self.running.take());
        self.queue.make_contiguous().sort_by_key(|run| run.due);
        self.cancelling = false;
    }

    /// When there is something to do next, if nothing ends before.
    pub fn wakes_at(&self) -> Option<DateTime<Utc>> {
        self.next
    }

    /// What another process needs to go on from here.
    pub fn memory(&self) -> Memory {
        Memory {
            schedule: fingerprint(&self.schedule, self.zone),
            counted_until: self.counted_until,
            waiting: self.queue.iter().cloned().collect(),
            running: self.running.clone(),
            occupied: 0,
            retry: None,
        }
    }

    fn look_ahead(&mut self) {
        self.next = self.schedule.cron.after(self.zone, self.counted_until).next();
    }

    /// Queues or leaves out all that came due.
    fn take_due(&mut self, now: DateTime<Utc>, steps: &mut Vec<Step>) {
        let mut due = VecDeque::new();
        let (mut left_out, mut last_left_out) = (0, None);
        let mut occurrences = self.schedule.cron.after(self.zone, self.counted_until);
        self.next = occurrences.find(|moment| {
            if *moment <= now {
                due.push_back(*moment);
                if due.len() > MISSED_MAX {
                    last_left_out = due.pop_front();
                    left_out += 1;
                }
            }
            *moment > now
        });
        let Some(last) = due.back().copied() else { return };
        self.counted_until = last;
        if self.running.is_some() && self.schedule.overlap == Overlap::Skip {
            steps.push(Step::Skip(last, due.len() as u64 + left_out, Skipped::StillRunning));
            return;
        }
        match self.schedule.missed {
            Missed::Last => {
                let waited: u64 = self.queue.drain(..).map(|waiting| waiting.stands_for).sum();
                let stands_for = waited + left_out + due.len() as u64;
                self.queue.push_back(Unstarted { due: last, attempts: 0, stands_for });
            }
            Missed::All => {
                if let Some(last) = last_left_out {
                    steps.push(Step::Skip(last, left_out, Skipped::TooMany));
                }
                self.queue.extend(due.iter().map(|due| Unstarted { due: *due, attempts: 0, stands_for: 1 }));
                self.bound(steps);
            }
        }
        if let Some(running) = &self.running
            && self.schedule.overlap == Overlap::Cancel
            && !self.cancelling
        {
            self.cancelling = true;
            steps.push(Step::Cancel(running.due));
        }
    }

    /// A queue that only grows is cut at its old end.
    fn bound(&mut self, steps: &mut Vec<Step>) {
        let many = self.queue.len().saturating_sub(MISSED_MAX);
        if let Some(last) = self.queue.drain(..many).next_back() {
            steps.push(Step::Skip(last.due, many as u64, Skipped::TooMany));
        }
    }
}

/// What a memory must have been written for to be gone on from.
fn fingerprint(schedule: &Schedule, zone: Tz) -> String {
    format!("{} {}", schedule.cron, zone.name())
}
