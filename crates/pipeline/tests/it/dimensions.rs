//! Products and customers that arrive late, and catalogues that change.

use crate::shop::Shop;

const SALES: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n\
    T1,C1,P1,1,10.00,2024-01-05 10:00:00\nT2,C2,P2,2,20.00,2024-02-05 11:00:00\n";

fn product(id: &str, name: &str) -> String {
    format!("{{\"product_id\":\"{id}\",\"name\":\"{name}\",\"category\":\"Home\",\"price\":1.00,\"stock\":1}}\n")
}

/// Given sales before their products, when the products arrive, then the sales are filled in; and
/// when a product is renamed later, then sales keep the name they had, while marts show the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_dimensions_heal_and_later_changes_do_not_rewrite() {
    let shop = Shop::new(|text| text);
    shop.put("sales", "sales.csv", SALES);
    let first = shop.run().await.unwrap();
    let sales = first.datasets.iter().find(|d| d.dataset == "sales").unwrap();
    assert_eq!((sales.counts.inserted, sales.counts.orphans), (2, 2));
    let names = "SELECT transaction_id, product_name, category, city FROM sales ORDER BY 1";
    assert_eq!(shop.query(names).await, ["T1|NULL|NULL|NULL", "T2|NULL|NULL|NULL"]);
    assert_eq!(shop.query("SELECT * FROM sales_by_category").await, ["(unknown product)|2|30.00"]);

    shop.put("products", "products.json", product("P1", "Mug"));
    shop.put("customers", "customers.json", "{\"customer_id\":\"C2\",\"name\":\"Ada\",\"city\":\"Turku\"}");
    shop.run().await.unwrap();
    assert_eq!(shop.query(names).await, ["T1|Mug|Home|NULL", "T2|NULL|NULL|Turku"]);

    shop.put("products", "products-2.json", product("P1", "Cup") + &product("P2", "Pen"));
    let third = shop.run().await.unwrap();
    let products = third.datasets.iter().find(|d| d.dataset == "products").unwrap();
    assert_eq!((products.counts.updated, products.counts.inserted), (1, 1));
    assert_eq!(shop.query(names).await, ["T1|Mug|Home|NULL", "T2|Pen|Home|Turku"]);
    assert_eq!(
        shop.query("SELECT product_id, name, revenue FROM top_products").await,
        ["P2|Pen|20.00", "P1|Cup|10.00"]
    );
    assert_eq!(shop.query("SELECT count(*) FROM sales").await, ["2"], "healing doubles nothing");
}

/// Given a catalogue that returns to what it was, when dropped, then it is loaded again; the same
/// twice in a row is skipped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_may_return() {
    let shop = Shop::new(|text| text);
    let name = "SELECT name FROM products";
    for (content, want, loaded) in [("Mug", "Mug", 1), ("Cup", "Cup", 1), ("Mug", "Mug", 1), ("Mug", "Mug", 0)] {
        shop.put("products", "products.json", product("P1", content));
        let outcome = shop.run().await.unwrap();
        let products = outcome.datasets.iter().find(|d| d.dataset == "products").unwrap();
        assert_eq!(products.counts.rows_read, loaded, "{content}");
        assert_eq!(shop.query(name).await, [want]);
    }
}
