//! The machine's clock, and the inbox of a project.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use shoplake_core::schedule::Seen;
use shoplake_core::schedule::ports::{Clock, Inbox};
use shoplake_core::{Project, Result};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// A machine that sleeps, or whose clock is set, is found out within this.
const LONGEST_NAP: Duration = Duration::from_secs(1);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let left = (at - Utc::now()).to_std().unwrap_or_default();
        tokio::time::sleep(left.min(LONGEST_NAP)).await;
    }
}

/// The places where a project's datasets look for files.
#[derive(Debug, Clone)]
pub struct ProjectInbox(pub Arc<Project>);

impl Inbox for ProjectInbox {
    fn look(&self) -> Result<Vec<Seen>> {
        let arrivals = shoplake_sources::files::scan(&self.0)?;
        let mut files = Vec::with_capacity(arrivals.len());
        for arrival in arrivals {
            match fs_err::symlink_metadata(&arrival.path) {
                Ok(metadata) => {
                    let modified = metadata.modified().ok().map(DateTime::<Utc>::from);
                    files.push(Seen { path: arrival.path, size: metadata.len(), modified });
                }
                // It was taken away between the two looks.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(files)
    }
}
