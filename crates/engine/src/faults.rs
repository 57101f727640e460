//! DataFusion's errors in the house style: what is wrong, where in the SQL, and what was likely meant.

use datafusion::common::{SchemaError, TableReference};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use shoplake_core::{Catalog, Fault, FaultKind};

/// The name that SQL goes by in places: `sql:1:8`.
const PLACE: &str = "sql";
/// Candidates are at most this many edits away, or a third of the name.
const FAR: usize = 2;
/// What to do where a value does not fit what is asked of it.
const UNFIT: &str = "leave such values out with WHERE, or write `try_cast(x AS …)` for NULL in their place";
/// Names listed where none is near.
const LISTED: usize = 12;

/// The fault of SQL that cannot be parsed.
pub(crate) fn parsing(error: &DataFusionError) -> Fault {
    match error.find_root() {
        DataFusionError::SQL(parser, _) => syntax(parser),
        DataFusionError::Diagnostic(_, inner) => parsing(inner),
        _ => planning(error, &Catalog::default()),
    }
}

/// The fault of SQL that the tokenizer or the parser refused.
pub(crate) fn syntax(error: &ParserError) -> Fault {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            return Fault::usage("sql too complex: nested too deeply").hint("split it into several models");
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
    };
    let (what, line, column) = split_place(text);
    let what = what.replace("Expected: ", "expected ").replace("found: EOF", "found the end");
    Fault::usage(format!("sql syntax: {}", lowercase_first(&what).replace("found: ", "found ")))
        .hint("look in front of it too: for a comma, a bracket or a quote, and a word that is misspelt")
        .at(PLACE, line, column)
}

/// The fault of SQL that cannot be planned over `catalog`.
pub(crate) fn planning(error: &DataFusionError, catalog: &Catalog) -> Fault {
    let fault = match bare(error) {
        DataFusionError::SchemaError(schema, _) => schema_fault(schema),
        DataFusionError::SQL(parser, _) => return syntax(parser),
        DataFusionError::Plan(text) => plan_fault(text, catalog),
        DataFusionError::NotImplemented(text) => Fault::usage(format!("not supported: {}", tidy(text))),
        _ => running(error),
    };
    match error.diagnostic().and_then(|d| d.span) {
        Some(span) if fault.kind == FaultKind::Usage => fault.at(PLACE, Some(span.start.line), Some(span.start.column)),
        _ => fault,
    }
}

/// The fault of a query that broke off.
pub(crate) fn running(error: &DataFusionError) -> Fault {
    match bare(error) {
        DataFusionError::ResourcesExhausted(text) => {
            Fault::unavailable("the query needs more memory than `limits.memory`")
                .detail(format!("{}.", tidy(text)))
                .hint("raise `limits.memory` in shoplake.yml, or ask for fewer rows at once")
        }
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            arrow::error::ArrowError::IoError(text, _) => Fault::unavailable(tidy(text)),
            arrow::error::ArrowError::DivideByZero => {
                Fault::data("division by zero").hint("write `x / nullif(y, 0)` for NULL in its place")
            }
            other => {
                let text = other.to_string();
                Fault::data(uncast(&text).unwrap_or_else(|| tidy(strip_prefixes(&text)))).hint(UNFIT)
            }
        },
        DataFusionError::ParquetError(_) | DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
            Fault::unavailable(format!(
                "a file of the lake cannot be read: {}",
                tidy(strip_prefixes(&bare(error).to_string()))
            ))
        }
        DataFusionError::Execution(text) | DataFusionError::Plan(text) => Fault::data(tidy(text)).hint(UNFIT),
        DataFusionError::NotImplemented(text) => Fault::usage(format!("not supported: {}", tidy(text))),
        other => match other_fault(other) {
            Some(fault) => fault,
            None => Fault::internal(format!("the query failed: {}", tidy(strip_prefixes(&other.to_string())))),
        },
    }
}

/// The fault of our own that lies behind an error: the lake could not bring a file.
fn other_fault(error: &DataFusionError) -> Option<Fault> {
    let DataFusionError::External(inner) = error else { return None };
    let Fault { kind, message, place, detail, hint, source: _ } = inner.downcast_ref::<Fault>()?;
    let (place, detail, hint) = (place.clone(), detail.clone(), hint.clone());
    Some(Fault { kind: *kind, message: message.clone(), place, detail, hint, source: None })
}

/// The error below its wrappings.
fn bare(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => bare(inner),
        DataFusionError::Shared(inner) => bare(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, bare),
        DataFusionError::External(inner) => inner.downcast_ref::<DataFusionError>().map_or(error, bare),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            arrow::error::ArrowError::ExternalError(inner) => {
                inner.downcast_ref::<DataFusionError>().map_or(error, bare)
            }
            _ => error,
        },
        other => other,
    }
}

fn schema_fault(error: &SchemaError) -> Fault {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let of = field.relation.as_ref().map(|table| format!(" in `{}`", table.table())).unwrap_or_default();
            let table = field.relation.as_ref().map(TableReference::table);
            let here = valid_fields
                .iter()
                .filter(|f| table.is_none() || f.relation.as_ref().map(TableReference::table) == table);
            let names: Vec<&str> = here.map(|f| f.name.as_str()).collect();
            with_candidates(Fault::usage(format!("column `{}` not found{of}", field.name)), &field.name, &names)
        }
        SchemaError::AmbiguousReference { field } => {
            Fault::usage(format!("column `{}` stands in more than one table", field.name))
                .hint(format!("write it with its table: `sales.{}`", field.name))
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            Fault::usage(format!("two columns are called `{name}`")).hint("name them apart with `AS`")
        }
    }
}

