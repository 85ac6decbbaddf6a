//! The engine against PyTorch: recorded cases are recomputed, and a case that is spoilt is found out.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;

use half::f16;
use tttseg_lab::eval::recorded::{Comparison, Recomputed, RecordedError, recompute};

/// Recomputes a case at 1 and 2 threads, three times each. `slack` multiplies the tolerance of a tensor at a number of
/// threads.
fn check(case: &Path, slack: impl Fn(usize, &str) -> f64) {
    let Some(runtime) = common::runtime() else {
        return;
    };
    for threads in [1, 2] {
        let once = || recompute(case, runtime, &common::options(threads)).unwrap();
        let first = once();
        assert!(!first.comparisons.is_empty(), "{}", case.display());
        let within = |c: &&Comparison| c.error <= c.tolerance * slack(threads, &c.tensor);
        let all = first.comparisons.iter();
        let failed: Vec<_> = all.filter(|c| !within(c)).collect();
        assert!(
            failed.is_empty(),
            "{}, {threads} threads: {failed:#?}",
            case.display()
        );
        for _ in 0..2 {
            assert_eq!(
                once().digest,
                first.digest,
                "{}, {threads} threads",
                case.display()
            );
        }
    }
}

fn failures(result: &Recomputed) -> Vec<String> {
    let failed = result.comparisons.iter().filter(|c| !c.passes());
    failed.map(|c| c.tensor.clone()).collect()
}

#[test]
fn our_own_cases_are_within_tolerance_and_the_same_every_time() {
    for case in common::own_cases() {
        check(&case, |_, _| 1.0);
    }
}

/// In `ttt-restart` a place of a sample at step 1 is 3e-7 pixels from a kink of its gradient (exact arithmetic), thirty times
/// closer than single precision distinguishes. PyTorch's own float32 falls to either side of it as well. Beyond it everything
/// up to step 1 is as recorded, but what follows is off by up to 1.3 times the tolerance. Only runs with
/// one thread were seen to, and not on every machine; two threads get no slack.
fn slack_behind_a_kink(case: &Path, threads: usize, tensor: &str) -> f64 {
    let behind = tensor == "out.grad_norms[2]" || tensor.starts_with("out.param.");
    if case.ends_with("ttt-restart") && threads == 1 && behind {
        2.0
    } else {
        1.0
    }
}

#[test]
fn the_larger_cases_are_too_where_they_are_at_hand() {
    let cases = common::cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/goldens"));
    if cases.is_empty() {
        common::skipped("no ../shared/goldens");
    }
    for case in cases {
        check(&case, |threads, tensor| {
            slack_behind_a_kink(&case, threads, tensor)
        });
    }
}

#[test]
fn a_spoilt_weight_is_found_out() {
    let Some(runtime) = common::runtime() else {
        return;
    };
    let encoder = "model.pixel_level_module.encoder.";
    let spoil = [
        ("swin-odd", "embeddings.norm.bias".to_owned()),
        (
            "mask2former-odd",
            "model.transformer_module.decoder.layers.2.fc1.bias".to_owned(),
        ),
        ("ttt-restart-all", format!("{encoder}embeddings.norm.bias")),
        (
            "ttt-moments-masked",
            "model.pixel_level_module.decoder.level_embed".to_owned(),
        ),
    ];
    for (name, tensor) in spoil {
        let copy = copy_of(name);
        patch(&copy.path().join("weights.safetensors"), &tensor, |v| {
            v + 0.1
        });
        let result = recompute(copy.path(), runtime, &common::options(1)).unwrap();
        assert!(
            !failures(&result).is_empty(),
            "{name} with another {tensor}"
        );
    }
}

#[test]
fn every_kind_of_recorded_tensor_counts() {
    let Some(runtime) = common::runtime() else {
        return;
    };
    let bias = "model.pixel_level_module.decoder.mask_projection.bias";
    let spoil = [
        ("swin-odd", "out.res5".to_owned(), 0.01),
        ("mask2former-odd", "out.semantic".to_owned(), 0.01),
        ("ttt-restart-all", "out.losses".to_owned(), 0.01),
        ("ttt-restart-all", "out.grad_norms".to_owned(), f32::NAN),
        ("ttt-restart-all", format!("grad.{bias}"), 0.1),
        ("ttt-restart-all", format!("grad.{bias}"), f32::NAN),
        ("ttt-moments-masked", "out.reconstruction.0".to_owned(), 0.1),
        ("ttt-moments-masked", format!("out.param.{bias}"), 0.1),
    ];
    for (name, tensor, more) in spoil {
        let copy = copy_of(name);
        patch(&copy.path().join("tensors.safetensors"), &tensor, |v| {
            v + more
        });
        let result = recompute(copy.path(), runtime, &common::options(1)).unwrap();
        let failed = failures(&result);
        assert!(
            !failed.is_empty(),
            "{name} with another {tensor} by {more} passes"
        );
    }
}

#[test]
fn a_case_that_is_not_whole_is_an_error_that_names_what_is_missing() {
    let Some(runtime) = common::runtime() else {
        return;
    };
    let error = |case: &Path| {
        recompute(case, runtime, &common::options(1))
            .unwrap_err()
            .to_string()
    };
    let missing = Path::new("no-such-case");
    assert!(matches!(
        recompute(missing, runtime, &common::options(1)),
        Err(RecordedError::Read { .. })
    ));
    assert!(error(missing).contains("no-such-case/config.json"));

    let copy = copy_of("swin-odd");
    let tensors = copy.path().join("tensors.safetensors");
    let bytes = fs::read(&tensors).unwrap();
    fs::write(&tensors, &bytes[..bytes.len() - 4]).unwrap();
    assert!(error(copy.path()).contains("tensors.safetensors: truncated"));

    // Another name for a tensor, of the same length.
    let text = String::from_utf8_lossy(&bytes[..2000]).into_owned();
    let at = text.find("out.res4").unwrap();
    let mut renamed = bytes.clone();
    renamed[at..at + 8].copy_from_slice(b"out.resX");
    fs::write(&tensors, &renamed).unwrap();
    assert!(error(copy.path()).contains("tensor out.res4: missing"));

    fs::write(copy.path().join("config.json"), r#"{"kind": "other"}"#).unwrap();
    assert!(error(copy.path()).contains("config.json: unknown variant `other`"));
}

fn copy_of(name: &str) -> tempfile::TempDir {
    let case = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded")
        .join(name);
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "weights.safetensors", "tensors.safetensors"] {
        fs::copy(case.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

/// Changes the first element of a tensor in a safetensors file.
fn patch(file: &Path, tensor: &str, change: impl Fn(f32) -> f32) {
    let mut bytes = fs::read(file).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let entries: serde_json::Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    let entry = &entries[tensor];
    let start = entry["data_offsets"][0].as_u64();
    let start = header + start.unwrap_or_else(|| panic!("no tensor {tensor}")) as usize;
    match entry["dtype"].as_str() {
        Some("F32") => {
            let old = f32::from_le_bytes(bytes[start..start + 4].try_into().unwrap());
            bytes[start..start + 4].copy_from_slice(&change(old).to_le_bytes());
        }
        Some("F16") => {
            let old = f16::from_le_bytes(bytes[start..start + 2].try_into().unwrap());
            let new = f16::from_f32(change(old.to_f32()));
            bytes[start..start + 2].copy_from_slice(&new.to_le_bytes());
        }
        other => panic!("{tensor} is {other:?}"),
    }
    fs::write(file, bytes).unwrap();
}
