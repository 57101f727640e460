//! The sales of one data file, column by column, in the order of their hours.

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

    /// The values of some rows.
    fn copy(&self, range: Range<usize>, out: &mut Vec<u32>) {
        out.clear();
        match self {
            Self::One(values) => out.extend(values.get(range).unwrap_or_default().iter().map(|v| u32::from(*v))),
            Self::Two(values) => out.extend(values.get(range).unwrap_or_default().iter().map(|v| u32::from(*v))),
            Self::Four(values) => out.extend_from_slice(values.get(range).unwrap_or_default()),
        }
    }

    /// The values of the rows that are picked, counted from `first`.
    fn gather(&self, first: usize, picked: &[u32], out: &mut Vec<u32>) {
        fn each<T: Copy + Into<u32>>(values: &[T], first: usize, picked: &[u32], out: &mut Vec<u32>) {
            let values = values.get(first..).unwrap_or_default();
            out.extend(picked.iter().filter_map(|row| values.get(*row as usize)).map(|value| (*value).into()));
        }
        out.clear();
        match self {
            Self::One(values) => each(values, first, picked, out),
            Self::Two(values) => each(values, first, picked, out),
            Self::Four(values) => each(values, first, picked, out),
        }
    }

    /// Keeps of the picked rows, counted from the beginning of `range`, those whose value is allowed.
    fn sift(&self, range: Range<usize>, allowed: &[bool], picked: &mut Picked) {
        match self {
            Self::One(values) => picked.sift(values.get(range).unwrap_or_default(), allowed),
            Self::Two(values) => picked.sift(values.get(range).unwrap_or_default(), allowed),
            Self::Four(values) => picked.sift(values.get(range).unwrap_or_default(), allowed),
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

    /// The amounts of the rows that are picked, or of all in `range`.
    fn read(&self, range: Range<usize>, picked: Option<&[u32]>, out: &mut Money) {
        fn each<T: Copy, O>(
            values: &[T],
            range: Range<usize>,
            picked: Option<&[u32]>,
            out: &mut Vec<O>,
            wide: impl Fn(T) -> O,
        ) {
            let values = values.get(range).unwrap_or_default();
            match picked {
                None => out.extend(values.iter().map(|value| wide(*value))),
                Some(rows) => out.extend(rows.iter().filter_map(|row| values.get(*row as usize)).map(|v| wide(*v))),
            }
        }
        out.narrow.clear();
        out.wide.clear();
        match self {
            Self::Four(values) => each(values, range, picked, &mut out.narrow, i64::from),
            Self::Eight(values) => each(values, range, picked, &mut out.narrow, |value| value),
            Self::Sixteen(values) => each(values, range, picked, &mut out.wide, |value| value),
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

/// Amounts on their way into sums; one of the two is empty.
#[derive(Debug, Default)]
pub(crate) struct Money {
    pub(crate) narrow: Vec<i64>,
    pub(crate) wide: Vec<i128>,
}

/// Which rows of a piece pass; all of them until something has sifted.
#[derive(Debug, Default)]
struct Picked {
    rows: Vec<u32>,
    sifted: bool,
}

impl Picked {
    fn sift<T: Copy + Into<u32>>(&mut self, values: &[T], allowed: &[bool]) {
        let passes = |value: T| allowed.get(value.into() as usize).copied().unwrap_or(false);
        if self.sifted {
            self.rows.retain(|row| values.get(*row as usize).is_some_and(|value| passes(*value)));
            return;
        }
        self.sifted = true;
        self.rows.clear();
        self.rows.resize(values.len(), 0);
        let mut kept = 0;
        // Written whether it passes or not: nothing has to be guessed.
        for (row, value) in (0..).zip(values) {
            if let Some(place) = self.rows.get_mut(kept) {
                *place = row;
            }
            kept += usize::from(passes(*value));
        }
        self.rows.truncate(kept);
    }
}

/// Which numbers of each column a row may have; `None` is any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sieve<'a> {
    pub(crate) cities: Option<&'a [bool]>,
    pub(crate) products: Option<&'a [bool]>,
    pub(crate) customers: Option<&'a [bool]>,
}

/// The rows of one piece of a block that pass, unpacked.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    picked: Picked,
    pub(crate) products: Vec<u32>,
    pub(crate) customers: Vec<u32>,
    pub(crate) cities: Vec<u32>,
    pub(crate) amounts: Money,
}

/// The sales of one data file.
#[derive(Debug)]
pub struct Block {
    /// Each hour with sales, as day and hour, and the row where it begins; in order.
    starts: Vec<((i32, u8), usize)>,
    rows: usize,
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
        Some((self.starts.first()?.0.0, self.starts.last()?.0.0))
    }

    /// Bytes that the rows take.
    pub fn bytes(&self) -> u64 {
        let packed = [&self.products, &self.customers, &self.cities];
        let starts = size_of_val(self.starts.as_slice()) as u64;
        packed.iter().map(|column| column.bytes()).sum::<u64>() + self.amounts.bytes() + starts
    }

    /// The hours of the days from `from` to `to`, each with its day and its rows.
    pub(crate) fn spans(&self, from: i32, to: i32) -> impl Iterator<Item = (i32, u8, Range<usize>)> + '_ {
        let first = self.starts.partition_point(|((day, _), _)| *day < from);
        let ends = self.starts.iter().skip(first + 1).map(|(_, start)| *start).chain([self.rows]);
        let starts = self.starts.iter().skip(first).take_while(move |((day, _), _)| *day <= to);
        starts.zip(ends).map(|(((day, hour), start), end)| (*day, *hour, *start..end))
    }

    /// Unpacks those of some rows that pass. The narrowest column goes first: it sifts the most for the least.
    pub(crate) fn unpack(&self, rows: Range<usize>, sieve: Sieve<'_>, piece: &mut Piece) {
        let Piece { picked, products, customers, cities, amounts } = piece;
        picked.sifted = false;
        let columns =
            [(&self.cities, sieve.cities), (&self.products, sieve.products), (&self.customers, sieve.customers)];
        for (column, allowed) in columns {
            if let Some(allowed) = allowed {
                column.sift(rows.clone(), allowed, picked);
            }
        }
        let columns = [(&self.products, products), (&self.customers, customers), (&self.cities, cities)];
        for (column, out) in columns {
            if picked.sifted {
                column.gather(rows.start, &picked.rows, out);
            } else {
                column.copy(rows.clone(), out);
            }
        }
        self.amounts.read(rows, picked.sifted.then_some(picked.rows.as_slice()), amounts);
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
        self.rows.sort_by_key(|row| (row.day, row.hour));
        let mut starts: Vec<((i32, u8), usize)> = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let hour = (row.day, row.hour);
            if starts.last().is_none_or(|(last, _)| *last != hour) {
                starts.push((hour, index));
            }
        }
        let rows = self.rows.iter();
        Block {
            starts,
            rows: self.rows.len(),
            products: Packed::new(rows.clone().map(|row| row.product)),
            customers: Packed::new(rows.clone().map(|row| row.customer)),
            cities: Packed::new(rows.clone().map(|row| row.city)),
            amounts: Amounts::new(rows.map(|row| row.amount)),
        }
    }
}
