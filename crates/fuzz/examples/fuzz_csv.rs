//! libFuzzer over [`shoplake_fuzz::csv`]; `cargo xtask fuzz csv` builds and runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoplake_fuzz::csv(bytes));
