//! The bytes of each zone of the lake.

use std::path::Path;

use serde_json::json;
use shoplake_core::{Fault, Project};

use crate::{render, wiring};

/// Bytes on disk by folder of the lake.
pub(crate) struct Sizes(Vec<(&'static str, u64)>);

impl Sizes {
    pub(crate) fn of(project: &Project) -> Result<Self, Fault> {
        let parts = ["landing", "processed", "archive", "quarantine", "reports"];
        if let Some(sizes) = wiring::remote_sizes(project, &parts)? {
            return Ok(Self(parts.into_iter().zip(sizes).collect()));
        }
        let sizes: Result<Vec<_>, Fault> =
            parts.iter().map(|part| Ok((*part, size(&project.lake_dir.join(part))?))).collect();
        Ok(Self(sizes?))
    }
    /// Each zone with its bytes.
    pub(crate) fn zones(self) -> Vec<(&'static str, u64)> {
        self.0
    }
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(_, size)| size).sum()
    }
    pub(crate) fn json(&self) -> serde_json::Value {
        let parts = self.0.iter().map(|(part, size)| ((*part).to_owned(), json!(size)));
        parts.chain([("total".to_owned(), json!(self.total()))]).collect::<serde_json::Map<_, _>>().into()
    }
    pub(crate) fn text(&self) -> String {
        let parts: Vec<_> = self
            .0
            .iter()
            .filter(|(_, size)| *size > 0)
            .map(|(part, size)| format!("{part} {}", render::bytes(*size)))
            .collect();
        if parts.is_empty() {
            "empty".to_owned()
        } else {
            format!("{} ({})", render::bytes(self.total()), parts.join(", "))
        }
    }
}

/// Bytes of all files below a folder, 0 where it is not there. What a run removes meanwhile does not count.
fn size(dir: &Path) -> Result<u64, Fault> {
    let mut total = 0;
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        let entries = match fs_err::read_dir(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => left.push(entry.path()),
                Ok(metadata) => total += metadata.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(total)
}
