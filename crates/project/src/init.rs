//! Makes a new project folder from the template. Asks nothing and overwrites nothing.

use std::path::{Path, PathBuf};

use shoplake_core::{Fault, Result};

use crate::locate::SETTINGS;
use crate::schemas::schemas;
use crate::settings;
use crate::template::{CURRENCY_LINE, FILES, NAME_LINE, TIME_ZONE_LINE};

/// dbt's settings, which know the time zone too.
const DBT: &str = "dbt_project.yml";

/// What a new project is told.
#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// The shop's time zone; the machine's unless stated.
    pub time_zone: Option<String>,
    /// The shop's currency; USD unless stated.
    pub currency: Option<String>,
    /// The project's name; the folder's unless stated.
    pub name: Option<String>,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Initialised {
    /// The time zone of the new project.
    pub time_zone: String,
    /// The files that were written, relative to the project folder. Those that lay there are not among them.
    pub files: Vec<PathBuf>,
}

/// Makes a project in `dir`, which is made too where it does not exist. Refuses a folder that is a
/// project already; any other file that lies there stays as it is.
pub fn init(dir: &Path, options: &InitOptions) -> Result<Initialised> {
    if dir.join(SETTINGS).is_file() {
        let fault = Fault::usage(format!("`{}` is a project already", dir.display()));
        return Err(fault.hint("`shoplake run` runs it; choose another folder for a new one"));
    }
    if dir.is_file() {
        return Err(Fault::usage(format!("`{}` is a file, not a folder", dir.display())));
    }
    let time_zone = match &options.time_zone {
        Some(name) => settings::time_zone(name)?,
        None => machine_zone(),
    };
    let currency = options.currency.as_deref().unwrap_or("USD");
    settings::check_currency(currency)?;
    let name = options.name.clone().unwrap_or_else(|| folder_name(dir));
    let settings = |text: &str| {
        text.replacen(NAME_LINE, &format!("name: {}", serde_json::Value::from(name.as_str())), 1)
            .replacen(TIME_ZONE_LINE, &format!("time_zone: {}", time_zone.name()), 1)
            .replacen(CURRENCY_LINE, &format!("currency: {currency}"), 1)
    };
    let mut files = Vec::new();
    for (path, text) in FILES.iter().filter(|(path, _)| *path != SETTINGS) {
        let text = if *path == DBT { &*settings(text) } else { text };
        write_new(dir, path, text, &mut files)?;
    }
    for (file, schema) in schemas() {
        write_new(dir, &format!(".shoplake/schemas/{file}"), &format!("{schema:#}\n"), &mut files)?;
    }
    // Last, so that an init that was cut off can be repeated.
    for (path, text) in FILES.iter().filter(|(path, _)| *path == SETTINGS) {
        write_new(dir, path, &settings(text), &mut files)?;
    }
    Ok(Initialised { time_zone: time_zone.name().to_owned(), files })
}

fn write_new(dir: &Path, path: &str, text: &str, files: &mut Vec<PathBuf>) -> Result<()> {
    let target = dir.join(path);
    if target.exists() {
        return Ok(());
    }
    if let Some(folder) = target.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(&target, text)?;
    files.push(PathBuf::from(path));
    Ok(())
}

/// The zone of this machine; UTC where it has none that is known.
fn machine_zone() -> chrono_tz::Tz {
    iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC)
}

fn folder_name(dir: &Path) -> String {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "myshop".to_owned())
}
