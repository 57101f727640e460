//! The figures of one filter.

use std::sync::Arc;

/// Sales and their money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    /// Sales.
    pub transactions: u64,
    /// Money in the smallest unit of the scale.
    pub revenue: i128,
}

impl Cell {
    pub(crate) fn add(&mut self, amount: i128) {
        self.transactions += 1;
        self.revenue += amount;
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.transactions += other.transactions;
        self.revenue += other.revenue;
    }
}

/// The sales of a product that the catalogue knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductSum {
    /// The product's number.
    pub product: u32,
    /// Its sales.
    pub cell: Cell,
}

/// The sales of a category; `None` holds the products without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategorySum {
    /// The category.
    pub category: Option<Arc<str>>,
    /// Its sales.
    pub cell: Cell,
}

/// The sales of a city; `None` holds the sales without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitySum {
    /// The city.
    pub city: Option<Arc<str>>,
    /// Its sales.
    pub cell: Cell,
}

/// The sales of a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentSum {
    /// Its customers with a sale among them.
    pub customers: u64,
    /// Its sales.
    pub cell: Cell,
}

/// All figures of one filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The first day.
    pub from: i32,
    /// 24 cells a day, hour by hour, from the first day to the last.
    pub hours: Vec<Cell>,
    /// All sales.
    pub total: Cell,
    /// Distinct customers.
    pub customers: u64,
    /// Distinct customers of each day, from the first day to the last.
    pub customers_by_day: Vec<u32>,
    /// The [`Answer::TOP`] known products with the highest revenue, in order (ties by id).
    pub products: Vec<ProductSum>,
    /// The categories, the highest revenue first (ties by name).
    pub categories: Vec<CategorySum>,
    /// The cities, the highest revenue first (ties by name).
    pub cities: Vec<CitySum>,
    /// The segments in the order of [`super::Segment::ALL`].
    pub segments: [SegmentSum; 4],
}

impl Answer {
    /// The most products of an answer.
    pub const TOP: usize = 100;

    /// The sales of each day with sales, in order.
    pub fn days(&self) -> impl Iterator<Item = (i32, Cell)> + '_ {
        let days = self.hours.chunks(24).zip(self.from..);
        days.filter_map(|(hours, day)| {
            let mut sum = Cell::default();
            for cell in hours {
                sum.join(*cell);
            }
            (sum.transactions > 0).then_some((day, sum))
        })
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.hours.len() * size_of::<Cell>()
            + self.customers_by_day.len() * size_of::<u32>()
            + self.products.len() * size_of::<ProductSum>()
            + (self.categories.len() + self.cities.len()) * size_of::<CitySum>()
            + size_of::<Self>()
    }
}
