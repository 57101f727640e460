//! A lake on a real S3 server. Only `cargo xtask test` runs these: it starts the server, and says where
//! it is in `SHOPLAKE_TEST_S3` (the bucket: `s3://shoplake`) and the `AWS_…` variables.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::context::Context;
use crate::elsewhere;

/// An address in the bucket that nobody has used.
fn place() -> String {
    static USED: AtomicU32 = AtomicU32::new(0);
    let bucket = std::env::var("SHOPLAKE_TEST_S3").unwrap_or_else(|_| {
        panic!("SHOPLAKE_TEST_S3 is not set: `cargo xtask test` starts an S3 server and runs these tests")
    });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{bucket}/{}-{now}-{}", std::process::id(), USED.fetch_add(1, Ordering::Relaxed))
}

/// Rounds of two machines at once; `SHOPLAKE_TEST_ROUNDS=50` takes the long form.
fn rounds() -> u32 {
    std::env::var("SHOPLAKE_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

#[test]
fn the_same_as_in_a_folder() {
    elsewhere::the_same_as_in_a_folder(&place());
}

#[test]
fn two_machines_at_once() {
    elsewhere::two_machines_at_once(&place(), rounds());
}

#[test]
fn killed_here_continued_there() {
    elsewhere::killed_here_continued_there(elsewhere::POINTS.iter(), place);
}

#[test]
fn a_lease_that_was_taken_over() {
    elsewhere::a_lease_that_was_taken_over(&place());
}

#[test]
fn a_run_that_must_not_wait() {
    elsewhere::a_run_that_must_not_wait(&place());
}

/// Given a secret that is not the key's, then the store refuses, the words say what to check, and the
/// secret is shown nowhere.
#[test]
fn a_wrong_secret() {
    let shop = Context::with_shop_at(&place());
    let ended = shop.command(&["run"]).env("AWS_SECRET_ACCESS_KEY", "wr0ng-s3cret").output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{words}");
    assert!(words.contains("the secret does not belong to the key"), "{words}");
    assert!(words.contains("AWS_SECRET_ACCESS_KEY") && !words.contains("wr0ng"), "{words}");
}

/// Given a server that is not there, then the run ends in a clear error.
#[test]
fn a_server_that_is_away() {
    let shop = Context::with_shop_at(&place());
    let ended = shop.command(&["run"]).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{words}");
    assert!(words.contains("AWS_ENDPOINT_URL"), "{words}");
}
