//! What is wrong with the rows of real exports, how often, and what each flaw counts as.

use shoplake_core::Reason;

use super::random::Random;

/// A flaw of one row. Each row has one at most, so its reason is never in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A date that is none.
    BadDate,
    /// An amount that is no number.
    BadAmount,
    /// A quantity that is no whole number.
    BadQuantity,
    /// An amount of three decimals.
    TooPrecise,
    /// A field too few.
    ShortRow,
    /// A field too many.
    LongRow,
    /// No customer.
    NoCustomer,
    /// No transaction id.
    NoTransaction,
    /// An amount below zero.
    NegativeAmount,
    /// A quantity of zero.
    ZeroQuantity,
    /// A product that the catalogue does not have: the row is kept.
    UnknownProduct,
    /// A customer who does not exist: the row is kept.
    UnknownCustomer,
    /// Spaces around the values: the row is kept.
    Spaces,
    /// Quotes around the values: the row is kept.
    Quotes,
    /// The same line once more, at once.
    Duplicate,
    /// The same line once more, in a later file.
    Resent,
    /// The same transaction with another amount, in a later file.
    Corrected,
}

/// Rows in a million that have each flaw, at dirt 1.
const RATES: [(Flaw, f64); 17] = [
    (Flaw::BadDate, 600.0),
    (Flaw::BadAmount, 500.0),
    (Flaw::BadQuantity, 300.0),
    (Flaw::TooPrecise, 100.0),
    (Flaw::ShortRow, 200.0),
    (Flaw::LongRow, 100.0),
    (Flaw::NoCustomer, 2000.0),
    (Flaw::NoTransaction, 400.0),
    (Flaw::NegativeAmount, 1200.0),
    (Flaw::ZeroQuantity, 800.0),
    (Flaw::UnknownProduct, 800.0),
    (Flaw::UnknownCustomer, 600.0),
    (Flaw::Spaces, 1500.0),
    (Flaw::Quotes, 1500.0),
    (Flaw::Duplicate, 2000.0),
    (Flaw::Resent, 1000.0),
    (Flaw::Corrected, 1500.0),
];

pub(super) const BAD_DATES: [&str; 5] =
    ["2024-13-45 99:00:00", "31/12/2024 10:30", "yesterday", "2024-02-30 09:15:00", "0000-00-00 00:00:00"];
pub(super) const BAD_AMOUNTS: [&str; 5] = ["N/A", "\"1,299.00\"", "$19.99", "12.5O", "free"];
pub(super) const BAD_QUANTITIES: [&str; 4] = ["two", "1.5", "x3", "1 pc"];

impl Flaw {
    /// The flaw of the next row, or none.
    pub(super) fn draw(dirt: f64, random: &mut Random) -> Option<Self> {
        if dirt <= 0.0 {
            return None;
        }
        let mut place = random.unit() * 1_000_000.0 / dirt;
        RATES.iter().find_map(|(flaw, rate)| {
            place -= rate;
            (place < 0.0).then_some(*flaw)
        })
    }

    /// Why a row with this flaw is rejected; `None` where it is kept.
    pub(super) fn reason(self) -> Option<Reason> {
        match self {
            Self::BadDate | Self::BadAmount | Self::BadQuantity | Self::TooPrecise | Self::ShortRow | Self::LongRow => {
                Some(Reason::Malformed)
            }
            Self::NoCustomer | Self::NoTransaction => Some(Reason::Missing),
            Self::NegativeAmount | Self::ZeroQuantity => Some(Reason::Range),
            _ => None,
        }
    }
}
