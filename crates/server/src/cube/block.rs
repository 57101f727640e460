//! The sales of one data file, column by column, in the order of their days.

use std::ops::Range;

/// One sale on its way into a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The shop's day, in days since 1970-01-01.
    pub day: i32,
    /// The shop's hour, 0 to 23.
    pub hour: u8,
    /// The product's number.
    pub product: u32,
    /// The customer's number.
    pub customer: u32,
    /// The city's number.
    pub city: u32,
    /// The amount in the smallest unit of its scale.
    pub amount: i128,
}

/// Whole numbers in the fewest bytes that hold them all.
#[derive(Debug)]
enum Packed {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Packed {
    fn new(values: impl Iterator<Item = u32> + Clone) -> Self {
        match values.clone().max().unwrap_or(0) {
            0..=0xff => Self::One(values.map(|value| value as u8).collect()),
            0x100..=0xffff => Self::Two(values.map(|value| value as u16).collect()),
            _ => Self::Four(values.collect()),
        }
    }

    fn copy(&self, range: Range<usize>, out: &mut Vec<u32>) {
        out.clear();
        match self {
            Self::One(values) => out.extend(values.get(range).unwrap_or_default().iter().map(|v| u32::from(*v))),
            Self::Two(values) => out.extend(values.get(range).unwrap_or_default().iter().map(|v| u32::from(*v))),
            Self::Four(values) => out.extend_from_slice(values.get(range).unwrap_or_default()),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::One(values) => values.len() as u64,
            Self::Two(values) => values.len() as u64 * 2,
            Self::Four(values) => values.len() as u64 * 4,
        }
    }
}

/// Amounts in the fewest bytes that hold them all.
#[derive(Debug)]
enum Amounts {
    Four(Vec<i32>),
    Eight(Vec<i64>),
    Sixteen(Vec<i128>),
}

impl Amounts {
    fn new(values: impl Iterator<Item = i128> + Clone) -> Self {
        let fits = |least: i128, most: i128| values.clone().all(|value| (least..=most).contains(&value));
        if fits(i128::from(i32::MIN), i128::from(i32::MAX)) {
            Self::Four(values.map(|value| value as i32).collect())
        } else if fits(i128::from(i64::MIN), i128::from(i64::MAX)) {
            Self::Eight(values.map(|value| value as i64).collect())
        } else {
            Self::Sixteen(values.collect())
        }
    }

    fn copy(&self, range: Range<usize>, out: &mut Vec<i128>) {
        out.clear();
        match self {
            Self::Four(values) => out.extend(values.get(range).unwrap_or_default().iter().map(|v| i128::from(*v))),
            Self::Eight(values) => out.extend(values.get(range).unwrap_or_default().iter().map(|v| i128::from(*v))),
            Self::Sixteen(values) => out.extend_from_slice(values.get(range).unwrap_or_default()),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Four(values) => values.len() as u64 * 4,
            Self::Eight(values) => values.len() as u64 * 8,
            Self::Sixteen(values) => values.len() as u64 * 16,
        }
    }
}

/// The rows of one piece of a block, unpacked.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) hours: Vec<u32>,
    pub(crate) products: Vec<u32>,
    pub(crate) customers: Vec<u32>,
    pub(crate) cities: Vec<u32>,
    pub(crate) amounts: Vec<i128>,
}

/// The sales of one data file.
#[derive(Debug)]
pub struct Block {
    /// Each day with sales, and the row where it begins; in order.
    starts: Vec<(i32, usize)>,
    rows: usize,
    hours: Packed,
    products: Packed,
    customers: Packed,
    cities: Packed,
    amounts: Amounts,
}

impl Block {
    /// Rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The first and the last day.
    pub fn days(&self) -> Option<(i32, i32)> {
        Some((self.starts.first()?.0, self.starts.last()?.0))
    }

    /// Bytes that the rows take.
    pub fn bytes(&self) -> u64 {
        let packed = [&self.hours, &self.products, &self.customers, &self.cities];
        packed.iter().map(|column| column.bytes()).sum::<u64>() + self.amounts.bytes()
    }

    /// The days from `from` to `to`, each with its rows.
    pub(crate) fn spans(&self, from: i32, to: i32) -> impl Iterator<Item = (i32, Range<usize>)> + '_ {
        let first = self.starts.partition_point(|(day, _)| *day < from);
        let ends = self.starts.iter().skip(first + 1).map(|(_, start)| *start).chain([self.rows]);
        let starts = self.starts.iter().skip(first).take_while(move |(day, _)| *day <= to);
        starts.zip(ends).map(|((day, start), end)| (*day, *start..end))
    }

    /// Unpacks some rows.
    pub(crate) fn unpack(&self, rows: Range<usize>, piece: &mut Piece) {
        self.hours.copy(rows.clone(), &mut piece.hours);
        self.products.copy(rows.clone(), &mut piece.products);
        self.customers.copy(rows.clone(), &mut piece.customers);
        self.cities.copy(rows.clone(), &mut piece.cities);
        self.amounts.copy(rows, &mut piece.amounts);
    }

    /// Calls `each` with the customer of every row.
    pub(crate) fn each_customer(&self, mut each: impl FnMut(u32)) {
        const ROWS: usize = 8_192;
        let mut customers = Vec::new();
        for start in (0..self.rows).step_by(ROWS) {
            self.customers.copy(start..self.rows.min(start + ROWS), &mut customers);
            for customer in &customers {
                each(*customer);
            }
        }
    }
}

/// Makes a block from rows in any order.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    rows: Vec<Row>,
}

impl BlockBuilder {
    /// Takes a row.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// The block.
    pub fn finish(mut self) -> Block {
        self.rows.sort_by_key(|row| row.day);
        let mut starts: Vec<(i32, usize)> = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            if starts.last().is_none_or(|(day, _)| *day != row.day) {
                starts.push((row.day, index));
            }
        }
        let rows = self.rows.iter();
        Block {
            starts,
            rows: self.rows.len(),
            hours: Packed::new(rows.clone().map(|row| u32::from(row.hour))),
            products: Packed::new(rows.clone().map(|row| row.product)),
            customers: Packed::new(rows.clone().map(|row| row.customer)),
            cities: Packed::new(rows.clone().map(|row| row.city)),
            amounts: Amounts::new(rows.map(|row| row.amount)),
        }
    }
}
