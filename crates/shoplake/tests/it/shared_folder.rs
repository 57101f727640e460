//! A lake behind an object store that is a folder, `file:///…`: what holds of S3 must hold of it, and it
//! needs no server. With a store that misbehaves by a seed in between.

use crate::context::{Context, copy_folder, snapshot};
use crate::days::{drop_second_day, first_day_of};
use crate::elsewhere;

/// A folder for a lake, and its address.
fn place() -> (tempfile::TempDir, String) {
    let temp = tempfile::tempdir().unwrap();
    let url = format!("file://{}/lake", temp.path().canonicalize().unwrap().display());
    (temp, url)
}

#[test]
fn the_same_as_in_a_folder() {
    let (_temp, lake) = place();
    elsewhere::the_same_as_in_a_folder(&lake);
}

#[test]
fn two_machines_at_once() {
    let (_temp, lake) = place();
    elsewhere::two_machines_at_once(&lake, 2);
}

#[test]
fn killed_here_continued_there() {
    let mut places = Vec::new();
    let fresh = || {
        let (temp, lake) = place();
        places.push(temp);
        lake
    };
    // Each waits for a lease to run out: on a server all of them are tried.
    elsewhere::killed_here_continued_there(elsewhere::POINTS.iter().step_by(2), fresh);
}

#[test]
fn a_lease_that_was_taken_over() {
    let (_temp, lake) = place();
    elsewhere::a_lease_that_was_taken_over(&lake);
}

#[test]
fn a_run_that_must_not_wait() {
    let (_temp, lake) = place();
    elsewhere::a_run_that_must_not_wait(&lake);
}

/// Seeds that are tried; `SHOPLAKE_TEST_SEEDS=200` takes the long form.
fn seeds() -> u64 {
    std::env::var("SHOPLAKE_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(6)
}

/// Given a store that is slow, fails, tears writes and loses replies, when a day is run, then it is
/// published or it ends in a clear error with nothing half done; and the run after it, on a store that
/// behaves, ends in exactly the right figures.
#[test]
fn a_store_that_misbehaves() {
    let (temp, lake) = place();
    let base = first_day_of(Context::with_shop_at(&lake));
    let before = base.figures();
    let mut expected = None;
    let (mut failed, mut done) = (0, 0);
    for seed in 0..=seeds() {
        let (copy, lake) = place();
        copy_folder(&temp.path().join("lake"), &copy.path().join("lake"));
        let shop = base.moved_to(&lake);
        drop_second_day(&shop);
        // The first of all is left alone: what comes of it is what must come of every other.
        let share = [0.0, 0.02, 0.1, 0.25][seed.min(1 + seed % 3) as usize];
        let faults = format!("seed={seed},delay=3,fail={share},tear={share},lose={share}");
        let ended = shop.command(&["run"]).env("SHOPLAKE_FAULT_STORE", &faults).output().unwrap();
        let words = String::from_utf8_lossy(&ended.stderr);
        match ended.status.code() {
            Some(0) => done += 1,
            Some(2) => failed += 1,
            _ => panic!("{faults}: {words}"),
        }
        assert!(ended.status.success() || words.contains("error: "), "{faults}: {words}");
        assert!(!words.contains("a promise") && !words.contains("panicked"), "{faults}: {words}");
        let between = shop.figures();
        let expected = expected.get_or_insert_with(|| between.clone());
        assert!(between == *expected || between == before, "{faults}: half a run is seen; {words}");
        let again = shop.output(&["run"]);
        assert!(again.status.success(), "{faults}: {}", String::from_utf8_lossy(&again.stderr));
        assert_eq!(shop.figures(), *expected, "{faults}");
        shop.assert_verified(&faults);
    }
    assert!(done > 0 && failed > 0, "{done} runs were done and {failed} failed: the shares prove too little");
}

/// Given a project whose lake is a bucket, when nothing opens it, then it says what is missing.
#[test]
fn a_bucket_without_a_key() {
    let shop = Context::with_shop();
    shop.put(
        "shoplake.yml",
        "name: shop\ntime_zone: UTC\ncurrency: EUR\ntargets: { local: { lake: \"s3://shop/lake\" } }\n",
    );
    // What the machine has must not open it.
    shop.put(".env", "AWS_ACCESS_KEY_ID=\nAWS_SECRET_ACCESS_KEY=\nAWS_REGION=eu-north-1\n");
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_none() && std::env::var_os("AWS_SECRET_ACCESS_KEY").is_none() {
        snapshot!(shop, ["run"], @"
        exit: 2
        ----- stdout
        ----- stderr
        error: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` are not set, and the lake `s3://shop/lake` needs it
        hint: set it in the environment or in `.env` beside shoplake.yml, which git leaves out
        ");
    }
}

/// Given faults that are armed where no store is in between, then they are refused: nothing would be
/// proved.
#[test]
fn faults_without_a_store() {
    let shop = Context::with_shop();
    let ended = shop.command(&["run"]).env("SHOPLAKE_FAULT_STORE", "seed=1,fail=1").output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let words = String::from_utf8_lossy(&ended.stderr);
    assert!(words.contains("the lake is a folder of this machine"), "{words}");
}
