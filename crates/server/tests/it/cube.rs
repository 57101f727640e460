//! The cube against a calculation that knows nothing of blocks, bits and threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use shoplake_core::BatchNumber;
use shoplake_server::cube::{BlockBuilder, Cell, Cube, Filter, Product, Row, Segment, UNKNOWN_PRODUCT};

const PRODUCTS: u32 = 7;
const CUSTOMERS: u32 = 70;
const CITIES: u32 = 4;

fn product(number: u32) -> Product {
    let category = [None, Some("tea"), Some("cups")][number as usize % 3];
    Product {
        id: (number > 0).then(|| format!("p{number}").into()),
        name: Some(format!("Product {number}").into()),
        category: category.map(Into::into),
        known: number > 1,
    }
}

fn city(number: u32) -> Option<Arc<str>> {
    (number > 0).then(|| format!("city {number}").into())
}

fn row() -> impl Strategy<Value = Row> {
    let amount = prop_oneof![-5_000_i128..100_000, Just(i128::from(i64::MAX)), Just(i128::from(i32::MIN) * 9)];
    (-3_i32..12, 0_u8..24, 0..PRODUCTS, 0..CUSTOMERS, 0..CITIES, amount)
        .prop_map(|(day, hour, product, customer, city, amount)| Row { day, hour, product, customer, city, amount })
}

fn filter() -> impl Strategy<Value = Filter> {
    let some = |values: Vec<&'static str>| proptest::collection::btree_set(proptest::sample::select(values), 0..3);
    let owned = |values: BTreeSet<&'static str>| -> BTreeSet<Option<String>> {
        values.into_iter().map(|value| (!value.is_empty()).then(|| value.to_owned())).collect()
    };
    let segments = proptest::collection::btree_set(proptest::sample::select(Segment::ALL.to_vec()), 0..3);
    let products = some(vec!["p1", "p2", "p5", "nowhere"]);
    let categories = some(vec!["", "tea", "cups", UNKNOWN_PRODUCT]);
    let numbers = |numbers: std::ops::RangeInclusive<u8>, most| {
        prop_oneof![Just(BTreeSet::new()), proptest::collection::btree_set(numbers, 1..=most)]
    };
    let times = (numbers(0..=23, 20), numbers(1..=7, 6));
    (-4_i32..12, 0_i32..14, categories, products, some(vec!["", "city 1", "city 3"]), segments, times).prop_map(
        move |(from, days, categories, products, cities, segments, (hours, weekdays))| Filter {
            categories: owned(categories),
            products: products.into_iter().map(str::to_owned).collect(),
            cities: owned(cities),
            segments,
            hours,
            weekdays,
            ..Filter::days(from, from + days)
        },
    )
}

/// Puts rows into blocks of these sizes.
fn cube(rows: &[Row], sizes: &[usize]) -> Cube {
    let (mut blocks, mut rest) = (Vec::new(), rows);
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let (block, later) = rest.split_at(sizes.next().unwrap().clamp(1, rest.len()));
        let mut builder = BlockBuilder::default();
        for row in block {
            builder.push(*row);
        }
        blocks.push(Arc::new(builder.finish()));
        rest = later;
    }
    let orders = |customer: u32| rows.iter().filter(|row| row.customer == customer).count() as u32;
    let segment = |customer: u32| Segment::of(customer > 0 && !customer.is_multiple_of(5), orders(customer));
    Cube {
        batch: BatchNumber(1),
        loaded_at: chrono::DateTime::UNIX_EPOCH,
        scale: 2,
        last_sale: None,
        blocks,
        products: Arc::new((0..PRODUCTS).map(product).collect()),
        cities: Arc::new((0..CITIES).map(city).collect()),
        segments: Arc::new((0..CUSTOMERS).map(segment).collect()),
        customers: Arc::default(),
        customer_names: Arc::default(),
    }
}

fn category_of(number: u32) -> Option<String> {
    let product = product(number);
    if product.known { product.category.map(|c| c.to_string()) } else { Some(UNKNOWN_PRODUCT.to_owned()) }
}

