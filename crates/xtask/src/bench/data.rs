//! The benchmark's data: the big set of `../shared/bench/generate.py`, more days after it, and
//! corrections of its rows, each with the exact totals that must come out.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace;

const SHUFFLE: &str = include_str!("../python/shuffle.py");
/// Rounds of corrections that have no row in common.
pub(crate) const ROUNDS: usize = 32;
const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// What a sales table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Rows.
    pub(crate) rows: i64,
    /// The sum of the amounts, in cents.
    pub(crate) cents: i64,
}

/// The big set.
pub(crate) struct Data {
    /// Holds `sales.csv`, `products.json`, `customers.json` and `truth.json`.
    pub(crate) folder: PathBuf,
    rows: usize,
}

impl Data {
    /// Makes the set in the build folder where it is not there yet; with `shuffled`, its rows in no order
    /// and under ids of 36 characters.
    pub(crate) fn make(python: &Path, rows: usize, shuffled: bool) -> Result<Self> {
        let ordered = Self::in_order(python, rows)?;
        if !shuffled {
            return Ok(ordered);
        }
        let folder = workspace::target().join(format!("bench-data-{rows}-shuffled"));
        if !folder.join("truth.json").is_file() {
            println!("Shuffling them into {}", folder.display());
            workspace::output(Command::new(python).args(["-c", SHUFFLE]).arg(&ordered.folder).arg(&folder))?;
        }
        Ok(Self { folder, rows })
    }

    fn in_order(python: &Path, rows: usize) -> Result<Self> {
        let folder = workspace::target().join(format!("bench-data-{rows}"));
        if !folder.join("truth.json").is_file() {
            let script =
                workspace::shared("bench/generate.py").context("there is no ../shared/bench beside this repository")?;
            println!("Making {rows} rows in {}", folder.display());
            workspace::output(Command::new(python).arg(script).arg(&folder).args(["--rows", &rows.to_string()]))?;
        }
        Ok(Self { folder, rows })
    }

    /// A file of the set.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Bytes of the sales file.
    pub(crate) fn csv_bytes(&self) -> Result<u64> {
        Ok(fs_err::metadata(self.file("sales.csv"))?.len())
    }

    /// What must come out of the set.
    pub(crate) fn totals(&self) -> Result<Totals> {
        let truth: Value = serde_json::from_str(&fs_err::read_to_string(self.file("truth.json"))?)?;
        let number = |name: &str| truth[name].as_i64().with_context(|| format!("truth.json has no `{name}`"));
        Ok(Totals { rows: number("kept")?, cents: number("revenue_cents")? })
    }

    /// The `day`-th day after the set ends (0 is 2025-12-31), clean, and what it adds.
    pub(crate) fn next_day(&self, day: u8, rows: usize) -> (String, Totals) {
        let date = if day == 0 { "2025-12-31".to_owned() } else { format!("2026-01-{day:02}") };
        let (products, customers) = ((self.rows / 100).clamp(50, 50_000), (self.rows / 10).clamp(100, 1_000_000));
        let mut text = HEADER.to_owned();
        let mut total = 0;
        for row in 0..rows {
            // Spread over products and customers, the same on every run.
            let spread = (row * 2_654_435_761 + usize::from(day) * 40_503) % 1_000_003;
            let (second, cents) = (row * 86_400 / rows, 500 + spread % 20_000);
            total += cents as i64;
            let _ = writeln!(
                text,
                "D{day}-{row},C{},P{},{},{}.{:02},{date} {:02}:{:02}:{:02}",
                spread % customers,
                spread % products,
                1 + spread % 3,
                cents / 100,
                cents % 100,
                second / 3600,
                second / 60 % 60,
                second % 60
            );
        }
        (text, Totals { rows: rows as i64, cents: total })
    }

    /// The `round`-th correction (up to 31): rows spread over the whole set, no two beside each other and
    /// others than those of any round before, each with one more in its amount. Returns the file and the
    /// cents that it adds.
    pub(crate) fn correction(&self, round: u8, rows: usize) -> Result<(String, i64)> {
        let lines = BufReader::new(fs_err::File::open(self.file("sales.csv"))?).lines();
        let step = (self.rows / rows.max(1)).max(2);
        let mut text = HEADER.to_owned();
        let mut corrected = 0;
        let mut due = 1 + usize::from(round) * (step / ROUNDS);
        for (number, line) in lines.enumerate() {
            if number < due || corrected == rows {
                continue;
            }
            let line = line?;
            let Some((before, amount, after)) = clean(&line) else { continue };
            let raised = amount + 100;
            let _ = writeln!(text, "{before},{}.{:02},{after}", raised / 100, raised % 100);
            corrected += 1;
            due += step;
        }
        Ok((text, corrected as i64 * 100))
    }
}

