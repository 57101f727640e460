//! The sales dashboard: which sales a request is about, and what every answer with figures carries.

mod figures;
mod periods;
mod transactions;
mod values;

pub(crate) use transactions::{SalesPage, prepare as prepare_transactions, quoted};
pub(super) use transactions::{literal, one_of};

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{Days, Months, NaiveDate};
use schemars::JsonSchema;
use serde::Serialize;
use shoplake_core::{ShopZone, hash};

use super::Endpoint;
use crate::access::Identity;
use crate::app::App;
use crate::cube::{Answer as Figures, Cube, Filter, ProductSum};
use crate::figures::{Asks, Shown};
use crate::guard::Needs;
use crate::openapi::{Parameter, filters};
use crate::params::{DAYS_MAX, FILTERS, Params, date, day};
use crate::problem::{Answer, Problem};
use crate::wire::is_known;

/// Days that are shown where none are asked for.
const DAYS: u64 = 30;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let get_figures = |path, summary, handler| Endpoint::get(path, Needs::Shared, summary, handler);
    let grain = Parameter::word("grain", "what one point is", &["hour", "day", "month"]);
    let undated = || filters().into_iter().skip(3);
    vec![
        get_figures("/api/v1/sales/summary", "The figures of some days, and of those before", get(figures::summary))
            .gives::<figures::Summary>()
            .takes(filters()),
        get_figures("/api/v1/sales/periods", "Revenue today, this week and this month", get(periods::periods))
            .gives::<periods::Periods>()
            .takes(undated())
            .takes([Parameter::day("on", "the day that is today; the shop's own unless stated")]),
        get_figures("/api/v1/sales/trend", "Revenue by hour, day or month; gaps are left out", get(figures::trend))
            .gives::<figures::Trend>()
            .takes(filters())
            .takes([grain]),
        get_figures("/api/v1/sales/top-products", "The products with the highest revenue", get(figures::top_products))
            .gives::<figures::TopProducts>()
            .takes(filters())
            .takes([Parameter::number("limit", 10, 1, Figures::TOP as u32)]),
        get_figures("/api/v1/sales/categories", "Revenue by category", get(figures::categories))
            .gives::<figures::Categories>()
            .takes(filters()),
        get_figures("/api/v1/sales/segments", "Customers and revenue by segment", get(figures::segments))
            .gives::<figures::Segments>()
            .takes(filters()),
        get_figures("/api/v1/sales/heatmap", "Sales by weekday and hour", get(figures::heatmap))
            .gives::<figures::Heatmap>()
            .takes(filters()),
        get_figures(
            "/api/v1/sales/transactions",
            "The latest sales, with the file and line of each",
            get(transactions::list),
        )
        .gives::<transactions::Transactions<'static>>()
        .takes(filters())
        .takes([
            Parameter::number("limit", 50, 1, 500),
            Parameter::text("before", "`next` of the page before"),
            Parameter::text("transaction_id", "one sale, of any day unless days are stated"),
        ]),
        get_figures("/api/v1/sales/filter-values", "What can be filtered by", get(values::list))
            .gives::<values::FilterValues>()
            .takes([
                Parameter::word("field", "the filter", &["category", "product", "city", "segment"]).required(),
                Parameter::text("search", "a part of the value or its label"),
                Parameter::number("limit", 50, 1, 1_000),
            ]),
    ]
}

