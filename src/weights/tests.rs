use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{ChromaConfig, Preset};

fn tensor(shape: &[usize], scale: f32) -> Tensor {
    let n: usize = shape.iter().product();
    let data = (0..n).map(|i| (i as f32 * 0.37).sin() * scale).collect();
    Tensor::new(shape.to_vec(), data).unwrap()
}

fn model() -> ModelFile {
    let mut weights = Weights::default();
    weights.insert(
        "model.pixel_level_module.encoder.embeddings.norm.weight",
        tensor(&[32], 1.0),
    );
    weights.insert("class_predictor.weight", tensor(&[4, 8], 0.01));
    weights.insert(
        "recon.model.transformer_module.level_embed.weight",
        tensor(&[3, 5], 3.0),
    );
    ModelFile {
        name: "test".into(),
        config: Preset::Nano.config(3),
        task: Task::Segment,
        classes: vec!["sky".into(), "road".into(), "car \"é\"".into()],
        palette: vec![[1, 2, 3], [4, 5, 6], [255, 0, 7]],
        normalisation: Normalisation::default(),
        size: (224, 448),
        licence: "none".into(),
        trained_on: "sine waves".into(),
        unexplained: None,
        recipe: json!({"iterations": 3, "lr": 1e-3}),
        weights,
    }
}

fn state(model: &ModelFile) -> State {
    State {
        origin: Origin {
            model: model.name.clone(),
            base: model.content_hash(),
            frames: u64::MAX,
            steps: 17,
            directed_steps: 0,
            references: 0,
            hints: 0,
            settings: [("window".to_owned(), "16".to_owned())].into(),
            version: "0.1.0".into(),
            saved: "2026-11-22T09:15:14Z".into(),
        },
        weights: model.weights.of(naming::Part::Recon),
    }
}

fn saved(model: &ModelFile, precision: Precision) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    model.save(&path, precision).unwrap();
    fs::read(path).unwrap()
}

/// A safetensors file with the given header and data.
fn raw(header: &serde_json::Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// The header of a file and what follows it.
fn split(bytes: &[u8]) -> (serde_json::Value, &[u8]) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (
        serde_json::from_slice(&bytes[8..8 + length]).unwrap(),
        &bytes[8 + length..],
    )
}

/// `bytes` with the description changed.
fn described(bytes: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let (mut header, data) = split(bytes);
    let text = header["__metadata__"]["tttseg"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut description = serde_json::from_str(&text).unwrap();
    change(&mut description);
    header["__metadata__"]["tttseg"] = description.to_string().into();
    raw(&header, data)
}

#[test]
fn a_tensor_checks_its_shape() {
    assert!(Tensor::new(vec![2, 3], vec![0.0; 6]).is_ok());
    assert!(Tensor::new(vec![], vec![0.0]).is_ok());
    assert!(Tensor::new(vec![0, 3], vec![]).is_ok());
    let e = Tensor::new(vec![2, 3], vec![0.0; 5]).unwrap_err();
    assert!(e.to_string().contains("[2, 3]"), "{e}");
    assert!(Tensor::new(vec![usize::MAX, 2], vec![0.0; 2]).is_err());
}

#[test]
fn a_model_survives_the_disk() {
    let before = model();
    let single = ModelFile::from_bytes("m", &saved(&before, Precision::Single)).unwrap();
    assert_eq!(single, before);
    assert_eq!(single.content_hash(), before.content_hash());

    let bytes = saved(&before, Precision::Half);
    let half = ModelFile::from_bytes("m", &bytes).unwrap();
    for (name, tensor) in before.weights.iter() {
        let read = half.weights.get(name).unwrap();
        assert_eq!(read.shape, tensor.shape);
        for (a, b) in read.data.iter().zip(&tensor.data) {
            assert!((a - b).abs() <= b.abs() / 1024.0 + 1e-7, "{name}: {a} {b}");
        }
    }
    assert_ne!(half.content_hash(), before.content_hash());
    // Written again, a file is the same bytes.
    assert_eq!(saved(&half, Precision::Half), bytes);
}

#[test]
fn the_hash_follows_the_weights_only() {
    let a = model();
    let mut b = a.clone();
    b.name = "other".into();
    b.recipe = json!(null);
    assert_eq!(a.content_hash(), b.content_hash());
    assert_eq!(a.content_hash().len(), 64);
    b.weights.0.get_mut("class_predictor.weight").unwrap().data[3] += 1e-6;
    assert_ne!(a.content_hash(), b.content_hash());
}

#[test]
fn state_survives_the_disk_and_knows_its_base() {
    let base = model();
    let before = state(&base);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.safetensors");
    before.save(&path).unwrap();
    let after = State::load(&path).unwrap();
    assert_eq!(after, before);
    after.check_base("s", &base, &base.content_hash()).unwrap();

    let mut other = base.clone();
    other
        .weights
        .0
        .get_mut("class_predictor.weight")
        .unwrap()
        .data[0] = 5.0;
    let e = after
        .check_base("s", &other, &other.content_hash())
        .unwrap_err();
    assert!(matches!(e, WeightsError::OtherModel { .. }), "{e}");

    let e = ModelFile::open(&path).unwrap_err();
    assert!(e.to_string().contains("holds a state, not a model"), "{e}");
    let mut stray = after.clone();
    stray.weights.insert("stray", tensor(&[1], 1.0));
    let e = stray
        .check_base("s", &base, &base.content_hash())
        .unwrap_err();
    assert!(
        matches!(&e, WeightsError::Missing { tensor, .. } if tensor == "stray"),
        "{e}"
    );
}

#[test]
fn an_existing_file_outlives_a_failed_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let good = model();
    good.save(&path, Precision::Half).unwrap();
    let mut bad = good.clone();
    bad.weights.insert("huge", tensor(&[4], 1e6));
    let e = bad.save(&path, Precision::Half).unwrap_err();
    assert!(
        matches!(&e, WeightsError::HalfOverflow { tensor, .. } if tensor == "huge"),
        "{e}"
    );
    bad.save(folder.path().join("single.safetensors"), Precision::Single)
        .unwrap();
    bad.weights.0.get_mut("huge").unwrap().data[2] = f32::NAN;
    let e = bad.save(&path, Precision::Single).unwrap_err();
    assert!(
        matches!(&e, WeightsError::NotFinite { index: 2, .. }),
        "{e}"
    );
    assert_eq!(ModelFile::open(&path).unwrap().classes, good.classes);

    let e = good
        .save(folder.path().join("no/such/folder"), Precision::Half)
        .unwrap_err();
    assert!(matches!(e, WeightsError::Write { .. }), "{e}");
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["m.safetensors", "single.safetensors"]);
}

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

