//! The sales files: baskets in order of time, one line each product, with flaws strewn in.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::Path;

use shoplake_core::ports::Progress;
use shoplake_core::{Result, ShopZone};

use super::calendar::{Calendar, Moment};
use super::catalogue::Catalogue;
use super::dirt::{BAD_AMOUNTS, BAD_DATES, BAD_QUANTITIES, Flaw};
use super::people::{People, push_date};
use super::random::Random;
use super::text::{push_money, push_number, push_two};
use super::{Files, GenerateOptions, Truth};

const HEADER: &[u8] = b"transaction_id,customer_id,product_id,quantity,amount,transaction_date\n";

/// Bytes that are gathered before they are written.
const BLOCK: usize = 1 << 20;

/// In one file, rows before a line comes again.
const LATER: u64 = 200;

/// Numbers of unknown products and customers begin so far above the known ones.
const BEYOND: u64 = 1000;

/// One line of a basket.
#[derive(Debug, Clone, Copy)]
struct Row {
    id: u64,
    customer: u64,
    product: u64,
    quantity: u64,
    cents: u64,
    moment: Moment,
}

/// A row that a later file says again, or corrects.
struct Owed {
    row: Row,
    corrected: bool,
    /// Rows written when it first stood in a file.
    written: u64,
}

/// Writes all sales; what they must come to.
pub(super) fn write(
    options: &GenerateOptions,
    calendar: &Calendar,
    catalogue: &Catalogue,
    people: &People,
    random: Random,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<Truth> {
    let sheet =
        Sheet { options, calendar, dir, progress, file: None, out: Vec::with_capacity(BLOCK + 4096), reported: 0 };
    let mut till = Till { options, catalogue, sheet, random, truth: Truth::default(), owed: VecDeque::new(), ids: 0 };
    let (mut slot, mut zone) = (0, calendar.zone());
    while till.truth.rows < options.rows {
        let moment = till.next_moment(calendar, &mut slot, &mut zone);
        till.sheet.open_for(moment.day, &mut till.truth)?;
        till.pay_owed(moment.day)?;
        let customer = People::draw(people.known_by(moment.day), &mut till.random);
        for _ in 0..till.basket() {
            till.sell(customer, moment)?;
        }
    }
    till.sheet.flush(till.truth.rows)?;
    Ok(till.truth)
}

/// Makes rows and counts what they come to.
struct Till<'a> {
    options: &'a GenerateOptions,
    catalogue: &'a Catalogue,
    sheet: Sheet<'a>,
    random: Random,
    truth: Truth,
    owed: VecDeque<Owed>,
    ids: u64,
}

impl Till<'_> {
    /// The moment of the next basket. Moments are shares of the whole weight that grow with the rows
    /// written, so they come in order and none has to be kept.
    fn next_moment(&mut self, calendar: &Calendar, slot: &mut usize, zone: &mut ShopZone) -> Moment {
        let share = (self.truth.rows as f64 + self.random.unit()) / self.options.rows as f64;
        calendar.moment(share, slot, zone)
    }

    /// Lines in a basket: mostly one.
    fn basket(&mut self) -> u32 {
        match self.random.below(100) {
            0..58 => 1,
            58..82 => 2,
            82..93 => 3,
            93..98 => 4,
            _ => 6,
        }
    }

    /// Writes one line of a basket, with its flaw if it has one.
    fn sell(&mut self, customer: u64, moment: Moment) -> Result<()> {
        if self.truth.rows == self.options.rows {
            return Ok(());
        }
        let (product, price) = self.catalogue.draw(&mut self.random);
        let chance = self.random.below(1000);
        let quantity = match chance % 100 {
            0..74 => 1,
            74..91 => 2,
            91..97 => 3,
            97..99 => 4,
            _ => 6,
        };
        // A sale now and then.
        let percent = if chance < 60 {
            80
        } else if chance < 110 {
            90
        } else {
            100
        };
        self.ids += 1;
        let mut row =
            Row { id: self.ids, customer, product, quantity, cents: price * quantity * percent / 100, moment };
        let flaw = Flaw::draw(self.options.dirt, &mut self.random);
        match flaw {
            Some(Flaw::UnknownProduct) => {
                row.product = u64::from(self.options.products) + BEYOND + self.random.below(500);
            }
            Some(Flaw::UnknownCustomer) => {
                row.customer = u64::from(self.options.customers) + BEYOND + self.random.below(500);
            }
            _ => {}
        }
        self.sheet.line(&row, flaw, &mut self.random);
        self.truth.rows += 1;
        if let Some(reason) = flaw.and_then(Flaw::reason) {
            self.truth.rejected += 1;
            *self.truth.rejects.entry(reason).or_default() += 1;
        } else {
            self.truth.kept += 1;
            self.truth.revenue_cents += i128::from(row.cents);
        }
        match flaw {
            Some(Flaw::UnknownProduct | Flaw::UnknownCustomer) => self.truth.orphans += 1,
            Some(Flaw::Duplicate) if self.truth.rows < self.options.rows => {
                self.sheet.line(&row, None, &mut self.random);
                self.truth.rows += 1;
                self.truth.duplicate += 1;
            }
            Some(Flaw::Resent | Flaw::Corrected) => {
                let corrected = flaw == Some(Flaw::Corrected);
                self.owed.push_back(Owed { row, corrected, written: self.truth.rows });
            }
            _ => {}
        }
        self.sheet.flush_if_full(self.truth.rows)
    }

    /// Writes a row or two that an earlier file has said already.
    fn pay_owed(&mut self, day: u32) -> Result<()> {
        for _ in 0..2 {
            let due = self.owed.front().is_some_and(|owed| match self.options.files {
                Files::PerDay => owed.row.moment.day < day,
                Files::One => owed.written + LATER < self.truth.rows,
            });
            if !due || self.truth.rows == self.options.rows {
                return Ok(());
            }
            let Some(Owed { mut row, corrected, .. }) = self.owed.pop_front() else { return Ok(()) };
            if corrected {
                // A tenth back, and a cent so that even the smallest amount changes.
                let less = row.cents - row.cents / 10;
                let corrected_cents = if less == row.cents { row.cents + 1 } else { less };
                self.truth.revenue_cents += i128::from(corrected_cents) - i128::from(row.cents);
                row.cents = corrected_cents;
                self.truth.updated += 1;
            } else {
                self.truth.duplicate += 1;
            }
            self.sheet.line(&row, None, &mut self.random);
            self.truth.rows += 1;
        }
        self.sheet.flush_if_full(self.truth.rows)
    }
}

