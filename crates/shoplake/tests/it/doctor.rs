//! One look that says whether today's numbers can be trusted.

use crate::context::Context;

fn look(shop: &Context) -> (Option<i32>, serde_json::Value) {
    let output = shop.output(&["doctor", "--json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap())
}

fn check<'l>(looked: &'l serde_json::Value, name: &str) -> &'l serde_json::Value {
    looked["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

/// Given a shop that has not run, that ran well, that rejected rows, and whose last file was refused, then each
/// is told for what it is.
#[test]
fn one_look() {
    let shop = Context::with_shop();
    let (code, looked) = look(&shop);
    assert_eq!((code, check(&looked, "run")["what"].as_str()), (Some(1), Some("nothing has run yet")));

    let header = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
    shop.put("inbox/sales/day-1.csv", &format!("{header}T1,C1,P1,1,10.00,2024-03-15 10:00:00\n"));
    shop.put(
        "inbox/products/p.json",
        r#"[{"product_id":"P1","name":"Tea","category":"Drinks","price":1.5,"stock":3}]"#,
    );
    shop.put("inbox/customers/c.json", r#"[{"customer_id":"C1","name":"Ann"}]"#);
    let mut broken_off = shop.command(&["run", "-q"]);
    broken_off.env("SHOPLAKE_FAIL_POINT", "before-publish=error").env("SHOPLAKE__RETRY__ATTEMPTS", "1");
    assert_eq!(broken_off.output().unwrap().status.code(), Some(2));
    let (code, looked) = look(&shop);
    assert_eq!((code, check(&looked, "tables")["what"].as_str()), (Some(1), Some("nothing is published yet")));
    assert!(check(&looked, "run")["what"].as_str().unwrap().ends_with("failed"), "{looked:#}");

    assert!(shop.output(&["run", "-q"]).status.success());
    // A run without anything to do takes nothing back.
    assert!(shop.output(&["run", "-q"]).status.success());
    let (code, looked) = look(&shop);
    assert_ne!(check(&looked, "tests")["what"], "0 passed");
    assert_eq!(
        (code, looked["verdict"].as_str(), looked["trusted"].as_bool()),
        (Some(0), Some("good"), Some(true)),
        "{looked:#}"
    );

    let freshness = |name: &str| {
        let checks = looked["checks"].as_array().unwrap().iter();
        let of =
            |check: &&serde_json::Value| check["what"].as_str().unwrap().starts_with(&format!("`{name}` was loaded"));
        checks.filter(|check| check["name"] == "freshness").find(of).unwrap()
    };
    assert_eq!(freshness("sales")["verdict"], "good", "`sales_are_late` says how old it may be");
    let products = freshness("products");
    assert_eq!(products["verdict"], "unwatched");
    let what = products["what"].as_str().unwrap();
    assert!(what.contains("loaded just now, at ") && what.ends_with("nothing says how old it may be"), "{what}");
    assert!(products["act"].as_str().unwrap().contains("freshness: { dataset: products"), "{products}");

    shop.put("inbox/sales/day-2.csv", &format!("{header}T2,,P1,1,10.00,2024-03-15 11:00:00\n"));
    shop.output(&["run", "-q"]);
    let (code, looked) = look(&shop);
    assert_eq!((code, looked["verdict"].as_str()), (Some(0), Some("care")), "{looked:#}");
    assert_eq!(check(&looked, "quarantine")["what"], "1 row set aside, 1 of them by the last run");

    shop.put("inbox/sales/day-3.csv", "\u{0}\u{1}\u{2} no table at all");
    shop.output(&["run", "-q"]);
    let (code, looked) = look(&shop);
    assert_eq!((code, looked["trusted"].as_bool()), (Some(1), Some(false)), "{looked:#}");
    assert_eq!(check(&looked, "files")["what"], "1 file refused, 0 held back");
    let retried = shop.run(&["retry"]);
    assert!(retried.contains("1 refused file waits until somebody acts"), "{retried}");
    let text = String::from_utf8(shop.output(&["doctor"]).stdout).unwrap();
    assert!(text.ends_with("today's numbers cannot be trusted yet\n"), "{text}");
}
