//! What the API promises and this build does not know yet: it says so, in place of a page that waits.

use axum::routing::get;
use shoplake_core::access::Role;

use super::Endpoint;
use crate::guard::Needs;
use crate::openapi::Parameter;
use crate::problem::Problem;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let viewer = Needs::Role(Role::Viewer);
    vec![
        Endpoint::get("/api/v1/lineage", viewer, "Where tables and columns come from", get(unknown))
            .takes([Parameter::text("node", "a table, or a table and a column: `sales.amount`")]),
        Endpoint::get("/api/v1/why", viewer, "Why a figure is what it is", get(unknown)).takes([
            Parameter::text("model", "the model"),
            Parameter::text("where", "which of its rows"),
            Parameter::text("column", "the column"),
        ]),
    ]
}

async fn unknown() -> Problem {
    Problem::not_found("this build does not know lineage yet")
}
