//! Models in a run: views that can be queried, seeds, unit tests, selections, and other people's projects.

use std::collections::BTreeSet;
use std::path::Path;

use shoplake_core::outcome::{ModelStatus, RunOutcome, RunStatus};
use shoplake_pipeline::{Choice, Chosen};

use crate::shop::{HEADER, Shop, runtime};

/// Two sales of one day.
const SALES: &str = "T1,C1,P1,1,10.00,2024-03-15T10:00:00Z\nT2,C2,P1,2,20.00,2024-03-15T11:00:00Z\n";

fn shop() -> Shop {
    let shop = Shop::new(|text| text);
    shop.put("sales", "day.csv", format!("{HEADER}{SALES}"));
    shop
}

fn status(outcome: &RunOutcome, model: &str) -> Option<ModelStatus> {
    outcome.models.iter().find(|known| known.name == model).map(|known| known.status)
}

fn only(models: &[&str]) -> Choice {
    let models: BTreeSet<String> = models.iter().map(|name| (*name).to_owned()).collect();
    Choice { chosen: Some(Chosen { models, ..Chosen::default() }), ..Choice::default() }
}

/// Given views over views and over an ephemeral model, when run, then queries see the views; a run that
/// fails its tests leaves them as they were.
#[test]
fn views_can_be_queried() {
    runtime().block_on(async {
        let shop = shop();
        shop.write("models/e.sql", "{{ config(materialized='ephemeral') }} SELECT amount, city FROM sales");
        shop.write("models/v1.sql", "{{ config(materialized='view') }} SELECT amount * 2 AS twice FROM {{ ref('e') }}");
        shop.write(
            "models/v2.sql",
            "{{ config(materialized='view') }} WITH v1 AS (SELECT * FROM v1) SELECT sum(v1.twice) AS total FROM v1",
        );
        shop.write("models/t.sql", "SELECT v2.total FROM {{ ref('v2') }}");
        let outcome = shop.run().await.unwrap();
        assert_ne!(outcome.status, RunStatus::Error, "{:?}", outcome.models);
        assert_eq!(shop.query("SELECT total, (SELECT count(*) FROM v1) AS n FROM v2").await, ["60.00|2"]);
        assert_eq!(shop.query("SELECT total FROM t").await, ["60.00"]);
        let hidden = shop.pipeline().await;
        let catalog = hidden.tables.pinned().await.unwrap();
        assert!(hidden.engine.schema(&catalog, "SELECT * FROM e").await.is_err(), "an ephemeral model is invisible");

        shop.write("models/v2.sql", "{{ config(materialized='view') }} SELECT 0 AS total FROM v1");
        shop.write(
            "models/v2.yml",
            "models: [{name: v2, columns: [{name: total, data_tests: [{accepted_values: {values: [1]}}]}]}]",
        );
        assert_eq!(shop.run().await.unwrap().status, RunStatus::Error);
        assert_eq!(shop.query("SELECT total FROM v2").await, ["60.00"]);
        fs_err::remove_file(shop.path().join("models/v2.yml")).unwrap();
        shop.run().await.unwrap();
        assert_eq!(shop.query("SELECT DISTINCT total FROM v2").await, ["0"]);
    });
}

/// Given a selection, when built, then only that is built; what is due and was left out is built by the next run.
#[test]
fn what_a_selection_leaves_is_built_by_the_next_run() {
    runtime().block_on(async {
        let shop = shop();
        shop.write("models/a.sql", "SELECT count(*) AS n FROM sales");
        shop.write("models/b.sql", "SELECT n + 1 AS m FROM {{ ref('a') }}");
        shop.run().await.unwrap();
        shop.write("models/a.sql", "SELECT count(*) + 10 AS n FROM sales");
        shop.put("sales", "more.csv", format!("{HEADER}T3,C1,P1,1,5.00,2024-03-16T10:00:00Z\n"));
        let outcome = shop.build(only(&["a"])).await;
        assert_eq!((outcome.models.len(), status(&outcome, "a")), (1, Some(ModelStatus::Success)));
        assert!(outcome.problems[0].contains("`b`"), "{:?}", outcome.problems);
        assert_eq!(shop.query("SELECT n, m FROM a, b").await, ["12|3"], "b stays as it was, the inbox waits");
        let outcome = shop.run().await.unwrap();
        assert_eq!(status(&outcome, "b"), Some(ModelStatus::Success));
        assert_eq!(shop.query("SELECT n, m FROM a, b").await, ["13|14"]);
    });
}

