//! The meaning of `retry:`.

use chrono::TimeDelta;
use shoplake_core::Fault;
use shoplake_core::retry::{Retries, Step, StepRetry, Trouble};

use crate::files::{RetryFile, Scalar, StepFile, TroubleWord};
use crate::units;
use crate::yaml::Node;

/// How steps are tried, checked.
pub(crate) fn read(file: Option<RetryFile>, node: &Node, faults: &mut Vec<Fault>) -> Retries {
    let mut retries = Retries::default();
    let Some(file) = file else { return retries };
    let RetryFile { attempts, wait, longest_wait, on, timeout, set_aside_after, steps } = file;
    let every = StepFile { attempts, wait, longest_wait, on, timeout };
    retries.every = step(&every, node, &retries.every, faults);
    match set_aside_after {
        Some(0) => faults.push(node.at("set_aside_after").fault("`set_aside_after` is 1 or more")),
        stated => retries.set_aside_after = stated.unwrap_or(retries.set_aside_after),
    }
    let steps = steps.unwrap_or_default();
    let written = [steps.recover, steps.land, steps.load, steps.models, steps.publish, steps.archive, steps.reports];
    for (which, written) in Step::ALL.into_iter().zip(written) {
        let Some(written) = written else { continue };
        let read = step(&written, node.at("steps").at(which.word()), &retries.every, faults);
        retries.steps.insert(which, read);
    }
    retries
}

fn step(file: &StepFile, node: &Node, otherwise: &StepRetry, faults: &mut Vec<Fault>) -> StepRetry {
    let mut retry = otherwise.clone();
    match file.attempts {
        Some(0) => faults.push(node.at("attempts").fault("`attempts` is 1 or more: the first time counts")),
        stated => retry.attempts = stated.unwrap_or(retry.attempts),
    }
    let mut time = |key: &str, written: &Option<Scalar>, least: i64| {
        let written = written.as_ref()?;
        let seconds = units::seconds(&written.0).filter(|seconds| (least..=MOST).contains(seconds));
        if seconds.is_none() {
            let fault = node.at(key).fault(format!("`{}` is not between `{least}s` and `30d`", written.0));
            faults.push(fault.hint("for example `30s`, `5m` or `2h`"));
        }
        seconds.map(TimeDelta::seconds)
    };
    retry.wait = time("wait", &file.wait, 0).unwrap_or(retry.wait);
    retry.longest_wait = time("longest_wait", &file.longest_wait, 0).unwrap_or(retry.longest_wait);
    retry.timeout = time("timeout", &file.timeout, 1).unwrap_or(retry.timeout);
    if let Some(on) = &file.on {
        retry.on = on.iter().map(|word| trouble(*word)).collect();
    }
    retry
}

/// Seconds of 30 days, beyond which a time is a slip.
const MOST: i64 = 30 * 86_400;

fn trouble(word: TroubleWord) -> Trouble {
    match word {
        TroubleWord::Unavailable => Trouble::Unavailable,
        TroubleWord::Timeout => Trouble::Timeout,
        TroubleWord::Internal => Trouble::Internal,
    }
}
