//! The meaning of `schedule:` and `arrival:`.

use chrono::TimeDelta;
use shoplake_core::Fault;
use shoplake_core::schedule::{Arrival, Cron, Missed, Overlap, Schedule};

use crate::files::{ArrivalFile, MissedWord, OverlapWord, ScheduleFile};
use crate::units;
use crate::yaml::Node;

/// The schedule, checked; `None` where `faults` says why not.
pub(crate) fn read(file: ScheduleFile, node: &Node, faults: &mut Vec<Fault>) -> Option<Schedule> {
    let (cron, node, overlap, missed) = match file {
        ScheduleFile::Cron(cron) => (cron, node, None, None),
        ScheduleFile::Map(map) => (map.cron, node.at("cron"), map.overlap, map.missed),
    };
    let cron = match cron.parse::<Cron>() {
        Ok(cron) => cron,
        Err(why) => {
            let fault = node.fault(format!("`schedule`: {why}"));
            faults.push(fault.hint("for example `0 6 * * *`: every day at 6:00"));
            return None;
        }
    };
    let overlap = match overlap {
        None | Some(OverlapWord::Wait) => Overlap::Wait,
        Some(OverlapWord::Skip) => Overlap::Skip,
        Some(OverlapWord::Cancel) => Overlap::Cancel,
    };
    let missed = match missed {
        None | Some(MissedWord::Last) => Missed::Last,
        Some(MissedWord::All) => Missed::All,
    };
    Some(Schedule { cron, overlap, missed })
}

/// What files that arrive do, checked.
pub(crate) fn arrival(file: Option<ArrivalFile>, node: &Node, faults: &mut Vec<Fault>) -> Arrival {
    let mut arrival = Arrival::default();
    let Some(file) = file else { return arrival };
    arrival.run = file.run.unwrap_or(arrival.run);
    if let Some(settle) = file.settle {
        // An hour is beyond any upload that pauses, and below what a day's files can wait.
        if let Some(seconds) = units::seconds(&settle.0).filter(|seconds| (1..=3600).contains(seconds)) {
            arrival.settle = TimeDelta::seconds(seconds);
        } else {
            let fault = node.at("settle").fault(format!("`{}` is not between `1s` and `1h`", settle.0));
            faults.push(fault.hint("for example `2s`"));
        }
    }
    arrival
}
