//! The generated shop, judged by a reader that shares nothing with the writer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime, TimeZone, Timelike};
use shoplake_core::Reason;
use shoplake_core::landed::natural_order;
use shoplake_core::ports::Quiet;
use shoplake_sources::generate::{Files, GenerateOptions, Truth, generate};

fn options(rows: u64) -> GenerateOptions {
    GenerateOptions::new(rows, 7, NaiveDate::from_ymd_opt(2023, 3, 1).unwrap(), 365, chrono_tz::America::New_York)
}

/// The fields of a line: quotes may hold commas.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().unwrap().push(letter),
        }
    }
    fields.into_iter().map(|field| field.trim().to_owned()).collect()
}

fn cents(text: &str) -> Option<i64> {
    let (whole, rest) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(rest) && rest.len() == 2;
    plain.then(|| format!("{whole}{rest}").parse().unwrap())
}

type Sale = (String, String, i64, i64, NaiveDateTime);

/// The contract of `sales` on one line.
fn judge(line: &str) -> Result<(String, Sale), Reason> {
    let fields = fields(line);
    let [id, customer, product, quantity, amount, date] =
        <[String; 6]>::try_from(fields).map_err(|_| Reason::Malformed)?;
    let quantity: i64 = quantity.parse().map_err(|_| Reason::Malformed)?;
    let amount = cents(&amount).ok_or(Reason::Malformed)?;
    let date = NaiveDateTime::parse_from_str(&date, "%Y-%m-%d %H:%M:%S").map_err(|_| Reason::Malformed)?;
    if id.is_empty() || customer.is_empty() || product.is_empty() {
        return Err(Reason::Missing);
    }
    if quantity < 1 || amount < 0 {
        return Err(Reason::Range);
    }
    Ok((id, (customer, product, quantity, amount, date)))
}

fn ids(dir: &Path, file: &str, key: &str) -> HashSet<String> {
    let text = fs_err::read_to_string(dir.join(file)).unwrap();
    let records: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    records.iter().map(|record| record[key].as_str().unwrap().to_owned()).collect()
}

/// What the files in `dir` come to, and the sales.
fn read(dir: &Path) -> (Truth, HashMap<String, Sale>) {
    let entries = fs_err::read_dir(dir.join("sales")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.collect();
    files.sort_by(|a, b| natural_order(a.to_str().unwrap(), b.to_str().unwrap()));
    let products = ids(dir, "products/products.json", "product_id");
    let customers = ids(dir, "customers/customers.json", "customer_id");
    let mut truth = Truth { files: files.len() as u64, ..Truth::default() };
    (truth.products, truth.customers) = (products.len() as u64, customers.len() as u64);
    let mut sales: HashMap<String, Sale> = HashMap::new();
    for file in files {
        let text = fs_err::read_to_string(file).unwrap();
        let (header, lines) = text.split_once('\n').unwrap();
        assert_eq!(header, "transaction_id,customer_id,product_id,quantity,amount,transaction_date");
        for line in lines.lines() {
            truth.rows += 1;
            match judge(line) {
                Err(reason) => {
                    truth.rejected += 1;
                    *truth.rejects.entry(reason).or_default() += 1;
                }
                Ok((id, sale)) => match sales.insert(id, sale.clone()) {
                    None => {
                        truth.kept += 1;
                        truth.orphans += u64::from(!products.contains(&sale.1) || !customers.contains(&sale.0));
                    }
                    Some(old) if old == sale => truth.duplicate += 1,
                    Some(_) => truth.updated += 1,
                },
            }
        }
    }
    truth.revenue_cents = sales.values().map(|sale| i128::from(sale.3)).sum();
    (truth, sales)
}

fn bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let folders = ["", "sales", "products", "customers"].map(|folder| dir.join(folder));
    let entries =
        folders.iter().flat_map(|folder| fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.strip_prefix(dir).unwrap().display().to_string(), fs_err::read(path).unwrap())).collect()
}

