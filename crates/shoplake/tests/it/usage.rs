//! The command line itself: help, and what it says where it is used wrongly.

use crate::context::{Context, snapshot};

/// Given nothing else, when asked for help, then it names every command, the exit codes and first steps.
#[test]
fn help() {
    snapshot!(Context::new(), ["--help"], @"");
}

/// Given a slip, when run, then exit code 2 and what was probably meant.
#[test]
fn a_wrong_option() {
    snapshot!(Context::new(), ["run", "--jsno"], @"");
}

/// Given a folder without a project, when run, then exit code 2 and how to make one.
#[test]
fn no_project() {
    snapshot!(Context::new(), ["run"], @"");
}

/// Given a folder that is named but is no project, when run, then it says which option named it.
#[test]
fn a_named_folder_that_is_no_project() {
    snapshot!(Context::new(), ["status", "--project-dir", "elsewhere"], @"");
}

/// Given colours that are wanted by nobody, when piped, then there is no escape sequence.
#[test]
fn no_colours_in_a_pipe() {
    let output = Context::new().output(&["run"]);
    assert!(!output.stderr.contains(&0x1b));
}
