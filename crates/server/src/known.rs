//! What is known of the tables that are shown, for those who look at them: their columns, and what the SQL of their
//! models says of them. Read once for each batch.

use std::sync::Arc;

use shoplake_project::{Columns, columns_of};

use crate::app::App;
use crate::figures::Shown;
use crate::problem::{Answer, Problem};
use crate::routes::quoted;
use crate::sql::{self, Facts};

/// What is known of the tables of a batch.
pub(crate) struct Known {
    /// The columns of tables and views.
    pub(crate) columns: Columns,
    /// What models say.
    pub(crate) facts: Facts,
}

impl Known {
    /// What is known of the tables of `shown`.
    pub(crate) async fn of<'s>(app: &App, shown: &'s Shown) -> Answer<&'s Self> {
        shown.known.get_or_try_init(|| read(app, shown)).await
    }
}

async fn read(app: &App, shown: &Shown) -> Answer<Known> {
    let mut columns = columns_of(&shown.catalog);
    for name in shown.catalog.views.keys() {
        // A view over what is not there any more shows nothing, and its tile says why.
        if let Ok(schema) = app.engine.schema(&shown.catalog, &format!("SELECT * FROM {}", quoted(name))).await {
            columns.insert(name.clone(), schema.fields().iter().map(|field| field.name().clone()).collect());
        }
    }
    let project = Arc::clone(&app.project);
    let models = tokio::task::spawn_blocking(move || {
        let project = shoplake_project::reread(&project).project;
        // What is wrong there is told by the commands.
        let models = shoplake_models::load(&project).map(|read| read.models).unwrap_or_default();
        models.into_iter().map(|model| (model.name, model.plain_sql)).collect::<Vec<_>>()
    });
    let models = models.await.map_err(|error| Problem::internal(&error))?;
    Ok(Known { columns, facts: sql::of_models(models).await })
}
