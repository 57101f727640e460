//! The blocks of the table of sales, kept from batch to batch: which stay, which are made anew from the rows that a
//! batch tells, and which files have to be read.
//!
//! A batch that corrects old sales writes their files anew, and most of what they hold was there before. Where the lake
//! tells which rows left and which entered, the blocks are changed by these and nothing else; the number of rows that
//! the files state holds the result. What does not come out is read. Not here: how rows are read ([`super::Reader`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shoplake_core::upkeep::ChangedRows;
use shoplake_core::{BatchNumber, PinnedTable, TableFile};

use super::block::{Block, BlockBuilder, Row};

/// The values of a partition's columns.
type Partition = BTreeMap<String, Option<String>>;

/// Rows on their way into blocks or out of them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) dated: Vec<Row>,
    /// Rows without a moment: they belong to no day, and to no block.
    pub(super) undated: u64,
    /// The latest moment, UTC microseconds.
    pub(super) last_sale: Option<i64>,
}

/// What is known of one data file, or of the files of one partition together.
#[derive(Debug)]
pub(super) struct Loaded {
    files: Vec<String>,
    partition: Partition,
    pub(super) block: Arc<Block>,
    undated: u64,
    pub(super) last_sale: Option<i64>,
}

impl Loaded {
    /// The rows of one data file.
    pub(super) fn new(file: &TableFile, rows: Rows) -> Self {
        Self {
            files: vec![file.path.clone()],
            partition: file.partition.clone(),
            block: Arc::new(BlockBuilder::from(rows.dated).finish()),
            undated: rows.undated,
            last_sale: rows.last_sale,
        }
    }

    /// Whether it stands for a file.
    fn stands_for(&self, path: &str) -> bool {
        self.files.iter().any(|file| file == path)
    }

    /// Whether all of its files are still the table's.
    fn stays(&self, current: &BTreeSet<&str>) -> bool {
        self.files.iter().all(|file| current.contains(file.as_str()))
    }
}

/// A partition whose files were written anew, and the files that hold the rows that make the difference.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    /// Its files that no block stands for.
    files: Vec<TableFile>,
    pub(super) entered: Vec<TableFile>,
    pub(super) left: Vec<TableFile>,
}

/// A partition whose block was made from the one before.
#[derive(Debug)]
pub(super) struct Followed {
    loaded: Loaded,
    entered: Vec<Row>,
    left: Vec<Row>,
}

impl Followed {
    /// Whether it stands for a file.
    pub(super) fn stands_for(&self, path: &str) -> bool {
        self.loaded.stands_for(path)
    }
}

/// All blocks.
#[derive(Debug, Default)]
pub(super) struct Sales {
    /// The batch whose sales these are.
    pub(super) batch: Option<BatchNumber>,
    loaded: Vec<Loaded>,
    /// Sales of each customer by number, over all blocks.
    orders: Vec<u32>,
}

impl Sales {
    /// The blocks.
    pub(super) fn loaded(&self) -> &[Loaded] {
        &self.loaded
    }

    /// How many sales a customer has.
    pub(super) fn orders(&self, customer: usize) -> u32 {
        self.orders.get(customer).copied().unwrap_or(0)
    }

    /// The partitions whose files `table` has otherwise than the blocks, with the rows that `changes` tells. Files that
    /// hold nothing but new rows are left out: they are read as they are.
    pub(super) fn rewritten(&self, table: &PinnedTable, changes: &[ChangedRows]) -> BTreeMap<Partition, Rewritten> {
        let current = paths(table);
        let stay = self.loaded.iter().filter(|loaded| loaded.stays(&current));
        let mut known: BTreeSet<&str> = stay.flat_map(|loaded| &loaded.files).map(String::as_str).collect();
        let entered = || changes.iter().flat_map(|changed| &changed.entered.files);
        known.extend(entered().map(|file| file.path.as_str()));
        let mut rewritten: BTreeMap<Partition, Rewritten> = BTreeMap::new();
        for file in table.files.iter().filter(|file| !known.contains(file.path.as_str())) {
            rewritten.entry(file.partition.clone()).or_default().files.push(file.clone());
        }
        for file in entered().filter(|file| !current.contains(file.path.as_str())) {
            if let Some(partition) = rewritten.get_mut(&file.partition) {
                partition.entered.push(file.clone());
            }
        }
        for file in changes.iter().flat_map(|changed| &changed.left.files) {
            if let Some(partition) = rewritten.get_mut(&file.partition) {
                partition.left.push(file.clone());
            }
        }
        rewritten
    }

