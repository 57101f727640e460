//! Steps that are tried again: within their time, after a wait, for the faults that shoplake.yml names.

use std::collections::BTreeMap;
use std::future::Future;

use shoplake_core::retry::{Step, Trouble};
use shoplake_core::{Fault, FaultKind, Result, RunId};

use crate::Pipeline;

/// A step that did not work.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) step: Step,
    pub(crate) fault: Fault,
    trouble: Option<Trouble>,
    /// Whether it was waited for already.
    waited: bool,
}

impl Failed {
    pub(crate) fn of(step: Step, fault: Fault) -> Self {
        Self { step, trouble: Trouble::of(&fault), fault, waited: false }
    }

    /// A fault that nothing is tried again for.
    pub(crate) fn for_good(step: Step, fault: Fault) -> Self {
        Self { step, trouble: None, fault, waited: false }
    }

    /// Whether it ran out of its time.
    pub(crate) fn timed_out(&self) -> bool {
        self.trouble == Some(Trouble::Timeout)
    }

    /// The step has to be done again, and the wait for it is over.
    pub(crate) fn waited(step: Step) -> Self {
        Self { step, trouble: None, fault: Fault::internal("tried again"), waited: true }
    }
}

/// How often the steps of one run have failed.
pub(crate) struct Tries<'a> {
    pipeline: &'a Pipeline,
    run: RunId,
    failed: BTreeMap<Step, u32>,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(pipeline: &'a Pipeline, run: &RunId) -> Self {
        Self { pipeline, run: run.clone(), failed: BTreeMap::new() }
    }

    /// Does a step once, within its time; of the load, one file. What is published is never cut off: nobody could tell
    /// whether it was.
    pub(crate) async fn once<T>(&self, step: Step, work: impl Future<Output = Result<T>>) -> Result<T, Failed> {
        if step == Step::Publish {
            return work.await.map_err(|fault| Failed::of(step, fault));
        }
        let timeout = self.pipeline.project.retries.of(step).timeout;
        let clock = &self.pipeline.clock;
        let deadline = clock.now() + timeout;
        let late = async {
            while clock.now() < deadline {
                clock.sleep_until(deadline).await;
            }
        };
        tokio::select! {
            biased;
            done = work => done.map_err(|fault| Failed::of(step, fault)),
            () = late => {
                let seconds = timeout.num_seconds();
                let fault = Fault::unavailable(format!("step `{}` took longer than {seconds} s", step.word()))
                    .hint(format!("if it needs longer, raise `retry.steps.{}.timeout` in shoplake.yml", step.word()));
                Err(Failed { step, fault, trouble: Some(Trouble::Timeout), waited: false })
            }
        }
    }

    /// Waits before a step that failed is tried again.
    ///
    /// # Errors
    /// The step's fault, where it is not tried again.
    pub(crate) async fn again(&mut self, failed: Failed) -> Result<()> {
        if failed.waited {
            return Ok(());
        }
        let Failed { step, fault, trouble, .. } = failed;
        let times = self.failed.entry(step).or_default();
        *times += 1;
        let retry = self.pipeline.project.retries.of(step);
        let wait = trouble.and_then(|trouble| retry.wait_after(*times, trouble, (&self.run.0, step)));
        let Some(wait) = wait else {
            return Err(if *times > 1 { told(fault, step, *times) } else { fault });
        };
        let seconds = wait.num_milliseconds() as f64 / 1_000.0;
        // A fault of the world names no value of a row; another might.
        let why = (fault.kind == FaultKind::Unavailable).then(|| fault.for_log());
        tracing::warn!(run = %self.run, step = step.word(), why, attempt = *times, seconds, "failed, tried again");
        let clock = &self.pipeline.clock;
        let until = clock.now() + wait;
        while clock.now() < until {
            clock.sleep_until(until).await;
        }
        Ok(())
    }

    /// Does a step that can be repeated until it works.
    ///
    /// # Errors
    /// Its last fault.
    pub(crate) async fn until_done<T, F: Future<Output = Result<T>>>(
        &mut self,
        step: Step,
        mut work: impl FnMut() -> F,
    ) -> Result<T> {
        loop {
            match self.once(step, work()).await {
                Ok(done) => return Ok(done),
                Err(failed) => self.again(failed).await?,
            }
        }
    }
}

fn told(fault: Fault, step: Step, times: u32) -> Fault {
    let before = fault.detail.as_deref().map(|detail| format!("{detail} ")).unwrap_or_default();
    fault.detail(format!("{before}Step `{}` was tried {times} times.", step.word()))
}
