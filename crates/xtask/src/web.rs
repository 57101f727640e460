//! The app that `shoplake serve` shows: its committed build is fresh, its checks pass, and a real browser
//! finds the figures of a real server on its pages.
//!
//! All of it happens on a copy in the build folder, so that nothing is installed or built in `web/`.
//! Not here: the tests themselves (`web/src/**/*.test.ts`, `web/tests`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::serve::Server;
use crate::steps::Steps;
use crate::workspace::{self, Profile};

/// Node, the first version that can build the app.
const NODE: (u32, u32) = (20, 19);
/// Folders of `web/` that are made, not written.
const MADE: [&str; 2] = ["node_modules", "dist"];

/// What `cargo xtask web` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Put the pictures that the browser tests take into docs/screenshots.
    #[arg(long)]
    screenshots: bool,
}

/// Takes these steps alone.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    let binary = steps.take("build", || workspace::build_shoplake(Profile::Dev));
    self::steps(&mut steps, binary.as_deref(), options.screenshots);
    steps.finish()
}

/// Takes the steps; with `screenshots` the pictures that the tests take become those of `docs/screenshots`.
pub(crate) fn steps(steps: &mut Steps, binary: Option<&Path>, screenshots: bool) {
    if let Some(reason) = no_node() {
        steps.skip("web app", &reason);
        return;
    }
    let Some(folder) = steps.take("web: packages", packages) else { return };
    steps.take("web: dist is what the sources make", || fresh(&folder));
    steps.take("web: format and types", || npm(&folder, &["run", "check"]));
    steps.take("web: unit tests", || npm(&folder, &["test"]));
    let Some(binary) = binary else {
        steps.skip("web: browser tests", "they need the binary");
        return;
    };
    let browser = match chromium() {
        Ok(browser) => browser,
        Err(reason) => {
            steps.skip("web: browser tests", &format!("{reason:#}"));
            return;
        }
    };
    steps.take("web: browser tests", || browser_tests(&folder, binary, &browser, screenshots));
}

/// Why the app cannot be built here; `None` if it can.
fn no_node() -> Option<String> {
    let hint = "on Debian or Ubuntu, `apt-get install nodejs npm`";
    let found = workspace::output(Command::new("node").arg("--version")).ok();
    let version = found.as_deref().and_then(|text| {
        let mut parts = text.trim().trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    });
    match version {
        None => Some(format!("Node is missing: {hint}")),
        Some(version) if version < NODE => {
            Some(format!("Node is {}.{}, the app needs {}.{} or newer", version.0, version.1, NODE.0, NODE.1))
        }
        Some(_) => (!workspace::has(NPM, "--version")).then(|| format!("npm is missing: {hint}")),
    }
}

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    workspace::output(Command::new(NPM).args(arguments).current_dir(folder)).map(|_| ())
}

/// Copies the sources into the build folder and installs what they need, where that has changed.
fn packages() -> Result<PathBuf> {
    let (source, folder) = (workspace::root().join("web"), workspace::target().join("test-web/app"));
    fs_err::create_dir_all(&folder)?;
    for entry in fs_err::read_dir(&folder)? {
        let entry = entry?;
        if entry.file_name() == "node_modules" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs_err::remove_dir_all(entry.path())?;
        } else {
            fs_err::remove_file(entry.path())?;
        }
    }
    let made = |path: &Path| MADE.iter().any(|name| path == source.join(name));
    for path in files(&source, &made)? {
        let to = folder.join(path.strip_prefix(&source)?);
        fs_err::create_dir_all(to.parent().unwrap_or(&folder))?;
        fs_err::copy(&path, to)?;
    }
    let (lock, stamp) = (fs_err::read(folder.join("package-lock.json"))?, folder.join("node_modules/.installed-from"));
    if fs_err::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(folder);
    }
    npm(&folder, &["ci", "--no-audit", "--no-fund"])?;
    fs_err::write(&stamp, lock)?;
    Ok(folder)
}

/// The files below a folder, without the folders that `leave` names.
fn files(folder: &Path, leave: &impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let (path, kind) = {
            let entry = entry?;
            (entry.path(), entry.file_type()?)
        };
        if kind.is_dir() {
            if !leave(&path) {
                found.extend(files(&path, leave)?);
            }
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// Builds the app and compares it with the one that is committed.
fn fresh(folder: &Path) -> Result<()> {
    npm(folder, &["run", "build"])?;
    let contents = |dist: PathBuf| -> Result<BTreeMap<PathBuf, Vec<u8>>> {
        let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let files = files(&dist, &|_| false)?.into_iter().filter(|path| !hidden(path));
        files.map(|path| Ok((path.strip_prefix(&dist)?.to_owned(), fs_err::read(&path)?))).collect()
    };
    let (built, committed) = (contents(folder.join("dist"))?, contents(workspace::root().join("web/dist"))?);
    let names = built.keys().chain(committed.keys().filter(|name| !built.contains_key(*name)));
    let other: Vec<_> = names.filter(|name| built.get(*name) != committed.get(*name)).collect();
    if let Some(first) = other.first() {
        bail!(
            "web/dist is not what web/src makes: {} files differ, the first is {}\nhint: `npm ci && npm run build` in web/, and commit web/dist",
            other.len(),
            first.display()
        );
    }
    Ok(())
}

/// Where Chromium is; installed where it is missing and this user may.
fn chromium() -> Result<PathBuf> {
    let known = || {
        let stated = std::env::var_os("CHROMIUM").map(PathBuf::from);
        stated.into_iter().chain([PathBuf::from("/usr/bin/chromium")]).find(|path| path.is_file())
    };
    if let Some(path) = known() {
        return Ok(path);
    }
    workspace::install("chromium").context("Chromium is missing, and CHROMIUM names no other")?;
    known().context("Debian's `chromium` was installed, and is not where it belongs")
}

/// Runs the browser tests. They take the pictures of `docs/screenshots` each time and look at them; with `screenshots`
/// they are put there, else they stay in the build folder.
fn browser_tests(folder: &Path, binary: &Path, browser: &Path, screenshots: bool) -> Result<()> {
    let server = Server::over_sample(binary, "test-web/shop")?;
    let (made, kept) = (workspace::target().join("test-web"), workspace::root().join("docs/screenshots"));
    let mut command = Command::new("node");
    command.arg("tests/run.mjs").current_dir(folder).env("CHROMIUM", browser);
    command.env("BASE_URL", server.url()).env("SHOPLAKE", binary).env("SHOP", server.shop());
    command.env("SHOPS", made.join("shown")).env("KEPT", &kept);
    command.env("SHOTS", if screenshots { kept } else { made.join("screenshots") });
    let said = workspace::output(&mut command)?;
    let counts = said
        .lines()
        .filter(|line| ["ℹ tests", "ℹ pass", "ℹ fail", "ℹ skipped"].iter().any(|word| line.starts_with(word)));
    println!("   {}", counts.map(|line| line.trim_start_matches("ℹ ")).collect::<Vec<_>>().join(", "));
    Ok(())
}
