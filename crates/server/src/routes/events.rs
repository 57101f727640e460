//! News for open pages, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::Endpoint;
use crate::access::{Identity, identify};
use crate::app::App;
use crate::guard::Needs;
use crate::serve::stopped;
use crate::watch::News;

/// How often it is looked whether the reader may still read.
const CHECK: Duration = Duration::from_secs(3);

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "News as they come: `batch`, `dashboard`, `run`, `project`";
    vec![Endpoint::get("/api/v1/events", Needs::Shared, summary, get(events)).answers("text/event-stream")]
}

async fn events(State(app): State<App>, Extension(identity): Extension<Identity>, headers: HeaderMap) -> Response {
    let news = app.lasting.news.subscribe();
    // What is shown now comes first: a page that was away learns what it has missed.
    let first = app
        .lasting
        .figures
        .shown()
        .map(|shown| News { event: "batch", data: json!({ "batch": shown.batch.0, "loaded_at": shown.loaded_at }) });
    let listener = Listener { app, identity, headers, news, check: Instant::now() + CHECK };
    let later = stream::unfold(listener, async |mut listener| listener.next().await.map(|told| (told, listener)));
    let told = stream::iter(first)
        .chain(later)
        .map(|news| Ok::<_, Infallible>(Event::default().event(news.event).data(news.data.to_string())));
    Sse::new(told).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}

/// One open page.
struct Listener {
    app: App,
    identity: Identity,
    headers: HeaderMap,
    news: Receiver<News>,
    check: Instant,
}

impl Listener {
    /// The next news; `None` once the reader may no longer read, or the server stops.
    async fn next(&mut self) -> Option<News> {
        let mut stop = std::pin::pin!(stopped(self.app.lasting.stopping.clone()));
        loop {
            tokio::select! {
                () = &mut stop => return None,
                () = sleep_until(self.check) => {
                    identify(&self.app, &self.headers).await.ok().flatten()?;
                    self.check = Instant::now() + CHECK;
                }
                got = self.news.recv() => match got {
                    // Who follows a link has no business with runs.
                    Ok(told) if self.identity.share.is_some() && told.event == "run" => {}
                    Ok(told) => return Some(told),
                    // A reader that is too slow misses some, and takes the next: each says all of its kind.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}
