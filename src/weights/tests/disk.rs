//! Files written and read again; a save that fails leaves the old file.

use std::fs;

use serde_json::json;

use super::*;

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
    assert!(matches!(e, WeightsError::Write(_)), "{e}");
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["m.safetensors", "single.safetensors"]);
}