    /// The block of a partition's new files, made from the blocks of those before; `None` where they do not come out of
    /// the rows that are told.
    pub(super) fn follow(
        &self,
        table: &PinnedTable,
        (partition, rewritten): (Partition, Rewritten),
        (entered, left): (Rows, Rows),
    ) -> Option<Followed> {
        let current = paths(table);
        let before = self.loaded.iter().filter(|loaded| loaded.partition == partition && !loaded.stays(&current));
        let before: Vec<&Loaded> = before.collect();
        let last = before.iter().filter_map(|loaded| loaded.last_sale).max();
        let last_sale = last.max(entered.last_sale);
        if left.last_sale >= last && entered.last_sale < last {
            // Which sale is the last one now, only the rows that stay know.
            return None;
        }
        let undated = before.iter().map(|loaded| loaded.undated).sum::<u64>() + entered.undated;
        let undated = undated.checked_sub(left.undated)?;
        let (entered, left) = difference(entered.dated, left.dated);
        let block = match before.as_slice() {
            [one] => one.block.spliced(&left, &entered)?,
            several => {
                let mut builder = BlockBuilder::default();
                for loaded in several {
                    builder.extend(&loaded.block);
                }
                builder.finish().spliced(&left, &entered)?
            }
        };
        let rows: u64 = rewritten.files.iter().map(|file| file.rows).sum();
        let files = rewritten.files.into_iter().map(|file| file.path).collect();
        let loaded = Loaded { files, partition, undated, last_sale, block: Arc::new(block) };
        (loaded.block.len() as u64 + undated == rows).then_some(Followed { loaded, entered, left })
    }

    /// Whether a block stands for a file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.loaded.iter().any(|loaded| loaded.stands_for(path))
    }

    /// Takes a file that was read.
    pub(super) fn add(&mut self, loaded: Loaded) {
        loaded.block.each_customer(|customer| count(&mut self.orders, customer, true));
        self.loaded.push(loaded);
    }

    /// Takes the blocks that were made from others, and drops those whose files `table` does not have.
    pub(super) fn settle(&mut self, batch: BatchNumber, table: &PinnedTable, followed: Vec<Followed>) {
        let current = paths(table);
        let partitions: BTreeSet<&Partition> = followed.iter().map(|followed| &followed.loaded.partition).collect();
        let orders = &mut self.orders;
        self.loaded.retain(|loaded| {
            let stays = loaded.stays(&current);
            if !stays && !partitions.contains(&loaded.partition) {
                loaded.block.each_customer(|customer| count(orders, customer, false));
            }
            stays
        });
        for Followed { loaded, entered, left } in followed {
            for row in &entered {
                count(orders, row.customer, true);
            }
            for row in &left {
                count(orders, row.customer, false);
            }
            self.loaded.push(loaded);
        }
        self.batch = Some(batch);
    }
}

/// The files of a table by their paths.
fn paths(table: &PinnedTable) -> BTreeSet<&str> {
    table.files.iter().map(|file| file.path.as_str()).collect()
}

fn count(orders: &mut Vec<u32>, customer: u32, more: bool) {
    let at = customer as usize;
    if orders.len() <= at {
        orders.resize(at + 1, 0);
    }
    if let Some(count) = orders.get_mut(at) {
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
    }
}

/// The rows of each side that the other does not have, in order: what left and entered again as it was changes nothing.
fn difference(mut entered: Vec<Row>, mut left: Vec<Row>) -> (Vec<Row>, Vec<Row>) {
    entered.sort_unstable();
    left.sort_unstable();
    let (mut only_entered, mut only_left) = (Vec::new(), Vec::new());
    let mut of_left = left.into_iter().peekable();
    for row in entered {
        only_left.extend(std::iter::from_fn(|| of_left.next_if(|left| *left < row)));
        if of_left.next_if_eq(&row).is_none() {
            only_entered.push(row);
        }
    }
    only_left.extend(of_left);
    (only_entered, only_left)
}
