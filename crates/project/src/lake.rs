//! Where the lake is: a folder of the project, or an address with the variables to get in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shoplake_core::source::Secret;
use shoplake_core::{Fault, RemoteLake, hash, remote};

use crate::environment::Environment;
use crate::files::{SettingsFile, TargetFile};
use crate::words::suggest;
use crate::yaml::Node;
use crate::{rest, units};

/// What the name of a variable begins with that opens a store.
const ACCESS: &str = "AWS_";
/// What a lake may be.
const HINT: &str =
    "write a folder (`lake: lake`), `s3://bucket/prefix`, or `file:///folder` of a disk that machines share";

/// The lake's folder on this machine, and its address where it is elsewhere.
pub(crate) fn read(
    file: &SettingsFile,
    node: &Node,
    dir: &Path,
    environment: &Environment,
    faults: &mut Vec<Fault>,
) -> (PathBuf, Option<RemoteLake>) {
    let chosen = file.target.as_deref().unwrap_or("local");
    let (mut lake, mut remote) = ("lake".to_owned(), None);
    for (name, target) in file.targets.iter().flatten() {
        let place = node.at("targets").at(name);
        let silence = silence(target, place, faults);
        let Some(text) = target.lake.as_deref() else { continue };
        let place = place.at("lake");
        if text.trim().is_empty() {
            faults.push(place.fault("`lake` is empty").hint(HINT));
        } else if name == chosen {
            lake = rest::expand(text, place, environment, faults);
            remote = elsewhere(&lake, silence, environment).unwrap_or_else(|why| {
                faults.push(place.fault(why).hint(HINT));
                None
            });
        } else if let Err(why) = elsewhere(text, silence, environment) {
            faults.push(place.fault(why).hint(HINT));
        }
    }
    let names: Vec<&str> = file.targets.iter().flatten().map(|(name, _)| name.as_str()).collect();
    if !names.contains(&chosen) && chosen != "local" {
        let fault = node.at("target").fault(format!("there is no target `{chosen}`"));
        faults.push(suggest(fault, chosen, &names, "target"));
    }
    let folder = remote.as_ref().map_or_else(|| PathBuf::from(&lake), |remote| mirror_of(&remote.url));
    (dir.join(folder), remote)
}

/// The lake at an address; `None` for a folder.
fn elsewhere(text: &str, lease: Duration, environment: &Environment) -> Result<Option<RemoteLake>, String> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
    let plain = rest.chars().all(|c| c.is_ascii_alphanumeric() || "-_./~".contains(c)) && !rest.contains("..");
    match scheme {
        // A variable that is not set has been named already.
        _ if text.contains("${") => return Ok(None),
        "s3" if rest.trim_matches('/').is_empty() => return Err(format!("`{text}` names no bucket")),
        "file" if !rest.starts_with('/') || rest.trim_matches('/').is_empty() => {
            return Err(format!("`{text}` names no folder"));
        }
        "s3" | "file" if !plain => return Err(format!("`{text}` has characters that make no good key")),
        "s3" | "file" => {}
        other => return Err(format!("a lake cannot be at `{other}://…`")),
    }
    let access = environment.variables.iter().filter(|(name, _)| name.starts_with(ACCESS));
    let access: BTreeMap<_, _> = access.map(|(name, value)| (name.clone(), Secret(value.clone()))).collect();
    Ok(Some(RemoteLake { url: text.trim_end_matches('/').to_owned(), access, lease }))
}

/// How long a writer may be silent.
fn silence(target: &TargetFile, place: &Node, faults: &mut Vec<Fault>) -> Duration {
    let Some(text) = &target.lease else { return remote::LEASE };
    let seconds = units::seconds(&text.0).and_then(|seconds| u64::try_from(seconds).ok()).filter(|s| *s > 0);
    if seconds.is_none() {
        let fault = place.at("lease").fault(format!("`{}` is not a length of time", text.0));
        faults.push(fault.hint("for example `30s` or `2m`"));
    }
    seconds.map_or(remote::LEASE, Duration::from_secs)
}

/// The folder of copies of a lake elsewhere, below the project: its address in letters that any disk takes.
fn mirror_of(url: &str) -> PathBuf {
    let plain = url.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
    let short: String = plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    // Addresses that look alike in these letters are told apart by a hash of all of it.
    let hash = hash::fingerprint(url);
    let start: String = short.chars().take(60).collect();
    Path::new(".shoplake/mirror").join(format!("{start}-{hash}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given addresses, then each has a mirror of its own whose name says what it is of.
    #[test]
    fn every_address_has_its_mirror() {
        let names: Vec<String> = ["s3://shop/lake", "s3://shop-lake", "file:///mnt/shop"]
            .map(|url| mirror_of(url).file_name().unwrap().to_string_lossy().into_owned())
            .into();
        assert!(names[0].starts_with("s3-shop-lake-") && names[1].starts_with("s3-shop-lake-"), "{names:?}");
        assert!(names[0] != names[1] && names[2].starts_with("file-mnt-shop-"), "{names:?}");
    }
}