/// Given a model chosen alone whose parent was never built, when built, then it says what to choose.
#[test]
fn a_parent_that_was_never_built_is_named() {
    runtime().block_on(async {
        let shop = shop();
        shop.run().await.unwrap();
        shop.write("models/a.sql", "SELECT count(*) AS n FROM sales");
        shop.write("models/b.sql", "SELECT n + 1 AS m FROM {{ ref('a') }}");
        let outcome = shop.build(only(&["b"])).await;
        let error = outcome.models[0].error.clone().unwrap();
        assert!(error.contains("reads `a`, which was never built") && error.contains("choose `+b`"), "{error}");
    });
}

/// Given a seed, when its bytes change, then its table and what reads it are made anew, and only then.
#[test]
fn a_seed_is_a_table() {
    runtime().block_on(async {
        let shop = shop();
        shop.write("seeds/rates.csv", "code,rate,since\nA,0.19,2024-01-01\nB,0.07,\n");
        shop.write(
            "seeds/rates.yml",
            "seeds: [{name: rates, description: Taxes., columns: [{name: code, data_tests: [unique]}]}]",
        );
        shop.write("models/r.sql", "SELECT sum(rate) AS rates, max(since) AS since FROM {{ ref('rates') }}");
        let outcome = shop.run().await.unwrap();
        assert_eq!(status(&outcome, "rates"), Some(ModelStatus::Success));
        assert_eq!(shop.query("SELECT * FROM r").await, ["0.26|2024-01-01"]);
        let outcome = shop.build(Choice::default()).await;
        assert_eq!(status(&outcome, "rates"), Some(ModelStatus::Unchanged));
        shop.write("seeds/rates.csv", "code,rate,since\nA,0.20,2024-01-01\nB,0.07,\n");
        shop.run().await.unwrap();
        assert_eq!(shop.query("SELECT * FROM r").await, ["0.27|2024-01-01"]);
    });
}

/// Given unit tests as maps and as CSV, when run, then the good one passes and the other names row by row
/// what differs.
#[test]
fn unit_tests_compare_rows() {
    runtime().block_on(async {
        let shop = shop();
        shop.run().await.unwrap();
        shop.write("models/v.sql", "{{ config(materialized='view') }} SELECT * FROM {{ source('shop', 'sales') }} WHERE quantity > 0");
        shop.write(
            "models/by_city.sql",
            "SELECT city, sum(amount) AS total, max(local_date(transaction_date)) AS last FROM {{ ref('v') }} WHERE amount > {{ var('floor', 0) }} GROUP BY city",
        );
        shop.write(
            "models/by_city.yml",
            "unit_tests:\n  - name: adds\n    model: by_city\n    given:\n      - input: ref('v')\n        rows:\n          - {city: Porto, amount: 1.50, transaction_date: '2024-03-15T10:00:00Z'}\n          - {city: Porto, amount: 2}\n          - {amount: 7}\n    expect:\n      rows:\n        - {city: Porto, total: 3.50, last: 2024-03-15}\n        - {city: null, total: 7}\n  - name: floor\n    model: by_city\n    overrides: {vars: {floor: 5}}\n    given:\n      - input: ref('v')\n        format: csv\n        rows: |\n          city,amount\n          Porto,5\n          Braga,6\n    expect:\n      rows: [{city: Porto, total: 5}]\n",
        );
        let pipeline = shop.pipeline().await;
        let models = shoplake_models::load(&pipeline.project).unwrap();
        let outcome = pipeline.test_published(&models, None).await.unwrap();
        let told: Vec<(&str, &str)> =
            outcome.results.iter().filter(|r| ["adds", "floor"].contains(&r.name.as_str())).map(|r| (r.name.as_str(), r.status.as_str())).collect();
        assert_eq!(told, [("adds", "pass"), ("floor", "fail")], "{:?}", outcome.failures);
        let detail = outcome.failures.iter().find(|f| f.name == "floor").unwrap().detail.clone().unwrap();
        assert_eq!(detail, "- city=Porto, total=5.00\n+ city=Braga, total=6.00");
        // A run in which such a test fails publishes nothing.
        assert_eq!(shop.build(Choice::default()).await.status, RunStatus::Error);
    });
}

