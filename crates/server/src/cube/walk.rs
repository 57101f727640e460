//! The walk: every row of the asked days once, on as many threads as it is worth.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::answer::{Answer, CategorySum, Cell, CitySum, ProductSum, SegmentSum};
use super::block::{Block, Piece, Sieve};
use super::filter::{Filter, Segment};
use super::{Cube, UNKNOWN_PRODUCT};

/// Rows that are unpacked at once: they fit into the first cache.
const PIECE_ROWS: usize = 1_024;
/// Rows from which a second thread is worth its start.
const ROWS_A_THREAD: usize = 250_000;
/// The most rows of a span: threads share them out.
const SPAN_ROWS: usize = 65_536;
/// The longest span of days: what lies further apart is no shop's history.
pub(crate) const DAYS_MAX: i32 = 40_000;

/// Rows of one hour in one block.
struct Span<'c> {
    block: &'c Block,
    day: i32,
    hour: u8,
    rows: Range<usize>,
}

/// Which numbers a filter lets through; `None` lets all.
struct Allowed {
    products: Option<Vec<bool>>,
    cities: Option<Vec<bool>>,
    /// By customer: the ones of the segments.
    customers: Option<Vec<bool>>,
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
        let wanted = |segment: &Segment| filter.segments.contains(segment);
        let customers = (!filter.segments.is_empty()).then(|| cube.segments.iter().map(wanted).collect());
        Self { products, cities, customers }
    }

    fn sieve(&self) -> Sieve<'_> {
        Sieve {
            products: self.products.as_deref(),
            cities: self.cities.as_deref(),
            customers: self.customers.as_deref(),
        }
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
    /// The customers of the first and the last day, which other threads may walk, too.
    edges: Vec<(usize, Vec<u64>)>,
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
            edges: Vec::new(),
        }
    }

    /// Takes in what the thread after this one has counted.
    fn join(&mut self, other: Self) {
        let cells = |to: &mut [Cell], from: &[Cell]| to.iter_mut().zip(from).for_each(|(to, from)| to.join(*from));
        cells(&mut self.hours, &other.hours);
        cells(&mut self.products, &other.products);
        cells(&mut self.cities, &other.cities);
        cells(&mut self.segments, &other.segments);
        unite(&mut self.customers, &other.customers);
        self.customers_by_day.iter_mut().zip(&other.customers_by_day).for_each(|(to, from)| *to += *from);
        for (day, customers) in other.edges {
            match self.edges.last_mut().filter(|(last, _)| *last == day) {
                Some((_, before)) => unite(before, &customers),
                None => self.edges.push((day, customers)),
            }
        }
    }

    fn walk(&mut self, cube: &Cube, allowed: &Allowed, from: i32, spans: &[Span<'_>]) {
        let (mut piece, sieve) = (Piece::default(), allowed.sieve());
        let first = spans.first().map(|span| span.day);
        for (index, span) in spans.iter().enumerate() {
            let day = (span.day - from) as usize;
            for start in span.rows.clone().step_by(PIECE_ROWS) {
                span.block.unpack(start..span.rows.end.min(start + PIECE_ROWS), sieve, &mut piece);
                self.count(cube, day * 24 + usize::from(span.hour), &piece);
            }
            let next = spans.get(index + 1).map(|next| next.day);
            if next != Some(span.day) {
                self.end_day(day, next.is_none() || first == Some(span.day));
            }
        }
    }

    /// Counts the day's customers, and takes them into those of all days.
    fn end_day(&mut self, day: usize, edge: bool) {
        if edge {
            unite(&mut self.customers, &self.customers_of_day);
            self.edges.push((day, self.customers_of_day.clone()));
            self.customers_of_day.fill(0);
            return;
        }
        let mut customers = 0;
        for (index, (all, word)) in self.customers.iter_mut().zip(&mut self.customers_of_day).enumerate() {
            customers += buyers(index, *word);
            *all |= std::mem::take(word);
        }
        if let Some(count) = self.customers_by_day.get_mut(day) {
            *count = customers;
        }
    }

    /// Counts the customers of the edges, once no other thread adds to them.
    fn end(&mut self) {
        for (day, customers) in std::mem::take(&mut self.edges) {
            if let Some(count) = self.customers_by_day.get_mut(day) {
                *count = customers.iter().enumerate().map(|(index, word)| buyers(index, *word)).sum();
            }
        }
    }

    fn count(&mut self, cube: &Cube, hour: usize, piece: &Piece) {
        let sum = if piece.amounts.wide.is_empty() {
            self.add(cube, piece, piece.amounts.narrow.iter().map(|amount| i128::from(*amount)))
        } else {
            self.add(cube, piece, piece.amounts.wide.iter().copied())
        };
        if let Some(by_hour) = self.hours.get_mut(hour) {
            by_hour.join(sum);
        }
    }

    /// Adds the rows of a piece everywhere but to their hour; gives their sum.
    fn add(&mut self, cube: &Cube, piece: &Piece, amounts: impl Iterator<Item = i128>) -> Cell {
        let mut sum = Cell::default();
        let keys = piece.products.iter().zip(&piece.customers).zip(&piece.cities);
        for (((product, customer), city), amount) in keys.zip(amounts) {
            sum.add(amount);
            let segment = cube.segments.get(*customer as usize).copied().unwrap_or(Segment::Unknown);
            if let Some(by_product) = self.products.get_mut(*product as usize) {
                by_product.add(amount);
            }
            if let Some(by_city) = self.cities.get_mut(*city as usize) {
                by_city.add(amount);
            }
            if let Some(by_segment) = self.segments.get_mut(segment as usize) {
                by_segment.add(amount);
            }
            if let Some(word) = self.customers_of_day.get_mut((*customer / 64) as usize) {
                *word |= 1 << (customer % 64);
            }
        }
        sum
    }
}

