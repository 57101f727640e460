//! The sales of one data file, column by column, in the order of their hours.

use std::collections::HashMap;
use std::ops::Range;

/// One sale on its way into a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

impl Row {
    fn at(&self) -> (i32, u8) {
        (self.day, self.hour)
    }
}

/// Each hour with sales, as day and hour, and the row where it begins; in order.
type Starts = Vec<((i32, u8), usize)>;

/// What a column is made of anew.
enum Step {
    /// Rows of the column as it was.
    Keep(Range<usize>),
    /// A row that comes, by its place among those.
    Add(usize),
}

/// A column made anew.
fn splice<T: Copy>(values: &[T], steps: &[Step], come: &[T]) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len() + come.len());
    for step in steps {
        match step {
            Step::Keep(range) => out.extend_from_slice(values.get(range.clone()).unwrap_or_default()),
            Step::Add(at) => out.extend(come.get(*at)),
        }
    }
    out
}

/// The values in another width, where all of them fit it.
fn narrowed<T: Copy, N: TryFrom<T>>(values: &[T]) -> Option<Vec<N>> {
    values.iter().map(|value| N::try_from(*value).ok()).collect()
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

    fn get(&self, row: usize) -> Option<u32> {
        match self {
            Self::One(values) => values.get(row).map(|value| u32::from(*value)),
            Self::Two(values) => values.get(row).map(|value| u32::from(*value)),
            Self::Four(values) => values.get(row).copied(),
        }
    }

    /// The column made anew; wider, where what comes does not fit.
    fn spliced(&self, steps: &[Step], come: &[u32]) -> Self {
        match self {
            Self::One(values) => narrowed(come).map(|come| Self::One(splice(values, steps, &come))),
            Self::Two(values) => narrowed(come).map(|come| Self::Two(splice(values, steps, &come))),
            Self::Four(values) => Some(Self::Four(splice(values, steps, come))),
        }
        .unwrap_or_else(|| {
            let values: Vec<u32> = (0..).map_while(|row| self.get(row)).collect();
            Self::Four(splice(&values, steps, come))
        })
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

    fn get(&self, row: usize) -> Option<i128> {
        match self {
            Self::Four(values) => values.get(row).map(|value| i128::from(*value)),
            Self::Eight(values) => values.get(row).map(|value| i128::from(*value)),
            Self::Sixteen(values) => values.get(row).copied(),
        }
    }

    /// The column made anew; wider, where what comes does not fit.
    fn spliced(&self, steps: &[Step], come: &[i128]) -> Self {
        match self {
            Self::Four(values) => narrowed(come).map(|come| Self::Four(splice(values, steps, &come))),
            Self::Eight(values) => narrowed(come).map(|come| Self::Eight(splice(values, steps, &come))),
            Self::Sixteen(values) => Some(Self::Sixteen(splice(values, steps, come))),
        }
        .unwrap_or_else(|| {
            let values: Vec<i128> = (0..).map_while(|row| self.get(row)).collect();
            Self::new(splice(&values, steps, come).into_iter())
        })
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
    starts: Starts,
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

    /// The block without the rows `gone` and with the rows `come`, both in order; `None` where it does not have all
    /// that are to go.
    pub fn spliced(&self, gone: &[Row], come: &[Row]) -> Option<Self> {
        let dropped = self.places(gone)?;
        let (starts, steps, rows) = self.steps(&dropped, come);
        let column = |of: fn(&Row) -> u32| come.iter().map(of).collect::<Vec<u32>>();
        let amounts: Vec<i128> = come.iter().map(|row| row.amount).collect();
        Some(Self {
            starts,
            rows,
            products: self.products.spliced(&steps, &column(|row| row.product)),
            customers: self.customers.spliced(&steps, &column(|row| row.customer)),
            cities: self.cities.spliced(&steps, &column(|row| row.city)),
            amounts: self.amounts.spliced(&steps, &amounts),
        })
    }

    /// Where rows stand, ascending.
    fn places(&self, rows: &[Row]) -> Option<Vec<usize>> {
        let mut places = Vec::with_capacity(rows.len());
        for of_hour in rows.chunk_by(|a, b| a.at() == b.at()) {
            let at = of_hour.first()?.at();
            let hour = self.starts.binary_search_by_key(&at, |(hour, _)| *hour).ok()?;
            let end = self.starts.get(hour + 1).map_or(self.rows, |(_, start)| *start);
            let mut wanted: HashMap<_, usize> = HashMap::new();
            for row in of_hour {
                *wanted.entry((row.product, row.customer, row.city, row.amount)).or_default() += 1;
            }
            let (mut missing, mut row) = (of_hour.len(), self.starts.get(hour)?.1);
            while missing > 0 && row < end {
                let key = (self.products.get(row)?, self.customers.get(row)?, self.cities.get(row)?);
                let key = (key.0, key.1, key.2, self.amounts.get(row)?);
                if let Some(count) = wanted.get_mut(&key).filter(|count| **count > 0) {
                    (*count, missing) = (*count - 1, missing - 1);
                    places.push(row);
                }
                row += 1;
            }
            if missing > 0 {
                return None;
            }
        }
        Some(places)
    }

    /// The hours of the block made anew, how its columns are made, and its rows.
    fn steps(&self, dropped: &[usize], come: &[Row]) -> (Starts, Vec<Step>, usize) {
        let (mut starts, mut steps, mut rows) = (Vec::with_capacity(self.starts.len()), Vec::new(), 0);
        let ends = self.starts.iter().skip(1).map(|(_, start)| *start).chain([self.rows]);
        let mut hours = self.starts.iter().zip(ends).peekable();
        let (mut dropped, mut come) = (dropped.iter().copied().peekable(), (0..).zip(come).peekable());
        let keep = |steps: &mut Vec<Step>, range: Range<usize>| {
            let kept = range.len();
            match steps.last_mut() {
                Some(Step::Keep(before)) if before.end == range.start => before.end = range.end,
                _ if kept > 0 => steps.push(Step::Keep(range)),
                _ => {}
            }
            kept
        };
        loop {
            let of_block = hours.peek().map(|((hour, _), _)| *hour);
            let of_come = come.peek().map(|(_, row)| row.at());
            let Some(at) = of_block.into_iter().chain(of_come).min() else { break };
            let begin = rows;
            if let Some(((_, start), end)) = hours.next_if(|((hour, _), _)| *hour == at) {
                let mut from = *start;
                while let Some(row) = dropped.next_if(|row| *row < end) {
                    rows += keep(&mut steps, from..row);
                    from = row + 1;
                }
                rows += keep(&mut steps, from..end);
            }
            while let Some((place, _)) = come.next_if(|(_, row)| row.at() == at) {
                steps.push(Step::Add(place));
                rows += 1;
            }
            if rows > begin {
                starts.push((at, begin));
            }
        }
        (starts, steps, rows)
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

impl From<Vec<Row>> for BlockBuilder {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows }
    }
}

impl BlockBuilder {
    /// Takes a row.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Takes all rows of a block.
    pub fn extend(&mut self, block: &Block) {
        for (day, hour, rows) in block.spans(i32::MIN, i32::MAX) {
            self.rows.extend(rows.filter_map(|row| {
                Some(Row {
                    day,
                    hour,
                    product: block.products.get(row)?,
                    customer: block.customers.get(row)?,
                    city: block.cities.get(row)?,
                    amount: block.amounts.get(row)?,
                })
            }));
        }
    }

    /// The block.
    pub fn finish(mut self) -> Block {
        self.rows.sort_by_key(Row::at);
        let mut starts = Starts::new();
        for (index, row) in self.rows.iter().enumerate() {
            let hour = row.at();
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
