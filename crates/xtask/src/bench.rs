//! `cargo xtask bench`: `shoplake run` side by side with other engines on one machine, in one go.
//!
//! Shoplake and its peers take turns on the same files; minima are compared. Then the loaded shop
//! gets one more day at a time, and corrections of old rows. Every result is checked to the cent.

mod adhoc;
pub(crate) mod data;
mod measure;
mod models;
mod shop;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::venv;
use crate::workspace::{self, Profile};
use data::{Data, Totals};
use measure::{Measure, Stopwatch};
use models::ModelSeconds;
use shop::Shop;

const REQUIREMENTS: &str = include_str!("requirements/bench.txt");

/// Rows of one more day, and rows of one correction.
const DAY_ROWS: usize = 7_000;
const CORRECTED_ROWS: usize = 500;

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Rows of sales.
    #[arg(long, default_value_t = 5_000_000)]
    rows: usize,
    /// The rows in no order, under ids of 36 characters; the full run alone.
    #[arg(long)]
    shuffled: bool,
    /// Measured runs of each engine, after one to warm up; the minimum counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=31))]
    runs: u8,
    /// The engines to compare with: any of polars, duckdb, pandas, datafusion.
    #[arg(long, value_delimiter = ',', default_value = "polars,duckdb")]
    peers: Vec<String>,
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    let peers = options.peers.iter().map(|name| Peer::find(name)).collect::<Result<Vec<_>>>()?;
    println!("Building shoplake for release; the first time this takes a while.");
    let binary = workspace::build_shoplake(Profile::Release)?;
    let python = venv::ensure("bench-venv", REQUIREMENTS)?;
    let data = Data::make(&python, options.rows, options.shuffled)?;
    let bench = Bench { stopwatch: Stopwatch { python }, data, binary };

    println!("\n{} rows, {} MB of CSV; warming up", options.rows, bench.data.csv_bytes()? / 1_000_000);
    let mut ours = Series::new("shoplake");
    let mut theirs: Vec<Series> = peers.iter().map(|peer| Series::new(&peer.name)).collect();
    bench.shoplake()?;
    for peer in &peers {
        bench.peer(peer)?;
    }
    for round in 1..=options.runs {
        for (peer, series) in peers.iter().zip(&mut theirs) {
            series.add(round, bench.peer(peer)?);
        }
        ours.add(round, bench.shoplake()?.1);
    }
    if options.shuffled {
        print_table(&ours, &theirs, None);
        return Ok(());
    }
    let later = bench.later(options.runs)?;
    print_table(&ours, &theirs, Some(later));
    let (shop, _) = bench.shoplake()?;
    adhoc::ask(&bench.stopwatch.python, &bench.binary, &shop, options.runs)?;
    models::many(&bench.binary, &bench.stopwatch, options.runs)
}

/// What is measured, and with what.
struct Bench {
    stopwatch: Stopwatch,
    data: Data,
    binary: PathBuf,
}

impl Bench {
    /// A fresh shop, the files in its inbox, and one measured run.
    fn shoplake(&self) -> Result<(Shop, Measure)> {
        let shop = Shop::fresh(&self.binary)?;
        for (dataset, file) in [("sales", "sales.csv"), ("products", "products.json"), ("customers", "customers.json")]
        {
            shop.link(dataset, &self.data.file(file))?;
        }
        let measure = shop.run(&self.stopwatch)?;
        shop.expect(self.data.totals()?)?;
        Ok((shop, measure))
    }

    /// One measured run of another engine. Its own clock counts, which leaves out the start of Python.
    fn peer(&self, peer: &Peer) -> Result<Measure> {
        let out = workspace::target().join("bench-out");
        if out.exists() {
            fs_err::remove_dir_all(&out)?;
        }
        let python = self.stopwatch.python.as_os_str();
        let mut measure =
            self.stopwatch.time(&[python, peer.script.as_os_str(), self.data.folder.as_os_str(), out.as_os_str()])?;
        let said: Value = serde_json::from_str(measure.stdout.lines().last().unwrap_or_default())
            .with_context(|| format!("read what {} printed", peer.name))?;
        let got =
            Totals { rows: said["kept"].as_i64().unwrap_or(-1), cents: said["revenue_cents"].as_i64().unwrap_or(-1) };
        let want = self.data.totals()?;
        if got != want {
            bail!("{} came to {got:?}, the data holds {want:?}", peer.name);
        }
        measure.seconds = said["seconds"].as_f64().unwrap_or(measure.seconds);
        Ok(measure)
    }