fn plan_fault(text: &str, catalog: &Catalog) -> Fault {
    if let Some(name) = between(text, "table '", "' not found") {
        let name = name.rsplit('.').next().unwrap_or(name);
        let tables: Vec<&str> = catalog.tables.keys().chain(catalog.views.keys()).map(String::as_str).collect();
        return with_candidates(Fault::usage(format!("table `{name}` not found")), name, &tables);
    }
    if let Some(name) = between(text, "Invalid function '", "'") {
        let fault = Fault::usage(format!("function `{name}` not found"));
        return match usual(name).or_else(|| between(text, "Did you mean '", "'")) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("see the functions of DataFusion: https://datafusion.apache.org/user-guide/sql"),
        };
    }
    if text.contains("must appear in the GROUP BY clause") {
        let column = between(text, "column \"", "\"").unwrap_or("a column");
        let bare = column.rsplit('.').next().unwrap_or(column);
        return Fault::usage(format!("column `{bare}` is neither grouped by nor aggregated"))
            .hint(format!("add `{bare}` to GROUP BY, or write `max({bare})`"));
    }
    if text.contains("require unique expression names") {
        let name = between(text, " AS ", "\"").unwrap_or("one name");
        return Fault::usage(format!("two columns are called `{name}`")).hint("name them apart with `AS`");
    }
    if text.contains("queries have different number of columns") {
        return Fault::usage(tidy(text)).hint("give both sides the same columns in the same order");
    }
    // What our own functions say of their arguments stands inside DataFusion's message.
    let own = between(text, "coercion failed with: Error during planning: ", ". No function matches");
    let own = own.or_else(|| text.find(", errors: ").map(|end| &text[..end]));
    if let Some(name) = between(own.unwrap_or(text), "Function '", "' failed to match any signature") {
        return Fault::usage(format!("function `{name}` takes values of other types than it is given"))
            .hint(format!("give it what it takes, as in `{name}(CAST(x AS DECIMAL(12, 2)))` for a number"));
    }
    Fault::usage(tidy(own.unwrap_or(text))).hint("look at the types: `CAST(x AS …)` gives a value another one")
}

/// The function of every day that was most likely meant: the engine knows hundreds, and the nearest of
/// all is seldom the one.
fn usual(name: &str) -> Option<&'static str> {
    const USUAL: [&str; 24] = [
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "median",
        "coalesce",
        "nullif",
        "round",
        "abs",
        "floor",
        "ceil",
        "lower",
        "upper",
        "trim",
        "length",
        "substr",
        "replace",
        "concat",
        "date_trunc",
        "date_part",
        "now",
        "row_number",
        "rank",
    ];
    let distance = |usual: &&&str| strsim::damerau_levenshtein(&name.to_lowercase(), usual);
    USUAL.iter().min_by_key(distance).filter(|usual| distance(usual) <= 2.min(name.chars().count() / 3)).copied()
}

/// A type by its name in SQL.
fn sql_type(arrow: &str) -> &str {
    match arrow {
        "Int8" => "TINYINT",
        "Int16" => "SMALLINT",
        "Int32" => "INTEGER",
        "Int64" => "BIGINT",
        "Float32" => "REAL",
        "Float64" => "DOUBLE",
        "Date32" => "DATE",
        "Utf8" | "Utf8View" | "LargeUtf8" => "VARCHAR",
        other => other,
    }
}

/// `Cannot cast string 'abc' to value of Int32 type` in words of SQL.
fn uncast(text: &str) -> Option<String> {
    let value = between(text, "Cannot cast string '", "' to value of ")?;
    let wanted = between(text, "' to value of ", " type")?;
    Some(format!("`{value}` is not a value of type {}", sql_type(wanted)))
}

/// Adds the nearest names as a hint, or the first of all where none is near.
fn with_candidates(fault: Fault, name: &str, names: &[&str]) -> Fault {
    let far = FAR.max(name.chars().count() / 3);
    let mut near: Vec<(usize, &str)> =
        names.iter().map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), known), *known)).collect();
    near.sort_unstable();
    near.dedup();
    match near.first() {
        None => fault.hint("`shoplake run` makes the tables first"),
        Some((distance, nearest)) if *distance <= far => fault.hint(format!("did you mean `{nearest}`?")),
        Some(_) => {
            let mut listed: Vec<&str> = names.to_vec();
            listed.dedup();
            let more = if listed.len() > LISTED { ", …" } else { "" };
            let listed: Vec<String> = listed.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
            let verb = if listed.len() == 1 { "there is only" } else { "there are" };
            fault.hint(format!("{verb} {}{more}", listed.join(", ")))
        }
    }
}

/// The first line of an engine's message in our style.
fn tidy(text: &str) -> String {
    let first = strip_prefixes(text).lines().next().unwrap_or_default();
    let first = first.split(". This ").next().unwrap_or(first);
    lowercase_first(first.trim().trim_end_matches('.')).replace(['\'', '"'], "`")
}

fn strip_prefixes(text: &str) -> &str {
    const PREFIXES: [&str; 13] = [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "Compute error: ",
        "Cast error: ",
        "Arithmetic overflow: ",
        "Parquet error: ",
        "Object Store error: ",
        "IO error: ",
        "Invalid argument error: ",
        "External error: ",
        "External: ",
        "Internal error: ",
    ];
    let stripped = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    stripped.map_or(text, strip_prefixes)
}

fn lowercase_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        // `GROUP BY` and the like stay as they are.
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0)
}

/// Takes ` at Line: 1, Column: 8` off a parser's message.
fn split_place(text: &str) -> (&str, Option<u64>, Option<u64>) {
    let Some((what, place)) = text.rsplit_once(" at Line: ") else { return (text, None, None) };
    let (line, column) = place.split_once(", Column: ").unwrap_or((place, ""));
    (what, line.trim().parse().ok(), column.trim().parse().ok())
}
