//! The macros of a project: all of them one template, so that each may call any other, as in dbt.

use shoplake_core::Fault;

use crate::references::{SqlFile, candidates};

/// The name of the template that holds them all.
pub(crate) const TEMPLATE: &str = "macros";
/// What jinja blocks there are that this is not, and what to do.
const REFUSED: [(&str, &str); 3] = [
    ("snapshot", "keep the history as a model over the rows of the dataset"),
    ("materialization", "models are kept as `table`, `view`, `ephemeral` or `incremental`"),
    ("docs", "write the text under `description:` in the .yml"),
];

/// All macros of a project.
#[derive(Debug, Default)]
pub(crate) struct Macros {
    pub(crate) files: Vec<SqlFile>,
    /// Each macro's name with its file's index.
    pub(crate) names: Vec<(String, usize)>,
    /// Lines of the template that each file takes.
    lines: Vec<usize>,
}

impl Macros {
    /// The macros of these files.
    ///
    /// # Errors
    /// Blocks that are dbt's and not supported.
    pub(crate) fn read(files: &[SqlFile]) -> Result<Self, Vec<Fault>> {
        let (mut macros, mut faults) = (Self::default(), Vec::new());
        for (index, file) in files.iter().enumerate() {
            let text = as_macros(&file.text);
            for (line, word, rest) in blocks(&text) {
                if let Some((_, remedy)) = REFUSED.iter().find(|(refused, _)| *refused == word) {
                    let fault = Fault::usage(format!("`{{% {word} %}}` is dbt's and not supported"));
                    faults.push(fault.at(&file.path, Some(line), None).hint(*remedy));
                }
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if word == "macro" && !name.is_empty() {
                    if let Some((_, other)) = macros.names.iter().find(|(known, _)| *known == name) {
                        let other = files.get(*other).map_or("", |file| file.path.as_str());
                        let fault = Fault::usage(format!("macro `{name}` stands twice; the other is in {other}"));
                        faults.push(fault.at(&file.path, Some(line), None).hint("rename one of them"));
                    }
                    macros.names.push((name, index));
                }
            }
            macros.lines.push(text.matches('\n').count() + 1);
            macros.files.push(SqlFile { text, ..file.clone() });
        }
        if faults.is_empty() { Ok(macros) } else { Err(faults) }
    }

    /// The template, each file's text through `each`.
    pub(crate) fn template(&self, mut each: impl FnMut(usize, &str) -> String) -> String {
        self.files.iter().enumerate().map(|(index, file)| each(index, &file.text) + "\n").collect()
    }

    /// The file and its line behind a line of the template.
    pub(crate) fn place(&self, line: usize) -> Option<(&SqlFile, u64)> {
        let mut before = 0;
        for (file, lines) in self.files.iter().zip(&self.lines) {
            if line <= before + lines {
                return Some((file, (line - before) as u64));
            }
            before += lines;
        }
        None
    }

    /// Imports of the macros that `text` calls, for its first line: lines keep their numbers.
    pub(crate) fn imports(&self, text: &str) -> String {
        let called: Vec<&str> =
            self.names.iter().map(|(name, _)| name.as_str()).filter(|name| calls(text, name).is_some()).collect();
        if called.is_empty() {
            return String::new();
        }
        format!("{{%- from '{TEMPLATE}' import {} -%}}", called.join(", "))
    }

    /// The first macro of file `index` that `text` calls, and where.
    pub(crate) fn call_of(&self, text: &str, path: &str) -> Option<(&str, usize)> {
        let index = self.files.iter().position(|file| file.path == path)?;
        let of_file = self.names.iter().filter(|(_, file)| *file == index);
        of_file.filter_map(|(name, _)| Some((name.as_str(), calls(text, name)?))).min_by_key(|(_, at)| *at)
    }

    /// The generic test of that name: its macro.
    pub(crate) fn test(&self, name: &str) -> Option<String> {
        let name = format!("test_{}", name.replace('.', "_"));
        self.names.iter().any(|(known, _)| *known == name).then_some(name)
    }

    /// What was likely meant by a test that is not there.
    pub(crate) fn near_test(&self, name: &str, known: &[&str]) -> Option<String> {
        let own = self.names.iter().filter_map(|(name, _)| name.strip_prefix("test_"));
        candidates(name, &known.iter().copied().chain(own).collect::<Vec<_>>())
    }
}

/// Where `text` calls the macro `name`.
fn calls(text: &str, name: &str) -> Option<usize> {
    let edge = |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let mut found = text.match_indices(name);
    found.find_map(|(at, _)| {
        let after = &text[at + name.len()..];
        let called = after.trim_start().starts_with('(');
        (called && edge(text[..at].chars().next_back()) && edge(after.chars().next())).then_some(at)
    })
}

/// The `{% word rest` of each statement block, with its line.
fn blocks(text: &str) -> impl Iterator<Item = (u64, &str, &str)> {
    text.match_indices("{%").map(|(at, _)| {
        let inside = text[at + 2..].trim_start_matches(['-', '+']).trim_start();
        let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
        let line = text[..at].matches('\n').count() as u64 + 1;
        (line, &inside[..end], inside[end..].trim_start())
    })
}

/// `{% test x(…) %}` as the macro that it is: `{% macro test_x(…) %}`.
fn as_macros(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{%") {
        let head = open + 2;
        let inside = rest[head..].trim_start_matches(['-', '+']).trim_start();
        let start = rest.len() - inside.len();
        out.push_str(&rest[..start]);
        rest = if let Some(after) = inside.strip_prefix("test ") {
            out.push_str("macro test_");
            after.trim_start()
        } else if let Some(after) = inside.strip_prefix("endtest") {
            out.push_str("endmacro");
            after
        } else {
            inside
        };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a generic test as dbt writes it, then it is a macro that can be found by the test's name.
    #[test]
    fn a_test_is_a_macro() {
        let file = SqlFile {
            name: "even".into(),
            path: "macros/even.sql".into(),
            text:
                "{%- test even(model, column_name) %}SELECT 1{% endtest -%}\n{% macro cents(a) %}{{ a }}{% endmacro %}"
                    .into(),
        };
        let macros = Macros::read(&[file]).unwrap();
        assert_eq!(
            macros.files[0].text.lines().next().unwrap(),
            "{%- macro test_even(model, column_name) %}SELECT 1{% endmacro -%}"
        );
        assert_eq!(macros.test("even").as_deref(), Some("test_even"));
        assert_eq!(macros.imports("SELECT {{ cents ('x') }}, precents(1)"), "{%- from 'macros' import cents -%}");
        assert_eq!(macros.imports("SELECT precents(1)"), "");
    }
}
