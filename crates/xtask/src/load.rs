//! `cargo xtask load`: many people click on the dashboard of a shop with many sales, and a table says how
//! long answers took. Then rows are corrected, and answers are held against `shoplake query`.
//!
//! The sales are loaded once a day and kept in the build folder, moved so that they end yesterday ([`moved`]).
//! What people click: [`clicks`]. What is
//! measured: one request, from its first byte sent to its last byte read, over a connection that stays
//! open, while all others click, too. Not here: the walk alone (`crates/server/examples/figures.rs`).

mod clicks;
mod connection;
mod moved;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::bench::data::{Data, ROUNDS};
use crate::serve::Server;
use crate::workspace::{self, Profile};
use crate::{test, venv};
use clicks::{Click, Page, Random};
use connection::Connection;
use table::Times;

/// Answers that are held against SQL, before and after the correction.
const CHECKED: usize = 6;
/// Rows that are corrected.
const CORRECTED: usize = 500;

/// What `cargo xtask load` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Rows of sales.
    #[arg(long, default_value_t = 20_000_000)]
    rows: usize,
    /// People who click the filters that stand on the page.
    #[arg(long, default_value_t = 50)]
    people: u64,
    /// People who combine filters freely, after the others.
    #[arg(long, default_value_t = 10)]
    free: u64,
    /// Seconds of each of the two.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Milliseconds between two clicks of one person, on average.
    #[arg(long, default_value_t = 2_000)]
    pause: u64,
    /// Measure the development build: for trying this out, not for figures.
    #[arg(long)]
    dev: bool,
}

/// Loads, clicks, corrects, prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = workspace::build_shoplake(if options.dev { Profile::Dev } else { Profile::Release })?;
    let data = Data::make(&venv::ensure("test-venv", test::REQUIREMENTS)?, options.rows, false)?;
    let shop = Shop::loaded(&binary, &data, options.rows)?;
    let began = Instant::now();
    let server = Server::over(&binary, shop.folder.clone(), &[])?;
    let mut connection = Connection::open(server.url())?;
    while connection.get("/readyz").map_or(0, |answer| answer.status) != 200 {
        std::thread::sleep(Duration::from_millis(50));
    }
    println!(
        "\n{} rows, served {:.1} s after the start, {}",
        options.rows,
        began.elapsed().as_secs_f64(),
        memory(&server)
    );
    let page = Page::read(&mut connection)?;

    shop.check(&page, server.url(), 1)?;
    let times = crowd(&server, options, options.people, |random| page.click(random))?;
    times.print(&format!("{} people, the filters that stand on the page", options.people));
    let times = crowd(&server, options, options.free, |random| page.combination(random))?;
    times.print(&format!("{} people, free combinations", options.free));
    println!("\n{}", memory(&server));

    // The server closes a connection that nothing is asked over for a while.
    let before = batch(&mut Connection::open(server.url())?)?;
    // The shop is kept, and a file that it has loaded changes nothing: others than those of the time before.
    let round = before.as_u64().unwrap_or_default() as usize % (ROUNDS - 1) + 1;
    let (rows, _) = data.correction(round as u8, CORRECTED)?;
    fs_err::write(shop.folder.join("inbox/sales").join("correction.csv"), moved::lines(&rows, shop.moved))?;
    shop.run()?;
    let mut connection = Connection::open(server.url())?;
    let ended = Instant::now();
    while batch(&mut connection)? == before {
        ensure!(ended.elapsed() < Duration::from_mins(1), "the server does not show the correction");
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("{CORRECTED} corrected rows are shown {:.1} s after the end of their run", ended.elapsed().as_secs_f64());
    shop.check(&page, server.url(), 2)?;
    println!("{}", memory(&server));
    Ok(())
}

/// Lets so many people click at once, each with a connection and a pause of their own.
fn crowd(
    server: &Server,
    options: &Options,
    people: u64,
    click: impl Fn(&mut Random) -> Click + Sync,
) -> Result<Times> {
    let (times, failed) = (Mutex::new(Times::default()), Mutex::new(None));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for person in 0..people {
            let (times, failed, click) = (&times, &failed, &click);
            scope.spawn(move || match clicks_of(server, options, person, start, click) {
                Ok(own) => {
                    if let Ok(mut all) = times.lock() {
                        all.join(own);
                    }
                }
                Err(error) => {
                    if let Ok(mut failed) = failed.lock() {
                        *failed = Some(error);
                    }
                }
            });
        }
    });
    match failed.into_inner().ok().flatten() {
        Some(error) => Err(error),
        None => times.into_inner().ok().context("somebody broke off"),
    }
}

