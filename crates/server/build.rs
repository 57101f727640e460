//! Lists the files of `web/dist` for the binary to carry, each with its tag, and in gzip where that is shorter.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // how a build script talks to Cargo, and how it fails
#![allow(clippy::disallowed_methods)] // fs_err would be built twice for these few lines
#![allow(clippy::unnecessary_debug_formatting)] // what is written is source text: it must be escaped

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    let dist = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../web/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    collect(&dist, &dist, &mut files);
    files.sort();
    let out = PathBuf::from(std::env::var("OUT_DIR").unwrap());
    let mut code = String::from("pub(crate) const FILES: &[File] = &[\n");
    for (index, (name, path)) in files.iter().enumerate() {
        let bytes = std::fs::read(path).unwrap();
        let packed = pack(&bytes);
        // Pictures are compressed already.
        let gzip = packed.len() < bytes.len() / 10 * 9;
        let path = if gzip {
            let path = out.join(format!("{index}.gz"));
            std::fs::write(&path, packed).unwrap();
            path
        } else {
            path.clone()
        };
        let tag = tag(&bytes);
        writeln!(code, "    File {{ name: {name:?}, tag: {tag:?}, bytes: include_bytes!({path:?}), gzip: {gzip} }},")
            .unwrap();
    }
    code.push_str("];\n");
    std::fs::write(out.join("web.rs"), code).unwrap();
}

/// The bytes as short as they become: it is done once, and read by every first visit.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Tells versions of a file apart; nobody gains by two that are the same.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
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
