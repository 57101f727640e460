//! Answers for what one click on the sales page leads to, made before anybody clicks.
//!
//! A walk over many millions of sales takes longer than a click should. After a load, the page's usual spans of
//! days, alone and with each one filter that stands on the page, are walked one by one and kept, and so is the
//! first page of their transactions; what else is asked for is walked and read when it is. Not here: how answers
//! are kept and dropped ([`crate::kept`]).

use std::sync::Arc;

use shoplake_core::ShopZone;

use crate::app::App;
use crate::cube::{Answer, Cube, Filter, Segment};
use crate::figures::Shown;
use crate::params::day;
use crate::routes::prepare_transactions;

/// Sales from which a walk is felt; below, nothing is prepared.
const ROWS: u64 = 1_000_000;
/// Days of the spans that the page offers, besides all days. The span before each is shown with it.
const SPANS: [i32; 5] = [1, 7, 30, 90, 365];
/// Days that hold each cell of the heatmap once.
const WEEK: i32 = 7;
/// The most categories and cities, and the products of the chart.
const VALUES: usize = 50;
const PRODUCTS: usize = 10;

/// Prepares the answers of what is shown now, in the background; it ends when another batch is shown.
pub(crate) fn begin(app: &App) {
    let Some(shown) = app.lasting.figures.shown() else { return };
    let Some(cube) = shown.cube.clone().filter(|cube| cube.rows() >= ROWS) else { return };
    let app = Arc::clone(app);
    tokio::spawn(async move {
        // A fault meets whoever asks for the same; here it ends the preparation.
        if prepare(&app, &shown, &cube).await.is_err() {
            tracing::warn!(batch = shown.batch.0, "answers are not prepared");
        }
    });
}

async fn prepare(app: &App, shown: &Arc<Shown>, cube: &Arc<Cube>) -> crate::problem::Answer<()> {
    let Some((first, last)) = cube.days() else { return Ok(()) };
    let last = last.min(day(ShopZone::new(app.project.time_zone).today()));
    let figures = &app.lasting.figures;
    let all = figures.answer(shown, cube, &Filter::days(first, last)).await?;
    for filter in filters(cube, &all, (first, last)) {
        let now = figures.shown();
        if !now.is_some_and(|now| Arc::ptr_eq(&now, shown)) {
            return Ok(());
        }
        figures.answer(shown, cube, &filter).await?;
        prepare_transactions(app, shown, cube, &filter).await?;
        let before = filter.before();
        if before.to >= first {
            figures.answer(shown, cube, &before).await?;
        }
    }
    tracing::info!(batch = shown.batch.0, "answers are prepared");
    Ok(())
}

/// What is prepared, the shorter spans first: they are asked for most, and soon done.
fn filters(cube: &Cube, all: &Answer, (first, last): (i32, i32)) -> Vec<Filter> {
    let spans = SPANS.into_iter().map(|days| (last - days + 1, last)).chain([(first, last)]);
    let mut filters = Vec::new();
    for (from, to) in spans {
        let days = Filter::days(from, to);
        let mut of_span = vec![days.clone()];
        let categories = all.categories.iter().take(VALUES).map(|sum| sum.category.as_deref().map(str::to_owned));
        of_span.extend(categories.map(|value| Filter { categories: [value].into(), ..days.clone() }));
        let cities = all.cities.iter().take(VALUES).map(|sum| sum.city.as_deref().map(str::to_owned));
        of_span.extend(cities.map(|value| Filter { cities: [value].into(), ..days.clone() }));
        of_span.extend(Segment::ALL.map(|segment| Filter { segments: [segment].into(), ..days.clone() }));
        let products = all.products.iter().take(PRODUCTS);
        let products = products.filter_map(|sum| cube.products.get(sum.product as usize)?.id.as_deref());
        of_span.extend(products.map(|id| Filter { products: [id.to_owned()].into(), ..days.clone() }));
        filters.extend(of_span);
    }
    // The page of a cell of the heatmap is the same over any longer span.
    let week = Filter::days(last - WEEK + 1, last);
    let cell = |at: u8| Filter { hours: [at % 24].into(), weekdays: [at / 24 + 1].into(), ..week.clone() };
    filters.extend((0..24 * WEEK as u8).map(cell));
    filters
}
