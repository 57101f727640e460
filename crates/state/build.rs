//! Tells Cargo that a new migration is a change: `sqlx::migrate!` reads the folder unseen.

#![allow(clippy::print_stdout)] // how a build script talks to Cargo

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
