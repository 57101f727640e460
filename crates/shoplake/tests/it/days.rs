//! A shop with a first day loaded, and a second day that has all that makes a load hard: corrections
//! over months, duplicates, dirt, and a product that arrives late.

use crate::context::Context;

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// A shop that has loaded its first day.
pub(crate) fn first_day() -> Context {
    first_day_of(Context::with_shop())
}

/// The same of a new shop.
pub(crate) fn first_day_of(context: Context) -> Context {
    let rows = (0..40).map(|n| format!("T{n},C{},P{},1,{n}.25,2024-0{}-15 10:00:00\n", n % 5, n % 4, n % 3 + 1));
    context.put(
        "inbox/sales/day-1.csv",
        &format!("{HEADER}{}T90,,P1,1,5.00,2024-01-15 10:00:00\n", rows.collect::<String>()),
    );
    context.put("inbox/products/day-1.json", r#"[{"product_id":"P0","name":"Mug","price":4.5,"stock":3},{"product_id":"P1","name":"Pen","price":1,"stock":9}]"#);
    context.put("inbox/customers/day-1.json", r#"[{"customer_id":"C1","name":"Ada","city":"Turku"}]"#);
    let done = context.output(&["run"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    context
}

/// Drops the second day.
pub(crate) fn drop_second_day(context: &Context) {
    let fresh = (40..60).map(|n| format!("T{n},C1,P{},2,{n}.75,2024-03-16 11:00:00\n", n % 4));
    let corrected = (0..6).map(|n| format!("T{n},C2,P0,1,{n}.99,2024-02-20 10:00:00\n"));
    let known = "T10,C0,P2,1,10.25,2024-02-15 10:00:00\n";
    let dirt = "T91,,P1,1,5.00,2024-03-16 10:00:00\nT92,C1,P1,1,oops,2024-03-16 10:00:00\n";
    let rows: String = fresh.chain(corrected).collect();
    context.put("inbox/sales/day-2.csv", &format!("{HEADER}{rows}{known}{dirt}"));
    context.put("inbox/products/day-2.json", r#"[{"product_id":"P1","name":"Pencil","price":1,"stock":8},{"product_id":"P2","name":"Lamp","category":"Home","price":30,"stock":1}]"#);
}
