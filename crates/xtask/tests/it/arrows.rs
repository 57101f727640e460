//! Which crate may know which: design §9's table, held against `cargo metadata`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{metadata, packages};

/// Each crate of the workspace and the crates that it may name; `None` may name all.
const ARROWS: &[(&str, Option<&[&str]>)] = &[
    ("shoplake-core", Some(&[])),
    ("shoplake-project", Some(&["shoplake-core"])),
    ("shoplake-state", Some(&["shoplake-core"])),
    ("shoplake-sources", Some(&["shoplake-core"])),
    ("shoplake-quality", Some(&["shoplake-core"])),
    ("shoplake-lake", Some(&["shoplake-core"])),
    ("shoplake-models", Some(&["shoplake-core"])),
    ("shoplake-monitor", Some(&["shoplake-core"])),
    ("shoplake-publish", Some(&["shoplake-core"])),
    ("shoplake-engine", Some(&["shoplake-core", "shoplake-lake"])),
    (
        "shoplake-pipeline",
        Some(&["shoplake-core", "shoplake-sources", "shoplake-quality", "shoplake-models", "shoplake-publish"]),
    ),
    // Dashboards and models are files of the project; all else that the server needs stands behind ports.
    ("shoplake-server", Some(&["shoplake-core", "shoplake-project", "shoplake-models"])),
    ("shoplake", None),
    ("shoplake-fuzz", Some(&["shoplake-core", "shoplake-project", "shoplake-quality"])),
    // It is built before all else, with features of its own: what it named would be built twice.
    ("xtask", Some(&[])),
];

/// Each heavy dependency and the one crate that may name it.
const FENCES: &[(&str, &str)] = &[("deltalake", "shoplake-lake"), ("datafusion", "shoplake-engine")];

/// The workspace's crates and what each names, tests' own dependencies left out.
fn named(metadata: &Value) -> BTreeMap<String, Vec<String>> {
    let inside = packages(metadata).iter().filter(|package| package["source"].is_null());
    inside
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let names = dependencies.filter(|dependency| dependency["kind"] != "dev").map(|d| text(&d["name"]));
            (text(&package["name"]), names.collect())
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn every_arrow_between_crates_stands_in_the_table() {
    let named = named(&metadata());
    let mut wrong = Vec::new();
    for (package, dependencies) in &named {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == package) else {
            wrong.push(format!("`{package}` has no line in the table"));
            continue;
        };
        for dependency in dependencies.iter().filter(|name| named.contains_key(*name)) {
            if allowed.is_some_and(|allowed| !allowed.contains(&dependency.as_str())) {
                wrong.push(format!("`{package}` must not name `{dependency}`: go through a port in core"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn delta_and_datafusion_stay_behind_their_fences() {
    let mut wrong = Vec::new();
    for (package, dependencies) in &named(&metadata()) {
        for (heavy, owner) in FENCES {
            let family = |name: &str| name == *heavy || name.starts_with(&format!("{heavy}-"));
            if package != owner && dependencies.iter().any(|name| family(name)) {
                wrong.push(format!("`{package}` names {heavy}: only `{owner}` may"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
