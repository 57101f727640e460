//! The JSON encoding of OTLP: 64-bit numbers as text, ids in hexadecimal, enumerations as numbers.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shoplake_core::RunId;
use shoplake_core::metrics::{self, Kind, Metric};

use super::trace::Span;

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: u8 = 1;
/// `STATUS_CODE_OK` and `STATUS_CODE_ERROR`.
const STATUS: (u8, u8) = (1, 2);
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// The body of a request to `/v1/traces`.
pub(super) fn traces(project: &str, run: &RunId, spans: &[Span]) -> Value {
    let trace_id = trace_id(run);
    let id = |place: usize| hex(&Sha256::digest(format!("{run}/{place}")), 8);
    let spans: Vec<Value> = spans
        .iter()
        .enumerate()
        .map(|(place, span)| {
            let status = match &span.error {
                None => json!({ "code": STATUS.0 }),
                Some(why) => json!({ "code": STATUS.1, "message": why }),
            };
            json!({
                "traceId": trace_id, "spanId": id(place),
                "parentSpanId": span.parent.map(id).unwrap_or_default(),
                "name": span.name, "kind": INTERNAL,
                "startTimeUnixNano": nanoseconds(span.time.0), "endTimeUnixNano": nanoseconds(span.time.1),
                "attributes": attributes(span.attributes.iter().map(|(name, value)| (*name, value.clone()))),
                "status": status,
            })
        })
        .collect();
    let scope = json!({ "scope": scope(), "spans": spans });
    json!({ "resourceSpans": [{ "resource": resource(project), "scopeSpans": [scope] }] })
}

/// The body of a request to `/v1/metrics`.
pub(super) fn metrics(project: &str, metrics: &[Metric], since: DateTime<Utc>, now: DateTime<Utc>) -> Value {
    let times = (nanoseconds(since), nanoseconds(now));
    let filled = metrics.iter().filter(|metric| !metric.samples.is_empty());
    let metrics: Vec<Value> = filled.map(|metric| encoded(metric, &times)).collect();
    let scope = json!({ "scope": scope(), "metrics": metrics });
    json!({ "resourceMetrics": [{ "resource": resource(project), "scopeMetrics": [scope] }] })
}

fn encoded(metric: &Metric, (since, now): &(String, String)) -> Value {
    let points: Vec<Value> = metric
        .samples
        .iter()
        .map(|sample| {
            let labels = sample.labels.iter().map(|(name, value)| (*name, json!(value)));
            let mut point = json!({ "attributes": attributes(labels), "timeUnixNano": now });
            match &sample.value {
                metrics::Value::Number(number) => point["asDouble"] = json!(number),
                metrics::Value::Distribution(known) => {
                    point["count"] = json!(known.count().to_string());
                    point["sum"] = json!(known.sum);
                    point["explicitBounds"] = json!(known.bounds);
                    point["bucketCounts"] = known.counts.iter().map(u64::to_string).collect();
                }
            }
            if metric.kind != Kind::Gauge {
                point["startTimeUnixNano"] = json!(since);
            }
            point
        })
        .collect();
    let mut encoded = json!({ "name": metric.name, "description": metric.help });
    let data = match metric.kind {
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Counter => {
            ("sum", json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true }))
        }
        // A histogram of one bucket knows as much as a summary without quantiles.
        Kind::Histogram | Kind::Summary => {
            ("histogram", json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE }))
        }
    };
    encoded[data.0] = data.1;
    encoded
}

/// A run's id is its trace's: whoever knows the one finds the other.
fn trace_id(run: &RunId) -> String {
    let digits: String = run.0.chars().filter(char::is_ascii_hexdigit).collect();
    if digits.len() == 32 { digits.to_lowercase() } else { hex(&Sha256::digest(&run.0), 16) }
}

fn resource(project: &str) -> Value {
    let words =
        [("service.name", "shoplake"), ("service.version", env!("CARGO_PKG_VERSION")), ("shoplake.project", project)];
    json!({ "attributes": attributes(words.map(|(name, value)| (name, json!(value)))) })
}

fn scope() -> Value {
    json!({ "name": "shoplake", "version": env!("CARGO_PKG_VERSION") })
}

fn attributes<'a>(known: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let value = |value: Value| match value {
        Value::Number(number) if number.is_u64() || number.is_i64() => json!({ "intValue": number.to_string() }),
        Value::Number(number) => json!({ "doubleValue": number }),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    };
    known.into_iter().map(|(name, known)| json!({ "key": name, "value": value(known) })).collect()
}

fn nanoseconds(at: DateTime<Utc>) -> String {
    // A moment beyond the year 2262 is none that a run has.
    at.timestamp_nanos_opt().unwrap_or_default().to_string()
}

fn hex(bytes: &[u8], many: usize) -> String {
    bytes.iter().take(many).map(|byte| format!("{byte:02x}")).collect()
}
