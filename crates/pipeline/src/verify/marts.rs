//! Every mart is what its SQL gives over the tables as they are, calculated in full: a mart that was
//! brought up to date day by day must not have drifted from it.

use shoplake_core::Result;
use shoplake_core::proof::{Check, Finding};
use shoplake_models::Models;

use super::rows::{compare_apart, quoted};
use super::{Evidence, unreadable};
use crate::Pipeline;
use crate::build::fingerprints;

/// Compares each stored model with a fresh calculation.
pub(super) async fn fresh(pipeline: &Pipeline, models: &Models, evidence: &Evidence) -> Result<Check> {
    let mut check = Check::new("marts", "marts");
    let built_with = evidence.manifests.last().map(|manifest| manifest.summary.fingerprints.as_slice());
    let now = fingerprints(models);
    for model in models.models.iter().filter(|model| model.materialized.is_stored()) {
        let name = format!("model:{}", model.name);
        let before = built_with.and_then(|prints| prints.iter().find(|(known, _)| *known == name));
        // A model that is new or has changed since is built by the next run; its table keeps no promise.
        if before.map(|(_, print)| print) != now.get(&name) {
            continue;
        }
        let Some(table) = evidence.catalog.tables.get(&model.name) else { continue };
        check.checked += 1;
        let stored = format!("SELECT * FROM {}", quoted(&model.name));
        let sql = pipeline.fitted(model, &evidence.catalog).await?;
        let compared = compare_apart(&*pipeline.engine, &evidence.catalog, &table.schema, &sql, &stored).await;
        let difference = match compared {
            Ok(difference) => difference,
            Err(fault) => {
                check.find(unreadable(&model.name, &fault));
                continue;
            }
        };
        if difference.rows > 0 {
            check.find(Finding {
                subject: model.name.clone(),
                figure: "rows, against a fresh calculation".into(),
                expected: "the same rows".into(),
                found: format!("{} rows differ, for one {}", difference.rows, difference.shown.join("; ")),
                hint: format!(
                    "a change to {} makes it anew at the next run; if it reads the clock or chance, it never holds",
                    model.path
                ),
            });
        }
    }
    Ok(check)
}
