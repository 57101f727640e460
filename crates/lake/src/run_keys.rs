//! The keys that a run has met, and where the current row of each stands.

use std::collections::HashMap;
use std::path::Path;

use shoplake_core::Result;

use crate::key_slots::{BLOCK, KeySlots};
use crate::row_store::RowStore;

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
pub(crate) struct RunKeys {
    slots: KeySlots,
    /// By the key's number: its two halves, the content's hash, the place.
    rows: RowStore<4>,
    /// By the key's number, once a version other than 0 was met.
    versions: RowStore<1>,
    /// Where a current row stands in the order of loads, if it is not of a file of the run; noted for
    /// rows that a replay asked about only.
    origins: HashMap<u32, Origin>,
    file_start: usize,
    replaced: Vec<Replaced>,
}

impl RunKeys {
    /// No keys yet; where they become many, some are kept in an unnamed file in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            slots: KeySlots::default(),
            rows: RowStore::new(folder.to_owned()),
            versions: RowStore::new(folder.to_owned()),
            origins: HashMap::new(),
            file_start: 0,
            replaced: Vec::new(),
        }
    }

    /// Brings what belongs to a few keys near before they are asked for.
    pub(crate) fn warm(&self, keys: &[u128]) {
        self.slots.warm(keys);
    }

    /// The places of those of `keys` that were not met yet.
    pub(crate) fn unknown(&mut self, keys: &[u128]) -> Result<Vec<u32>> {
        let (mut unknown, mut row) = (Vec::new(), 0);
        for block in keys.chunks(BLOCK) {
            self.slots.warm(block);
            for key in block {
                if self.find(*key)?.is_none() {
                    unknown.push(row);
                }
                row += 1;
            }
        }
        Ok(unknown)
    }

    /// The entry of a key.
    pub(crate) fn find(&mut self, key: u128) -> Result<Option<u32>> {
        for entry in self.slots.candidates(key as u64) {
            let [low, high, ..] = self.rows.get(entry as usize)?;
            if [low, high] == halves(key) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The current row of an entry.
    pub(crate) fn current(&mut self, entry: u32) -> Result<Current> {
        let [.., content, place] = self.rows.get(entry as usize)?;
        let version = if (entry as usize) < self.versions.len() { self.versions.get(entry as usize)?[0] } else { 0 };
        Ok(Current { content, place: PackedPlace(place).into(), version: version.cast_signed() })
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, key: u128, current: Current) -> Result<u32> {
        let entry = self.rows.len() as u32;
        let ([low, high], PackedPlace(place)) = (halves(key), current.place.into());
        self.rows.push([low, high, current.content, place])?;
        self.slots.insert(key, entry);
        self.set_version(entry, current.version)?;
        Ok(entry)
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
    pub(crate) fn replace(&mut self, entry: u32, current: Current, origin: Option<Origin>) -> Result<()> {
        let (before, before_origin) = (self.current(entry)?, self.origin(entry));
        self.set(entry, current)?;
        self.note_origin(entry, origin);
        self.replaced.push(Replaced { entry, before, origin: before_origin });
        Ok(())
    }

    fn set(&mut self, entry: u32, current: Current) -> Result<()> {
        let ([low, high, ..], PackedPlace(place)) = (self.rows.get(entry as usize)?, current.place.into());
        self.rows.set(entry as usize, [low, high, current.content, place])?;
        self.set_version(entry, current.version)
    }

    fn set_version(&mut self, entry: u32, version: i64) -> Result<()> {
        let entry = entry as usize;
        if entry < self.versions.len() {
            return self.versions.set(entry, [version.cast_unsigned()]);
        }
        if version != 0 {
            while self.versions.len() < entry {
                self.versions.push([0])?;
            }
            self.versions.push([version.cast_unsigned()])?;
        }
        Ok(())
    }

    /// Keeps what came since the last file; gives the places of rows that are no longer current.
    pub(crate) fn accept(&mut self) -> impl Iterator<Item = Place> + '_ {
        self.file_start = self.rows.len();
        self.replaced.drain(..).map(|replaced| replaced.before.place)
    }

    /// Forgets what came since the last file.
    pub(crate) fn refuse(&mut self) -> Result<()> {
        while let Some(Replaced { entry, before, origin }) = self.replaced.pop() {
            self.set(entry, before)?;
            self.note_origin(entry, origin);
        }
        let file_start = self.file_start;
        self.origins.retain(|entry, _| (*entry as usize) < file_start);
        self.slots.truncate(file_start as u32);
        self.rows.truncate(file_start);
        self.versions.truncate(file_start);
        Ok(())
    }

    /// The low half of each current row's key, by file of the run and the row's ordinal in it: `rows` says how
    /// many rows each file has. A row that is not current any more has none.
    pub(crate) fn into_files(self, rows: &[u64]) -> Result<Vec<Vec<u64>>> {
        let Self { slots, rows: mut keys, .. } = self;
        drop(slots);
        let mut files: Vec<Vec<u64>> = rows.iter().map(|rows| vec![0; *rows as usize]).collect();
        keys.for_each(|[low, _, _, place]| {
            if let Place::Pending(file, ordinal) = PackedPlace(place).into()
                && let Some(key) = files.get_mut(file as usize).and_then(|keys| keys.get_mut(ordinal as usize))
            {
                *key = low;
            }
        })?;
        Ok(files)
    }
}

/// A hash in two words, the low one first.
fn halves(key: u128) -> [u64; 2] {
    [key as u64, (key >> 64) as u64]
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
        let folder = tempfile::tempdir().unwrap();
        let mut keys = RunKeys::new(folder.path());
        let a = keys.insert(1, row(10)).unwrap();
        assert_eq!(keys.accept().count(), 0);
        keys.replace(a, row(11), None).unwrap();
        keys.replace(a, row(12), None).unwrap();
        keys.insert(2, row(20)).unwrap();
        keys.refuse().unwrap();
        assert_eq!(keys.current(a).unwrap().content, 10);
        assert!(keys.find(2).unwrap().is_none());
        keys.insert(2, row(21)).unwrap();
        keys.replace(a, row(13), None).unwrap();
        assert_eq!(keys.accept().collect::<Vec<_>>(), [Place::Pending(0, 10)]);
        let found = keys.find(2).unwrap().unwrap();
        assert_eq!(keys.current(found).unwrap().content, 21);
    }

    /// Given rows of two files of which one was replaced, when the run ends, then each current row's key
    /// stands at its ordinal.
    #[test]
    fn keys_are_known_by_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut keys = RunKeys::new(folder.path());
        let at = |place| Current { content: 0, place, version: 0 };
        let a = keys.insert(0x7 << 64 | 0x46, at(Place::Pending(0, 0))).unwrap();
        keys.insert(80, at(Place::Pending(1, 0))).unwrap();
        keys.insert(90, at(Place::Base(0, 0))).unwrap();
        keys.replace(a, at(Place::Pending(1, 1)), None).unwrap();
        assert_eq!(keys.into_files(&[1, 2]).unwrap(), [vec![0], vec![80, 70]]);
    }
}
