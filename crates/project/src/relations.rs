//! What datasets have to do with each other: relationships, enrichments, and the order of loading.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shoplake_core::contract::{Enrichment, Relationship};
use shoplake_core::project::Dataset;
use shoplake_core::{Contract, Fault};

use crate::source::{DAY_COLUMNS, Draft};
use crate::words::{bad_name, suggest};

/// Columns that a fact is given unless it says otherwise: the column, the dimension, its column.
const USUAL_ENRICHMENTS: [(&str, &str, &str); 3] =
    [("product_name", "products", "name"), ("category", "products", "category"), ("city", "customers", "city")];

/// Every dataset that a source file names, right or wrong, with all columns that stand there;
/// `None` where the file could not be read that far.
pub(crate) type Written = BTreeMap<String, Option<Vec<String>>>;

/// Checks what the datasets say of each other, completes them, and puts dimensions first.
pub(crate) fn resolve(mut drafts: Vec<Draft>, written: &Written, faults: &mut Vec<Fault>) -> Vec<Dataset> {
    let mut files: HashMap<String, String> = HashMap::new();
    for draft in &drafts {
        let contract = &draft.dataset.contract;
        if let Some(first) = files.insert(contract.dataset.clone(), contract.file.clone()) {
            let fault = draft.node.at("name").fault(format!("dataset `{}` is defined twice", contract.dataset));
            faults.push(fault.detail(format!("It is defined in {first} too.")));
        }
    }
    for draft in &mut drafts {
        read_relationships(draft, written, faults);
    }
    check_targets(&drafts, faults);
    let enrichments: Vec<Vec<Enrichment>> =
        drafts.iter().map(|draft| enrichments(draft, &drafts, written, faults)).collect();
    for (draft, enrichments) in drafts.iter_mut().zip(enrichments) {
        draft.dataset.contract.enrichments = enrichments;
    }
    in_order(drafts, faults)
}

fn read_relationships(draft: &mut Draft, written: &Written, faults: &mut Vec<Fault>) {
    for index in 0..draft.dataset.contract.columns.len() {
        let position = draft.positions.get(index).copied().unwrap_or(index);
        let Some(text) = draft.file.columns.get(position).and_then(|column| column.relationship.clone()) else {
            continue;
        };
        let node = draft.column_node(index).at("relationship");
        match reference(&text, written) {
            Ok(relationship) => {
                if let Some(column) = draft.dataset.contract.columns.get_mut(index) {
                    column.relationship = Some(relationship);
                }
            }
            Err((message, hint)) => {
                let fault = node.fault(format!("`relationship`: {message}"));
                faults.push(hint(fault));
            }
        }
    }
}

type Hint<'a> = Box<dyn FnOnce(Fault) -> Fault + 'a>;

/// Reads `dataset.column`, both of which must stand in the project.
fn reference<'a>(text: &'a str, written: &'a Written) -> Result<Relationship, (String, Hint<'a>)> {
    let Some((dataset, column)) = text.trim().split_once('.') else {
        let hint: Hint<'a> = Box::new(|fault| fault.hint("write dataset.column, for example `customers.customer_id`"));
        return Err((format!("`{text}` is not a column of a dataset"), hint));
    };
    let Some(columns) = written.get(dataset) else {
        let names: Vec<&str> = written.keys().map(String::as_str).collect();
        return Err((
            format!("there is no dataset `{dataset}`"),
            Box::new(move |fault| suggest(fault, dataset, &names, "dataset")),
        ));
    };
    if let Some(columns) = columns
        && !columns.iter().any(|name| name == column)
    {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        return Err((
            format!("dataset `{dataset}` has no column `{column}`"),
            Box::new(move |fault| suggest(fault, column, &names, "column")),
        ));
    }
    Ok(Relationship { dataset: dataset.to_owned(), column: column.to_owned() })
}

/// A relationship points to the whole key of its dataset, and the types agree.
fn check_targets(drafts: &[Draft], faults: &mut Vec<Fault>) {
    for draft in drafts {
        for (index, column) in draft.dataset.contract.columns.iter().enumerate() {
            let Some(Relationship { dataset, column: other }) = &column.relationship else { continue };
            let Some(target) = contract_of(drafts, dataset) else { continue };
            let node = draft.column_node(index).at("relationship");
            if target.key != [other.clone()] {
                let fault = node.fault(format!("`relationship`: `{other}` is not the key of dataset `{dataset}`"));
                let hint = format!("in {} write `key: [{other}]`, or point to its key", target.file);
                faults.push(fault.hint(hint));
            } else if let Some(found) = target.column(other).filter(|found| found.column_type != column.column_type) {
                let message = format!(
                    "`relationship`: `{}` is of type {}, but `{dataset}.{other}` is of type {}",
                    column.name, column.column_type, found.column_type
                );
                faults.push(node.fault(message).hint("give both columns the same type"));
            }
        }
    }
}

fn contract_of<'a>(drafts: &'a [Draft], dataset: &str) -> Option<&'a Contract> {
    drafts.iter().map(|draft| &draft.dataset.contract).find(|contract| contract.dataset == dataset)
}

