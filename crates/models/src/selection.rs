//! dbt's grammar of choosing: names, paths, tags, states; parents and children; unions, intersections.
//!
//! `--select "a b,tag:c"` is a, and what is b and has the tag c. A plus before a name takes what it
//! reads, one behind it what reads it, `2+` and `+1` so many steps; `@` takes the children with all
//! that these read. What is chosen brings its tests along.

use std::collections::BTreeSet;

use shoplake_core::Fault;

use crate::references::candidates;
use crate::{Graph, Node, Resource};

impl Graph {
    /// The nodes that `select` names (all of them where it names none) without those of `exclude`.
    ///
    /// # Errors
    /// A name that nothing has, or a method that is not there.
    pub fn select(&self, select: &[String], exclude: &[String]) -> Result<BTreeSet<usize>, Fault> {
        let mut chosen =
            if select.is_empty() { (0..self.nodes.len()).collect() } else { self.with_tests(&self.union(select)?) };
        if !exclude.is_empty() {
            for node in self.with_tests(&self.union(exclude)?) {
                chosen.remove(&node);
            }
        }
        Ok(chosen)
    }

    /// The nodes of one kind among the chosen, by name.
    pub fn names(&self, chosen: &BTreeSet<usize>, resources: &[Resource]) -> BTreeSet<String> {
        let nodes = chosen.iter().filter_map(|index| self.nodes.get(*index));
        nodes.filter(|node| resources.contains(&node.resource)).map(|node| node.name.clone()).collect()
    }

    /// What is chosen brings its tests along; what is left out takes those away that read it.
    fn with_tests(&self, chosen: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut all = chosen.clone();
        for (index, node) in self.nodes.iter().enumerate() {
            if matches!(node.resource, Resource::Test | Resource::UnitTest)
                && node.parents.iter().any(|parent| chosen.contains(parent))
            {
                all.insert(index);
            }
        }
        all
    }

    fn union(&self, texts: &[String]) -> Result<BTreeSet<usize>, Fault> {
        let mut all = BTreeSet::new();
        for text in texts.iter().flat_map(|text| text.split_whitespace()) {
            let mut met: Option<BTreeSet<usize>> = None;
            for part in text.split(',') {
                let one = self.one(part)?;
                met = Some(match met {
                    Some(met) => met.intersection(&one).copied().collect(),
                    None => one,
                });
            }
            all.extend(met.unwrap_or_default());
        }
        Ok(all)
    }

    /// One criterion with its pluses.
    fn one(&self, text: &str) -> Result<BTreeSet<usize>, Fault> {
        let wrong = || {
            Fault::usage(format!("`{text}` chooses nothing"))
                .hint("write a name, `+name+`, `2+name+1`, `@name`, `tag:x`, `path:models/x`")
        };
        let (at, rest) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (parents, rest) = match rest.split_once('+') {
            Some((steps, after)) if steps.bytes().all(|b| b.is_ascii_digit()) && !after.is_empty() => {
                (Some(steps.parse().unwrap_or(usize::MAX)), after)
            }
            _ => (None, rest),
        };
        let (rest, children) = match rest.rsplit_once('+') {
            Some((before, steps)) if steps.bytes().all(|b| b.is_ascii_digit()) => {
                (before, Some(steps.parse().unwrap_or(usize::MAX)))
            }
            _ => (rest, None),
        };
        if rest.is_empty()
            || rest.contains('+')
            || rest.contains('@')
            || at && (parents.is_some() || children.is_some())
        {
            return Err(wrong());
        }
        let found = self.matching(rest)?;
        let mut all = found.clone();
        if let Some(steps) = parents {
            all.extend(self.reach(&found, steps, true));
        }
        if let Some(steps) = children {
            all.extend(self.reach(&found, steps, false));
        }
        if at {
            all.extend(self.reach(&found, usize::MAX, false));
            let with = self.reach(&all, usize::MAX, true);
            all.extend(with);
        }
        Ok(all)
    }

    /// The nodes that are at most `steps` up or down from `from`.
    fn reach(&self, from: &BTreeSet<usize>, steps: usize, up: bool) -> BTreeSet<usize> {
        let (mut all, mut edge) = (from.clone(), from.clone());
        for _ in 0..steps.min(self.nodes.len()) {
            let next: BTreeSet<usize> = if up {
                edge.iter().filter_map(|index| self.nodes.get(*index)).flat_map(|node| node.parents.clone()).collect()
            } else {
                let reads = |node: &Node| node.parents.iter().any(|parent| edge.contains(parent));
                self.nodes.iter().enumerate().filter(|(_, node)| reads(node)).map(|(index, _)| index).collect()
            };
            edge = next.difference(&all).copied().collect();
            if edge.is_empty() {
                break;
            }
            all.extend(edge.iter().copied());
        }
        all
    }

