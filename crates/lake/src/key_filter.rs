//! Which keys a data file surely does not hold, in less than two bytes a row: a split block Bloom
//! filter (Putze, Sanders, Singler: "Cache-, Hash- and Space-Efficient Bloom Filters"), laid out so that
//! sorted hashes walk it from its beginning to its end.

/// One in about 250 keys that the file does not hold passes.
const KEYS_PER_BLOCK: usize = 20;
/// Bytes of a block: a cache line holds two.
pub(crate) const BLOCK_BYTES: usize = 32;

/// Odd numbers that draw eight bits from one half of a hash; those of Parquet's filter.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// The filter of one data file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyFilter {
    blocks: Vec<[u32; 8]>,
}

impl KeyFilter {
    /// The filter of these hashes.
    pub(crate) fn new(hashes: &[u64]) -> Self {
        let mut filter = Self { blocks: vec![[0; 8]; Self::blocks_of(hashes.len())] };
        for hash in hashes {
            let block = filter.block_of(*hash);
            for (word, bit) in filter.blocks[block].iter_mut().zip(bits(*hash)) {
                *word |= bit;
            }
        }
        filter
    }

    /// Blocks of a filter of so many hashes.
    pub(crate) fn blocks_of(hashes: usize) -> usize {
        hashes.div_ceil(KEYS_PER_BLOCK)
    }

    /// Whether the file may hold a key with this hash.
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        if self.blocks.is_empty() {
            return false;
        }
        self.blocks[self.block_of(hash)].iter().zip(bits(hash)).all(|(word, bit)| word & bit != 0)
    }

    /// The high bits choose the block, so that greater hashes stand further back.
    fn block_of(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.blocks.len() as u128) >> 64) as usize
    }

    /// The words in their order.
    pub(crate) fn words(&self) -> impl Iterator<Item = u32> + '_ {
        self.blocks.iter().flatten().copied()
    }

    /// A filter of its words' bytes, little-endian.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let (blocks, _) = words.as_chunks::<8>();
        Self { blocks: blocks.iter().map(|block| block.map(u32::from_le_bytes)).collect() }
    }
}

/// One bit for each word of a block, drawn from the low bits.
fn bits(hash: u64) -> [u32; 8] {
    SALT.map(|salt| 1 << (salt.wrapping_mul(hash as u32) >> 27))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// Given any keys, when their filter is asked for one of them, then it passes; also once it was
        /// written and read.
        #[test]
        fn holds_what_it_was_made_of(hashes in proptest::collection::vec(proptest::num::u64::ANY, 1..300)) {
            let filter = KeyFilter::new(&hashes);
            let bytes: Vec<u8> = filter.words().flat_map(u32::to_le_bytes).collect();
            proptest::prop_assert_eq!(bytes.len(), KeyFilter::blocks_of(hashes.len()) * BLOCK_BYTES);
            proptest::prop_assert!(hashes.iter().all(|hash| filter.may_hold(*hash)));
            proptest::prop_assert_eq!(KeyFilter::of_bytes(&bytes), filter);
        }
    }

    /// Given a filter of many keys, when asked for as many others, then fewer than one in a hundred passes.
    #[test]
    fn passes_few_others() {
        let hash = |number: u64| xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
        let filter = KeyFilter::new(&(0..20_000).map(hash).collect::<Vec<_>>());
        let passed = (20_000..40_000).filter(|number| filter.may_hold(hash(*number))).count();
        assert!(passed < 200, "{passed} of 20,000");
    }
}
