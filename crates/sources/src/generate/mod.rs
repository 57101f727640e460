//! A believable shop: sales, products and customers in the seed's formats, with seasons, habits and
//! the dirt of real exports, and the truth of what must come out.
//!
//! The same options give the same bytes on every machine. The truth is counted while writing, from
//! what each row was made to be; nothing here reads a file, so it can judge those that do.

mod calendar;
mod catalogue;
mod dirt;
mod people;
mod random;
mod sales;
mod text;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use shoplake_core::ports::Progress;
use shoplake_core::{Fault, Reason, Result};

use self::calendar::Calendar;
use self::catalogue::Catalogue;
use self::people::People;
use self::random::Random;

/// How the sales are cut into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// `sales-2024-03-15.csv` for each day that has rows.
    PerDay,
    /// One `sales.csv`.
    One,
}

/// What to generate.
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    /// Rows of all sales files, dirt included, headers not.
    pub rows: u64,
    /// Decides all that is chance.
    pub seed: u64,
    /// The first day, in the shop's zone.
    pub start: NaiveDate,
    /// Days with sales, 1 or more.
    pub days: u32,
    /// The shop's zone: sales are written in its local time, and never at a moment that its clock skips.
    pub zone: Tz,
    /// How dirty: 0 for clean files, 1 for what a real shop sends (about 1.5 % of the rows), up to 20.
    pub dirt: f64,
    /// Products in the catalogue, 1 or more.
    pub products: u32,
    /// Customers, 1 or more.
    pub customers: u32,
    /// How the sales are cut into files.
    pub files: Files,
}

impl GenerateOptions {
    /// A shop of `rows` sales over `days` from `start`, with as many products and customers as suit it.
    pub fn new(rows: u64, seed: u64, start: NaiveDate, days: u32, zone: Tz) -> Self {
        let products = (rows / 100).clamp(40, 50_000) as u32;
        let customers = (rows / 8).clamp(50, 1_000_000) as u32;
        Self { rows, seed, start, days, zone, dirt: 1.0, products, customers, files: Files::PerDay }
    }
}

/// What must come out of a generated shop, loaded file by file in the natural order of names under the
/// contract that `init` writes. Stands as `truth.json` beside the data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Rows in the sales files; `kept + updated + duplicate + rejected`.
    pub rows: u64,
    /// Sales files.
    pub files: u64,
    /// Rows that open a new transaction: the rows of the table.
    pub kept: u64,
    /// Rows that correct an earlier one.
    pub updated: u64,
    /// Rows that say again what stands in the table.
    pub duplicate: u64,
    /// Rows for the quarantine.
    pub rejected: u64,
    /// The same by reason.
    pub rejects: BTreeMap<Reason, u64>,
    /// Kept rows whose product or customer does not exist.
    pub orphans: u64,
    /// The sum of `amount` over the table, in cents.
    pub revenue_cents: i128,
    /// Products.
    pub products: u64,
    /// Customers.
    pub customers: u64,
}

/// Writes `dir/sales/*.csv`, `dir/products/products.json`, `dir/customers/customers.json` and
/// `dir/truth.json`; files of the same names are replaced.
pub fn generate(options: &GenerateOptions, dir: &Path, progress: &dyn Progress) -> Result<Truth> {
    check(options)?;
    for folder in ["sales", "products", "customers"] {
        fs_err::create_dir_all(dir.join(folder))?;
    }
    let mut random = Random::new(options.seed);
    let calendar = Calendar::new(options, &mut random);
    let catalogue = Catalogue::new(options.products, &mut random);
    let people = People::new(options);
    progress.stage("generate", None);
    catalogue.write(&dir.join("products/products.json"))?;
    people.write(&dir.join("customers/customers.json"), &mut random)?;
    let mut truth = sales::write(options, &calendar, &catalogue, &people, random, &dir.join("sales"), progress)?;
    progress.done();
    truth.products = u64::from(options.products);
    truth.customers = u64::from(options.customers);
    let json = serde_json::to_string_pretty(&truth)
        .map_err(|error| Fault::internal("the truth cannot be written").caused_by(error))?;
    fs_err::write(dir.join("truth.json"), json + "\n")?;
    Ok(truth)
}

fn check(options: &GenerateOptions) -> Result<()> {
    let last = options.start.checked_add_days(chrono::Days::new(u64::from(options.days)));
    let wrong = if options.days == 0 || options.days > 36_525 || last.is_none() {
        "`days` is not between 1 and 36525"
    } else if options.products == 0 || options.customers == 0 {
        "a shop needs a product and a customer"
    } else if !(0.0..=20.0).contains(&options.dirt) {
        "`dirt` is not between 0 and 20"
    } else {
        return Ok(());
    };
    Err(Fault::usage(wrong))
}