fn enrichments(draft: &Draft, drafts: &[Draft], written: &Written, faults: &mut Vec<Fault>) -> Vec<Enrichment> {
    let contract = &draft.dataset.contract;
    let Some(stated) = &draft.file.enrich else {
        if contract.event_time.is_none() {
            return Vec::new();
        }
        let usual = USUAL_ENRICHMENTS.iter().filter(|(column, ..)| is_free(contract, column));
        return usual
            .filter_map(|(column, dataset, from)| enrichment(contract, drafts, column, dataset, from))
            .collect();
    };
    let node = draft.node.at("enrich");
    if contract.event_time.is_none() && !stated.is_empty() {
        faults.push(node.fault("`enrich` is only for a dataset with `event_time`"));
        return Vec::new();
    }
    let mut enrichments = Vec::new();
    // In the order of the file, not of the alphabet.
    let in_file = match &node.value {
        crate::yaml::Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    for entry in in_file {
        let Some(text) = stated.get(&entry.key) else { continue };
        if let Some(why) = bad_name(&entry.key) {
            faults.push(entry.spot.fault(format!("`{}` cannot be the name of a column: {why}", entry.key)));
        } else if !is_free(contract, &entry.key) {
            faults.push(entry.spot.fault(format!("`enrich`: there is a column `{}` already", entry.key)));
        }
        let target = match reference(text, written) {
            Ok(target) => target,
            Err((message, hint)) => {
                faults.push(hint(entry.value.fault(format!("`enrich`: {message}"))));
                continue;
            }
        };
        match enrichment(contract, drafts, &entry.key, &target.dataset, &target.column) {
            Some(enrichment) => enrichments.push(enrichment),
            // The dimension's file is wrong and has been named.
            None if contract_of(drafts, &target.dataset).is_none() => {}
            None => {
                let message = format!("`enrich`: no column is related to dataset `{}`", target.dataset);
                let hint = format!("give the column that refers to it `relationship: {}.<its key>`", target.dataset);
                faults.push(entry.value.fault(message).hint(hint));
            }
        }
    }
    enrichments
}

fn is_free(contract: &Contract, column: &str) -> bool {
    contract.column(column).is_none() && !DAY_COLUMNS.contains(&column)
}

fn enrichment(contract: &Contract, drafts: &[Draft], column: &str, dataset: &str, from: &str) -> Option<Enrichment> {
    let related = |c: &&shoplake_core::Column| c.relationship.as_ref().is_some_and(|r| r.dataset == dataset);
    let by = contract.columns.iter().find(related)?;
    let source = contract_of(drafts, dataset)?.column(from)?;
    Some(Enrichment {
        column: column.to_owned(),
        by: by.name.clone(),
        dataset: dataset.to_owned(),
        from: from.to_owned(),
        column_type: source.column_type,
    })
}

/// Dimensions before the datasets that refer to them, else in the order of the files.
fn in_order(drafts: Vec<Draft>, faults: &mut Vec<Fault>) -> Vec<Dataset> {
    let names: BTreeSet<String> = drafts.iter().map(|draft| draft.dataset.contract.dataset.clone()).collect();
    let needs = |contract: &Contract| -> BTreeSet<String> {
        let others = contract.columns.iter().filter_map(|column| column.relationship.as_ref());
        let others = others.map(|relationship| relationship.dataset.clone());
        others.filter(|name| *name != contract.dataset && names.contains(name)).collect()
    };
    let (mut waiting, mut ordered, mut done) = (drafts, Vec::new(), BTreeSet::new());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|draft| needs(&draft.dataset.contract).is_subset(&done));
        let Some(ready) = ready else {
            faults.push(cycle_fault(&waiting, needs));
            break;
        };
        let draft = waiting.remove(ready);
        done.insert(draft.dataset.contract.dataset.clone());
        ordered.push(draft.dataset);
    }
    ordered
}

/// Names one cycle among datasets that all wait for another of them.
fn cycle_fault(waiting: &[Draft], needs: impl Fn(&Contract) -> BTreeSet<String>) -> Fault {
    let mut path: Vec<&Draft> = Vec::new();
    let mut next = waiting.first();
    while let Some(draft) = next {
        let name = &draft.dataset.contract.dataset;
        if let Some(start) = path.iter().position(|seen| seen.dataset.contract.dataset == *name) {
            path.drain(..start);
            path.push(draft);
            break;
        }
        path.push(draft);
        let needed = needs(&draft.dataset.contract);
        next = waiting.iter().find(|other| needed.contains(&other.dataset.contract.dataset));
    }
    let names: Vec<String> = path.iter().map(|draft| format!("`{}`", draft.dataset.contract.dataset)).collect();
    let message = format!("the relationships go round in a circle: {}", names.join(" → "));
    let fault = path.first().map_or_else(|| Fault::usage(message.clone()), |draft| draft.node.fault(message.clone()));
    fault.hint("remove one of the relationships: a dimension must be loadable before its facts")
}
