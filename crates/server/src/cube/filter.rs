//! Which sales a figure is about.

use std::collections::BTreeSet;

/// What a customer is to the shop, by the number of its orders ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Segment {
    /// One order.
    New,
    /// Two to four.
    Returning,
    /// Five and more.
    Loyal,
    /// No customer, or one that the table of customers does not know.
    Unknown,
}

impl Segment {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::New, Self::Returning, Self::Loyal, Self::Unknown];

    /// The segment of a customer with so many orders.
    pub fn of(known: bool, orders: u32) -> Self {
        match (known, orders) {
            (false, _) | (true, 0) => Self::Unknown,
            (true, 1) => Self::New,
            (true, 2..=4) => Self::Returning,
            (true, _) => Self::Loyal,
        }
    }

    /// Its word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Returning => "returning",
            Self::Loyal => "loyal",
            Self::Unknown => "unknown",
        }
    }

    /// The segment of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|segment| segment.as_str() == word)
    }
}

/// Days and values; an empty set lets everything through, values within a set are alternatives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    /// The first day, in days since 1970-01-01.
    pub from: i32,
    /// The last day.
    pub to: i32,
    /// Categories as the catalogue has them now; `None` is a product without one.
    pub categories: BTreeSet<Option<String>>,
    /// Product ids.
    pub products: BTreeSet<String>,
    /// Cities as they were known at load; `None` is no city.
    pub cities: BTreeSet<Option<String>>,
    /// Segments.
    pub segments: BTreeSet<Segment>,
    /// Hours of the shop's clock, 0 to 23.
    pub hours: BTreeSet<u8>,
    /// Weekdays of the shop, 1 (Monday) to 7.
    pub weekdays: BTreeSet<u8>,
}

impl Filter {
    /// All sales of these days.
    pub fn days(from: i32, to: i32) -> Self {
        Self {
            from,
            to,
            categories: BTreeSet::new(),
            products: BTreeSet::new(),
            cities: BTreeSet::new(),
            segments: BTreeSet::new(),
            hours: BTreeSet::new(),
            weekdays: BTreeSet::new(),
        }
    }

    /// Whether a day passes.
    pub fn lets_day(&self, day: i32) -> bool {
        (self.from..=self.to).contains(&day) && (self.weekdays.is_empty() || self.weekdays.contains(&weekday(day)))
    }

    /// The same filter over as many days, those that end before its own begin.
    #[must_use]
    pub fn before(&self) -> Self {
        self.over(self.from - (self.to - self.from) - 1, self.from - 1)
    }

    /// The same filter over other days.
    #[must_use]
    pub fn over(&self, from: i32, to: i32) -> Self {
        Self { from, to, ..self.clone() }
    }
}

/// The weekday of a day, 1 (Monday) to 7: 1970-01-01 was a Thursday.
pub fn weekday(day: i32) -> u8 {
    ((i64::from(day) + 3).rem_euclid(7) + 1) as u8
}
