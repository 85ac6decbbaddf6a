//! What several integration tests need.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tttseg::adapt::graphs::Size;
use tttseg::model::{HeadConfig, ModelConfig, Readout, SwinConfig, initial_weights};
use tttseg::runtime::{Options, Provider, Runtime, load};
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

/// ONNX Runtime, or `None` with a line that says why. With TTTSEG_REQUIRE_RUNTIME=1 it has to be there.
pub fn runtime() -> Option<&'static Runtime> {
    match load(&options(1)) {
        Ok(runtime) => Some(runtime),
        Err(e) if std::env::var_os("TTTSEG_REQUIRE_RUNTIME").is_some_and(|v| v == "1") => {
            panic!("{e}")
        }
        Err(e) => {
            eprintln!("skipped: {e}");
            None
        }
    }
}

/// A Python that can import a module: the one named in TTTSEG_PYTHON or `python3`; else `None` with a line that says so.
pub fn python_with(module: &str) -> Option<PathBuf> {
    let python = std::env::var_os("TTTSEG_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let import = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output();
    if import.is_ok_and(|o| o.status.success()) {
        return Some(python);
    }
    let python = python.display();
    eprintln!("skipped: {python} has no module {module} (TTTSEG_PYTHON names another Python)");
    None
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
    let found = cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded"));
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

/// Coloured waves that move with time: interleaved RGB.
pub fn picture(size: Size, time: usize) -> Vec<u8> {
    let wave = |x: f32| (127.5 + 127.5 * x.sin()) as u8;
    let mut rgb = Vec::with_capacity(size.height * size.width * 3);
    for y in 0..size.height {
        for x in 0..size.width {
            let (x, y) = ((x + 2 * time) as f32, y as f32);
            rgb.extend([wave(x / 9.0), wave(y / 7.0), wave((x + y) / 13.0)]);
        }
    }
    rgb
}
