//! `cargo xtask demo`: from a fresh clone to the dashboard in a browser, in one command.
//!
//! It builds the binary, makes a sample shop whose customers come from a paginated API that it
//! serves itself, runs the shop once and serves the dashboard. What it makes lies in `target/demo`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::http;
use crate::workspace::{self, Profile};

/// How many customers a page of the sample API holds.
const PAGE_SIZE: usize = 250;

/// What `cargo xtask demo` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Print where the report is, and leave out the dashboard that is served until Ctrl-C.
    #[arg(long)]
    no_serve: bool,
}

/// Builds, makes, runs and shows the sample shop.
pub(crate) fn run(options: &Options) -> Result<()> {
    println!("Building shoplake; the first time this takes some minutes.");
    let binary = workspace::build_shoplake(Profile::Dev)?;

    let shop = workspace::target().join("demo/shop");
    if shop.exists() {
        fs_err::remove_dir_all(&shop)?;
    }
    println!("\nMaking a sample shop in {}", shop.display());
    workspace::output(Command::new(&binary).arg("init").arg(&shop).arg("--sample"))?;
    let address = serve_customers(&shop)?;
    println!("Sales and products lie in its inbox; customers come from an API at {address}\n");

    let status = Command::new(&binary).arg("run").arg("--project-dir").arg(&shop).status()?;
    match status.code() {
        Some(0) => {}
        Some(1) => println!("\nSome of the data failed; what is said above tells what and why."),
        _ => bail!("`shoplake run` ended with {status}"),
    }
    let report = newest_report(&shop)?;
    println!("\nThe report is {}", report.join("report.html").display());
    print_next(&binary, &shop);
    if !options.no_serve && std::io::stdout().is_terminal() {
        println!(
            "\nThe dashboard is at the address below, and loads what you drop into the inbox. Ctrl-C ends the demo."
        );
        workspace::succeed(
            Command::new(&binary).args(["serve", "--listen", "127.0.0.1:0", "--project-dir"]).arg(&shop),
        )?;
    }
    Ok(())
}

/// Takes the sample's customers out of the inbox and serves them as an API would, page by page;
/// then points the shop at it.
fn serve_customers(shop: &Path) -> Result<String> {
    let customers = take_customers(&shop.join("inbox/customers"))?;
    let address = http::serve(move |request| {
        if request.path() != "/api/v1/customers" {
            return None;
        }
        let size = request.number("per_page").unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE);
        let page = request.number("page").unwrap_or(1).max(1);
        let items: Vec<&Value> = customers.iter().skip((page - 1) * size).take(size).collect();
        let body = json!({ "data": { "items": items }, "meta": { "page": page, "total": customers.len() } });
        Some(("application/json", body.to_string().into_bytes()))
    })?;
    fs_err::write(shop.join("sources/customers.yml"), customers_source(&address))?;
    Ok(format!("{address}/api/v1/customers"))
}

/// Reads the records of every file in the inbox's customers folder (an array, or one object a line)
/// and removes the files.
fn take_customers(inbox: &Path) -> Result<Vec<Value>> {
    let mut customers = Vec::new();
    for entry in fs_err::read_dir(inbox).context("`shoplake init --sample` left no customers in the inbox")? {
        let path = entry?.path();
        let text = fs_err::read_to_string(&path)?;
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::Array(records)) => customers.extend(records),
            // An API cannot serve what is not JSON; the file's own dirt stays behind.
            _ => customers.extend(text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok())),
        }
        fs_err::remove_file(&path)?;
    }
    if customers.is_empty() {
        bail!("`shoplake init --sample` left no customers in {}", inbox.display());
    }
    Ok(customers)
}

fn customers_source(address: &str) -> String {
    format!(
        r#"# Written by `cargo xtask demo`: the shop's customers, from an API that the demo serves.
name: customers
format: json
from:
  rest_api:
    base_url: "{address}/api/v1"
    path: customers
    params: {{ per_page: {PAGE_SIZE} }}
    data_selector: data.items
    paginator: {{ type: page_number, param: page, start: 1 }}
key: [customer_id]
columns:
  - {{ name: customer_id, type: string, required: true }}
  - {{ name: name,        type: string }}
  - {{ name: email,       type: string }}
  - {{ name: city,        type: string }}
  - {{ name: signup_date, type: date }}
"#
    )
}

/// The folder of the newest daily report.
fn newest_report(shop: &Path) -> Result<PathBuf> {
    let daily = shop.join("lake/reports/daily");
    let days = fs_err::read_dir(&daily).context("the run left no report")?;
    days.filter_map(|day| Some(day.ok()?.path()))
        .filter(|day| day.join("report.html").is_file())
        .max()
        .with_context(|| format!("there is no report.html below {}", daily.display()))
}

fn print_next(binary: &Path, shop: &Path) {
    let in_shop = format!("cd {}", shop.display());
    let shoplake = binary.display();
    println!("\nThree things to try next:");
    println!("  {in_shop} && {shoplake} query \"SELECT * FROM top_products\"");
    println!("  {in_shop} && {shoplake} quarantine ls");
    println!("  {in_shop} && {shoplake} status");
}
