//! What the shop's tables say, held against what the files said.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Shop;
use super::stream::{Sale, Stream};

/// What a reader sees after a round.
pub(super) const SEEN: &str = "SELECT count(*) AS n, coalesce(sum(amount), 0) AS amount FROM sales";

/// A reader must see the table as it was after some whole day, never half a run.
pub(super) fn whole_runs_only(rows: &[Value], stream: &Stream) -> Result<()> {
    let row = rows.first().context("no row")?;
    let seen = (row["n"].as_u64().context("no count")?, cents(&row["amount"])?);
    ensure!(
        stream.after.contains(&seen),
        "a reader saw {} rows worth {} cents, which no whole run left",
        seen.0,
        seen.1
    );
    Ok(())
}

/// How tables and files differ.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    rows: u64,
    written: u64,
    lost: u64,
    doubled: u64,
    wrong: u64,
    invented: u64,
    rejected: u64,
    rejected_differ: u64,
    days: u64,
    days_differ: u64,
}

impl Verdict {
    pub(super) fn holds(&self) -> bool {
        let Self { lost, doubled, wrong, invented, rejected_differ, days_differ, .. } = self;
        lost + doubled + wrong + invented + rejected_differ + days_differ == 0
    }

    pub(super) fn table(&self) -> String {
        let lines = [
            ("rows in the files", self.written),
            ("sales in the table", self.rows),
            ("  lost", self.lost),
            ("  doubled", self.doubled),
            ("  with other values", self.wrong),
            ("  that no file has", self.invented),
            ("rows in quarantine", self.rejected),
            ("  lost, doubled or other", self.rejected_differ),
            ("days in the daily mart", self.days),
            ("  with other figures", self.days_differ),
        ];
        lines.map(|(words, figure)| format!("   {words:<26}{figure:>9}")).join("\n")
    }
}

/// Compares every sale, every rejected row and every day.
pub(super) fn compare(shop: &Shop, stream: &Stream) -> Result<Verdict> {
    let mut verdict = Verdict { written: stream.written, ..Verdict::default() };
    sales(shop, stream, &mut verdict)?;
    quarantine(shop, stream, &mut verdict)?;
    days(shop, stream, &mut verdict)?;
    Ok(verdict)
}

fn sales(shop: &Shop, stream: &Stream, verdict: &mut Verdict) -> Result<()> {
    let mut missing: BTreeSet<&str> = stream.sales.keys().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    for row in shop.query("SELECT * FROM sales")? {
        verdict.rows += 1;
        let id = text(&row["transaction_id"]);
        missing.remove(id.as_str());
        match stream.sales.get(&id) {
            None => verdict.invented += 1,
            Some(sale) if *sale != read(&row)? => verdict.wrong += 1,
            Some(_) => {}
        }
        verdict.doubled += u64::from(!seen.insert(id));
    }
    verdict.lost = missing.len() as u64;
    Ok(())
}

fn read(row: &Value) -> Result<Sale> {
    let at = text(&row["transaction_date"]);
    let (date, time) = at.split_once('T').context("a moment without a time")?;
    Ok(Sale {
        customer: text(&row["customer_id"]),
        product: text(&row["product_id"]),
        quantity: row["quantity"].as_u64().context("no quantity")?,
        cents: cents(&row["amount"])?,
        date: date.to_owned(),
        hour: time.get(..2).context("no hour")?.parse()?,
    })
}

fn quarantine(shop: &Shop, stream: &Stream, verdict: &mut Verdict) -> Result<()> {
    let mut expected: BTreeMap<&str, i64> = BTreeMap::new();
    for line in &stream.rejected {
        *expected.entry(line).or_default() += 1;
    }
    let rows = shop.query("SELECT raw FROM quarantine")?;
    verdict.rejected = rows.len() as u64;
    for row in &rows {
        *expected.entry(row["raw"].as_str().context("no raw text")?).or_default() -= 1;
    }
    verdict.rejected_differ = expected.values().map(|rows| rows.unsigned_abs()).sum();
    Ok(())
}

fn days(shop: &Shop, stream: &Stream, verdict: &mut Verdict) -> Result<()> {
    let mut expected: BTreeMap<&str, (u64, u64, BTreeSet<&str>)> = BTreeMap::new();
    for sale in stream.sales.values() {
        let (count, cents, customers) = expected.entry(&sale.date).or_default();
        *count += 1;
        *cents += sale.cents;
        customers.insert(&sale.customer);
    }
    for row in shop.query("SELECT * FROM daily_sales_summary")? {
        verdict.days += 1;
        let found =
            (row["transaction_count"].as_u64(), cents(&row["total_revenue"])?, row["unique_customers"].as_u64());
        let day = expected.remove(text(&row["date"]).as_str());
        let same =
            day.is_some_and(|(count, cents, customers)| found == (Some(count), cents, Some(customers.len() as u64)));
        verdict.days_differ += u64::from(!same);
    }
    verdict.days_differ += expected.len() as u64;
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Decimal text in cents: `12.5` is 1250, and a third place must be zero.
fn cents(value: &Value) -> Result<u64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (part, rest) = part.split_at(part.len().min(2));
    ensure!(rest.bytes().all(|digit| digit == b'0'), "`{text}` has more places than cents");
    Ok(whole.parse::<u64>()? * 100 + format!("{part:0<2}").parse::<u64>()?)
}
