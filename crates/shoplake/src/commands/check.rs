//! `shoplake check`: every mistake that can be found without touching data, each with its place.

use shoplake_core::alert::Condition;
use shoplake_core::{Catalog, Fault, Project};
use shoplake_models::Models;
use shoplake_project::{columns_of, dashboards};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::render::count;
use crate::wiring::{self, Reader};

pub(super) fn check(context: &Context) -> Result<Exit, Failure> {
    let project = context.project()?;
    let models = shoplake_models::load(&project)?;
    let catalog = context.block_on(1, async { Ok(plan(&project, &models).await?) })?;
    tiles(&project, &catalog)?;
    context.printer.say(format_args!(
        "ok: {}, {}, {}",
        count(project.datasets.len() as u64, "dataset", "datasets"),
        count(models.models.len() as u64, "model", "models"),
        count(models.tests.len() as u64, "test", "tests"),
    ));
    Ok(Exit::Done)
}

/// Holds the columns that tiles of dashboards name against those that the tables would have.
fn tiles(project: &Project, catalog: &Catalog) -> Result<(), Vec<Fault>> {
    let columns = columns_of(catalog);
    let faults: Vec<Fault> =
        dashboards(&project.dir, &columns).into_iter().flat_map(|dashboard| dashboard.faults).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Plans every model, then every test, over tables without rows; gives the tables as they would be, views among them.
pub(super) async fn plan(project: &Project, models: &Models) -> Result<Catalog, Vec<Fault>> {
    let Reader { engine, catalog } = wiring::blank(project).map_err(|fault| vec![fault])?;
    let catalog = shoplake_pipeline::plan_all(engine.as_ref(), models, catalog).await?;
    let mut faults = shoplake_pipeline::plan_tests(engine.as_ref(), models, &catalog).await;
    for alert in &project.alerts.all {
        let (Condition::Sql { query } | Condition::Anomaly { query, .. }) = &alert.condition else { continue };
        if let Err(fault) = engine.schema(&catalog, query).await {
            let mut fault = fault.at(&alert.file, None, None);
            let detail = fault.detail.take().unwrap_or_default();
            faults.push(fault.detail(format!("In the alert `{}`. {detail}", alert.name).trim_end()));
        }
    }
    if faults.is_empty() { Ok(catalog) } else { Err(faults) }
}
