//! A real `shoplake serve` over a shop in the build folder, for what looks at it from outside.
//!
//! It ends with the value that stands for it. Not here: what is asked of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace;

/// The zone of the sample shop: it is not UTC, and its clock changes.
const ZONE: &str = "Europe/Lisbon";

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    url: String,
    shop: PathBuf,
}

impl Server {
    /// Makes the sample shop anew in this folder of the build folder, runs it once, and serves it.
    pub(crate) fn over_sample(binary: &Path, folder: &str) -> Result<Self> {
        let shop = workspace::target().join(folder);
        if shop.exists() {
            fs_err::remove_dir_all(&shop)?;
        }
        let init = ["--timezone", ZONE, "--currency", "EUR", "--sample", "--quiet"];
        workspace::output(Command::new(binary).arg("init").arg(&shop).args(init))?;
        workspace::output(Command::new(binary).args(["run", "--quiet", "--project-dir"]).arg(&shop))?;
        Self::over(binary, shop, &[])
    }

    /// Serves a shop on a free port, with `more` options; its words go to `serve.log` beside the shop's settings.
    pub(crate) fn over(binary: &Path, shop: PathBuf, more: &[&str]) -> Result<Self> {
        let log = fs_err::File::create(shop.join("serve.log"))?.into_parts().0;
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--project-dir"]).arg(&shop).args(more);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdout = child.stdout.take();
        let mut server = Self { child, url: String::new(), shop };
        let mut line = String::new();
        BufReader::new(stdout.context("the server has no stdout")?).read_line(&mut line)?;
        line.trim().trim_end_matches('/').clone_into(&mut server.url);
        anyhow::ensure!(
            server.url.starts_with("http://"),
            "`shoplake serve` said no address: see {}/serve.log",
            server.shop.display()
        );
        Ok(server)
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The project folder.
    pub(crate) fn shop(&self) -> &Path {
        &self.shop
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
