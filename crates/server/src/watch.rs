//! The watch: what is published, by whomever, shows within a second; so does a saved dashboard, what else the
//! project's files say, and how a run goes on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use shoplake_core::{BatchNumber, Fault, Result};
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::figures::basis;
use crate::guard::panic_words;
use crate::prepared;
use crate::problem::tell_apart;
use crate::reload::{Reload, Stamps, of_folder};
use crate::serve::stopped;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(300);
/// Between two looks at a lake that lies elsewhere: each costs requests.
const PAUSE_REMOTE: Duration = Duration::from_secs(1);

/// Something that pages show at once.
#[derive(Debug, Clone)]
pub(crate) struct News {
    /// `batch`, `dashboard`, `run` or `project`.
    pub(crate) event: &'static str,
    /// What about it.
    pub(crate) data: serde_json::Value,
}

/// Watches until the server stops.
async fn watch(app: App, reload: Reload) {
    let pause = if app.project.remote.is_some() { PAUSE_REMOTE } else { PAUSE };
    let mut stop = std::pin::pin!(stopped(app.lasting.stopping.clone()));
    let mut watcher = Watcher { app, reload, dashboards: None, run: None, told: None };
    loop {
        watcher.look().await;
        tokio::select! {
            () = sleep(pause) => {}
            () = &mut stop => return,
        }
    }
}

struct Watcher {
    app: App,
    reload: Reload,
    dashboards: Option<Stamps>,
    run: Option<serde_json::Value>,
    /// The last fault that the log was told, and when.
    told: Option<(String, Instant)>,
}

impl Watcher {
    async fn look(&mut self) {
        let looks = AssertUnwindSafe(self.look_at_all()).catch_unwind().await;
        // Whatever one look met, the next one may do better: pages must not stand still for good.
        match looks {
            Ok(faults) => {
                for fault in faults {
                    if self.is_news(fault.to_string()) {
                        tracing::warn!(fault = fault.for_log(), "the watch could not look; it tries again");
                    }
                }
            }
            Err(panic) => {
                let words = format!("the watch panicked: {}", panic_words(&*panic));
                if self.is_news(words.clone()) {
                    tell_apart(&words, "the watch could not look and tries again");
                }
            }
        }
    }

    /// Whether something has to be told: a store that is away is told once a minute, not three times a second.
    fn is_news(&mut self, text: String) -> bool {
        let again = self.told.as_ref().is_some_and(|(told, at)| *told == text && at.elapsed().as_secs() < 60);
        if !again {
            self.told = Some((text, Instant::now()));
        }
        !again
    }

    async fn look_at_all(&mut self) -> Vec<Fault> {
        // The project first: it says how the tables are read. Pages are told of it once they are.
        let changed = self.look_at_project().await;
        let mut looks = vec![self.look_at_tables().await, self.look_at_runs().await, self.look_at_dashboards()];
        match changed {
            Ok(true) => self.tell("project", serde_json::json!({})),
            Ok(false) => {}
            Err(fault) => looks.push(Err(fault)),
        }
        looks.into_iter().filter_map(Result::err).collect()
    }

    async fn look_at_project(&mut self) -> Result<bool> {
        let (app, changed) = self.reload.look(&self.app).await?;
        self.app = app;
        Ok(changed)
    }

    fn tell(&self, event: &'static str, data: serde_json::Value) {
        // Nobody listens: nobody has to be told.
        let _ = self.app.lasting.news.send(News { event, data });
    }

    async fn look_at_tables(&mut self) -> Result<()> {
        let app = &self.app;
        let shown = app.lasting.figures.shown();
        let last = app.tables.last_committed().await?;
        if shown.is_some_and(|shown| shown.batch == last && shown.basis == basis(&app.project)) {
            return Ok(());
        }
        let catalog = app.tables.pinned().await?;
        if app.tables.last_committed().await? != last {
            // Another batch came in between: the next look takes that one.
            return Ok(());
        }
        let loaded_at = match last.0.checked_sub(1) {
            Some(before) => {
                app.tables.manifests(BatchNumber(before)).await?.first().map(|batch| batch.summary.published())
            }
            None => None,
        };
        let from = (&*app.project, &app.engine, &app.tables);
        app.lasting.figures.show(from, last, loaded_at, catalog).await?;
        tracing::info!(batch = last.0, "shown");
        prepared::begin(app);
        self.tell("batch", serde_json::json!({ "batch": last.0, "loaded_at": loaded_at }));
        Ok(())
    }

    async fn look_at_runs(&mut self) -> Result<()> {
        let Some(run) = self.app.state.runs(1).await?.into_iter().next() else { return Ok(()) };
        let stage = match &run.outcome {
            Some(_) => None,
            None => self.app.state.steps(&run.run_id).await?.pop().map(|step| step.name),
        };
        let now = serde_json::json!({ "run_id": run.run_id, "status": run.state(), "stage": stage });
        if self.run.replace(now.clone()).is_some_and(|before| before != now) {
            self.tell("run", now);
        }
        Ok(())
    }

    fn look_at_dashboards(&mut self) -> Result<()> {
        let now = of_folder(&self.app.project.dir.join("dashboards"))?;
        let Some(before) = self.dashboards.replace(now.clone()) else { return Ok(()) };
        let paths = before.keys().chain(now.keys()).collect::<std::collections::BTreeSet<_>>();
        for path in paths.into_iter().filter(|path| before.get(*path) != now.get(*path)) {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            self.tell("dashboard", serde_json::json!({ "name": name }));
        }
        Ok(())
    }
}

/// Starts the watch.
pub(crate) fn start(app: &App, reload: Reload) -> tokio::task::JoinHandle<()> {
    tokio::spawn(watch(Arc::clone(app), reload))
}
