//! A table of keys by their 128-bit hash, made for many questions at once: what slows a large table
//! down is waiting for memory, and reads that do not depend on each other wait together.

/// Questions that are asked together.
const BLOCK: usize = 64;

/// Keys in the order that they came in; a key's number is its place in that order.
#[derive(Debug, Default)]
pub(crate) struct KeyTable {
    /// 0 where empty, else 32 bits of the key's hash above the key's number plus 1. A key stands at
    /// its home or behind it, with no empty slot between.
    slots: Vec<u64>,
    keys: Vec<u128>,
}

impl KeyTable {
    /// The keys in this order; of one that is there twice the first is found.
    pub(crate) fn new(keys: Vec<u128>) -> Self {
        let mut table = Self { slots: Vec::new(), keys };
        table.lay_out(table.keys.len());
        table
    }

    /// The number of a key.
    pub(crate) fn find(&self, key: u128) -> Option<u32> {
        self.find_where(key, |number| self.keys[number as usize] == key)
    }

    /// The number of a key of which only the low 64 bits are known.
    pub(crate) fn find_low(&self, low: u64) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = home(low, self.slots.len());
        loop {
            let number = number(self.slots[at])?;
            if self.keys[number as usize] as u64 == low {
                return Some(number);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Calls `found` with the number of each of `keys`, in their order.
    pub(crate) fn find_all(&self, keys: &[u128], mut found: impl FnMut(Option<u32>)) {
        let mut likely = [None; BLOCK];
        for block in keys.chunks(BLOCK) {
            self.warm(block);
            // The tag leaves hardly any doubt, so the key can be compared in a second pass.
            for (likely, key) in likely.iter_mut().zip(block) {
                *likely = self.find_where(*key, |_| true);
            }
            for (likely, key) in likely.iter().zip(block) {
                let sure = likely.is_none_or(|number| self.keys[number as usize] == *key);
                found(if sure { *likely } else { self.find(*key) });
            }
        }
    }

    /// Brings the slots of a few keys near before they are asked for.
    pub(crate) fn warm(&self, keys: &[u128]) {
        if !self.slots.is_empty() {
            let read = keys.iter().fold(0, |read, key| read ^ self.slots[home(*key as u64, self.slots.len())]);
            std::hint::black_box(read);
        }
    }

    /// Adds a key that is not there yet; gives its number.
    pub(crate) fn insert(&mut self, key: u128) -> u32 {
        if (self.keys.len() + 1) * 3 > self.slots.len() * 2 {
            self.lay_out(self.keys.len() * 2 + BLOCK);
        }
        let number = self.keys.len() as u32;
        self.keys.push(key);
        place(&mut self.slots, key, number);
        number
    }

    /// Forgets all keys from the `len`th on.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.keys.len() {
            self.keys.truncate(len);
            self.lay_out(len);
        }
    }

    /// Lays the keys out anew, with room for `len`.
    fn lay_out(&mut self, len: usize) {
        let size = (len * 3 / 2 + 1).next_power_of_two();
        self.slots.clear();
        self.slots.resize(size, 0);
        for (number, key) in self.keys.iter().enumerate() {
            place(&mut self.slots, *key, number as u32);
        }
    }

    /// The number of the first key with `key`'s tag that `is_it` agrees to.
    fn find_where(&self, key: u128, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = home(key as u64, self.slots.len());
        loop {
            let slot = self.slots[at];
            let number = number(slot)?;
            if slot >> 32 == tag(key) && is_it(number) {
                return Some(number);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

/// Where a key belongs, by the low half of its hash.
fn home(low: u64, slots: usize) -> usize {
    low as usize & (slots - 1)
}

/// What tells most keys apart: bits of the hash's other half.
fn tag(key: u128) -> u64 {
    (key >> 96) as u64
}

/// The number in a slot.
fn number(slot: u64) -> Option<u32> {
    (slot as u32).checked_sub(1)
}

fn place(slots: &mut [u64], key: u128, number: u32) {
    let mut at = home(key as u64, slots.len());
    while slots[at] != 0 {
        at = (at + 1) & (slots.len() - 1);
    }
    slots[at] = tag(key) << 32 | (u64::from(number) + 1);
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy;

    use super::*;

    proptest::proptest! {
        /// Given keys of which many share their home or their tag, when asked for, then each is found
        /// under its number and no other is.
        #[test]
        fn finds_all_and_only(
            keys in proptest::collection::hash_set((0_u64..40, 0_u64..3).prop_map(|(low, tag)| u128::from(low) | u128::from(tag) << 96), 0..120),
            keep in 0_usize..120,
        ) {
            let keys: Vec<u128> = keys.into_iter().collect();
            let mut grown = KeyTable::default();
            for key in &keys {
                grown.insert(*key);
            }
            grown.truncate(keep);
            let kept = &keys[..keep.min(keys.len())];
            for table in [&grown, &KeyTable::new(kept.to_vec())] {
                proptest::prop_assert_eq!(&table.keys, kept);
                let mut found = Vec::new();
                table.find_all(&keys, |number| found.push(number));
                for (at, key) in keys.iter().enumerate() {
                    let want = (at < kept.len()).then_some(at as u32);
                    proptest::prop_assert_eq!(found[at], want);
                    proptest::prop_assert_eq!(table.find(*key), want);
                    let low = table.find_low(*key as u64).map(|number| kept[number as usize] as u64);
                    proptest::prop_assert_eq!(low.is_some(), kept.iter().any(|k| *k as u64 == *key as u64));
                    proptest::prop_assert!(low.is_none_or(|low| low == *key as u64));
                }
            }
        }
    }
}