/// Given dirt of several strengths, in daily files and in one, when an independent reader judges the
/// files, then it comes to the same truth, and every kind of dirt is there.
#[test]
fn the_truth_is_what_a_reader_finds() {
    for (dirt, files) in [(1.0, Files::PerDay), (10.0, Files::PerDay), (10.0, Files::One)] {
        let dir = tempfile::tempdir().unwrap();
        let truth = generate(&GenerateOptions { dirt, files, ..options(40_000) }, dir.path(), &Quiet).unwrap();
        let (found, _) = read(dir.path());
        assert_eq!(found, truth, "dirt {dirt}, {files:?}");
        assert_eq!(truth.rows, 40_000);
        assert_eq!(truth.rows, truth.kept + truth.updated + truth.duplicate + truth.rejected);
        assert!(truth.rejects.len() == 3 && truth.updated > 0 && truth.duplicate > 0 && truth.orphans > 0, "{truth:?}");
        let stored: Truth = serde_json::from_slice(&fs_err::read(dir.path().join("truth.json")).unwrap()).unwrap();
        assert_eq!(stored, truth);
    }
}

/// Given no dirt, when generated, then every row is a new sale of a known product to a known customer.
#[test]
fn without_dirt_every_row_is_good() {
    let dir = tempfile::tempdir().unwrap();
    let truth = generate(&GenerateOptions { dirt: 0.0, ..options(5_000) }, dir.path(), &Quiet).unwrap();
    assert_eq!((truth.kept, truth.orphans), (5_000, 0));
    assert_eq!(read(dir.path()).0, truth);
}

/// Given a seed, when generated twice, then the bytes are the same; another seed gives others.
#[test]
fn the_seed_decides_every_byte() {
    let shop = |seed| {
        let dir = tempfile::tempdir().unwrap();
        generate(&GenerateOptions { seed, ..options(3_000) }, dir.path(), &Quiet).unwrap();
        bytes(dir.path())
    };
    let first = shop(7);
    assert!(first == shop(7));
    assert!(first != shop(8));
}

/// Given a year of sales, when counted, then they look like a shop's: December leads, July lags, noon and
/// evening stand out, nights are quiet, few products sell most, most customers come back, names differ.
#[test]
fn a_year_looks_like_a_shop() {
    let dir = tempfile::tempdir().unwrap();
    generate(&GenerateOptions { dirt: 0.0, ..options(60_000) }, dir.path(), &Quiet).unwrap();
    let (_, sales) = read(dir.path());
    let (mut months, mut hours) = ([0_u32; 13], [0_u32; 24]);
    let (mut products, mut baskets) = (HashMap::<&str, u32>::new(), HashMap::<&str, HashSet<NaiveDateTime>>::new());
    for (customer, product, _, _, date) in sales.values() {
        months[chrono::Datelike::month(date) as usize] += 1;
        hours[date.hour() as usize] += 1;
        *products.entry(product).or_default() += 1;
        baskets.entry(customer).or_default().insert(*date);
        assert!(chrono_tz::America::New_York.from_local_datetime(date).earliest().is_some(), "{date} does not exist");
    }
    assert_eq!(months[1..].iter().max(), Some(&months[12]), "{months:?}");
    assert!(months[7] * 10 < months[11] * 7, "{months:?}");
    assert!(hours[12] > hours[15] && hours[20] > hours[17] && hours[4] * 30 < hours[20], "{hours:?}");
    let mut sold: Vec<u32> = products.values().copied().collect();
    sold.sort_unstable_by(|a, b| b.cmp(a));
    let top: u32 = sold[..sold.len() / 10].iter().sum();
    assert!(f64::from(top) > 0.3 * 60_000.0, "the best tenth sells {top}");
    let back = baskets.values().filter(|dates| dates.len() > 1).count();
    assert!(back * 2 > baskets.len(), "{back} of {} came back", baskets.len());
    let text = fs_err::read_to_string(dir.path().join("products/products.json")).unwrap();
    let records: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let names: HashSet<&str> = records.iter().map(|record| record["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), records.len());
}
