//! The meaning of `shoplake.yml`, with the overrides of `SHOPLAKE__SECTION__KEY`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use serde_json::Value as Json;
use shoplake_core::alert::{Delivery, Smtp};
use shoplake_core::logs::LogSettings;
use shoplake_core::network::AddressRange;
use shoplake_core::project::{Limits, OpenLineage, Otlp};
use shoplake_core::retry::Retries;
use shoplake_core::schedule::Arrival;
use shoplake_core::source::Secret;
use shoplake_core::{Fault, RemoteLake, Schedule};

use crate::environment::{self, Environment};
use crate::files::{LimitsFile, OpenLineageFile, SettingsFile, TransportWord};
use crate::words::{nearest, suggest};
use crate::yaml::{Entry, Node, Spot, Value};
use crate::{alert, lake, operate, otlp, rest, retry, schedule, serving, shape, units};

/// The newest project format that this binary reads.
const VERSION: u64 = 1;
/// What the name of an override begins with.
const OVERRIDE: &str = "SHOPLAKE__";

/// The settings, checked.
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) time_zone: Tz,
    pub(crate) currency: String,
    pub(crate) lake_dir: PathBuf,
    pub(crate) remote: Option<RemoteLake>,
    pub(crate) target: String,
    pub(crate) vars: BTreeMap<String, Json>,
    pub(crate) models: Json,
    pub(crate) limits: Limits,
    pub(crate) openlineage: Option<OpenLineage>,
    pub(crate) state: Option<Secret>,
    pub(crate) otlp: Option<Otlp>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) arrival: Arrival,
    pub(crate) retries: Retries,
    pub(crate) logs: LogSettings,
    pub(crate) trusted_proxies: Vec<AddressRange>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) smtp: Option<Smtp>,
}

/// Reads the settings of the project in `dir`; `None` where `faults` says why not.
pub(crate) fn read(mut node: Node, dir: &Path, environment: &Environment, faults: &mut Vec<Fault>) -> Option<Settings> {
    apply_overrides(&mut node, environment, faults);
    // A newer format may have keys that this binary does not know: say that, and nothing else.
    if let Value::Number { json, text } = &node.at("version").value
        && json.as_u64().is_some_and(|version| version > VERSION)
    {
        let message = format!("the project format is {text}, this shoplake reads up to {VERSION}");
        faults.push(node.at("version").fault(message).hint("install a newer shoplake"));
        return None;
    }
    let file: SettingsFile = shape::read(&mut node, faults)?;
    if file.version == Some(0) {
        faults.push(node.at("version").fault("the project format is 1 or more"));
    }
    if file.name.trim().is_empty() {
        faults.push(node.at("name").fault("`name` is empty"));
    }
    let time_zone = time_zone(&file.time_zone).map_err(|fault| faults.push(placed(fault, node.at("time_zone")))).ok();
    if let Err(fault) = check_currency(&file.currency) {
        faults.push(placed(fault, node.at("currency")));
    }
    let schedule = file.schedule.clone().and_then(|written| schedule::read(written, node.at("schedule"), faults));
    let arrival = schedule::arrival(file.arrival.clone(), node.at("arrival"), faults);
    let retries = retry::read(file.retry.clone(), node.at("retry"), faults);
    let logs = operate::logs(file.logs.as_ref(), node.at("logs"), faults);
    let has_smtp = file.smtp.is_some();
    let written = file.deliver.as_deref().unwrap_or_default();
    let deliveries = operate::deliveries(written, node.at("deliver"), (environment, has_smtp), faults);
    let mut reader = alert::Reader { environment, datasets: &[], has_smtp: true, faults };
    let mut smtp = file.smtp.as_ref().map(|smtp| reader.smtp(smtp, node.at("smtp")));
    if let Some(ca) = smtp.as_mut().and_then(|smtp| smtp.ca.as_mut()) {
        let written = std::mem::replace(ca, dir.join(&*ca));
        if !ca.is_file() {
            let fault = node.at("smtp/ca").fault(format!("there is no file `{}`", written.display()));
            faults.push(fault.hint("name the PEM file with the certificate of whoever signed the server's"));
        }
    }
    let (lake_dir, remote) = lake::read(&file, &node, dir, environment, faults);
    let openlineage =
        file.openlineage.as_ref().and_then(|file| openlineage(file, node.at("openlineage"), environment, faults));
    let state = file.state.as_deref().and_then(|text| state(text, dir, node.at("state"), environment, faults));
    let otlp = otlp::read(file.otlp.as_ref(), node.at("otlp"), environment, faults);
    Some(Settings {
        lake_dir,
        remote,
        limits: limits(file.limits.as_ref(), node.at("limits"), faults),
        name: file.name,
        time_zone: time_zone?,
        currency: file.currency,
        target: file.target.unwrap_or_else(|| "local".to_owned()),
        vars: file.vars.unwrap_or_default(),
        models: file.models.map(|models| Json::Object(models.into_iter().collect())).unwrap_or_default(),
        openlineage,
        state,
        otlp,
        schedule,
        arrival,
        retries,
        logs,
        trusted_proxies: serving::trusted_proxies(file.server.as_ref(), node.at("server"), faults),
        deliveries,
        smtp,
    })
}

