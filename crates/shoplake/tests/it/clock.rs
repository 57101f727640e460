//! A machine whose clock jumps between runs: what counts is the order of loads, never the clock.

use std::path::PathBuf;
use std::process::{Command, Output};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::context::Context;

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// Stands before the C library and shifts the clock by as many seconds as `SHIFT` says.
const SHIFTED_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    const char *shift = getenv("SHIFT");
    if (!failed && clock == CLOCK_REALTIME && shift) now->tv_sec += atoll(shift);
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *now) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (now) *now = at.tv_sec;
    return at.tv_sec;
}
"#;

/// A shop, and the library that shifts its clock.
struct Shifted {
    shop: Context,
    library: PathBuf,
}

impl Shifted {
    fn new() -> Self {
        let shop = Context::with_shop();
        let (source, library) = (shop.shop().join("clock.c"), shop.shop().join("clock.so"));
        fs_err::write(&source, SHIFTED_CLOCK).unwrap();
        let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
        assert!(made.success(), "SQLite and zstd are compiled by the same `cc`");
        Self { shop, library }
    }

    /// Runs with the clock so many days ahead.
    fn output(&self, days: i64, arguments: &[&str]) -> Output {
        let mut command = self.shop.command(arguments);
        command.env("LD_PRELOAD", &self.library).env("SHIFT", (days * 86_400).to_string());
        command.output().unwrap()
    }

    /// Drops a day and runs.
    fn day(&self, shift: i64, name: &str, rows: &str) {
        self.shop.put(&format!("inbox/sales/{name}.csv"), &format!("{HEADER}{rows}"));
        let run = self.output(shift, &["run"]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
}

/// Given runs whose clock stands forty days ahead, then forty days back, then right, when each corrects a
/// row of the one before, then batches count on, the later load wins, each row says by its run's clock
/// when it was loaded, and a vacuum removes nothing that was current of late, or refuses.
#[test]
#[cfg(target_os = "linux")]
fn a_clock_that_jumps() {
    let shifted = Shifted::new();
    let shop = &shifted.shop;
    let row = |id: &str, amount: &str| format!("{id},C1,P1,1,{amount},2024-03-15 10:00:00\n");
    shifted.day(0, "day-1", &(row("T1", "1.00") + &row("T2", "1.00") + &row("T3", "1.00")));
    shifted.day(40, "day-2", &(row("T2", "2.00") + &row("T3", "2.00")));
    shifted.day(-40, "day-3", &(row("T3", "3.00") + ",C1,P1,1,9.00,2024-03-15 10:00:00\n"));

    let rows =
        shop.json(&["query", "SELECT transaction_id, amount, _loaded_at FROM sales ORDER BY 1", "--output", "json"]);
    for (row, (id, amount, days)) in
        rows.as_array().unwrap().iter().zip([("T1", "1.00", 0), ("T2", "2.00", 40), ("T3", "3.00", -40)])
    {
        assert_eq!((&row["transaction_id"], &row["amount"]), (&json!(id), &json!(amount)));
        let loaded: DateTime<Utc> = row["_loaded_at"].as_str().unwrap().parse().unwrap();
        assert_eq!((loaded - Utc::now()).num_hours().abs_diff(days * 24) / 24, 0, "{id}: {loaded}");
    }
    let versions = shop.json(&["table", "history", "sales", "--json"]);
    let batches: Vec<_> = versions.as_array().unwrap().iter().map(|version| version["batch"].clone()).collect();
    assert_eq!(batches, [1, 2, 3]);
    shop.assert_verified("after three clocks");

    // What was current within the last days by any of the clocks stays; before all of them, it is refused.
    let before = shop.files("lake/processed", ".parquet");
    for days in [-40, 0, 6] {
        let vacuum = shifted.output(days, &["table", "vacuum"]);
        assert!(vacuum.status.success(), "{}", String::from_utf8_lossy(&vacuum.stderr));
        assert_eq!(shop.files("lake/processed", ".parquet"), before, "{days} days");
    }
    let refused = shifted.output(-80, &["table", "vacuum"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("clock stands before the last batch"));

    shifted.day(0, "day-4", &row("T3", "4.00"));
    let back =
        shifted.output(0, &["table", "restore", "sales", "--at", &(Utc::now() - TimeDelta::days(1)).to_rfc3339()]);
    assert!(
        back.status.success(),
        "the version of the clock that stood back: {}",
        String::from_utf8_lossy(&back.stderr)
    );
    let amounts = shop.json(&["query", "SELECT amount FROM sales ORDER BY transaction_id", "--output", "json"]);
    assert_eq!(amounts, json!([{ "amount": "1.00" }, { "amount": "2.00" }, { "amount": "3.00" }]));
    let replayed = shop.output(&["verify", "--replay"]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}
