//! `cargo test --test robustness -- --ignored` writes what to start from; then `cargo +nightly fuzz run state_file`.
#![no_main]

use std::sync::LazyLock;

use tttseg::weights::ModelFile;

#[path = "../../tests/common/fuzzed.rs"]
#[allow(dead_code)] // Every target uses one of its functions.
mod fuzzed;

static MODEL: LazyLock<ModelFile> = LazyLock::new(|| ModelFile::embedded().expect("a model"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::state_file(bytes, &MODEL));
