//! What is measured on this machine: inboxes, the bytes of the lake, the memory of this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shoplake_core::ports::Take;
use shoplake_core::{Project, Result};
use shoplake_monitor::metrics::{Arrived, Machine};

use crate::sizes::Sizes;

/// The machine as a project sees it.
pub(crate) struct ProjectMachine(pub(crate) Arc<Project>);

impl Machine for ProjectMachine {
    fn arrived(&self) -> Result<Vec<Arrived>> {
        let mut by_dataset: BTreeMap<String, (u64, Option<DateTime<Utc>>)> =
            self.0.datasets.iter().map(|dataset| (dataset.contract.dataset.clone(), (0, None))).collect();
        for arrival in shoplake_sources::files::scan(&self.0)? {
            // A file that belongs to somebody else stays where it lies.
            if arrival.take == Take::Copy {
                continue;
            }
            // One that is taken away meanwhile has no age.
            let changed = fs_err::symlink_metadata(&arrival.path).and_then(|metadata| metadata.modified()).ok();
            let (files, oldest) = by_dataset.entry(arrival.dataset).or_default();
            *files += 1;
            *oldest = oldest.iter().copied().chain(changed.map(DateTime::<Utc>::from)).min();
        }
        let arrived = |(dataset, (files, oldest))| Arrived { dataset, files, oldest };
        Ok(by_dataset.into_iter().map(arrived).collect())
    }

    fn stored(&self) -> Result<Vec<(&'static str, u64)>> {
        Ok(Sizes::of(&self.0)?.zones())
    }

    fn resident(&self) -> Option<u64> {
        resident()
    }
}

/// The resident memory of this process, in bytes, where the system has `/proc`.
fn resident() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
