//! Models brought up to date in part hold what a run over all rows would give, whatever came and went.
//!
//! Random shops live through random days: new sales, corrections, rows that leave quarantine, late and
//! changed dimensions, tables brought back, runs that were held or cut off. After each of them every
//! model is compared with its SQL over the same tables. `SHOPLAKE_SEQUENCES` says how many shops there
//! are, `SHOPLAKE_SEED` which is the first.

use std::collections::BTreeMap;

use shoplake_core::outcome::{How, RunOutcome, RunStatus};

use crate::shop::{HEADER, Shop};

/// Models of every kind: each a name, its settings and its SQL.
const MODELS: &[(&str, &str, &str)] = &[
    (
        "extremes",
        "customer_id",
        "SELECT customer_id, min(amount) AS least, max(amount) AS most, count(*) AS n FROM sales GROUP BY customer_id",
    ),
    (
        "mean",
        "product_id",
        "SELECT product_id, average(sum(amount), count(*)) AS mean, sum(amount) AS revenue, count(*) AS n FROM sales GROUP BY product_id",
    ),
    (
        "only_mean",
        "product_id",
        "SELECT product_id, average(sum(amount), count(*)) AS mean FROM sales GROUP BY product_id",
    ),
    (
        "filtered",
        "customer_id",
        "SELECT customer_id, count(*) AS n, sum(quantity) AS pieces FROM sales WHERE amount >= 5 GROUP BY 1",
    ),
    ("having", "customer_id", "SELECT customer_id, count(*) AS n FROM sales GROUP BY 1 HAVING count(*) >= 2"),
    (
        "with_city",
        "customer_id",
        "SELECT s.customer_id, c.city, s.n, s.revenue FROM (SELECT customer_id, count(*) AS n, sum(amount) AS revenue FROM sales GROUP BY 1) AS s LEFT JOIN customers AS c ON c.customer_id = s.customer_id",
    ),
    (
        "known_only",
        "customer_id",
        "WITH s AS (SELECT customer_id, count(*) AS n, max(amount) AS most FROM sales GROUP BY 1) SELECT c.customer_id, c.name, upper(c.city) AS city, s.n, s.most FROM s JOIN customers AS c USING (customer_id)",
    ),
    (
        "by_category_now",
        "category",
        "SELECT p.category, count(*) AS n, sum(s.amount) AS revenue FROM sales AS s LEFT JOIN products AS p ON p.product_id = s.product_id GROUP BY p.category",
    ),
    (
        "buyers",
        "product_id",
        "SELECT product_id, count(DISTINCT customer_id) AS buyers, count(*) AS n FROM sales GROUP BY product_id",
    ),
    (
        "pairs",
        "customer_id,product_id",
        "SELECT customer_id, product_id, max(quantity) AS most, min(transaction_date) AS first FROM sales GROUP BY customer_id, product_id",
    ),
    (
        "by_name",
        "product_name",
        "SELECT product_name, count(*) AS n, sum(amount) AS revenue FROM sales GROUP BY product_name",
    ),
    (
        "by_letter",
        "letter,big",
        "SELECT substr(product_id, 1, 2) AS letter, amount > 5 AS big, count(*) AS n, sum(amount) AS revenue, max(amount) AS most FROM sales GROUP BY 1, 2",
    ),
    (
        "some_sums",
        "product_id",
        "SELECT product_id, sum(amount) FILTER (WHERE quantity > 1) AS several, count(*) FILTER (WHERE quantity > 1) AS n_several, count(*) AS n FROM sales GROUP BY 1",
    ),
    (
        "stock",
        "category",
        "SELECT category, sum(stock) AS stock, count(stock) AS counted, count(*) AS n, min(price) AS least, max(name) AS last FROM products GROUP BY category",
    ),
    (
        "by_date",
        "date",
        "SELECT make_date(year, month, day) AS date, count(*) AS n, sum(amount) AS revenue, count(DISTINCT customer_id) AS buyers, min(quantity) AS least FROM sales GROUP BY year, month, day",
    ),
    (
        "cities_by_date",
        "category,date",
        "SELECT make_date(year, month, day) AS date, category, count(*) AS n, count(DISTINCT city) AS cities, count(DISTINCT product_id) AS products FROM sales GROUP BY year, month, day, category",
    ),
    ("no_count", "customer_id", "SELECT customer_id, sum(amount) AS revenue FROM sales GROUP BY customer_id"),
];

