//! Corrected rows against a list of rows that is kept beside the table.
//!
//! Random shops get random corrections: of one column and of several, within their month and out of it, of rows whose
//! product or customer is not known yet, several of one row, new rows among them, catalogues that arrive late. After
//! each run the table holds what the list says, each row with the line that it comes from. `SHOPLAKE_SEQUENCES` says
//! how many shops there are, `SHOPLAKE_SEED` which is the first.

use std::collections::{BTreeMap, BTreeSet};

use shoplake_core::ports::TableStore;
use shoplake_lake::LocalLake;

use crate::shop::{HEADER, Shop, runtime};
use crate::upkeep::Chance;

const PRODUCTS: u64 = 10;
const CUSTOMERS: u64 = 20;
const ROWS: u64 = 400;

/// A sale as its file says it, and where that says it.
#[derive(Debug, Clone)]
struct Sale {
    customer: u64,
    product: u64,
    quantity: u64,
    cents: u64,
    month: u64,
    day: u64,
    origin: (String, usize),
}

impl Sale {
    fn random(chance: &mut Chance) -> Self {
        Self {
            customer: chance.below(CUSTOMERS),
            product: chance.below(PRODUCTS),
            quantity: 1 + chance.below(5),
            cents: 100 + chance.below(5_000),
            month: 1 + chance.below(3),
            day: 1 + chance.below(28),
            origin: Default::default(),
        }
    }

    /// The same sale with another value here and there.
    fn corrected(&self, chance: &mut Chance) -> Self {
        let (mut sale, other) = (self.clone(), Self::random(chance));
        match chance.below(8) {
            0 => sale.customer = other.customer,
            1 => sale.product = other.product,
            2 => sale.quantity = other.quantity,
            3 => sale.day = other.day,
            4 => sale.month = other.month,
            5 => sale = other,
            _ => sale.cents = other.cents,
        }
        sale
    }

    fn line(&self, key: u64) -> String {
        let Self { customer, product, quantity, cents, month, day, .. } = self;
        let (units, cents) = (cents / 100, cents % 100);
        format!("T{key},C{customer},P{product},{quantity},{units}.{cents:02},2024-{month:02}-{day:02} 12:00:00\n")
    }

    /// What the file says, told apart from it by nothing but its origin.
    fn content(&self) -> String {
        self.line(0)
    }
}

