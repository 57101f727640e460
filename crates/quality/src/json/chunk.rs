//! Records on their way from the scan to a worker: bytes as they stood in the file, and their lines.

/// Records as they stood in the file, some thousand at a time.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// For each record, where it ends in `bytes`, and its line or ordinal.
    ends: Vec<(usize, u64)>,
    /// Records (by index) of which only the start is here, for they were too long.
    pub(super) cut: Vec<usize>,
}

impl Chunk {
    /// The records with their lines.
    pub(super) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        starts.zip(&self.ends).map(|(start, (end, line))| (*line, &self.bytes[start..*end]))
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds a record; `line` is its line or its ordinal.
    pub(super) fn push(&mut self, line: u64, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.ends.push((self.bytes.len(), line));
    }
}