    /// More days, then corrections, on one loaded shop.
    fn later(&self, repeats: u8) -> Result<(Series, Series)> {
        let (shop, _) = self.shoplake()?;
        let mut totals = self.data.totals()?;
        let (mut in_full, mut by_day) = (ModelSeconds::default(), ModelSeconds::default());
        for _ in 0..repeats.min(3) {
            in_full.add(&shop.refresh(&self.stopwatch)?)?;
        }
        let mut days = Series::new("one more day");
        for day in 0..repeats {
            let (text, added) = self.data.next_day(day, DAY_ROWS);
            shop.write("sales", &format!("sales-day-{day}.csv"), &text)?;
            let measure = shop.run(&self.stopwatch)?;
            by_day.add(&measure)?;
            days.add(day + 1, measure);
            totals.rows += added.rows;
            totals.cents += added.cents;
            shop.expect(totals)?;
        }
        let mut corrections = Series::new("correction");
        for round in 1..=repeats {
            let (text, added_cents) = self.data.correction(round, CORRECTED_ROWS)?;
            shop.write("sales", &format!("sales-zz-correction-{round}.csv"), &text)?;
            corrections.add(round, shop.run(&self.stopwatch)?);
            totals.cents += added_cents;
            shop.expect(totals)?;
        }
        models::print(&in_full, &by_day);
        Ok((days, corrections))
    }
}

/// Another engine doing the same job: a script of `../shared/bench`.
struct Peer {
    name: String,
    script: PathBuf,
}

impl Peer {
    fn find(name: &str) -> Result<Self> {
        let script = workspace::shared(&format!("bench/run_{name}.py"))
            .with_context(|| format!("no peer `{name}`: ../shared/bench/run_{name}.py is not there"))?;
        Ok(Self { name: name.to_owned(), script })
    }
}

/// The measures of one contender; each is printed when it comes in.
struct Series {
    name: String,
    measures: Vec<Measure>,
}

impl Series {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), measures: Vec::new() }
    }

    fn add(&mut self, round: u8, measure: Measure) {
        println!("{:<16} run {round:<3} {}", self.name, measure.said());
        self.measures.push(measure);
    }

    fn minimum(&self, of: impl Fn(&Measure) -> f64) -> f64 {
        self.measures.iter().map(of).fold(f64::INFINITY, f64::min)
    }

    fn best(&self) -> Measure {
        Measure {
            seconds: self.minimum(|m| m.seconds),
            cpu_seconds: self.minimum(|m| m.cpu_seconds),
            rss_mib: self.minimum(|m| m.rss_mib),
            stdout: String::new(),
        }
    }
}

/// The minima, and how they compare; `later` is one more day, and a correction.
fn print_table(ours: &Series, theirs: &[Series], later: Option<(Series, Series)>) {
    let full = ours.best();
    println!("\nMinima of {} runs each:", ours.measures.len());
    let of_later = later.iter().flat_map(|(days, corrections)| [days, corrections]);
    for series in [ours].into_iter().chain(theirs).chain(of_later) {
        println!("{:<16}         {}", series.name, series.best().said());
    }
    println!();
    let fastest = theirs.iter().min_by(|a, b| a.best().seconds.total_cmp(&b.best().seconds));
    if let Some(fastest) = fastest {
        let (name, peer) = (&fastest.name, fastest.best());
        println!("time    {:.2} of the fastest peer's ({name})", full.seconds / peer.seconds);
        println!("CPU     {:.2} of {name}'s", full.cpu_seconds / peer.cpu_seconds);
        println!("memory  {:.2} of {name}'s", full.rss_mib / peer.rss_mib);
    }
    let Some((days, corrections)) = later else { return };
    println!("a day   {:.0} % of the full run ({DAY_ROWS} rows)", 100.0 * days.best().seconds / full.seconds);
    println!(
        "a fix   {:.0} % of the full run ({CORRECTED_ROWS} old rows)",
        100.0 * corrections.best().seconds / full.seconds
    );
}
