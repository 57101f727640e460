//! Prints the JSON Schemas of the project folder's files, as one JSON object from file name to the file's text.
//! `cargo xtask schemas` writes and checks `schemas/` by it: so xtask, which is built before all else, links none of ours.

use std::collections::BTreeMap;

#[expect(clippy::print_stdout, reason = "what it prints is what it is for")]
fn main() -> serde_json::Result<()> {
    let of_models = [("models.schema.json", shoplake_models::schema())];
    let all = shoplake_project::schemas().into_iter().chain(of_models);
    let texts = all.map(|(name, schema)| Ok((name, serde_json::to_string_pretty(&schema)? + "\n")));
    println!("{}", serde_json::to_string(&texts.collect::<serde_json::Result<BTreeMap<_, _>>>()?)?);
    Ok(())
}
