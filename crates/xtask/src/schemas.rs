//! `cargo xtask schemas`: the JSON Schemas of the project folder's files, for editors.
//!
//! The types in `shoplake-project` and `shoplake-models` are the source; `schemas/` is written from them, never by hand.
//! They are asked by way of `crates/models/examples/schemas.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::workspace;

/// What `cargo xtask schemas` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Change nothing; fail if a file in schemas/ is not what the types say.
    #[arg(long)]
    check: bool,
}

/// Writes the schemas, or checks them.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.check { check() } else { write() }
}

/// Fails if a file in `schemas/` is missing or is not what the types say.
pub(crate) fn check() -> Result<()> {
    let stale = generated()?
        .into_iter()
        .filter(|(path, text)| fs_err::read_to_string(path).ok().as_ref() != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect::<Vec<_>>();
    if !stale.is_empty() {
        bail!(
            "generated files are out of date: {}\nhint: run `cargo xtask schemas` and commit what it writes",
            stale.join(", ")
        );
    }
    Ok(())
}

fn write() -> Result<()> {
    for (path, text) in generated()? {
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(&path, text)?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

fn generated() -> Result<Vec<(PathBuf, String)>> {
    let folder = workspace::root().join("schemas");
    let said = workspace::output(&mut Command::new(workspace::build_example("schemas")?))?;
    let texts: BTreeMap<String, String> = serde_json::from_str(&said)?;
    Ok(texts.into_iter().map(|(name, text)| (folder.join(name), text)).collect())
}
