//! The port to explanations: why a figure is what it is, which column comes from which, and whether figures can
//! be trusted now.

use async_trait::async_trait;
use serde_json::Value;
use shoplake_core::Result;

/// Explains figures, columns and the health of the data, as the commands `why`, `lineage` and `doctor` do.
#[async_trait]
pub trait Explain: Send + Sync {
    /// What `shoplake why MODEL --where CONDITION --column COLUMN --limit LIMIT --json` prints.
    async fn why(&self, model: &str, condition: &str, column: &str, limit: usize) -> Result<Value>;
    /// What `shoplake lineage NODE --json` prints; `node` is a table, or a table and a column.
    async fn lineage(&self, node: &str) -> Result<Value>;
    /// What `shoplake doctor --json` prints.
    async fn health(&self) -> Result<Value>;
}
