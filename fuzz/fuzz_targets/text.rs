//! Options and properties of the engine: `cargo +nightly fuzz run text`.
#![no_main]

#[path = "../../tests/common/fuzzed.rs"]
#[allow(dead_code)] // Every target uses one of its functions.
mod fuzzed;

libfuzzer_sys::fuzz_target!(|text: &str| fuzzed::text(text));
