//! The side index of a data file: the hashes of its keys in order, each with its row's ordinal, so
//! that a key is found without reading the file.
//!
//! A file of the index stands under `_index/` of its table and bears its data file's name. Its bytes
//! are little-endian: the magic word, the number of rows, the low 64 bits of each key's hash sorted,
//! then the ordinals in the same order. It can always be made again from the data file; a hit says
//! "look here", never "this is the row".

use std::io::Write;
use std::path::{Path, PathBuf};

use shoplake_core::{Fault, Result, TableFile, TableRoot};

const MAGIC: &[u8; 8] = b"SLKEYS01";

/// The sorted key hashes of one data file.
#[derive(Debug, Default)]
pub(crate) struct KeyIndex {
    hashes: Vec<u64>,
    ordinals: Vec<u32>,
}

/// Where the index of a data file stands: `_index/<kind>/` keeps the path of the file.
pub(crate) fn index_path(root: &Path, file: &str, kind: &str) -> PathBuf {
    root.join("_index").join(format!("{file}.{kind}"))
}

impl KeyIndex {
    /// The index of rows whose hashes are given in the order of the rows.
    pub(crate) fn new(hashes: &[u64]) -> Self {
        Self::from_pairs(hashes.iter().enumerate().map(|(ordinal, hash)| (*hash, ordinal as u32)).collect())
    }

    /// The index of these hashes and ordinals.
    pub(crate) fn from_pairs(mut pairs: Vec<(u64, u32)>) -> Self {
        pairs.sort_unstable();
        let (hashes, ordinals) = pairs.into_iter().unzip();
        Self { hashes, ordinals }
    }

    /// Hashes and ordinals, in the order of the hashes.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.hashes.iter().copied().zip(self.ordinals.iter().copied())
    }

    /// Writes the index.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let mut out = std::io::BufWriter::with_capacity(1 << 20, fs_err::File::create(path)?);
        out.write_all(MAGIC)?;
        out.write_all(&(self.hashes.len() as u64).to_le_bytes())?;
        for hash in &self.hashes {
            out.write_all(&hash.to_le_bytes())?;
        }
        for ordinal in &self.ordinals {
            out.write_all(&ordinal.to_le_bytes())?;
        }
        out.flush()?;
        Ok(())
    }

    /// The index of a data file; see [`KeyIndex::read`].
    pub(crate) fn of_file(root: &TableRoot, file: &TableFile, kind: &str, rows: Option<u64>) -> Result<Option<Self>> {
        let path = index_path(root, &file.path, kind);
        root.bring(&[(path.clone(), None)])?;
        Self::read(&path, rows)
    }

    /// Reads an index; `None` where there is none for a file of `rows` rows, or it is not whole.
    pub(crate) fn read(path: &Path, rows: Option<u64>) -> Result<Option<Self>> {
        let bytes = match fs_err::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(([magic, count], body)) = bytes.split_first_chunk::<16>().map(|(head, body)| (halves(head), body))
        else {
            return Ok(None);
        };
        let count = u64::from_le_bytes(count);
        let whole =
            magic == *MAGIC && body.len() as u64 == count.saturating_mul(12) && rows.is_none_or(|rows| rows == count);
        if !whole {
            return Ok(None);
        }
        let (hashes, ordinals) = body.split_at(count as usize * 8);
        let hashes = hashes.as_chunks::<8>().0.iter().map(|c| u64::from_le_bytes(*c)).collect();
        let ordinals = ordinals.as_chunks::<4>().0.iter().map(|c| u32::from_le_bytes(*c)).collect();
        Ok(Some(Self { hashes, ordinals }))
    }

    /// Calls `hit(which, ordinal)` for each of `wanted` (hash and any number, sorted) that it holds.
    ///
    /// Gallops, so that a few keys against many rows, and many keys against many rows, are both cheap.
    pub(crate) fn look_up(&self, wanted: &[(u64, u32)], mut hit: impl FnMut(u32, u32)) {
        let mut from = 0;
        for (hash, which) in wanted {
            from += gallop(&self.hashes[from..], *hash);
            let mut at = from;
            while self.hashes.get(at) == Some(hash) {
                hit(*which, self.ordinals[at]);
                at += 1;
            }
            if from >= self.hashes.len() {
                return;
            }
        }
    }
}

fn halves(head: &[u8; 16]) -> [[u8; 8]; 2] {
    let (chunks, _) = head.as_chunks::<8>();
    [chunks[0], chunks[1]]
}

/// The place of the first element that is not less than `target`.
fn gallop(sorted: &[u64], target: u64) -> usize {
    let mut step = 1;
    while step < sorted.len() && sorted[step] < target {
        step *= 2;
    }
    let (low, high) = (step / 2, sorted.len().min(step + 1));
    low + sorted[low..high].partition_point(|hash| *hash < target)
}

/// The index of a data file: read, or made again with `rebuild` where it is missing.
pub(crate) fn load_or(
    root: &TableRoot,
    file: &TableFile,
    rebuild: impl FnOnce() -> Result<Vec<u64>>,
) -> Result<KeyIndex> {
    if let Some(index) = KeyIndex::of_file(root, file, "keys", Some(file.rows))? {
        return Ok(index);
    }
    let path = index_path(root, &file.path, "keys");
    let index = KeyIndex::new(&rebuild()?);
    if index.hashes.len() as u64 != file.rows {
        return Err(Fault::internal(format!("`{}` has not the {} rows that the log states", file.path, file.rows)));
    }
    index.write(&path)?;
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// Galloping finds what a plain search finds.
        #[test]
        fn finds_all_and_only(mut hashes in proptest::collection::vec(0_u64..50, 0..200), mut wanted in proptest::collection::vec(0_u64..60, 0..100)) {
            wanted.sort_unstable();
            wanted.dedup();
            let index = KeyIndex::new(&hashes);
            let mut got = Vec::new();
            let asked: Vec<_> = wanted.iter().map(|h| (*h, *h as u32)).collect();
            index.look_up(&asked, |which, ordinal| got.push((u64::from(which), hashes[ordinal as usize])));
            proptest::prop_assert!(got.iter().all(|(a, b)| a == b));
            hashes.retain(|h| wanted.contains(h));
            proptest::prop_assert_eq!(got.len(), hashes.len());
        }
    }

    /// Given an index on disk that is cut short, when read, then it counts as missing.
    #[test]
    fn a_torn_index_is_no_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.keys");
        KeyIndex::new(&[9, 3, 7]).write(&path).unwrap();
        assert_eq!(
            KeyIndex::read(&path, Some(3)).unwrap().unwrap().pairs().collect::<Vec<_>>(),
            [(3, 1), (7, 2), (9, 0)]
        );
        let bytes = fs_err::read(&path).unwrap();
        fs_err::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(KeyIndex::read(&path, Some(3)).unwrap().is_none());
    }
}
