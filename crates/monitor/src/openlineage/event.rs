//! Events as JSON, with the facets that say most: schema, columns' lineage, rows, SQL, parent, error.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, SchemaRef};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use shoplake_core::outcome::RunOutcome;
use shoplake_core::planned::{Derivation, Origin, PlannedQuery};
use shoplake_core::ports::ModelText;
use shoplake_core::project::Dataset;
use shoplake_core::source::Origin as Bytes;
use shoplake_core::{Catalog, Contract, Project, RunId};

const PRODUCER: &str = concat!("https://shoplake.dev/v", env!("CARGO_PKG_VERSION"));
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
/// The namespace of files of this machine.
const FILES: &str = "file";

/// What has become of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Start,
    Complete,
    /// Why.
    Fail(String),
}

impl State {
    fn word(&self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Complete => "COMPLETE",
            Self::Fail(_) => "FAIL",
        }
    }
}

/// A model of a run.
pub(super) struct Model<'m> {
    pub(super) text: &'m ModelText,
    pub(super) planned: Option<&'m PlannedQuery>,
    /// Rows of its table afterwards.
    pub(super) rows: Option<u64>,
    pub(super) parent: &'m RunId,
}

/// Makes the events of a project.
pub(super) struct Events {
    project: Arc<Project>,
    empty: Catalog,
}

impl Events {
    pub(super) fn new(project: Arc<Project>, empty: Catalog) -> Self {
        Self { project, empty }
    }

    /// An event of the run as a whole: from the sources to the datasets' tables.
    pub(super) fn run(&self, run: &RunId, state: &State, at: DateTime<Utc>, outcome: Option<&RunOutcome>) -> Value {
        let sources: Vec<Value> = self.project.datasets.iter().map(|dataset| self.source(dataset)).collect();
        let tables: Vec<Value> = self
            .project
            .datasets
            .iter()
            .map(|dataset| {
                let name = &dataset.contract.dataset;
                let done = outcome.and_then(|outcome| outcome.datasets.iter().find(|done| done.dataset == *name));
                let rows = done.map(|done| done.counts.inserted + done.counts.updated);
                self.table(name, &self.dataset_facets(dataset), rows)
            })
            .collect();
        let job = json!({
            "namespace": "shoplake",
            "name": self.job("run"),
            "facets": { "jobType": job_type("RUN") },
        });
        event(run, state, at, Map::new(), &job, &sources, &tables)
    }

    /// An event of a model.
    pub(super) fn model(&self, own: &RunId, state: &State, at: DateTime<Utc>, model: &Model<'_>) -> Value {
        let parent = facet(
            "1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
            json!({
                "run": { "runId": model.parent.0 },
                "job": { "namespace": "shoplake", "name": self.job("run") },
            }),
        );
        let sql = facet(
            "1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet",
            json!({ "query": model.text.sql, "dialect": "datafusion" }),
        );
        let job = json!({
            "namespace": "shoplake",
            "name": self.job(&format!("model.{}", model.text.name)),
            "facets": { "sql": sql, "jobType": job_type("MODEL") },
        });
        let inputs = model.planned.iter().flat_map(|planned| &planned.inputs);
        let inputs = inputs.map(|input| {
            let known = self.empty.tables.get(&input.table);
            let facets = known.map(|table| json!({ "schema": schema(&table.schema, &[]) }));
            self.table(&input.table, &facets.unwrap_or_else(|| json!({})), None)
        });
        let mut facets = Map::new();
        if let Some(planned) = model.planned {
            facets.insert("schema".into(), schema(&planned.schema, &model.text.columns));
            facets.insert("columnLineage".into(), self.lineage(planned));
        }
        if !model.text.description.is_empty() {
            let said = json!({ "description": model.text.description });
            let said = facet("1-1-0/DocumentationDatasetFacet.json#/$defs/DocumentationDatasetFacet", said);
            facets.insert("documentation".into(), said);
        }
        let rows = model.rows.filter(|_| *state == State::Complete);
        let output = self.table(&model.text.name, &Value::Object(facets), rows);
        let run = Map::from_iter([("parent".to_owned(), parent)]);
        event(own, state, at, run, &job, &inputs.collect::<Vec<_>>(), &[output])
    }

    fn job(&self, what: &str) -> String {
        format!("{}.{what}", self.project.name)
    }

    /// A table as a dataset; `rows` were written.
    fn table(&self, name: &str, facets: &Value, rows: Option<u64>) -> Value {
        let mut dataset = json!({ "namespace": FILES, "name": self.path_of(name), "facets": facets });
        if let Some(rows) = rows {
            let written = json!({ "rowCount": rows });
            let written = facet(
                "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet",
                written,
            );
            dataset["outputFacets"] = json!({ "outputStatistics": written });
        }
        dataset
    }

    fn path_of(&self, table: &str) -> String {
        absolute(&self.project.lake_dir.join("processed").join(table))
    }

    /// Where the bytes of a dataset come from: namespace and name.
    fn place(&self, dataset: &Dataset) -> (String, String) {
        match &dataset.origin {
            Bytes::Files(glob) => {
                let folder = glob.split(['*', '?', '[', '{']).next().unwrap_or(glob);
                (FILES.into(), absolute(&self.project.dir.join(folder.trim_end_matches('/'))))
            }
            Bytes::RestApi(api) => (api.base_url.trim_end_matches('/').into(), api.path.clone()),
        }
    }

