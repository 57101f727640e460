//! Models without a table put into those who name them, as common table expressions.

use std::collections::BTreeMap;

use crate::relations::relations;
use crate::sql::{identifier, with_expressions};
use crate::{Materialized, Model};

/// Names of the common table expressions that views become.
const EXPRESSION: &str = "cte__";

/// A model without a table: what those who name it put first, and the tables behind it.
#[derive(Debug, Clone)]
struct View {
    /// Name and SQL, those it needs itself before it.
    expressions: Vec<(String, String)>,
    reads: Vec<String>,
}

/// The views and ephemeral models of a project.
#[derive(Debug, Clone, Default)]
pub(crate) struct Views(BTreeMap<String, View>);

impl Views {
    /// Puts views into each other and into the tables among `models`, which are in build order.
    pub(crate) fn put_into(models: &mut [Model]) -> Self {
        let mut views = Self::default();
        for model in models {
            let (mut expressions, _) = views.needed(&model.depends_on);
            model.reads = views.reads(&model.depends_on);
            if !model.materialized.is_stored() {
                expressions.push((expression(&model.name), views.renamed(&model.plain_sql)));
                views.0.insert(model.name.clone(), View { expressions, reads: model.reads.clone() });
            }
            model.sql = views.put_in(&model.plain_sql, &model.depends_on);
            if let Some(sql) = model.incremental_sql.take() {
                model.incremental_sql = Some(views.put_in(&sql, &model.depends_on));
            }
        }
        views
    }

    /// `sql`, which names `names`, with the views among them put in.
    pub(crate) fn put_in(&self, sql: &str, names: &[String]) -> String {
        let (expressions, any) = self.needed(names);
        if any { with_expressions(&self.renamed(sql), &expressions) } else { sql.to_owned() }
    }

    /// The stored tables behind `names`.
    pub(crate) fn reads(&self, names: &[String]) -> Vec<String> {
        let mut reads = Vec::new();
        for name in names {
            match self.0.get(name) {
                Some(view) => reads.extend(view.reads.iter().cloned()),
                None => reads.push(name.clone()),
            }
        }
        reads.sort();
        reads.dedup();
        reads
    }

    /// The expressions behind `names`, each once and after those that it needs.
    fn needed(&self, names: &[String]) -> (Vec<(String, String)>, bool) {
        let mut expressions: Vec<(String, String)> = Vec::new();
        for view in names.iter().filter_map(|name| self.0.get(name)) {
            for (name, sql) in &view.expressions {
                if !expressions.iter().any(|(known, _)| known == name) {
                    expressions.push((name.clone(), sql.clone()));
                }
            }
        }
        let any = !expressions.is_empty();
        (expressions, any)
    }

    /// `sql` with the names of views as those of their expressions; columns keep their table's name.
    fn renamed(&self, sql: &str) -> String {
        let mut found = relations(sql).unwrap_or_default();
        found.retain(|relation| !relation.shadowed && self.0.contains_key(&relation.name));
        found.sort_by_key(|relation| relation.start);
        let (mut out, mut done) = (String::with_capacity(sql.len() + 64), 0);
        for relation in found {
            let Some(before) = sql.get(done..relation.start) else { continue };
            out.push_str(before);
            out.push_str(&expression(&relation.name));
            if !relation.aliased {
                out.push_str(" AS ");
                out.push_str(&identifier(&relation.name));
            }
            done = relation.end;
        }
        out.push_str(sql.get(done..).unwrap_or_default());
        out
    }
}

fn expression(name: &str) -> String {
    identifier(&format!("{EXPRESSION}{name}"))
}

/// The views that readers may query, by name.
pub(crate) fn readable(models: &[Model]) -> BTreeMap<String, String> {
    let views = models.iter().filter(|model| model.materialized == Materialized::View);
    views.map(|model| (model.name.clone(), model.sql.clone())).collect()
}
