//! What a query is, once planned: where its columns come from, and its shape.

use std::fmt::Write;

use shoplake_core::planned::{Function, PlannedQuery, Select, Shape, Source};
use shoplake_core::ports::SqlPlanner;

use crate::{lake, shop};

/// Five marts as the template has them, then queries of every kind.
const QUERIES: [&str; 47] = [
    "SELECT make_date(year, month, day) AS date, count(*) AS transaction_count, sum(amount) AS total_revenue,
     average(sum(amount), count(*)) AS avg_order_value, count(DISTINCT customer_id) AS unique_customers
     FROM sales GROUP BY year, month, day",
    "WITH product_sales AS (SELECT product_id, count(*) AS order_count, sum(amount) AS revenue FROM sales GROUP BY product_id)
     SELECT products.product_id, products.name, product_sales.order_count, product_sales.revenue FROM product_sales
     INNER JOIN products AS products ON product_sales.product_id = products.product_id
     ORDER BY product_sales.revenue DESC, products.product_id LIMIT 10",
    "WITH customer_sales AS (SELECT customer_id, count(*) AS total_orders, sum(amount) AS lifetime_value,
     min(transaction_date) AS first_order, max(transaction_date) AS last_order FROM sales GROUP BY customer_id)
     SELECT customers.customer_id, customers.name, customer_sales.total_orders, customer_sales.lifetime_value,
     customer_sales.first_order, customer_sales.last_order FROM customer_sales
     INNER JOIN customers AS customers ON customer_sales.customer_id = customers.customer_id",
    "WITH product_sales AS (SELECT product_id, count(*) AS order_count, sum(amount) AS revenue FROM sales GROUP BY product_id)
     SELECT CASE WHEN products.product_id IS NULL THEN '(unknown product)' ELSE products.category END AS category,
     sum(product_sales.order_count) AS order_count, sum(product_sales.revenue) AS revenue FROM product_sales
     LEFT JOIN products AS products ON product_sales.product_id = products.product_id GROUP BY 1 ORDER BY revenue DESC, category",
    "SELECT iso_weekday(transaction_date) AS day_of_week, local_hour(transaction_date) AS hour, count(*) AS transaction_count,
     sum(amount) AS revenue FROM sales GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT * FROM products",
    "SELECT p.* , upper(name) AS loud FROM products p WHERE price > 5",
    "SELECT transaction_id, amount * 2 + quantity AS odd, 'x' AS fixed FROM sales WHERE amount IS NOT NULL AND day IN (1, 2)",
    "SELECT s.transaction_id, p.name FROM sales s LEFT JOIN products p ON s.product_id = p.product_id AND p.price > 8",
    "SELECT s.transaction_id, p.name FROM products p RIGHT JOIN sales s ON s.product_id = p.product_id",
    "SELECT s.transaction_id, p.name, c.city FROM sales s, products p, customers c
     WHERE s.product_id = p.product_id AND c.customer_id = s.customer_id AND s.amount > 1",
    "SELECT product_id, name, transaction_id FROM sales JOIN products USING (product_id)",
    "SELECT a.transaction_id, b.transaction_id AS other FROM sales a JOIN sales b ON a.customer_id = b.customer_id
     AND a.transaction_date < b.transaction_date",
    "SELECT c.city, count(s.transaction_id) AS orders, sum(s.amount) AS revenue FROM customers c
     LEFT JOIN sales s ON s.customer_id = c.customer_id GROUP BY c.city HAVING count(*) > 1 ORDER BY city",
    "SELECT coalesce(c.city, 'none') AS city, sum(amount) FILTER (WHERE p.category = 'Paper') AS paper, avg(amount) AS mean
     FROM sales s LEFT JOIN customers c ON c.customer_id = s.customer_id LEFT JOIN products p ON p.product_id = s.product_id
     GROUP BY 1",
    "SELECT count(*) AS n, sum(amount) AS total, min(amount) AS low, max(transaction_date) AS last FROM sales",
    "SELECT DISTINCT customer_id, product_id FROM sales",
    "SELECT count(*) AS pairs FROM (SELECT DISTINCT customer_id, product_id FROM sales) AS p",
    "SELECT customer_id, max(n) AS most FROM (SELECT customer_id, day, count(*) AS n FROM sales GROUP BY customer_id, day) AS d
     GROUP BY customer_id",
    "SELECT product_id AS id, 'product' AS kind FROM products UNION ALL SELECT customer_id, 'customer' FROM customers",
    "SELECT kind, count(*) AS n FROM (SELECT product_id AS id, 'product' AS kind FROM products
     UNION ALL SELECT customer_id, 'customer' FROM customers) AS u GROUP BY kind",
    "SELECT product_id FROM products UNION SELECT product_id FROM sales",
    "WITH sales AS (SELECT * FROM sales WHERE amount > 6), named AS (SELECT s.*, p.name FROM sales s JOIN products p USING (product_id))
     SELECT name, sum(amount) AS revenue FROM named GROUP BY name",
    "SELECT transaction_id, CASE WHEN amount > 10 THEN 'big' WHEN amount > 5 THEN 'middle' ELSE NULL END AS size FROM sales",
    "SELECT date_trunc('month', transaction_date) AS month, sum(quantity * amount) AS worth FROM sales GROUP BY 1",
    "SELECT extract(year FROM transaction_date) AS y, CAST(sum(quantity) AS DOUBLE) / count(*) AS mean FROM sales GROUP BY 1",
    "SELECT transaction_id FROM sales WHERE transaction_date >= TIMESTAMP '2024-02-01 00:00:00' - INTERVAL '1' DAY",
    "SELECT customer_id, name FROM customers WHERE name LIKE 'B%' OR name ILIKE 'a__' OR city BETWEEN 'A' AND 'C' OR NOT (city = 'Bonn')",
    "SELECT customer_id FROM customers WHERE city IS DISTINCT FROM 'Bonn' AND name IS NOT DISTINCT FROM name",
    "SELECT * FROM (SELECT product_id, sum(amount) AS revenue FROM sales GROUP BY product_id ORDER BY revenue DESC LIMIT 3) AS t
     WHERE revenue > 8 ORDER BY product_id",
    "SELECT transaction_id, amount FROM sales ORDER BY amount DESC NULLS LAST, transaction_id LIMIT 2 OFFSET 1",
    "SELECT s.total, p.\"name\" AS \"The Name\" FROM (SELECT product_id, sum(amount) AS total FROM sales GROUP BY 1) s
     LEFT JOIN (SELECT product_id, name, 1 AS known FROM products WHERE price > 8) p ON p.product_id = s.product_id AND p.known = 1",
    "SELECT substr(name, 1, 2) || '-' || city AS tag, length(name) AS n, nullif(city, 'Bonn') AS other FROM customers",
    "SELECT month, count(DISTINCT customer_id) AS customers, count(customer_id) AS known, count(DISTINCT day) AS days FROM sales GROUP BY month",
    "SELECT c.name, sum(s.amount) AS spent, average(sum(s.amount), count(s.amount)) AS mean FROM sales s
     JOIN customers c ON c.customer_id = s.customer_id WHERE s.month = 2 GROUP BY c.customer_id, c.name",
    "SELECT transaction_id, -amount AS negative, amount::decimal(20,4) AS wide, try_cast(customer_id AS int) AS n FROM sales",
    // From here on no shape is known.
    "SELECT transaction_id, row_number() OVER (PARTITION BY customer_id ORDER BY transaction_date) AS n FROM sales",
    "SELECT transaction_id FROM sales WHERE product_id IN (SELECT product_id FROM products WHERE category = 'Paper')",
    "SELECT transaction_id, (SELECT max(price) FROM products) AS dearest FROM sales",
    "SELECT customer_id FROM customers c WHERE EXISTS (SELECT 1 FROM sales s WHERE s.customer_id = c.customer_id AND s.amount > 6)",
    "SELECT a.product_id, b.product_id AS other FROM products a FULL JOIN sales b ON a.product_id = b.product_id",
    "SELECT month, day, sum(amount) AS revenue FROM sales GROUP BY ROLLUP (month, day)",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
    "SELECT 1 AS one",
    "SELECT transaction_id, random() AS luck FROM sales",
    "SELECT product_id FROM products EXCEPT SELECT product_id FROM sales",
    "SELECT DISTINCT ON (customer_id) customer_id, amount FROM sales ORDER BY customer_id, transaction_date",
];