    /// The nodes that one method and value name.
    fn matching(&self, text: &str) -> Result<BTreeSet<usize>, Fault> {
        let all = |fits: &dyn Fn(&Node) -> bool| -> BTreeSet<usize> {
            self.nodes.iter().enumerate().filter(|(_, node)| fits(node)).map(|(index, _)| index).collect()
        };
        let Some((method, value)) = text.split_once(':') else { return self.named(text) };
        let is = |resource: Resource, node: &Node| node.resource == resource;
        let test = |node: &Node| is(Resource::Test, node) || is(Resource::UnitTest, node);
        Ok(match method {
            "fqn" => return self.named(value),
            "tag" | "config.tags" => all(&|node| node.tags.iter().any(|tag| glob(value, tag))),
            "path" => all(&|node| !is(Resource::Source, node) && in_path(&node.path, value)),
            "file" => all(&|node| {
                let file = node.path.rsplit('/').next().unwrap_or_default();
                glob(value, file) || glob(value, file.rsplit_once('.').map_or(file, |(stem, _)| stem))
            }),
            "source" => {
                let (source, table) = value.split_once('.').map_or((value, None), |(s, t)| (s, Some(t)));
                all(&|node| {
                    is(Resource::Source, node)
                        && match table {
                            Some(table) => {
                                glob(source, node.source.as_deref().unwrap_or_default()) && glob(table, &node.name)
                            }
                            None => {
                                glob(source, node.source.as_deref().unwrap_or_default()) || glob(source, &node.name)
                            }
                        }
                })
            }
            "exposure" => all(&|node| is(Resource::Exposure, node) && glob(value, &node.name)),
            "resource_type" => all(&|node| node.resource.word() == value),
            "config.materialized" => {
                all(&|node| matches!(node.resource, Resource::Model | Resource::Seed) && glob(value, &node.kind))
            }
            "test_name" => all(&|node| is(Resource::Test, node) && glob(value, &node.kind)),
            "test_type" => match value {
                "unit" => all(&|node| is(Resource::UnitTest, node)),
                "data" => all(&|node| is(Resource::Test, node)),
                "singular" => all(&|node| is(Resource::Test, node) && node.kind == "singular"),
                "generic" => all(&|node| is(Resource::Test, node) && node.kind != "singular"),
                _ => return Err(nothing(text, "write `unit`, `data`, `generic` or `singular`")),
            },
            "unit_test" => all(&|node| is(Resource::UnitTest, node) && glob(value, &node.name)),
            "state" => match value {
                "modified" => all(&|node| node.modified),
                "new" => all(&|node| node.new),
                "old" => all(&|node| !test(node) && !node.new),
                "unmodified" => all(&|node| !test(node) && !node.modified),
                _ => {
                    return Err(nothing(
                        text,
                        "write `state:modified`, `state:new`, `state:unmodified` or `state:old`",
                    ));
                }
            },
            other => return Err(no_method(other)),
        })
    }

    /// The nodes of that name, below that folder, or with that file.
    fn named(&self, text: &str) -> Result<BTreeSet<usize>, Fault> {
        let mut found = BTreeSet::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.resource == Resource::Source {
                continue;
            }
            let path = text.contains('/') || text.ends_with(".sql") || text.ends_with(".csv");
            if glob(text, &node.name) || (path && in_path(&node.path, text)) || in_folder(node, text) {
                found.insert(index);
            }
        }
        if found.is_empty() && !text.contains(['*', '?']) {
            let names: Vec<&str> =
                self.nodes.iter().filter(|n| n.resource != Resource::Test).map(|n| n.name.as_str()).collect();
            let fault = Fault::usage(format!("`{text}` is no model, seed, test or folder"));
            let hint = candidates(text, &names).unwrap_or_else(|| "`shoplake ls` shows what there is".into());
            if self.nodes.iter().any(|node| node.resource == Resource::Source && node.name == text) {
                return Err(fault.hint(format!("a dataset is chosen as `source:{text}`")));
            }
            return Err(fault.hint(hint));
        }
        Ok(found)
    }
}

/// The fault of a value that its method does not have.
fn nothing(text: &str, hint: &str) -> Fault {
    Fault::usage(format!("`{text}` chooses nothing")).hint(hint)
}

/// The fault of a method that is not there.
fn no_method(name: &str) -> Fault {
    const METHODS: [&str; 13] = [
        "tag",
        "path",
        "file",
        "source",
        "exposure",
        "resource_type",
        "config.materialized",
        "config.tags",
        "test_name",
        "test_type",
        "unit_test",
        "state",
        "fqn",
    ];
    let fault = Fault::usage(format!("`{name}:` is no way to choose"));
    let near = candidates(name, &METHODS).filter(|hint| hint.starts_with("did"));
    let list = || format!("there are {}", METHODS.map(|method| format!("`{method}:`")).join(", "));
    fault.hint(near.unwrap_or_else(list))
}

/// Whether `path` is `wanted`, below it, or fits it as a pattern.
fn in_path(path: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_start_matches("./").trim_end_matches('/');
    path == wanted
        || path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
        || wanted.contains(['*', '?']) && (glob(wanted, path) || glob(&format!("{wanted}/*"), path))
}

/// Whether a model lies in the folder `staging`, or is `staging.stg_orders`.
fn in_folder(node: &Node, text: &str) -> bool {
    if !matches!(node.resource, Resource::Model | Resource::Seed) {
        return false;
    }
    let inside = node.path.split_once('/').map_or(node.path.as_str(), |(_, rest)| rest);
    let inside = inside.rsplit_once('.').map_or(inside, |(stem, _)| stem);
    let parts: Vec<&str> = inside.split('/').collect();
    let wanted: Vec<&str> = text.split('.').collect();
    wanted.len() <= parts.len() && wanted.iter().zip(&parts).all(|(wanted, part)| glob(wanted, part))
}

/// Whether `text` fits `pattern`, in which `*` is any run of letters and `?` any one.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            p = at + 1;
            t = from + 1;
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}
