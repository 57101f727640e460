//! The marker of a file's rejected rows: its contract, and its header as it lies in the archive.

use shoplake_core::project::Dataset;
use shoplake_core::{LandedFile, Sha256};
use shoplake_quality::{Marker, ReadOptions};

use crate::Pipeline;

impl Pipeline {
    /// Finds broken parts in rejected rows of the archived file `key`.
    pub fn marker(&self, dataset: &Dataset, key: &str) -> Marker {
        // A file that is not there leaves the rows unmarked.
        let found = self.landing.archived(key).ok();
        let found = found.and_then(|path| fs_err::metadata(&path).ok().map(|metadata| (path, metadata.len())));
        let file = found.map(|(path, size)| LandedFile {
            dataset: dataset.contract.dataset.clone(),
            key: key.to_owned(),
            name: key.rsplit('/').next().unwrap_or(key).to_owned(),
            origin: format!("archive/{key}"),
            sha256: Sha256(String::new()),
            size,
            path,
            page: None,
        });
        let options = ReadOptions::new(self.project.time_zone, &self.project.limits);
        Marker::new(&dataset.contract, file.as_ref(), &options)
    }
}
