//! What arrives from folders, and what is left alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shoplake_core::Project;
use shoplake_core::ports::Take;
use shoplake_core::project::{Dataset, Limits};
use shoplake_core::source::Origin;
use shoplake_sources::files::{named, scan};

use crate::doubles::Shop;

fn project(dir: &Path, sources: &[(&str, &str)]) -> Project {
    let contract = Shop::new("http://x", "", shoplake_core::source::Paginator::SinglePage).dataset.contract;
    let dataset = |(name, glob): &(&str, &str)| {
        let mut contract = contract.clone();
        (*name).clone_into(&mut contract.dataset);
        contract.file = format!("sources/{name}.yml");
        Dataset { contract, origin: Origin::Files((*glob).to_owned()) }
    };
    Project {
        name: "shop".into(),
        dir: dir.to_owned(),
        time_zone: chrono_tz::UTC,
        currency: "USD".into(),
        target: "local".into(),
        model_settings: serde_json::Value::Null,
        lake_dir: dir.join("lake"),
        remote: None,
        vars: BTreeMap::new(),
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
        datasets: sources.iter().map(dataset).collect(),
    }
}

fn put(dir: &Path, names: &[&str]) {
    for name in names {
        let path = dir.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "x").unwrap();
    }
}

fn origins(arrivals: &[shoplake_sources::files::Arrival]) -> Vec<&str> {
    arrivals.iter().map(|arrival| arrival.origin.as_str()).collect()
}

/// Given an inbox in use, when scanned, then whole plain files come in natural order, dataset by
/// dataset; half-written files, links and folders are left alone.
#[test]
fn whole_files_in_natural_order() {
    let dir = tempfile::tempdir().unwrap();
    let names =
        ["day-10.csv", "day-9.csv", ".hidden.csv", "~$day.csv", "a.csv.part", "b.crdownload", "c.TMP", "sub/d.csv"];
    put(&dir.path().join("inbox/sales"), &names);
    put(dir.path(), &["inbox/products/p.json", "secret.csv"]);
    std::os::unix::fs::symlink(dir.path().join("secret.csv"), dir.path().join("inbox/sales/link.csv")).unwrap();
    let project =
        project(dir.path(), &[("products", "inbox/products/*"), ("customers", ""), ("sales", "inbox/sales/*")]);
    let arrivals = scan(&project).unwrap();
    assert_eq!(origins(&arrivals), ["inbox/products/p.json", "inbox/sales/day-9.csv", "inbox/sales/day-10.csv"]);
    assert!(arrivals.iter().all(|arrival| arrival.take == Take::Move));
    assert_eq!(arrivals[1].dataset, "sales");
}

/// Given globs of every reach, when scanned, then each finds its files, and only those in the inbox move.
#[test]
fn globs_reach_where_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("my [shop]");
    put(&home, &["inbox/sales/2024/03/a.csv", "inbox/sales/b.csv", "exports/c-1.csv", "exports/c.txt"]);
    put(dir.path(), &["outside/d.csv"]);
    let absolute = format!("{}/outside/*.csv", dir.path().display());
    let cases: [(&str, &[&str], Take); 6] = [
        ("inbox/sales/**/*.csv", &["inbox/sales/2024/03/a.csv", "inbox/sales/b.csv"], Take::Move),
        ("inbox/sales/*/*/*.csv", &["inbox/sales/2024/03/a.csv"], Take::Move),
        ("exports/c-[0-9].{csv,tsv}", &["exports/c-1.csv"], Take::Copy),
        ("exports/c.txt", &["exports/c.txt"], Take::Copy),
        ("inbox/../exports/*.csv", &["exports/c-1.csv"], Take::Copy),
        ("nowhere/*", &[], Take::Copy),
    ];
    for (glob, want, take) in cases {
        let arrivals = scan(&project(&home, &[("sales", glob)])).unwrap();
        assert_eq!(origins(&arrivals), want, "{glob}");
        assert!(arrivals.iter().all(|arrival| arrival.take == take), "{glob}");
    }
    for glob in ["../outside/*", absolute.as_str()] {
        let arrivals = scan(&project(&home, &[("sales", glob)])).unwrap();
        assert_eq!((arrivals[0].name.as_str(), arrivals[0].take), ("d.csv", Take::Copy), "{glob}");
    }
    assert!(scan(&project(&home, &[("sales", "a[")])).unwrap_err().message.contains("not a glob"));
    let both = project(&home, &[("sales", "exports/*"), ("orders", "exports/*.csv")]);
    assert!(scan(&both).unwrap_err().message.contains("two datasets, `sales` and `orders`"));
}

/// Given files named on the command line, when taken, then outside ones are copied, inbox ones move, each
/// once and for its dataset; what is no plain file is refused by name.
#[test]
fn named_files_are_copied_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("shop");
    put(&home, &["inbox/sales/b-2.csv"]);
    put(dir.path(), &["b-10.csv", "b-1.part"]);
    let project = project(&home, &[("products", "inbox/products/*"), ("sales", "inbox/sales/*")]);
    let at = |name: &str| -> PathBuf { dir.path().join(name) };
    let paths = [at("b-10.csv"), at("b-1.part"), at("shop/inbox/sales/b-2.csv"), at("shop/../b-10.csv")];
    let arrivals = named(&project, &paths, Some("sales")).unwrap();
    let got: Vec<_> = arrivals.iter().map(|arrival| (arrival.name.as_str(), arrival.take)).collect();
    assert_eq!(got, [("b-1.part", Take::Copy), ("b-2.csv", Take::Move), ("b-10.csv", Take::Copy)]);
    assert_eq!(named(&project, &paths[2..3], None).unwrap()[0].dataset, "sales");

    std::os::unix::fs::symlink(at("b-10.csv"), at("link.csv")).unwrap();
    for (path, dataset, want) in [
        ("none.csv", Some("sales"), "no file"),
        ("shop", Some("sales"), "is a folder"),
        ("link.csv", Some("sales"), "is a link"),
        ("b-10.csv", Some("sale"), "no dataset `sale`"),
        ("b-10.csv", None, "matches `from.files` of no dataset"),
    ] {
        let fault = named(&project, &[at(path)], dataset).unwrap_err();
        assert!(fault.message.contains(want), "{fault}");
    }
}
