//! A small model file, what is in it and what becomes of it.

mod disk;
mod embedded;
mod recorded;
mod refused;

use std::fs;

use serde_json::json;

use super::*;
use crate::model::Preset;

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
        weights: model.weights.of(naming::Network::Recon),
        pictures: Pictures::new(),
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