/// Given thresholds, a filter and a custom test with arguments, when run, then each is judged as it says.
#[test]
fn tests_are_judged_as_they_say() {
    runtime().block_on(async {
        let shop = shop();
        shop.write("macros/over.sql", "{% macro limit_of(x) %}{{ x }}{% endmacro %}");
        shop.write("tests/generic/under.sql", "{% test under(model, column_name, most=15) %}\nSELECT * FROM {{ model }} WHERE {{ column_name }} > {{ limit_of(most) }}\n{% endtest %}");
        shop.write("models/a.sql", "SELECT transaction_id, amount FROM sales");
        shop.write(
            "models/a.yml",
            "models:\n  - name: a\n    columns:\n      - name: amount\n        data_tests:\n          - under: {name: told, config: {severity: warn}}\n          - under: {name: few, config: {error_if: '>1', warn_if: '>1'}}\n          - under: {name: filtered, config: {where: \"transaction_id = 'T1'\"}}\n          - under: {name: high, most: 100}\n          - unique\n",
        );
        shop.write("data-tests/none.sql", "{{ config(severity='warn', where='amount > 100') }} SELECT * FROM {{ ref('a') }}");
        let outcome = shop.run().await.unwrap();
        let told: Vec<String> = outcome.tests.results.iter().map(|r| format!("{} {} {}", r.name, r.status, r.rows)).collect();
        let own: Vec<&str> = told.iter().map(String::as_str).filter(|t| !t.contains('(') || t.starts_with("unique(a.")).collect();
        assert_eq!(own, ["told warn 1", "few pass 1", "filtered pass 0", "high pass 0", "unique(a.amount) pass 0", "none pass 0"]);
    });
}

/// Given dbt's jaffle shop as it stands (seeds, staging views, marts, tests), when built, then every
/// figure is the one that dbt gives.
#[test]
fn the_jaffle_shop_builds() {
    runtime().block_on(async {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/jaffle");
        let shop = Shop::of_folder(&folder);
        let outcome = shop.build(Choice { all_tests: true, ..Choice::default() }).await;
        assert_eq!(outcome.status, RunStatus::Success, "{:?} {:?}", outcome.models, outcome.tests);
        assert_eq!((outcome.models.len(), outcome.tests.passed), (5, 16));
        for (table, columns) in [
            ("customers", "customer_id, first_name, last_name, first_order, most_recent_order, number_of_orders, CAST(customer_lifetime_value AS DOUBLE)"),
            ("orders", "order_id, customer_id, order_date, status, CAST(credit_card_amount AS DOUBLE), CAST(coupon_amount AS DOUBLE), CAST(bank_transfer_amount AS DOUBLE), CAST(gift_card_amount AS DOUBLE), CAST(amount AS DOUBLE)"),
        ] {
            let expected = fs_err::read_to_string(folder.join(format!("expected_{table}.csv"))).unwrap();
            let mut expected: Vec<String> = expected.lines().skip(1).map(str::to_owned).collect();
            let mut actual: Vec<String> = shop
                .query(&format!("SELECT {columns} FROM {table}"))
                .await
                .iter()
                .map(|row| row.replace("NULL", "").replace('|', ","))
                .collect();
            expected.sort();
            actual.sort();
            assert_eq!(actual, expected, "{table}");
        }
        assert_eq!(shop.query("SELECT count(*) FROM stg_orders").await, ["99"]);
    });
}

/// Given a model whose columns change, when run, then its table follows as `on_schema_change` says.
#[test]
fn columns_change_as_the_model_says() {
    runtime().block_on(async {
        for (rule, columns) in [
            ("ignore", "one,two"),
            ("append_new_columns", "one,two,three"),
            ("sync_all_columns", "one,two,three"),
            ("fail", "one,two"),
        ] {
            let shop = shop();
            let config = format!("{{{{ config(materialized='incremental', on_schema_change='{rule}') }}}}");
            shop.write("models/a.sql", &format!("{config} SELECT count(*) AS one, sum(amount) AS two FROM sales"));
            shop.run().await.unwrap();
            shop.write(
                "models/a.sql",
                &format!("{config} SELECT count(*) AS one, sum(amount) AS two, 3 AS three FROM sales"),
            );
            let outcome = shop.run().await.unwrap();
            assert_eq!(outcome.status == RunStatus::Error, rule == "fail", "{rule}: {:?}", outcome.models);
            let catalog = shop.pipeline().await.tables.pinned().await.unwrap();
            let fields = catalog.tables["a"].schema.fields().iter().map(|field| field.name().as_str());
            assert_eq!(fields.collect::<Vec<_>>().join(","), columns, "{rule}");
        }
    });
}
