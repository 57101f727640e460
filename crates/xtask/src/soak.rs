//! `cargo xtask soak`: a shop that is served, gets a file each second, and is asked all the while.
//!
//! It fails where memory grows without end, where files pile up, or where a row that went in is not
//! accounted for. Two minutes of it are part of `cargo xtask test`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::serving::Serving;
use crate::workspace::{self, Profile};

/// Rows of a file: new ones, one of the file before again, and one that breaks a rule.
const NEW: u64 = 18;
const ROWS: u64 = NEW + 2;
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the last files may take to be loaded.
const DRAIN: Duration = Duration::from_mins(3);
/// Memory may grow by this share, or by so many bytes, between the second quarter and the last.
const GROWTH: (f64, u64) = (0.1, 24 << 20);
/// Files that may wait, since each run takes all that have come during the one before.
const BACKLOG: u64 = 60;

/// What `cargo xtask soak` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// How long files come.
    #[arg(long, default_value_t = 3_600)]
    seconds: u64,
    /// With a release build, as it is installed.
    #[arg(long)]
    release: bool,
}

/// Builds the binary and soaks it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = workspace::build_shoplake(if options.release { Profile::Release } else { Profile::Dev })?;
    soak(&binary, options.seconds)
}

/// One line of the table.
struct Look {
    seconds: u64,
    memory: u64,
    backlog: u64,
}

/// Feeds and asks a shop for so many seconds.
pub(crate) fn soak(binary: &Path, seconds: u64) -> Result<()> {
    let shop = shop(binary)?;
    let server = Arc::new(Serving::start(binary, &shop, &[])?);
    let (done, times) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<f64>>>::default());
    let asking = {
        let (server, done, times) = (Arc::clone(&server), Arc::clone(&done), Arc::clone(&times));
        std::thread::spawn(move || ask(&server, &done, &times))
    };
    let fed = feed(&shop, &server, &times, seconds);
    done.store(true, Ordering::Relaxed);
    let asked = asking.join().map_err(|_| anyhow::anyhow!("the questions broke off"))?;
    let looks = fed?;
    let asked = asked.context("a question was not answered")?;

    let files = seconds.max(1);
    let began = Instant::now();
    while accounted(&server)?.iter().sum::<u64>() < files * ROWS || waiting(&shop)? > 0 {
        ensure!(
            began.elapsed() < DRAIN,
            "{} files still wait {} s after the last came",
            waiting(&shop)?,
            DRAIN.as_secs()
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    let expected = [files * NEW, files - 1, files + 1];
    let found = accounted(&server)?;
    // The first file repeats a row that does not exist: it has two that break a rule.
    ensure!(
        found == expected,
        "of {} rows in, inserted, duplicate and rejected are {found:?}, not {expected:?}",
        files * ROWS
    );
    drop(server);
    workspace::output(Command::new(binary).args(["verify", "--quiet", "--project-dir"]).arg(&shop))?;
    judge(&looks)?;
    println!(
        "   {files} files, {} rows in = {} accounted for, {asked} questions answered; verified",
        files * ROWS,
        found.iter().sum::<u64>()
    );
    Ok(())
}

/// Writes a file each second, and looks now and then.
fn feed(shop: &Path, server: &Serving, times: &Mutex<Vec<f64>>, seconds: u64) -> Result<Vec<Look>> {
    println!(
        "   {:>7} {:>7} {:>8} {:>10} {:>9} {:>9} {:>9}",
        "seconds", "files", "waiting", "rows", "memory", "p50", "p95"
    );
    let began = Instant::now();
    let every = (seconds / 24).clamp(5, 300);
    let mut looks = Vec::new();
    for second in 0..seconds {
        let due = began + Duration::from_secs(second);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        drop_file(shop, second)?;
        if (second + 1) % every != 0 {
            continue;
        }
        let rows: u64 = accounted(server)?.iter().sum();
        let look = Look { seconds: second + 1, memory: memory(server.process())?, backlog: waiting(shop)? };
        let mut asked = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
        asked.sort_by(f64::total_cmp);
        let quantile = |share: f64| asked.get((asked.len() as f64 * share) as usize).copied().unwrap_or(0.0) * 1e3;
        println!(
            "   {:>7} {:>7} {:>8} {rows:>10} {:>5} MiB {:>6.0} ms {:>6.0} ms",
            look.seconds,
            second + 1,
            look.backlog,
            look.memory >> 20,
            quantile(0.5),
            quantile(0.95)
        );
        looks.push(look);
    }
    Ok(looks)
}

fn drop_file(shop: &Path, number: u64) -> Result<()> {
    let mut text = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n".to_owned();
    let row = |text: &mut String, id: u64| {
        let (day, hour) = (1 + id % 28, id % 24);
        // A String takes everything.
        let _ = writeln!(text, "S{id},C{},P{},{},9.50,2024-03-{day:02} {hour:02}:00:00", id % 97, id % 23, 1 + id % 3);
    };
    for id in number * NEW..(number + 1) * NEW {
        row(&mut text, id);
    }
    match (number * NEW).checked_sub(1) {
        Some(before) => row(&mut text, before),
        None => text.push_str(",C1,P1,1,1.00,2024-03-01 10:00:00\n"),
    }
    let _ = writeln!(text, "B{number},C1,P1,0,1.00,2024-03-01 10:00:00");
    let folder = shop.join("inbox/sales");
    let part = folder.join(format!("soak-{number}.csv.part"));
    fs_err::write(&part, text)?;
    Ok(fs_err::rename(&part, folder.join(format!("soak-{number}.csv")))?)
}

/// Asks until it is told to end; gives how often. Every answer must be one.
fn ask(server: &Serving, done: &AtomicBool, times: &Mutex<Vec<f64>>) -> Result<u64> {
    let questions = [
        "SELECT count(*) AS n, sum(amount) AS revenue FROM sales",
        "SELECT * FROM daily_sales_summary ORDER BY date DESC LIMIT 7",
        "SELECT product_id, revenue FROM top_products ORDER BY revenue DESC LIMIT 10",
    ];
    let mut asked = 0;
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        match questions.get(asked as usize % (questions.len() + 1)) {
            Some(sql) => drop(server.query(sql)?),
            None => drop(server.get("/api/v1/sales/summary?from=2024-03-01&to=2024-03-31")?),
        }
        times.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed().as_secs_f64());
        asked += 1;
        std::thread::sleep(PAUSE);
    }
    Ok(asked)
}

