//! What several integration tests need.
#![allow(dead_code, reason = "every test file uses a part of it")]

mod missing;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use missing::*;
use tttseg::adapt::graphs::Size;
use tttseg::adapt::{Learner, Settings};
use tttseg::model::{HeadConfig, ModelConfig, Preset, Readout, SwinConfig, initial_weights};
use tttseg::runtime::{Cancel, Options, Provider, Runtime, load};
use tttseg::video::Rgb;
use tttseg::weights::{ModelFile, Normalisation, Task};

/// Classes of [`model`].
pub const CLASSES: usize = 3;
/// A frame size that [`model`] takes.
pub const SIZE: Size = Size {
    height: 48,
    width: 64,
};

/// The CPU with a number of threads.
pub fn options(threads: usize) -> Options {
    Options {
        provider: Provider::Cpu,
        threads,
        ..Options::default()
    }
}

/// ONNX Runtime; `None` where it is [`missing`].
pub fn runtime() -> Option<&'static Runtime> {
    load(&options(1)).map_err(missing).ok()
}

/// The folders in `dir` that hold a `config.json`, sorted.
pub fn cases(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let folders = entries.filter_map(|e| Some(e.ok()?.path()));
    let mut found: Vec<_> = folders
        .filter(|p| p.join("config.json").is_file())
        .collect();
    found.sort();
    found
}

/// The recorded cases of this project.
pub fn own_cases() -> Vec<PathBuf> {
    // The crates lie in the repository's root and in folders of it.
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = crate_root
        .ancestors()
        .map(|root| root.join("lab/tests/recorded"));
    let folder = folders.into_iter().find(|folder| folder.is_dir());
    let found = cases(&folder.unwrap_or_default());
    assert_eq!(found.len(), 4, "{found:?}");
    found
}

/// A model of a few thousand parameters with random weights.
pub fn model(seed: u64) -> ModelFile {
    let main = HeadConfig {
        hidden: 32,
        encoder_ffn: 32,
        encoder_layers: 1,
        decoder_layers: 0,
        decoder_ffn: 32,
        heads: 4,
        queries: CLASSES,
        classes: CLASSES,
        readout: Readout::Fixed,
    };
    let config = ModelConfig {
        encoder: SwinConfig {
            embed: 8,
            depths: vec![1; 4],
            heads: vec![1, 1, 2, 2],
            window: 4,
        },
        recon: HeadConfig {
            queries: 48,
            classes: 1,
            ..main.clone()
        },
        main,
        chroma: None,
    };
    ModelFile {
        name: "mini".into(),
        weights: initial_weights(&config, seed).unwrap(),
        config,
        task: Task::Segment,
        classes: ["sky", "road", "car"].map(String::from).to_vec(),
        palette: vec![[70, 130, 180], [128, 64, 128], [0, 0, 142]],
        normalisation: Normalisation::default(),
        size: (SIZE.height, SIZE.width),
        licence: "none needed".into(),
        trained_on: "nothing".into(),
        unexplained: None,
        recipe: serde_json::json!({"iterations": 0}),
    }
}

/// Coloured waves that move with time.
pub fn picture(size: Size, time: usize) -> Rgb {
    Rgb::from_shape_fn((size.height, size.width, 3), |(y, x, c)| {
        let (x, y) = ((x + 2 * time) as f32, y as f32);
        let wave = [x / 9.0, y / 7.0, (x + y) / 13.0][c];
        (127.5 + 127.5 * wave.sin()) as u8
    })
}

/// A learner with a preset's network, untrained, and all defaults.
pub fn learner(preset: Preset, classes: usize) -> Learner {
    let model = ModelFile {
        config: preset.config(classes),
        weights: initial_weights(&preset.config(classes), 0).unwrap(),
        classes: (0..classes).map(|i| i.to_string()).collect(),
        palette: vec![[0; 3]; classes],
        ..model(0)
    };
    let options = Options::default();
    let runtime = load(&options).unwrap();
    let settings = Settings::default();
    Learner::new(Arc::new(model), settings, runtime, &options, &Cancel::new()).unwrap()
}

/// A field of this process's status, in KiB.
pub fn status(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
