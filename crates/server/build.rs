//! Lists the files of `web/dist` for the binary to carry.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // how a build script talks to Cargo, and how it fails
#![allow(clippy::disallowed_methods)] // fs_err would be built twice for these few lines
#![allow(clippy::unnecessary_debug_formatting)] // what is written is source text: it must be escaped

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let dist = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../web/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    collect(&dist, &dist, &mut files);
    files.sort();
    let mut code = String::from("pub(crate) const FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").unwrap();
    }
    code.push_str("];\n");
    let out = Path::new(&std::env::var("OUT_DIR").unwrap()).join("web.rs");
    std::fs::write(out, code).unwrap();
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    // No such folder: the app is not built, and the fallback page stands in for it.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().components();
            let name = name.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            files.push((name, path.canonicalize().unwrap()));
        }
    }
}
