//! `shoplake lineage`, as a tree, as JSON, as a flowchart.

use crate::context::{Context, snapshot};

/// Given the template, when lineage is asked for, then it goes from the file's column to what shows it.
#[test]
fn trees() {
    let shop = Context::with_shop();
    snapshot!(shop, ["lineage", "daily_sales_summary.total_revenue"],);
    snapshot!(shop, ["lineage", "sales_by_category.category", "--upstream"],);
    snapshot!(shop, ["lineage", "sales.product_name"],);
    snapshot!(shop, ["lineage", "products.name", "--downstream"],);
    snapshot!(shop, ["lineage", "sales_by_hour"],);
    snapshot!(shop, ["lineage", "top_products.revenue", "--mermaid"],);
}

/// Given a view between two models, when lineage is asked for, then the view is a node of it.
#[test]
fn views_are_nodes() {
    let shop = Context::with_shop();
    shop.put("models/big.sql", "{{ config(materialized='view') }} SELECT amount AS money FROM {{ source('shop', 'sales') }} WHERE quantity > 1");
    shop.put("models/total.sql", "SELECT sum(money) AS total FROM {{ ref('big') }}");
    snapshot!(shop, ["lineage", "total.total"],);
}

/// Given a column, when a program asks, then nodes and edges are names of columns.
#[test]
fn as_json() {
    let shop = Context::with_shop();
    let lineage = shop.json(&["lineage", "daily_sales_summary.total_revenue", "--json"]);
    let nodes: Vec<&str> = lineage["nodes"].as_array().unwrap().iter().filter_map(|node| node.as_str()).collect();
    for node in
        ["daily_sales_summary.total_revenue", "sales.amount", "inbox/sales/*.amount", "dashboards/sales.Revenue"]
    {
        assert!(nodes.contains(&node), "{node} is not among {nodes:?}");
    }
    let edges = lineage["edges"].as_array().unwrap();
    let edge =
        serde_json::json!({ "from": "sales.amount", "to": "daily_sales_summary.total_revenue", "kind": "aggregate" });
    assert!(edges.contains(&edge), "{edges:?}");
    for edge in edges {
        assert!(
            nodes.contains(&edge["from"].as_str().unwrap()) && nodes.contains(&edge["to"].as_str().unwrap()),
            "{edge}"
        );
    }
    let upstream = shop.json(&["lineage", "daily_sales_summary.total_revenue", "--upstream", "--json"]);
    assert!(!upstream.to_string().contains("dashboards/"), "{upstream}");
}

/// Given names that are not there, when asked for, then the nearest is offered.
#[test]
fn mistakes() {
    let shop = Context::with_shop();
    snapshot!(shop, ["lineage", "top_product"],);
    snapshot!(shop, ["lineage", "top_products.revenu"],);
    shop.put("models/broken.sql", "SELECT amuont FROM {{ source('shop', 'sales') }}");
    snapshot!(shop, ["lineage", "top_products"],);
}
