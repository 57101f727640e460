//! The walk: every row of the asked days once, on as many threads as it is worth.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::answer::{Answer, CategorySum, Cell, CitySum, ProductSum, SegmentSum};
use super::block::{Block, Piece};
use super::filter::{Filter, Segment};
use super::{Cube, UNKNOWN_PRODUCT};

/// Rows that are unpacked at once: they fit into the first cache.
const PIECE_ROWS: usize = 1_024;
/// Rows from which a second thread is worth its start.
const ROWS_A_THREAD: usize = 500_000;
/// The longest span of days: what lies further apart is no shop's history.
pub(crate) const DAYS_MAX: i32 = 40_000;

/// Rows of one day in one block.
struct Span<'c> {
    block: &'c Block,
    day: i32,
    rows: Range<usize>,
}

/// Which numbers a filter lets through; `None` lets all.
struct Allowed {
    products: Option<Vec<bool>>,
    cities: Option<Vec<bool>>,
    segments: Option<[bool; 4]>,
    hours: Option<[bool; 24]>,
}

impl Allowed {
    fn new(cube: &Cube, filter: &Filter) -> Self {
        let category = |product: &super::Product| {
            if product.known {
                product.category.as_deref().map(str::to_owned)
            } else {
                Some(UNKNOWN_PRODUCT.to_owned())
            }
        };
        let products = (!filter.products.is_empty() || !filter.categories.is_empty()).then(|| {
            let wanted = |product: &super::Product| {
                let id = product.id.as_deref();
                (filter.products.is_empty() || id.is_some_and(|id| filter.products.contains(id)))
                    && (filter.categories.is_empty() || filter.categories.contains(&category(product)))
            };
            cube.products.iter().map(wanted).collect()
        });
        let cities = (!filter.cities.is_empty()).then(|| {
            let wanted = |city: &Option<Arc<str>>| filter.cities.contains(&city.as_deref().map(str::to_owned));
            cube.cities.iter().map(wanted).collect()
        });
        let segments = (!filter.segments.is_empty()).then(|| Segment::ALL.map(|s| filter.segments.contains(&s)));
        let hours =
            (!filter.hours.is_empty()).then(|| std::array::from_fn(|hour| filter.hours.contains(&(hour as u8))));
        Self { products, cities, segments, hours }
    }
}

/// What one thread has counted.
struct Sums {
    hours: Vec<Cell>,
    products: Vec<Cell>,
    cities: Vec<Cell>,
    segments: [Cell; 4],
    /// One bit a customer.
    customers: Vec<u64>,
    /// The same for the day that is walked; it is taken into the others when the day ends.
    customers_of_day: Vec<u64>,
    customers_by_day: Vec<u32>,
}

impl Sums {
    fn new(cube: &Cube, days: usize) -> Self {
        Self {
            hours: vec![Cell::default(); days * 24],
            products: vec![Cell::default(); cube.products.len()],
            cities: vec![Cell::default(); cube.cities.len()],
            segments: [Cell::default(); 4],
            customers: vec![0; cube.segments.len().div_ceil(64)],
            customers_of_day: vec![0; cube.segments.len().div_ceil(64)],
            customers_by_day: vec![0; days],
        }
    }

    fn join(&mut self, other: &Self) {
        let cells = |to: &mut [Cell], from: &[Cell]| to.iter_mut().zip(from).for_each(|(to, from)| to.join(*from));
        cells(&mut self.hours, &other.hours);
        cells(&mut self.products, &other.products);
        cells(&mut self.cities, &other.cities);
        cells(&mut self.segments, &other.segments);
        self.customers.iter_mut().zip(&other.customers).for_each(|(to, from)| *to |= *from);
        // No two threads walk the same day.
        self.customers_by_day.iter_mut().zip(&other.customers_by_day).for_each(|(to, from)| *to += *from);
    }

