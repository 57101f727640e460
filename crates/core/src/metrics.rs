//! Metrics: what is counted and measured for those who watch from outside, and its text for Prometheus.
//!
//! Values only: what gathers them lives in `monitor` and `server`, what serves and sends them there too.

use std::fmt::Write as _;

use async_trait::async_trait;

use crate::fault::Result;

/// A metric with all of its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its whole name, in base units: `shoplake_rows_total`.
    pub name: &'static str,
    /// What it counts or measures, in one sentence.
    pub help: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// Its values, one a set of labels.
    pub samples: Vec<Sample>,
}

/// How the values of a metric behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They only grow, until what they were counted in is gone.
    Counter,
    /// They go up and down.
    Gauge,
    /// They are counted by size.
    Histogram,
    /// Only their number and their sum are known.
    Summary,
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The labels: name and value.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// A value, by the kind of its metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram or a summary.
    Distribution(Distribution),
}

/// Values that were counted by size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// The upper bounds of all buckets but the last, in order; none for a summary.
    pub bounds: Vec<f64>,
    /// Values in each bucket alone, the last of which has no bound; one entry more than `bounds`.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
}

impl Distribution {
    /// Nothing yet, in buckets up to these bounds.
    pub fn new(bounds: &[f64]) -> Self {
        Self { bounds: bounds.to_vec(), counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// So many values of this sum, whose sizes nobody noted.
    pub fn summed(count: u64, sum: f64) -> Self {
        Self { bounds: Vec::new(), counts: vec![count], sum }
    }

    /// Counts one value.
    pub fn add(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Metric {
    /// A counter without samples yet.
    pub fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: Kind::Counter, samples: Vec::new() }
    }

    /// A gauge without samples yet.
    pub fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: Kind::Gauge, samples: Vec::new() }
    }

    /// With one value more.
    #[must_use]
    pub fn with<const N: usize>(mut self, labels: [(&'static str, &str); N], value: f64) -> Self {
        self.add(labels, value);
        self
    }

    /// Adds a value.
    pub fn add<const N: usize>(&mut self, labels: [(&'static str, &str); N], value: f64) {
        self.push(labels, Value::Number(value));
    }

    /// Adds a value of any kind.
    pub fn push<const N: usize>(&mut self, labels: [(&'static str, &str); N], value: Value) {
        let labels = labels.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        self.samples.push(Sample { labels, value });
    }
}

/// Measures the project, for whoever shows or sends it.
#[async_trait]
pub trait Meters: Send + Sync {
    /// All metrics as they are now.
    async fn read(&self) -> Result<Vec<Metric>>;
}

/// Metrics in Prometheus' text format, version 0.0.4.
pub fn prometheus(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        let name = metric.name;
        // A String takes everything.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
        for sample in &metric.samples {
            match &sample.value {
                Value::Number(number) => line(&mut text, name, "", &sample.labels, None, *number),
                Value::Distribution(known) => {
                    let mut so_far = 0;
                    let bounds = known.bounds.iter().copied().chain([f64::INFINITY]);
                    for (bound, count) in bounds.zip(&known.counts) {
                        so_far += count;
                        if metric.kind == Kind::Histogram {
                            line(&mut text, name, "_bucket", &sample.labels, Some(bound), so_far as f64);
                        }
                    }
                    line(&mut text, name, "_sum", &sample.labels, None, known.sum);
                    line(&mut text, name, "_count", &sample.labels, None, so_far as f64);
                }
            }
        }
    }
    text
}

fn line(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &[(&'static str, String)],
    bound: Option<f64>,
    value: f64,
) {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let mut labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    labels.extend(bound.map(|bound| format!("le=\"{}\"", number(bound))));
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    // A String takes everything.
    let _ = writeln!(text, "{name}{suffix}{labels} {}", number(value));
}

fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind, as Prometheus' documentation writes it; a metric without values is left out.
    #[test]
    fn the_text_format() {
        let mut latency = Metric { kind: Kind::Histogram, ..Metric::gauge("s_seconds", "How long.") };
        let mut known = Distribution::new(&[0.1, 1.0]);
        for value in [0.05, 0.1, 0.5, 7.0] {
            known.add(value);
        }
        latency.push([], Value::Distribution(known));
        let mut stages = Metric { kind: Kind::Summary, ..Metric::gauge("stage_seconds", "Stages.") };
        stages.push([("stage", "load")], Value::Distribution(Distribution::summed(2, 3.5)));
        let rows = Metric::counter("rows_total", "Rows.").with([("dataset", "a\"b\\c\nd"), ("outcome", "x")], 12.0);
        let text = prometheus(&[rows, Metric::gauge("nothing", "Not there."), latency, stages]);
        assert_eq!(
            text,
            r#"# HELP rows_total Rows.
# TYPE rows_total counter
rows_total{dataset="a\"b\\c\nd",outcome="x"} 12
# HELP s_seconds How long.
# TYPE s_seconds histogram
s_seconds_bucket{le="0.1"} 2
s_seconds_bucket{le="1"} 3
s_seconds_bucket{le="+Inf"} 4
s_seconds_sum 7.65
s_seconds_count 4
# HELP stage_seconds Stages.
# TYPE stage_seconds summary
stage_seconds_sum{stage="load"} 3.5
stage_seconds_count{stage="load"} 2
"#
        );
    }
}
