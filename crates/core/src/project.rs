//! A project folder, read and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use crate::alert::{Alerts, Delivery};
use crate::contract::Contract;
use crate::cost::Prices;
use crate::logs::LogSettings;
use crate::network::AddressRange;
use crate::remote::RemoteLake;
use crate::retry::Retries;
use crate::schedule::{Arrival, Schedule};
use crate::source::{Origin, Secret};

/// A dataset of the project: its contract and where it comes from.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The contract.
    pub contract: Contract,
    /// Where its bytes come from.
    pub origin: Origin,
}

/// Bounds on what a run may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory for SQL and key sets, in bytes.
    pub memory: u64,
    /// Threads; 0 takes one for each processor.
    pub threads: usize,
    /// The longest record, in bytes.
    pub record_bytes: usize,
    /// Bytes that one compressed file may unpack to.
    pub unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 512 << 20, threads: 0, record_bytes: 16 << 20, unpacked_bytes: 64 << 30 }
    }
}

/// Where OpenLineage events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenLineage {
    /// A file a run in `.shoplake/openlineage/`.
    File,
    /// A server.
    Http {
        /// Its address; without a path, `/api/v1/lineage` below it.
        url: String,
        /// What it wants as a bearer token.
        api_key: Option<Secret>,
    },
}

/// Where traces and metrics go over OTLP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// The address below which `v1/traces` and `v1/metrics` lie.
    pub endpoint: String,
    /// Headers of each request: name and value.
    pub headers: Vec<(String, Secret)>,
}

/// The project, with every file of it read and checked except the models' SQL.
#[derive(Debug, Clone)]
pub struct Project {
    /// The project's name.
    pub name: String,
    /// The project folder.
    pub dir: PathBuf,
    /// The zone that the shop's days are counted in.
    pub time_zone: Tz,
    /// The shop's currency (ISO 4217).
    pub currency: String,
    /// The name of the target: `local`.
    pub target: String,
    /// The folder of the lake on this machine; of a lake elsewhere, its mirror.
    pub lake_dir: PathBuf,
    /// Where the lake is, if it is not that folder.
    pub remote: Option<RemoteLake>,
    /// Variables for models.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// Settings of models by folder, as `models:` in shoplake.yml states them.
    pub model_settings: serde_json::Value,
    /// Bounds.
    pub limits: Limits,
    /// Where OpenLineage events go, if anywhere.
    pub openlineage: Option<OpenLineage>,
    /// The address of the PostgreSQL database that holds the state, if it is not `.shoplake/state.db`.
    pub state: Option<Secret>,
    /// Where traces and metrics go, if anywhere.
    pub otlp: Option<Otlp>,
    /// When it runs by itself, if it does.
    pub schedule: Option<Schedule>,
    /// What files that arrive do.
    pub arrival: Arrival,
    /// How steps are tried again.
    pub retries: Retries,
    /// How much of the log is kept.
    pub logs: LogSettings,
    /// Proxies whose word on where a request came from is taken; none unless stated.
    pub trusted_proxies: Vec<AddressRange>,
    /// Reports that are sent to people.
    pub deliveries: Vec<Delivery>,
    /// What a unit of what runs use costs.
    pub prices: Prices,
    /// What is watched, and whom it tells.
    pub alerts: Alerts,
    /// The datasets, dimensions before the facts that refer to them.
    pub datasets: Vec<Dataset>,
}

impl Project {
    /// The folder where people drop files.
    pub fn inbox_dir(&self) -> PathBuf {
        self.dir.join("inbox")
    }
    /// The folder of the state, never in git.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.join(".shoplake")
    }
    /// The dataset of that name.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        self.datasets.iter().find(|d| d.contract.dataset == name)
    }
    /// A path as the user knows it: relative to the project folder where it lies inside.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.dir).unwrap_or(path).display().to_string()
    }
}
