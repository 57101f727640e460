//! Models of small projects, and of the template.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;

use shoplake_core::contract::{Contract, FileOptions, Format, SchemaChange};
use shoplake_core::project::{Dataset, Limits};
use shoplake_core::source::Origin;
use shoplake_core::{Fault, Project};
use shoplake_models::{Materialized, Models, Severity, load};

fn dataset(name: &str) -> Dataset {
    let contract = Contract {
        dataset: name.into(),
        file: format!("sources/{name}.yml"),
        key: Vec::new(),
        event_time: None,
        version: None,
        columns: Vec::new(),
        schema_change: SchemaChange::default(),
        reject_limit: 0.5,
        options: FileOptions::new(Format::Csv),
        enrichments: Vec::new(),
    };
    Dataset { contract, origin: Origin::Files(format!("inbox/{name}/*")) }
}

fn project(dir: &Path) -> Project {
    Project {
        name: "shop".into(),
        dir: dir.to_path_buf(),
        time_zone: chrono_tz::UTC,
        currency: "USD".into(),
        lake_dir: dir.join("lake"),
        remote: None,
        vars: BTreeMap::from([("floor".to_owned(), serde_json::json!(5))]),
        limits: Limits::default(),
        schedule: None,
        arrival: shoplake_core::schedule::Arrival::default(),
        prices: shoplake_core::cost::Prices::default(),
        alerts: shoplake_core::alert::Alerts::default(),
        datasets: ["products", "customers", "sales"].map(dataset).into(),
    }
}

fn loaded(files: &[(&str, &str)]) -> Result<Models, Vec<Fault>> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    load(&project(folder.path()))
}

