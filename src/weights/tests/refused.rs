//! Files that are no model, and descriptions that make no sense.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::ChromaConfig;

#[test]
fn a_description_that_contradicts_itself_is_refused() {
    type Change = fn(&mut ModelFile);
    let changes: [(&str, Change); 6] = [
        ("2 class names for 3", |m| m.classes.truncate(2)),
        ("2 colours for 3", |m| m.palette.truncate(2)),
        ("deviation", |m| m.normalisation.std[1] = 0.0),
        ("mean", |m| m.normalisation.mean[1] = f32::INFINITY),
        ("0x448", |m| m.size.0 = 0),
        ("no weights", |m| m.weights.0.clear()),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (says, change) in changes {
        let mut bad = model();
        change(&mut bad);
        let e = bad
            .save(folder.path().join("m"), Precision::Half)
            .unwrap_err();
        assert!(e.to_string().contains(says), "{e}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn colours_take_the_place_of_classes() {
    type Change = fn(&mut ModelFile);
    let colours = || {
        let mut model = model();
        model.task = Task::Colorize;
        model.classes.clear();
        model.palette.clear();
        model.config.chroma = Some(ChromaConfig {
            bins: vec![[0, 0], [12, -12], [-120, 96]],
            step: 12,
            temperature: 0.38,
        });
        model
    };
    let read = ModelFile::from_bytes("f", &saved(&colours(), Precision::Single)).unwrap();
    assert_eq!(read, colours());
    let folder = tempfile::tempdir().unwrap();
    let changes: [(&str, Change); 6] = [
        ("task segment with colours", |m| m.task = Task::Segment),
        ("task colorize without colours", |m| m.config.chroma = None),
        ("1 class names", |m| m.classes.push("sky".into())),
        ("2 colours for 3 classes", |m| {
            m.config.chroma.as_mut().unwrap().bins.truncate(2);
        }),
        ("step is 0", |m| m.config.chroma.as_mut().unwrap().step = 0),
        ("temperature is NaN", |m| {
            m.config.chroma.as_mut().unwrap().temperature = f32::NAN;
        }),
    ];
    for (says, change) in changes {
        let mut bad = colours();
        change(&mut bad);
        let e = bad
            .save(folder.path().join("m"), Precision::Half)
            .unwrap_err();
        assert!(e.to_string().contains(says), "{e}");
    }
}

#[test]
fn every_kind_of_bad_file_has_its_error() {
    let good = saved(&model(), Precision::Half);
    let error = |bytes: &[u8]| ModelFile::from_bytes("f.safetensors", bytes).unwrap_err();
    let says = |bytes: &[u8], what: &str| {
        let e = error(bytes).to_string();
        assert!(e.starts_with("f.safetensors: "), "{e}");
        assert!(e.contains(what), "{e}");
    };

    let e = ModelFile::open("/no/such/model").unwrap_err();
    assert!(matches!(e, WeightsError::NotFound { .. }), "{e}");
    let e = ModelFile::open("/").unwrap_err();
    assert!(matches!(e, WeightsError::Read { .. }), "{e}");

    says(b"", "empty file");
    says(b"PK\x03\x04 and so on and on", "PyTorch checkpoint");
    says(b"<!DOCTYPE html><html></html>", "web page");
    says(b"version https://git-lfs.github.com/spec/v1", "LFS pointer");
    says(&[7; 300], "not a safetensors file");
    for cut in [9, 100, good.len() / 2, good.len() - 1] {
        let e = error(&good[..cut]);
        let WeightsError::Truncated {
            expected, actual, ..
        } = &e
        else {
            panic!("cut at {cut}: {e}");
        };
        assert!(expected > actual, "{e}");
    }
    let longer = [good.as_slice(), b"x"].concat();
    assert!(matches!(
        error(&longer),
        WeightsError::NotSafetensors { .. }
    ));

    says(
        &described(&good, |d| d["format_version"] = 99.into()),
        "version 99",
    );
    says(
        &described(&good, |d| d["format_version"] = "x".into()),
        "no format_version",
    );
    says(
        &described(&good, |d| d["kind"] = "cake".into()),
        "holds a cake",
    );
    says(&described(&good, |d| d["task"] = "fly".into()), "fly");
    says(
        &described(&good, |d| d["classes"] = json!(["a"])),
        "1 class names for 3",
    );
    says(
        &described(&good, |d| drop(d.as_object_mut().unwrap().remove("config"))),
        "config",
    );

    let foreign = |name: &str| {
        let info = json!({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]});
        raw(&json!({ name: info }), &[0; 4])
    };
    says(
        &foreign("model.pixel_level_module.x"),
        "Hugging Face Mask2Former",
    );
    says(&foreign("sem_seg_head.x"), "detectron2");
    says(&foreign("hidden_states_norms.x"), "Swin backbone");
    says(&foreign("abc"), "holds 1 tensors, `abc` first");
}

#[test]
fn a_bad_tensor_is_named() {
    let good = saved(&model(), Precision::Half);
    let (header, data) = split(&good);
    let name = "class_predictor.weight";

    let mut doubled = header.clone();
    doubled[name]["dtype"] = "I16".into();
    let e = ModelFile::from_bytes("f", &raw(&doubled, data)).unwrap_err();
    assert!(
        matches!(&e, WeightsError::ElementType { tensor, .. } if tensor == name),
        "{e}"
    );

    let mut nan = data.to_vec();
    let at = header[name]["data_offsets"][0].as_u64().unwrap() as usize;
    nan[at + 2..at + 4].copy_from_slice(&half::f16::NAN.to_le_bytes());
    let e = ModelFile::from_bytes("f", &raw(&header, &nan)).unwrap_err();
    assert!(
        matches!(&e, WeightsError::NotFinite { tensor, index: 1, .. } if tensor == name),
        "{e}"
    );

    let weights = model().weights;
    weights
        .check("f", [(name, [4usize, 8].as_slice())])
        .unwrap();
    let e = weights
        .check("f", [(name, [8usize, 4].as_slice())])
        .unwrap_err();
    assert!(
        e.to_string().contains("[4, 8]") && e.to_string().contains("[8, 4]"),
        "{e}"
    );
    let e = weights.expect("f", "absent", &[1]).unwrap_err();
    assert!(
        matches!(&e, WeightsError::Missing { tensor, .. } if tensor == "absent"),
        "{e}"
    );
}

#[test]
fn offsets_that_overflow_are_refused() {
    // Eight tensors of 2^61 bytes each: the sum of header and data does not fit in 64 bits.
    let mut header = json!({});
    for i in 0..8u64 {
        let (start, end) = (i << 61, ((i + 1) << 61).wrapping_sub(u64::from(i == 7)));
        let bytes = end.wrapping_sub(start);
        header[format!("t{i}")] =
            json!({"dtype": "U8", "shape": [bytes], "data_offsets": [start, end]});
    }
    let e = ModelFile::from_bytes("f", &raw(&header, &[0; 16])).unwrap_err();
    assert!(matches!(e, WeightsError::Truncated { .. }), "{e}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Nothing that happens to a file makes reading it panic, and damage to the header is never taken for a model
    /// with other tensors.
    #[test]
    fn damaged_files_never_panic(
        cut in 0.0f64..1.2,
        flips in prop::collection::vec((0.0f64..1.0, any::<u8>()), 0..4),
        in_header in any::<bool>(),
    ) {
        static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| saved(&model(), Precision::Half));
        let mut bytes = WHOLE.clone();
        let header = split(&bytes).0.to_string().len() + 8;
        let reach = if in_header { header } else { bytes.len() };
        for (at, value) in flips {
            bytes[(at * reach as f64) as usize] = value;
        }
        let length = (bytes.len() as f64 * cut) as usize;
        bytes.truncate(length);
        match ModelFile::from_bytes("f", &bytes) {
            Ok(read) => {
                let elements: usize = read.weights.iter().map(|(_, t)| t.len()).sum();
                prop_assert_eq!(elements, model().weights.elements());
            }
            Err(e) => prop_assert!(e.to_string().starts_with("f: "), "{}", e),
        }
    }
}
