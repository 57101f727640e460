//! What changed at a look, for the log: alerts that fire, are over, or cannot be judged.
//!
//! Neither the subject nor what was found is told: both may be values of rows.

use std::collections::BTreeMap;

use shoplake_core::alert::{AlertBook, Phase};
use shoplake_core::logs::KEPT;

/// Logs what is different in `after`; `reasons` are why alerts cannot be judged, in words that a log may keep.
pub(super) fn log(before: &AlertBook, after: &AlertBook, reasons: &BTreeMap<String, String>) {
    for (alert, standings) in &after.standings {
        for (subject, standing) in standings {
            let known = before.standings.get(alert).and_then(|standings| standings.get(subject));
            let was = known.map(|known| known.phase);
            let event = format!("{}-{}", after.epoch, standing.event);
            match standing.phase {
                // People are told by the channels, and by `alert check`.
                Phase::Firing if was != Some(Phase::Firing) => {
                    tracing::warn!(target: KEPT, alert, event, "an alert fires");
                }
                Phase::Resolved if was == Some(Phase::Firing) => {
                    tracing::info!(target: KEPT, alert, event, "an alert is over");
                }
                Phase::Firing | Phase::Resolved | Phase::Pending => {}
            }
        }
    }
    for (alert, reason) in reasons.iter().filter(|(alert, _)| !before.unjudged.contains_key(*alert)) {
        tracing::warn!(alert, reason, "an alert cannot be judged");
    }
    for alert in before.unjudged.keys().filter(|alert| !reasons.contains_key(*alert)) {
        tracing::info!(alert, "an alert is judged again");
    }
}
