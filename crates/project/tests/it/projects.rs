//! Right projects: the template, overrides, enrichments, order, and contracts written back.

use shoplake_core::source::{Auth, Origin, Paginator, Secret};
use shoplake_project::{Environment, InitOptions, find_dir, init, load, render_source};

use crate::support::{environment, load_files};

/// Given an empty or missing folder, when `init` has run, then it is a project without a mistake, in
/// the shop's zone and currency, with dimensions first and the seed's enrichments.
#[test]
fn the_template_is_a_project() {
    let dir = tempfile::tempdir().unwrap();
    let shop = dir.path().join("My Shop: #1");
    let options = InitOptions { time_zone: Some("America/New_York".into()), currency: Some("EUR".into()), name: None };
    let made = init(&shop, &options).unwrap();
    assert_eq!(made.time_zone, "America/New_York");
    assert!(made.files.iter().all(|file| shop.join(file).is_file()));
    let project = load(&shop, &Environment::default()).unwrap();
    assert_eq!((project.name.as_str(), project.currency.as_str()), ("My Shop: #1", "EUR"));
    assert_eq!(project.time_zone, chrono_tz::America::New_York);
    assert_eq!((project.lake_dir, project.limits.memory), (shop.join("lake"), 512 << 20));
    let names: Vec<&str> = project.datasets.iter().map(|d| d.contract.dataset.as_str()).collect();
    assert_eq!(names, ["customers", "products", "sales"]);
    let sales = &project.datasets[2].contract;
    let enriched: Vec<String> =
        sales.enrichments.iter().map(|e| format!("{} by {} from {}.{}", e.column, e.by, e.dataset, e.from)).collect();
    assert_eq!(
        enriched,
        [
            "product_name by product_id from products.name",
            "category by product_id from products.category",
            "city by customer_id from customers.city"
        ]
    );
    assert_eq!(sales.column("amount").unwrap().min.as_deref(), Some("0"));
    assert_eq!(sales.column("amount").unwrap().line, Some(11));
    assert!(matches!(&project.datasets[0].origin, Origin::Files(glob) if glob == "inbox/customers/*"));
}

/// `init` refuses a project, and leaves alone what lies in a folder that is none.
#[test]
fn init_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("README.md"), "mine").unwrap();
    init(dir.path(), &InitOptions::default()).unwrap();
    assert_eq!(fs_err::read_to_string(dir.path().join("README.md")).unwrap(), "mine");
    let fault = init(dir.path(), &InitOptions::default()).unwrap_err();
    assert!(fault.message.ends_with("is a project already"), "{fault}");
    let zone = InitOptions { time_zone: Some("New York".into()), ..InitOptions::default() };
    let fault = init(&dir.path().join("other"), &zone).unwrap_err();
    assert_eq!(fault.hint.as_deref(), Some("did you mean `America/New_York`?"));
    assert!(!dir.path().join("other").exists());
}

/// The folder is named, or set by variable, or found upwards.
#[test]
fn the_folder_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (shop, nobody) = (dir.path().join("shop"), Environment::default());
    init(&shop, &InitOptions::default()).unwrap();
    let variable = environment(&[("SHOPLAKE_PROJECT_DIR", "shop")]);
    assert_eq!(find_dir(None, &nobody, &shop.join("inbox/sales")).unwrap(), shop);
    assert_eq!(find_dir(None, &variable, dir.path()).unwrap(), shop);
    assert_eq!(find_dir(Some("shop".as_ref()), &nobody, dir.path()).unwrap(), shop);
    let fault = find_dir(Some("shop/inbox".as_ref()), &variable, dir.path()).unwrap_err();
    assert!(fault.hint.unwrap().starts_with("`shoplake init "));
    assert!(find_dir(None, &nobody, dir.path()).unwrap_err().message.starts_with("no project here"));
}

