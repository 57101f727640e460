//! The commands on models, as a person who knows dbt types them.

use serde_json::Value;

use crate::context::Context;

/// Runs a command and compares exit code, stdout and stderr with the snapshot beside this file.
macro_rules! snapshot {
    ($context:expr, [$($argument:expr),* $(,)?]) => {{
        let context = &$context;
        let mut filters = context.filters();
        filters.push((r"\b(in|done in) \d+\.\d+\b".to_owned(), "$1 [TIME]"));
        insta::with_settings!({ filters => filters.iter().map(|(from, to)| (from.as_str(), *to)), omit_expression => true }, {
            insta::assert_snapshot!(context.run(&[$($argument),*]));
        });
    }};
}

/// A small project with a view, a seed, tests, a unit test and a source; two sales are loaded.
fn shop() -> Context {
    let context = Context::with_shop();
    for (path, text) in [
        (
            "inbox/sales/day.csv",
            "transaction_id,customer_id,product_id,quantity,amount,transaction_date\nT1,C1,P1,1,10.00,2024-03-15T10:00:00Z\nT2,C2,P1,2,20.00,2024-03-15T11:00:00Z\n",
        ),
        (
            "models/staging/stg_sales.sql",
            "{{ config(materialized='view', tags=['raw']) }}\nSELECT transaction_id, amount FROM {{ source('shop', 'sales') }}\n",
        ),
        ("models/total.sql", "SELECT sum(amount) AS total FROM {{ ref('stg_sales') }}\n"),
        (
            "models/total.yml",
            "models:\n  - name: total\n    description: All sales together.\n    columns:\n      - name: total\n        description: Amounts, in the shop's currency.\n        data_tests: [not_null]\nunit_tests:\n  - name: adds\n    model: total\n    given:\n      - input: ref('stg_sales')\n        rows: [{amount: 1}, {amount: 2}]\n    expect:\n      rows: [{total: 3}]\n",
        ),
        (
            "models/__sources.yml",
            "sources:\n  - name: shop\n    tables:\n      - name: sales\n        freshness: {warn_after: {count: 1, period: day}}\n      - name: products\n        freshness: {error_after: {count: 2, period: hour}}\n",
        ),
        ("seeds/rates.csv", "code,rate\nA,0.19\n"),
    ] {
        context.put(path, text);
    }
    fs_err::remove_dir_all(context.shop().join("models/marts")).unwrap();
    fs_err::remove_dir_all(context.shop().join("reports")).unwrap();
    fs_err::remove_dir_all(context.shop().join("dashboards")).unwrap();
    let run = context.output(&["run"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    context
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Given a project, when each command of dbt is typed, then it answers as dbt's users expect.
#[test]
fn the_commands() {
    let context = shop();
    snapshot!(context, ["ls", "-s", "+total"]);
    snapshot!(context, ["ls", "--resource-type", "model", "seed", "--output", "path"]);
    snapshot!(context, ["ls", "--select", "totl"]);
    snapshot!(context, ["compile", "total"]);
    assert!(context.output(&["compile"]).status.success());
    assert_eq!(
        context.read("target/compiled/models/staging/stg_sales.sql"),
        "SELECT transaction_id, amount FROM sales\n"
    );
    snapshot!(context, ["show", "total"]);
    snapshot!(context, ["show", "--inline", "SELECT count(*) AS n FROM {{ ref('stg_sales') }}", "--output", "json"]);
    snapshot!(context, ["query", "SELECT * FROM stg_sales ORDER BY 1"]);
    snapshot!(context, ["test", "-s", "total"]);
    snapshot!(context, ["build", "-s", "total+"]);
    context.put("seeds/rates.csv", "code,rate\nA,0.20\n");
    snapshot!(context, ["seed"]);
    let freshness = context.output(&["source", "freshness", "--json"]);
    let sources: Value = serde_json::from_slice(&freshness.stdout).unwrap();
    let told: Vec<&str> = sources.as_array().unwrap().iter().map(|s| s["status"].as_str().unwrap()).collect();
    assert_eq!((told, freshness.status.code()), (vec!["pass", "error"], Some(1)), "products have no rows");
}

/// Given a test that fails, when built, then the exit code is 1, nothing is published, `retry` does again
/// what is left once the mistake is mended, and then has nothing left.
#[test]
fn retry_does_what_is_left() {
    let context = shop();
    context.put("models/total.sql", "SELECT sum(amount) + 1 AS total FROM {{ ref('stg_sales') }}\n");
    snapshot!(context, ["build", "-s", "total"]);
    let results: Value = serde_json::from_str(&context.read("target/run_results.json")).unwrap();
    let ended: Vec<String> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| format!("{} {}", r["unique_id"].as_str().unwrap(), r["status"].as_str().unwrap()))
        .collect();
    assert_eq!(ended, ["model.shop.total success", "test.shop.not_null(total.total) pass", "unit_test.shop.adds fail"]);
    assert_eq!(text(&context.output(&["query", "SELECT total FROM total", "--output", "csv"])), "total\r\n30.00\r\n");
    context.put("models/total.sql", "SELECT sum(amount) + 0 AS total FROM {{ ref('stg_sales') }}\n");
    assert_eq!(text(&context.output(&["ls", "-s", "state:modified", "--resource-type", "model"])), "total\n");
    snapshot!(context, ["retry"]);
    snapshot!(context, ["retry"]);
    assert_eq!(text(&context.output(&["ls", "-s", "state:modified", "--resource-type", "model"])), "");
}

/// Given described models, when the documentation is made, then manifest, catalog and page say the same.
#[test]
fn the_documentation() {
    let context = shop();
    snapshot!(context, ["docs", "generate"]);
    let manifest: Value = serde_json::from_str(&context.read("target/manifest.json")).unwrap();
    let catalog: Value = serde_json::from_str(&context.read("target/catalog.json")).unwrap();
    assert_eq!(
        manifest["nodes"]["model.shop.total"]["depends_on"]["nodes"],
        serde_json::json!(["model.shop.stg_sales"])
    );
    assert_eq!(manifest["parent_map"]["model.shop.stg_sales"], serde_json::json!(["source.shop.shop.sales"]));
    let column = &catalog["nodes"]["model.shop.total"]["columns"]["total"];
    assert_eq!(column["comment"], "Amounts, in the shop's currency.");
    assert!(column["type"].as_str().unwrap().starts_with("DECIMAL"));
    let page = context.read("target/index.html");
    assert!(page.contains("All sales together.") && !page.contains("__PROJECT__"));
    assert!(!page.contains("http://") && !page.contains("<script src"), "the page stands alone");
}

/// Given a mistake, when compiled, then the file that a person wrote is named and the exit code is 2.
#[test]
fn compile_before_running() {
    let context = shop();
    context.put(
        "models/total.sql",
        "{{ config(tags=['x']) }}\nSELECT\n  sum(amuont) AS total\nFROM {{ ref('stg_sales') }}\n",
    );
    snapshot!(context, ["compile"]);
    snapshot!(context, ["show", "total", "--vars", "{a: 1}"]);
    snapshot!(context, ["ls", "--vars", "nothing"]);
}
