//! Why a figure is what it is, held against a calculation of its own.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use proptest::prelude::*;
use shoplake_pipeline::Why;

use crate::shop::{HEADER, Shop, runtime};

/// One sale of the test: what its row says, and where it stands.
#[derive(Debug, Clone)]
struct Sale {
    id: String,
    customer: String,
    product: String,
    cents: i64,
    /// Days after 2024-02-27, and the hour.
    day: u32,
    hour: u32,
}

impl Sale {
    fn date(&self) -> String {
        let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 27).unwrap() + chrono::Days::new(self.day.into());
        day.to_string()
    }
    fn moment(&self) -> String {
        format!("{}T{:02}:30:00Z", self.date(), self.hour)
    }
    fn weekday(&self) -> u32 {
        use chrono::Datelike;
        self.date().parse::<chrono::NaiveDate>().unwrap().weekday().number_from_monday()
    }
    fn csv(&self) -> String {
        let Sale { id, customer, product, cents, .. } = self;
        format!("{id},{customer},{product},1,{}.{:02},{}\n", cents / 100, cents % 100, self.moment())
    }
}

/// Ids repeat, so that rows are updated and doubled; some customers and products are not known.
fn sales() -> impl Strategy<Value = Vec<Vec<Sale>>> {
    let sale = (0..12_u32, 0..5_u32, 0..5_u32, 0..5_000_i64, 0..4_u32, 8..11_u32);
    let sale = sale.prop_map(|(id, customer, product, cents, day, hour)| Sale {
        id: format!("T{id}"),
        customer: format!("C{customer}"),
        product: format!("P{product}"),
        cents,
        day,
        hour,
    });
    proptest::collection::vec(proptest::collection::vec(sale, 1..14), 1..4)
}

/// Where a row of sales comes from: its file's name and its line.
type Place = (String, i64);

/// The rows of an explanation: key, contribution, place.
fn listed(rows: &RecordBatch) -> BTreeSet<(String, String, Place)> {
    let text = |at: usize, row: usize| {
        let options = arrow_cast::display::FormatOptions::new().with_null("NULL");
        arrow_cast::display::ArrayFormatter::try_new(rows.column(at).as_ref(), &options).unwrap().value(row).to_string()
    };
    (0..rows.num_rows())
        .map(|row| {
            let file = text(2, row);
            let line = rows.column(3).as_primitive::<arrow_array::types::Int64Type>().value(row);
            (text(0, row), text(1, row), (file.rsplit('/').next().unwrap().to_owned(), line))
        })
        .collect()
}

/// What each sale of a group contributes to a column, and what the column shows.
type Expected<'s> = (String, Vec<(&'s Sale, String)>);

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The figures of a group of sales by column: those that every mart is made of.
fn figures<'s>(group: &[&'s Sale]) -> BTreeMap<&'static str, Expected<'s>> {
    let total: i64 = group.iter().map(|sale| sale.cents).sum();
    let amounts: Vec<_> = group.iter().map(|sale| (*sale, money(sale.cents))).collect();
    let ones: Vec<_> = group.iter().map(|sale| (*sale, "1".to_owned())).collect();
    let first = group.iter().map(|sale| sale.moment()).min().unwrap();
    let last = group.iter().map(|sale| sale.moment()).max().unwrap();
    let at = |moment: &String| group.iter().filter(|s| s.moment() == *moment).map(|s| (*s, s.moment())).collect();
    let count = group.len() as i64;
    let units = (i128::from(total) * 1_000 / i128::from(count) + 5) / 10;
    BTreeMap::from([
        ("revenue", (money(total), amounts.clone())),
        ("count", (count.to_string(), ones)),
        ("average", (format!("{}.{:04}", units / 10_000, units % 10_000), amounts)),
        ("first", (first.clone(), at(&first))),
        ("last", (last.clone(), at(&last))),
    ])
}

async fn check(
    shop: &Shop,
    places: &BTreeMap<String, Place>,
    table: &str,
    condition: &str,
    column: &str,
    want: Expected<'_>,
) {
    let what = format!("{table}.{column} where {condition}");
    let why: Why = shop.why(table, condition, column).await.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    assert_eq!(why.differs, None, "{what}");
    let value = arrow_cast::display::array_value_to_string(&why.value, 0).unwrap();
    assert_eq!(value, want.0, "{what}");
    let expected: BTreeSet<_> =
        want.1.into_iter().map(|(sale, value)| (sale.id.clone(), value, places[&sale.id].clone())).collect();
    assert_eq!(why.row_count, expected.len() as u64, "{what}");
    assert_eq!(listed(&why.rows), expected, "{what}");
}