    fn walk(&mut self, cube: &Cube, allowed: &Allowed, from: i32, spans: &[Span<'_>]) {
        let mut piece = Piece::default();
        for (index, span) in spans.iter().enumerate() {
            let day = (span.day - from) as usize;
            for start in span.rows.clone().step_by(PIECE_ROWS) {
                span.block.unpack(start..span.rows.end.min(start + PIECE_ROWS), &mut piece);
                self.count(cube, allowed, day * 24, &piece);
            }
            if spans.get(index + 1).is_none_or(|next| next.day != span.day) {
                self.end_day(day);
            }
        }
    }

    /// Counts the day's customers, and takes them into those of all days. 0 is no customer.
    fn end_day(&mut self, day: usize) {
        let mut customers = 0;
        for (index, (all, word)) in self.customers.iter_mut().zip(&mut self.customers_of_day).enumerate() {
            customers += if index == 0 { (*word & !1).count_ones() } else { word.count_ones() };
            *all |= std::mem::take(word);
        }
        if let Some(count) = self.customers_by_day.get_mut(day) {
            *count = customers;
        }
    }

    fn count(&mut self, cube: &Cube, allowed: &Allowed, first: usize, piece: &Piece) {
        let lets = |allowed: &Option<Vec<bool>>, number: u32| {
            allowed.as_ref().is_none_or(|allowed| allowed.get(number as usize).copied().unwrap_or(false))
        };
        let Some(hours) = self.hours.get_mut(first..first + 24) else { return };
        let keys = piece.products.iter().zip(&piece.customers).zip(piece.cities.iter().zip(&piece.hours));
        for (((product, customer), (city, hour)), amount) in keys.zip(&piece.amounts) {
            if allowed.hours.is_some_and(|hours| !hours.get(*hour as usize).copied().unwrap_or(false)) {
                continue;
            }
            if !lets(&allowed.products, *product) || !lets(&allowed.cities, *city) {
                continue;
            }
            let segment = cube.segments.get(*customer as usize).copied().unwrap_or(Segment::Unknown) as usize;
            if allowed.segments.is_some_and(|allowed| !allowed.get(segment).copied().unwrap_or(false)) {
                continue;
            }
            let by_product = self.products.get_mut(*product as usize);
            let (by_hour, by_city) = (hours.get_mut(*hour as usize), self.cities.get_mut(*city as usize));
            let (Some(by_hour), Some(by_product), Some(by_city)) = (by_hour, by_product, by_city) else { continue };
            by_hour.add(*amount);
            by_product.add(*amount);
            by_city.add(*amount);
            if let Some(by_segment) = self.segments.get_mut(segment) {
                by_segment.add(*amount);
            }
            if let Some(word) = self.customers_of_day.get_mut((*customer / 64) as usize) {
                *word |= 1 << (customer % 64);
            }
        }
    }
}

/// The figures of the sales that `filter` lets through.
pub(super) fn answer(cube: &Cube, filter: &Filter, threads: usize) -> Answer {
    let (from, to) = (filter.from, filter.to.min(filter.from.saturating_add(DAYS_MAX)));
    let days = usize::try_from(i64::from(to) - i64::from(from) + 1).unwrap_or(0);
    let allowed = Allowed::new(cube, filter);
    let mut spans: Vec<Span<'_>> = cube
        .blocks
        .iter()
        .flat_map(|block| block.spans(from, to).map(|(day, rows)| Span { block: block.as_ref(), day, rows }))
        .filter(|span| filter.lets_day(span.day))
        .collect();
    // Day by day, so that each day's customers are counted once, in whichever blocks they are.
    spans.sort_by_key(|span| span.day);
    let rows: usize = spans.iter().map(|span| span.rows.len()).sum();
    let threads = threads.clamp(1, (rows / ROWS_A_THREAD).max(1));
    let mut sums = Sums::new(cube, days);
    if threads == 1 {
        sums.walk(cube, &allowed, from, &spans);
    } else {
        let shares = shares(&spans, rows.div_ceil(threads));
        let others: Vec<Sums> = std::thread::scope(|scope| {
            let walks = shares.into_iter().map(|share| {
                let allowed = &allowed;
                scope.spawn(move || {
                    let mut sums = Sums::new(cube, days);
                    sums.walk(cube, allowed, from, share);
                    sums
                })
            });
            let walks: Vec<_> = walks.collect();
            walks.into_iter().map(|walk| walk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for other in &others {
            sums.join(other);
        }
    }
    close(cube, from, sums)
}

/// Cuts the spans into runs of about `rows` rows, between days.
fn shares<'s, 'c>(spans: &'s [Span<'c>], rows: usize) -> Vec<&'s [Span<'c>]> {
    let (mut shares, mut start, mut taken) = (Vec::new(), 0, 0);
    for (index, span) in spans.iter().enumerate() {
        taken += span.rows.len();
        let ends = spans.get(index + 1).is_none_or(|next| next.day != span.day);
        if taken >= rows && ends {
            shares.extend(spans.get(start..=index));
            (start, taken) = (index + 1, 0);
        }
    }
    shares.extend(spans.get(start..).filter(|rest| !rest.is_empty()));
    shares
}

/// Puts the sums in order.
fn close(cube: &Cube, from: i32, sums: Sums) -> Answer {
    let mut total = Cell::default();
    for cell in sums.segments {
        total.join(cell);
    }
    let mut segments = sums.segments.map(|cell| SegmentSum { customers: 0, cell });
    let mut customers = 0;
    for (index, mut word) in sums.customers.iter().copied().enumerate() {
        while word != 0 {
            let number = index * 64 + word.trailing_zeros() as usize;
            word &= word - 1;
            // 0 is no customer: such sales count, and are nobody's.
            if number > 0 {
                customers += 1;
                let segment = cube.segments.get(number).copied().unwrap_or(Segment::Unknown);
                if let Some(sum) = segments.get_mut(segment as usize) {
                    sum.customers += 1;
                }
            }
        }
    }
    let sold = || sums.products.iter().enumerate().filter(|(_, cell)| cell.transactions > 0);
    Answer {
        from,
        total,
        customers,
        customers_by_day: sums.customers_by_day,
        products: products(cube, sold()),
        categories: categories(cube, sold()),
        cities: cities(cube, &sums.cities),
        segments,
        hours: sums.hours,
    }
}

fn products<'s>(cube: &Cube, sold: impl Iterator<Item = (usize, &'s Cell)>) -> Vec<ProductSum> {
    let known = sold.filter(|(number, _)| cube.products.get(*number).is_some_and(|product| product.known));
    let mut sums: Vec<_> = known.map(|(number, cell)| ProductSum { product: number as u32, cell: *cell }).collect();
    let id = |sum: &ProductSum| cube.products.get(sum.product as usize).and_then(|product| product.id.clone());
    let order = |a: &ProductSum, b: &ProductSum| b.cell.revenue.cmp(&a.cell.revenue).then_with(|| id(a).cmp(&id(b)));
    if sums.len() > Answer::TOP {
        sums.select_nth_unstable_by(Answer::TOP, order);
    }
    let top = sums.len().min(Answer::TOP);
    if let Some(top) = sums.get_mut(..top) {
        top.sort_by(order);
    }
    sums
}

