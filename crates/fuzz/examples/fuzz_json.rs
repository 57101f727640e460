//! libFuzzer over [`shoplake_fuzz::json`]; `cargo xtask fuzz json` builds and runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoplake_fuzz::json(bytes));