const DAY_MODEL: &str = "{{ config(materialized='incremental', unique_key=['date', 'product_name'], by_day='date') }}
SELECT make_date(year, month, day) AS date, product_name, count(*) AS n, count(DISTINCT customer_id) AS buyers FROM sales
{% if is_incremental() %}WHERE {{ changed('year', 'month', 'day') }}{% endif %} GROUP BY year, month, day, product_name";

/// The sales as lines of a file, each for one more.
const DEARER: &str = "SELECT concat_ws(',', transaction_id, customer_id, product_id, CAST(quantity AS varchar), \
    CAST(amount + 1 AS varchar), concat(CAST(make_date(year, month, day) AS varchar), ' 12:00:00')) \
    FROM sales ORDER BY transaction_id";

/// A sequence of choices.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A sale with a key among the first `keys`.
fn sale(chance: &mut Chance, keys: u64, bad: bool) -> String {
    let amount = [1, 5, 7, 30][chance.below(4) as usize] + chance.below(2);
    let (key, customer, product) = (chance.below(keys), chance.below(5), chance.below(6));
    let (quantity, month, day) = (1 + chance.below(3), 2 + chance.below(2), 1 + chance.below(3));
    let quantity = if bad { "many".to_owned() } else { quantity.to_string() };
    format!("T{key},C{customer},P{product},{quantity},{amount}.25,2024-0{month}-0{day} 12:00:00\n")
}

fn sales(chance: &mut Chance, rows: u64, keys: u64) -> String {
    let rows: Vec<String> = (0..rows)
        .map(|_| {
            let bad = chance.below(12) == 0;
            sale(chance, keys, bad)
        })
        .collect();
    format!("{HEADER}{}", rows.concat())
}

fn products(chance: &mut Chance) -> String {
    let rows: Vec<String> = (0..=chance.below(3))
        .map(|_| {
            let (id, name) = (chance.below(6), chance.below(3));
            let category = ["null", "\"tea\"", "\"ware\""][chance.below(3) as usize];
            let stock = ["null", "3", "0"][chance.below(3) as usize];
            format!(
                r#"{{"product_id":"P{id}","name":"N{name}","category":{category},"stock":{stock},"price":{name}.5}}"#
            )
        })
        .collect();
    format!("[{}]", rows.join(","))
}

fn customers(chance: &mut Chance) -> String {
    let rows: Vec<String> = (0..=chance.below(2))
        .map(|_| {
            let (id, name, city) = (chance.below(5), chance.below(3), chance.below(3));
            format!(r#"{{"customer_id":"C{id}","name":"K{name}","city":"O{city}"}}"#)
        })
        .collect();
    format!("[{}]", rows.join(","))
}

/// What one shop lives through.
struct Life {
    shop: Shop,
    chance: Chance,
    /// How often each way was taken.
    ways: BTreeMap<String, u64>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let shop = Shop::new(|text| text.replace("reject_limit: 0.5", "reject_limit: 1.0"));
        for (name, key, sql) in MODELS {
            let key: Vec<String> = key.split(',').map(|column| format!("'{column}'")).collect();
            let config = format!("{{{{ config(materialized='incremental', unique_key=[{}]) }}}}", key.join(", "));
            shop.write(&format!("models/{name}.sql"), &format!("{config}\n{sql}"));
        }
        shop.write("models/names_by_day.sql", DAY_MODEL);
        Self { shop, chance: Chance(seed), ways: BTreeMap::new() }
    }

    fn note(&mut self, outcome: &RunOutcome) {
        for model in &outcome.models {
            assert!(model.error.is_none(), "{model:?}");
            if let Some(how) = model.how {
                *self.ways.entry(format!("{how:?}")).or_default() += 1;
                *self.ways.entry(format!("{}: {how:?}", model.name)).or_default() += 1;
            }
        }
    }

    /// One step; its name.
    async fn step(&mut self, step: u64) -> &'static str {
        let chance = &mut self.chance;
        match chance.below(14) {
            0..=3 => {
                let keys = 20 + step * 6;
                let rows = 1 + chance.below(6);
                self.shop.put("sales", &format!("day-{step}.csv"), sales(chance, rows, keys));
                "sales"
            }
            4 | 5 => {
                self.shop.put("products", &format!("p-{step}.json"), products(chance));
                "products"
            }
            6 => {
                self.shop.put("customers", &format!("c-{step}.json"), customers(chance));
                "customers"
            }
            7 => {
                self.shop.put("sales", &format!("day-{step}.csv"), sales(chance, 4, 30));
                self.shop.put("products", &format!("p-{step}.json"), products(chance));
                self.shop.put("customers", &format!("c-{step}.json"), customers(chance));
                "all datasets"
            }
            8 => {
                let rows = self.shop.export().await.into_iter().filter(|_| chance.below(2) == 0);
                let fixed: Vec<String> = rows.map(|row| row.replace("many", "2").replace('|', ",") + "\n").collect();
                let header = format!("_source_file,_source_line,{HEADER}");
                let outcome = self.shop.replay(&(header + &fixed.concat())).await;
                self.note(&outcome);
                "replay"
            }
            9 => {
                let table = ["sales", "products", "customers"][chance.below(3) as usize];
                let version = chance.below(step + 1);
                if let Ok(outcome) = self.shop.restore(table, version).await {
                    self.note(&outcome);
                }
                "restore"
            }
            10 => {
                self.shop.put("sales", &format!("day-{step}.csv"), sales(chance, 3, 40));
                self.shop.write("data-tests/never.sql", "SELECT 1 FROM sales");
                let outcome = self.shop.run().await.unwrap();
                assert_eq!(outcome.status, RunStatus::Error, "nothing of it is published");
                fs_err::remove_file(self.shop.path().join("data-tests/never.sql")).unwrap();
                "a held run"
            }
            11 | 12 => {
                let again =
                    self.shop.query(DEARER).await.into_iter().filter(|_| chance.below(3) == 0).map(|row| row + "\n");
                let text = format!("{HEADER}{}", again.collect::<String>());
                self.shop.put("sales", &format!("day-{step}.csv"), text);
                "other amounts"
            }
            _ => {
                self.shop.put("sales", &format!("day-{step}.csv"), sales(chance, 3, 40));
                let outcome = self.shop.run().await.unwrap();
                self.note(&outcome);
                let log = self.shop.path().join("lake/processed/extremes/_delta_log");
                let last = fs_err::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
                let last = last.filter(|path| path.extension().is_some_and(|e| e == "json")).max().unwrap();
                if outcome.models.iter().any(|m| m.name == "extremes" && m.how != Some(How::Unchanged)) {
                    fs_err::remove_file(last).unwrap();
                }
                "a run whose commits were lost"
            }
        }
    }
}

