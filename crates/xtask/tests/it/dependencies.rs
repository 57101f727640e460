//! What is linked: one version of each crate whose types cross borders, and licences from the list
//! in deny.toml. The same as `cargo deny check`, for machines without cargo-deny.

use std::collections::{BTreeMap, BTreeSet};

use crate::{metadata, packages, root};

/// Crates, or families of crates, of which two versions would refuse each other's types.
const SINGLE: &[&str] = &["arrow", "datafusion", "deltalake", "object_store", "parquet"];

#[test]
fn arrow_datafusion_delta_and_object_store_are_linked_once() {
    let metadata = metadata();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages(&metadata) {
        versions.entry(package["name"].as_str().unwrap()).or_default().insert(package["version"].as_str().unwrap());
    }
    let single = |name: &str| SINGLE.iter().any(|one| name == *one || name.starts_with(&format!("{one}-")));
    let twice: Vec<_> = versions.iter().filter(|(name, found)| single(name) && found.len() > 1).collect();
    assert!(twice.is_empty(), "more than one version of {twice:?}");
}

#[test]
fn every_licence_stands_in_deny_toml() {
    let allowed = allowed();
    assert!(allowed.contains("Apache-2.0"), "deny.toml has no list of licences");
    let metadata = metadata();
    let refused: Vec<String> = packages(&metadata)
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|licence| Expression::new(licence).holds(&allowed)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "licences that deny.toml does not allow:\n{}", refused.join("\n"));
}

#[test]
fn licence_expressions_are_read_as_spdx_has_them() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()]);
    let holds = |text: &str| Expression::new(text).holds(&allowed);
    assert!(holds("MIT OR GPL-3.0-only") && holds("GPL-3.0-only/MIT") && holds("(MIT OR ISC) AND MIT"));
    assert!(holds("Apache-2.0 WITH LLVM-exception OR ISC"));
    assert!(!holds("MIT AND ISC") && !holds("ISC OR MIT AND ISC") && !holds("Apache-2.0") && !holds(""));
}

/// The licences of deny.toml's `allow` list.
fn allowed() -> BTreeSet<String> {
    let text = fs_err::read_to_string(root().join("deny.toml")).unwrap();
    let list = text.split("allow = [").nth(1).unwrap().split(']').next().unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// An SPDX licence expression, read from left to right: AND binds more tightly than OR.
struct Expression {
    words: Vec<String>,
    next: usize,
}

impl Expression {
    fn new(text: &str) -> Self {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        Self { words: spaced.split_whitespace().map(str::to_owned).collect(), next: 0 }
    }

    fn holds(mut self, allowed: &BTreeSet<String>) -> bool {
        self.any(allowed) && self.next == self.words.len()
    }

    fn any(&mut self, allowed: &BTreeSet<String>) -> bool {
        let mut holds = self.all(allowed);
        while self.take("OR") {
            holds |= self.all(allowed);
        }
        holds
    }

    fn all(&mut self, allowed: &BTreeSet<String>) -> bool {
        let mut holds = self.one(allowed);
        while self.take("AND") {
            holds &= self.one(allowed);
        }
        holds
    }

    fn one(&mut self, allowed: &BTreeSet<String>) -> bool {
        if self.take("(") {
            let holds = self.any(allowed);
            return self.take(")") && holds;
        }
        let mut name = self.word();
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.word());
        }
        allowed.contains(&name)
    }

    fn take(&mut self, word: &str) -> bool {
        let here = self.words.get(self.next).is_some_and(|next| next == word);
        self.next += usize::from(here);
        here
    }

    fn word(&mut self) -> String {
        let word = self.words.get(self.next).cloned().unwrap_or_default();
        self.next += 1;
        word
    }
}
