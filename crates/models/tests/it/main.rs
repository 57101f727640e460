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
        target: "local".into(),
        model_settings: serde_json::Value::Null,
        lake_dir: dir.join("lake"),
        remote: None,
        vars: BTreeMap::from([("floor".to_owned(), serde_json::json!(5))]),
        limits: Limits::default(),
        schedule: None,
        openlineage: None,
        state: None,
        otlp: None,
        arrival: shoplake_core::schedule::Arrival::default(),
        retries: shoplake_core::retry::Retries::default(),
        logs: shoplake_core::logs::LogSettings::default(),
        trusted_proxies: Vec::new(),
        deliveries: Vec::new(),
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
        "WITH cte__v1 AS (\nSELECT * FROM sales\n),\ncte__v2 AS (\nWITH a AS (SELECT 1) SELECT * FROM cte__v1 AS v1\n)\n\
         SELECT * FROM cte__v2 AS v2, cte__v1 AS v1"
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

/// Given the template of `shoplake init`, when loaded, then its models compile in their order and each is tested.
#[test]
fn the_template_compiles() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../project/template");
    let models = load(&project(&template)).unwrap();
    let names: Vec<&str> = models.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "customer_lifetime_value",
            "daily_sales_summary",
            "int_product_sales",
            "sales_by_category",
            "sales_by_hour",
            "sales_heatmap",
            "stg_customers",
            "customer_rfm",
            "rfm_segments",
            "stg_products",
            "stg_sales",
            "abc_classes",
            "basket_pairs",
            "cohort_retention",
            "new_and_returning_customers",
            "sales_by_city",
            "stock_cover",
            "top_products"
        ]
    );
    for model in &models.models {
        let staging = model.name.starts_with("stg_");
        let tested = models.tests.iter().any(|test| test.table == model.name && test.severity == Severity::Error);
        assert!(tested || staging, "{}", model.name);
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

/// Given a project of 300 models in five layers with macros and folders, when loaded, then each file is
/// rendered once, and the graph is theirs.
#[test]
fn large_projects_cost_one_rendering_a_file() {
    let mut files: Vec<(String, String)> = vec![(
        "macros/all.sql".to_owned(),
        (0..50).map(|n| format!("{{% macro m{n}(x) %}}({{{{ x }}}} + {n}){{% endmacro %}}\n")).collect(),
    )];
    for n in 0..300 {
        let sql = if n < 60 {
            format!("SELECT sale_id, {{{{ m{}('amount') }}}} AS amount FROM {{{{ source('shop', 'sales') }}}}", n % 50)
        } else {
            let (one, two) = (n - 60, n * 7 % (n / 60 * 60));
            format!(
                "{{{{ config(materialized='{}') }}}} SELECT a.sale_id, b.amount FROM {{{{ ref('m_{one}') }}}} AS a JOIN m_{two} AS b ON a.sale_id = b.sale_id",
                ["table", "view"][usize::from(n % 5 == 0)]
            )
        };
        files.push((format!("models/l{}/m_{n}.sql", n / 60), sql));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let models = loaded(&files).unwrap();
    assert_eq!((models.models.len(), models.renders()), (300, 300));
    let last = models.model("m_299").unwrap();
    assert_eq!(last.depends_on, ["m_239", "m_173"]);
}

/// Given the settings of folders, properties and the file, then the most particular holds, and tags add up.
#[test]
fn settings_come_from_folders_properties_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("models/staging/a.sql", "SELECT 1 AS one"),
        ("models/staging/b.sql", "{{ config(materialized='ephemeral', tags='own') }} SELECT 1 AS one"),
        (
            "models/staging/b.yml",
            "models: [{name: b, config: {materialized: table, tags: [said], meta: {owner: ann}}}]",
        ),
        ("models/c.sql", "SELECT 1 AS one"),
    ] {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let mut project = project(folder.path());
    project.model_settings = serde_json::json!({
        "+tags": ["all"],
        "shop": {"staging": {"+materialized": "view", "+tags": "stage"}}
    });
    let models = load(&project).unwrap();
    let kept = |name: &str| models.model(name).map(|m| (m.materialized, m.tags.join(" "))).unwrap();
    assert_eq!(kept("a"), (Materialized::View, "all stage".into()));
    assert_eq!(kept("b"), (Materialized::Ephemeral, "all stage said own".into()));
    assert_eq!(kept("c"), (Materialized::Table, "all".into()));
    assert_eq!(models.model("b").unwrap().meta["owner"], "ann");
}

/// Given criteria of dbt's grammar, then each chooses what dbt would, and the laws of sets hold.
#[test]
fn selection_follows_the_grammar() {
    let models = loaded(&[
        ("models/staging/stg_a.sql", "{{ config(materialized='view', tags=['raw']) }} SELECT * FROM {{ source('shop', 'sales') }}"),
        ("models/staging/stg_b.sql", "{{ config(materialized='view') }} SELECT * FROM products"),
        ("models/marts/mid.sql", "SELECT * FROM {{ ref('stg_a') }}, stg_b"),
        ("models/marts/end.sql", "{{ config(tags=['daily']) }} SELECT * FROM {{ ref('mid') }}"),
        ("models/marts/end.yml", "models: [{name: end, columns: [{name: x, data_tests: [unique, not_null]}]}]\nexposures: [{name: board, type: dashboard, depends_on: [ref('end')]}]"),
        ("data-tests/own.sql", "SELECT * FROM {{ ref('mid') }}"),
    ])
    .unwrap();
    let datasets = ["sales", "products", "customers"].map(|name| (name.to_owned(), format!("sources/{name}.yml")));
    let now = ["stg_a", "stg_b", "mid", "end"].map(|name| (name.to_owned(), name.to_owned()));
    let now: BTreeMap<String, String> = now.into();
    let mut published = now.clone();
    published.insert("mid".into(), "before".into());
    published.remove("stg_b");
    let graph = shoplake_models::Graph::of("shop", &datasets, &models, &published, &now);
    let list = |text: &str| text.split(' ').filter(|t| !t.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let choose = |select: &str, exclude: &str| -> String {
        let chosen = graph.select(&list(select), &list(exclude)).unwrap();
        let names = chosen.iter().map(|index| graph.nodes[*index].name.as_str());
        names.filter(|name| !name.contains('(') && *name != "own").collect::<Vec<_>>().join(" ")
    };
    for (select, chosen) in [
        ("mid", "mid"),
        ("stg_*", "stg_a stg_b"),
        ("+mid", "sales products stg_a stg_b mid"),
        ("1+mid", "stg_a stg_b mid"),
        ("stg_a+", "stg_a mid end board"),
        ("stg_a+1", "stg_a mid"),
        ("1+mid+1", "stg_a stg_b mid end"),
        ("@stg_a", "sales products stg_a stg_b mid end board"),
        ("tag:daily tag:raw", "stg_a end"),
        ("+end,staging", "stg_a stg_b"),
        ("path:models/marts", "mid end board"),
        ("models/staging/stg_a.sql", "stg_a"),
        ("marts.mid", "mid"),
        ("source:sales+", "sales stg_a mid end board"),
        ("source:shop.products", "products"),
        ("config.materialized:view", "stg_a stg_b"),
        ("state:modified", "stg_b mid"),
        ("state:new", "stg_b"),
        ("exposure:board", "board"),
        ("resource_type:source", "sales products customers"),
        ("nothing_*", ""),
    ] {
        assert_eq!(choose(select, ""), chosen, "{select}");
    }
    assert_eq!(choose("", "staging source:*"), "mid end board");
    let all = |select: &str| graph.select(&list(select), &[]).unwrap();
    let tests = |select: &str| all(select).iter().filter(|i| graph.nodes[**i].name.contains(['(', 'o'])).count();
    assert_eq!((all("end").len(), all("test_type:singular").len(), all("test_name:unique").len()), (3, 1, 1));
    assert!(tests("mid") >= 1, "what is chosen brings its tests");
    // Laws: a union holds both, an intersection is in both, a plus only adds, exclusion takes away.
    let terms = ["mid", "+end", "stg_a+", "tag:raw", "staging", "config.materialized:table", "@stg_b", "2+end"];
    for one in terms {
        for two in terms {
            let (a, b) = (all(one), all(two));
            let both = all(&format!("{one} {two}"));
            assert!(both.is_superset(&a) && both.is_superset(&b), "{one} {two}");
            let met = all(&format!("{one},{two}"));
            let bare = |set: &std::collections::BTreeSet<usize>| {
                set.iter()
                    .filter(|i| graph.nodes[**i].resource != shoplake_models::Resource::Test)
                    .copied()
                    .collect::<Vec<_>>()
            };
            assert!(bare(&met).iter().all(|node| a.contains(node) && b.contains(node)), "{one},{two}");
            assert_eq!(met, all(&format!("{two},{one}")));
            let without = graph.select(&list(one), &list(two)).unwrap();
            assert!(without.is_subset(&a) && without.is_disjoint(&b), "{one} without {two}");
        }
    }
    for (wrong, told) in [
        ("mdi", "did you mean `mid`?"),
        ("sales", "`source:sales`"),
        ("tagg:x", "did you mean `tag`?"),
        ("+", "write a name"),
    ] {
        let fault = graph.select(&list(wrong), &[]).unwrap_err();
        assert!(fault.hint.clone().unwrap().contains(told), "{wrong}: {fault} {:?}", fault.hint);
    }
}