fn clicks_of(
    server: &Server,
    options: &Options,
    person: u64,
    start: Instant,
    click: &impl Fn(&mut Random) -> Click,
) -> Result<Times> {
    let (mut random, mut times) = (Random::new(person + 1), Times::default());
    let mut connection = Connection::open(server.url())?;
    // Nobody begins at the same moment.
    std::thread::sleep(Duration::from_millis(random.below(options.pause.max(1))));
    while start.elapsed() < Duration::from_secs(options.seconds) {
        let clicked = click(&mut random);
        for (endpoint, path) in clicked.requests() {
            let began = Instant::now();
            let answer = connection.get(&path)?;
            ensure!(answer.status == 200, "{path} was answered with {}", answer.status);
            times.add(began - start, endpoint, &clicked.kind, began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(options.pause / 2 + random.below(options.pause.max(1))));
    }
    Ok(times)
}

fn batch(connection: &mut Connection) -> Result<Value> {
    Ok(connection.json("/api/v1/trust")?["batch"].clone())
}

/// What the server holds in memory now, and held at most.
fn memory(server: &Server) -> String {
    let status = fs_err::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    let megabytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kilobytes.map_or("?".to_owned(), |kilobytes| format!("{} MB", kilobytes / 1024))
    };
    format!("the server holds {}, at most {}", megabytes("VmRSS"), megabytes("VmHWM"))
}

/// The shop whose dashboard is clicked on.
struct Shop {
    binary: PathBuf,
    folder: PathBuf,
    /// By how many days its sales are moved.
    moved: i64,
}

impl Shop {
    /// The shop with the data loaded; kept from one time to the next of a day.
    fn loaded(binary: &Path, data: &Data, rows: usize) -> Result<Self> {
        let folder = workspace::target().join(format!("load-shop-{rows}"));
        let shop = Self { binary: binary.to_owned(), folder, moved: moved::days()? };
        let (stamp, stamped) = (shop.folder.join(".loaded"), shop.moved.to_string());
        if fs_err::read_to_string(&stamp).is_ok_and(|text| text == stamped) {
            return Ok(shop);
        }
        if shop.folder.exists() {
            fs_err::remove_dir_all(&shop.folder)?;
        }
        println!("Loading {rows} rows into {} (once a day)", shop.folder.display());
        workspace::output(Command::new(binary).arg("init").arg(&shop.folder).args(["--timezone", "Europe/Lisbon"]))?;
        let place = |dataset: &str, name: &str| shop.folder.join("inbox").join(dataset).join(name);
        for (dataset, name) in [("products", "products.json"), ("customers", "customers.json")] {
            fs_err::copy(data.file(name), place(dataset, name))?;
        }
        moved::copy(&data.file("sales.csv"), &place("sales", "sales.csv"), shop.moved)?;
        shop.run()?;
        fs_err::write(stamp, stamped)?;
        Ok(shop)
    }

    /// Runs; rows that are set aside are no failure.
    fn run(&self) -> Result<()> {
        let mut command = Command::new(&self.binary);
        let ended = command.args(["run", "--quiet", "--project-dir"]).arg(&self.folder).output()?;
        let fine = matches!(ended.status.code(), Some(0 | 3));
        ensure!(fine, "`shoplake run` ended with {}\n{}", ended.status, String::from_utf8_lossy(&ended.stderr));
        Ok(())
    }

    /// Holds answers of random combinations against SQL.
    fn check(&self, page: &Page, url: &str, seed: u64) -> Result<()> {
        let mut random = Random::new(seed * 7919);
        for index in 0..CHECKED {
            let click = if index == 0 { Click::default() } else { page.combination(&mut random) };
            // Each over one of its own: SQL takes longer than the server waits.
            let shown = Connection::open(url)?.json(&format!("/api/v1/sales/summary?{}", click.query()))?;
            let mut command = Command::new(&self.binary);
            // A join of all sales with all customers: it is what the cube saves.
            command.env("SHOPLAKE__LIMITS__MEMORY", "6GB");
            command
                .args(["query", "--quiet", "--output", "json", "--project-dir"])
                .arg(&self.folder)
                .arg(click.sql(page));
            let asked: Value = serde_json::from_str(&workspace::output(&mut command)?)?;
            for name in ["revenue", "transactions", "unique_customers"] {
                let (shown, asked) = (&shown["current"][name], &asked[0][name]);
                ensure!(shown == asked, "{name} of {} is {shown}, and {asked} by SQL", click.query());
            }
        }
        println!("{CHECKED} answers of random filters are those of `shoplake query`");
        Ok(())
    }
}
