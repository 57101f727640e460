//! `shoplake lineage`: which column comes from which, as a tree, as JSON, or as a Mermaid flowchart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use shoplake_core::planned::Origin;
use shoplake_core::{Fault, Project};
use shoplake_models::{Direction, Edge, Lineage, Link, Models, Shown, TableKind};
use shoplake_server::{OriginEdge, Origins};

use super::Context;
use crate::cli::LineageArgs;
use crate::failure::{Exit, Failure};
use crate::render::escape;
use crate::table::Tone;
use crate::wiring;

/// What a column comes from, and what it goes into.
pub(super) const BOTH: [Direction; 2] = [Direction::Upstream, Direction::Downstream];

pub(super) fn lineage(context: &Context, args: &LineageArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let models = shoplake_models::load(&project)?;
    let lineage = context.block_on(1, async { Ok(of(&project, &models).await?) })?;
    let start = lineage.find(&args.name)?;
    let directions: &[Direction] = match (args.upstream, args.downstream) {
        (true, _) => &[Direction::Upstream],
        (_, true) => &[Direction::Downstream],
        _ => &BOTH,
    };
    let text = if args.json || args.mermaid {
        let (nodes, edges) = lineage.around(&start, directions);
        if args.json { json(&lineage, &args.name, &nodes, &edges)? } else { mermaid(&lineage, &nodes, &edges) }
    } else {
        trees(&lineage, &start, directions)
    };
    context.printer.data_text(&text)?;
    Ok(Exit::Done)
}

/// The lineage of a project, from its sources to its dashboards and reports.
pub(super) async fn of(project: &Project, models: &Models) -> Result<Lineage, Fault> {
    let viewers = shoplake_project::viewers(&project.dir).map_err(shoplake_pipeline::many)?;
    let shown: Vec<Shown> = viewers
        .into_iter()
        .map(|viewer| Shown {
            name: viewer.file,
            kind: if viewer.dashboard { TableKind::Dashboard } else { TableKind::Report },
            part: viewer.part,
            table: viewer.table,
            columns: viewer.columns,
        })
        .collect();
    let (planner, empty) = wiring::planner(project)?;
    Lineage::of(project, models, planner.as_ref(), empty, &shown).await
}

fn json(lineage: &Lineage, of: &str, nodes: &BTreeSet<Origin>, edges: &BTreeSet<Edge>) -> Result<String, Fault> {
    let text = serde_json::to_string_pretty(&object(lineage, of, nodes, edges));
    text.map(|text| text + "\n").map_err(|error| Fault::internal("lineage cannot be written as JSON").caused_by(error))
}

/// Nodes, edges and tables as one object.
pub(super) fn object(lineage: &Lineage, of: &str, nodes: &BTreeSet<Origin>, edges: &BTreeSet<Edge>) -> Origins {
    let kind = |node: &Origin| Some((node.table.clone(), lineage.tables.get(&node.table)?.word()));
    let edge =
        |edge: &Edge| OriginEdge { from: edge.from.to_string(), to: edge.to.to_string(), kind: edge.link.word() };
    Origins {
        of: of.to_owned(),
        nodes: nodes.iter().map(ToString::to_string).collect(),
        edges: edges.iter().map(edge).collect(),
        tables: nodes.iter().filter_map(kind).collect(),
    }
}

/// A flowchart with a box a table. What only decides which rows count is a dotted line.
fn mermaid(lineage: &Lineage, nodes: &BTreeSet<Origin>, edges: &BTreeSet<Edge>) -> String {
    let names: BTreeMap<&Origin, String> =
        nodes.iter().enumerate().map(|(at, node)| (node, format!("c{at}"))).collect();
    let label = |text: &str| escape(text).replace('"', "#quot;");
    let mut text = String::from("flowchart LR\n");
    let mut tables: BTreeMap<&String, Vec<&Origin>> = BTreeMap::new();
    for node in nodes {
        tables.entry(&node.table).or_default().push(node);
    }
    for (at, (table, columns)) in tables.iter().enumerate() {
        let kind = lineage.tables.get(*table).map_or("table", |kind| kind.word());
        let _ = writeln!(text, "  subgraph t{at}[\"{kind} {}\"]", label(table));
        for column in columns {
            let _ = writeln!(text, "    {}[\"{}\"]", names[column], label(&column.column));
        }
        text.push_str("  end\n");
    }
    for edge in edges {
        let (Some(from), Some(to)) = (names.get(&edge.from), names.get(&edge.to)) else { continue };
        let arrow = if edge.link == Link::Rows { "-.->" } else { "-->" };
        let _ = writeln!(text, "  {from} {arrow} {to}");
    }
    text
}

