//! The keys that a run has met, and where the current row of each stands.

use std::collections::HashMap;

use crate::key_table::KeyTable;

/// Where a row stands: in a data file of the base, or in a file that the run is writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// File of the base, and the row's ordinal in it.
    Base(u32, u32),
    /// File of the run, and the row's ordinal in it.
    Pending(u32, u32),
}

/// A place in one word: a run keeps one for each of its rows.
#[derive(Debug, Clone, Copy)]
struct PackedPlace(u64);

const BASE: u64 = 1 << 63;

impl From<Place> for PackedPlace {
    fn from(place: Place) -> Self {
        let (base, file, ordinal) = match place {
            Place::Base(file, ordinal) => (BASE, file, ordinal),
            Place::Pending(file, ordinal) => (0, file, ordinal),
        };
        Self(base | u64::from(file) << 32 | u64::from(ordinal))
    }
}

impl From<PackedPlace> for Place {
    fn from(PackedPlace(packed): PackedPlace) -> Self {
        let (file, ordinal) = ((packed & !BASE) >> 32, packed & u64::from(u32::MAX));
        if packed & BASE == 0 {
            Self::Pending(file as u32, ordinal as u32)
        } else {
            Self::Base(file as u32, ordinal as u32)
        }
    }
}

/// The current row of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Current {
    /// The hash of its content.
    pub(crate) content: u64,
    /// Where it stands.
    pub(crate) place: Place,
    /// Its version; 0 where the contract has none.
    pub(crate) version: i64,
}

/// Where a row stands in the order of loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// The place of its file; files of the run come after all loaded ones.
    pub(crate) load: u64,
    /// Its line.
    pub(crate) line: u64,
}

/// What a run takes back when it refuses a file.
struct Replaced {
    entry: u32,
    before: Current,
    origin: Option<Origin>,
}

/// The keys met, by 128-bit hash.
#[derive(Default)]
pub(crate) struct RunKeys {
    table: KeyTable,
    /// By the key's number: content hash and place.
    rows: Vec<(u64, PackedPlace)>,
    /// By the key's number, once a version other than 0 was met.
    versions: Vec<i64>,
    /// Where a current row stands in the order of loads, if it is not of a file of the run; noted for
    /// rows that a replay asked about only.
    origins: HashMap<u32, Origin>,
    file_start: usize,
    replaced: Vec<Replaced>,
}

impl RunKeys {
    /// Brings what belongs to a few keys near before they are asked for.
    pub(crate) fn warm(&self, keys: &[u128]) {
        self.table.warm(keys);
    }

    /// The places of those of `keys` that were not met yet.
    pub(crate) fn unknown(&self, keys: &[u128]) -> Vec<u32> {
        let (mut unknown, mut row) = (Vec::new(), 0);
        self.table.find_all(keys, |found| {
            if found.is_none() {
                unknown.push(row);
            }
            row += 1;
        });
        unknown
    }

    /// The entry of a key.
    pub(crate) fn find(&self, key: u128) -> Option<u32> {
        self.table.find(key)
    }

    /// The current row of an entry.
    pub(crate) fn current(&self, entry: u32) -> Current {
        let (content, place) = self.rows[entry as usize];
        let version = self.versions.get(entry as usize).copied().unwrap_or_default();
        Current { content, place: place.into(), version }
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, key: u128, current: Current) -> u32 {
        let entry = self.table.insert(key);
        self.rows.push((current.content, current.place.into()));
        self.set_version(entry, current.version);
        entry
    }

    /// Where the current row of an entry stands in the order of loads, if it was noted.
    pub(crate) fn origin(&self, entry: u32) -> Option<Origin> {
        self.origins.get(&entry).copied()
    }

    /// Notes where the current row of an entry stands in the order of loads.
    pub(crate) fn note_origin(&mut self, entry: u32, origin: Option<Origin>) {
        if let Some(origin) = origin {
            self.origins.insert(entry, origin);
        } else if !self.origins.is_empty() {
            self.origins.remove(&entry);
        }
    }

    /// Makes another row the current one of an entry.
    pub(crate) fn replace(&mut self, entry: u32, current: Current, origin: Option<Origin>) {
        let (before, before_origin) = (self.current(entry), self.origin(entry));
        self.set(entry, current);
        self.note_origin(entry, origin);
        self.replaced.push(Replaced { entry, before, origin: before_origin });
    }

    fn set(&mut self, entry: u32, current: Current) {
        self.rows[entry as usize] = (current.content, current.place.into());
        self.set_version(entry, current.version);
    }

    fn set_version(&mut self, entry: u32, version: i64) {
        let entry = entry as usize;
        if version != 0 && self.versions.len() <= entry {
            self.versions.resize(entry + 1, 0);
        }
        if let Some(known) = self.versions.get_mut(entry) {
            *known = version;
        }
    }

    /// Keeps what came since the last file; gives the places of rows that are no longer current.
    pub(crate) fn accept(&mut self) -> impl Iterator<Item = Place> + '_ {
        self.file_start = self.rows.len();
        self.replaced.drain(..).map(|replaced| replaced.before.place)
    }

    /// Forgets what came since the last file.
    pub(crate) fn refuse(&mut self) {
        while let Some(Replaced { entry, before, origin }) = self.replaced.pop() {
            self.set(entry, before);
            self.note_origin(entry, origin);
        }
        let file_start = self.file_start;
        self.origins.retain(|entry, _| (*entry as usize) < file_start);
        self.table.truncate(self.file_start);
        self.rows.truncate(self.file_start);
        self.versions.truncate(self.file_start);
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
        keys.replace(a, row(11), None);
        keys.replace(a, row(12), None);
        keys.insert(2, row(20));
        keys.refuse();
        assert_eq!(keys.current(a).content, 10);
        assert!(keys.find(2).is_none());
        keys.insert(2, row(21));
        keys.replace(a, row(13), None);
        assert_eq!(keys.accept().collect::<Vec<_>>(), [Place::Pending(0, 10)]);
        assert_eq!(keys.find(2).map(|e| keys.current(e).content), Some(21));
    }
}
