//! What people click: one filter that stands on the page over one of its spans, or free combinations;
//! and the SQL that must give the same figures.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

use super::connection::Connection;

/// The spans that stand on the page, in days back from the last one; the last is all of them.
const SPANS: [(&str, u32); 6] =
    [("1 day", 1), ("7 days", 7), ("30 days", 30), ("90 days", 90), ("1 year", 365), ("all days", 0)];
const FIELDS: [&str; 4] = ["category", "city", "segment", "product"];

/// The page: its last days, and the values that can be clicked.
pub(crate) struct Page {
    /// SQL's days: the last one, and the first.
    last: String,
    first: String,
    /// Each span's first day.
    starts: Vec<String>,
    /// The values of each of [`FIELDS`]: products are the ten of the chart.
    values: [Vec<String>; 4],
}

impl Page {
    /// Reads what stands there.
    pub(crate) fn read(connection: &mut Connection) -> Result<Self> {
        let all = connection.json("/api/v1/sales/trend?grain=month&from=2000-01-01&to=2099-12-31")?;
        let points = all["points"].as_array().context("a trend has points")?;
        let month = |point: Option<&Value>| Some(point?["at"].as_str()?.to_owned());
        let first = format!("{}-01", month(points.first()).context("there are no sales")?);
        let periods = connection.json("/api/v1/sales/periods")?;
        let last = periods["last_day"].as_str().context("there are no sales")?.to_owned();
        let mut starts = Vec::new();
        for (_, days) in SPANS {
            // The server counts days: the summary of the span before ends on the day before.
            let back = if days == 0 { first.clone() } else { day_before(&last, days - 1)? };
            starts.push(back);
        }
        let mut values: [Vec<String>; 4] = Default::default();
        for (field, values) in FIELDS.iter().zip(&mut values) {
            let limit = if *field == "product" { 10 } else { 50 };
            let answer = connection.json(&format!("/api/v1/sales/filter-values?field={field}&limit={limit}"))?;
            let named = answer["values"].as_array().into_iter().flatten();
            let named = named.filter_map(|value| Some(value["value"].as_str()?.to_owned()));
            // Those without a value, and products that no catalogue knows, are no names in the tables.
            values.extend(named.filter(|value| !value.is_empty() && !value.starts_with('(')));
        }
        Ok(Self { last, first, starts, values })
    }

    /// One filter, or none, over one of the spans: what one click on the page leads to.
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

    /// Two to four filters over any days.
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
        let which = random.below(SPANS.len() as u64) as usize;
        let kind = SPANS.get(which).map(|(name, _)| (*name).to_owned()).unwrap_or_default();
        let from = self.starts.get(which).unwrap_or(&self.first).clone();
        Click { kind, days: Some((from, self.last.clone())), filters: Vec::new() }
    }
}

/// What one click asks for.
#[derive(Default)]
pub(crate) struct Click {
    /// What it is, for the table.
    pub(crate) kind: String,
    /// The first day and the last; the server's own choice where there are none.
    days: Option<(String, String)>,
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
        let days = self.days.clone().map_or_else(
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

/// The day that is so many days before `day`.
fn day_before(day: &str, days: u32) -> Result<String> {
    let mut parts = day.split('-').map(|part| part.parse::<u32>().ok());
    let mut next = || parts.next().flatten().with_context(|| format!("`{day}` is no day"));
    let (mut year, mut month, mut number) = (next()?, next()?, next()?);
    for _ in 0..days {
        if number > 1 {
            number -= 1;
            continue;
        }
        (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        number = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
    }
    Ok(format!("{year:04}-{month:02}-{number:02}"))
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

    #[test]
    fn days_go_back_over_months_years_and_leap_days() {
        let before = |day: &str, days| day_before(day, days).unwrap();
        assert_eq!([before("2024-03-01", 1), before("2025-03-01", 1)], ["2024-02-29", "2025-02-28"]);
        assert_eq!([before("2025-01-01", 1), before("2025-12-31", 364)], ["2024-12-31", "2025-01-01"]);
    }

    #[test]
    fn values_stand_in_addresses_and_in_sql_as_themselves() {
        assert_eq!(encoded("O'Brien & Söhne"), "O%27Brien%20%26%20S%C3%B6hne");
        assert_eq!(quoted("O'Brien"), "'O''Brien'");
    }
}