fn groups<'s>(sales: &[&'s Sale], key: impl Fn(&Sale) -> Option<String>) -> BTreeMap<String, Vec<&'s Sale>> {
    let mut groups: BTreeMap<String, Vec<&Sale>> = BTreeMap::new();
    for sale in sales {
        if let Some(key) = key(sale) {
            groups.entry(key).or_default().push(sale);
        }
    }
    groups
}

async fn holds(files: Vec<Vec<Sale>>) {
    let shop = Shop::new(|text| text);
    let mut current: BTreeMap<String, Sale> = BTreeMap::new();
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        let name = format!("day-{number}.csv");
        shop.put("sales", &name, HEADER.to_owned() + &file.iter().map(Sale::csv).collect::<String>());
        for (at, sale) in file.iter().enumerate() {
            // A row that says what the current one says is a duplicate, and changes nothing.
            if current.get(&sale.id).is_none_or(|known| known.csv() != sale.csv()) {
                current.insert(sale.id.clone(), sale.clone());
                places.insert(sale.id.clone(), (name.clone(), at as i64 + 2));
            }
        }
        if number == 0 {
            let product = |n: u32, category: &str| {
                format!("{{\"product_id\":\"P{n}\",\"name\":\"N{n}\",\"category\":{category}}}\n")
            };
            shop.put(
                "products",
                "products.json",
                product(0, "\"A\"") + &product(1, "\"A\"") + &product(2, "\"B\"") + &product(3, "null"),
            );
            let customer = |n: u32| format!("{{\"customer_id\":\"C{n}\",\"name\":\"K{n}\",\"city\":\"X\"}}\n");
            shop.put("customers", "customers.json", (0..4).map(customer).collect::<String>());
        }
        shop.run().await.unwrap();
    }
    let sales: Vec<&Sale> = current.values().collect();
    for (date, group) in groups(&sales, |sale| Some(sale.date())) {
        let mut figures = figures(&group);
        let condition = format!("date = '{date}'");
        for (column, figure) in
            [("total_revenue", "revenue"), ("transaction_count", "count"), ("avg_order_value", "average")]
        {
            check(&shop, &places, "daily_sales_summary", &condition, column, figures.remove(figure).unwrap()).await;
        }
        // Of each customer one row, that of the least file and line.
        let by = groups(&group, |sale| Some(sale.customer.clone()));
        let firsts = by.into_iter().map(|(customer, mut of)| {
            of.sort_by_key(|sale| shop.key_order(&places[&sale.id]));
            (of[0], customer)
        });
        let firsts: Vec<_> = firsts.collect();
        let count = firsts.len().to_string();
        check(&shop, &places, "daily_sales_summary", &condition, "unique_customers", (count, firsts)).await;
        let dates = (date.clone(), group.iter().map(|sale| (*sale, date.clone())).collect());
        check(&shop, &places, "daily_sales_summary", &condition, "date", dates).await;
    }
    for (product, group) in groups(&sales, |sale| (sale.product != "P4").then(|| sale.product.clone())) {
        let mut figures = figures(&group);
        for (column, figure) in [("revenue", "revenue"), ("order_count", "count")] {
            let condition = format!("product_id = '{product}'");
            check(&shop, &places, "top_products", &condition, column, figures.remove(figure).unwrap()).await;
        }
    }
    for (customer, group) in groups(&sales, |sale| (sale.customer != "C4").then(|| sale.customer.clone())) {
        let mut figures = figures(&group);
        for (column, figure) in
            [("lifetime_value", "revenue"), ("total_orders", "count"), ("first_order", "first"), ("last_order", "last")]
        {
            let condition = format!("customer_id = '{customer}'");
            check(&shop, &places, "customer_lifetime_value", &condition, column, figures.remove(figure).unwrap()).await;
        }
    }
    let category = |sale: &Sale| match sale.product.as_str() {
        "P0" | "P1" => "category = 'A'",
        "P2" => "category = 'B'",
        "P3" => "category IS NULL",
        _ => "category = '(unknown product)'",
    };
    for (condition, group) in groups(&sales, |sale| Some(category(sale).to_owned())) {
        let mut figures = figures(&group);
        for (column, figure) in [("revenue", "revenue"), ("order_count", "count")] {
            check(&shop, &places, "sales_by_category", &condition, column, figures.remove(figure).unwrap()).await;
        }
    }
    for (condition, group) in
        groups(&sales, |sale| Some(format!("day_of_week = {} AND hour = {}", sale.weekday(), sale.hour)))
    {
        let mut figures = figures(&group);
        for (column, figure) in [("revenue", "revenue"), ("transaction_count", "count")] {
            check(&shop, &places, "sales_by_hour", &condition, column, figures.remove(figure).unwrap()).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// Given any sales, some corrected, doubled or of unknown customers and products, when each figure of
    /// each mart is asked for, then it is what those sales make, from exactly the lines that they stand in.
    #[test]
    fn every_figure_is_made_of_its_rows(files in sales()) {
        runtime().block_on(holds(files));
    }
}

/// Given a model over a mart, a view between them and one that ranks, when their figures are asked for,
/// then the first two go down to the rows of sales, and the last names the model to ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_over_models_are_followed() {
    let shop = Shop::new(|text| text);
    let model = |name: &str, sql: &str| {
        fs_err::write(shop.path().join(format!("models/marts/{name}.sql")), sql).unwrap();
    };
    model("big_sales", "{{ config(materialized='view') }} SELECT * FROM {{ ref('sales') }} WHERE amount >= 2");
    model(
        "by_day",
        "SELECT day, sum(amount) AS revenue, count(*) AS n, max(amount) AS most FROM {{ ref('big_sales') }} GROUP BY day",
    );
    model(
        "overall",
        "WITH by_day AS (SELECT * FROM {{ ref('by_day') }}) SELECT sum(revenue) AS revenue, max(most) AS most, count(*) AS days, avg(n) AS mean FROM by_day",
    );
    model("ranked", "SELECT day, revenue, rank() OVER (ORDER BY revenue) AS place FROM {{ ref('by_day') }}");
    model(
        "named",
        "WITH by AS (SELECT customer_id, sum(amount) AS revenue FROM {{ ref('sales') }} GROUP BY 1) SELECT 'x' AS name, by.revenue FROM by",
    );
    let rows = "T1,C1,P1,1,1.00,2024-01-05\nT2,C1,P1,1,2.00,2024-01-05\nT3,C1,P1,1,3.00,2024-01-06\nT4,C2,P1,1,4.00,2024-01-06\n";
    shop.put("sales", "a.csv", HEADER.to_owned() + rows);
    shop.run().await.unwrap();
    let keys =
        |why: &Why| listed(&why.rows).into_iter().map(|(key, value, _)| format!("{key} {value}")).collect::<Vec<_>>();
    let by_day = shop.why("by_day", "day = 6", "revenue").await.unwrap();
    assert_eq!(keys(&by_day), ["T3 3.00", "T4 4.00"]);
    let overall = shop.why("overall", "true", "revenue").await.unwrap();
    assert_eq!((overall.table.as_str(), overall.row_count, overall.differs), ("sales", 3, None));
    assert_eq!(listed(&overall.rows).len(), 3);
    assert_eq!(keys(&shop.why("overall", "true", "most").await.unwrap()), ["T4 4.00"]);
    let days = shop.why("overall", "true", "days").await.unwrap();
    assert_eq!((days.row_count, days.differs.as_deref()), (2, None), "one row of sales for each day");
    let mean = shop.why("overall", "true", "mean").await.unwrap_err();
    assert!(mean.to_string().contains("aggregate of aggregates"), "{mean}");
    assert_eq!(mean.hint.as_deref(), Some("ask for a figure of by_day"));
    // Two groups that look alike but for their figure are told apart by it.
    let named = shop.why("named", "revenue = 4.00", "revenue").await.unwrap();
    assert_eq!(keys(&named), ["T4 4.00"]);
    let ranked = shop.why("ranked", "day = 6", "place").await.unwrap_err();
    assert!(ranked.to_string().contains("looks at neighbouring rows (`rank OVER …`)"), "{ranked}");
    assert_eq!(ranked.hint.as_deref(), Some("ask for a figure of by_day"));
}

/// Given a mart whose SQL has changed since it was published, when asked why, then the answer says
/// that the rows do not make the figure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_figure_that_its_rows_do_not_make_is_told() {
    let shop = Shop::new(|text| text);
    let path = shop.path().join("models/marts/total.sql");
    fs_err::write(&path, "SELECT sum(amount) AS total FROM {{ ref('sales') }}").unwrap();
    shop.put("sales", "a.csv", HEADER.to_owned() + "T1,C1,P1,1,1.00,2024-01-05\nT2,C1,P1,1,2.00,2024-01-05\n");
    shop.run().await.unwrap();
    assert_eq!(shop.why("total", "true", "total").await.unwrap().differs, None);
    fs_err::write(&path, "SELECT sum(amount) AS total FROM {{ ref('sales') }} WHERE amount > 1").unwrap();
    assert_eq!(shop.why("total", "true", "total").await.unwrap().differs.as_deref(), Some("2.00"));
}
