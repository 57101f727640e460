//! From files to models: rendered, described, put in order, with their views put in.

use shoplake_core::{Fault, Project};

use crate::jinja::{How, Jinja, Names, Rendered};
use crate::marks::line_column;
use crate::properties::{Described, Properties, line_of};
use crate::references::{Files, SqlFile};
use crate::relations::relations;
use crate::settings::{Settings, check_folders, line_with};
use crate::views::Views;
use crate::{Materialized, Model, ModelColumn, seeds};

/// The names that `ref` and `source` take in a project.
pub(crate) fn names(project: &Project, files: &Files, described: &Described) -> Names {
    let mut called = std::collections::BTreeMap::new();
    for table in &described.sources {
        called.insert((table.source.clone(), table.name.clone()), table.dataset.clone());
    }
    Names {
        models: files.models.keys().chain(files.seeds.keys()).cloned().collect(),
        datasets: Files::sources(project).into_iter().map(str::to_owned).collect(),
        called,
    }
}

/// All models and seeds, compiled, in build order, and the views among them.
pub(crate) fn all(
    project: &Project,
    files: &Files,
    described: &Described,
    jinja: &Jinja,
) -> Result<(Vec<Model>, Views), Vec<Fault>> {
    let (mut models, mut disabled) = (Vec::new(), Vec::new());
    let mut faults = check_folders(project, &files.models);
    let compiler = Compiler { project, files, described, jinja };
    let compiled = files.seeds.values().map(|file| compiler.seed(file));
    for compiled in compiled.chain(files.models.values().map(|file| compiler.model(file))) {
        match compiled {
            Ok((model, true)) => models.push(model),
            Ok((model, false)) => disabled.push(model.name),
            Err(fault) => faults.push(fault),
        }
    }
    for model in &models {
        for name in model.depends_on.iter().filter(|name| disabled.contains(name)) {
            let fault = Fault::usage(format!("model `{name}` is disabled, and `{}` reads it", model.name));
            faults.push(
                fault.at(&model.path, line_with(&model.raw, name), None).hint("enable it, or disable this one too"),
            );
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    // A circle is told before views are put into each other without end.
    crate::order(&mut models).map_err(|fault| vec![fault])?;
    let views = Views::put_into(&mut models);
    Ok((models, views))
}

/// What compiling a file takes.
struct Compiler<'p> {
    project: &'p Project,
    files: &'p Files,
    described: &'p Described,
    jinja: &'p Jinja,
}

impl Compiler<'_> {
    /// The model of `file`, and whether it is enabled.
    fn model(&self, file: &SqlFile) -> Result<(Model, bool), Fault> {
        let rendered = self.jinja.render(file, &How::default())?;
        let properties = self.described.models.get(&file.name);
        let mut settings = Settings::of_folders(self.project, &file.path)?;
        self.take_properties(&mut settings, properties, false)?;
        settings.take(&rendered.told.config, false, |key| (file.path.clone(), line_with(&file.text, key)))?;
        let mut model = described(file, &rendered.sql, &settings, properties.map(|(_, p)| p))?;
        model.depends_on = self.depends_on(file, &rendered, None)?;
        if model.by_day.is_some() {
            let part = self.jinja.render(file, &How { incremental: true, ..How::default() })?;
            for name in self.depends_on(file, &part, Some(&model.name))? {
                if !model.depends_on.contains(&name) {
                    model.depends_on.push(name);
                }
            }
            model.incremental_sql = Some(part.sql);
        }
        Ok((model, !settings.disabled))
    }

    /// The seed of `file`, and whether it is enabled.
    fn seed(&self, file: &SqlFile) -> Result<(Model, bool), Fault> {
        let properties = self.described.models.get(&file.name);
        let mut settings = Settings::default();
        self.take_properties(&mut settings, properties, true)?;
        let sql = seeds::sql(file, &settings)?;
        settings.materialized = Some(Materialized::Seed);
        Ok((described(file, &sql, &settings, properties.map(|(_, p)| p))?, !settings.disabled))
    }

    fn take_properties(
        &self,
        settings: &mut Settings,
        properties: Option<&(String, Properties)>,
        seed: bool,
    ) -> Result<(), Fault> {
        let Some((path, properties)) = properties else { return Ok(()) };
        let text = self.described.texts.get(path).map_or("", String::as_str);
        let from = line_of(&properties.name).unwrap_or(1);
        settings.take(&properties.config, seed, |key| {
            let below = text.lines().skip(from as usize).collect::<Vec<_>>().join("\n");
            (path.clone(), line_with(&below, key).map(|line| line + from))
        })?;
        settings.meta.extend(properties.meta.clone());
        Ok(())
    }

    /// The tables that the SQL names, those of `ref` and `source` first; `own` is the one that an
    /// incremental run may read though it is its own.
    fn depends_on(&self, file: &SqlFile, rendered: &Rendered, own: Option<&str>) -> Result<Vec<String>, Fault> {
        let told = rendered.told.depends_on.iter();
        let mut names: Vec<String> = told.filter(|name| Some(name.as_str()) != own).cloned().collect();
        for relation in relations(&rendered.sql).unwrap_or_default() {
            let known = self.files.named(&relation.name).is_some()
                || Files::sources(self.project).contains(&relation.name.as_str());
            if relation.shadowed {
                if known && rendered.named.contains(&relation.end) {
                    return Err(hidden(file, &relation.name));
                }
            } else if known && Some(relation.name.as_str()) != own && !names.contains(&relation.name) {
                names.push(relation.name);
            }
        }
        Ok(names)
    }
}

