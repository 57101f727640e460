//! The report's tables as CSV files (RFC 4180), safe to open in a spreadsheet.

use super::{DailyReport, TrendDay, Unit};
use crate::Decimal;

/// One cell: text is guarded against formulas, numbers are not.
enum Cell {
    Text(String),
    Number(String),
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<Decimal> for Cell {
    fn from(number: Decimal) -> Self {
        Self::Number(number.to_string())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// Each table's name and its text.
pub(super) fn tables(report: &DailyReport) -> Vec<(&'static str, String)> {
    let mut tables = vec![
        ("kpis", kpis(report)),
        ("trend", trend(report)),
        ("products", products(report)),
        ("categories", categories(report)),
        ("quality", quality(report)),
    ];
    if !report.hours.is_empty() {
        tables.push(("hours", hours(report)));
    }
    tables
}

fn kpis(report: &DailyReport) -> String {
    let header = "name,unit,value,against,against_date,against_value,difference,percent";
    let lines = report.kpis.iter().flat_map(|kpi| {
        let unit = if kpi.unit == Unit::Money { report.shop.currency.as_str() } else { "count" };
        kpi.changes.iter().map(move |change| {
            vec![
                kpi.name.into(),
                unit.into(),
                kpi.value.into(),
                change.against.as_str().into(),
                Cell::Number(change.date.to_string()),
                change.earlier.into(),
                change.difference.into(),
                change.percent.into(),
            ]
        })
    });
    table(header, lines)
}

fn trend(report: &DailyReport) -> String {
    let line = |day: &TrendDay| {
        let figures = day.figures.as_ref();
        vec![
            Cell::Number(day.date.to_string()),
            figures.map(|figures| figures.transactions).into(),
            figures.map(|figures| figures.revenue).into(),
            figures.and_then(|figures| figures.average_order_value).into(),
            figures.map(|figures| figures.unique_customers).into(),
        ]
    };
    let days = report.trend_before.iter().chain(&report.trend);
    table("date,transactions,revenue,average_order_value,unique_customers", days.map(line))
}

fn products(report: &DailyReport) -> String {
    let lines = report.products.iter().map(|product| {
        vec![
            product.product_id.as_str().into(),
            product.name.as_deref().into(),
            product.orders.into(),
            product.revenue.into(),
        ]
    });
    table("product_id,name,orders,revenue", lines)
}

fn categories(report: &DailyReport) -> String {
    let lines = report.categories.iter().map(|line| {
        vec![line.category.as_str().into(), line.orders.into(), line.revenue.into(), line.share_percent.into()]
    });
    table("category,orders,revenue,share_percent", lines)
}

fn hours(report: &DailyReport) -> String {
    let lines =
        report.hours.iter().map(|line| vec![u64::from(line.hour).into(), line.orders.into(), line.revenue.into()]);
    table("hour,orders,revenue", lines)
}

fn quality(report: &DailyReport) -> String {
    use shoplake_core::Reason::{Contract, Malformed, Missing, Range};
    let header = "dataset,rows_read,inserted,updated,duplicate,rejected,orphans,\
                  rejected_malformed,rejected_missing,rejected_range,rejected_contract";
    let datasets = report.quality.iter().flat_map(|quality| &quality.datasets);
    let lines = datasets.map(|line| {
        let counts = &line.counts;
        let mut cells: Vec<Cell> = vec![line.dataset.as_str().into()];
        let sums =
            [counts.rows_read, counts.inserted, counts.updated, counts.duplicate, counts.rejected, counts.orphans];
        cells.extend(sums.map(Cell::from));
        let rejects =
            [Malformed, Missing, Range, Contract].map(|reason| counts.rejects.get(&reason).copied().unwrap_or(0));
        cells.extend(rejects.map(Cell::from));
        cells
    });
    table(header, lines)
}

fn table(header: &str, lines: impl Iterator<Item = Vec<Cell>>) -> String {
    let mut out = format!("{header}\r\n");
    for cells in lines {
        let cells: Vec<String> = cells.into_iter().map(written).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

fn written(cell: Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Number(number) => number,
        Cell::Text(text) => {
            // A spreadsheet would run what starts like a formula; the apostrophe makes it text.
            let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) { format!("'{text}") } else { text };
            if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given cells that a reader could trip over, when written, then each stays one cell of plain text.
    #[test]
    fn quoting_and_formulas() {
        for (text, cell) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("-5% off", "'-5% off"),
            ("@cmd", "'@cmd"),
            ("\tx", "'\tx"),
        ] {
            assert_eq!(written(text.into()), cell);
        }
        assert_eq!(written(Decimal::new(-550, 2).into()), "-5.50", "a number is no formula");
    }
}
