//! A shop's days: a file each with new sales, corrections, duplicates and dirt, and what must come of
//! them, calculated as the files are written. Deterministic by seed.

use std::collections::BTreeMap;

/// The products that some of the sales name; the others are sold before they are known.
pub(super) const PRODUCTS: &str = r#"[{"product_id":"P0","name":"Mug","category":"Home","price":4.5,"stock":3},{"product_id":"P1","name":"Pen","category":"Office","price":1,"stock":9}]"#;

const HEADER: &str = "transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";
/// New sales of a day.
const SALES: u64 = 40;
/// Days that the events are spread over.
const DAYS: u64 = 90;

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A sale as the table has to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sale {
    pub(super) customer: String,
    pub(super) product: String,
    pub(super) quantity: u64,
    pub(super) cents: u64,
    /// `2024-03-15`
    pub(super) date: String,
    pub(super) hour: u64,
}

impl Sale {
    fn line(&self, id: &str) -> String {
        let Self { customer, product, quantity, cents, date, hour } = self;
        let (whole, part) = (cents / 100, cents % 100);
        format!("{id},{customer},{product},{quantity},{whole}.{part:02},{date} {hour:02}:30:00\n")
    }
}

/// The files so far, and the truth.
pub(super) struct Stream {
    random: Random,
    files: Vec<String>,
    /// Every sale that must be in the table.
    pub(super) sales: BTreeMap<String, Sale>,
    /// The lines that must be in quarantine.
    pub(super) rejected: Vec<String>,
    /// Rows and cents of the table after each day.
    pub(super) after: Vec<(u64, u64)>,
    /// Rows in all files.
    pub(super) written: u64,
}

impl Stream {
    pub(super) fn new(seed: u64) -> Self {
        let (sales, rejected, files) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { random: Random::new(seed), files, sales, rejected, after: vec![(0, 0)], written: 0 }
    }

    fn sale(&mut self) -> Sale {
        let day = self.random.below(DAYS);
        Sale {
            customer: format!("C{}", self.random.below(30)),
            product: format!("P{}", self.random.below(6)),
            quantity: 1 + self.random.below(5),
            cents: self.random.below(100_000),
            date: format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28),
            hour: self.random.below(24),
        }
    }

    /// The files of a day: names below the inbox, and what they say.
    pub(super) fn day(&mut self, round: u32) -> Vec<(String, String)> {
        let mut text = HEADER.to_owned();
        for number in 0..SALES {
            let (id, sale) = (format!("T{round}-{number}"), self.sale());
            text += &sale.line(&id);
            self.written += 1;
            // A sale may stand twice in its file, as it was or corrected at once.
            if self.random.below(12) == 0 {
                text += &sale.line(&id);
                self.written += 1;
            }
            self.sales.insert(id, sale);
            if self.random.below(20) == 0 {
                text += &self.dirt(round, number);
            }
        }
        for _ in 0..self.random.below(8) {
            let at = self.random.below(self.sales.len() as u64) as usize;
            let Some(id) = self.sales.keys().nth(at).cloned() else { continue };
            let sale = self.sale();
            text += &sale.line(&id);
            self.written += 1;
            self.sales.insert(id, sale);
        }
        self.after.push((self.sales.len() as u64, self.sales.values().map(|sale| sale.cents).sum()));
        let mut files = vec![(format!("sales/day-{round}.csv"), text.clone())];
        self.files.push(text);
        if round.is_multiple_of(5) {
            // Bytes that came before, under a new name: loaded once, for good.
            let at = self.random.below(self.files.len() as u64) as usize;
            files.push((format!("sales/day-{round}-again.csv"), self.files[at].clone()));
        }
        files
    }

    /// A line that breaks the contract.
    fn dirt(&mut self, round: u32, number: u64) -> String {
        let id = format!("B{round}-{number}");
        let line = match self.random.below(4) {
            0 => format!("{id},,P1,1,5.00,2024-01-15 10:00:00"),
            1 => format!("{id},C1,P1,1,12;50,2024-01-15 10:00:00"),
            2 => format!("{id},C1,P1,0,5.00,2024-01-15 10:00:00"),
            _ => format!("{id},C1,P1,1"),
        };
        self.written += 1;
        self.rejected.push(line.clone());
        line + "\n"
    }
}
