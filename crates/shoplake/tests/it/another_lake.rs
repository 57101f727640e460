//! A place that was emptied, or used again: what this machine remembers is of another lake.

use crate::context::Context;
use crate::days::{drop_second_day, first_day, first_day_of};

fn refused(shop: &Context, lake: &str) {
    let ended = shop.output(&["run"]);
    let words = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{words}");
    assert!(
        words.contains(&format!("the lake `{lake}` is not the one that `.shoplake/state.db` remembers")),
        "{words}"
    );
    assert!(words.contains("remove `.shoplake/state.db`"), "{words}");
}

/// Runs as a project that never ran.
fn begin_anew(shop: &Context) {
    for file in shop.files(".shoplake", "") {
        if file.file_name().unwrap().to_string_lossy().starts_with("state.db") {
            fs_err::remove_file(file).unwrap();
        }
    }
    let ended = shop.output(&["run"]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    shop.assert_verified("begun anew");
}

/// Given a lake in a folder that somebody removed, when files that were in it come again, then they are
/// not passed over as known: the run says that the lake is gone; and without the memory of it, it takes
/// them.
#[test]
fn a_folder_that_was_removed() {
    let shop = first_day();
    let figures = shop.figures();
    let archived = shop.files("lake/archive", ".csv").into_iter().chain(shop.files("lake/archive", ".json"));
    let archived = archived.filter(|path| !path.to_string_lossy().ends_with("_metadata.json"));
    for path in archived.collect::<Vec<_>>() {
        let below = path.strip_prefix(shop.shop().join("lake/archive")).unwrap().to_owned();
        let dataset = below.iter().next().unwrap().to_string_lossy().into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        shop.put(&format!("inbox/{dataset}/{name}"), &fs_err::read_to_string(&path).unwrap());
    }
    fs_err::remove_dir_all(shop.shop().join("lake")).unwrap();
    refused(&shop, "lake");
    assert!(!shop.files("inbox", ".csv").is_empty(), "nothing was taken");
    begin_anew(&shop);
    assert_eq!(shop.figures(), figures);
}

/// Given a lake at an address that was emptied and filled by another machine, then this one shows what
/// is there, not what it has copies of, and writes nothing into it that rests on its memory.
#[test]
fn an_address_that_was_used_again() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().canonicalize().unwrap().join("lake");
    let lake = format!("file://{}", folder.display());
    let here = first_day_of(Context::with_shop_at(&lake));
    let there = here.on_another_machine();
    fs_err::remove_dir_all(&folder).unwrap();
    fs_err::create_dir_all(&folder).unwrap();
    refused(&here, &lake);

    drop_second_day(&there);
    let ended = there.output(&["run"]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(here.figures(), there.figures());
    drop_second_day(&here);
    refused(&here, &lake);
    assert_eq!(here.figures(), there.figures());
    begin_anew(&here);
    assert_eq!(here.figures(), there.figures(), "the same bytes are not loaded twice");
}
