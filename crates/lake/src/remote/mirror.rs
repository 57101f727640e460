//! Whether the mirror has copies of the lake that is there: an address may be emptied and used again.

use std::path::Path;

use shoplake_core::Result;

use super::Remote;
use crate::layout::numbers;
use crate::pool::lock;
use crate::store::Store;

/// A record that is shorter says only that its batch was closed: that of another lake may be the same.
const SHORT: usize = 256;

impl Remote {
    /// Empties the mirror where its last record of `folder` is not the lake's; looks once.
    ///
    /// Data files bear names of chance, records bear numbers: of another lake they would be taken for
    /// this one's.
    pub(super) fn trust_mirror(&self, folder: &Path) -> Result<()> {
        let mut trusted = lock(&self.trusted);
        if !*trusted && !self.is_of_lake(folder)? {
            tracing::warn!(lake = self.url, "the copies on this machine are another lake's, and are removed");
            fs_err::remove_dir_all(&self.mirror)?;
        }
        *trusted = true;
        Ok(())
    }

    fn is_of_lake(&self, folder: &Path) -> Result<bool> {
        let known = numbers(&Store::Folder, folder)?;
        for batch in known.iter().rev() {
            let path = folder.join(format!("{batch}.json"));
            let copy = fs_err::read(&path)?;
            if copy.len() >= SHORT {
                return Ok(self.read(&path)? == Some(copy));
            }
        }
        Ok(known.is_empty())
    }
}