fn categories<'s>(cube: &Cube, sold: impl Iterator<Item = (usize, &'s Cell)>) -> Vec<CategorySum> {
    let unknown: Arc<str> = UNKNOWN_PRODUCT.into();
    let mut sums: HashMap<Option<Arc<str>>, Cell> = HashMap::new();
    for (number, cell) in sold {
        let product = cube.products.get(number).filter(|product| product.known);
        let category = product.map_or_else(|| Some(Arc::clone(&unknown)), |product| product.category.clone());
        sums.entry(category).or_default().join(*cell);
    }
    let mut sums: Vec<_> = sums.into_iter().map(|(category, cell)| CategorySum { category, cell }).collect();
    sums.sort_by(|a, b| b.cell.revenue.cmp(&a.cell.revenue).then_with(|| a.category.cmp(&b.category)));
    sums
}

fn cities(cube: &Cube, sums: &[Cell]) -> Vec<CitySum> {
    let sold = cube.cities.iter().zip(sums).filter(|(_, cell)| cell.transactions > 0);
    let mut sums: Vec<_> = sold.map(|(city, cell)| CitySum { city: city.clone(), cell: *cell }).collect();
    sums.sort_by(|a, b| b.cell.revenue.cmp(&a.cell.revenue).then_with(|| a.city.cmp(&b.city)));
    sums
}
