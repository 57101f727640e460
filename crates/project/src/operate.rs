//! The meaning of `logs:` and `deliver:`.

use chrono::{NaiveTime, TimeDelta, Timelike};
use shoplake_core::Fault;
use shoplake_core::alert::Delivery;
use shoplake_core::logs::LogSettings;
use shoplake_core::schedule::Cron;

use crate::alert::Reader;
use crate::environment::Environment;
use crate::files::{DeliverFile, LogsFile, ReportWord};
use crate::units;
use crate::yaml::Node;

/// The least that a file of the log may hold, in bytes.
const LEAST_FILE: u64 = 1 << 10;

/// How much of the log is kept, checked.
pub(crate) fn logs(file: Option<&LogsFile>, node: &Node, faults: &mut Vec<Fault>) -> LogSettings {
    let mut logs = LogSettings::default();
    let Some(file) = file else { return logs };
    let mut size = |key: &str, size: Option<&crate::files::Scalar>| {
        let bytes = units::read_bytes(size?, node.at(key), faults)?;
        if bytes < LEAST_FILE {
            faults.push(node.at(key).fault(format!("`{key}` is less than 1 kB")));
        }
        Some(bytes)
    };
    logs.file_size = size("file_size", file.file_size.as_ref()).unwrap_or(logs.file_size);
    logs.keep_size = size("keep_size", file.keep_size.as_ref()).unwrap_or(logs.keep_size);
    if let Some(time) = &file.keep_for {
        if let Some(seconds) = units::seconds(&time.0).filter(|seconds| (86_400..=3_660 * 86_400).contains(seconds)) {
            logs.keep_for = TimeDelta::seconds(seconds);
        } else {
            let fault = node.at("keep_for").fault(format!("`{}` is not between `1d` and `3660d`", time.0));
            faults.push(fault.hint("for example `30d`"));
        }
    }
    logs
}

/// The reports that are sent, checked.
pub(crate) fn deliveries(
    files: &[DeliverFile],
    node: &Node,
    (environment, has_smtp): (&Environment, bool),
    faults: &mut Vec<Fault>,
) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let node = node.at(&index.to_string());
        let channels = Reader { environment, datasets: &[], has_smtp, faults }.channels(&file.to, node.at("to"));
        if channels.is_empty() {
            let fault = node.at("to").fault("nobody gets the report");
            faults.push(fault.hint("for example `to: { email: { recipients: [owner@shop.example] } }`"));
        }
        let at = file.at.as_ref().and_then(|at| match moment(&at.0) {
            Ok(at) => Some(at),
            Err(why) => {
                let fault = node.at("at").fault(format!("`at`: {why}"));
                faults.push(fault.hint("for example `\"07:30\"`, or `30 7 * * 1-5` on weekdays"));
                None
            }
        });
        let ReportWord::Daily = file.report;
        deliveries.push(Delivery { report: "daily".to_owned(), channels, at });
    }
    deliveries
}

/// A time of day, or a cron expression.
fn moment(text: &str) -> Result<Cron, String> {
    let cron = match NaiveTime::parse_from_str(text.trim(), "%H:%M") {
        Ok(time) => format!("{} {} * * *", time.minute(), time.hour()),
        Err(_) => text.to_owned(),
    };
    cron.parse::<Cron>()
}