/// Adds the bits of one set to another.
fn unite(to: &mut [u64], from: &[u64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to |= *from);
}

/// The customers in a word of bits; number 0 is no customer.
fn buyers(index: usize, word: u64) -> u32 {
    if index == 0 { (word & !1).count_ones() } else { word.count_ones() }
}

/// The figures of the sales that `filter` lets through.
pub(super) fn answer(cube: &Cube, filter: &Filter, threads: usize) -> Answer {
    close(cube, filter.from, sums(cube, filter, threads))
}

/// All known products with sales that `filter` lets through, in no order.
pub(super) fn sold(cube: &Cube, filter: &Filter, threads: usize) -> Vec<ProductSum> {
    known(cube, &sums(cube, filter, threads).products)
}

/// The numbers of the customers with a sale that `filter` lets through, 0 for sales without one, in order; `None`
/// where they are more than `most`.
pub(super) fn buyers_of(cube: &Cube, filter: &Filter, threads: usize, most: usize) -> Option<Vec<u32>> {
    let words = sums(cube, filter, threads).customers;
    let count: usize = words.iter().map(|word| word.count_ones() as usize).sum();
    (count <= most).then(|| members(&words).map(|number| number as u32).collect())
}

/// The numbers in a set of bits, in order.
fn members(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().copied().enumerate().flat_map(|(index, mut word)| {
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
            word &= word - 1;
            Some(index * 64 + bit)
        })
    })
}

fn sums(cube: &Cube, filter: &Filter, threads: usize) -> Sums {
    let (from, to) = (filter.from, filter.to.min(filter.from.saturating_add(DAYS_MAX)));
    let days = usize::try_from(i64::from(to) - i64::from(from) + 1).unwrap_or(0);
    let allowed = Allowed::new(cube, filter);
    let mut spans: Vec<Span<'_>> = cube
        .blocks
        .iter()
        .flat_map(|block| {
            block.spans(from, to).map(|(day, hour, rows)| Span { block: block.as_ref(), day, hour, rows })
        })
        .filter(|span| filter.lets_day(span.day) && (filter.hours.is_empty() || filter.hours.contains(&span.hour)))
        .flat_map(parts)
        .collect();
    // Day by day, so that each day's customers are counted once, in whichever blocks they are.
    spans.sort_by_key(|span| span.day);
    let rows: usize = spans.iter().map(|span| span.rows.len()).sum();
    let threads = threads.clamp(1, (rows / ROWS_A_THREAD).max(1));
    let mut sums = Sums::new(cube, days);
    let mut shares = shares(&spans, rows.div_ceil(threads)).into_iter();
    let own = shares.next().unwrap_or_default();
    let others: Vec<Sums> = std::thread::scope(|scope| {
        let walks = shares.map(|share| {
            let allowed = &allowed;
            scope.spawn(move || {
                let mut sums = Sums::new(cube, days);
                sums.walk(cube, allowed, from, share);
                sums
            })
        });
        let walks: Vec<_> = walks.collect();
        sums.walk(cube, &allowed, from, own);
        walks.into_iter().map(|walk| walk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    for other in others {
        sums.join(other);
    }
    sums.end();
    sums
}

/// Cuts a span that is too long for one thread.
fn parts(span: Span<'_>) -> impl Iterator<Item = Span<'_>> {
    let Span { block, day, hour, rows } = span;
    let end = rows.end;
    rows.step_by(SPAN_ROWS).map(move |start| Span { block, day, hour, rows: start..end.min(start + SPAN_ROWS) })
}

/// Cuts the spans into runs of about `rows` rows.
fn shares<'s, 'c>(spans: &'s [Span<'c>], rows: usize) -> Vec<&'s [Span<'c>]> {
    let (mut shares, mut start, mut taken) = (Vec::new(), 0, 0);
    for (index, span) in spans.iter().enumerate() {
        taken += span.rows.len();
        if taken >= rows {
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
    // 0 is no customer: such sales count, and are nobody's.
    for number in members(&sums.customers).filter(|number| *number > 0) {
        customers += 1;
        let segment = cube.segments.get(number).copied().unwrap_or(Segment::Unknown);
        if let Some(sum) = segments.get_mut(segment as usize) {
            sum.customers += 1;
        }
    }
    let sold = || sums.products.iter().enumerate().filter(|(_, cell)| cell.transactions > 0);
    Answer {
        from,
        total,
        customers,
        customers_by_day: sums.customers_by_day,
        products: top(cube, known(cube, &sums.products)),
        categories: categories(cube, sold()),
        cities: cities(cube, &sums.cities),
        segments,
        hours: sums.hours,
    }
}

fn known(cube: &Cube, sums: &[Cell]) -> Vec<ProductSum> {
    let sold = cube.products.iter().zip(sums).zip(0..);
    let sold = sold.filter(|((product, cell), _)| product.known && cell.transactions > 0);
    sold.map(|((_, cell), product)| ProductSum { product, cell: *cell }).collect()
}

/// The products with the highest revenue, in order.
fn top(cube: &Cube, mut sums: Vec<ProductSum>) -> Vec<ProductSum> {
    let id = |sum: &ProductSum| cube.products.get(sum.product as usize).and_then(|product| product.id.clone());
    let order = |a: &ProductSum, b: &ProductSum| b.cell.revenue.cmp(&a.cell.revenue).then_with(|| id(a).cmp(&id(b)));
    if sums.len() > Answer::TOP {
        sums.select_nth_unstable_by(Answer::TOP, order);
        sums.truncate(Answer::TOP);
    }
    sums.sort_by(order);
    // Answers are kept: what is not shown takes no room.
    sums.shrink_to_fit();
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
