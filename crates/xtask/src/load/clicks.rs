//! What people click: one filter that stands on the page over one of its periods, or free combinations;
//! and the SQL that must give the same figures.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use chrono::{Datelike, Days, Months, NaiveDate};
use serde_json::Value;

use super::connection::Connection;

/// The periods that stand on the page (`web/src/lib/state/filters.ts`), counted from the shop's today.
const PERIODS: [&str; 10] =
    ["today", "yesterday", "week", "last7", "last30", "month", "last_month", "last90", "year", "last365"];
const FIELDS: [&str; 4] = ["category", "city", "segment", "product"];

/// The page: its days, and the values that can be clicked.
pub(crate) struct Page {
    /// The shop's day.
    today: NaiveDate,
    /// The day of the last sale.
    last: NaiveDate,
    /// The values of each of [`FIELDS`]: products are the ten of the chart.
    values: [Vec<String>; 4],
}

impl Page {
    /// Reads what stands there.
    pub(crate) fn read(connection: &mut Connection) -> Result<Self> {
        let day = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let periods = connection.json("/api/v1/sales/periods")?;
        let last = day(&periods["last_day"]).context("there are no sales")?;
        let today = day(&connection.json("/api/v1/session")?["shop"]["today"]).context("the shop has no day")?;
        let mut values: [Vec<String>; 4] = Default::default();
        for (field, values) in FIELDS.iter().zip(&mut values) {
            let limit = if *field == "product" { 10 } else { 50 };
            let answer = connection.json(&format!("/api/v1/sales/filter-values?field={field}&limit={limit}"))?;
            let named = answer["values"].as_array().into_iter().flatten();
            let named = named.filter_map(|value| Some(value["value"].as_str()?.to_owned()));
            // Those without a value, and products that no catalogue knows, are no names in the tables.
            values.extend(named.filter(|value| !value.is_empty() && !value.starts_with('(')));
        }
        Ok(Self { today, last, values })
    }

    /// One filter, or none, over one of the periods: what one click on the page leads to.
    pub(crate) fn click(&self, random: &mut Random) -> Click {
        let mut click = self.span(random);
        let which = random.below(6) as usize;
        let span = click.kind.clone();
        click.kind = match (FIELDS.get(which), self.values.get(which)) {
            (Some(field), Some(values)) => {
                click.filters.extend(random.pick(values).map(|value| (*field, value.clone())));
                format!("{field}, {span}")
            }
            _ if which == 4 => {
                click.filters.push(("weekday", (1 + random.below(7)).to_string()));
                click.filters.push(("hour", random.below(24).to_string()));
                format!("weekday and hour, {span}")
            }
            _ => format!("no filter, {span}"),
        };
        click
    }

    /// Two to four filters over any period.
    pub(crate) fn combination(&self, random: &mut Random) -> Click {
        let mut click = self.span(random);
        let span = click.kind.clone();
        let mut count = 0;
        for (field, values) in FIELDS.iter().zip(&self.values) {
            if *field == "product" || random.below(3) == 0 {
                continue;
            }
            for _ in 0..=random.below(3) {
                click.filters.extend(random.pick(values).map(|value| (*field, value.clone())));
            }
            count += 1;
        }
        if random.below(4) == 0 {
            click.filters.extend((0..3).map(|_| ("hour", random.below(24).to_string())));
            count += 1;
        }
        click.filters.sort();
        click.filters.dedup();
        click.kind = format!("{count} filters, {span}");
        click
    }

    fn span(&self, random: &mut Random) -> Click {
        let kind = random.pick(&PERIODS).copied().unwrap_or_default();
        Click { kind: kind.to_owned(), days: Some(days_of(kind, self.today)), filters: Vec::new() }
    }
}

/// What one click asks for.
#[derive(Default)]
pub(crate) struct Click {
    /// What it is, for the table.
    pub(crate) kind: String,
    /// The first day and the last; the server's own choice where there are none.
    days: Option<(NaiveDate, NaiveDate)>,
    filters: Vec<(&'static str, String)>,
}

impl Click {
    /// The parameters of the request.
    pub(crate) fn query(&self) -> String {
        let mut query = String::new();
        if let Some((from, to)) = &self.days {
            let _ = write!(query, "from={from}&to={to}");
        }
        for (name, value) in &self.filters {
            let _ = write!(query, "&{name}={}", encoded(value));
        }
        query
    }

