//! Answers for what one click on the sales page leads to, made before anybody clicks.
//!
//! A walk over many millions of sales takes longer than a click should. After a load, the periods that the page
//! offers ([`crate::period`]), alone and with each one filter that stands on the page, are walked one by one and kept,
//! and so is the first page of their transactions; what else is asked for is walked and read when it is, and whoever
//! waits for that goes first. The periods are counted back from the shop's today, as the page does, whatever day the
//! last sale is of. Not here: how answers are kept and dropped ([`crate::kept`]), and that days without sales make no
//! other answer ([`Cube::clipped`]).

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use shoplake_core::ShopZone;

use crate::app::App;
use crate::cube::{Answer, Cube, Filter, Segment};
use crate::figures::{Asks, Shown};
use crate::params::day;
use crate::period::{Period, running};
use crate::routes::prepare_transactions;

/// Sales from which a walk is felt; below, nothing is prepared.
const ROWS: u64 = 1_000_000;
/// Days that hold each cell of the heatmap once.
const WEEK: i32 = 7;
/// The most categories and cities, and the products of the chart.
const VALUES: usize = 50;
const PRODUCTS: usize = 10;
/// How long those who wait for an answer are let go first, and how often it is looked whether they still do.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(3);

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
    let today = ShopZone::new(app.project.time_zone).today();
    let figures = &app.lasting.figures;
    let walk = async |filter: &Filter| {
        quiet(app).await;
        figures.answer(shown, cube, filter, Asks::Nobody).await
    };
    let is_shown = || figures.shown().is_some_and(|now| Arc::ptr_eq(&now, shown));
    let all = walk(&Filter::days(first, last)).await?;
    for filter in compared(cube, &all, today) {
        if !is_shown() {
            return Ok(());
        }
        walk(&filter).await?;
    }
    for filter in filters(cube, &all, today) {
        if !is_shown() {
            return Ok(());
        }
        walk(&filter).await?;
        quiet(app).await;
        prepare_transactions(app, shown, cube, &filter).await?;
        walk(&filter.before()).await?;
    }
    tracing::info!(batch = shown.batch.0, "answers are prepared");
    Ok(())
}

/// Waits until nobody waits for an answer, but not for ever: what is prepared makes later answers quick.
async fn quiet(app: &App) {
    let mut waited = Duration::ZERO;
    while !app.traffic.is_quiet() && waited < PATIENCE {
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

/// What is prepared: all periods first, then each with its filters, the shorter ones first: they are asked for most,
/// and soon done. The period before each is shown with it.
fn filters(cube: &Cube, all: &Answer, today: NaiveDate) -> Vec<Filter> {
    let spans = Period::ALL.map(|period| period.days(today)).map(|(from, to)| (day(from), day(to)));
    let mut filters = spans.map(|(from, to)| Filter::days(from, to)).to_vec();
    let single = single(cube, all);
    filters.extend(spans.iter().flat_map(|(from, to)| single.iter().map(|filter| filter.over(*from, *to))));
    // The page of a cell of the heatmap is the same over any longer span.
    let week = Filter::days(day(today) - WEEK + 1, day(today));
    let cell = |at: u8| Filter { hours: [at % 24].into(), weekdays: [at / 24 + 1].into(), ..week.clone() };
    filters.extend((0..24 * WEEK as u8).map(cell));
    filters
}

/// What the running day, week and month are compared with, alone and with each filter: short spans, which each click
/// asks for.
fn compared(cube: &Cube, all: &Answer, today: NaiveDate) -> Vec<Filter> {
    let spans = running(today).map(|(_, (from, to))| (day(from), day(to)));
    let alone = spans.map(|(from, to)| Filter::days(from, to));
    let single = single(cube, all).into_iter();
    alone.into_iter().chain(single.flat_map(|filter| spans.map(|(from, to)| filter.over(from, to)))).collect()
}

/// Each one value that the page offers, over some day.
fn single(cube: &Cube, all: &Answer) -> Vec<Filter> {
    let any = Filter::days(0, 0);
    let mut filters = Vec::new();
    let categories = all.categories.iter().take(VALUES).map(|sum| sum.category.as_deref().map(str::to_owned));
    filters.extend(categories.map(|value| Filter { categories: [value].into(), ..any.clone() }));
    let cities = all.cities.iter().take(VALUES).map(|sum| sum.city.as_deref().map(str::to_owned));
    filters.extend(cities.map(|value| Filter { cities: [value].into(), ..any.clone() }));
    filters.extend(Segment::ALL.map(|segment| Filter { segments: [segment].into(), ..any.clone() }));
    let products = all.products.iter().take(PRODUCTS);
    let products = products.filter_map(|sum| cube.products.get(sum.product as usize)?.id.as_deref());
    filters.extend(products.map(|id| Filter { products: [id.to_owned()].into(), ..any.clone() }));
    filters
}

#[cfg(test)]
mod tests {
    use shoplake_core::BatchNumber;

    use super::*;
    use crate::cube::{BlockBuilder, Row};

    /// Sales on these days.
    fn cube(days: [i32; 2]) -> Arc<Cube> {
        let mut builder = BlockBuilder::default();
        for day in days {
            builder.push(Row { day, hour: 12, product: 0, customer: 1, city: 0, amount: 100 });
        }
        Arc::new(Cube {
            batch: BatchNumber(1),
            loaded_at: chrono::DateTime::UNIX_EPOCH,
            scale: 2,
            last_sale: None,
            blocks: vec![Arc::new(builder.finish())],
            products: Arc::default(),
            cities: Arc::new(vec![None]),
            segments: Arc::new(vec![Segment::Unknown, Segment::Returning]),
            customers: Arc::default(),
            customer_names: Arc::default(),
        })
    }

    /// Given sales up to yesterday, then each period that the page asks for today is prepared, and its answer is that
    /// of the days that have sales.
    #[test]
    fn periods_of_today_are_prepared() {
        let today: NaiveDate = "2026-03-15".parse().unwrap();
        let cube = cube([day(today) - 400, day(today) - 1]);
        let all = cube.answer(&Filter::days(day(today) - 400, day(today)), 1);
        let prepared = filters(&cube, &all, today);
        for period in Period::ALL {
            let (from, to) = period.days(today);
            let asked = Filter::days(day(from), day(to));
            assert!(prepared.contains(&asked), "{period:?}");
            let returning = Filter { segments: [Segment::Returning].into(), ..asked.clone() };
            assert!(prepared.contains(&returning), "{period:?}");
        }
        let prepared = compared(&cube, &all, today);
        for (_, (from, to)) in running(today) {
            let asked = Filter { segments: [Segment::Returning].into(), ..Filter::days(day(from), day(to)) };
            assert!(prepared.contains(&asked), "{from} to {to}");
        }
        let days = |from: i32, to: i32| Filter::days(day(today) + from, day(today) + to);
        assert_eq!(cube.clipped(&days(-29, 0)), cube.clipped(&days(-29, -1)));
        assert_eq!(cube.clipped(&days(-800, 5)), days(-400, -1));
        assert_eq!(cube.clipped(&days(0, 0)), cube.clipped(&days(1, 90)));
        for asked in [days(-29, 0), days(-800, 5), days(0, 0), days(-900, -500)] {
            let (whole, clipped) = (cube.answer(&asked, 1), cube.answer(&cube.clipped(&asked), 1));
            assert_eq!((whole.total, whole.customers), (clipped.total, clipped.customers), "{asked:?}");
            assert_eq!(whole.days().collect::<Vec<_>>(), clipped.days().collect::<Vec<_>>(), "{asked:?}");
        }
    }
}