/// Every setting can be overridden, and `.env` lies below the process's own variables.
#[test]
fn overrides_win() {
    let settings = "name: shop\ntime_zone: UTC\ncurrency: EUR\ntargets: { aws: { lake: other } }\n";
    let variables = [
        ("SHOPLAKE__LIMITS__THREADS", "1"),
        ("SHOPLAKE__LIMITS__MEMORY", "1GB"),
        ("SHOPLAKE__TIME_ZONE", "Asia/Tokyo"),
        ("SHOPLAKE__TARGET", "aws"),
        ("SHOPLAKE__VARS__MIN_ORDERS", "3"),
    ];
    let project = load_files(&[("shoplake.yml", settings)], &variables).unwrap();
    assert_eq!((project.limits.threads, project.limits.memory), (1, 1 << 30));
    assert_eq!((project.time_zone, project.lake_dir), (chrono_tz::Asia::Tokyo, project.dir.join("other")));
    assert_eq!(project.vars["min_orders"], 3);
}

/// A REST source in dlt's words, with its secret from the environment and one selector for both ends.
#[test]
fn a_rest_source() {
    let text = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/template/sources/customers.yml")).unwrap();
    let commented = text.replace("from: { files: \"inbox/customers/*\" }\n", "");
    let api: String = commented
        .lines()
        .map(|line| {
            line.strip_prefix("# ").filter(|rest| rest.starts_with([' ', 'f'])).unwrap_or(line).to_owned() + "\n"
        })
        .collect();
    let project = load_files(&[("sources/customers.yml", &api)], &[("SHOP_TOKEN", "t0ken")]).unwrap();
    let dataset = project.dataset("customers").unwrap();
    let Origin::RestApi(rest) = &dataset.origin else { panic!("{:?}", dataset.origin) };
    assert_eq!(rest.params["per_page"], "250");
    assert!(matches!(&rest.auth, Some(Auth::Bearer(token)) if *token == Secret("t0ken".into())));
    assert!(matches!(&rest.paginator, Paginator::PageNumber { param, start: 1 } if param == "page"));
    assert_eq!(rest.incremental.as_ref().unwrap().lag_seconds, 3600);
    assert_eq!(dataset.contract.options.data_selector.as_deref(), Some("data.items"));
    assert!(!format!("{project:?}").contains("t0ken"));
}

/// A contract that is written and read again is the same contract.
#[test]
fn contracts_are_written_back() {
    let odd = r#"
name: odd
format: csv
delimiter: "\t"
encoding: windows-1252
header: ["Order ID", "yes", "a b", "Größe: \"x\"", when]
key: [order_id]
event_time: moment
version: amount
columns:
  - { name: order_id, header: "Order ID", type: string, required: true, pattern: "[A-Z]\\d{3}", relationship: shops.shop_id }
  - { name: amount, type: "decimal(38,10)", min: -0.10, max: 12345678901234567890.1234567890, decimal_separator: ",", thousands_separator: ".", currency_sign: "€" }
  - { name: flag, header: yes, type: boolean, accepted_values: [true] }
  - { name: moment, type: timestamp, formats: ["%d/%m/%y %H:%M"], min: "2020-01-01 00:00:00", description: "when: it # was" }
schema_change: { columns: freeze, types: discard_value }
reject_limit: 0.25
enrich: { shop_opened: shops.opened }
"#;
    let first = load_files(&[("sources/odd.yml", odd)], &[]).unwrap();
    let contract = &first.dataset("odd").unwrap().contract;
    assert_eq!(contract.column("amount").unwrap().max.as_deref(), Some("12345678901234567890.1234567890"));
    let written = render_source(contract);
    let second = load_files(&[("sources/odd.yml", &written)], &[]).unwrap_or_else(|f| panic!("{f:?}\n{written}"));
    let mut again = second.dataset("odd").unwrap().contract.clone();
    for (column, original) in again.columns.iter_mut().zip(&contract.columns) {
        column.line = original.line;
    }
    assert_eq!(format!("{again:?}"), format!("{contract:?}"), "{written}");
    insta::assert_snapshot!(render_source(&first.dataset("shops").unwrap().contract), @r"
    name: shops
    format: csv
    key: [shop_id]
    columns:
      - { name: shop_id, type: string }
      - { name: opened,  type: date }
    ");
}
