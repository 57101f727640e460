//! libFuzzer over [`shoplake_fuzz::project`]; `cargo xtask fuzz project` builds and runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoplake_fuzz::project(bytes));
