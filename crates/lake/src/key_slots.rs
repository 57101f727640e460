//! Keys by their 128-bit hash, eight bytes a slot: what tells keys apart is kept by whoever asks, who may
//! keep it on disk. Made for many questions at once: what slows a large table down is waiting for memory,
//! and reads that do not depend on each other wait together.

/// Questions that are asked together.
pub(crate) const BLOCK: usize = 64;

/// The table is cut in so many parts that grow one by one, so that growing takes little room.
const SHARD_BITS: u32 = 5;
/// Slots of a part that holds its first key; of the last part half as many again, so that each part is full at
/// another time and whoever adds keys never waits for all of them to grow.
const FIRST_SLOTS: usize = 16;

/// Numbers of keys, in the order in which the keys came in.
#[derive(Debug)]
pub(crate) struct KeySlots {
    shards: Vec<Shard>,
}

/// The slots of keys whose tags begin alike. A slot is 0 where empty, else the key's tag above its number
/// plus 1. A key stands at its home or behind it, with no empty slot between.
#[derive(Debug, Default)]
struct Shard {
    slots: Vec<u64>,
    used: usize,
}

impl Default for KeySlots {
    fn default() -> Self {
        Self { shards: (0..1 << SHARD_BITS).map(|_| Shard::default()).collect() }
    }
}

impl KeySlots {
    /// Adds the number of a key that is not there yet.
    pub(crate) fn insert(&mut self, key: u128, number: u32) {
        let tag = tag(key as u64);
        let shard = shard_of(tag);
        let first = FIRST_SLOTS + ((shard * FIRST_SLOTS / 2) >> SHARD_BITS);
        self.shards[shard].insert(tag, number, first);
    }

    /// The numbers that may be the key's, of which only the low 64 bits are asked: hardly ever one too many.
    pub(crate) fn candidates(&self, low: u64) -> impl Iterator<Item = u32> + '_ {
        let tag = tag(low);
        let slots = &self.shards[shard_of(tag)].slots[..];
        let mut at = home(tag, slots.len());
        std::iter::from_fn(move || {
            loop {
                let slot = *slots.get(at)?;
                let number = (slot as u32).checked_sub(1)?;
                at = if at + 1 == slots.len() { 0 } else { at + 1 };
                if slot >> 32 == u64::from(tag) {
                    return Some(number);
                }
            }
        })
    }

    /// Brings the slots of a few keys near before they are asked for.
    pub(crate) fn warm(&self, keys: &[u128]) {
        let near = |key: &u128| {
            let tag = tag(*key as u64);
            let slots = &self.shards[shard_of(tag)].slots;
            slots.get(home(tag, slots.len())).copied().unwrap_or_default()
        };
        std::hint::black_box(keys.iter().fold(0, |read, key| read ^ near(key)));
    }

    /// Forgets all numbers from `len` on.
    pub(crate) fn truncate(&mut self, len: u32) {
        for shard in &mut self.shards {
            shard.truncate(len);
        }
    }
}

impl Shard {
    /// Adds a number; `first` is how many slots there are for the first one.
    fn insert(&mut self, tag: u32, number: u32, first: usize) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.lay_out((self.slots.len() * 3 / 2).max(first), u32::MAX);
        }
        place(&mut self.slots, u64::from(tag) << 32 | (u64::from(number) + 1));
        self.used += 1;
    }

    fn truncate(&mut self, len: u32) {
        if self.slots.iter().any(|slot| *slot as u32 > len) {
            self.lay_out(self.slots.len(), len);
        }
    }

    /// Lays the numbers below `len` out anew in so many slots.
    fn lay_out(&mut self, slots: usize, len: u32) {
        let old = std::mem::replace(&mut self.slots, vec![0; slots]);
        self.used = 0;
        // From behind an empty slot: then of two that share their tag the first stays in front.
        let from = old.iter().position(|slot| *slot == 0).unwrap_or_default();
        let (end, begin) = old.split_at(from);
        for slot in begin.iter().chain(end).filter(|slot| **slot != 0 && **slot as u32 <= len) {
            place(&mut self.slots, *slot);
            self.used += 1;
        }
    }
}

