//! How events travel: into a file a run, or to a server, one request an event.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use shoplake_core::RunId;
use shoplake_core::project::OpenLineage;
use url::Url;

/// A server that answers later than this is away.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where a server takes events, unless its address says otherwise.
const PATH: &str = "/api/v1/lineage";

/// The way that events take.
pub(super) struct Transport {
    target: OpenLineage,
    folder: PathBuf,
}

impl Transport {
    pub(super) fn new(target: OpenLineage, folder: PathBuf) -> Self {
        Self { target, folder }
    }

    /// Sends events in order; the first that is not taken ends it. The error says why, without secrets.
    pub(super) async fn send(&self, run: &RunId, events: &[Value]) -> Result<(), String> {
        match &self.target {
            OpenLineage::File => self.write(run, events).map_err(|error| error.to_string()),
            OpenLineage::Http { url, api_key } => {
                let key = api_key.as_ref().map(|secret| secret.0.as_str());
                post(url, key, events).await
            }
        }
    }

    fn write(&self, run: &RunId, events: &[Value]) -> std::io::Result<()> {
        fs_err::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!("{run}.ndjson"));
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        file.write_all(lines.as_bytes())
    }
}

async fn post(url: &str, key: Option<&str>, events: &[Value]) -> Result<(), String> {
    let mut url: Url = url.parse().map_err(|_| "its `url` is not an address".to_owned())?;
    if matches!(url.path(), "" | "/") {
        url.set_path(PATH);
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let client = client.map_err(|_| "no connection can be made".to_owned())?;
    for event in events {
        let mut request = client.post(url.clone()).json(event);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        // An error of the client may carry the address with what is secret in it.
        let answer = request.send().await.map_err(|error| {
            let why = if error.is_timeout() { "does not answer" } else { "cannot be reached" };
            format!("`{host}` {why}")
        })?;
        if !answer.status().is_success() {
            return Err(format!("`{host}` answers {}", answer.status()));
        }
    }
    Ok(())
}