    /// The requests that the page sends, each with the endpoint's name.
    pub(crate) fn requests(&self) -> Vec<(&'static str, String)> {
        let query = self.query();
        let undated = self.filters.iter().fold(String::new(), |mut query, (name, value)| {
            let _ = write!(query, "&{name}={}", encoded(value));
            query
        });
        let sales = |name: &str, more: &str| format!("/api/v1/sales/{name}?{query}{more}");
        vec![
            ("summary", sales("summary", "&compare=previous")),
            ("periods", format!("/api/v1/sales/periods?{}", undated.trim_start_matches('&'))),
            ("trend", sales("trend", "&compare=previous&grain=day")),
            ("top-products", sales("top-products", "&limit=10")),
            ("categories", sales("categories", "")),
            ("segments", sales("segments", "")),
            ("heatmap", sales("heatmap", "")),
            ("transactions", sales("transactions", "&limit=50")),
        ]
    }

    /// The query whose row says the same.
    pub(crate) fn sql(&self, page: &Page) -> String {
        let days = self.days.map_or_else(
            || format!("local_date(transaction_date) > DATE '{}' - INTERVAL '30 days'", page.last),
            |(from, to)| format!("local_date(transaction_date) BETWEEN DATE '{from}' AND DATE '{to}'"),
        );
        let mut conditions = vec![days];
        for field in ["category", "city", "segment", "product", "weekday", "hour"] {
            let values: Vec<String> =
                self.filters.iter().filter(|(name, _)| *name == field).map(|(_, v)| quoted(v)).collect();
            if values.is_empty() {
                continue;
            }
            let values = values.join(", ");
            conditions.push(match field {
                "category" => format!("product_id IN (SELECT product_id FROM products WHERE category IN ({values}))"),
                "segment" => format!("coalesce(segment, 'unknown') IN ({values})"),
                "product" => format!("product_id IN ({values})"),
                "weekday" => format!("CAST(iso_weekday(transaction_date) AS VARCHAR) IN ({values})"),
                "hour" => format!("CAST(local_hour(transaction_date) AS VARCHAR) IN ({values})"),
                other => format!("{other} IN ({values})"),
            });
        }
        format!(
            "SELECT coalesce(sum(amount), CAST(0 AS DECIMAL(38, 2))) AS revenue, count(*) AS transactions, \
             count(DISTINCT customer_id) AS unique_customers FROM sales LEFT JOIN (SELECT customer_id AS buyer, \
             CASE WHEN count(*) = 1 THEN 'new' WHEN count(*) < 5 THEN 'returning' ELSE 'loyal' END AS segment \
             FROM sales WHERE customer_id IN (SELECT customer_id FROM customers) GROUP BY 1) ON buyer = customer_id \
             WHERE {}",
            conditions.join(" AND ")
        )
    }
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// The first and the last day of a period, as the page counts them.
fn days_of(period: &str, today: NaiveDate) -> (NaiveDate, NaiveDate) {
    let back = |days: u64| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let month = back(u64::from(today.day0()));
    match period {
        "yesterday" => (back(1), back(1)),
        "week" => (back(u64::from(today.weekday().num_days_from_monday())), today),
        "last7" => (back(6), today),
        "last30" => (back(29), today),
        "month" => (month, today),
        "last_month" => {
            let first = month.checked_sub_months(Months::new(1)).unwrap_or(month);
            (first, back(u64::from(today.day())))
        }
        "last90" => (back(89), today),
        "year" => (back(u64::from(today.ordinal0())), today),
        "last365" => (back(364), today),
        _ => (today, today),
    }
}

/// Numbers that are the same on every run.
pub(crate) struct Random(u64);

impl Random {
    /// Other numbers for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // xorshift64*: nothing depends on its quality.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end.max(1)
    }

    fn pick<'v, T>(&mut self, values: &'v [T]) -> Option<&'v T> {
        values.get(self.below(values.len() as u64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given the words of the page, then they are those that are clicked, and each has the page's days.
    #[test]
    fn periods_are_those_of_the_page() {
        let page = include_str!("../../../../web/src/lib/state/filters.ts");
        let list = page.split("export const PRESETS = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        assert_eq!(list.split('"').skip(1).step_by(2).collect::<Vec<_>>(), PERIODS);
        let days = |period: &str| {
            let (from, to) = days_of(period, "2024-03-31".parse().unwrap());
            format!("{from} {to}")
        };
        assert_eq!([days("today"), days("week")], ["2024-03-31 2024-03-31", "2024-03-25 2024-03-31"]);
        assert_eq!([days("last_month"), days("year")], ["2024-02-01 2024-02-29", "2024-01-01 2024-03-31"]);
    }

    #[test]
    fn values_stand_in_addresses_and_in_sql_as_themselves() {
        assert_eq!(encoded("O'Brien & Söhne"), "O%27Brien%20%26%20S%C3%B6hne");
        assert_eq!(quoted("O'Brien"), "'O''Brien'");
    }
}
