//! The products: names by category, prices by kind, and how popular each is.

use std::io::Write as _;
use std::path::Path;

use shoplake_core::Result;

use super::random::{Random, Weighted};
use super::text::{push_json, push_money, push_number};
use super::words::{CATEGORIES, COLOURS};

/// How fast popularity falls with rank (Zipf).
const ZIPF: f64 = 0.9;

struct Product {
    name: String,
    category: &'static str,
    cents: u64,
    stock: u64,
}

/// The catalogue; product `i` has the id `P{i + 1}`.
pub(super) struct Catalogue {
    products: Vec<Product>,
    popularity: Weighted,
}

impl Catalogue {
    pub(super) fn new(count: u32, random: &mut Random) -> Self {
        let mut names: Vec<(String, &'static str, u32)> = Vec::new();
        for (category, kinds, nouns) in CATEGORIES {
            for kind in *kinds {
                names.extend(nouns.iter().map(|(noun, cents)| (format!("{kind} {noun}"), *category, *cents)));
            }
        }
        random.shuffle(&mut names);
        let products = (0..count as usize).map(|index| {
            let (name, category, middle) = &names[index % names.len()];
            let round = index / names.len();
            let name = match (round, round / COLOURS.len()) {
                (0, _) => name.clone(),
                (_, 0) => format!("{name}, {}", COLOURS[round - 1]),
                (_, series) => format!("{name}, {} No. {}", COLOURS[round % COLOURS.len()], series + 1),
            };
            let cents = charming(f64::from(*middle) * (0.75 + 0.5 * random.unit()));
            Product { name, category, cents, stock: random.below(400) }
        });
        let products: Vec<Product> = products.collect();
        let mut weights: Vec<f64> = (1..=products.len()).map(|rank| (rank as f64).powf(-ZIPF)).collect();
        random.shuffle(&mut weights);
        Self { products, popularity: Weighted::new(&weights) }
    }

    /// A product that somebody buys: its number from 1, and its price in cents.
    pub(super) fn draw(&self, random: &mut Random) -> (u64, u64) {
        let index = self.popularity.draw(random);
        (index as u64 + 1, self.products[index].cents)
    }

    /// A JSON array, one product a line.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut out = Vec::with_capacity(self.products.len() * 100);
        for (index, product) in self.products.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"[\n" } else { b",\n" });
            out.extend_from_slice(b"{\"product_id\": \"P");
            push_number(&mut out, index as u64 + 1);
            out.extend_from_slice(b"\", \"name\": ");
            push_json(&mut out, &product.name);
            out.extend_from_slice(b", \"category\": ");
            push_json(&mut out, product.category);
            out.extend_from_slice(b", \"price\": ");
            push_money(&mut out, product.cents);
            out.extend_from_slice(b", \"stock\": ");
            push_number(&mut out, product.stock);
            out.push(b'}');
        }
        out.extend_from_slice(b"\n]\n");
        fs_err::File::create(path)?.write_all(&out)?;
        Ok(())
    }
}

/// The nearest price that shops like: `…9.99` above a hundred, `….99` or `….49` above ten, `….95` below.
fn charming(cents: f64) -> u64 {
    let cents = cents as u64;
    match cents {
        10_000.. => (cents + 500) / 1000 * 1000 - 1,
        1000.. => (cents + 25) / 50 * 50 - 1,
        _ => (cents / 100).max(1) * 100 + 95,
    }
}
