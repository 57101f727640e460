"""Traces and metrics as a receiver of OTLP takes them: parsed by opentelemetry-proto's own messages.

Given a receiver, when a shop runs, then the trace of the run is there: the run, its stages, datasets and models, within
each other, with the rows of its outcome. Given one that is away or hangs, then the run is as good, and ends in time.

arguments: BINARY SHOP
"""

import base64, http.server, json, os, pathlib, shutil, socket, subprocess, sys, threading, time

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BINARY, SHOP = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
taken = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        taken.append((self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def parsed(message, body):
    """The message of a body. Its JSON has ids in hexadecimal, where protobuf's own JSON has base64."""
    def ids(value):
        if isinstance(value, list):
            return [ids(item) for item in value]
        if isinstance(value, dict):
            names = ("traceId", "spanId", "parentSpanId")
            return {key: base64.b64encode(bytes.fromhex(item)).decode() if key in names else ids(item)
                    for key, item in value.items()}
        return value
    return Parse(json.dumps(ids(json.loads(body))), message())


def run(**variables):
    began = time.monotonic()
    done = subprocess.run([BINARY, "run", "--json", "--quiet", "--project-dir", SHOP], capture_output=True, text=True,
                          env={**os.environ, **variables}, timeout=300)
    return done, time.monotonic() - began


def value(attribute):
    return getattr(attribute.value, attribute.value.WhichOneof("value"))


def main():
    if SHOP.exists():
        shutil.rmtree(SHOP)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{web.server_address[1]}"
    subprocess.run([BINARY, "init", SHOP, "--timezone", "UTC", "--sample", "--quiet"], check=True)

    done, _ = run(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b")
    assert done.returncode in (0, 1), done.stderr
    outcome = json.loads(done.stdout)
    assert all(headers.get("x-key") == "a b" for _, headers, _ in taken), taken
    [trace] = [parsed(ExportTraceServiceRequest, body) for path, _, body in taken if path == "/v1/traces"]
    [resource] = trace.resource_spans
    about = {attribute.key: value(attribute) for attribute in resource.resource.attributes}
    assert about["service.name"] == "shoplake", about
    spans = list(resource.scope_spans[0].spans)
    assert all(len(span.trace_id) == 16 and len(span.span_id) == 8 for span in spans)
    assert {span.trace_id.hex() for span in spans} == {outcome["run_id"].replace("-", "")}
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    roots = [span for span in spans if not span.parent_span_id]
    assert [root.name for root in roots] == ["run"], roots
    for span in spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano, span
        if span.parent_span_id:
            parent = by_id[span.parent_span_id]
            # Stages are timed apart: what they lose in rounding is less than a hundredth of a second.
            assert parent.start_time_unix_nano <= span.start_time_unix_nano + 10_000_000, (parent.name, span.name)
            assert span.end_time_unix_nano <= parent.end_time_unix_nano + 10_000_000, (parent.name, span.name)
    path = lambda span: (path(by_id[span.parent_span_id]) if span.parent_span_id else []) + [span.name]
    paths = {"/".join(path(span)): {a.key: value(a) for a in span.attributes} for span in spans}
    for stage in ("recover", "land", "load", "models", "publish", "archive", "reports"):
        assert f"run/{stage}" in paths, sorted(paths)
    for dataset in outcome["datasets"]:
        known = paths[f"run/load/load {dataset['dataset']}"]
        for word in ("rows_read", "inserted", "updated", "duplicate", "rejected"):
            key = "shoplake.rows_read" if word == "rows_read" else f"shoplake.rows_{word}"
            assert known[key] == dataset[word], (known, dataset)
    for model in outcome["models"]:
        assert paths[f"run/models/model {model['name']}"]["shoplake.rows"] == model["rows"]
    assert paths["run"]["shoplake.run_id"] == outcome["run_id"]

    [metrics] = [parsed(ExportMetricsServiceRequest, body) for path, _, body in taken if path == "/v1/metrics"]
    known = {metric.name: metric for metric in metrics.resource_metrics[0].scope_metrics[0].metrics}
    points = known["shoplake_rows_total"].sum.data_points
    sales = {a["outcome"]: int(point.as_double) for point in points
             for a in [{attribute.key: value(attribute) for attribute in point.attributes}] if a["dataset"] == "sales"}
    [expected] = [dataset for dataset in outcome["datasets"] if dataset["dataset"] == "sales"]
    assert sales == {word: expected[word] for word in ("inserted", "updated", "duplicate", "rejected")}, sales
    assert known["shoplake_run_stage_duration_seconds"].histogram.data_points

    # A model that breaks is an error of the trace.
    taken.clear()
    model = SHOP / "models/marts/top_products.sql"
    good = model.read_text()
    model.write_text("SELECT CAST('x' AS INT) AS product_id FROM {{ ref('sales') }}")
    broken, _ = run(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert broken.returncode == 1, broken.stderr
    [trace] = [parsed(ExportTraceServiceRequest, body) for path, _, body in taken if path == "/v1/traces"]
    failed = [span.name for span in trace.resource_spans[0].scope_spans[0].spans if span.status.code == 2]
    assert "run" in failed and "model top_products" in failed, failed
    model.write_text(good)

    # One that nobody answers for, and one that takes all and answers nothing.
    away, seconds = run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert away.returncode in (0, 1) and json.loads(away.stdout)["status"] != "error", away.stderr
    assert "the trace of the run was not sent" in away.stderr, away.stderr
    assert not json.loads(away.stdout).get("problems"), away.stdout
    silent = socket.create_server(("127.0.0.1", 0))
    held = []
    threading.Thread(target=lambda: [held.append(silent.accept()) for _ in range(9)], daemon=True).start()
    hung, longer = run(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert hung.returncode in (0, 1) and json.loads(hung.stdout)["status"] != "error", hung.stderr
    assert longer < seconds + 30, (seconds, longer)
    print(f"   {len(spans)} spans and {len(known)} metrics parsed; a receiver that hangs costs {longer - seconds:.1f} s")


main()