/// The file that is being written.
struct Sheet<'a> {
    options: &'a GenerateOptions,
    calendar: &'a Calendar,
    dir: &'a Path,
    progress: &'a dyn Progress,
    file: Option<(u32, fs_err::File)>,
    out: Vec<u8>,
    /// Rows of which progress was told.
    reported: u64,
}

impl Sheet<'_> {
    /// Goes on to the file of a day.
    fn open_for(&mut self, day: u32, truth: &mut Truth) -> Result<()> {
        let day = if self.options.files == Files::One { 0 } else { day };
        if self.file.as_ref().is_some_and(|(open, _)| *open == day) {
            return Ok(());
        }
        self.flush(truth.rows)?;
        let name = match self.options.files {
            Files::PerDay => format!("sales-{}.csv", self.calendar.date(day)),
            Files::One => "sales.csv".to_owned(),
        };
        self.file = Some((day, fs_err::File::create(self.dir.join(name))?));
        self.out.extend_from_slice(HEADER);
        truth.files += 1;
        Ok(())
    }

    fn flush_if_full(&mut self, rows: u64) -> Result<()> {
        if self.out.len() < BLOCK { Ok(()) } else { self.flush(rows) }
    }

    fn flush(&mut self, rows: u64) -> Result<()> {
        if let Some((_, file)) = &mut self.file {
            file.write_all(&self.out)?;
        }
        self.progress.advance(self.out.len() as u64, rows - self.reported);
        self.reported = rows;
        self.out.clear();
        Ok(())
    }

    fn line(&mut self, row: &Row, flaw: Option<Flaw>, random: &mut Random) {
        let around: &[u8] = match flaw {
            Some(Flaw::Spaces) => b" ",
            Some(Flaw::Quotes) => b"\"",
            _ => b"",
        };
        let date = self.calendar.date(row.moment.day);
        let out = &mut self.out;
        out.extend_from_slice(around);
        if flaw != Some(Flaw::NoTransaction) {
            out.push(b'T');
            push_number(out, row.id);
        }
        next_field(out, around);
        if flaw != Some(Flaw::NoCustomer) {
            out.push(b'C');
            push_number(out, row.customer);
        }
        next_field(out, around);
        out.push(b'P');
        push_number(out, row.product);
        next_field(out, around);
        match flaw {
            Some(Flaw::BadQuantity) => out.extend_from_slice(random.pick(&BAD_QUANTITIES).as_bytes()),
            Some(Flaw::ZeroQuantity) => out.push(b'0'),
            _ => push_number(out, row.quantity),
        }
        next_field(out, around);
        match flaw {
            Some(Flaw::BadAmount) => out.extend_from_slice(random.pick(&BAD_AMOUNTS).as_bytes()),
            Some(Flaw::NegativeAmount) => out.push(b'-'),
            _ => {}
        }
        if flaw != Some(Flaw::BadAmount) {
            push_money(out, row.cents);
        }
        if flaw == Some(Flaw::TooPrecise) {
            out.push(b'5');
        }
        if flaw == Some(Flaw::ShortRow) {
            out.push(b'\n');
            return;
        }
        next_field(out, around);
        if flaw == Some(Flaw::BadDate) {
            out.extend_from_slice(random.pick(&BAD_DATES).as_bytes());
        } else {
            push_date(out, date);
            out.push(b' ');
            push_time(out, row.moment.second);
        }
        out.extend_from_slice(around);
        out.extend_from_slice(if flaw == Some(Flaw::LongRow) { b",gift\n" } else { b"\n" });
    }
}

fn next_field(out: &mut Vec<u8>, around: &[u8]) {
    out.extend_from_slice(around);
    out.push(b',');
    out.extend_from_slice(around);
}

/// `10:30:00`
fn push_time(out: &mut Vec<u8>, second: u32) {
    let second = u64::from(second);
    push_two(out, second / 3600);
    out.push(b':');
    push_two(out, second / 60 % 60);
    out.push(b':');
    push_two(out, second % 60);
}
