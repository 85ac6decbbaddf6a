//! Files and texts from anywhere: a value or an error, never a panic. `PROPTEST_CASES` makes it look for longer; `fuzz/`
//! has the same functions for libFuzzer.

#[path = "common/fuzzed.rs"]
mod fuzzed;

mod common;

use std::sync::OnceLock;

use proptest::prelude::*;
use tttseg::weights::{ModelFile, Origin, Precision, State, WeightsError};

/// A model, its file and that of a state of it.
fn seeds() -> &'static (ModelFile, [Vec<u8>; 2]) {
    static SEEDS: OnceLock<(ModelFile, [Vec<u8>; 2])> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed.safetensors");
        let model = common::model(1);
        model.save(&path, Precision::Half).unwrap();
        let model_bytes = std::fs::read(&path).unwrap();
        let model = ModelFile::open(&path).unwrap();
        let state = State {
            origin: Origin {
                model: model.name.clone(),
                base: model.content_hash(),
                frames: 3,
                steps: 2,
                directed_steps: 0,
                references: 0,
                hints: 0,
                settings: [("seed".to_owned(), "1".to_owned())].into(),
                version: "0.1.0".into(),
                saved: "2026-11-22T09:15:14Z".into(),
            },
            weights: model.weights.clone(),
            pictures: std::collections::BTreeMap::new(),
        };
        state.save(&path).unwrap();
        let state_bytes = std::fs::read(&path).unwrap();
        (model, [model_bytes, state_bytes])
    })
}

fn look_at(bytes: &[u8]) {
    fuzzed::model_file(bytes);
    fuzzed::state_file(bytes, &seeds().0);
}

/// The file with another description in its header.
fn described(bytes: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let text = header["__metadata__"]["tttseg"].as_str().unwrap();
    let mut description = serde_json::from_str(text).unwrap();
    change(&mut description);
    header["__metadata__"]["tttseg"] = description.to_string().into();
    let header = header.to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// The places in a JSON value that hold neither lists nor objects.
fn leaves<'a>(value: &'a mut serde_json::Value, all: &mut Vec<&'a mut serde_json::Value>) {
    match value {
        serde_json::Value::Array(list) => list.iter_mut().for_each(|v| leaves(v, all)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|v| leaves(v, all)),
        leaf => all.push(leaf),
    }
}

/// Values that are out of place in most fields.
fn odd() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        any::<u64>().prop_map(Into::into),
        (0u64..70).prop_map(|bits| (1u64 << bits.min(63)).into()),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        Just(serde_json::Value::Null),
        Just(serde_json::json!([])),
        Just(serde_json::json!([1, 2, 3])),
        Just(serde_json::json!({})),
    ]
}

proptest! {
    #[test]
    fn fuzzed_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        look_at(&bytes);
    }

    #[test]
    fn fuzzed_files(
        which in 0usize..2,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        in_header: bool,
        cut in any::<prop::sample::Index>(),
        whole: bool,
    ) {
        let mut bytes = seeds().1[which].clone();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let end = if in_header { header } else { bytes.len() };
        for (place, byte) in changes {
            let place = place.index(end);
            bytes[place] = byte;
        }
        if !whole {
            let end = cut.index(bytes.len());
            bytes.truncate(end);
        }
        look_at(&bytes);
    }

    #[test]
    fn fuzzed_descriptions(
        which in 0usize..2,
        changes in prop::collection::vec((any::<prop::sample::Index>(), odd()), 1..4),
    ) {
        let bytes = described(&seeds().1[which], |description| {
            for (place, value) in changes {
                let mut all = vec![];
                leaves(description, &mut all);
                let place = place.index(all.len());
                *all.swap_remove(place) = value;
            }
        });
        look_at(&bytes);
    }

    #[test]
    fn fuzzed_texts(text in prop_oneof![
        ".{0,40}",
        "[#0-9a-fA-F,; ]{0,80}",
        "[-+0-9.einf]{1,24}",
        "[a-z]{1,12}[:=@,][-0-9.a-z]{0,12}",
    ]) {
        fuzzed::text(&text);
    }
}

/// Sizes that no network has are refused by name, before anything is built from them.
#[test]
fn huge_dims_are_refused_by_name() {
    let (_, [good, _]) = seeds();
    let huge = u64::MAX / 3;
    for (place, said) in [
        ("/config/encoder/embed", "embed"),
        ("/config/encoder/window", "window"),
        ("/config/encoder/depths/2", "depths"),
        ("/config/encoder/heads/0", "heads"),
        ("/config/main/hidden", "hidden"),
        ("/config/main/queries", "queries"),
        ("/config/main/encoder_layers", "encoder_layers"),
        ("/config/recon/decoder_layers", "decoder_layers"),
        ("/config/recon/decoder_ffn", "decoder_ffn"),
        ("/size/0", "size"),
    ] {
        for value in [0, huge] {
            if value == 0 && said.ends_with("_layers") {
                continue;
            }
            let bytes = described(good, |d| *d.pointer_mut(place).unwrap() = value.into());
            match ModelFile::from_bytes("huge", &bytes) {
                Err(WeightsError::Description { reason, .. }) => {
                    assert!(reason.contains(said), "{place} = {value}: {reason}");
                }
                other => panic!("{place} = {value}: {other:?}"),
            }
        }
    }
}

/// What `fuzz/` starts from: `cargo test --test robustness -- --ignored`.
#[test]
#[ignore]
fn write_seeds() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, bytes) in ["model_file", "state_file"].iter().zip(&seeds().1) {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("seed.safetensors"), bytes).unwrap();
    }
}
