//! Figures that are read off one answer of the cube.

use std::sync::Arc;

use axum::response::Response;
use chrono::{Datelike as _, NaiveDate, Timelike as _};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Asked, Span, days};
use crate::cube::{Answer as Figures, Cell, Filter, Segment, weekday};
use crate::money::{average, share};
use crate::params::{date, day};
use crate::problem::Answer;

/// The figures of some days, and of those before.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    period: Span,
    /// The days that they are compared with.
    compare: Option<Span>,
    current: Totals,
    previous: Option<Totals>,
}

/// Figures of some days.
#[derive(Serialize, JsonSchema)]
struct Totals {
    /// Decimal text.
    revenue: String,
    transactions: u64,
    /// Decimal text; null where nothing was sold.
    average_order_value: Option<String>,
    unique_customers: u64,
}

/// `GET /api/v1/sales/summary`
pub(super) async fn summary(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&[])?;
    let compared = asked.compared(&filter)?;
    let figures = |figures: &Figures| Totals {
        revenue: asked.money(figures.total.revenue),
        transactions: figures.total.transactions,
        average_order_value: average(figures.total, asked.cube.scale),
        unique_customers: figures.customers,
    };
    let current = figures(asked.figures(&filter).await?.as_ref());
    let previous = match &compared {
        Some(compared) => Some(figures(asked.figures(compared).await?.as_ref())),
        None => None,
    };
    let (period, compare) = (days(&filter), compared.as_ref().map(days));
    Ok(asked.answer(&Summary { period, compare, current, previous }))
}

/// Revenue over time.
#[derive(Serialize, JsonSchema)]
pub(super) struct Trend {
    /// What one point is: `hour`, `day` or `month`.
    grain: &'static str,
    period: Span,
    compare: Option<Span>,
    /// In order; what has no sale is left out.
    points: Vec<Point>,
    previous: Option<Vec<Point>>,
    /// The point that goes on.
    unfinished: Option<String>,
}

/// One point of a trend.
#[derive(Serialize, JsonSchema)]
struct Point {
    /// `2024-03-15T14:00`, `2024-03-15` or `2024-03`, on the shop's clock.
    at: String,
    /// Decimal text.
    revenue: String,
    transactions: u64,
    /// Of this point alone: those of several points do not add up.
    unique_customers: Option<u64>,
}

/// `GET /api/v1/sales/trend`
pub(super) async fn trend(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&["grain"])?;
    let grain = asked.params.word("grain", &["hour", "day", "month"])?.unwrap_or("day");
    let compared = asked.compared(&filter)?;
    let points = points(&asked, &filter, grain).await?;
    let previous = match &compared {
        Some(compared) => Some(self::points(&asked, compared, grain).await?),
        None => None,
    };
    let now = chrono::Utc::now().with_timezone(&asked.app.project.time_zone);
    let (today, last) = (now.date_naive(), date(filter.to));
    let running = today >= date(filter.from) && today <= last;
    Ok(asked.answer(&Trend {
        grain,
        period: days(&filter),
        compare: compared.as_ref().map(days),
        points,
        previous,
        unfinished: running.then(|| name(today, now.hour(), grain)),
    }))
}

/// The points of a trend, in order; what has no sale is left out. Each says how many customers bought; a sum
/// of smaller points would count some of them twice.
async fn points(asked: &Asked, filter: &Filter, grain: &str) -> Answer<Vec<Point>> {
    let figures = asked.figures(filter).await?;
    let mut points: Vec<(String, i32, u8, Cell)> = Vec::new();
    let mut open = [false; 24];
    for (hours, day) in figures.hours.chunks(24).zip(figures.from..) {
        for ((cell, hour), open) in hours.iter().zip(0..).zip(&mut open).filter(|((cell, _), _)| cell.transactions > 0)
        {
            *open = true;
            let at = name(date(day), hour.into(), grain);
            match points.last_mut().filter(|(last, ..)| *last == at) {
                Some((.., sum)) => sum.join(*cell),
                None => points.push((at, day, hour, *cell)),
            }
        }
    }
    let mut by_hour: [Option<Arc<Figures>>; 24] = Default::default();
    if grain == "hour" {
        for (hour, place) in (0..).zip(&mut by_hour).filter(|(hour, _)| open.get(usize::from(*hour)) == Some(&true)) {
            let only = Filter { hours: [hour].into(), ..filter.clone() };
            *place = Some(asked.figures(&only).await?);
        }
    }
    let mut shown = Vec::with_capacity(points.len());
    for (at, day, hour, cell) in points {
        let index = (day - figures.from) as usize;
        let unique_customers = match grain {
            "day" => figures.customers_by_day.get(index).map(|count| u64::from(*count)),
            "hour" => {
                let of_hour = by_hour.get(usize::from(hour)).and_then(Option::as_ref);
                of_hour.and_then(|figures| figures.customers_by_day.get(index)).map(|count| u64::from(*count))
            }
            _ => {
                let (first, last) = month(date(day));
                let month = filter.over(first.max(filter.from), last.min(filter.to));
                Some(asked.figures(&month).await?.customers)
            }
        };
        let (revenue, transactions) = (asked.money(cell.revenue), cell.transactions);
        shown.push(Point { at, revenue, transactions, unique_customers });
    }
    Ok(shown)
}

/// The first and the last day of a date's month.
fn month(date: NaiveDate) -> (i32, i32) {
    let first = day(date) - date.day0() as i32;
    (first, first + i32::from(date.num_days_in_month()) - 1)
}