/// Puts a slot at its home or behind it.
fn place(slots: &mut [u64], slot: u64) {
    let mut at = home((slot >> 32) as u32, slots.len());
    while slots[at] != 0 {
        at = if at + 1 == slots.len() { 0 } else { at + 1 };
    }
    slots[at] = slot;
}

/// What tells most keys apart, and says where a key belongs.
fn tag(low: u64) -> u32 {
    (low >> 32) as u32
}

/// The part of a tag: its first bits.
fn shard_of(tag: u32) -> usize {
    (tag >> (u32::BITS - SHARD_BITS)) as usize
}

/// The place of a tag within its part: its other bits.
fn home(tag: u32, slots: usize) -> usize {
    ((u64::from(tag << SHARD_BITS) * slots as u64) >> 32) as usize
}

/// The keys of a table that is in memory.
#[derive(Debug, Default)]
pub(crate) struct KeyTable {
    slots: KeySlots,
    keys: Vec<u128>,
}

impl KeyTable {
    /// The keys in this order; of one that is there twice the first is found.
    pub(crate) fn new(keys: Vec<u128>) -> Self {
        let mut slots = KeySlots::default();
        for (number, key) in (0..).zip(&keys) {
            slots.insert(*key, number);
        }
        Self { slots, keys }
    }

    /// Whether there is a key of which only the low 64 bits are known.
    pub(crate) fn has_low(&self, low: u64) -> bool {
        self.slots.candidates(low).any(|number| self.keys[number as usize] as u64 == low)
    }

    /// Calls `found` with the number of each of `keys`, in their order.
    pub(crate) fn find_all(&self, keys: &[u128], mut found: impl FnMut(Option<u32>)) {
        let mut likely = [None; BLOCK];
        for block in keys.chunks(BLOCK) {
            self.slots.warm(block);
            // The tag leaves hardly any doubt, so the key can be compared in a second pass.
            for (likely, key) in likely.iter_mut().zip(block) {
                *likely = self.slots.candidates(*key as u64).next();
            }
            for (likely, key) in likely.iter().zip(block) {
                let sure = likely.is_none_or(|number| self.keys[number as usize] == *key);
                found(if sure { *likely } else { self.find(*key) });
            }
        }
    }

    fn find(&self, key: u128) -> Option<u32> {
        self.slots.candidates(key as u64).find(|number| self.keys[*number as usize] == key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy;

    use super::*;

    /// Keys of which many share their tag, their part or their home.
    fn key() -> impl Strategy<Value = u128> {
        let low = (0_u64..40, 0_u64..3).prop_map(|(tag, rest)| tag << 61 | tag << 32 | rest);
        (low, 0_u128..2).prop_map(|(low, high)| high << 64 | u128::from(low))
    }

    proptest::proptest! {
        /// Given keys that are hard to tell apart, when asked for, then each is found under its number and no
        /// other is; also once the last ones were forgotten.
        #[test]
        fn finds_all_and_only(keys in proptest::collection::hash_set(key(), 0..160), keep in 0_usize..160) {
            let keys: Vec<u128> = keys.into_iter().collect();
            let mut table = KeyTable::new(keys.clone());
            for kept in [&keys[..], &keys[..keep.min(keys.len())]] {
                table.slots.truncate(kept.len() as u32);
                let mut found = Vec::new();
                table.find_all(&keys, |number| found.push(number));
                for (at, key) in keys.iter().enumerate() {
                    let want = (at < kept.len()).then_some(at as u32);
                    proptest::prop_assert_eq!(found[at], want);
                    proptest::prop_assert_eq!(table.find(*key), want);
                    let low = kept.iter().any(|k| *k as u64 == *key as u64);
                    proptest::prop_assert_eq!(table.has_low(*key as u64), low);
                }
            }
        }

        /// Given keys that come twice, when asked for, then the first is found.
        #[test]
        fn finds_the_first(keys in proptest::collection::vec(key(), 0..160)) {
            let table = KeyTable::new(keys.clone());
            for key in &keys {
                proptest::prop_assert_eq!(table.find(*key), keys.iter().position(|k| k == key).map(|at| at as u32));
            }
        }
    }
}