/// Where OpenLineage events go; `None` where `faults` says why not.
fn openlineage(
    file: &OpenLineageFile,
    node: &Node,
    environment: &Environment,
    faults: &mut Vec<Fault>,
) -> Option<OpenLineage> {
    let Some(url) = file.url.as_deref() else {
        if file.transport == TransportWord::File {
            return Some(OpenLineage::File);
        }
        let fault = node.at("transport").fault("`transport: http` needs a `url`");
        faults.push(fault.hint("write the address of the server: `url: https://lineage.example`"));
        return None;
    };
    if file.transport == TransportWord::File {
        let fault = node.at("url").fault("`url` is for `transport: http`");
        faults.push(fault.hint("write `transport: http`, or remove `url`"));
        return None;
    }
    let url = rest::expand(url, node.at("url"), environment, faults);
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let fault = node.at("url").fault(format!("`{url}` is not an address"));
        faults.push(fault.hint("write it with `https://` or `http://`"));
    }
    let api_key = file.api_key.as_deref().map(|text| {
        if environment::reference(text).is_none() {
            let fault = node.at("api_key").fault("the secret `api_key` is written as it is");
            faults.push(
                fault.hint("write `\"${NAME}\"` and set NAME in the environment or in `.env`, which git leaves out"),
            );
        }
        Secret(rest::expand(text.trim(), node.at("api_key"), environment, faults))
    });
    Some(OpenLineage::Http { url, api_key })
}

/// The address of the state database; `None` where `faults` says why not.
fn state(text: &str, dir: &Path, node: &Node, environment: &Environment, faults: &mut Vec<Fault>) -> Option<Secret> {
    let url = rest::expand(text.trim(), node, environment, faults);
    // What is wrong with it is told without it: a password may be in it.
    let Some(url) = url::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql")) else {
        let fault = node.fault("`state` is not the address of a PostgreSQL database");
        faults.push(
            fault.hint("write `\"${STATE_URL}\"` and set STATE_URL=postgres://user:password@host/database in `.env`"),
        );
        return None;
    };
    let in_query = url.query_pairs().any(|(name, _)| name == "password");
    if (url.password().is_some() || in_query) && !text.contains("${") {
        let fault = node.fault("the password of the state database is written as it is");
        faults.push(
            fault.hint(
                "write `\"${STATE_URL}\"` and set STATE_URL in the environment or in `.env`, which git leaves out",
            ),
        );
    }
    Some(Secret(with_files(url, dir, node, faults).to_string()))
}

/// The address with the files that it names as they lie beside shoplake.yml, wherever the command is given.
fn with_files(mut url: url::Url, dir: &Path, node: &Node, faults: &mut Vec<Fault>) -> url::Url {
    const FILES: [&str; 3] = ["sslrootcert", "sslcert", "sslkey"];
    if !url.query_pairs().any(|(name, _)| FILES.contains(&&*name)) {
        return url;
    }
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in pairs.iter_mut().filter(|(name, _)| FILES.contains(&name.as_str())) {
        let path = dir.join(&*value);
        if !path.is_file() {
            let fault = node.fault(format!("there is no file `{value}`, which `{name}` of `state` names"));
            faults.push(fault.hint("name a PEM file by its place beside shoplake.yml"));
        }
        *value = path.to_string_lossy().into_owned();
    }
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url
}