async fn live(seed: u64, steps: u64) -> BTreeMap<String, u64> {
    let mut life = Life::new(seed);
    let first = sales(&mut life.chance, 30, 20);
    life.shop.put("sales", "day-first.csv", first);
    let some = products(&mut life.chance);
    life.shop.put("products", "p-first.json", some);
    let mut told = vec!["the first day"];
    for step in 0..=steps {
        if step > 0 {
            told.push(life.step(step).await);
        }
        let outcome = life.shop.run().await.unwrap();
        life.note(&outcome);
        for (model, stored, fresh) in life.shop.stale_models().await {
            assert_eq!(stored, fresh, "`{model}` is not what its SQL gives; SHOPLAKE_SEED={seed}, after {told:?}");
        }
    }
    let numbers = |folder: &str| -> Vec<u64> {
        let entries = fs_err::read_dir(life.shop.path().join(folder)).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.map(|name| name.trim_start_matches("part-")[..10].parse().unwrap()).collect()
    };
    let last = numbers("lake/processed/_publish").into_iter().max().unwrap();
    let kept = numbers("lake/processed/sales/_changes");
    // A batch that leaves the table alone sweeps nothing: some that are older may stand there until the next that does.
    assert!(kept.iter().all(|batch| *batch <= last), "copies are kept of batches that stand: {kept:?}");
    let of: std::collections::BTreeSet<u64> = kept.into_iter().collect();
    assert!(of.len() <= 8, "and of few: {of:?}");
    life.ways
}

/// Given random sequences of everything that changes rows, when run, then after each step every model is
/// what a full refresh would make it, and all ways of making it were taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incremental_equals_full() {
    let number =
        |name: &str, otherwise| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (sequences, first) = (number("SHOPLAKE_SEQUENCES", 3), number("SHOPLAKE_SEED", 1));
    let mut ways: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + sequences {
        for (way, times) in live(seed, 6).await {
            *ways.entry(way).or_default() += times;
        }
    }
    if sequences >= 3 {
        for way in ["Full", "Days", "Keys", "Merge", "Unchanged"] {
            assert!(ways.get(way).is_some_and(|times| *times > 2), "{way}: {ways:#?}");
        }
    }
    println!("{ways:#?}");
}
