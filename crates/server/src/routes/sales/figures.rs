//! Figures that are read off one answer of the cube.

use std::sync::Arc;

use axum::response::Response;
use chrono::{Datelike as _, NaiveDate, Timelike as _};
use serde_json::{Value, json};

use super::{Asked, days};
use crate::cube::{Answer as Figures, Cell, Filter, Segment, weekday};
use crate::money::{average, share};
use crate::params::{date, day};
use crate::problem::Answer;

/// `GET /api/v1/sales/summary`
pub(super) async fn summary(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&[])?;
    let compared = asked.compared(&filter)?;
    let figures = |figures: &Figures| {
        json!({
            "revenue": asked.money(figures.total.revenue),
            "transactions": figures.total.transactions,
            "average_order_value": average(figures.total, asked.cube.scale),
            "unique_customers": figures.customers,
        })
    };
    let current = figures(asked.figures(&filter).await?.as_ref());
    let previous = match &compared {
        Some(compared) => Some(figures(asked.figures(compared).await?.as_ref())),
        None => None,
    };
    Ok(asked.answer(json!({
        "period": days(&filter), "compare": compared.as_ref().map(days), "current": current, "previous": previous,
    })))
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
    Ok(asked.answer(json!({
        "grain": grain,
        "period": days(&filter),
        "compare": compared.as_ref().map(days),
        "points": points,
        "previous": previous,
        "unfinished": running.then(|| name(today, now.hour(), grain)),
    })))
}

/// The points of a trend, in order; what has no sale is left out. Each says how many customers bought; a sum
/// of smaller points would count some of them twice.
async fn points(asked: &Asked, filter: &Filter, grain: &str) -> Answer<Vec<Value>> {
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
        let mut point = json!({ "at": at, "revenue": asked.money(cell.revenue), "transactions": cell.transactions });
        match grain {
            "day" => point["unique_customers"] = json!(figures.customers_by_day.get(index)),
            "hour" => {
                let of_hour = by_hour.get(usize::from(hour)).and_then(Option::as_ref);
                point["unique_customers"] = json!(of_hour.and_then(|figures| figures.customers_by_day.get(index)));
            }
            "month" => {
                let (first, last) = month(date(day));
                let month = filter.over(first.max(filter.from), last.min(filter.to));
                point["unique_customers"] = json!(asked.figures(&month).await?.customers);
            }
            _ => {}
        }
        shown.push(point);
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
        rows.push(json!({
            "product_id": product.and_then(|product| product.id.as_deref()),
            "name": product.and_then(|product| product.name.as_deref()),
            "revenue": asked.money(sum.cell.revenue),
            "order_count": sum.cell.transactions,
        }));
    }
    let other = json!({ "revenue": asked.money(other.revenue), "order_count": other.transactions });
    Ok(asked.answer(json!({ "period": days(&filter), "rows": rows, "other": other })))
}

/// `GET /api/v1/sales/categories`
pub(super) async fn categories(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&[])?;
    let figures = asked.figures(&filter).await?;
    let row = |sum: &crate::cube::CategorySum| {
        json!({
            "category": sum.category.as_deref(),
            "revenue": asked.money(sum.cell.revenue),
            "order_count": sum.cell.transactions,
            "share": share(sum.cell.revenue, figures.total.revenue),
        })
    };
    let rows: Vec<Value> = figures.categories.iter().map(row).collect();
    Ok(asked.answer(json!({ "period": days(&filter), "rows": rows })))
}

/// `GET /api/v1/sales/segments`
pub(super) async fn segments(asked: Asked) -> Answer<Response> {
    let filter = asked.filter(&[])?;
    let figures = asked.figures(&filter).await?;
    let sums = Segment::ALL.into_iter().zip(&figures.segments).filter(|(_, sum)| sum.cell.transactions > 0);
    let rows: Vec<Value> = sums
        .map(|(segment, sum)| {
            json!({
                "segment": segment.as_str(),
                "customers": sum.customers,
                "revenue": asked.money(sum.cell.revenue),
                "transactions": sum.cell.transactions,
            })
        })
        .collect();
    Ok(asked.answer(json!({ "period": days(&filter), "rows": rows })))
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
    let rows: Vec<Value> = sums
        .filter(|(_, _, cell)| cell.transactions > 0)
        .map(|(weekday, hour, cell): (i32, i32, &Cell)| {
            json!({
                "day_of_week": weekday,
                "hour": hour,
                "transactions": cell.transactions,
                "revenue": asked.money(cell.revenue),
            })
        })
        .collect();
    Ok(asked.answer(json!({ "period": days(&filter), "rows": rows })))
}
