//! Environment variables, the `.env` file beside the project, and `${NAME}` in settings.

use std::collections::BTreeMap;
use std::path::Path;

use shoplake_core::{Fault, Result};

/// The variables that a project is read with. Nothing in this crate looks at the process's own.
#[derive(Clone, Default)]
pub struct Environment {
    /// The variables by name.
    pub variables: BTreeMap<String, String>,
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process; those that are not Unicode are left out.
    pub fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(unicode).collect() }
    }

    /// Adds what `dir/.env` says, where there is such a file; variables that are set already stay.
    ///
    /// Lines are `NAME=value`, `export NAME=value`, `NAME="value"`, `NAME='value'`, `# comment`.
    pub fn with_dotenv(mut self, dir: &Path) -> Result<Self> {
        let text = match fs_err::read_to_string(dir.join(".env")) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(error.into()),
        };
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = assignment(line).ok_or_else(|| {
                let fault = Fault::usage("not a `NAME=value` line").at(".env", Some(index as u64 + 1), Some(1));
                fault.hint("write `NAME=value`, or begin the line with `#`")
            })?;
            self.variables.entry(name).or_insert(value);
        }
        Ok(self)
    }

    /// Puts values in place of each `${NAME}`; the error is the name of a variable that is not set.
    pub(crate) fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}').filter(|(name, _)| is_variable(name)) else {
                expanded.push_str(before);
                expanded.push_str("${");
                rest = behind;
                continue;
            };
            expanded.push_str(before);
            expanded.push_str(self.variables.get(name).ok_or_else(|| name.to_owned())?);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

/// The name in a text that is `${NAME}` and nothing else.
pub(crate) fn reference(text: &str) -> Option<&str> {
    text.trim().strip_prefix("${")?.strip_suffix('}').filter(|name| is_variable(name))
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn assignment(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if !is_variable(name) {
        return None;
    }
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (inside, after) = quoted.split_once(quote)?;
            let after = after.trim_start();
            return (after.is_empty() || after.starts_with('#')).then(|| (name.to_owned(), inside.to_owned()));
        }
    }
    let plain = value.split_once(" #").map_or(value, |(value, _)| value.trim_end());
    Some((name.to_owned(), plain.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a `.env` beside the project, then it fills what the process does not set.
    #[test]
    fn dotenv_fills_gaps() {
        let dir = tempfile::tempdir().unwrap();
        let text = "# secrets\nexport A=1\nB=\"two # 2\" # comment\nC='x=y'\nD=plain # comment\nSET=file\nE=\n";
        fs_err::write(dir.path().join(".env"), text).unwrap();
        let set = Environment { variables: [("SET".to_owned(), "process".to_owned())].into() };
        let read = set.with_dotenv(dir.path()).unwrap().variables;
        let values: Vec<&str> = ["A", "B", "C", "D", "SET", "E"].iter().map(|name| read[*name].as_str()).collect();
        assert_eq!(values, ["1", "two # 2", "x=y", "plain", "process", ""]);
        fs_err::write(dir.path().join(".env"), "A=1\nnonsense\n").unwrap();
        let fault = Environment::default().with_dotenv(dir.path()).unwrap_err();
        assert_eq!(fault.to_string(), ".env:2:1: not a `NAME=value` line");
    }

    /// `${NAME}` is replaced once, never again in what it brought; other `$` stay.
    #[test]
    fn references_are_expanded_once() {
        let environment = Environment { variables: [("A".to_owned(), "${B}".to_owned())].into() };
        assert_eq!(environment.expand("x-${A}-$A-${1}-${"), Ok("x-${B}-$A-${1}-${".to_owned()));
        assert_eq!(environment.expand("${A}${B}"), Err("B".to_owned()));
        assert_eq!(reference("${A}"), Some("A"));
        assert_eq!(reference("x${A}"), None);
    }
}
