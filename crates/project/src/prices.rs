//! The meaning of `prices.yml`.

use shoplake_core::Fault;
use shoplake_core::cost::{Meter, Price, Prices};

use crate::files::{PricesFile, Scalar};
use crate::settings::check_currency;
use crate::yaml::Node;

pub(crate) fn read(file: PricesFile, node: &Node, faults: &mut Vec<Fault>) -> Prices {
    if let Err(mut fault) = check_currency(&file.currency) {
        fault.place = node.at("currency").fault("").place;
        faults.push(fault);
    }
    let mut prices = Vec::new();
    let meters = file.prices;
    let written = [
        (Meter::Storage, "storage", meters.storage),
        (Meter::Writes, "writes", meters.writes),
        (Meter::Reads, "reads", meters.reads),
        (Meter::Scanned, "scanned", meters.scanned),
        (Meter::Compute, "compute", meters.compute),
    ];
    for (meter, key, price) in written {
        let Some(price) = price else { continue };
        let node = node.at("prices").at(key);
        let each = decimal(&price.each, 12, node.at("each"), faults);
        let free = price.free.map_or(Some(0), |free| decimal(&free, 6, node.at("free"), faults));
        prices.extend(each.zip(free).map(|(each, free)| Price { meter, each, free }));
    }
    Prices { currency: file.currency, prices }
}

/// A decimal as a whole number with so many places behind the point.
fn decimal(written: &Scalar, places: usize, node: &Node, faults: &mut Vec<Fault>) -> Option<i128> {
    let text = written.0.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let right = !whole.is_empty() && whole.len() <= 12 && fraction.len() <= places && digits(whole) && digits(fraction);
    let number = right.then(|| format!("{whole}{fraction:0<places$}").parse().ok()).flatten();
    if number.is_none() {
        let fault = node.fault(format!("`{text}` is not an amount with {places} places at most"));
        faults.push(fault.hint("for example `\"0.023\"`"));
    }
    number
}
