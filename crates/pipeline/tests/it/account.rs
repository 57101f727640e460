//! Every row is accounted for, and how the rows are cut into files and runs changes no figure.

use proptest::prelude::*;
use shoplake_core::Counts;

use crate::shop::{HEADER, Shop, runtime};

/// A line of a sales export: few keys, so that they meet again; some dirt.
fn line() -> impl Strategy<Value = String> {
    let id = prop_oneof![9 => (0..25_u32).prop_map(|n| format!("T{n}")), 1 => Just(String::new())];
    let amount = prop_oneof![
        8 => (0..5000_u32).prop_map(|cents| format!("{}.{:02}", cents / 100, cents % 100)),
        1 => Just("-1.00".to_owned()),
        1 => Just("12,50".to_owned()),
    ];
    let day = (1..60_u32, 0..24_u32).prop_map(|(day, hour)| {
        let (month, day) = if day > 31 { (2, day - 31) } else { (1, day) };
        format!("2024-{month:02}-{day:02} {hour:02}:15:00")
    });
    (id, 0..6_u32, 0..6_u32, 0..4_u32, amount, day).prop_map(|(id, customer, product, quantity, amount, at)| {
        format!("{id},C{customer},P{product},{quantity},{amount},{at}\n")
    })
}

/// A shop whose limits let any share of rejects through, with some of the products and customers.
fn shop() -> Shop {
    let shop = Shop::new(|text| text.replace("reject_limit: 0.5", "reject_limit: 1.0"));
    shop.put("products", "products.json", r#"[{"product_id":"P0","name":"Mug","category":"Home","price":4.5,"stock":3},{"product_id":"P1","name":"Pen","category":null,"price":1,"stock":9},{"product_id":"P2","name":"Lamp","category":"Home","price":30,"stock":1}]"#);
    shop.put("customers", "customers.json", "{\"customer_id\":\"C0\",\"name\":\"Ada\",\"city\":\"Turku\"}\n{\"customer_id\":\"C1\",\"name\":\"Grace\",\"city\":null}\n");
    shop
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 24, ..ProptestConfig::default() })]

    /// Given the same rows in one file, or cut in order over several files and runs, when all is
    /// loaded, then tables, marts and quarantine are the same, and every row read is accounted for.
    #[test]
    fn any_split_gives_the_same_figures(lines in prop::collection::vec(line(), 1..120), cuts in prop::collection::vec((0.0..1.0_f64, any::<bool>()), 0..5)) {
        runtime().block_on(async {
            let whole = shop();
            whole.put("sales", "all.csv", format!("{HEADER}{}", lines.concat()));
            whole.run().await.unwrap();

            let split = shop();
            let mut cuts: Vec<(usize, bool)> = cuts.iter().map(|(at, run)| ((at * lines.len() as f64) as usize, *run)).collect();
            cuts.sort_unstable();
            cuts.push((lines.len(), true));
            let (mut from, mut sum) = (0, Counts::default());
            for (number, (to, run)) in cuts.into_iter().enumerate() {
                if to > from {
                    // The number makes every file's bytes its own: the same bytes would be loaded once.
                    split.put("sales", &format!("part-{number}.csv"), format!("{HEADER}{}{}", "\n".repeat(number), lines[from..to].concat()));
                }
                from = to;
                if run {
                    let outcome = split.run().await.unwrap();
                    let sales = outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap();
                    assert!(sales.files.iter().all(|file| file.counts.identity_holds()), "{sales:?}");
                    sum += &sales.counts;
                }
            }
            assert_eq!(sum.rows_read, lines.len() as u64);
            assert!(sum.identity_holds());
            assert_eq!(split.figures().await, whole.figures().await);
        });
    }
}

/// Given a file with more rejects than the limit between two good ones, when run, then it alone is
/// refused whole: nothing of it is in a table or in quarantine, and the others are loaded.
#[test]
fn a_file_over_the_limit_leaves_no_trace() {
    runtime().block_on(async {
        let shop = Shop::new(|text| text);
        let good = |from: u32| {
            (from..from + 120).map(|n| format!("T{n},C1,P1,1,1.00,2024-01-01 10:00:00\n")).collect::<String>()
        };
        let bad = (0..120)
            .map(|n| format!("T{n},C9,P9,{},9.00,2024-01-02 10:00:00\n", if n % 3 == 0 { "1" } else { "x" }))
            .collect::<String>();
        shop.put("sales", "a.csv", format!("{HEADER}{}", good(0)));
        shop.put("sales", "b.csv", format!("{HEADER}{bad}"));
        shop.put("sales", "c.csv", format!("{HEADER}{}", good(60)));
        let outcome = shop.run().await.unwrap();
        assert_eq!(outcome.status, shoplake_core::outcome::RunStatus::Error);
        let sales = outcome.datasets.iter().find(|d| d.dataset == "sales").unwrap();
        assert_eq!(
            (sales.counts.inserted, sales.counts.updated, sales.counts.duplicate, sales.counts.rejected),
            (180, 0, 60, 0)
        );
        let failed = &sales.files[1];
        assert!(failed.error.as_deref().unwrap().contains("80 of 120 rows (66.7 %) break the contract"), "{failed:?}");
        assert_eq!(failed.counts, Counts::default());
        assert_eq!(failed.offenders.as_ref().unwrap().first.len(), 20);
        assert_eq!(
            shop.query("SELECT count(*), sum(amount), min(customer_id), max(customer_id) FROM sales").await,
            ["180|180.00|C1|C1"]
        );
        assert_eq!(shop.query("SELECT count(*) FROM quarantine").await, ["0"]);
        assert!(shop.path().join("lake/landing/sales").exists(), "the file waits in landing");

        let again = shop.run().await.unwrap();
        assert!(again.datasets.iter().all(|d| d.files.is_empty()), "it is not judged again by itself");
    });
}

/// Given a file that first repeats a row and then moves it to another day, when it is loaded, then the
/// day that lost the row says so.
#[test]
fn a_row_that_moves_leaves_its_day() {
    runtime().block_on(async {
        let shop = Shop::new(|text| text);
        shop.put("sales", "monday.csv", format!("{HEADER}T1,C1,P1,1,5.00,2024-01-01\nT2,C1,P1,1,7.00,2024-01-01\n"));
        shop.run().await.unwrap();
        shop.put("sales", "tuesday.csv", format!("{HEADER}T1,C1,P1,1,5.00,2024-01-01\nT1,C1,P1,1,5.00,2024-01-02\n"));
        shop.run().await.unwrap();
        let days = shop.query("SELECT date, total_revenue FROM daily_sales_summary ORDER BY date").await;
        assert_eq!(days, ["2024-01-01|7.00", "2024-01-02|5.00"]);
    });
}
