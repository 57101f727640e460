//! The server's explanations: what the commands `why`, `lineage` and `doctor` print as JSON.

use std::sync::Arc;

use async_trait::async_trait;
use shoplake_core::{Fault, Project, Result};
use shoplake_pipeline::many;
use shoplake_server::{Explain, Explanation, Health, Origins};

use crate::commands::{doctor, lineage, why};
use crate::failure::Failure;
use crate::wiring;

/// Explains the figures and columns of a project, as its files and tables are when it is asked.
pub(super) struct Explanations(pub(super) Arc<Project>);

#[async_trait]
impl Explain for Explanations {
    async fn why(&self, model: &str, condition: &str, column: &str, limit: usize) -> Result<Explanation> {
        let models = shoplake_models::load(&self.0).map_err(many)?;
        let explainer = wiring::explainer(&self.0, models).await?;
        let why = explainer.why(model, condition, column, limit).await?;
        why::object(&why).map_err(|failure| match failure {
            Failure::Faults(faults) => many(faults),
            Failure::Output(error) => Fault::from(error),
        })
    }

    async fn lineage(&self, node: &str) -> Result<Origins> {
        let models = shoplake_models::load(&self.0).map_err(many)?;
        let lineage = lineage::of(&self.0, &models).await?;
        let (nodes, edges) = lineage.around(&lineage.find(node)?, &lineage::BOTH);
        Ok(lineage::object(&lineage, node, &nodes, &edges))
    }

    async fn health(&self) -> Result<Health> {
        doctor::object(&self.0).await
    }
}
