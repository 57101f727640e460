//! What a run must know of each row until its end, a few words each: in memory up to a bound, beyond it in
//! a file that is gone with the process.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use shoplake_core::Result;

/// Rows that are kept in memory before any is written to the file.
const KEPT: usize = 6 << 20;
/// Rows that are kept in memory once there is a file.
const KEPT_BESIDE_FILE: usize = 1 << 16;
/// Rows that are read at once.
const PAGE: usize = 128;
/// Pages that are kept.
const PAGES: usize = 256;

/// `W` words for each row, by the row's number.
pub(crate) struct RowStore<const W: usize> {
    /// Where the file is made.
    folder: PathBuf,
    file: Option<File>,
    /// Rows in the file; the others come after them.
    written: usize,
    recent: Vec<[u64; W]>,
    /// By the page's number modulo [`PAGES`]: its number and rows.
    pages: Vec<Option<(usize, Vec<[u64; W]>)>>,
    kept: usize,
}

impl<const W: usize> RowStore<W> {
    /// An empty store, whose file would be in `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, file: None, written: 0, recent: Vec::new(), pages: Vec::new(), kept: KEPT }
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.written + self.recent.len()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: [u64; W]) -> Result<()> {
        self.recent.push(row);
        if self.recent.len() >= self.kept { self.write() } else { Ok(()) }
    }

    /// The words of a row.
    pub(crate) fn get(&mut self, number: usize) -> Result<[u64; W]> {
        match number.checked_sub(self.written) {
            Some(recent) => Ok(self.recent[recent]),
            None => Ok(self.page(number / PAGE)?[number % PAGE]),
        }
    }

    /// Changes the words of a row.
    pub(crate) fn set(&mut self, number: usize, row: [u64; W]) -> Result<()> {
        if let Some(recent) = number.checked_sub(self.written) {
            self.recent[recent] = row;
            return Ok(());
        }
        if let Some(Some((page, rows))) = self.pages.get_mut(number / PAGE % PAGES)
            && *page == number / PAGE
        {
            rows[number % PAGE] = row;
        }
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(Self::offset(number)))?;
            file.write_all(&bytes(&[row]))?;
        }
        Ok(())
    }

    /// Forgets all rows from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.recent.truncate(len.saturating_sub(self.written));
        if len < self.written {
            // What the file holds behind them is written over.
            self.written = len;
            self.pages.clear();
        }
    }

    /// Calls `each` with every row, in their order.
    pub(crate) fn for_each(&mut self, mut each: impl FnMut([u64; W])) -> Result<()> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(0))?;
            let mut reader = BufReader::with_capacity(1 << 20, file);
            let mut page = vec![0; PAGE * W * 8];
            let mut left = self.written;
            while left > 0 {
                let page = &mut page[..left.min(PAGE) * W * 8];
                reader.read_exact(page)?;
                rows(page).for_each(&mut each);
                left -= left.min(PAGE);
            }
        }
        self.recent.iter().copied().for_each(each);
        Ok(())
    }

    /// Writes what is in memory.
    fn write(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(unnamed(&self.folder)?),
        };
        file.seek(SeekFrom::Start(Self::offset(self.written)))?;
        for part in self.recent.chunks(1 << 15) {
            file.write_all(&bytes(part))?;
        }
        // The last page that was read may have been short of what follows it now.
        self.pages.clear();
        self.written += self.recent.len();
        self.kept = self.kept.min(KEPT_BESIDE_FILE);
        self.recent = Vec::with_capacity(self.kept);
        Ok(())
    }

    /// The rows of a page, of which the last may be short.
    fn page(&mut self, number: usize) -> Result<&[[u64; W]]> {
        if self.pages.is_empty() {
            self.pages.resize(PAGES, None);
        }
        let place = &mut self.pages[number % PAGES];
        if place.as_ref().is_none_or(|(page, _)| *page != number) {
            let first = number * PAGE;
            let mut read = vec![0; (self.written - first).min(PAGE) * W * 8];
            if let Some(file) = &mut self.file {
                file.seek(SeekFrom::Start(Self::offset(first)))?;
                file.read_exact(&mut read)?;
            }
            *place = Some((number, rows(&read).collect()));
        }
        Ok(place.as_ref().map_or(&[], |(_, rows)| rows))
    }

    fn offset(number: usize) -> u64 {
        (number * W * 8) as u64
    }
}

/// A file without a name, which is gone with the process, however that ends.
fn unnamed(folder: &std::path::Path) -> Result<File> {
    fs_err::create_dir_all(folder)?;
    Ok(tempfile::tempfile_in(folder)?)
}

fn bytes<const W: usize>(rows: &[[u64; W]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * W * 8);
    rows.iter().flatten().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    bytes
}

fn rows<const W: usize>(bytes: &[u8]) -> impl Iterator<Item = [u64; W]> {
    let (words, _) = bytes.as_chunks::<8>();
    let (rows, _) = words.as_chunks::<W>();
    rows.iter().map(|row| row.map(u64::from_le_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Push(u64),
        Set(usize, u64),
        Truncate(usize),
        Get(usize),
    }

    fn step() -> impl proptest::strategy::Strategy<Value = Step> {
        use proptest::prelude::*;
        prop_oneof![
            6 => any::<u64>().prop_map(Step::Push),
            2 => (any::<usize>(), any::<u64>()).prop_map(|(at, word)| Step::Set(at, word)),
            2 => any::<usize>().prop_map(Step::Get),
            1 => any::<usize>().prop_map(Step::Truncate),
        ]
    }

    proptest::proptest! {
        /// Given a store that keeps a few rows in memory, when rows are added, changed, forgotten and asked
        /// for in any order, then it holds what a list holds.
        #[test]
        fn holds_what_a_list_holds(steps in proptest::collection::vec(step(), 1..1500), kept in 1_usize..40) {
            let folder = tempfile::tempdir().unwrap();
            let mut store = RowStore::<2>::new(folder.path().to_owned());
            store.kept = kept;
            let mut list: Vec<[u64; 2]> = Vec::new();
            for step in steps {
                match step {
                    Step::Push(word) => {
                        store.push([word, !word]).unwrap();
                        list.push([word, !word]);
                    }
                    Step::Set(at, word) if !list.is_empty() => {
                        let at = at % list.len();
                        store.set(at, [word, 1]).unwrap();
                        list[at] = [word, 1];
                    }
                    Step::Get(at) if !list.is_empty() => {
                        let at = at % list.len();
                        proptest::prop_assert_eq!(store.get(at).unwrap(), list[at]);
                    }
                    Step::Truncate(len) => {
                        // Mostly a few.
                        let len = list.len() - (len % 30).min(list.len());
                        store.truncate(len);
                        list.truncate(len);
                    }
                    _ => {}
                }
                proptest::prop_assert_eq!(store.len(), list.len());
            }
            let mut all = Vec::new();
            store.for_each(|row| all.push(row)).unwrap();
            proptest::prop_assert_eq!(all, list);
            proptest::prop_assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        }
    }
}
