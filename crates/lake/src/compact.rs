//! Small data files of a table joined, partition by partition, when somebody asks for it. A load joins
//! those of the partitions that it touches anyway (`finish`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow_schema::SchemaRef;
use shoplake_core::{BatchNumber, Fault, Result, TableFile, TableRoot};

use crate::changes::ChangeLog;
use crate::finish::{FileChanges, SMALL_BYTES};
use crate::pool::{Pool, lock};
use crate::record::FilesOfRows;
use crate::rewrite::{Input, Merger, joined};

/// Files are joined up to about this size.
const JOINED_BYTES: u64 = 128 << 20;

/// How the rows of files become those of one.
#[derive(Clone)]
pub(crate) enum Join {
    /// A dataset's table: with its indexes.
    Dataset(Arc<Merger>),
    /// A table without indexes.
    Plain {
        /// The table's folder.
        root: TableRoot,
        /// The batch that writes.
        batch: BatchNumber,
        /// Its columns.
        schema: SchemaRef,
    },
}

impl Join {
    /// What rows are told of, besides that they stay: enrichment that was filled in, which loads leave none of.
    fn log(&self) -> ChangeLog {
        let (root, batch, schema) = match self {
            Self::Dataset(merger) => (&merger.root, merger.batch, merger.shape.file_schema()),
            Self::Plain { root, batch, schema } => (root, *batch, schema.clone()),
        };
        ChangeLog::new(root, batch, schema, false)
    }

    fn join(&self, files: &[TableFile], log: &ChangeLog) -> Result<Option<TableFile>> {
        match self {
            Self::Dataset(merger) => {
                let inputs = files.iter().map(|file| Input { file: file.clone(), dropped: Vec::new() });
                let inputs: Vec<Input> = inputs.collect();
                merger.merge(&inputs.iter().collect::<Vec<_>>(), log)
            }
            Self::Plain { root, batch, schema } => joined(root, *batch, files, schema),
        }
    }
}

/// Joins each of the [`groups`]. The rows stay the same, in the same order within their partition; gives those whose
/// enrichment was filled in, too.
pub(crate) fn compact(
    join: &Join,
    groups: Vec<Vec<TableFile>>,
    pool: &Pool,
) -> Result<(FileChanges, Option<FilesOfRows>)> {
    let (mut changes, log) = (FileChanges::default(), Arc::new(join.log()));
    let made: Arc<Mutex<Vec<TableFile>>> = Arc::default();
    for group in groups {
        if group.len() < 2 {
            changes.stay.extend(group);
            continue;
        }
        changes.remove.extend(group.iter().cloned());
        let (join, log, made) = (join.clone(), log.clone(), made.clone());
        pool.submit(move || {
            let file = join.join(&group, &log)?;
            let rows = (group.iter().map(|file| file.rows).sum::<u64>(), file.as_ref().map_or(0, |file| file.rows));
            if rows.0 != rows.1 {
                return Err(Fault::internal(format!("{} rows became {} when their files were joined", rows.0, rows.1)));
            }
            lock(&made).extend(file);
            Ok(())
        })?;
    }
    pool.wait()?;
    changes.add.append(&mut lock(&made));
    let told = log.told();
    Ok((changes, (!told.silent).then_some(told.rows)))
}

/// The files in groups that become one each; a group of one stays as it is.
pub(crate) fn groups(files: Vec<TableFile>) -> Vec<Vec<TableFile>> {
    let mut done = Vec::new();
    let mut open: BTreeMap<BTreeMap<String, Option<String>>, (u64, Vec<TableFile>)> = BTreeMap::new();
    for file in files {
        if file.size >= SMALL_BYTES {
            done.push(vec![file]);
            continue;
        }
        let (bytes, group) = open.entry(file.partition.clone()).or_default();
        if *bytes + file.size > JOINED_BYTES {
            done.push(std::mem::take(group));
            *bytes = 0;
        }
        *bytes += file.size;
        group.push(file);
    }
    done.extend(open.into_values().map(|(_, group)| group));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given files of two partitions, large and small, when grouped, then only small ones of one
    /// partition come together, and never beyond the size of a joined file.
    #[test]
    fn what_is_joined() {
        let file = |path: &str, size, month: &str| TableFile {
            path: path.to_owned(),
            size,
            rows: 1,
            partition: BTreeMap::from([("month".to_owned(), Some(month.to_owned()))]),
            modified: 0,
            stats: None,
        };
        let mut files = vec![file("a", 1, "1"), file("b", SMALL_BYTES, "1"), file("c", 1, "2"), file("d", 2, "1")];
        files.extend((0..9).map(|n| file(&format!("e{n}"), SMALL_BYTES - 1, "3")));
        let mut names: Vec<String> = groups(files)
            .iter()
            .map(|group| group.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("+"))
            .collect();
        names.sort();
        assert_eq!(names, ["a+d", "b", "c", "e0+e1+e2+e3+e4+e5+e6+e7", "e8"]);
    }
}
