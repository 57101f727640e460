//! Reads and checks the project folder.
//!
//! What lives here: finding the folder, its environment, the types of its YAML files (whose doc
//! comments are the reference documentation and the JSON Schemas), every check of them, the template
//! of a new project, and the writing of source files. What does not: SQL, data, and anything that
//! runs.
//!
//! A file goes through three steps: `yaml` reads it into a tree that knows its places, `shape` checks
//! the tree against the file type's own JSON Schema, and `settings`, `source`, `rest` and `relations`
//! check what it means. Each step collects mistakes and goes on with what is right, so that
//! [`load`] names all of them at once.

mod alert;
mod column;
mod dashboards;
mod environment;
pub mod files;
mod init;
mod lake;
mod load;
mod locate;
mod operate;
mod otlp;
mod prices;
mod relations;
mod render;
mod reread;
mod rest;
mod retry;
mod schedule;
mod schemas;
mod serving;
mod settings;
mod shape;
mod source;
mod template;
mod units;
mod viewers;
mod words;
mod yaml;

pub use dashboards::{Columns, Dashboard, TILE_ROWS_MAX, columns_of, dashboard_of, dashboards};
pub use environment::Environment;
pub use init::{InitOptions, Initialised, init};
pub use load::load;
pub use locate::find_dir;
pub use render::render_source;
pub use reread::{Reread, reread};
pub use schemas::schemas;
pub use viewers::{Viewer, viewers};
