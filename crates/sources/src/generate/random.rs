//! Chance that is the same everywhere: a seeded ChaCha stream, and draws that depend on nothing else.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of draws.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// 0 to below `n`; 0 where `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// One of the items, which are never none.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u64) as usize]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Draws an index by weight in constant time (Walker's alias method).
pub(super) struct Weighted {
    /// For each index, the chance to stay and the index to go to otherwise.
    table: Vec<(f64, u32)>,
}

impl Weighted {
    /// `weights` are positive and at least one.
    pub(super) fn new(weights: &[f64]) -> Self {
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let mut left: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut table: Vec<(f64, u32)> = (0..weights.len() as u32).map(|index| (1.0, index)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..left.len()).partition(|&index| left[index] < 1.0);
        while let (Some(under), Some(&over)) = (small.pop(), large.last()) {
            table[under] = (left[under], over as u32);
            left[over] -= 1.0 - left[under];
            if left[over] < 1.0 {
                large.pop();
                small.push(over);
            }
        }
        Self { table }
    }

    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let index = random.below(self.table.len() as u64) as usize;
        let (stay, other) = self.table[index];
        if random.unit() < stay { index } else { other as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given weights, when drawn often, then each index comes as often as its weight says.
    #[test]
    fn draws_follow_the_weights() {
        let weights = [5.0, 1.0, 0.5, 3.5];
        let (weighted, mut random) = (Weighted::new(&weights), Random::new(1));
        let mut hits = [0_u32; 4];
        (0..100_000).for_each(|_| hits[weighted.draw(&mut random)] += 1);
        for (hit, weight) in hits.iter().zip(weights) {
            assert!((f64::from(*hit) - weight * 10_000.0).abs() < 600.0, "{hits:?}");
        }
    }
}