fn trees(lineage: &Lineage, start: &[Origin], directions: &[Direction]) -> String {
    let mut text = String::new();
    for (at, column) in start.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        let kind = lineage.tables.get(&column.table).map_or("", |kind| kind.word());
        let _ = writeln!(text, "{}  {}", escape(&column.to_string()), Tone::Dim.paint(kind));
        for direction in directions {
            let (title, none) = match direction {
                Direction::Upstream => ("comes from", "nothing but its query"),
                Direction::Downstream => ("goes into", "nothing"),
            };
            let _ = writeln!(text, "  {}", Tone::Dim.paint(title));
            let mut tree = Tree { lineage, direction: *direction, text: String::new(), path: vec![column.clone()] };
            tree.below(column, "  ");
            if tree.text.is_empty() {
                let _ = writeln!(tree.text, "  └─ {none}");
            }
            text.push_str(&tree.text);
        }
    }
    text
}

struct Tree<'l> {
    lineage: &'l Lineage,
    direction: Direction,
    text: String,
    /// The columns above, so that no circle is walked.
    path: Vec<Origin>,
}

impl Tree<'_> {
    fn below(&mut self, column: &Origin, indent: &str) {
        let lineage = self.lineage;
        let edges = lineage.next(column, self.direction);
        let (rows, values): (Vec<&Edge>, Vec<&Edge>) = edges.into_iter().partition(|edge| edge.link == Link::Rows);
        let other = |edge: &Edge| match self.direction {
            Direction::Upstream => edge.from.clone(),
            Direction::Downstream => edge.to.clone(),
        };
        let counted = match self.direction {
            Direction::Upstream => lineage.counts.get(column).cloned().unwrap_or_default(),
            Direction::Downstream => BTreeSet::new(),
        };
        let decided: Vec<Origin> = rows.iter().map(|edge| other(edge)).collect();
        let values: Vec<(Origin, Link)> = values.iter().map(|edge| (other(edge), edge.link)).collect();
        let lines = values.len() + usize::from(!counted.is_empty()) + usize::from(!decided.is_empty());
        let mut at = 0;
        let mut branch = || {
            at += 1;
            if at == lines { ("└─ ", "   ") } else { ("├─ ", "│  ") }
        };
        for (origin, link) in values {
            let (mark, more) = branch();
            let kind = lineage.tables.get(&origin.table).map_or("", |kind| kind.word());
            let note = format!("{}, {}", link.word(), kind);
            let _ = writeln!(self.text, "{indent}{mark}{}  {}", escape(&origin.to_string()), Tone::Dim.paint(&note));
            if !self.path.contains(&origin) {
                self.path.push(origin.clone());
                self.below(&origin, &format!("{indent}{more}"));
                self.path.pop();
            }
        }
        if !counted.is_empty() {
            let (mark, _) = branch();
            let tables: Vec<String> = counted.iter().map(|table| escape(table)).collect();
            let _ =
                writeln!(self.text, "{indent}{mark}rows of {}  {}", tables.join(" and "), Tone::Dim.paint("counted"));
        }
        if !decided.is_empty() {
            let (mark, _) = branch();
            let names: Vec<String> = decided.iter().map(|origin| escape(&origin.to_string())).collect();
            let note = match self.direction {
                Direction::Upstream => "decide which rows",
                Direction::Downstream => "which rows are decided by it",
            };
            let _ = writeln!(self.text, "{indent}{mark}{}  {}", names.join(", "), Tone::Dim.paint(note));
        }
    }
}