/// Given queries of every kind, when planned, then each column has its origins, the shape its words,
/// and what the shape says as SQL gives the rows that the query gives.
#[tokio::test]
async fn queries_are_traced_and_told_again() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = shop::catalog(folder.path());
    let mut told = String::new();
    for sql in QUERIES {
        let planned = engine.plan(&catalog, sql).await.unwrap_or_else(|fault| panic!("{sql}: {fault}"));
        let schema = shoplake_core::ports::Engine::schema(&engine, &catalog, sql).await.unwrap();
        assert_eq!(planned.schema.fields().len(), schema.fields().len(), "{sql}");
        let _ = writeln!(told, "{sql}\n{}\n", describe(&planned));
        if let Some(again) = planned.shape.to_sql() {
            let ordered = sql.contains("LIMIT");
            let mut expected = lake::rows(&engine, &catalog, sql).await.unwrap();
            let mut rows =
                lake::rows(&engine, &catalog, &again).await.unwrap_or_else(|fault| panic!("{sql}\n{again}\n{fault}"));
            if !ordered {
                expected.sort();
                rows.sort();
            }
            assert_eq!(rows, expected, "{sql}\n{again}");
            assert!(!expected.is_empty(), "{sql} gives nothing to compare");
            let columns = engine.plan(&catalog, &again).await.unwrap();
            assert_eq!(columns.schema, planned.schema, "{again}");
        }
    }
    insta::assert_snapshot!(told);
}

