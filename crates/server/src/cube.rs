//! The sales figures, kept in memory for one published batch and counted anew from nothing else.
//!
//! One [`Block`] holds the sales of one data file of the lake in the order of their hours: for each row
//! its product, customer, city and amount, packed to about 11 bytes. Data files never change, so a new batch drops
//! the blocks of files that are gone and reads only the files that are new; where a correction rewrites the
//! files that it touches, the blocks take the rows that the lake tells (`sales`). An answer is one walk over the rows
//! of its hours: a filter's columns are read first, and the others only where it lets a row through. That is exact
//! for every combination of filters, and quick enough that nothing is rounded or sampled; what is asked for most is
//! walked before it is asked for (`prepared`).
//!
//! Distinct customers are counted with one bit a customer over dense numbers: within one walk that is
//! both smaller and faster than compressed bitmaps a day, which would have to be joined first.
//!
//! What lives here: blocks, names, the walk, and (in `reader`) how they are read through the engine's
//! port. All but `reader` is pure. What does not live here: HTTP, dates as text, JSON.

mod answer;
mod block;
mod filter;
mod names;
mod reader;
mod sales;
mod walk;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shoplake_core::BatchNumber;

pub use answer::{Answer, CategorySum, Cell, CitySum, ProductSum, SegmentSum};
pub use block::{Block, BlockBuilder, Row};
pub use filter::{Filter, Segment, weekday};
pub use names::Names;
pub use reader::Reader;

/// How a product that no catalogue knows is called, as the mart `sales_by_category` calls it.
pub const UNKNOWN_PRODUCT: &str = "(unknown product)";

/// A product as the catalogue has it now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Product {
    /// Its id in sales; `None` where a sale names none.
    pub id: Option<Arc<str>>,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its category; `None` where the catalogue states none.
    pub category: Option<Arc<str>>,
    /// Whether the catalogue has it.
    pub known: bool,
}

/// The sales of one published batch.
#[derive(Debug, Clone)]
pub struct Cube {
    /// The batch.
    pub batch: BatchNumber,
    /// When it was published, UTC.
    pub loaded_at: DateTime<Utc>,
    /// Digits after the point of every amount.
    pub scale: u8,
    /// The latest sale, UTC microseconds.
    pub last_sale: Option<i64>,
    /// The rows.
    pub blocks: Vec<Arc<Block>>,
    /// The products by their number in blocks.
    pub products: Arc<Vec<Product>>,
    /// The cities by their number in blocks; the first is no city.
    pub cities: Arc<Vec<Option<Arc<str>>>>,
    /// The segment of each customer by number in blocks; the first is no customer.
    pub segments: Arc<Vec<Segment>>,
    /// The numbers of customers, for looking one up.
    pub customers: Arc<std::sync::RwLock<Names>>,
    /// The name of each customer by number, where the table of customers has one.
    pub customer_names: Arc<Vec<Option<Box<str>>>>,
}

impl Cube {
    /// Sales in all.
    pub fn rows(&self) -> u64 {
        self.blocks.iter().map(|block| block.len() as u64).sum()
    }

    /// The first and the last day with sales, in days since 1970-01-01.
    pub fn days(&self) -> Option<(i32, i32)> {
        let ends = self.blocks.iter().filter_map(|block| block.days());
        ends.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
    }

    /// The filter over those of its days that the sales reach; where it has none of them, over a day without sales.
    /// What it lets through is the same.
    #[must_use]
    pub fn clipped(&self, filter: &Filter) -> Filter {
        let Some((first, last)) = self.days() else { return filter.clone() };
        let (from, to) = (filter.from.max(first), filter.to.min(last));
        if from > to { filter.over(last + 1, last + 1) } else { filter.over(from, to) }
    }

    /// Bytes that the rows take.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.bytes()).sum()
    }

    /// The segment of a customer by id.
    pub fn segment_of(&self, customer: Option<&str>) -> Segment {
        let number = customer.map_or(0, |id| self.customer_number(id));
        self.segments.get(number as usize).copied().unwrap_or(Segment::Unknown)
    }

    /// The name of a customer by id.
    pub fn customer_name(&self, id: &str) -> Option<&str> {
        self.customer_names.get(self.customer_number(id) as usize)?.as_deref()
    }

    fn customer_number(&self, id: &str) -> u32 {
        let names = self.customers.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        names.get(id).unwrap_or(0)
    }

    /// All known products with sales that `filter` lets through, in no order.
    pub fn sold(&self, filter: &Filter, threads: usize) -> Vec<ProductSum> {
        walk::sold(self, filter, threads)
    }

    /// The customers with a sale that `filter` lets through, `None` for sales without one; nothing where they are
    /// more than `most`.
    pub fn buyers(&self, filter: &Filter, threads: usize, most: usize) -> Option<Vec<Option<Arc<str>>>> {
        let numbers = walk::buyers_of(self, filter, threads, most)?;
        let names = self.customers.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Some(numbers.into_iter().map(|number| names.text(number).cloned()).collect())
    }

    /// The figures of the sales that `filter` lets through.
    pub fn answer(&self, filter: &Filter, threads: usize) -> Answer {
        walk::answer(self, filter, threads)
    }
}
