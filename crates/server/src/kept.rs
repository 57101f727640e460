//! Answers that are kept: each is made once, and the ones that were not asked for longest go first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// The place of an answer: empty until it is made. Who asks for the same at once waits for one.
pub(crate) type Place<V> = Arc<OnceCell<Arc<V>>>;

/// Answers by what was asked.
pub(crate) struct Kept<K, V> {
    places: Mutex<Places<K, V>>,
    /// About how many bytes are kept.
    most: usize,
    bytes: fn(&V) -> usize,
}

struct Places<K, V> {
    /// Each place, and when it was asked for last.
    by_key: HashMap<K, (Place<V>, u64)>,
    clock: u64,
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// Keeps about `most` bytes, by what `bytes` says of each.
    pub(crate) fn new(most: usize, bytes: fn(&V) -> usize) -> Self {
        Self { places: Mutex::new(Places { by_key: HashMap::new(), clock: 0 }), most, bytes }
    }

    /// The place of an answer, made where there is none.
    pub(crate) fn place(&self, key: &K) -> Place<V> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.clock += 1;
        let clock = places.clock;
        if let Some((place, used)) = places.by_key.get_mut(key) {
            *used = clock;
            return Arc::clone(place);
        }
        let bytes = |place: &Place<V>| place.get().map_or(0, |answer| (self.bytes)(answer));
        let mut kept: usize = places.by_key.values().map(|(place, _)| bytes(place)).sum();
        while kept > self.most {
            let oldest = places.by_key.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            let Some((place, _)) = oldest.and_then(|key| places.by_key.remove(&key)) else { break };
            kept -= bytes(&place);
        }
        let place = Place::default();
        places.by_key.insert(key.clone(), (Arc::clone(&place), clock));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given more than may be kept, then what was not asked for longest is gone, and the rest is there.
    #[test]
    fn the_oldest_go_first() {
        let kept: Kept<u32, Vec<u8>> = Kept::new(25, Vec::len);
        let put = |key| kept.place(&key).set(Arc::new(vec![0; 10])).is_ok();
        let has = |key| kept.place(&key).initialized();
        assert!(put(1) && put(2) && put(3));
        assert!(has(1), "asked for again");
        // 30 bytes are there: the oldest goes before the next gets its place.
        assert!(put(4));
        assert!(has(1) && has(3) && has(4));
        assert!(!has(2));
    }
}