/// A shop, and what its sales should be.
struct Life {
    shop: Shop,
    chance: Chance,
    sales: BTreeMap<u64, Sale>,
    known_products: BTreeSet<u64>,
    known_customers: BTreeSet<u64>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let shop = Shop::new(|text| text);
        let (sales, known_products, known_customers) = Default::default();
        Self { shop, chance: Chance::new(seed), sales, known_products, known_customers }
    }

    /// Puts a file of these sales into the inbox.
    fn put(&mut self, name: &str, sales: Vec<(u64, Sale)>) {
        let text: String = sales.iter().map(|(key, sale)| sale.line(*key)).collect();
        self.shop.put("sales", name, format!("{HEADER}{text}"));
        for ((key, sale), line) in sales.into_iter().zip(2..) {
            if self.sales.get(&key).is_none_or(|before| before.content() != sale.content()) {
                self.sales.insert(key, Sale { origin: (name.to_owned(), line), ..sale });
            }
        }
    }

    fn put_catalogue(&mut self, name: &str) {
        let (product, customer) = (self.chance.below(PRODUCTS), self.chance.below(CUSTOMERS));
        let text = format!(r#"[{{"product_id":"P{product}","name":"N{product}","category":"tea","price":1.5}}]"#);
        self.shop.put("products", &format!("{name}.json"), text);
        let text = format!(r#"[{{"customer_id":"C{customer}","name":"K{customer}","city":"O{customer}"}}]"#);
        self.shop.put("customers", &format!("{name}.json"), text);
        self.known_products.insert(product);
        self.known_customers.insert(customer);
    }

    /// Files of one run.
    fn day(&mut self, day: usize) {
        if self.chance.below(2) == 0 {
            self.put_catalogue(&format!("catalogue-{day}"));
        }
        for file in 0..=self.chance.below(2) {
            let mut sales = Vec::new();
            for _ in 0..=self.chance.below(12) {
                let key = self.chance.below(ROWS);
                sales.extend(self.sales.get(&key).map(|sale| (key, sale.corrected(&mut self.chance))));
            }
            if self.chance.below(3) == 0 {
                let key = self.sales.len() as u64;
                sales.push((key, Sale::random(&mut self.chance)));
            }
            self.put(&format!("day-{day}-{file}.csv"), sales);
        }
    }

    fn expected(&self) -> Vec<String> {
        let known = |known: &BTreeSet<u64>, letter: &str, number: &u64| {
            if known.contains(number) { format!("{letter}{number}") } else { "NULL".to_owned() }
        };
        let mut rows: Vec<String> = self
            .sales
            .iter()
            .map(|(key, sale)| {
                let line = sale.line(*key).replace(',', "|");
                let (content, _) = line.rsplit_once('|').unwrap();
                let Sale { customer, product, month, day, origin: (file, line), .. } = sale;
                let (name, city) =
                    (known(&self.known_products, "N", product), known(&self.known_customers, "O", customer));
                format!("{content}|2024|{month}|{day}|{name}|{city}|{file}|{line}")
            })
            .collect();
        rows.sort();
        rows
    }

    async fn found(&self) -> Vec<String> {
        let sql =
            "SELECT transaction_id, customer_id, product_id, quantity, amount, year, month, day, product_name, city,
            split_part(_source_file, '/', -1), _source_line FROM sales";
        let mut rows = self.shop.query(sql).await;
        rows.sort();
        rows
    }
}

/// Given sales of three months, when rows are corrected again and again, then the table holds the last of each, and
/// everything can be proved.
#[test]
fn corrected_rows_hold_what_was_said_last() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise);
    let first = number("SHOPLAKE_SEED", 1);
    runtime().block_on(async {
        for seed in first..first + number("SHOPLAKE_SEQUENCES", 3) {
            let mut life = Life::new(seed);
            life.put_catalogue("catalogue");
            let sales = (0..ROWS).map(|key| (key, Sale::random(&mut life.chance))).collect();
            life.put("first.csv", sales);
            life.shop.run().await.unwrap();
            for day in 0..8 {
                life.day(day);
                life.shop.run().await.unwrap();
                assert_eq!(life.found().await, life.expected(), "seed {seed}, day {day}");
            }
            assert_eq!(life.shop.findings().await, [] as [String; 0], "seed {seed}");
        }
    });
}

/// Given a month of sales, when a few of them are corrected, then they stand where they stood: the table has one file
/// with as many rows, its keys are where they were, and columns that say the same are the same bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrected_rows_take_the_places_of_the_old_ones() {
    let mut life = Life::new(7);
    let sale = |key| Sale { month: 1, cents: 100 + key, ..Sale::random(&mut Chance::new(key)) };
    life.put("first.csv", (0..ROWS).map(|key| (key, sale(key))).collect());
    life.shop.run().await.unwrap();
    let before = files(&life.shop).await;
    life.put("corrected.csv", [3, 200].map(|key| (key, Sale { cents: 9_999, ..sale(key) })).to_vec());
    life.shop.run().await.unwrap();
    let after = files(&life.shop).await;
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after, "a data file never changes");
    let root = life.shop.path().join("lake/processed/sales");
    let keys = |file: &str| fs_err::read(root.join("_index").join(format!("{file}.keys"))).unwrap();
    assert_eq!(keys(&before[0]), keys(&after[0]));
    assert_eq!(life.found().await, life.expected());
}

/// The files of the sales.
async fn files(shop: &Shop) -> Vec<String> {
    let catalog = LocalLake::open(&shop.project()).unwrap().pinned().await.unwrap();
    catalog.tables["sales"].files.iter().map(|file| file.path.clone()).collect()
}
