//! The words of Shoplake's domain, and the ports between its stations.
//!
//! What lives here: the contract of a dataset, the counts every row falls under, reasons and
//! rejects, hashes, the shop's clock, pinned tables, the outcome of a run, [`Fault`] (the one error
//! that crosses crate borders), what `verify` comes to, and the traits in [`ports`] that adapters
//! fill. Pure values and rules: no input or output, no DataFusion, no Delta, no runtime.

pub mod access;
pub mod alert;
pub mod clock;
pub mod contract;
pub mod cost;
pub mod counts;
pub mod fail_point;
pub mod fault;
pub mod hash;
pub mod ids;
pub mod judged;
pub mod landed;
pub mod logs;
pub mod maintenance;
pub mod metrics;
pub mod network;
pub mod outcome;
pub mod planned;
pub mod ports;
pub mod project;
pub mod proof;
pub mod remote;
pub mod restated;
pub mod retry;
pub mod schedule;
pub mod source;
pub mod staged;
pub mod table;
pub mod upkeep;

pub use clock::ShopZone;
pub use contract::{Column, ColumnType, Contract};
pub use counts::{Counts, Reason};
pub use fail_point::fail_point;
pub use fault::{Fault, FaultKind, Place, Result};
pub use ids::{BatchNumber, RunId, Sha256};
pub use judged::{DiscardedValues, JudgedChunk, Reject, RowPlace, Violation};
pub use landed::{Corrections, LandedFile};
pub use project::Project;
pub use remote::RemoteLake;
pub use schedule::Schedule;
pub use staged::StagedBatch;
pub use table::{Catalog, Fetch, PinnedTable, TableFile, TableRoot, Wanted};
