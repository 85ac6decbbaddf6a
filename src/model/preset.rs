//! Named sizes.

use super::{HeadConfig, ModelConfig, Readout, SwinConfig};
use crate::choice::Choice;

crate::choices! {
    /// Named sizes.
    pub enum Preset: "Preset" {
        Nano = "nano", "Embed 32, depths 2-2-4-2, hidden 64: for CPUs.";
        Tiny = "tiny", "Swin-T.";
        Small = "small", "Swin-S, the paper's model: 68.7 M parameters in f and g.";
    }
}

impl Preset {
    /// The sizes behind the name, for a number of classes.
    pub fn config(self, classes: usize) -> ModelConfig {
        let third = if self == Preset::Small { 18 } else { 6 };
        let encoder = match self {
            Preset::Nano => SwinConfig {
                embed: 32,
                depths: vec![2, 2, 4, 2],
                heads: vec![1, 2, 4, 8],
                window: 7,
            },
            Preset::Tiny | Preset::Small => SwinConfig {
                embed: 96,
                depths: vec![2, 2, third, 2],
                heads: vec![3, 6, 12, 24],
                window: 7,
            },
        };
        let main = match self {
            Preset::Nano => HeadConfig {
                hidden: 64,
                encoder_ffn: 256,
                encoder_layers: 2,
                decoder_layers: 3,
                decoder_ffn: 512,
                heads: 4,
                queries: 32,
                classes,
                readout: Readout::Queries,
            },
            Preset::Tiny | Preset::Small => HeadConfig {
                hidden: 256,
                encoder_ffn: 1024,
                encoder_layers: 6,
                decoder_layers: 9,
                decoder_ffn: 2048,
                heads: 8,
                queries: 100,
                classes,
                readout: Readout::Queries,
            },
        };
        let recon = HeadConfig {
            queries: 48,
            classes: 1,
            readout: Readout::Fixed,
            ..main.clone()
        };
        ModelConfig {
            encoder,
            main,
            recon,
            chroma: None,
        }
    }
}

impl std::str::FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || format!("unknown preset '{name}' ({})", Self::CHOICES.names());
        Self::from_name(name).ok_or_else(unknown)
    }
}
