//! JSON Schemas of the project's files, for editors and for the reference documentation.

use serde_json::Value;

use crate::files::{AlertFile, DashboardFile, PricesFile, ReportFile, SettingsFile, SourceFile};
use crate::shape::schema_of;

/// The schema of each file type with the name of the file that it is written to.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("shoplake.schema.json", schema_of::<SettingsFile>()),
        ("source.schema.json", schema_of::<SourceFile>()),
        ("report.schema.json", schema_of::<ReportFile>()),
        ("alert.schema.json", schema_of::<AlertFile>()),
        ("prices.schema.json", schema_of::<PricesFile>()),
        ("dashboard.schema.json", schema_of::<DashboardFile>()),
    ]
}
