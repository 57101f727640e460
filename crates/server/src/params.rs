//! Query parameters: every name is known, every value within bounds, and taken literally.

use std::collections::BTreeSet;

use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;
use chrono::{Datelike, NaiveDate};

use crate::cube::{Filter, Segment};
use crate::problem::Problem;

/// The most values of all parameters together, and the longest value in characters.
const VALUES_MAX: usize = 1_000;
const VALUE_MAX: usize = 1_000;
/// The longest span of days that is asked for at once.
pub(crate) const DAYS_MAX: i32 = 36_525;
/// Parameters that say which sales a figure is about.
pub(crate) const FILTERS: [&str; 9] =
    ["from", "to", "compare", "category", "product", "city", "segment", "hour", "weekday"];
/// Those of them that may stand there several times.
pub(crate) const MANY: [&str; 6] = ["category", "product", "city", "segment", "hour", "weekday"];

/// What a share link may hold in place of days: a period that moves on with the calendar, see [`crate::period`].
pub(crate) const PERIOD: &str = "period";

/// The parameters of a request, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let RawQuery(query) =
            RawQuery::from_request_parts(parts, state).await.map_err(|error| Problem::internal(&error))?;
        let pairs = url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
        let pairs: Vec<_> =
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).take(VALUES_MAX + 1).collect();
        if pairs.len() > VALUES_MAX {
            return Err(Problem::unprocessable("parameter.many", format!("more than {VALUES_MAX} parameters")));
        }
        if let Some((name, _)) = pairs.iter().find(|(_, value)| value.chars().count() > VALUE_MAX) {
            let name: String = name.chars().take(50).collect();
            let detail = format!("`{name}` is longer than {VALUE_MAX} characters");
            return Err(Problem::unprocessable("parameter.long", detail));
        }
        Ok(Self(pairs))
    }
}

impl Params {
    /// Parameters that were not asked for by a request.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// Whether figures understand them as filters.
    pub(crate) fn checked(&self) -> Result<(), Problem> {
        self.only(&[&FILTERS])?;
        let (first, last) = (date(0), date(0));
        self.filter((first, last)).map(|_| ())
    }

    /// Refuses names that the endpoint does not know, and single ones that stand there twice.
    pub(crate) fn only(&self, known: &[&[&str]]) -> Result<(), Problem> {
        let known: Vec<&str> = known.concat();
        for (index, (name, _)) in self.0.iter().enumerate() {
            let shown: String = name.chars().take(50).collect();
            if !known.contains(&name.as_str()) {
                return Err(Problem::new(
                    axum::http::StatusCode::BAD_REQUEST,
                    "parameter.unknown",
                    format!("there is no parameter `{shown}` here"),
                )
                .hint(format!("the parameters are {}", known.join(", "))));
            }
            let again = self.0.iter().skip(index + 1).any(|(other, _)| other == name);
            if again && !MANY.contains(&name.as_str()) {
                return Err(Problem::unprocessable("parameter.twice", format!("`{shown}` may stand there once")));
            }
        }
        Ok(())
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number from `least` to `most`; `default` where it is not stated.
    pub(crate) fn number(&self, name: &str, default: u32, least: u32, most: u32) -> Result<u32, Problem> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number = whole(text).filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            Problem::unprocessable("parameter.number", format!("`{name}` is a whole number from {least} to {most}"))
        })
    }

    /// Whole numbers from `least` to `most`.
    fn numbers(&self, name: &str, least: u8, most: u8) -> Result<BTreeSet<u8>, Problem> {
        let number = |text: &str| whole::<u8>(text).filter(|number| (least..=most).contains(number));
        let wrong =
            || Problem::unprocessable("parameter.number", format!("`{name}` is a whole number from {least} to {most}"));
        self.all(name).map(|text| number(text).ok_or_else(wrong)).collect()
    }

    /// A day.
    pub(crate) fn date(&self, name: &str) -> Result<Option<NaiveDate>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        // Chrono also reads `+026-01-02` and spaces.
        let date = date.filter(|date| (1..=9999).contains(&date.year()) && date.to_string() == text);
        date.map(Some).ok_or_else(|| {
            Problem::unprocessable("parameter.date", format!("`{name}` is a day as `2026-03-15`, and one that exists"))
        })
    }

    /// One of some words.
    pub(crate) fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        words
            .iter()
            .find(|word| **word == text)
            .copied()
            .map(Some)
            .ok_or_else(|| Problem::unprocessable("parameter.word", format!("`{name}` is one of {}", words.join(", "))))
    }

    /// Puts the values of a share in place of those that were asked for.
    pub(crate) fn fix(&mut self, fixed: &[(String, String)]) {
        let is_fixed = |name: &str| fixed.iter().any(|(known, _)| known == name);
        // Whose days are fixed sees no others, not even to compare.
        let alone = (is_fixed("from") || is_fixed("to")) && !is_fixed("compare");
        self.0.retain(|(name, _)| !(is_fixed(name) || alone && name == "compare"));
        self.0.extend_from_slice(fixed);
    }

    /// What the days are compared with.
    pub(crate) fn compare(&self) -> Result<Option<&'static str>, Problem> {
        self.word("compare", &["previous", "year", "none"])
    }

    /// The sales that are asked for; days that are not stated are the `default` ones.
    pub(crate) fn filter(&self, default: (NaiveDate, NaiveDate)) -> Result<Filter, Problem> {
        // An answer that compares nothing takes the same parameters, and the same values of them.
        self.compare()?;
        let (from, to) = match (self.date("from")?, self.date("to")?) {
            (None, None) => default,
            (Some(from), None) => (from, default.1.max(from)),
            (None, Some(to)) => (to.checked_sub_days(chrono::Days::new(29)).unwrap_or(to), to),
            (Some(from), Some(to)) => (from, to),
        };
        let (from, to) = (day(from), day(to));
        if from > to {
            return Err(Problem::unprocessable("parameter.days", "`from` lies after `to`"));
        }
        if to - from >= DAYS_MAX {
            return Err(Problem::unprocessable("parameter.days", "from `from` to `to` are more than 100 years"));
        }
        let segment = |word: &str| {
            Segment::parse(word).ok_or_else(|| {
                Problem::unprocessable("parameter.segment", "`segment` is one of new, returning, loyal, unknown")
            })
        };
        Ok(Filter {
            categories: self.all("category").map(none_if_empty).collect(),
            products: self.all("product").map(str::to_owned).collect(),
            cities: self.all("city").map(none_if_empty).collect(),
            segments: self.all("segment").map(segment).collect::<Result<BTreeSet<_>, _>>()?,
            hours: self.numbers("hour", 0, 23)?,
            weekdays: self.numbers("weekday", 1, 7)?,
            ..Filter::days(from, to)
        })
    }
}

/// A whole number as it is written: Rust also reads `+7` and `007`.
fn whole<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
    text.parse::<N>().ok().filter(|number| number.to_string() == text)
}

/// An empty value asks for those that have none.
fn none_if_empty(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// A date as days since 1970-01-01.
pub(crate) fn day(date: NaiveDate) -> i32 {
    (date - NaiveDate::default()).num_days() as i32
}

/// A number of days since 1970-01-01 as a date.
pub(crate) fn date(day: i32) -> NaiveDate {
    NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(i64::from(day))).unwrap_or_default()
}
