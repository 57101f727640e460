//! The csv-spectrum collection: each CSV beside the JSON that it means. Passed over where it is not there.

use std::path::Path;

use crate::{judge, texts};

const COLLECTION: &str = "/work/shared/data/csv-spectrum";

/// Given every file of the collection, when judged as text, then the rows are what its JSON says.
#[test]
fn every_file_reads_as_its_json() {
    let Ok(files) = Path::new(COLLECTION).join("csvs").read_dir() else { return };
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // Its JSON has another telephone number than its CSV.
        if name == "location_coordinates" {
            continue;
        }
        let json = fs_err::read_to_string(format!("{COLLECTION}/json/{name}.json")).unwrap();
        // A file of one row is an object by itself.
        let json = if json.trim_start().starts_with('{') { format!("[{json}]") } else { json };
        let want: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&json).unwrap();
        let names: Vec<&str> = want[0].keys().map(String::as_str).collect();
        let shown = |value: &serde_json::Value| match value.as_str().unwrap().trim() {
            "" => "∅".to_owned(),
            text => text.to_owned(),
        };
        let want: Vec<String> = want.iter().map(|row| row.values().map(shown).collect::<Vec<_>>().join("|")).collect();
        let outcome = judge(fs_err::read(&path).unwrap(), &texts(&names)).unwrap();
        assert_eq!(outcome.rows, want, "{name}");
        assert_eq!(outcome.rejected(), [], "{name}");
    }
}
