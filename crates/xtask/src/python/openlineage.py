"""Each OpenLineage event below a folder, built again from the typed classes of openlineage-python."""
import glob
import json
import sys

import attr
from openlineage.client import event_v2 as ev
from openlineage.client.generated import (
    column_lineage_dataset,
    documentation_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    sql_job,
)

FACETS = {
    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet,
    "documentation": documentation_dataset.DocumentationDatasetFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "parent": parent_run.ParentRunFacet,
    "schema": schema_dataset.SchemaDatasetFacet,
    "sql": sql_job.SQLJobFacet,
}


def input_field(value):
    transformations = [column_lineage_dataset.Transformation(**each) for each in value["transformations"]]
    return column_lineage_dataset.InputField(**{**value, "transformations": transformations})


def facet(name, value):
    value = dict(value)
    assert value.pop("_producer") and value.pop("_schemaURL").startswith("https://openlineage.io/spec/facets/")
    kind = FACETS[name]
    unknown = set(value) - {field.name for field in attr.fields(kind)}
    assert not unknown, (name, unknown)
    if name == "columnLineage":
        value["dataset"] = [input_field(each) for each in value["dataset"]]
        value["fields"] = {
            column: column_lineage_dataset.Fields(inputFields=[input_field(each) for each in field["inputFields"]])
            for column, field in value["fields"].items()
        }
    if name == "schema":
        value["fields"] = [schema_dataset.SchemaDatasetFacetFields(**field) for field in value["fields"]]
    if name == "parent":
        value["run"], value["job"] = parent_run.Run(**value["run"]), parent_run.Job(**value["job"])
    return kind(**value)


def facets(of):
    return {name: facet(name, value) for name, value in (of or {}).items()}


def holds(event):
    def dataset(kind, of):
        more = {"outputFacets": facets(of.get("outputFacets"))} if kind is ev.OutputDataset else {}
        return kind(namespace=of["namespace"], name=of["name"], facets=facets(of.get("facets")), **more)

    run, job = event["run"], event["job"]
    ev.RunEvent(
        eventType=ev.RunState[event["eventType"]],
        eventTime=event["eventTime"],
        producer=event["producer"],
        run=ev.Run(runId=run["runId"], facets=facets(run.get("facets"))),
        job=ev.Job(namespace=job["namespace"], name=job["name"], facets=facets(job.get("facets"))),
        inputs=[dataset(ev.InputDataset, each) for each in event["inputs"]],
        outputs=[dataset(ev.OutputDataset, each) for each in event["outputs"]],
    )


events = [json.loads(line) for path in glob.glob(sys.argv[1] + "/*.ndjson") for line in open(path, encoding="utf-8")]
assert len(events) == 14, f"one run with six models makes 14 events, not {len(events)}"
for each in events:
    holds(each)
print(f"   {len(events)} OpenLineage events hold")
