//! The latest sales row by row, each with the file and line that it came from.
//!
//! The cube says which days the page reaches back to, and who bought on them where few did, so that only those
//! are read; the rows come from the tables of the same batch.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike};
use futures::TryStreamExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use shoplake_core::{PinnedTable, ShopZone};

use super::super::query::in_time;
use super::{Asked, Span, days};
use crate::app::App;
use crate::cube::{Cube, Filter, Product, UNKNOWN_PRODUCT};
use crate::figures::{Buyers, Shown};
use crate::params::date;
use crate::problem::{Answer, Problem};
use crate::rows;

const MICROS_A_DAY: i64 = 86_400_000_000;
/// Ids of products or customers that the query itself is given; with more, rows are sifted as they come.
const IDS_IN_SQL: usize = 1_000;
/// Runs of days that the query itself is given; with more, it is given the first and the last day only.
const RUNS_IN_SQL: usize = 64;
/// The columns of a row, in order.
const COLUMNS: [&str; 8] =
    ["transaction_id", "customer_id", "product_id", "city", "quantity", "amount", "_source_file", "_source_line"];

/// Rows of a page that does not say how many.
const ROWS: u32 = 50;

/// The latest sales.
#[derive(Serialize, JsonSchema)]
pub(super) struct Transactions<'p> {
    period: Span,
    #[serde(flatten)]
    page: &'p SalesPage,
}

/// A page of sales.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct SalesPage {
    /// The latest first.
    rows: Vec<Sale>,
    /// What `before` says for the page after; null on the last one.
    next: Option<String>,
}

/// A sale, and the line that it came from. Its own columns are of the types of the contract; what the shop's sales do not
/// have is null.
#[derive(Debug, Serialize, JsonSchema)]
struct Sale {
    /// The moment, UTC.
    transaction_date: Value,
    transaction_id: Value,
    /// Null for who follows a link.
    customer_id: Value,
    product_id: Value,
    /// The city as it was known at load.
    city: Value,
    quantity: Value,
    /// Decimal text.
    amount: Value,
    #[serde(rename = "_source_file")]
    source_file: Value,
    #[serde(rename = "_source_line")]
    source_line: Value,
    product_name: Option<String>,
    category: Option<String>,
    customer_name: Option<String>,
}

/// `GET /api/v1/sales/transactions`
pub(super) async fn list(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&["limit", "before", "transaction_id"])?;
    let limit = asked.params.number("limit", ROWS, 1, 500)? as usize;
    let before = asked.params.get("before").map(Cursor::read).transpose()?;
    let (period, found) = (days(&filter), page(&asked, &filter, limit, before.as_ref()).await?);
    let none = SalesPage::default();
    Ok(asked.answer(&Transactions { period, page: found.as_ref().map_or(&none, |page| &page.0) }))
}

/// Makes the first page of a filter, as the dashboard asks for it, before anybody does.
pub(crate) async fn prepare(app: &App, shown: &Arc<Shown>, cube: &Arc<Cube>, filter: &Filter) -> Answer<()> {
    let asked = Asked::by_nobody(app, shown, cube);
    page(&asked, filter, ROWS as usize, None).await.map(|_| ())
}

