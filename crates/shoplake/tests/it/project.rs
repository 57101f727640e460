//! Making and checking a project.

use crate::context::{Context, snapshot};

/// Given an empty folder, when a project is made twice, then the second time changes nothing.
#[test]
fn init_twice() {
    let context = Context::new();
    snapshot!(context, ["init", "shop", "--timezone", "Europe/Berlin", "--currency", "EUR"], @"");
    let before = context.read("shoplake.yml");
    snapshot!(context, ["init", "."], @"");
    assert_eq!(context.read("shoplake.yml"), before);
}

/// Given a time zone that does not exist, when a project is made, then nothing is made.
#[test]
fn init_in_no_zone() {
    let context = Context::new();
    snapshot!(context, ["init", "shop", "--timezone", "Mars/Olympus"], @"");
    assert!(!context.shop().exists());
}

/// Given the template as it is, when checked, then it is sound.
#[test]
fn check_the_template() {
    snapshot!(Context::with_shop(), ["check"], @"");
}

/// Given two mistakes in two files, when checked, then both are told with their places.
#[test]
fn mistakes_in_the_project() {
    let context = Context::with_shop();
    let sales = context.read("sources/sales.yml");
    context.put("sources/sales.yml", &sales.replace("type: integer", "type: integr"));
    context.put("sources/products.yml", "name: products\nformat: [\n");
    snapshot!(context, ["check"], @"");
}

/// Given a model that names a column that is not there, when checked, then it says where and which are.
#[test]
fn a_model_that_does_not_plan() {
    let context = Context::with_shop();
    context.put("models/marts/wrong.sql", "SELECT nam FROM {{ ref('products') }}\n");
    snapshot!(context, ["check"], @"");
}

/// Given a file of an unknown shape, when discovered, then its contract is written once and only replaced by force.
#[test]
fn discover_an_export() {
    let context = Context::with_shop();
    context.put("orders.csv", "Order ID;Placed at;Total\nA1;2024-03-15 10:30;12,50\nA2;2024-03-16 11:00;7,00\n");
    snapshot!(context, ["discover", "orders.csv", "--as", "orders"], @"");
    insta::assert_snapshot!(context.read("sources/orders.yml"), @"");
    snapshot!(context, ["discover", "orders.csv", "--as", "orders"], @"");
    snapshot!(context, ["check", "--quiet"], @"");
}
