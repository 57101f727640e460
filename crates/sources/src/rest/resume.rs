//! A pull that outlives its run: what is stored after every page, and how the next run takes it up.

use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shoplake_core::LandedFile;
use shoplake_core::outcome::FileStatus;
use shoplake_core::ports::{LandingZone, StateStore};
use shoplake_core::source::RestApi;
use shoplake_core::{Fault, Result};

use super::cursor::CursorValue;
use super::paginator::Position;

/// A pull as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredPull {
    /// The pull's id; ids of later pulls sort after those of earlier ones.
    pub(super) pull: String,
    /// A hash of what decides the requests: another one makes the pages not fit together.
    source: String,
    /// The value of the incremental parameter in all requests of this pull.
    pub(super) since: Option<String>,
    /// The request to make next.
    pub(super) next: Position,
    /// The keys of the pages that are landed, in order.
    pub(super) files: Vec<String>,
    /// The furthest cursor value so far.
    pub(super) furthest: Option<Value>,
    /// The hash of the last page's records.
    pub(super) last_page: Option<String>,
    /// Whether all pages are landed, and only their load is left.
    pub(super) complete: bool,
}

impl StoredPull {
    /// A pull from the start: from what is loaded (`cursor`), the lag behind it, or the initial value.
    /// Its id sorts after those of the pulls that `waiting` files are of, whatever the clock says.
    pub(super) fn new(api: &RestApi, cursor: Option<&Value>, waiting: &[LandedFile]) -> Self {
        let since = api.incremental.as_ref().and_then(|incremental| {
            let stored = cursor.and_then(CursorValue::of_stored);
            stored.map(|value| value.behind(incremental.lag_seconds)).or_else(|| incremental.initial.clone())
        });
        Self {
            pull: new_id(waiting.iter().filter_map(|file| Some(file.page.as_ref()?.0.as_str())).max()),
            source: source(api),
            since,
            next: Position::first(&api.paginator),
            files: Vec::new(),
            furthest: None,
            last_page: None,
            complete: false,
        }
    }

    /// The JSON to store.
    pub(super) fn json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|error| Fault::internal("a pull cannot be stored").caused_by(error))
    }

    /// Takes up an unfinished pull: its pages that still wait in landing, in order. `None` where it
    /// must start anew: the source has changed, a page is gone that was not loaded, or all are loaded.
    pub(super) async fn restore(
        stored: Value,
        dataset: &str,
        api: &RestApi,
        landing: &dyn LandingZone,
        state: &dyn StateStore,
    ) -> Result<Option<(Self, Vec<LandedFile>)>> {
        let Ok(pull) = serde_json::from_value::<Self>(stored) else { return Ok(None) };
        if pull.source != source(api) {
            return Ok(None);
        }
        let mut waiting = landing.waiting(dataset)?;
        let mut files = Vec::new();
        for (page, key) in (1_u64..).zip(&pull.files) {
            if let Some(at) = waiting.iter().position(|file| file.key == *key) {
                let mut file = waiting.swap_remove(at);
                file.page = Some((pull.pull.clone(), page));
                files.push(file);
                continue;
            }
            // An earlier run may have loaded the pages before the failure, and archived them.
            let record = state.page(dataset, &pull.pull, page).await?;
            let loaded = |status| matches!(status, FileStatus::Loaded | FileStatus::AlreadyLoaded);
            if !record.is_some_and(|record| loaded(record.file.status)) {
                tracing::warn!(dataset, pull = pull.pull, page, "a landed page is gone: the pull starts anew");
                return Ok(None);
            }
        }
        if pull.complete && files.is_empty() {
            return Ok(None);
        }
        // Landed, but the run was cut off before it was noted: it is asked for again.
        let noted = pull.files.len() as u64;
        for file in &waiting {
            if file.page.as_ref().is_some_and(|(id, page)| *id == pull.pull && *page > noted) {
                landing.discard(file)?;
            }
        }
        Ok(Some((pull, files)))
    }
}

/// Milliseconds since 1970, then chance: sorts by time, never twice. Where the clock was set back, it
/// sorts after the `last` id all the same.
fn new_id(last: Option<&str>) -> String {
    let last = last.and_then(|last| i64::from_str_radix(last.split('-').next()?, 16).ok());
    let now = Utc::now().timestamp_millis().max(last.map_or(0, |last| last.saturating_add(1)));
    format!("{now:012x}-{:016x}", rand::random::<u64>())
}

fn source(api: &RestApi) -> String {
    let asked = (&api.base_url, &api.path, &api.params, &api.data_selector, &api.paginator, api.incremental.as_ref());
    format!("{:x}", Sha256::digest(format!("{asked:?}")))
}