/// The `rows` of a page and the cursor of the `next`, and about how many bytes they take; `None` where no day has
/// sales.
async fn page(
    asked: &Asked,
    filter: &Filter,
    limit: usize,
    before: Option<&Cursor>,
) -> Answer<Option<Arc<(SalesPage, usize)>>> {
    // Where one sale is asked for, no day tells whether it is there.
    let enough = if asked.params.get("transaction_id").is_some() { u64::MAX } else { limit as u64 };
    let reach = reach(asked, filter, before, enough).await?;
    let Some((first, last)) = reach.last().zip(reach.first()).map(|(first, last)| (*first.start(), *last.end())) else {
        return Ok(None);
    };
    // Whatever days were asked for, the page is of these.
    let filter_of_page = filter.over(first, last);
    let page = Page::new(asked, &filter_of_page)?;
    let sql = |buyers: Buyers| page.sql(asked, &reach, before, limit, buyers);
    let made = async || {
        let sql = sql(page.buyers(asked).await?);
        let mut found = in_time(&asked.app, &asked.who, async || page.find(asked, &sql, limit).await).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).and_then(Cursor::after).map(|cursor| cursor.text());
        let rows: Vec<Sale> = found.into_iter().map(|row| page.shown(asked, row)).collect();
        // What a text takes once it is values is several times the text.
        let bytes = rows.iter().map(|row| json!(row).to_string().len() * 4).sum();
        Ok::<_, Problem>(Arc::new((SalesPage { rows, next }, bytes)))
    };
    // What the query is not told is part of the name of its page. Who bought follows from it, and takes a walk.
    let kept = asked.shown.pages.place(&format!("{filter_of_page:?} {limit} {} {}", asked.shared, sql(None)));
    kept.get_or_try_init(made).await.cloned().map(Some)
}

/// Where a page ended.
struct Cursor {
    /// UTC microseconds.
    at: i64,
    id: String,
}

impl Cursor {
    fn read(text: &str) -> Answer<Self> {
        let wrong = || Problem::unprocessable("parameter.cursor", "`before` is not the `next` of a page");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (at, id) = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        Ok(Self { at, id })
    }

    fn after(row: &Map<String, Value>) -> Option<Self> {
        let at = row.get("micros")?.as_i64()?;
        Some(Self { at, id: row.get("transaction_id")?.as_str().unwrap_or_default().to_owned() })
    }

    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!([self.at, self.id]).to_string())
    }
}

/// The days that hold the page, the latest first, those that follow each other as one: as few as have more than
/// `enough` sales.
async fn reach(
    asked: &Asked,
    filter: &Filter,
    before: Option<&Cursor>,
    enough: u64,
) -> Answer<Vec<RangeInclusive<i32>>> {
    let figures = asked.figures(filter).await?;
    let mut zone = ShopZone::new(asked.app.project.time_zone);
    let cursor_day = before.map(|cursor| zone.local_day(cursor.at));
    let with_sales: Vec<_> = figures.days().filter(|(day, _)| cursor_day.is_none_or(|last| *day <= last)).collect();
    let (mut sales, mut reach) = (0, Vec::<RangeInclusive<i32>>::new());
    for (day, cell) in with_sales.into_iter().rev() {
        match reach.last_mut().filter(|run| *run.start() == day + 1) {
            Some(run) => *run = day..=*run.end(),
            None => reach.push(day..=day),
        }
        // Some of the cursor's own day were on pages before.
        if Some(day) != cursor_day {
            sales += cell.transactions;
        }
        if sales > enough {
            break;
        }
    }
    Ok(reach)
}

/// How the rows of one request are found and shown.
struct Page<'a> {
    table: &'a PinnedTable,
    event_time: String,
    /// The ids that may pass, where products are filtered.
    ids: Option<BTreeSet<String>>,
    /// Whether sales without a product may pass too.
    no_product: bool,
    filter: &'a Filter,
    products: HashMap<&'a str, &'a Product>,
}

impl<'a> Page<'a> {
    fn new(asked: &'a Asked, filter: &'a Filter) -> Answer<Self> {
        let none = || Problem::not_found("there are no sales yet");
        let table = asked.shown.catalog.tables.get("sales").ok_or_else(none)?;
        let sales = asked.app.project.dataset("sales").ok_or_else(none)?;
        let event_time = sales.contract.event_time.clone().ok_or_else(none)?;
        let products =
            asked.cube.products.iter().filter_map(|product| Some((product.id.as_deref()?, product))).collect();
        let filtered = !filter.products.is_empty() || !filter.categories.is_empty();
        let wanted = |product: &&Product| {
            let id = product.id.as_deref();
            (filter.products.is_empty() || id.is_some_and(|id| filter.products.contains(id)))
                && (filter.categories.is_empty() || filter.categories.contains(&category(product).map(str::to_owned)))
        };
        let no_product = asked.cube.products.first().is_some_and(|product| wanted(&product));
        let ids = filtered.then(|| {
            asked
                .cube
                .products
                .iter()
                .filter(wanted)
                .filter_map(|product| product.id.as_deref().map(str::to_owned))
                .collect()
        });
        Ok(Self { table, event_time, ids, no_product, filter, products })
    }

