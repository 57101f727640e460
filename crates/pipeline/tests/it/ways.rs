//! Which way a model is made, and that a full refresh gives the same.

use shoplake_core::outcome::{How, RunOutcome};

use crate::shop::{HEADER, Shop};

fn how(outcome: &RunOutcome, model: &str) -> Option<How> {
    outcome.models.iter().find(|known| known.name == model).and_then(|known| known.how)
}

fn day(n: u32) -> String {
    let rows = (0..40).map(|i| format!("T{n}-{i},C{},P{},1,{}.50,2024-03-{n:02} 12:00:00\n", i % 30, i % 7, i + n));
    format!("{HEADER}{}", rows.collect::<String>())
}

/// Given the template's models, when a day comes, then none of them is made from all sales; when nothing
/// comes they stay, and when a full refresh is asked for they are made in full and say the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_more_day_costs_a_day() {
    let shop = Shop::new(|text| text);
    shop.put("customers", "c.json", r#"[{"customer_id":"C1","name":"A"},{"customer_id":"C2","name":"B"}]"#);
    for n in 1..=3 {
        shop.put("sales", &format!("day-{n}.csv"), day(n));
    }
    let first = shop.run().await.unwrap();
    assert!(first.models.iter().all(|model| model.how == Some(How::Full)), "{:#?}", first.models);
    shop.put("sales", "day-4.csv", day(4));
    let daily = shop.run().await.unwrap();
    let ways = ["daily_sales_summary", "int_product_sales", "customer_lifetime_value", "sales_by_hour"];
    let ways = ways.map(|model| how(&daily, model));
    assert_eq!(ways, [Some(How::Days), Some(How::Merge), Some(How::Merge), Some(How::Merge)], "{:#?}", daily.models);

    shop.put("customers", "d.json", r#"[{"customer_id":"C1","name":"Anna"},{"customer_id":"C3","name":"New"}]"#);
    let renamed = shop.run().await.unwrap();
    assert_eq!(how(&renamed, "customer_lifetime_value"), Some(How::Keys));
    assert_eq!(how(&renamed, "daily_sales_summary"), Some(How::Days), "sales of C3 gained its city");
    let names = shop.query("SELECT name FROM customer_lifetime_value ORDER BY customer_id").await;
    assert_eq!(names, ["Anna", "B", "New"]);

    let before = shop.figures().await;
    let full = shop.full_refresh().await;
    assert!(full.batch.is_some() && full.models.iter().all(|model| model.how == Some(How::Full)));
    assert_eq!(shop.figures().await, before);
}

/// A sale of each of 70 days, by this customer and for this amount, in one file.
fn seventy_days(customer: impl Fn(u32) -> u32, amount: u32) -> String {
    let rows = (0..70).flat_map(|n| {
        let (month, day) = (1 + n / 28, 1 + n % 28);
        let sale = |of: &str, customer: u32| {
            format!("T{n}-{of},C{customer},P1,1,{amount}.50,2024-{month:02}-{day:02} 12:00:00\n")
        };
        [sale("a", customer(n)), sale("b", 9)]
    });
    format!("{HEADER}{}", rows.collect::<String>())
}

/// Given sales of more days than are made day by day, when their amounts are corrected, then the days follow from what
/// changed; when other customers turn out to have bought, they are made in full; each says what a full refresh does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_days_follow_from_what_changed() {
    let shop = Shop::new(|text| text);
    let customers = (0..10).map(|n| format!(r#"{{"customer_id":"C{n}","name":"N{n}"}}"#)).collect::<Vec<_>>();
    shop.put("customers", "c.json", format!("[{}]", customers.join(",")));
    shop.put("sales", "first.csv", seventy_days(|n| n % 5, 10));
    shop.run().await.unwrap();
    let days = "SELECT concat_ws(' ', min(total_revenue), max(total_revenue), max(unique_customers), count(*)) FROM daily_sales_summary";
    assert_eq!(shop.query(days).await, ["21.00 21.00 2 70"]);
    shop.put("sales", "corrected.csv", seventy_days(|n| n % 5, 12));
    let corrected = shop.run().await.unwrap();
    assert_eq!(how(&corrected, "daily_sales_summary"), Some(How::Merge), "{:#?}", corrected.models);
    assert_eq!(
        how(&corrected, "customer_lifetime_value"),
        Some(How::Merge),
        "first and last orders are of the same time"
    );
    assert_eq!(shop.query(days).await, ["25.00 25.00 2 70"]);
    assert_eq!(shop.stale_models().await, []);
    assert_eq!(corrected.restated.iter().map(|restated| restated.days).max(), Some(70), "{:#?}", corrected.restated);

    shop.put("sales", "others.csv", seventy_days(|_| 9, 12));
    let others = shop.run().await.unwrap();
    let daily = others.models.iter().find(|model| model.name == "daily_sales_summary").unwrap();
    let why = daily.why.as_deref().unwrap_or_default();
    assert_eq!((daily.how, why), (Some(How::Full), "70 days changed; 70 keys do not follow from what changed"));
    assert_eq!(shop.query(days).await, ["25.00 25.00 1 70"]);
    assert_eq!(shop.stale_models().await, []);
}

/// Given less memory than a month of sales needs in one piece, when the days are made in full, then they
/// are made piece by piece and say the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_does_not_fit_is_made_by_its_days() {
    let wide = Shop::new(|text| text);
    let small = Shop::new(|text| text);
    let settings = small.path().join("shoplake.yml");
    let text = fs_err::read_to_string(&settings).unwrap();
    // 16 MB hold about 46,000 rows.
    small.write("shoplake.yml", &text.replace("memory: 512MB", "memory: 16MB"));
    let rows = (0..120_000_u32).map(|i| {
        let (month, day) = (1 + i % 2, 1 + i % 28);
        format!("T{i},C{},P{},1,{}.25,2024-{month:02}-{day:02} 12:00:00\n", i % 50_000, i % 50, i % 90)
    });
    let sales = format!("{HEADER}{}", rows.collect::<String>());
    for shop in [&wide, &small] {
        shop.put("sales", "all.csv", &sales);
        let outcome = shop.run().await.unwrap();
        assert!(outcome.models.iter().all(|model| model.error.is_none()), "{:#?}", outcome.models);
    }
    let days = "SELECT * FROM daily_sales_summary ORDER BY date";
    assert_eq!(small.query(days).await, wide.query(days).await);
    assert!(small.stale_models().await.is_empty());
}

/// Given months of which each fits into the memory and all together do not, when the marts are verified,
/// then they are calculated as a run calculates them, and hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_can_make_can_be_verified() {
    let shop = Shop::new(|text| text);
    let text = fs_err::read_to_string(shop.path().join("shoplake.yml")).unwrap();
    shop.write("shoplake.yml", &text.replace("memory: 512MB", "memory: 16MB"));
    let rows = (0..240_000_u32).map(|i| {
        let (month, day) = (1 + i % 12, 1 + i % 28);
        format!("T{i},C{},P{},1,{}.25,2024-{month:02}-{day:02} 12:00:00\n", i % 50_000, i % 50, i % 90)
    });
    shop.put("sales", "all.csv", format!("{HEADER}{}", rows.collect::<String>()));
    let outcome = shop.run().await.unwrap();
    assert!(outcome.models.iter().all(|model| model.error.is_none()), "{:#?}", outcome.models);
    assert_eq!(shop.findings().await, Vec::<String>::new());
}