/// Rows of sales by what became of them: inserted, duplicate, rejected.
fn accounted(server: &Serving) -> Result<[u64; 3]> {
    let text = server.get("/metrics")?;
    let of = |outcome: &str| -> Result<u64> {
        let start = format!("shoplake_rows_total{{dataset=\"sales\",outcome=\"{outcome}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&start));
        value.map_or(Ok(0), |value| Ok(value.parse()?))
    };
    Ok([of("inserted")?, of("duplicate")?, of("rejected")?])
}

/// Files that lie in the inbox.
fn waiting(shop: &Path) -> Result<u64> {
    let files = fs_err::read_dir(shop.join("inbox/sales"))?.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(files.iter().filter(|file| file.path().extension().is_some_and(|ending| ending == "csv")).count() as u64)
}

/// The resident memory of a process, in bytes.
fn memory(process: u32) -> Result<u64> {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).context("the soak needs Linux' /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? << 10)
}

/// Whether the last quarter is as the second: the first is taken to warm up.
fn judge(looks: &[Look]) -> Result<()> {
    let quarter = (looks.len() / 4).max(1);
    let median = |looks: &[Look], of: fn(&Look) -> u64| {
        let mut values: Vec<u64> = looks.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    let (Some(second), Some(last)) = (looks.get(quarter..2 * quarter), looks.len().checked_sub(quarter)) else {
        return Ok(());
    };
    let last = looks.get(last..).unwrap_or_default();
    let (then, now) = (median(second, |look| look.memory), median(last, |look| look.memory));
    let allowed = then + GROWTH.1.max((then as f64 * GROWTH.0) as u64);
    ensure!(now <= allowed, "memory grows: {} MiB in the second quarter, {} MiB in the last", then >> 20, now >> 20);
    let backlog = median(last, |look| look.backlog);
    ensure!(backlog <= BACKLOG, "files pile up: {backlog} wait in the last quarter");
    Ok(())
}

fn shop(binary: &Path) -> Result<PathBuf> {
    let shop = workspace::target().join("test-soak");
    if shop.exists() {
        fs_err::remove_dir_all(&shop)?;
    }
    workspace::output(Command::new(binary).args(["init", "--quiet", "--timezone", "UTC"]).arg(&shop))?;
    workspace::output(Command::new(binary).args(["run", "--quiet", "--project-dir"]).arg(&shop))?;
    Ok(shop)
}
