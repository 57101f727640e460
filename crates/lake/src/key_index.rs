//! The side index of a data file: the hashes of its keys in order, each with its row's ordinal, so
//! that a key is found without reading the file.
//!
//! A file of the index stands under `_index/` of its table and bears its data file's name. Its bytes
//! are little-endian: the magic word, the number of rows, the [`KeyFilter`], the low 64 bits of each
//! key's hash sorted, then the ordinals in the same order. Older files have no filter. It can always be
//! made again from the data file; a hit says "look here", never "this is the row".

use std::cell::OnceCell;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use shoplake_core::{Fault, Result, TableFile, TableRoot};

use crate::key_filter::{BLOCK_BYTES, KeyFilter};

const MAGIC: &[u8; 8] = b"SLKEYS02";
/// The magic word of files without a filter.
const UNFILTERED: &[u8; 8] = b"SLKEYS01";
/// Bytes before the filter.
const HEAD: usize = 16;
/// Hashes that are read at once where few keys are sought.
const WINDOW: usize = 512;
/// Where more than one key is sought for so many rows, the whole index is read.
const ROWS_PER_SEARCH: usize = 512;
/// Pairs that are sorted together, on average.
const PAIRS_PER_BUCKET: usize = 8;

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
        Self::sorted(hashes.len(), || hashes.iter().copied().zip(0..))
    }

    /// The index of these hashes and ordinals.
    pub(crate) fn from_pairs(pairs: &[(u64, u32)]) -> Self {
        Self::sorted(pairs.len(), || pairs.iter().copied())
    }

    /// The index of `len` pairs. Hashes are spread evenly, so their high bits bring most of them near to their places.
    fn sorted<I: Iterator<Item = (u64, u32)>>(len: usize, pairs: impl Fn() -> I) -> Self {
        let buckets = len.div_ceil(PAIRS_PER_BUCKET);
        let bucket = |hash: u64| ((u128::from(hash) * buckets as u128) >> 64) as usize;
        let mut next = vec![0; buckets + 1];
        pairs().for_each(|(hash, _)| next[bucket(hash) + 1] += 1);
        for at in 1..next.len() {
            next[at] += next[at - 1];
        }
        let mut placed = vec![(0, 0); len];
        pairs().for_each(|pair| {
            let place = &mut next[bucket(pair.0)];
            placed[*place] = pair;
            *place += 1;
        });
        // Each bucket ends by now where it was to end, and the next one begins there.
        let mut begin = 0;
        for end in &next[..buckets] {
            placed[begin..*end].sort_unstable();
            begin = *end;
        }
        let (hashes, ordinals) = placed.into_iter().unzip();
        Self { hashes, ordinals }
    }

    /// Hashes and ordinals, in the order of the hashes.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.hashes.iter().copied().zip(self.ordinals.iter().copied())
    }

    /// The filter of its keys.
    pub(crate) fn filter(&self) -> KeyFilter {
        KeyFilter::new(&self.hashes)
    }

    /// Writes the index.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let mut out = std::io::BufWriter::with_capacity(1 << 20, fs_err::File::create(path)?);
        out.write_all(MAGIC)?;
        out.write_all(&(self.hashes.len() as u64).to_le_bytes())?;
        for word in self.filter().words() {
            out.write_all(&word.to_le_bytes())?;
        }
        for hash in &self.hashes {
            out.write_all(&hash.to_le_bytes())?;
        }
        for ordinal in &self.ordinals {
            out.write_all(&ordinal.to_le_bytes())?;
        }
        out.flush()?;
        Ok(())
    }

    /// The index of a data file; `None` where there is none for a file of `rows` rows, or it is not whole.
    pub(crate) fn of_file(root: &TableRoot, file: &TableFile, kind: &str, rows: Option<u64>) -> Result<Option<Self>> {
        IndexFile::of_file(root, file, kind, rows)?.map(|index| index.read()).transpose()
    }

    /// Calls `hit(which, ordinal)` for each of `wanted` (hash and any number, sorted) that it holds.
    ///
    /// Gallops, so that a few keys against many rows, and many keys against many rows, are both cheap.
    fn look_up(&self, wanted: &[(u64, u32)], mut hit: impl FnMut(u32, u32)) {
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

/// An index on disk of which only the filter was read, and the rest once many keys are sought.
pub(crate) struct IndexFile {
    file: fs_err::File,
    rows: usize,
    filter: Option<KeyFilter>,
    whole: OnceCell<KeyIndex>,
}

impl IndexFile {
    /// The index of a data file; `None` where there is none for a file of `rows` rows, or it is not whole.
    pub(crate) fn of_file(root: &TableRoot, file: &TableFile, kind: &str, rows: Option<u64>) -> Result<Option<Self>> {
        let path = index_path(root, &file.path, kind);
        root.bring(&[(path.clone(), None)])?;
        Self::open(&path, rows)
    }

    /// Opens an index; see [`IndexFile::of_file`].
    fn open(path: &Path, rows: Option<u64>) -> Result<Option<Self>> {
        let mut file = match fs_err::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let size = file.metadata()?.len();
        let mut head = [0; HEAD];
        if size < HEAD as u64 {
            return Ok(None);
        }
        file.read_exact(&mut head)?;
        let [magic, count] = halves(&head);
        let filtered = magic == *MAGIC;
        let count = u64::from_le_bytes(count);
        if !filtered && magic != *UNFILTERED || rows.is_some_and(|rows| rows != count) || count > size {
            return Ok(None);
        }
        let blocks = if filtered { KeyFilter::blocks_of(count as usize) } else { 0 };
        if size != (HEAD + blocks * BLOCK_BYTES) as u64 + count * 12 {
            return Ok(None);
        }
        let filter = if filtered {
            let mut bytes = vec![0; blocks * BLOCK_BYTES];
            file.read_exact(&mut bytes)?;
            Some(KeyFilter::of_bytes(&bytes))
        } else {
            None
        };
        Ok(Some(Self { file, rows: count as usize, filter, whole: OnceCell::new() }))
    }

    /// The filter as it was written.
    pub(crate) fn filter(&self) -> Option<&KeyFilter> {
        self.filter.as_ref()
    }

    /// Whether all of it is in memory.
    pub(crate) fn is_read(&self) -> bool {
        self.whole.get().is_some()
    }

    /// Keeps no more than the filter in memory.
    pub(crate) fn forget(&mut self) {
        self.whole.take();
    }

    /// Reads all of it.
    pub(crate) fn read(&self) -> Result<KeyIndex> {
        let mut bytes = vec![0; self.rows * 12];
        self.read_at(0, &mut bytes)?;
        let (hashes, ordinals) = bytes.split_at(self.rows * 8);
        let hashes = hashes.as_chunks::<8>().0.iter().map(|c| u64::from_le_bytes(*c)).collect();
        let ordinals = ordinals.as_chunks::<4>().0.iter().map(|c| u32::from_le_bytes(*c)).collect();
        Ok(KeyIndex { hashes, ordinals })
    }

    /// Calls `hit(which, ordinal)` for each of `wanted` (hash and any number, sorted) that it holds.
    pub(crate) fn look_up(&self, wanted: &[(u64, u32)], mut hit: impl FnMut(u32, u32)) -> Result<()> {
        let mut kept = Vec::new();
        let wanted = match &self.filter {
            Some(filter) => {
                kept.extend(wanted.iter().filter(|(hash, _)| filter.may_hold(*hash)));
                &kept
            }
            None => wanted,
        };
        if !self.is_read() {
            if wanted.len() * ROWS_PER_SEARCH < self.rows {
                return self.search(wanted, hit);
            }
            let _ = self.whole.set(self.read()?);
        }
        self.whole.get().into_iter().for_each(|whole| whole.look_up(wanted, &mut hit));
        Ok(())
    }

    /// Looks each key up on disk: hashes are spread evenly, so that a key's hash says where it stands.
    fn search(&self, wanted: &[(u64, u32)], mut hit: impl FnMut(u32, u32)) -> Result<()> {
        for (hash, which) in wanted {
            let mut at = self.place_of(*hash)?;
            while at < self.rows {
                let mut here = [0; 8];
                self.read_at(at * 8, &mut here)?;
                if u64::from_le_bytes(here) != *hash {
                    break;
                }
                let mut ordinal = [0; 4];
                self.read_at(self.rows * 8 + at * 4, &mut ordinal)?;
                hit(*which, u32::from_le_bytes(ordinal));
                at += 1;
            }
        }
        Ok(())
    }

    /// The place of the first hash that is not less than `target`.
    fn place_of(&self, target: u64) -> Result<usize> {
        // All before `low` are less, none from `high` on is.
        let (mut low, mut high) = (0, self.rows);
        let mut guess = ((u128::from(target) * self.rows as u128) >> 64) as usize;
        let mut window = [0; WINDOW * 8];
        let mut guesses = 0;
        while low < high {
            let first = guess.saturating_sub(WINDOW / 2).clamp(low, high.saturating_sub(WINDOW).max(low));
            let bytes = &mut window[..(high - first).min(WINDOW) * 8];
            self.read_at(first * 8, bytes)?;
            let hashes = bytes.as_chunks::<8>().0;
            let less = hashes.partition_point(|hash| u64::from_le_bytes(*hash) < target);
            if less > 0 {
                low = first + less;
            }
            if less < hashes.len() {
                high = first + less;
            }
            guesses += 1;
            // The next window lies beside this one, as even hashes have it; uneven ones are halved.
            guess = match (less, guesses) {
                (_, 4..) => low + (high - low) / 2,
                (0, _) => high.saturating_sub(WINDOW / 2),
                _ => low + WINDOW / 2,
            };
        }
        Ok(low)
    }

    /// Reads bytes of hashes and ordinals.
    fn read_at(&self, offset: usize, bytes: &mut [u8]) -> Result<()> {
        let filter = self.filter.as_ref().map_or(0, |_| KeyFilter::blocks_of(self.rows) * BLOCK_BYTES);
        let mut file = &self.file;
        file.seek(SeekFrom::Start((HEAD + filter + offset) as u64))?;
        Ok(file.read_exact(bytes)?)
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

/// The index of a data file: opened, or made again with `rebuild` where it is missing.
pub(crate) fn open_or(
    root: &TableRoot,
    file: &TableFile,
    rebuild: impl FnOnce() -> Result<Vec<u64>>,
) -> Result<IndexFile> {
    if let Some(index) = IndexFile::of_file(root, file, "keys", Some(file.rows))? {
        return Ok(index);
    }
    let path = index_path(root, &file.path, "keys");
    let index = KeyIndex::new(&rebuild()?);
    if index.hashes.len() as u64 != file.rows {
        return Err(Fault::internal(format!("`{}` has not the {} rows that the log states", file.path, file.rows)));
    }
    index.write(&path)?;
    let index = IndexFile::open(&path, Some(file.rows))?;
    index.ok_or_else(|| Fault::internal(format!("`{}` was not written whole", path.display())))
}

/// Gives a data file that has the keys of another one, each at the same ordinal, its index.
pub(crate) fn copy(root: &TableRoot, from: &TableFile, to: &TableFile) -> Result<()> {
    if IndexFile::of_file(root, from, "keys", Some(from.rows))?.is_none() {
        // It is made from the data file when it is needed.
        return Ok(());
    }
    let path = index_path(root, &to.path, "keys");
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent)?;
    }
    fs_err::copy(index_path(root, &from.path, "keys"), path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(index: &KeyIndex) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.keys");
        index.write(&path).unwrap();
        (folder, path)
    }

    fn hits(look_up: impl FnOnce(&mut dyn FnMut(u32, u32))) -> Vec<(u32, u32)> {
        let mut hits = Vec::new();
        look_up(&mut |which, ordinal| hits.push((which, ordinal)));
        hits
    }

    proptest::proptest! {
        /// Given hashes that are spread evenly or stand close together, some twice, when some are sought in
        /// memory, on disk, and on disk through the filter, then each way finds all of them and no other.
        #[test]
        fn finds_all_and_only(
            close in proptest::collection::vec(0_u64..50, 0..200),
            even in 0_u64..3000,
            wanted in proptest::collection::vec(0_u64..60, 0..20),
            sought in proptest::collection::vec(0_u64..3100, 0..20),
        ) {
            let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let hashes: Vec<u64> = close.into_iter().chain((0..even).map(spread)).collect();
            let mut asked: Vec<u64> = wanted.into_iter().chain(sought.into_iter().map(spread)).collect();
            asked.sort_unstable();
            asked.dedup();
            let asked: Vec<(u64, u32)> = asked.into_iter().zip(0..).collect();
            let mut want = Vec::new();
            for (hash, which) in &asked {
                want.extend((0..).zip(&hashes).filter(|(_, held)| *held == hash).map(|(ordinal, _)| (*which, ordinal)));
            }
            let index = KeyIndex::new(&hashes);
            proptest::prop_assert_eq!(&hits(|hit| index.look_up(&asked, hit)), &want);
            let (_folder, path) = written(&index);
            let file = IndexFile::open(&path, Some(hashes.len() as u64)).unwrap().unwrap();
            proptest::prop_assert_eq!(&hits(|hit| file.search(&asked, hit).unwrap()), &want);
            proptest::prop_assert_eq!(&hits(|hit| file.look_up(&asked, hit).unwrap()), &want);
            proptest::prop_assert_eq!(file.filter(), Some(&index.filter()));
        }
    }

    /// Given an index on disk that is cut short, when opened, then it counts as missing.
    #[test]
    fn a_torn_index_is_no_index() {
        let (_folder, path) = written(&KeyIndex::new(&[9, 3, 7]));
        let index = IndexFile::open(&path, Some(3)).unwrap().unwrap();
        assert_eq!(index.read().unwrap().pairs().collect::<Vec<_>>(), [(3, 1), (7, 2), (9, 0)]);
        let bytes = fs_err::read(&path).unwrap();
        fs_err::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(IndexFile::open(&path, Some(3)).unwrap().is_none());
    }

    /// Given an index without a filter, as it was written before there was one, when opened, then it finds
    /// its keys.
    #[test]
    fn an_index_without_a_filter_is_read() {
        let (_folder, path) = written(&KeyIndex::new(&[9, 3, 7]));
        let mut bytes = fs_err::read(&path).unwrap();
        bytes.drain(HEAD..HEAD + BLOCK_BYTES);
        bytes[..8].copy_from_slice(UNFILTERED);
        fs_err::write(&path, &bytes).unwrap();
        let index = IndexFile::open(&path, Some(3)).unwrap().unwrap();
        assert_eq!(hits(|hit| index.look_up(&[(3, 0), (4, 1), (9, 2)], hit).unwrap()), [(0, 1), (2, 0)]);
    }
}