fn placed(mut fault: Fault, node: &Node) -> Fault {
    fault.place = node.fault("").place;
    fault
}

/// The zone of that name; the fault names the nearest one.
pub(crate) fn time_zone(name: &str) -> Result<Tz, Fault> {
    name.trim().parse::<Tz>().map_err(|_| {
        let fault = Fault::usage(format!("`{name}` is not a time zone"));
        let written = name.trim().replace(' ', "_").to_lowercase();
        let city = |zone: &Tz| zone.name().rsplit('/').next().map(str::to_lowercase);
        let by_city = chrono_tz::TZ_VARIANTS.iter().find(|zone| city(zone).as_deref() == Some(&written));
        let near = by_city.map(|zone| zone.name());
        let near = near.or_else(|| nearest(&written, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())));
        match near {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("write an IANA name, for example `Europe/Berlin`"),
        }
    })
}

/// Whether a currency is three capital letters.
pub(crate) fn check_currency(currency: &str) -> Result<(), Fault> {
    if currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    let fault = Fault::usage(format!("`{currency}` is not a currency"));
    let upper = currency.trim().to_uppercase();
    let is_code = upper.len() == 3 && upper.bytes().all(|b| b.is_ascii_uppercase());
    Err(fault.hint(if is_code {
        format!("write `{upper}`")
    } else {
        "write the three letters of ISO 4217, for example `EUR`".to_owned()
    }))
}

fn limits(file: Option<&LimitsFile>, node: &Node, faults: &mut Vec<Fault>) -> Limits {
    let mut limits = Limits::default();
    let Some(file) = file else { return limits };
    let mut size =
        |key: &str, size: &Option<crate::files::Scalar>| units::read_bytes(size.as_ref()?, node.at(key), faults);
    limits.memory = size("memory", &file.memory).unwrap_or(limits.memory);
    limits.unpacked_bytes = size("unpacked_bytes", &file.unpacked_bytes).unwrap_or(limits.unpacked_bytes);
    let record = size("record_bytes", &file.record_bytes).and_then(|bytes| usize::try_from(bytes).ok());
    limits.record_bytes = record.unwrap_or(limits.record_bytes);
    limits.threads = file.threads.map_or(limits.threads, |threads| threads as usize);
    limits
}

/// Puts each `SHOPLAKE__SECTION__KEY` in its place, as if it stood in the file.
fn apply_overrides(node: &mut Node, environment: &Environment, faults: &mut Vec<Fault>) {
    let root = shape::schema_of::<SettingsFile>();
    for (name, text) in &environment.variables {
        let Some(path) = name.strip_prefix(OVERRIDE) else { continue };
        let steps: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        let spot = Spot::of(name);
        let mut schema = &root;
        let mut unknown = None;
        for step in &steps {
            let Some(below) = shape::below(&root, schema, step) else {
                unknown = Some((step, shape::keys(&root, schema)));
                break;
            };
            schema = below;
        }
        if let Some((step, known)) = unknown {
            faults.push(suggest(spot.fault(format!("there is no setting `{step}`")), step, &known, "setting"));
            continue;
        }
        let value = if shape::takes_text(&root, schema) { Value::Text(text.clone()) } else { inferred(text) };
        place(node, &steps, Node { spot, value });
    }
}

/// A value of `vars` or of a number key from a variable's text.
fn inferred(text: &str) -> Value {
    match serde_json::from_str::<Json>(text.trim()) {
        Ok(Json::Bool(truth)) => Value::Bool(truth),
        Ok(json @ Json::Number(_)) => Value::Number { text: text.trim().to_owned(), json },
        _ => Value::Text(text.to_owned()),
    }
}

fn place(node: &mut Node, steps: &[String], value: Node) {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return;
    };
    if !matches!(node.value, Value::Map(_)) {
        node.value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = &mut node.value else { return };
    if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *step) {
        place(&mut entry.value, rest, value);
        return;
    }
    let spot = value.spot.clone();
    let mut below = Node { spot: spot.clone(), value: Value::Null };
    place(&mut below, rest, value);
    entries.push(Entry { key: step.clone(), spot, value: below });
}