/// A model that is referred to where an expression of the SQL's own has its name.
fn hidden(file: &SqlFile, name: &str) -> Fault {
    let calls = file
        .text
        .match_indices(name)
        .filter(|(at, _)| file.text[..*at].trim_end_matches(['\'', '"']).trim_end().ends_with(['(', ',']));
    let (line, column) = calls.last().map_or((1, 1), |(at, _)| line_column(&file.text, at));
    Fault::usage(format!("`{name}` means the expression of that name here, not the model"))
        .at(&file.path, Some(line), Some(column))
        .hint(format!("give the expression in WITH another name than `{name}`"))
}

/// The model of `file`, as its settings and its properties describe it.
fn described(file: &SqlFile, sql: &str, settings: &Settings, properties: Option<&Properties>) -> Result<Model, Fault> {
    let materialized = settings.materialized.unwrap_or(Materialized::Table);
    let incremental = materialized == Materialized::Incremental;
    if settings.by_day.is_some() && (!incremental || !file.text.contains("changed(")) {
        let fault = Fault::usage("`by_day` needs `materialized='incremental'` and a `changed(…)` in the SQL");
        return Err(fault
            .at(&file.path, line_with(&file.text, "by_day").or(Some(1)), None)
            .hint("write `{% if is_incremental() %}WHERE {{ changed('year', 'month', 'day') }}{% endif %}`"));
    }
    if settings.on_schema_change.is_some() && !incremental {
        let fault = Fault::usage("`on_schema_change` needs `materialized='incremental'`");
        return Err(fault
            .at(&file.path, line_with(&file.text, "on_schema_change"), None)
            .hint("leave it out: any other model is made anew with the columns of its SQL"));
    }
    let columns = properties.map(|p| p.columns.as_slice()).unwrap_or_default();
    Ok(Model {
        name: file.name.clone(),
        path: file.path.clone(),
        raw: file.text.clone(),
        plain_sql: sql.to_owned(),
        sql: sql.to_owned(),
        incremental_sql: None,
        materialized,
        unique_key: settings.unique_key.clone(),
        by_day: settings.by_day.clone(),
        on_schema_change: settings.on_schema_change,
        depends_on: Vec::new(),
        reads: Vec::new(),
        description: properties.map(|p| p.description.trim().to_owned()).unwrap_or_default(),
        columns: columns
            .iter()
            .map(|c| ModelColumn { name: c.name.clone(), description: c.description.trim().to_owned() })
            .collect(),
        tags: settings.tags.clone(),
        meta: settings.meta.clone(),
    })
}