/// An hour, a day or a month of the shop, as text that sorts by time.
fn name(day: NaiveDate, hour: u32, grain: &str) -> String {
    match grain {
        "hour" => format!("{day}T{hour:02}:00"),
        "month" => day.format("%Y-%m").to_string(),
        _ => day.to_string(),
    }
}

/// The products with the highest revenue.
#[derive(Serialize, JsonSchema)]
pub(super) struct TopProducts {
    period: Span,
    rows: Vec<ProductRow>,
    /// All others together.
    other: Others,
}

/// A product.
#[derive(Serialize, JsonSchema)]
struct ProductRow {
    /// Null for sales without one.
    product_id: Option<String>,
    name: Option<String>,
    /// Decimal text.
    revenue: String,
    order_count: u64,
}

/// The products that are not listed.
#[derive(Serialize, JsonSchema)]
struct Others {
    /// Decimal text.
    revenue: String,
    order_count: u64,
}

/// `GET /api/v1/sales/top-products`
pub(super) async fn top_products(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&["limit"])?;
    let limit = asked.params.number("limit", 10, 1, Figures::TOP as u32)? as usize;
    let figures = asked.figures(&filter).await?;
    let mut other = figures.total;
    let mut rows = Vec::new();
    for sum in figures.products.iter().take(limit) {
        other.transactions -= sum.cell.transactions;
        other.revenue -= sum.cell.revenue;
        let product = asked.cube.products.get(sum.product as usize);
        rows.push(ProductRow {
            product_id: product.and_then(|product| product.id.as_deref()).map(str::to_owned),
            name: product.and_then(|product| product.name.as_deref()).map(str::to_owned),
            revenue: asked.money(sum.cell.revenue),
            order_count: sum.cell.transactions,
        });
    }
    let other = Others { revenue: asked.money(other.revenue), order_count: other.transactions };
    Ok(asked.answer(&TopProducts { period: days(&filter), rows, other }))
}

/// Revenue by category.
#[derive(Serialize, JsonSchema)]
pub(super) struct Categories {
    period: Span,
    rows: Vec<CategoryRow>,
}

/// A category.
#[derive(Serialize, JsonSchema)]
struct CategoryRow {
    /// Null for products without one.
    category: Option<String>,
    /// Decimal text.
    revenue: String,
    order_count: u64,
    /// Its share of all revenue, 0 to 1.
    share: f64,
}

/// `GET /api/v1/sales/categories`
pub(super) async fn categories(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&[])?;
    let figures = asked.figures(&filter).await?;
    let row = |sum: &crate::cube::CategorySum| CategoryRow {
        category: sum.category.as_deref().map(str::to_owned),
        revenue: asked.money(sum.cell.revenue),
        order_count: sum.cell.transactions,
        share: share(sum.cell.revenue, figures.total.revenue),
    };
    let rows = figures.categories.iter().map(row).collect();
    Ok(asked.answer(&Categories { period: days(&filter), rows }))
}

/// Customers and revenue by segment.
#[derive(Serialize, JsonSchema)]
pub(super) struct Segments {
    period: Span,
    rows: Vec<SegmentRow>,
}

/// A segment of customers.
#[derive(Serialize, JsonSchema)]
struct SegmentRow {
    /// `new`, `returning`, `loyal` or `unknown`.
    segment: &'static str,
    customers: u64,
    /// Decimal text.
    revenue: String,
    transactions: u64,
}

/// `GET /api/v1/sales/segments`
pub(super) async fn segments(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&[])?;
    let figures = asked.figures(&filter).await?;
    let sums = Segment::ALL.into_iter().zip(&figures.segments).filter(|(_, sum)| sum.cell.transactions > 0);
    let rows = sums
        .map(|(segment, sum)| SegmentRow {
            segment: segment.as_str(),
            customers: sum.customers,
            revenue: asked.money(sum.cell.revenue),
            transactions: sum.cell.transactions,
        })
        .collect();
    Ok(asked.answer(&Segments { period: days(&filter), rows }))
}

/// Sales by weekday and hour.
#[derive(Serialize, JsonSchema)]
pub(super) struct Heatmap {
    period: Span,
    rows: Vec<HeatCell>,
}

/// An hour of a weekday, over all weeks.
#[derive(Serialize, JsonSchema)]
struct HeatCell {
    /// Monday is 1.
    day_of_week: u8,
    /// 0 to 23, on the shop's clock.
    hour: u8,
    transactions: u64,
    /// Decimal text.
    revenue: String,
}

/// `GET /api/v1/sales/heatmap`
pub(super) async fn heatmap(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&[])?;
    let figures = asked.figures(&filter).await?;
    let mut cells = [[Cell::default(); 24]; 7];
    for (hours, day) in figures.hours.chunks(24).zip(figures.from..) {
        let weekday = cells.get_mut(usize::from(weekday(day)) - 1);
        weekday.into_iter().flatten().zip(hours).for_each(|(sum, cell)| sum.join(*cell));
    }
    let sums = cells
        .iter()
        .zip(1..)
        .flat_map(|(hours, weekday)| hours.iter().zip(0..).map(move |(cell, hour)| (weekday, hour, cell)));
    let rows = sums
        .filter(|(_, _, cell)| cell.transactions > 0)
        .map(|(day_of_week, hour, cell): (u8, u8, &Cell)| HeatCell {
            day_of_week,
            hour,
            transactions: cell.transactions,
            revenue: asked.money(cell.revenue),
        })
        .collect();
    Ok(asked.answer(&Heatmap { period: days(&filter), rows }))
}
