//! Files that are made to hurt: too large to keep, so made by code when the test runs. Each must end
//! in a clear error or a judged file, within a bound of memory that does not depend on its size.
//!
//! With `SHOPLAKE_LONG=1` the line is 2 GB long. `--no-capture` prints the table of
//! `docs/hostile-files.md`.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use fs_err::File;
use serde_json::Value;

use crate::child::shoplake;

const MB: u64 = 1 << 20;
/// The most memory that any of them may take: what a run takes in any case, the longest record
/// (`limits.record_bytes`, 16 MB) a few times over, and blocks in flight.
const MOST_MEMORY: u64 = 200 * MB;
/// The longest that any of them may take, on a machine that does other things beside.
const LIMIT: Duration = Duration::from_mins(5);
/// The contract that all of them are held against.
const CONTRACT: &str = "name: items\nformat: FORMAT\nkey: [id]\ncolumns:\n  \
                        - { name: id, type: string, required: true }\n  - { name: name, type: string }\n";

/// One hostile file.
struct Hostile {
    what: &'static str,
    name: &'static str,
    make: fn(&mut dyn Write) -> std::io::Result<()>,
    /// Settings, by the names that they have in the environment.
    settings: &'static [(&'static str, &'static str)],
    /// A part of what is said of it; of a file that is loaded, its counts.
    says: &'static str,
}

const HOSTILE: [Hostile; 13] = [
    Hostile {
        what: "one line without an end",
        name: "line.csv",
        make: |file| {
            file.write_all(b"id,name\n1,a\n2,")?;
            repeat(file, b"x", if std::env::var_os("SHOPLAKE_LONG").is_some() { 2 << 30 } else { 256 * MB })?;
            file.write_all(b"\n3,c\n")
        },
        settings: &[],
        says: "3 read, 2 inserted, 1 rejected",
    },
    Hostile {
        what: "a header without an end",
        name: "header.csv",
        make: |file| repeat(file, b"x", 64 * MB),
        settings: &[],
        says: "the header is longer than 16777216 bytes",
    },
    Hostile {
        what: "100,000 columns",
        name: "columns.csv",
        make: |file| {
            file.write_all(b"id,name")?;
            (0..100_000).try_for_each(|n| write!(file, ",c{n}"))
        },
        settings: &[],
        says: "the header has 100002 columns",
    },
    Hostile {
        what: "a quote that never closes",
        name: "quote.csv",
        make: |file| {
            file.write_all(b"id,name\n1,a\n2,\"b\n")?;
            repeat(file, b"3,some name\n", 200 * MB)
        },
        settings: &[],
        says: "quote.csv:3: unclosed quote",
    },
    Hostile {
        what: "invalid UTF-8 everywhere",
        name: "bytes.csv",
        make: |file| {
            file.write_all(b"id,name\n")?;
            repeat(file, b"\xff\xfe\x80,\xc0\xaf\xed\xa0\x80\n", 32 * MB)
        },
        settings: &[],
        says: "break the contract",
    },
    Hostile {
        what: "good rows, then rejects of two bytes",
        name: "turn.csv",
        make: |file| {
            file.write_all(b"id,name\n")?;
            repeat(file, b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 32 * MB)?;
            repeat(file, b",\n", MB)
        },
        settings: &[],
        says: "rejected",
    },
    Hostile {
        what: "rows of one sign",
        name: "short.csv",
        make: |file| {
            file.write_all(b"id\n")?;
            repeat(file, b"1\n", 8 * MB)
        },
        settings: &[],
        says: "1 inserted, 0 rejected",
    },
    Hostile {
        what: "a bomb in gzip",
        name: "bomb.csv.gz",
        make: |file| {
            let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            bomb(&mut packed)?;
            packed.finish().map(drop)
        },
        settings: &BOMB_LIMIT,
        says: "the archive unpacks to more than 67108864 bytes",
    },
    Hostile {
        what: "a bomb in zstd",
        name: "bomb.csv.zst",
        make: |file| {
            let mut packed = zstd::Encoder::new(file, 3)?;
            bomb(&mut packed)?;
            packed.finish().map(drop)
        },
        settings: &BOMB_LIMIT,
        says: "the archive unpacks to more than 67108864 bytes",
    },
    Hostile {
        what: "a bomb in zip",
        name: "bomb.zip",
        make: |file| {
            let mut bytes = std::io::Cursor::new(Vec::new());
            let mut packed = zip::ZipWriter::new(&mut bytes);
            let options = zip::write::SimpleFileOptions::default();
            packed.start_file("bomb.csv", options).and_then(|()| Ok(bomb(&mut packed)?))?;
            packed.finish()?;
            file.write_all(bytes.get_ref())
        },
        settings: &BOMB_LIMIT,
        says: "the archive unpacks to more than 67108864 bytes",
    },
    Hostile {
        what: "10,000 levels of JSON",
        name: "levels.json",
        make: |file| {
            file.write_all(b"[{\"id\": ")?;
            repeat(file, b"[", 10_000)?;
            repeat(file, b"]", 10_000)?;
            file.write_all(b"}]")
        },
        settings: &[],
        says: "json nested deeper than 64",
    },
    Hostile {
        what: "a record of 4,000,000 items that are rejected",
        name: "items.json",
        make: |file| {
            file.write_all(b"[{\"items\": [{\"id\": 1}")?;
            repeat(file, b",{}", 12 * MB)?;
            file.write_all(b"]}]")
        },
        settings: &[],
        says: "break the contract",
    },
    Hostile {
        what: "a JSON array on one line",
        name: "array.json",
        make: |file| {
            file.write_all(b"[{\"id\": 1, \"name\": \"a\"}")?;
            repeat(file, b", {\"id\": 2, \"name\": \"b\"}", 50 * MB)?;
            file.write_all(b"]")
        },
        settings: &[],
        says: "read, 2 inserted, 0 rejected",
    },
];