#[test]
#[cfg(embedded_model)]
fn the_embedded_model_opens() {
    let model = ModelFile::embedded().unwrap();
    assert!(!model.licence.is_empty() && !model.trained_on.is_empty());
    assert_eq!(model.task, Task::Segment);
    assert_eq!(ModelFile::all_embedded().unwrap()[0], model);
}

#[test]
#[cfg(embedded_colours)]
fn the_embedded_model_for_colours_opens() {
    let model = ModelFile::embedded_for(Task::Colorize).unwrap();
    assert!(!model.licence.is_empty() && !model.trained_on.is_empty());
    assert_eq!(model.task, Task::Colorize);
    assert!(ModelFile::all_embedded().unwrap().contains(&model));
}

#[test]
#[cfg(not(embedded_model))]
fn without_an_embedded_model_the_error_says_why() {
    let e = ModelFile::embedded().unwrap_err();
    assert!(matches!(e, WeightsError::NoneEmbedded { .. }), "{e}");
    assert!(e.to_string().contains("carries no model"), "{e}");
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

/// The recorded cases, when they are on this machine.
fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens");
    let Ok(cases) = fs::read_dir(&folder) else {
        eprintln!("skipped: no {}", folder.display());
        return Vec::new();
    };
    let paths = cases.map(|c| c.unwrap().path());
    paths
        .filter(|p| p.join("weights.safetensors").is_file())
        .collect()
}

#[test]
fn recorded_weights_are_read() {
    for case in goldens() {
        let file = case.join("weights.safetensors");
        let weights = Weights::read_safetensors(&file).unwrap();
        assert!(
            weights.len() > 50 && weights.elements() > 100_000,
            "{file:?}"
        );
        assert!(
            weights
                .iter()
                .all(|(n, _)| !n.ends_with("relative_position_index"))
        );
        let e = ModelFile::open(&file).unwrap_err();
        assert!(e.to_string().contains("looks like"), "{e}");

        let norm = "embeddings.norm.weight";
        let stored = format!("{}{norm}", naming::ENCODER);
        if weights.get(norm).is_some() {
            let f = weights.into_backbone();
            assert!(f.get(&stored).is_some());
            assert_eq!(f.of(naming::Part::Encoder).len(), f.len());
        } else {
            let g = weights.into_recon();
            assert!(g.get(&stored).is_some());
            assert!(g.of(naming::Part::Main).is_empty());
            let queries = "recon.model.transformer_module.queries_embedder.weight";
            assert_eq!(g.get(queries).unwrap().shape.len(), 2);
        }

        let recording = Weights::read_recording(case.join("tensors.safetensors")).unwrap();
        assert!(recording.iter().any(|(n, _)| n.starts_with("in.")));
    }
}