/// What a request for figures asks of.
pub(super) struct Asked {
    pub(super) app: App,
    pub(super) shown: Arc<Shown>,
    pub(super) cube: Arc<Cube>,
    pub(super) params: Params,
    /// Who asks; nobody where figures are prepared.
    pub(super) who: String,
    /// Whether a share link asks.
    pub(super) shared: bool,
    etag: String,
    known: bool,
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut params = Params::from_request_parts(parts, app).await?;
        let identity = parts.extensions.get::<Identity>();
        let share = identity.and_then(|identity| identity.share.as_ref());
        if let Some(identity) = identity {
            params.fix(&identity.fixed);
        }
        let shown = app.lasting.figures.shown().ok_or_else(Problem::not_ready)?;
        let cube = shown.cube.clone().ok_or_else(|| {
            Problem::not_found("there are no sales that can be counted yet")
                .hint("drop files into inbox/sales, then `shoplake run`; sales need `amount` and an `event_time`")
        })?;
        // The day is part of what many answers say; so is the share whose filters were put in, and what of the
        // project the figures were read by.
        let today = ShopZone::new(app.project.time_zone).today();
        let said =
            hash::fingerprint(&format!("{} {today} {:?} {}", parts.uri, share.map(|share| &share.id), shown.basis));
        let etag = format!("\"{}-{}\"", shown.batch.0, said.get(..16).unwrap_or(&said));
        let known = is_known(&parts.headers, &etag);
        let shared = share.is_some();
        let who = identity.map(|identity| identity.who.clone()).unwrap_or_default();
        Ok(Self { app: Arc::clone(app), shown, cube, params, who, shared, etag, known })
    }
}

impl Asked {
    /// What nobody asked for, so that it is there when somebody does.
    fn by_nobody(app: &App, shown: &Arc<Shown>, cube: &Arc<Cube>) -> Self {
        Self {
            app: Arc::clone(app),
            shown: Arc::clone(shown),
            cube: Arc::clone(cube),
            params: Params::default(),
            who: String::new(),
            shared: false,
            etag: String::new(),
            known: false,
        }
    }

    /// The shop's day now.
    pub(super) fn today(&self) -> NaiveDate {
        ShopZone::new(self.app.project.time_zone).today()
    }

    /// The sales that are asked for. Days that are not stated are the last 30 up to today, or up to the
    /// last sale of a shop whose data ends in the past.
    pub(super) fn filter(&self, more: &[&str]) -> Answer<Filter> {
        self.params.only(&[&FILTERS, more])?;
        if let (Some(_), Some((first, last))) = (self.params.get("transaction_id"), self.cube.days()) {
            return self.params.filter((date(first.max(last - DAYS_MAX + 1)), date(last)));
        }
        let last = self.cube.days().map_or(self.today(), |(_, last)| date(last).min(self.today()));
        self.params.filter((last.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(last), last))
    }

    /// The days that those of `filter` are compared with.
    pub(super) fn compared(&self, filter: &Filter) -> Answer<Option<Filter>> {
        let (from, to) = (filter.from, filter.to);
        Ok(match self.params.compare()? {
            Some("previous") => Some(filter.before()),
            Some("year") => {
                let before = |number| date(number).checked_sub_months(Months::new(12)).map(day);
                before(from).zip(before(to)).map(|(from, to)| filter.over(from, to))
            }
            _ => None,
        })
    }

    /// The figures of a filter.
    pub(super) async fn figures(&self, filter: &Filter) -> Answer<Arc<Figures>> {
        self.app.lasting.figures.answer(&self.shown, &self.cube, filter, Asks::Somebody).await
    }

    /// All products with sales of a filter, in no order.
    pub(super) async fn sold(&self, filter: &Filter) -> Answer<Arc<Vec<ProductSum>>> {
        self.app.lasting.figures.sold(&self.shown, &self.cube, filter).await
    }

    /// Money as text.
    pub(super) fn money(&self, value: i128) -> String {
        crate::money::decimal(value, self.cube.scale)
    }

    /// The answer, with its batch and its tag; empty where the client has it already.
    pub(super) fn answer(&self, body: &impl Serialize) -> Response {
        let headers = [
            (header::ETAG, self.etag.clone()),
            (HeaderName::from_static("shoplake-batch"), self.shown.batch.0.to_string()),
            (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        ];
        if self.known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, Json(body)).into_response()
    }
}

/// The days that figures are of.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Span {
    from: NaiveDate,
    to: NaiveDate,
}

/// The days of a filter.
pub(super) fn days(filter: &Filter) -> Span {
    Span { from: date(filter.from), to: date(filter.to) }
}
