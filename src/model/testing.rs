//! Small models for tests.

use super::{HeadConfig, ModelConfig, Readout, SwinConfig, initial_weights};
use crate::weights::{ModelFile, Normalisation, Task};

/// The smallest model that is one, for this many classes.
pub fn tiny(classes: usize) -> ModelConfig {
    let main = HeadConfig {
        hidden: 32,
        encoder_ffn: 16,
        encoder_layers: 1,
        decoder_layers: 0,
        decoder_ffn: 16,
        heads: 2,
        queries: classes,
        classes,
        readout: Readout::Fixed,
    };
    ModelConfig {
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
    }
}

/// A model of these sizes that was never trained, for frames of 96×64 pixels: one that colours where the configuration has
/// colours, else one for classes.
pub fn untrained(config: ModelConfig, seed: u64) -> ModelFile {
    let (task, classes) = match config.chroma {
        Some(_) => (Task::Colorize, 0),
        None => (Task::Segment, config.main.classes),
    };
    ModelFile {
        name: "tiny".into(),
        weights: initial_weights(&config, seed).unwrap(),
        config,
        task,
        classes: (0..classes).map(|c| format!("class {c}")).collect(),
        palette: vec![[0; 3]; classes],
        normalisation: Normalisation::default(),
        size: (64, 96),
        licence: "none needed".into(),
        trained_on: "nothing".into(),
        unexplained: None,
        recipe: serde_json::Value::Null,
    }
}