    /// Who bought, where segments are filtered and so few did that the query can be given them.
    async fn buyers(&self, asked: &Asked) -> Answer<Buyers> {
        if self.filter.segments.is_empty() {
            return Ok(None);
        }
        asked.app.lasting.figures.buyers(&asked.cube, self.filter, IDS_IN_SQL).await
    }

    fn column(&self, name: &str) -> String {
        let has = self.table.schema.column_with_name(name).is_some();
        if has { format!("{0} AS {0}", quoted(name)) } else { format!("NULL AS {}", quoted(name)) }
    }

    fn sql(
        &self,
        asked: &Asked,
        reach: &[RangeInclusive<i32>],
        before: Option<&Cursor>,
        limit: usize,
        buyers: Buyers,
    ) -> String {
        let at = quoted(&self.event_time);
        let (zone, filter) = (asked.app.project.time_zone, self.filter);
        let within = |first: i32, last: i32| {
            format!("{at} >= {} AND {at} < {}", moment(start(zone, first)), moment(start(zone, last + 1)))
        };
        let mut conditions = vec![within(filter.from, filter.to)];
        if (2..=RUNS_IN_SQL).contains(&reach.len()) {
            let runs = reach.iter().map(|run| format!("({})", within(*run.start(), *run.end())));
            conditions.push(format!("({})", runs.collect::<Vec<_>>().join(" OR ")));
        }
        if ["year", "month"].iter().all(|name| self.table.partition_columns.iter().any(|column| column == name)) {
            let months = |day: i32| date(day).year() * 12 + date(day).month() as i32;
            let (first, last) = (months(filter.from), months(filter.to));
            conditions.push(format!("\"year\" * 12 + \"month\" BETWEEN {first} AND {last}"));
        }
        let id =
            if self.table.schema.column_with_name("transaction_id").is_some() { "\"transaction_id\"" } else { "''" };
        if let Some(Cursor { at: last, id: last_id }) = before {
            let (last, last_id) = (moment(*last), literal(last_id));
            conditions.push(format!("({at} < {last} OR ({at} = {last} AND CAST({id} AS VARCHAR) < {last_id}))"));
        }
        if let Some(wanted) = asked.params.get("transaction_id") {
            conditions.push(format!("CAST({id} AS VARCHAR) = {}", literal(wanted)));
        }
        for (value, allowed) in [("local_hour", &filter.hours), ("iso_weekday", &filter.weekdays)] {
            if !allowed.is_empty() {
                let allowed = allowed.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
                conditions.push(format!("{value}({at}) IN ({allowed})"));
            }
        }
        if !filter.cities.is_empty() {
            conditions.push(one_of("city", filter.cities.iter().map(Option::as_deref)));
        }
        let narrow = self.ids.as_ref().filter(|ids| ids.len() <= IDS_IN_SQL);
        if let Some(ids) = narrow {
            let none = self.no_product.then_some(None);
            conditions.push(one_of("product_id", ids.iter().map(|id| Some(id.as_str())).chain(none)));
        }
        if let Some(buyers) = buyers {
            conditions.push(one_of("customer_id", buyers.iter().map(Option::as_deref)));
        }
        let segments = !filter.segments.is_empty();
        let sifted = segments || (self.ids.is_some() && narrow.is_none());
        let limit = if sifted { String::new() } else { format!("LIMIT {}", limit + 1) };
        let columns = COLUMNS.map(|name| self.column(name)).join(", ");
        format!(
            "SELECT {at} AS transaction_date, CAST({at} AS BIGINT) AS micros, {columns} FROM sales WHERE {} \
             ORDER BY {at} DESC, CAST({id} AS VARCHAR) DESC {limit}",
            conditions.join(" AND ")
        )
    }

