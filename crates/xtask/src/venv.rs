//! Python environments in the build folder, pinned to the last package.
//!
//! A stamp holds the pins that an environment was made from: it is made again when they change, and
//! left alone otherwise. Nothing is installed outside the build folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Makes the environment `name` from `requirements` where it is not there yet, and returns its Python.
pub(crate) fn ensure(name: &str, requirements: &str) -> Result<PathBuf> {
    let folder = workspace::target().join(name);
    let python = if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") };
    let stamp = folder.join("requirements.txt");
    if python.is_file() && fs_err::read_to_string(&stamp).is_ok_and(|made_from| made_from == requirements) {
        return Ok(python);
    }
    let system = require_python()?;
    println!("   installing Python packages into {} (once)", folder.display());
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    workspace::output(Command::new(system).args(["-m", "venv"]).arg(&folder))
        .context("hint: on Debian or Ubuntu, `apt-get install python3-venv`")?;
    let pins = folder.join("pins.txt");
    fs_err::write(&pins, requirements)?;
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement"];
    workspace::output(Command::new(&python).args(install).arg(&pins))?;
    fs_err::rename(&pins, &stamp)?;
    Ok(python)
}

/// The system's Python 3, or what to do without one.
fn require_python() -> Result<&'static str> {
    for name in ["python3", "python"] {
        let recent = "import sys; sys.exit(sys.version_info < (3, 11))";
        if Command::new(name).args(["-c", recent]).status().is_ok_and(|status| status.success()) {
            return Ok(name);
        }
    }
    bail!("Python 3.11 or newer is missing\nhint: on Debian or Ubuntu, `apt-get install python3 python3-venv`");
}
