//! `cargo test --test robustness -- --ignored` writes what to start from; then `cargo +nightly fuzz run model_file`.
#![no_main]

#[path = "../../tests/common/fuzzed.rs"]
#[allow(dead_code)] // Every target uses one of its functions.
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::model_file(bytes));
