//! Making and checking a project.

use crate::context::{Context, snapshot};

/// Given an empty folder, when a project is made twice, then the second time changes nothing.
#[test]
fn init_twice() {
    let context = Context::new();
    snapshot!(context, ["init", "shop", "--timezone", "Europe/Berlin", "--currency", "EUR"], @r#"
    exit: 0
    ----- stdout
    ----- stderr
    made a project in shop: 49 files
      time zone  Europe/Berlin
      currency   EUR

    next:
      cd shop
      drop exports into inbox/sales/, inbox/products/, inbox/customers/ (or `shoplake generate`)
      shoplake run
      shoplake query "SELECT * FROM daily_sales_summary ORDER BY date"
    "#);
    let before = context.read("shoplake.yml");
    snapshot!(context, ["init", "."], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `.` is a project already
    hint: `shoplake run` runs it; choose another folder for a new one
    ");
    assert_eq!(context.read("shoplake.yml"), before);
}

/// Given a time zone that does not exist, when a project is made, then nothing is made.
#[test]
fn init_in_no_zone() {
    let context = Context::new();
    snapshot!(context, ["init", "shop", "--timezone", "Mars/Olympus"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `Mars/Olympus` is not a time zone
    hint: write an IANA name, for example `Europe/Berlin`
    ");
    assert!(!context.shop().exists());
}

/// Given the template as it is, when checked, then it is sound.
#[test]
fn check_the_template() {
    snapshot!(Context::with_shop(), ["check"], @"
    exit: 0
    ----- stdout
    ----- stderr
    ok: 3 datasets, 18 models, 79 tests
    ");
}

/// Given two mistakes in two files, when checked, then both are told with their places.
#[test]
fn mistakes_in_the_project() {
    let context = Context::with_shop();
    let sales = context.read("sources/sales.yml");
    context.put("sources/sales.yml", &sales.replace("type: integer", "type: integr"));
    context.put("sources/products.yml", "name: products\nformat: [\n");
    snapshot!(context, ["check"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: sources/products.yml:2:9: not valid YAML: unclosed bracket '['
    hint: look at that line and the one above: at brackets, quotes, colons and the spaces in front

    error: sources/sales.yml:10:37: `integr` is not a type
    hint: did you mean `integer`?

    2 mistakes found
    ");
}

/// Given a model that names a column that is not there, when checked, then it says where and which are.
#[test]
fn a_model_that_does_not_plan() {
    let context = Context::with_shop();
    context.put("models/marts/wrong.sql", "SELECT nam FROM {{ ref('products') }}\n");
    snapshot!(context, ["check"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: models/marts/wrong.sql:1:8: column `nam` not found
    hint: did you mean `name`?
    ");
}

/// Given a tile that names a column that its model does not have, when checked, then it says where and which is near.
#[test]
fn a_tile_over_no_such_column() {
    let context = Context::with_shop();
    let tile = "{ title: Best, kind: table, model: customer_lifetime_value, sort: [-lifetime_values, name], limit: 3 }";
    context.put("dashboards/best.yml", &format!("name: best\ntiles:\n  - {tile}\n"));
    snapshot!(context, ["check"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: dashboards/best.yml:3:72: `customer_lifetime_value` has no column `lifetime_values`
    hint: did you mean `lifetime_value`?
    ");
}

/// Given a file of an unknown shape, when discovered, then its contract is written once and only replaced by force.
#[test]
fn discover_an_export() {
    let context = Context::with_shop();
    context.put("orders.csv", "Order ID;Placed at;Total\nA1;2024-03-15 10:30;12,50\nA2;2024-03-16 11:00;7,00\n");
    snapshot!(context, ["discover", "orders.csv", "--as", "orders"], @"
    exit: 0
    ----- stdout
    ----- stderr
    wrote sources/orders.yml: 3 columns, from 2 rows of orders.csv
      key         order_id
      event time  placed_at

    what was decided, and what to look at:
      - fields are separated by `;`
      - `total` has `,` before decimals, as in `12,50`
      - the key is `order_id`: never empty, and different in all 2 rows looked at
      - rows are dated by `placed_at`

    next: read sources/orders.yml, then `shoplake check`, drop files into inbox/orders/, `shoplake run`
    ");
    insta::assert_snapshot!(context.read("sources/orders.yml"), @r#"
    name: orders
    format: csv
    delimiter: ";"
    key: [order_id]
    event_time: placed_at
    columns:
      - { name: order_id,  type: string, header: "Order ID", required: true }
      - { name: placed_at, type: timestamp, header: "Placed at", required: true }
      - { name: total,     type: "decimal(12,2)", header: "Total", required: true, decimal_separator: "," }
    "#);
    snapshot!(context, ["discover", "orders.csv", "--as", "orders"], @"
    exit: 2
    ----- stdout
    ----- stderr
    error: `sources/orders.yml` exists already
    hint: `--force` overwrites it; `--as NAME` makes another dataset
    ");
    snapshot!(context, ["check", "--quiet"], @"
    exit: 0
    ----- stdout
    ----- stderr
    ");
}
