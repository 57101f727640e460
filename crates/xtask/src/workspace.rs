//! Where things are: the repository, the build folder, `../shared`, and the tools on this machine.
//!
//! Not here: what is done with them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.ancestors().nth(2).map_or(manifest.clone(), Path::to_path_buf)
}

/// The build folder: `CARGO_TARGET_DIR`, else `target` in the repository.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// A file or folder of `../shared` (checks, benchmarks, real data), if this machine has it.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(name);
    path.canonicalize().ok()
}

/// Cargo, started in the repository, without what the cargo that runs xtask says of xtask: build
/// scripts (ring's, for one) run again when it changes, and with them all of DataFusion is built again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// The profiles that xtask builds.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// Compiles in minutes; for the demo and the tests.
    Dev,
    /// Fast; for the benchmark.
    Release,
}

/// Builds the `shoplake` binary and says where it is.
pub(crate) fn build_shoplake(profile: Profile) -> Result<PathBuf> {
    require_compiler()?;
    let mut command = cargo();
    command.args(["build", "--bin", "shoplake"]);
    let folder = match profile {
        // One small example of the whole workspace: it makes cargo choose the dependencies' features as the
        // tests do, so that demo and test share one build of them.
        Profile::Dev => {
            command.args(["--workspace", "--example", "schemas"]);
            "debug"
        }
        Profile::Release => {
            command.args(["--package", "shoplake", "--release"]);
            "release"
        }
    };
    succeed(&mut command)?;
    let binary = target().join(folder).join(format!("shoplake{}", std::env::consts::EXE_SUFFIX));
    anyhow::ensure!(binary.is_file(), "cargo built no `{}`", binary.display());
    Ok(binary)
}

/// Builds an example of the workspace, with the features that [`build_shoplake`] has cargo choose, and says where it is.
pub(crate) fn build_example(name: &str) -> Result<PathBuf> {
    require_compiler()?;
    succeed(cargo().args(["build", "--workspace", "--example", name]))?;
    Ok(target().join("debug/examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// Runs a command that shares this terminal; an exit code other than 0 is an error.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let said = said(command);
    let status = command.status().with_context(|| format!("start `{said}`"))?;
    if !status.success() {
        bail!("`{said}` ended with {status}");
    }
    Ok(())
}

/// Runs a command and returns what it wrote to stdout; its stderr is part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let said = said(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start `{said}`"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("`{said}` ended with {}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}

/// Whether `program` can be started here.
pub(crate) fn has(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|said| said.trim() == "0")
}

/// Installs a package of Debian's and what it needs, where we may; an error says what to do where not.
pub(crate) fn install(package: &str) -> Result<()> {
    if !is_root() || !has("apt-get", "--version") {
        bail!("on Debian or Ubuntu, `apt-get install {package}`");
    }
    println!("   installing Debian's `{package}` (once)");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        // Who else installs something now has an end too.
        command.args(["--yes", "--quiet", "--option", "DPkg::Lock::Timeout=300"]).args(arguments);
        output(command.env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
    };
    let install = ["install", "--no-install-recommends", package];
    // Without the lists of packages the first try fails.
    apt(&install).or_else(|_| apt(&["update"]).and_then(|()| apt(&install)))
}

/// Some dependencies are C: without a C compiler the build would fail after minutes, with a riddle.
fn require_compiler() -> Result<()> {
    let chosen = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    if cfg!(unix) && !has(&chosen, "--version") {
        bail!(
            "a C compiler is missing: `{chosen}` does not start\nhint: on Debian or Ubuntu, `apt-get install build-essential`"
        );
    }
    Ok(())
}

fn said(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let said = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    if said.chars().count() > 200 { said.chars().take(200).chain(['…']).collect() } else { said }
}
