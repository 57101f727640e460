//! Finds the project folder.

use std::path::{Path, PathBuf};

use shoplake_core::{Fault, Result};

use crate::environment::Environment;

/// The file that makes a folder a project.
pub(crate) const SETTINGS: &str = "shoplake.yml";

/// The project folder: `explicit` (`--project-dir`), else `SHOPLAKE_PROJECT_DIR`, else the nearest
/// folder from `cwd` upwards that holds a `shoplake.yml`. Absolute.
pub fn find_dir(explicit: Option<&Path>, env: &Environment, cwd: &Path) -> Result<PathBuf> {
    let variable = env.variables.get("SHOPLAKE_PROJECT_DIR").filter(|dir| !dir.is_empty());
    let named = explicit.map(|dir| (dir, "--project-dir"));
    let named = named.or_else(|| variable.map(|dir| (Path::new(dir), "SHOPLAKE_PROJECT_DIR")));
    if let Some((dir, named_by)) = named {
        let dir = std::path::absolute(cwd.join(dir)).map_err(Fault::from)?;
        if dir.join(SETTINGS).is_file() {
            return Ok(dir);
        }
        let fault = Fault::usage(format!("`{}` ({named_by}) is not a project: it has no {SETTINGS}", dir.display()));
        return Err(fault.hint(format!("`shoplake init {}` makes one", dir.display())));
    }
    let found = cwd.ancestors().find(|dir| dir.join(SETTINGS).is_file()).map(Path::to_path_buf);
    found.ok_or_else(|| {
        let fault = Fault::usage(format!("no project here: there is no {SETTINGS} in `{}` or above it", cwd.display()));
        fault.hint("`shoplake init DIR` makes one, `--project-dir DIR` names one")
    })
}
