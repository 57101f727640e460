//! What can be filtered by: values with the number of their sales, the commonest first.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::Asked;
use crate::cube::{Cell, Filter, Segment};
use crate::problem::{Answer, Problem};

/// What can be filtered by.
#[derive(Serialize, JsonSchema)]
pub(super) struct FilterValues {
    /// The commonest first.
    values: Vec<FilterValue>,
    /// Whether there are more than were asked for.
    more: bool,
}

/// A value of a filter.
#[derive(Serialize, JsonSchema)]
struct FilterValue {
    /// What the parameter takes; empty for none.
    value: String,
    /// What people read.
    label: String,
    /// Sales that have it.
    count: u64,
}

/// `GET /api/v1/sales/filter-values`
pub(super) async fn list(asked: Asked) -> Answer<Response> {
    let fixed: Vec<&str> = if asked.shared { crate::params::FILTERS.to_vec() } else { Vec::new() };
    asked.params.only(&[&["field", "search", "limit"], &fixed])?;
    let field = asked.params.word("field", &["category", "product", "city", "segment"])?;
    let field = field.ok_or_else(|| Problem::unprocessable("parameter.word", "`field` is missing"))?;
    let search = asked.params.get("search").unwrap_or_default().to_lowercase();
    let limit = asked.params.number("limit", 50, 1, 1_000)? as usize;
    let (first, last) = asked.cube.days().unwrap_or((0, -1));
    // A share sees the values of its own sales alone.
    let filter = if asked.shared { asked.filter(&["field", "search", "limit"])? } else { Filter::days(first, last) };
    let figures = asked.figures(&filter).await?;
    let none = || ("", "(none)".to_owned());
    let owned = |value: (&str, String), cell: Cell| (value.0.to_owned(), value.1, cell.transactions);
    let mut values: Vec<(String, String, u64)> = match field {
        "category" => figures
            .categories
            .iter()
            .map(|sum| owned(sum.category.as_deref().map_or_else(none, |c| (c, c.to_owned())), sum.cell))
            .collect(),
        "city" => figures
            .cities
            .iter()
            .map(|sum| owned(sum.city.as_deref().map_or_else(none, |c| (c, c.to_owned())), sum.cell))
            .collect(),
        "segment" => {
            let sums = Segment::ALL.iter().zip(&figures.segments).filter(|(_, sum)| sum.cell.transactions > 0);
            sums.map(|(segment, sum)| owned((segment.as_str(), segment.as_str().to_owned()), sum.cell)).collect()
        }
        _ => {
            let product = |number: u32| asked.cube.products.get(number as usize);
            let sold = asked.sold(&filter).await?;
            let named = sold.iter().filter_map(|sum| {
                let product = product(sum.product)?;
                let id = product.id.as_deref()?;
                Some(owned((id, product.name.as_deref().unwrap_or(id).to_owned()), sum.cell))
            });
            named.collect()
        }
    };
    values.retain(|(value, label, _)| {
        search.is_empty() || value.to_lowercase().contains(&search) || label.to_lowercase().contains(&search)
    });
    values.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    let more = values.len() > limit;
    let value = |(value, label, count): (String, String, u64)| FilterValue { value, label, count };
    let values = values.into_iter().take(limit).map(value).collect();
    Ok(asked.answer(&FilterValues { values, more }))
}