fn passes(cube: &Cube, filter: &Filter, row: &Row) -> bool {
    let id = product(row.product).id.map(|id| id.to_string());
    (filter.from..=filter.to).contains(&row.day)
        && (filter.categories.is_empty() || filter.categories.contains(&category_of(row.product)))
        && (filter.products.is_empty() || id.is_some_and(|id| filter.products.contains(&id)))
        && (filter.cities.is_empty() || filter.cities.contains(&city(row.city).map(|c| c.to_string())))
        && (filter.segments.is_empty() || filter.segments.contains(&cube.segments[row.customer as usize]))
        && (filter.hours.is_empty() || filter.hours.contains(&row.hour))
        && (filter.weekdays.is_empty() || filter.weekdays.contains(&iso_weekday(row.day)))
}

/// By the calendar.
fn iso_weekday(day: i32) -> u8 {
    let date = chrono::NaiveDate::default() + chrono::TimeDelta::days(i64::from(day));
    chrono::Datelike::weekday(&date).number_from_monday() as u8
}

fn sums<K: Ord>(rows: &[&Row], key: impl Fn(&Row) -> K) -> BTreeMap<K, Cell> {
    let mut sums: BTreeMap<K, Cell> = BTreeMap::new();
    for row in rows {
        let cell = sums.entry(key(row)).or_default();
        cell.transactions += 1;
        cell.revenue += row.amount;
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Given any sales in any blocks and any filter, then every figure is the one that rows give one by one.
    #[test]
    fn every_figure_equals_the_rows(
        rows in proptest::collection::vec(row(), 0..200),
        sizes in proptest::collection::vec(1_usize..80, 1..5),
        filter in filter(),
        threads in 1_usize..4,
    ) {
        let cube = cube(&rows, &sizes);
        let answer = cube.answer(&filter, threads);
        let through: Vec<&Row> = rows.iter().filter(|row| passes(&cube, &filter, row)).collect();
        let people: BTreeSet<u32> = through.iter().map(|row| row.customer).filter(|c| *c > 0).collect();
        prop_assert_eq!(answer.total.revenue, through.iter().map(|row| row.amount).sum::<i128>());
        prop_assert_eq!(answer.total.transactions, through.len() as u64);
        prop_assert_eq!(answer.customers, people.len() as u64);
        prop_assert_eq!(answer.days().collect::<BTreeMap<_, _>>(), sums(&through, |row| row.day));
        for (index, customers) in answer.customers_by_day.iter().enumerate() {
            let day = filter.from + index as i32;
            let those = through.iter().filter(|row| row.day == day && row.customer > 0).map(|row| row.customer);
            prop_assert_eq!(*customers as usize, those.collect::<BTreeSet<_>>().len());
        }
        let by_hour = sums(&through, |row| (row.day, row.hour));
        for (index, cell) in answer.hours.iter().enumerate() {
            let at = (filter.from + index as i32 / 24, (index % 24) as u8);
            prop_assert_eq!(*cell, by_hour.get(&at).copied().unwrap_or_default());
        }
        let categories: BTreeMap<_, _> = answer.categories.iter().map(|s| (s.category.as_deref().map(str::to_owned), s.cell)).collect();
        prop_assert_eq!(categories, sums(&through, |row| category_of(row.product)));
        let cities: BTreeMap<_, _> = answer.cities.iter().map(|s| (s.city.as_deref().map(str::to_owned), s.cell)).collect();
        prop_assert_eq!(cities, sums(&through, |row| city(row.city).map(|c| c.to_string())));
        let mut products: Vec<_> = sums(&through, |row| row.product).into_iter().filter(|(n, _)| product(*n).known).collect();
        products.sort_by(|a, b| b.1.revenue.cmp(&a.1.revenue).then(product(a.0).id.cmp(&product(b.0).id)));
        let found: Vec<_> = answer.products.iter().map(|sum| (sum.product, sum.cell)).collect();
        prop_assert_eq!(found, products);
        let by_segment = sums(&through, |row| cube.segments[row.customer as usize]);
        for (segment, sum) in Segment::ALL.iter().zip(&answer.segments) {
            prop_assert_eq!(sum.cell, by_segment.get(segment).copied().unwrap_or_default());
            let members = people.iter().filter(|c| cube.segments[**c as usize] == *segment).count();
            prop_assert_eq!(sum.customers, members as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Given a block, rows of it that go and others that come, then it answers as one that is made of what is left; a
    /// row that it does not have cannot go.
    #[test]
    fn a_block_takes_corrections(
        rows in proptest::collection::vec((row(), any::<bool>()), 0..120),
        mut come in proptest::collection::vec(row(), 0..40),
        narrow in any::<bool>(),
        filter in filter(),
    ) {
        // Amounts of one width in the block, any in what comes.
        let narrowed = |row: Row| Row { amount: if narrow { row.amount % 1_000 } else { row.amount }, ..row };
        let rows: Vec<(Row, bool)> = rows.into_iter().map(|(row, goes)| (narrowed(row), goes)).collect();
        let all: Vec<Row> = rows.iter().map(|(row, _)| *row).collect();
        let mut gone: Vec<Row> = rows.iter().filter(|(_, goes)| *goes).map(|(row, _)| *row).collect();
        gone.sort_unstable();
        come.sort_unstable();
        let before = cube(&all, &[all.len().max(1)]);
        let empty = Arc::new(BlockBuilder::default().finish());
        let block = before.blocks.first().unwrap_or(&empty);
        let stay = rows.iter().filter(|(_, goes)| !goes).map(|(row, _)| *row);
        let after: Vec<Row> = stay.chain(come.iter().copied()).collect();
        let mut made = cube(&after, &[after.len().max(1)]);
        let wanted = made.answer(&filter, 1);
        let spliced = block.spliced(&gone, &come).unwrap();
        prop_assert_eq!(spliced.len(), after.len());
        prop_assert_eq!(spliced.days(), made.blocks.first().and_then(|block| block.days()));
        made.blocks = vec![Arc::new(spliced)];
        prop_assert_eq!(made.answer(&filter, 1), wanted);
        let strange = Row { amount: 77_777_777, ..gone.first().or(all.first()).copied().unwrap_or(Row { day: 0, hour: 0, product: 0, customer: 0, city: 0, amount: 0 }) };
        prop_assert!(block.spliced(&[strange], &[]).is_none());
    }
}

/// Given so many sales that several threads share them, then the answer is that of one.
#[test]
fn threads_do_not_change_an_answer() {
    let rows: Vec<Row> = (0..1_200_000_u32)
        .map(|n| Row {
            day: (n % 11) as i32,
            hour: (n % 24) as u8,
            product: n % PRODUCTS,
            customer: n.wrapping_mul(2_654_435_761) % CUSTOMERS,
            city: n % CITIES,
            amount: i128::from(n % 9_973) - 50,
        })
        .collect();
    let mut cube = cube(&[], &[1]);
    for part in rows.chunks(170_000) {
        let mut builder = BlockBuilder::default();
        for row in part {
            builder.push(*row);
        }
        cube.blocks.push(Arc::new(builder.finish()));
    }
    let hours = Filter { hours: [4, 5].into(), ..Filter::days(0, 10) };
    for filter in [Filter::days(1, 9), Filter::days(3, 3), hours] {
        let one = cube.answer(&filter, 1);
        assert_eq!(cube.answer(&filter, 2), one);
        assert_eq!(cube.answer(&filter, 7), one);
        // A second time after nothing: each thread counts a share of the same day.
        assert_eq!(one.customers_by_day.len(), one.hours.len() / 24);
    }
    assert!(cube.bytes() < 12 * cube.rows(), "{} bytes a row", cube.bytes() / cube.rows());
}

/// Given more products than stand in order, then the first hundred are the right ones.
#[test]
fn the_top_is_in_order() {
    let mut cube = cube(&[], &[1]);
    let known = |n: u32| Product { id: Some(format!("p{n:04}").into()), known: true, ..Product::default() };
    cube.products = Arc::new((0..1_000).map(known).collect());
    let mut builder = BlockBuilder::default();
    for n in 0..1_000_u32 {
        builder.push(Row { day: 0, hour: 0, product: n, customer: 1, city: 0, amount: i128::from(n * 7_919 % 251) });
    }
    cube.blocks.push(Arc::new(builder.finish()));
    let mut expected: Vec<u32> = (0..1_000).collect();
    expected.sort_by_key(|n| (std::cmp::Reverse(n * 7_919 % 251), *n));
    let found: Vec<u32> = cube.answer(&Filter::days(0, 0), 1).products.iter().map(|sum| sum.product).collect();
    assert_eq!(found, expected[..100]);
    let sold: BTreeSet<u32> = cube.sold(&Filter::days(0, 0), 1).iter().map(|sum| sum.product).collect();
    assert_eq!(sold, (0..1_000).collect());
}