fn told(files: &[(&str, &str)]) -> String {
    let faults = loaded(files).expect_err("this project is wrong");
    let line = |fault: &Fault| match &fault.hint {
        Some(hint) => format!("{fault}\n  hint: {hint}"),
        None => fault.to_string(),
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Given models that refer to each other, when loaded, then they come in build order with their tables.
#[test]
fn models_come_in_build_order() {
    let models = loaded(&[
        ("models/a_last.sql", "SELECT * FROM {{ ref('z_first') }} JOIN products ON true -- FROM customers"),
        ("models/z_first.sql", "{{ config(materialized='table', tags=['daily']) }}\nSELECT * FROM {{ source('shop', 'sales') }};"),
        ("models/seen.yml", "version: 2\nmodels:\n  - name: z_first\n    description: First.\n    columns:\n      - {name: x, description: X.}\n"),
    ])
    .unwrap();
    let names: Vec<&str> = models.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["z_first", "a_last"]);
    let (first, last) = (&models.models[0], &models.models[1]);
    assert_eq!((first.sql.as_str(), first.path.as_str()), ("SELECT * FROM sales", "models/z_first.sql"));
    assert_eq!((first.description.as_str(), first.columns[0].description.as_str()), ("First.", "X."));
    assert_eq!(first.tags, ["daily"]);
    assert_eq!(last.depends_on, ["z_first", "products"]);
}

/// Given a view over a view, when a table refers to it, then both stand in it as expressions, once each,
/// and it reads the stored table behind them.
#[test]
fn views_are_put_in() {
    let models = loaded(&[
        ("models/v1.sql", "{{ config(materialized='view') }} SELECT * FROM {{ source('shop', 'sales') }}"),
        ("models/v2.sql", "{{ config(materialized='ephemeral') }} WITH a AS (SELECT 1) SELECT * FROM {{ ref('v1') }}"),
        ("models/t.sql", "SELECT * FROM {{ ref('v2') }}, {{ ref('v1') }}"),
    ])
    .unwrap();
    let table = models.model("t").unwrap();
    assert_eq!(
        table.sql,
        "WITH cte__v1 AS (\nSELECT * FROM sales\n),\ncte__v2 AS (\nWITH a AS (SELECT 1) SELECT * FROM cte__v1\n)\n\
         SELECT * FROM cte__v2, cte__v1"
    );
    assert_eq!((table.depends_on.len(), table.reads.as_slice()), (2, ["sales".to_owned()].as_slice()));
    assert_eq!(models.model("v1").unwrap().materialized, Materialized::View);
}

/// Given jinja of every kind, when compiled, then it comes to plain SQL.
#[test]
fn jinja_is_compiled() {
    let models = loaded(&[
        ("macros/money.sql", "{% macro cents(column) %}({{ column }} * 100){% endmacro %}"),
        (
            "models/m.sql",
            "{{ config(materialized='incremental', unique_key='date', by_day='date') }}\nSELECT {{ cents('amount') }}, {{ var('floor') }}, \
             {{ var('roof', 9) }}, '{{ this }}', {{ env_var('SHOPLAKE_NOT_SET', '7') }} FROM {{ source('shop', 'sales') }}\
             {% if is_incremental() %} WHERE {{ changed('year', 'month', 'day') }}{% endif %}",
        ),
    ])
    .unwrap();
    let model = models.model("m").unwrap();
    assert_eq!(model.sql, "SELECT (amount * 100), 5, 9, 'm', 7 FROM sales");
    let part = shoplake_models::restrict(model.incremental_sql.as_deref().unwrap(), &[0, 31].into());
    assert!(
        part.ends_with(
            "WHERE ((year = 1970 AND month = 1 AND day IN (1)) OR (year = 1970 AND month = 2 AND day IN (1)))"
        ),
        "{part}"
    );
}

/// Given each kind of data test, when loaded, then its SQL gives the failing rows.
#[test]
fn data_tests_are_sql() {
    let models = loaded(&[
        ("models/t.sql", "SELECT 1 FROM sales"),
        (
            "models/t.yml",
            "models:\n  - name: t\n    data_tests:\n      - unique_combination_of_columns: {combination_of_columns: [a, b]}\n    columns:\n      \
             - name: a\n        tests:\n          - not_null\n          - unique: {config: {severity: warn}}\n          \
             - accepted_values: {values: ['it''s', 2]}\n          - relationships:\n              to: source('shop', 'products')\n              field: product_id\n",
        ),
        ("data-tests/no_loss.sql", "SELECT * FROM {{ ref('t') }} WHERE x < 0"),
    ])
    .unwrap();
    let shown: Vec<String> =
        models.tests.iter().map(|t| format!("{} [{:?}] {:?}\n  {}", t.name, t.severity, t.depends_on, t.sql)).collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(models.tests.iter().filter(|t| t.severity == Severity::Warn).count(), 1);
}

/// Given mistakes, when loaded, then each names file and line and what was likely meant.
#[test]
fn mistakes_name_their_place() {
    let mut all = String::new();
    for (what, files) in [
        ("unknown ref", vec![("models/daily.sql", "SELECT 1"), ("models/b.sql", "SELECT *\nFROM {{ ref('dayly') }}")]),
        ("unknown source", vec![("models/b.sql", "SELECT * FROM {{ source('shop', 'sale') }}")]),
        (
            "circle",
            vec![
                ("models/a.sql", "SELECT * FROM {{ ref('b') }}"),
                ("models/b.sql", "SELECT * FROM {{ ref('c') }}"),
                ("models/c.sql", "{{ config(materialized='view') }} SELECT * FROM {{ ref('a') }}"),
            ],
        ),
        ("jinja syntax", vec![("models/a.sql", "SELECT 1\nFROM {{ ref('b' }}")]),
        ("unknown name", vec![("models/a.sql", "SELECT {{ colour }}")]),
        ("unknown function", vec![("models/a.sql", "SELECT {{ reff('x') }}")]),
        ("no variable", vec![("models/a.sql", "SELECT\n  {{ var('top') }}")]),
        ("kept how", vec![("models/a.sql", "{{ config(materialized='tabel') }} SELECT 1")]),
        ("empty", vec![("models/a.sql", "{{ config(materialized='table') }}\n")]),
        ("name of a dataset", vec![("models/sales.sql", "SELECT 1")]),
        ("yml of no model", vec![("models/daily.sql", "SELECT 1"), ("models/a.yml", "models:\n  - name: dayli\n")]),
        ("yml key", vec![("models/a.sql", "SELECT 1"), ("models/a.yml", "models:\n  - name: a\n    colums: []\n")]),
        (
            "yml test",
            vec![
                ("models/a.sql", "SELECT 1"),
                (
                    "models/a.yml",
                    "models:\n  - name: a\n    columns:\n      - name: x\n        data_tests: [notnull]\n",
                ),
            ],
        ),
        (
            "relationship",
            vec![
                ("models/a.sql", "SELECT 1"),
                (
                    "models/a.yml",
                    "models:\n  - name: a\n    columns:\n      - name: x\n        data_tests:\n          - relationships: {to: ref('product'), field: y}\n",
                ),
            ],
        ),
        ("by_day alone", vec![("models/a.sql", "{{ config(materialized='incremental', by_day='date') }} SELECT 1")]),
    ] {
        all.extend(["# ", what, "\n", &told(&files), "\n\n"]);
    }
    insta::assert_snapshot!(all);
}

/// Given the template of `shoplake init`, when loaded, then the five marts compile and each is tested.
#[test]
fn the_template_compiles() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../project/template");
    let models = load(&project(&template)).unwrap();
    let names: Vec<&str> = models.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        names,
        ["customer_lifetime_value", "daily_sales_summary", "sales_by_category", "sales_by_hour", "top_products"]
    );
    for model in &models.models {
        assert!(models.tests.iter().any(|test| test.table == model.name && test.severity == Severity::Error));
        assert!(!model.columns.is_empty() && model.columns.iter().all(|column| !column.description.is_empty()));
    }
    assert_eq!(models.model("daily_sales_summary").unwrap().by_day.as_deref(), Some("date"));
}

/// The schema that editors complete from names the keys of dbt.
#[test]
fn the_schema_names_the_keys() {
    let schema = shoplake_models::schema().to_string();
    for key in ["data_tests", "accepted_values", "relationships", "severity"] {
        assert!(schema.contains(key), "{key}");
    }
}
