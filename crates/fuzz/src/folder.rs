//! The project folder: it is read, or each of its faults names a place and what to do.

use std::cell::RefCell;
use std::collections::BTreeMap;

use shoplake_core::FaultKind;
use shoplake_project::{Environment, InitOptions, init, load};

use crate::places;

/// The files that a try may be, by its first byte.
const FILES: [&str; 5] =
    ["sources/items.yml", "shoplake.yml", "sources/sales.yml", "dashboards/sales.yml", "reports/daily.yml"];

/// A folder, and what the template's files say.
struct Folder {
    dir: tempfile::TempDir,
    template: BTreeMap<&'static str, Vec<u8>>,
}

thread_local! {
    static FOLDER: RefCell<Option<Folder>> = const { RefCell::new(None) };
}

/// A file of a project made from the template; its first byte says which.
///
/// # Panics
/// Where a property does not hold.
pub fn project(bytes: &[u8]) {
    let (which, text) = bytes.split_first().map_or((0, bytes), |(which, text)| (usize::from(*which), text));
    let name = FILES[which % FILES.len()];
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(Folder::new);
        folder.hold(name, text);
    });
}

impl Folder {
    fn new() -> Self {
        let dir = places::folder();
        let options = InitOptions { time_zone: Some("UTC".to_owned()), ..InitOptions::default() };
        init(dir.path(), &options).unwrap();
        let read = |name: &&'static str| Some((*name, fs_err::read(dir.path().join(name)).ok()?));
        let template = FILES.iter().filter_map(read).collect();
        Self { dir, template }
    }

    /// Reads the folder with `text` in the place of one file, then puts the template's back.
    fn hold(&self, name: &str, text: &[u8]) {
        let path = self.dir.path().join(name);
        fs_err::write(&path, text).unwrap();
        let loaded = load(self.dir.path(), &Environment { variables: BTreeMap::new() });
        match self.template.get(name) {
            Some(before) => fs_err::write(&path, before).unwrap(),
            None => fs_err::remove_file(&path).unwrap(),
        }
        let lines = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64 + 1;
        match loaded {
            Ok(project) => assert!(!project.datasets.is_empty(), "a project has datasets"),
            Err(faults) => {
                assert!(!faults.is_empty(), "it is refused for no reason");
                for fault in faults {
                    let place = fault.place.as_ref().filter(|place| !place.file.is_empty());
                    let place = place.unwrap_or_else(|| panic!("no place: {fault}"));
                    if place.file == name {
                        assert!(place.line.is_none_or(|line| line >= 1 && line <= lines), "beyond its end: {fault}");
                    }
                    assert_eq!(fault.kind, FaultKind::Usage, "{fault}");
                    assert!(fault.hint.is_some(), "no hint: {fault}");
                    assert!(!fault.message.is_empty(), "it says nothing");
                }
            }
        }
    }
}
