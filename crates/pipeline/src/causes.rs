//! Why rows of a dataset were set aside: counted by rule, with the money at stake and the remedy.

use std::collections::HashMap;

use shoplake_core::outcome::TopCause;
use shoplake_core::{Contract, Reason, Reject};

/// Digits after the point that sums of money are kept with.
const PLACES: u32 = 10;

#[derive(Default)]
struct Weight {
    rows: u64,
    /// In units of 10^-[`PLACES`] of the currency; `None` once a sum would not fit.
    money: Option<i128>,
    has_money: bool,
    example: Option<String>,
}

/// The causes of rejects in one dataset. A row counts under the rule that names it.
#[derive(Default)]
pub(crate) struct Causes {
    weights: HashMap<(Reason, String, Option<String>), Weight>,
}

impl Causes {
    /// Counts rejects of the file `name`.
    pub(crate) fn add(&mut self, name: &str, rejects: &[Reject]) {
        for reject in rejects {
            let Some(first) = reject.first() else { continue };
            let key = (first.reason, first.rule.clone(), first.column.clone());
            let weight = self.weights.entry(key).or_insert_with(|| Weight { money: Some(0), ..Weight::default() });
            weight.rows += 1;
            if let Some(units) = reject.money.as_deref().and_then(units) {
                weight.has_money = true;
                weight.money = weight.money.and_then(|sum| sum.checked_add(units));
            }
            if weight.example.is_none() {
                let value = first.value.as_deref().unwrap_or_default();
                weight.example = Some(format!("`{}` in {name}, line {}", value.escape_debug(), reject.line));
            }
        }
    }

    /// Takes in the causes of an accepted file.
    pub(crate) fn merge(&mut self, other: Self) {
        for (key, weight) in other.weights {
            let mine = self.weights.entry(key).or_insert_with(|| Weight { money: Some(0), ..Weight::default() });
            mine.rows += weight.rows;
            mine.has_money |= weight.has_money;
            mine.money = mine.money.zip(weight.money).and_then(|(a, b)| a.checked_add(b));
            mine.example = mine.example.take().or(weight.example);
        }
    }

    /// The cause that most rows fell under.
    pub(crate) fn top(self, contract: &Contract, rows_read: u64) -> Option<TopCause> {
        let ((reason, rule, column), weight) =
            self.weights.into_iter().max_by(|(a, x), (b, y)| x.rows.cmp(&y.rows).then_with(|| b.cmp(a)))?;
        let hint = hint(contract, reason, &rule, column.as_deref());
        let money = weight.money.filter(|_| weight.has_money).map(decimal);
        let share = weight.rows as f64 / rows_read.max(1) as f64;
        Some(TopCause { reason, rule, column, rows: weight.rows, share, money, example: weight.example, hint })
    }
}

/// Decimal text in units of 10^-[`PLACES`].
fn units(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= PLACES)?;
    let joined: i128 = format!("{whole}{fraction}").parse().ok()?;
    joined.checked_mul(10_i128.pow(PLACES - digits))
}

/// Units as decimal text, without needless zeros but with at least two places.
fn decimal(units: i128) -> String {
    let (sign, digits) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    let unit = 10_u128.pow(PLACES);
    let fraction = format!("{:0width$}", digits % unit, width = PLACES as usize);
    let kept = fraction.trim_end_matches('0').len().max(2);
    format!("{sign}{}.{}", digits / unit, &fraction[..kept])
}

/// What to change, with its place in the project.
fn hint(contract: &Contract, reason: Reason, rule: &str, column: Option<&str>) -> Option<String> {
    let named = column.and_then(|name| contract.column(name));
    let line = named.and_then(|column| column.line).map_or(String::new(), |line| format!(":{line}"));
    let place = format!("{}{line}", contract.file);
    let text = match (reason, named) {
        (Reason::Missing, Some(column)) if column.relationship.is_some() => {
            let who = if column.name.contains("customer") { "guests? " } else { "" };
            format!("{who}set `required: false` at {place}, then `shoplake run`")
        }
        (Reason::Missing, Some(_)) => format!("may it be empty? set `required: false` at {place}"),
        (Reason::Range, Some(_)) => format!("is it right? widen `{rule}` at {place}"),
        (Reason::Malformed, Some(column)) => match column.column_type {
            shoplake_core::ColumnType::Timestamp | shoplake_core::ColumnType::Date => {
                format!("written otherwise? set `formats: [\"%d/%m/%Y %H:%M\"]` (or as the file has it) at {place}")
            }
            shoplake_core::ColumnType::Decimal { .. } => {
                format!("written otherwise? set `decimal_separator`, `thousands_separator` or more places at {place}")
            }
            _ => format!("of another type? change `type` at {place}"),
        },
        (Reason::Malformed, None) if rule.starts_with("fields") => {
            format!("another separator? set `delimiter` in {}", contract.file)
        }
        (Reason::Contract, _) => format!("a change that may come in? set `schema_change` in {}", contract.file),
        _ => return None,
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given amounts of other scales and signs, when summed, then not a cent is lost.
    #[test]
    fn money_is_exact() {
        let sum: i128 = ["0.1", "0.2", "-1.005", "1000000"].iter().filter_map(|text| units(text)).sum();
        assert_eq!(decimal(sum), "999999.295");
        assert_eq!(decimal(units("-0.5").unwrap()), "-0.50");
        assert_eq!(units("1.00000000001"), None, "finer than what is kept is left out, not rounded");
    }
}
