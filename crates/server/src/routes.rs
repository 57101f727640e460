//! The endpoints: one table of them, from which the router, the right to use each, and the OpenAPI
//! document are made. No endpoint can stand outside of it.

mod alerts;
mod audit;
mod dashboards;
mod events;
mod explain;
mod health;
mod logs;
mod quarantine;
mod query;
mod runs;
mod sales;
mod session;
mod shares;
mod tables;
mod tiles;
mod tokens;
mod trust;
mod users;

pub(crate) use sales::{SalesPage, prepare_transactions, quoted};

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use schemars::{JsonSchema, SchemaGenerator};

use crate::app::App;
use crate::guard::{self, Needs};
use crate::openapi::{Parameter, Schema, SchemaOf};
use crate::problem::Problem;
use crate::{web, wire};

/// One endpoint.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    /// What it does, in one sentence.
    pub(crate) summary: &'static str,
    /// Its query parameters.
    pub(crate) parameters: Vec<Parameter>,
    /// The shape of its body, if it takes one.
    pub(crate) body: Option<Schema>,
    /// The media type of what it answers; empty where that is nothing.
    pub(crate) answers: &'static str,
    /// The schema of what it answers, where that is JSON.
    pub(crate) gives: Option<SchemaOf>,
    /// Whether it answers with secrets, which are not compressed.
    secret: bool,
    handler: MethodRouter<App>,
}

impl Endpoint {
    fn new(
        method: Method,
        path: &'static str,
        needs: Needs,
        summary: &'static str,
        handler: MethodRouter<App>,
    ) -> Self {
        let (parameters, body, answers) = (Vec::new(), None, "application/json");
        Self { method, path, needs, summary, parameters, body, answers, gives: None, secret: false, handler }
    }

    fn get(path: &'static str, needs: Needs, summary: &'static str, handler: MethodRouter<App>) -> Self {
        Self::new(Method::GET, path, needs, summary, handler)
    }

    fn post(path: &'static str, needs: Needs, summary: &'static str, handler: MethodRouter<App>) -> Self {
        Self::new(Method::POST, path, needs, summary, handler)
    }

    fn delete(path: &'static str, needs: Needs, summary: &'static str, handler: MethodRouter<App>) -> Self {
        Self::new(Method::DELETE, path, needs, summary, handler).answers("")
    }

    /// Adds query parameters.
    fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Says what the body is.
    fn body(mut self, schema: Schema) -> Self {
        self.body = Some(schema);
        self
    }

    /// Says that it answers with secrets.
    fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Says of what type the JSON is that it answers.
    fn gives<T: JsonSchema>(mut self) -> Self {
        self.gives = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// Says what media type it answers.
    fn answers(mut self, media_type: &'static str) -> Self {
        self.answers = media_type;
        self
    }
}

/// All endpoints.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let parts = [
        health::endpoints(),
        session::endpoints(),
        trust::endpoints(),
        dashboards::endpoints(),
        sales::endpoints(),
        events::endpoints(),
        runs::endpoints(),
        quarantine::endpoints(),
        tables::endpoints(),
        query::endpoints(),
        tiles::endpoints(),
        shares::endpoints(),
        users::endpoints(),
        tokens::endpoints(),
        audit::endpoints(),
        alerts::endpoints(),
        explain::endpoints(),
        logs::endpoints(),
    ];
    parts.into_iter().flatten().collect()
}

/// The router of the server.
pub(crate) fn router(app: &App) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints() {
        let authorize = from_fn_with_state((Arc::clone(app), endpoint.needs), guard::authorize);
        let handler = endpoint.handler.layer(authorize);
        let handler = if endpoint.secret { handler } else { handler.layer(from_fn(wire::compress)) };
        router = router.route(endpoint.path, handler);
    }
    router
        .fallback(web::fallback)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(plain_errors))
        .layer(from_fn_with_state(Arc::clone(app), guard::every_request))
        .with_state(Arc::clone(app))
}

async fn method_not_allowed() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this endpoint does not know that method").into_response()
}

/// The framework's own refusals (a path that is no text, for one) as problems.
async fn plain_errors(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let plain = response
        .headers()
        .get(axum::http::header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if status.is_client_error() && plain {
        return Problem::new(status, "request", "the request cannot be understood").into_response();
    }
    response
}
