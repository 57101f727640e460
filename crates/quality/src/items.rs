//! Rows of one line whose chunks were judged apart: their places go on from chunk to chunk.

use shoplake_core::{JudgedChunk, Reject, RowPlace};

/// The last row of the chunks so far.
#[derive(Debug, Default)]
pub(crate) struct Items {
    last: Option<RowPlace>,
}

impl Items {
    /// Numbers the first rows of a chunk on, where they stand at the line of the last row before.
    pub(crate) fn carry_on(&mut self, chunk: &mut JudgedChunk) {
        if let Some(RowPlace { line, item }) = self.last {
            let same = chunk.lines.iter().take_while(|other| **other == line).count();
            if same > 0 {
                chunk.items.resize(chunk.lines.len(), 1);
                chunk.items[..same].iter_mut().for_each(|place| *place += item);
            }
            chunk.rejects.iter_mut().take_while(|reject| reject.line == line).for_each(|reject| reject.item += item);
        }
        self.last = chunk.places().next_back().max(chunk.rejects.last().map(Reject::place)).or(self.last);
    }
}