    fn source(&self, dataset: &Dataset) -> Value {
        let (namespace, name) = self.place(dataset);
        let fields: Vec<Value> =
            dataset.contract.columns.iter().map(|column| json!({ "name": column.file_name() })).collect();
        let fields = facet("1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet", json!({ "fields": fields }));
        json!({ "namespace": namespace, "name": name, "facets": { "schema": fields } })
    }

    /// The schema of a dataset's table, and which of its columns comes from which of the file.
    fn dataset_facets(&self, dataset: &Dataset) -> Value {
        let contract: &Contract = &dataset.contract;
        let said: Vec<(String, String)> = contract
            .columns
            .iter()
            .filter_map(|column| Some((column.name.clone(), column.description.clone()?)))
            .collect();
        let mut facets = Map::new();
        if let Some(table) = self.empty.tables.get(&contract.dataset) {
            facets.insert("schema".into(), schema(&table.schema, &said));
        }
        let (namespace, name) = self.place(dataset);
        let mut fields = Map::new();
        for column in &contract.columns {
            let from = json!({
                "namespace": namespace,
                "name": name,
                "field": column.file_name(),
                "transformations": [{ "type": "DIRECT", "subtype": "IDENTITY" }],
            });
            fields.insert(column.name.clone(), json!({ "inputFields": [from] }));
        }
        for enrichment in &contract.enrichments {
            let from = json!({
                "namespace": FILES,
                "name": self.path_of(&enrichment.dataset),
                "field": enrichment.from,
                "transformations": [{ "type": "DIRECT", "subtype": "IDENTITY" }],
            });
            fields.insert(enrichment.column.clone(), json!({ "inputFields": [from] }));
        }
        facets.insert("columnLineage".into(), column_lineage(&Value::Object(fields), &[]));
        Value::Object(facets)
    }

    /// Which column of a model comes from which.
    fn lineage(&self, planned: &PlannedQuery) -> Value {
        let field = |origin: &Origin, kind: &str, subtype: &str| {
            json!({
                "namespace": FILES,
                "name": self.path_of(&origin.table),
                "field": origin.column,
                "transformations": [{ "type": kind, "subtype": subtype }],
            })
        };
        let mut fields = Map::new();
        for column in &planned.columns {
            let subtype = match column.derivation {
                Derivation::Copy => "IDENTITY",
                Derivation::Expression => "TRANSFORMATION",
                Derivation::Aggregate => "AGGREGATION",
            };
            let from: Vec<Value> = column.values.iter().map(|origin| field(origin, "DIRECT", subtype)).collect();
            fields.insert(column.name.clone(), json!({ "inputFields": from }));
        }
        // What decides which rows count is said once, for the dataset as a whole.
        let shaped: BTreeSet<&Origin> = planned.columns.iter().flat_map(|column| &column.shaped_by).collect();
        let shaped: Vec<Value> = shaped.into_iter().map(|origin| field(origin, "INDIRECT", "FILTER")).collect();
        column_lineage(&Value::Object(fields), &shaped)
    }
}

fn column_lineage(fields: &Value, dataset: &[Value]) -> Value {
    let lineage = json!({ "fields": fields, "dataset": dataset });
    facet("1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet", lineage)
}

fn event(
    run: &RunId,
    state: &State,
    at: DateTime<Utc>,
    mut facets: Map<String, Value>,
    job: &Value,
    inputs: &[Value],
    outputs: &[Value],
) -> Value {
    if let State::Fail(why) = state {
        let said = json!({ "message": why, "programmingLanguage": "SQL" });
        facets
            .insert("errorMessage".into(), facet("1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet", said));
    }
    json!({
        "eventType": state.word(),
        "eventTime": at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "run": { "runId": run.0, "facets": facets },
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    })
}

fn job_type(kind: &str) -> Value {
    let said = json!({ "processingType": "BATCH", "integration": "SHOPLAKE", "jobType": kind });
    facet("2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet", said)
}

/// `content` with what every facet says of itself.
fn facet(schema: &str, content: Value) -> Value {
    let mut facet =
        json!({ "_producer": PRODUCER, "_schemaURL": format!("https://openlineage.io/spec/facets/{schema}") });
    if let (Some(facet), Value::Object(content)) = (facet.as_object_mut(), content) {
        facet.extend(content);
    }
    facet
}

/// The columns of a table, with what is said of them.
fn schema(schema: &SchemaRef, said: &[(String, String)]) -> Value {
    let fields = schema.fields().iter().map(|field| {
        let mut column = json!({ "name": field.name(), "type": type_word(field.data_type()) });
        if let Some((_, text)) = said.iter().find(|(name, text)| name == field.name() && !text.is_empty()) {
            column["description"] = json!(text);
        }
        column
    });
    let fields: Vec<Value> = fields.collect();
    facet("1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet", json!({ "fields": fields }))
}

fn type_word(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 => "VARCHAR".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Int32 => "INTEGER".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Date32 => "DATE".into(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".into(),
        DataType::Timestamp(_, None) => "TIMESTAMP".into(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision},{scale})"),
        other => other.to_string(),
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}
