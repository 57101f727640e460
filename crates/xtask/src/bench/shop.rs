//! A shop of the benchmark: a project folder that is made afresh, fed and run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::data::{Totals, cents};
use super::measure::{Measure, Stopwatch};
use crate::workspace;

/// A project folder and the binary that works on it.
pub(crate) struct Shop {
    binary: PathBuf,
    folder: PathBuf,
}

impl Shop {
    /// An empty shop; the one before is removed.
    pub(crate) fn fresh(binary: &Path) -> Result<Self> {
        let folder = workspace::target().join("bench-shop");
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        workspace::output(Command::new(binary).arg("init").arg(&folder).args(["--timezone", "UTC"]))?;
        Ok(Self { binary: binary.to_owned(), folder })
    }

    /// Puts a file in the inbox without copying its bytes, where the disk allows it.
    pub(crate) fn link(&self, dataset: &str, file: &Path) -> Result<()> {
        let name = file.file_name().with_context(|| format!("`{}` has no name", file.display()))?;
        let place = self.inbox(dataset, &name.to_string_lossy())?;
        if fs_err::hard_link(file, &place).is_err() {
            fs_err::copy(file, &place)?;
        }
        Ok(())
    }

    /// Writes a file into the inbox.
    pub(crate) fn write(&self, dataset: &str, name: &str, text: &str) -> Result<()> {
        Ok(fs_err::write(self.inbox(dataset, name)?, text)?)
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// One `shoplake run`, measured.
    pub(crate) fn run(&self, stopwatch: &Stopwatch) -> Result<Measure> {
        let [run, json, project] = ["run", "--json", "--project-dir"].map(OsStr::new);
        stopwatch.time(&[self.binary.as_os_str(), run, json, project, self.folder.as_os_str()])
    }

    /// Every model made anew in full, measured.
    pub(crate) fn refresh(&self, stopwatch: &Stopwatch) -> Result<Measure> {
        let words = ["run", "--full-refresh", "--json", "--project-dir"].map(OsStr::new);
        stopwatch.time(&[&[self.binary.as_os_str()], &words[..], &[self.folder.as_os_str()]].concat())
    }

    /// Fails unless the sales table holds exactly this.
    pub(crate) fn expect(&self, want: Totals) -> Result<()> {
        let sql = "SELECT count(*) AS n, sum(amount) AS revenue FROM sales";
        let mut command = Command::new(&self.binary);
        command.args(["query", sql, "--output", "json", "--project-dir"]).arg(&self.folder);
        let rows: Value = serde_json::from_str(&workspace::output(&mut command)?).context("read the query's JSON")?;
        let text = |name: &str| rows[0][name].as_str().map_or_else(|| rows[0][name].to_string(), str::to_owned);
        let got = Totals {
            rows: text("n").parse().context("read the number of sales")?,
            cents: cents(&text("revenue")).context("read the revenue")?,
        };
        if got != want {
            bail!("the sales table holds {got:?}, not {want:?}");
        }
        Ok(())
    }

    fn inbox(&self, dataset: &str, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join("inbox").join(dataset);
        fs_err::create_dir_all(&folder)?;
        Ok(folder.join(name))
    }
}
