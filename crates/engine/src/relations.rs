//! What a query may name: the tables and views of a catalog, registered only where it names them.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::datasource::{TableProvider, ViewTable};
use datafusion::execution::context::SessionContext;
use datafusion::sql::parser::Statement;
use shoplake_core::{Catalog, Fault, Result};

use crate::provider::PinnedProvider;
use crate::{faults, guard};

/// Views over views may go so deep.
const DEPTH: usize = 64;

/// Registers what `statement` names, and what the views among it name.
pub(crate) async fn register(context: &SessionContext, catalog: &Catalog, statement: &Statement) -> Result<()> {
    register_below(context, catalog, statement, 0).await
}

async fn register_below(
    context: &SessionContext,
    catalog: &Catalog,
    statement: &Statement,
    depth: usize,
) -> Result<()> {
    if depth > DEPTH {
        return Err(Fault::usage(format!("views stand over each other more than {DEPTH} deep")));
    }
    let names =
        context.state().resolve_table_references(statement).map_err(|error| faults::planning(&error, catalog))?;
    for reference in names {
        let name = reference.table();
        if context.table_exist(TableReference::bare(name)).unwrap_or(false) {
            continue;
        }
        let provider: Arc<dyn TableProvider> = if let Some(sql) = catalog.views.get(name) {
            let inner = guard::statement(sql)?;
            Box::pin(register_below(context, catalog, &inner, depth + 1)).await?;
            let plan = context.state().statement_to_plan(inner).await.map_err(|e| faults::planning(&e, catalog))?;
            Arc::new(ViewTable::new(plan, Some(sql.clone())))
        } else if let Some(table) = catalog.tables.get(name) {
            Arc::new(PinnedProvider::new(table)?)
        } else {
            // The planner tells it with its place.
            continue;
        };
        context
            .register_table(TableReference::bare(name), provider)
            .map_err(|e| Fault::internal(format!("cannot register table `{name}`")).caused_by(e))?;
    }
    Ok(())
}