/// A row that is kept under generate.py's rules: what stands before the amount, the amount in
/// cents, and the date. Its exact duplicate, if it has one, is the next line and never also taken.
fn clean(line: &str) -> Option<(&str, i64, &str)> {
    let fields: [&str; 6] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
    let [transaction, customer, _, quantity, amount, date] = fields;
    let quantity: u32 = quantity.parse().ok()?;
    let amount = cents(amount)?;
    let kept =
        !transaction.is_empty() && !customer.is_empty() && quantity > 0 && amount >= 0 && !date.starts_with("2024-13");
    let before = line.rsplitn(3, ',').nth(2)?;
    kept.then_some((before, amount, date))
}

/// `12.5`, `12.50` or `12` in cents.
pub(crate) fn cents(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.trim_start_matches('-');
    if digits.is_empty() || fraction.len() > 2 || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = format!("{digits}{fraction:0<2}").parse().ok()?;
    Some(if whole.starts_with('-') { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_exact_and_refuse_what_is_no_amount() {
        let read: Vec<_> = ["0.05", "12", "12.5", "-3.10", "N/A", "", "1.005", "1e3"].map(cents).into();
        assert_eq!(read, [Some(5), Some(1200), Some(1250), Some(-310), None, None, None, None]);
    }

    /// Given a large set, two rounds of corrections have no row in common.
    #[test]
    fn corrections_are_of_rows_not_corrected_yet() {
        let folder = tempfile::tempdir().unwrap();
        let row = |row: usize| format!("T{row},C1,P1,1,5.00,2024-01-01 00:00:00\n");
        let csv: String = std::iter::once(HEADER.to_owned()).chain((0..4000).map(row)).collect();
        fs_err::write(folder.path().join("sales.csv"), csv).unwrap();
        let data = Data { folder: folder.path().to_owned(), rows: 4000 };
        let rows: Vec<String> = [1, 2, 31]
            .into_iter()
            .flat_map(|round| {
                data.correction(round, 40).unwrap().0.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let different: std::collections::HashSet<&String> = rows.iter().collect();
        assert_eq!((rows.len(), different.len()), (120, 120));
    }

    /// Given ten lines of which some are dirty and one repeats its neighbour,
    /// a correction takes clean rows only, each once, and adds what it says.
    #[test]
    fn a_correction_raises_clean_rows_by_whole_units() {
        let folder = tempfile::tempdir().unwrap();
        let mut csv = HEADER.to_owned();
        csv += "T0,C1,P1,1,9.99,2024-01-01 00:00:00\nT0,C1,P1,1,9.99,2024-01-01 00:00:00\n";
        csv += "T1,,P1,1,5.00,2024-01-02 00:00:00\nT2,C1,P1,two,5.00,2024-01-02 00:00:00\n";
        csv += "T3,C1,P1,1,-5.00,2024-01-02 00:00:00\nT4,C2,P1,2,0.50,2024-01-03 00:00:00\n";
        fs_err::write(folder.path().join("sales.csv"), csv).unwrap();
        let data = Data { folder: folder.path().to_owned(), rows: 6 };
        let (text, added) = data.correction(2, 3).unwrap();
        let rows: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(rows, ["T0,C1,P1,1,10.99,2024-01-01 00:00:00", "T4,C2,P1,2,1.50,2024-01-03 00:00:00"]);
        assert_eq!(added, 200);
    }

    #[test]
    fn a_day_says_what_it_adds() {
        let (text, totals) = Data { folder: PathBuf::new(), rows: 1000 }.next_day(3, 50);
        let sum: i64 = text.lines().skip(1).map(|line| clean(line).unwrap().1).sum();
        assert_eq!((totals.rows, totals.cents), (50, sum));
        assert!(text.lines().skip(1).all(|line| line.contains(",2026-01-03 ")));
    }
}