const BOMB_LIMIT: [(&str, &str); 1] = [("SHOPLAKE__LIMITS__UNPACKED_BYTES", "64MB")];

/// Given a file that is made to hurt, when run, then it ends in time, in bounded memory, and in a
/// judged file or an error that says where it is and what to do.
#[test]
fn hostile_files_cost_bounded_memory() {
    let mut table = "file | size, MB | peak, MB | seconds | what came of it\n---|---|---|---|---\n".to_owned();
    let mut wrong = Vec::new();
    for hostile in &HOSTILE {
        let began = Instant::now();
        let (size, peak, said) = run(hostile);
        let seconds = began.elapsed().as_secs_f64();
        let size_mb = size.div_ceil(MB);
        table.push_str(&format!("{} | {size_mb} | {} | {seconds:.1} | {said}\n", hostile.what, peak / MB));
        if !said.contains(hostile.says) {
            wrong.push(format!("{}: expected `{}`, came `{said}`", hostile.what, hostile.says));
        }
        if peak > MOST_MEMORY {
            wrong.push(format!("{}: took {} MB, more than {} MB", hostile.what, peak / MB, MOST_MEMORY / MB));
        }
    }
    eprintln!("{table}");
    assert!(wrong.is_empty(), "{}\n\n{table}", wrong.join("\n"));
}

/// The size of the file, the most memory that the run took, and what it said of the file.
fn run(hostile: &Hostile) -> (u64, u64, String) {
    let notes = tempfile::tempdir().unwrap();
    let project = notes.path().join("shop");
    let settings: Vec<(String, String)> =
        hostile.settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let made = shoplake(notes.path(), notes.path(), &["init", "shop", "--timezone", "UTC"], &[], LIMIT);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let format = if hostile.name.ends_with(".json") { "json" } else { "csv" };
    let format = if hostile.name == "items.json" { "json\nexplode: items" } else { format };
    fs_err::write(project.join("sources/items.yml"), CONTRACT.replace("FORMAT", format)).unwrap();
    let size = make(hostile, &project.join("inbox/items"));
    let ended = shoplake(&project, notes.path(), &["run", "--json", "--quiet"], &settings, LIMIT);
    assert_eq!(ended.offences(), [""; 0], "{}", hostile.what);
    let outcome = ended.json().unwrap_or_else(|| panic!("{}: {}", hostile.what, ended.stderr));
    let datasets = outcome["datasets"].as_array().unwrap();
    let file = datasets.iter().flat_map(|dataset| dataset["files"].as_array().unwrap()).next().unwrap();
    (size, ended.peak, said(file))
}

/// Makes the file in `inbox` and gives its size.
fn make(hostile: &Hostile, inbox: &Path) -> u64 {
    fs_err::create_dir_all(inbox).unwrap();
    let path = inbox.join(hostile.name);
    let mut file = BufWriter::new(File::create(&path).unwrap());
    (hostile.make)(&mut file).unwrap();
    file.flush().unwrap();
    fs_err::metadata(path).unwrap().len()
}

/// What the run says of a file, in one line; a refusal must have a place and a remedy.
fn said(file: &Value) -> String {
    if file["status"] == "failed" {
        let error = file["error"].as_str().unwrap();
        assert!(error.starts_with("inbox/items/") && error.contains("; hint: "), "{error}");
        return error.chars().take(300).collect();
    }
    format!("{} read, {} inserted, {} rejected", file["rows_read"], file["inserted"], file["rejected"])
}

/// Ten times what the limit allows, of a text that packs well.
fn bomb(file: &mut dyn Write) -> std::io::Result<()> {
    file.write_all(b"id,name\n")?;
    repeat(file, b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 640 * MB)
}

/// Writes `part` again and again, about `bytes` in all.
fn repeat(file: &mut dyn Write, part: &[u8], bytes: u64) -> std::io::Result<()> {
    let block = part.repeat((64 << 10) / part.len() + 1);
    let mut left = bytes;
    while left > 0 {
        let length = (block.len() as u64).min(left.next_multiple_of(part.len() as u64)) as usize;
        file.write_all(&block[..length])?;
        left = left.saturating_sub(length as u64);
    }
    Ok(())
}
