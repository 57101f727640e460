//! The REST connector: asks an API page by page and lands each page as it came.
//!
//! A pull has an id and numbered pages, so that every page is landed and loaded once. After each
//! page its place is stored; a run that fails or is cut off leaves its pages in landing, and the
//! next one asks only for the rest. The cursor moves when the caller has loaded all pages, never
//! before. Records are counted and compared here, but not judged: that is the contract's business.

mod backoff;
mod client;
mod cursor;
mod page;
mod paginator;
mod resume;
mod secrets;

use std::time::Duration;

use serde_json::Value;
use shoplake_core::ports::{LandingZone, Progress, Pulled, StateStore};
use shoplake_core::project::Dataset;
use shoplake_core::source::{Origin, RestApi};
use shoplake_core::{Fault, LandedFile, Result};

use self::client::{Client, Refusal, Reply};
use self::cursor::CursorValue;
use self::resume::StoredPull;

/// What does not depend on the source.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// The span of the wait after a first failure; it doubles with each further one.
    pub backoff_unit: Duration,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self { backoff_unit: Duration::from_millis(500) }
    }
}

/// Whether all pages of a stored pull are landed, and only their load is left.
pub fn is_complete(stored: &Value) -> bool {
    stored.get("complete").and_then(Value::as_bool).unwrap_or(false)
}

/// Pulls what is new from the API of `dataset`, or takes up the pull that an earlier run left.
///
/// The stored pull stays (marked complete, see [`is_complete`]) until the caller has published the
/// pages, stored [`Pulled::cursor`] and called `set_pull(dataset, None)`. Where the API fails, the
/// pages before are returned with [`Pulled::problem`] and without a cursor. An error means that the
/// landing zone or the state is away, or that the source is stated wrongly.
pub async fn pull(
    dataset: &Dataset,
    landing: &dyn LandingZone,
    state: &dyn StateStore,
    progress: &dyn Progress,
    options: &PullOptions,
) -> Result<Pulled> {
    let name = dataset.contract.dataset.as_str();
    let Origin::RestApi(api) = &dataset.origin else {
        return Err(Fault::internal(format!("dataset `{name}` does not come from an API")));
    };
    let client = Client::new(dataset, api, options)?;
    let loaded = state.cursor(name).await?;
    let restored = match state.pull(name).await? {
        Some(stored) => StoredPull::restore(stored, name, api, landing, state).await?,
        None => None,
    };
    let (pull, files) = match restored {
        Some(restored) => restored,
        None => (StoredPull::new(api, loaded.as_ref(), &landing.waiting(name)?), Vec::new()),
    };
    progress.stage(&format!("{name}: {}", client.shown()), None);
    let noted = pull.files.len();
    let mut run = Run { name, api, client, landing, state, progress, pull, files, warnings: Vec::new() };
    let mut ended = run.pages().await?;
    if noted > 0 && run.pull.files.len() == noted && matches!(&ended, Err(refusal) if refusal.gone) {
        run.warnings.push("the API does not know the place of the unfinished pull any more; it starts anew".to_owned());
        (run.pull, run.files) = (StoredPull::new(api, loaded.as_ref(), &landing.waiting(name)?), Vec::new());
        ended = run.pages().await?;
    }
    progress.done();
    let problem = ended.err().map(|refusal| refusal.fault);
    let cursor = if problem.is_none() { run.cursor(loaded.as_ref()) } else { None };
    Ok(Pulled { files: run.files, cursor, warnings: run.warnings, problem })
}

/// One pull under way.
struct Run<'a> {
    name: &'a str,
    api: &'a RestApi,
    client: Client<'a>,
    landing: &'a dyn LandingZone,
    state: &'a dyn StateStore,
    progress: &'a dyn Progress,
    pull: StoredPull,
    files: Vec<LandedFile>,
    warnings: Vec<String>,
}

impl Run<'_> {
    /// Lands pages until the last one. The outer error is ours, the inner one the API's.
    async fn pages(&mut self) -> Result<Result<(), Refusal>> {
        let mut landed = 0;
        while !self.pull.complete {
            if landed >= self.api.limits.pages {
                return Ok(Err(self.too_many()));
            }
            let address = match self.client.address(&self.pull.next, self.pull.since.as_deref()) {
                Ok(address) => address,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let reply = match self.client.fetch(&address).await {
                Ok(reply) => reply,
                Err(refusal) => return Ok(Err(refusal)),
            };
            self.take(&reply, &self.client.secrets.shown(&address))?;
            self.state.set_pull(self.name, Some(&self.pull.json()?)).await?;
            landed += 1;
        }
        Ok(Ok(()))
    }

    /// Lands the page of a reply and moves on, or completes the pull.
    fn take(&mut self, reply: &Reply, origin: &str) -> Result<()> {
        if reply.body.is_empty() {
            self.pull.complete = true;
            return Ok(());
        }
        // The client has read it already, so this fails on nothing.
        let page = self.client.read(&reply.body).map_err(|_| Fault::internal("a page cannot be read twice"))?;
        if page.len() == 0 {
            self.pull.complete = true;
            return Ok(());
        }
        let hash = page.hash();
        if self.pull.last_page.as_ref() == Some(&hash) {
            let number = self.pull.files.len();
            self.warnings.push(format!("paging ended at a page that repeats page {number}: `{origin}`"));
            self.pull.complete = true;
            return Ok(());
        }
        let number = self.pull.files.len() as u64 + 1;
        let (file, id) = (format!("page-{number:06}.json"), (self.pull.pull.clone(), number));
        let file = self.landing.land_page(self.name, &file, origin, id, &reply.body)?;
        self.progress.advance(reply.body.len() as u64, page.len() as u64);
        self.pull.files.push(file.key.clone());
        self.files.push(file);
        self.pull.last_page = Some(hash);
        if let Some(furthest) = self.api.incremental.as_ref().and_then(|i| page.furthest(&i.cursor_path)) {
            let before = self.pull.furthest.as_ref().and_then(CursorValue::of_stored);
            self.pull.furthest = Some(before.into_iter().fold(furthest, CursorValue::max).stored());
        }
        match self.pull.next.next(&self.api.paginator, &page, reply.link.as_deref()) {
            Some(next) => self.pull.next = self.without_key(next),
            None => self.pull.complete = true,
        }
        Ok(())
    }

    /// A link as it may be stored.
    fn without_key(&self, position: paginator::Position) -> paginator::Position {
        match self.client.address(&position, None) {
            Ok(address) if matches!(position, paginator::Position::Link(_)) => {
                paginator::Position::Link(address.to_string())
            }
            _ => position,
        }
    }

    /// The cursor to store: the furthest value of the records, never behind what is loaded.
    fn cursor(&self, loaded: Option<&Value>) -> Option<Value> {
        let furthest = self.pull.furthest.as_ref().and_then(CursorValue::of_stored)?;
        let loaded = loaded.and_then(CursorValue::of_stored).filter(|loaded| loaded.same_kind(&furthest));
        Some(loaded.into_iter().fold(furthest, CursorValue::max).stored())
    }

    fn too_many(&self) -> Refusal {
        let pages = self.api.limits.pages;
        let fault = Fault::data(format!("the pull of `{}` has more than {pages} pages", self.name))
            .detail("The pages so far are kept; the next run goes on after them.")
            .hint("if the API is that large, raise `limits.pages`; if not, check `paginator`");
        Refusal { fault, gone: false }
    }
}