fn describe(planned: &PlannedQuery) -> String {
    let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(", ");
    let mut text = String::new();
    for input in &planned.inputs {
        let _ = writeln!(text, "  reads {}({})", input.table, input.columns.join(", "));
    }
    for column in &planned.columns {
        let values = list(&mut column.values.iter().map(ToString::to_string));
        let shaped = list(&mut column.shaped_by.iter().map(ToString::to_string));
        let counts = list(&mut column.counts.iter().cloned());
        let _ = write!(text, "  {} = {:?}({values})", column.name, column.derivation);
        if !counts.is_empty() {
            let _ = write!(text, " counts {counts}");
        }
        let _ = writeln!(text, "{}", if shaped.is_empty() { String::new() } else { format!(" by {shaped}") });
    }
    text + &shape(&planned.shape, 1)
}

fn shape(shape: &Shape, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match shape {
        Shape::Other { reason } => format!("{indent}other: this query {reason}"),
        Shape::Union(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| self::shape(part, depth + 1)).collect();
            format!("{indent}union\n{}", parts.join("\n"))
        }
        Shape::Select(one) => select(one, depth),
    }
}

fn select(select: &Select, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let mut lines = Vec::new();
    for relation in &select.relations {
        let join = relation.join.as_ref().map(|join| {
            let keys = join.keys.iter().map(|(a, b)| format!("{} = {}", a.sql, b.sql));
            let on: Vec<String> = keys.chain(join.condition.iter().map(|c| format!("also {}", c.sql))).collect();
            format!(" {:?} on {}", join.kind, on.join(", "))
        });
        let join = join.unwrap_or_default();
        match &relation.source {
            Source::Table(table) => lines.push(format!("{indent}from {table} as {}{join}", relation.alias)),
            Source::Query(inner) => {
                lines.push(format!("{indent}from query as {}{join}", relation.alias));
                lines.push(shape(inner, depth + 1));
            }
        }
    }
    lines.extend(select.filter.iter().map(|filter| format!("{indent}where {}", filter.sql)));
    if let Some(group) = &select.group {
        lines.extend(group.keys.iter().map(|key| format!("{indent}key {} = {}", key.name, key.expression.sql)));
        lines.extend(group.measures.iter().map(|measure| {
            let arguments: Vec<&str> = measure.arguments.iter().map(|argument| argument.sql.as_str()).collect();
            let filter = measure.filter.as_ref().map(|filter| format!(" where {}", filter.sql)).unwrap_or_default();
            format!("{indent}measure {} = {:?}({}){filter}", measure.name, measure.function, arguments.join(", "))
        }));
        lines.extend(group.having.iter().map(|having| format!("{indent}having {}", having.sql)));
    }
    lines.extend(select.columns.iter().map(|column| format!("{indent}{} = {}", column.name, column.expression.sql)));
    lines.extend(select.order.iter().map(|order| format!("{indent}order {}", order.expression.sql)));
    lines.extend(select.limit.iter().map(|limit| format!("{indent}limit {limit} after {}", select.skip)));
    lines.join("\n")
}

/// Given mistakes that only planning finds, when planned, then each has its place and what was meant.
#[tokio::test]
async fn mistakes_of_types_are_found_without_data() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let catalog = shop::catalog(folder.path());
    let mut told = String::new();
    for sql in [
        "SELECT amuont FROM sales",
        "SELECT amount + transaction_date FROM sales",
        "SELECT sum(name) AS x FROM products",
        "SELECT CASE WHEN amount THEN 1 END AS x FROM sales",
        "SELECT product_id FROM products WHERE price",
        "SELECT product_id FROM products UNION ALL SELECT product_id, name FROM products",
    ] {
        let fault = engine.plan(&catalog, sql).await.expect_err(sql);
        let _ = writeln!(told, "{sql}\n=> {fault}\n   {}\n", fault.hint.as_deref().unwrap_or_default());
    }
    insta::assert_snapshot!(told);
}

/// Given an average of measures, when planned, then the call and its parts are there to be taken apart.
#[tokio::test]
async fn an_average_of_measures_can_be_taken_apart() {
    use shoplake_core::planned::Form;
    let (folder, engine) = (tempfile::tempdir().unwrap(), lake::engine());
    let planned = engine.plan(&shop::catalog(folder.path()), QUERIES[0]).await.unwrap();
    let Shape::Select(select) = planned.shape else { panic!("one SELECT") };
    let group = select.group.unwrap();
    let Form::Call(name, parts) = &select.columns[3].expression.form else { panic!("a call") };
    let measures: Vec<_> = parts.iter().map(|part| part.column().unwrap().name.as_str()).collect();
    assert_eq!((name.as_str(), measures), ("average", vec!["m1", "m0"]));
    assert_eq!((&group.measures[0].function, &group.measures[1].function), (&Function::Count, &Function::Sum));
}