    /// The rows of the query that pass; one more than `limit` tells that there are more.
    async fn find(&self, asked: &Asked, sql: &str, limit: usize) -> Answer<Vec<Map<String, Value>>> {
        let mut stream = asked.app.engine.query(&asked.shown.catalog, sql).await?.batches;
        let mut found = Vec::new();
        while found.len() <= limit {
            let Some(batch) = stream.try_next().await? else { break };
            found.extend(rows::objects(&batch)?.into_iter().filter(|row| self.lets(asked, row)));
        }
        Ok(found)
    }

    /// Whether a row passes what the query was not told.
    fn lets(&self, asked: &Asked, row: &Map<String, Value>) -> bool {
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        let product = match (&self.ids, text("product_id")) {
            (None, _) => true,
            (Some(ids), Some(id)) => ids.contains(id),
            (Some(_), None) => self.no_product,
        };
        product
            && (self.filter.segments.is_empty()
                || self.filter.segments.contains(&asked.cube.segment_of(text("customer_id"))))
    }

    fn shown(&self, asked: &Asked, mut row: Map<String, Value>) -> Sale {
        let mut take = |name: &str| row.remove(name).unwrap_or_default();
        let (customer_id, product_id) = (take("customer_id"), take("product_id"));
        let product = product_id.as_str().and_then(|id| self.products.get(id).copied());
        // A link may go round: it shows sales, not who bought.
        let customer_id = if asked.shared { Value::Null } else { customer_id };
        Sale {
            transaction_date: take("transaction_date"),
            transaction_id: take("transaction_id"),
            product_name: product.and_then(|product| product.name.as_deref()).map(str::to_owned),
            category: product.map_or(Some(UNKNOWN_PRODUCT), category).map(str::to_owned),
            customer_name: customer_id.as_str().and_then(|id| asked.cube.customer_name(id)).map(str::to_owned),
            customer_id,
            product_id,
            city: take("city"),
            quantity: take("quantity"),
            amount: take("amount"),
            source_file: take("_source_file"),
            source_line: take("_source_line"),
        }
    }
}

fn category(product: &Product) -> Option<&str> {
    if product.known { product.category.as_deref() } else { Some(UNKNOWN_PRODUCT) }
}

/// A text of SQL. The dialect knows no escape but the doubled quote.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name of SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// That a column has one of these values; `None` is NULL.
pub(crate) fn one_of<'v>(column: &str, values: impl Iterator<Item = Option<&'v str>>) -> String {
    let column = quoted(column);
    let (mut texts, mut null) = (Vec::new(), false);
    for value in values {
        match value {
            Some(text) => texts.push(literal(text)),
            None => null = true,
        }
    }
    let mut either = Vec::new();
    if !texts.is_empty() {
        either.push(format!("CAST({column} AS VARCHAR) IN ({})", texts.join(", ")));
    }
    if null {
        either.push(format!("{column} IS NULL"));
    }
    if either.is_empty() { "false".to_owned() } else { format!("({})", either.join(" OR ")) }
}

/// When a day of the shop begins, UTC microseconds. Where the clock skips midnight it is the hour after.
fn start(zone: chrono_tz::Tz, day: i32) -> i64 {
    let (mut clock, local) = (ShopZone::new(zone), i64::from(day) * MICROS_A_DAY);
    let quarters = (0..12).map(|quarter| local + quarter * 15 * 60_000_000);
    quarters.into_iter().find_map(|at| clock.utc_micros(at)).unwrap_or(local)
}

fn moment(micros: i64) -> String {
    let at = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    format!("arrow_cast('{}', 'Timestamp(Microsecond, Some(\"UTC\"))')", at.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
}
