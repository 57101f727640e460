//! The keys that a run has met, and where the current row of each stands.

use hashbrown::HashTable;

/// Where a row stands: in a data file of the base, or in a file that the run is writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// File of the base, and the row's ordinal in it.
    Base(u32, u32),
    /// File of the run, and the row's ordinal in it.
    Pending(u32, u32),
}

/// The current row of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Current {
    /// The hash of its content.
    pub(crate) content: u64,
    /// Where it stands.
    pub(crate) place: Place,
    /// Its version, where the contract has one.
    pub(crate) version: i64,
}

/// What a run takes back when it refuses a file.
struct Replaced {
    entry: u32,
    before: Current,
}

/// The keys met, by 128-bit hash.
#[derive(Default)]
pub(crate) struct RunKeys {
    table: HashTable<u32>,
    entries: Vec<(u128, Current)>,
    file_start: usize,
    replaced: Vec<Replaced>,
}

impl RunKeys {
    /// The entry of a key.
    pub(crate) fn find(&self, key: u128) -> Option<u32> {
        self.table.find(key as u64, |entry| self.entries[*entry as usize].0 == key).copied()
    }

    /// The current row of an entry.
    pub(crate) fn current(&self, entry: u32) -> Current {
        self.entries[entry as usize].1
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, key: u128, current: Current) -> u32 {
        let entry = self.entries.len() as u32;
        self.entries.push((key, current));
        let entries = &self.entries;
        self.table.insert_unique(key as u64, entry, |entry| entries[*entry as usize].0 as u64);
        entry
    }

    /// Makes another row the current one of an entry.
    pub(crate) fn replace(&mut self, entry: u32, current: Current) {
        let before = std::mem::replace(&mut self.entries[entry as usize].1, current);
        self.replaced.push(Replaced { entry, before });
    }

    /// Keeps what came since the last file; gives the places of rows that are no longer current.
    pub(crate) fn accept(&mut self) -> impl Iterator<Item = Place> + '_ {
        self.file_start = self.entries.len();
        self.replaced.drain(..).map(|replaced| replaced.before.place)
    }

    /// Forgets what came since the last file.
    pub(crate) fn refuse(&mut self) {
        while let Some(Replaced { entry, before }) = self.replaced.pop() {
            self.entries[entry as usize].1 = before;
        }
        for entry in (self.file_start..self.entries.len()).rev() {
            if let Ok(found) = self.table.find_entry(self.entries[entry].0 as u64, |e| *e as usize == entry) {
                found.remove();
            }
        }
        self.entries.truncate(self.file_start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(content: u64) -> Current {
        Current { content, place: Place::Pending(0, content as u32), version: 0 }
    }

    /// Given a file that replaced, chained and added rows, when it is refused, then all is as before.
    #[test]
    fn a_refused_file_leaves_no_trace() {
        let mut keys = RunKeys::default();
        let a = keys.insert(1, row(10));
        assert_eq!(keys.accept().count(), 0);
        keys.replace(a, row(11));
        keys.replace(a, row(12));
        keys.insert(2, row(20));
        keys.refuse();
        assert_eq!(keys.current(a).content, 10);
        assert!(keys.find(2).is_none());
        keys.insert(2, row(21));
        keys.replace(a, row(13));
        assert_eq!(keys.accept().collect::<Vec<_>>(), [Place::Pending(0, 10)]);
        assert_eq!(keys.find(2).map(|e| keys.current(e).content), Some(21));
    }
}
