//! How long figures take: a cube of many sales, asked with every filter of the page over every span.
//!
//! `cargo run --release --package shoplake-server --example figures -- 20000000 2` prints a table: rows of
//! the cube, threads of a walk. It times walks alone, without HTTP and without answers that are kept.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers, which prints a table")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use shoplake_core::BatchNumber;
use shoplake_server::cube::{BlockBuilder, Cube, Filter, Product, Row, Segment};

const DAYS: i32 = 1_096;
const PRODUCTS: u32 = 50_000;
const CUSTOMERS: u32 = 1_000_000;
const CITIES: u32 = 60;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>().unwrap());
    let (rows, threads) = (arguments.next().unwrap_or(20_000_000), arguments.next().unwrap_or(2) as usize);
    let began = Instant::now();
    let cube = cube(rows);
    let each = cube.bytes() as f64 / f64::from(rows);
    println!(
        "{rows} sales in {:.1} s, {:.0} MB, {each:.1} bytes each",
        began.elapsed().as_secs_f64(),
        cube.bytes() as f64 / 1e6
    );
    println!("{:<24} {:>10} {:>10} {:>10} {:>10}", "ms, best and worst of 7", "30 days", "90 days", "1 year", "all");
    let category = |name: &str| -> BTreeSet<Option<String>> { [Some(name.to_owned())].into() };
    let all = Filter::days(0, DAYS);
    let filters: [(&str, Filter); 7] = [
        ("none", all.clone()),
        ("category", Filter { categories: category("category 3"), ..all.clone() }),
        ("product", Filter { products: ["p00077".to_owned()].into(), ..all.clone() }),
        ("city", Filter { cities: category("city 7"), ..all.clone() }),
        ("segment", Filter { segments: [Segment::Returning].into(), ..all.clone() }),
        ("category, city", Filter { categories: category("category 3"), cities: category("city 7"), ..all.clone() }),
        (
            "all four",
            Filter {
                categories: category("category 3"),
                products: (0..2_000).map(|n| format!("p{n:05}")).collect(),
                cities: category("city 7"),
                segments: [Segment::Loyal, Segment::Returning].into(),
                ..all
            },
        ),
    ];
    for (name, filter) in filters {
        let cells = [30, 90, 365, DAYS].map(|days| {
            let filter = filter.over(DAYS - days, DAYS);
            let times = (0..7).map(|_| {
                let began = Instant::now();
                std::hint::black_box(cube.answer(&filter, threads));
                began.elapsed().as_secs_f64() * 1e3
            });
            let mut times: Vec<f64> = times.collect();
            times.sort_by(f64::total_cmp);
            format!("{:.0}–{:.0}", times[0], times[6])
        });
        println!("{name:<24} {:>10} {:>10} {:>10} {:>10}", cells[0], cells[1], cells[2], cells[3]);
    }
}

/// Sales spread over days, hours, products and people as those of a shop are: a few have most.
fn cube(rows: u32) -> Cube {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut chance = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut orders = vec![0_u32; CUSTOMERS as usize];
    let mut blocks = Vec::new();
    for month in 0..36 {
        let mut builder = BlockBuilder::default();
        for _ in 0..rows / 36 {
            let skewed = |n: u32, chance: u64| ((chance >> 40) as f64 / (1_u64 << 24) as f64).powi(2) * f64::from(n);
            let customer = skewed(CUSTOMERS, chance()) as u32;
            orders[customer as usize] += 1;
            builder.push(Row {
                day: month * DAYS / 36 + (chance() % 30) as i32,
                hour: (8 + chance() % 14) as u8,
                product: skewed(PRODUCTS, chance()) as u32,
                customer,
                city: customer % CITIES,
                amount: i128::from(chance() % 20_000),
            });
        }
        blocks.push(Arc::new(builder.finish()));
    }
    let product = |n: u32| Product {
        id: Some(format!("p{n:05}").into()),
        name: None,
        category: Some(format!("category {}", n % 12).into()),
        known: true,
    };
    Cube {
        batch: BatchNumber(1),
        loaded_at: chrono::DateTime::UNIX_EPOCH,
        scale: 2,
        last_sale: None,
        blocks,
        products: Arc::new((0..PRODUCTS).map(product).collect()),
        cities: Arc::new((0..CITIES).map(|n| Some(format!("city {n}").into())).collect()),
        segments: Arc::new(orders.iter().map(|orders| Segment::of(true, *orders)).collect()),
        customers: Arc::default(),
        customer_names: Arc::default(),
    }
}
