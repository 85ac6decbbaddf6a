//! The sizes of a network, as a model file holds them.

use serde::{Deserialize, Serialize};

use super::naming::{COLOR_PREFIX, MAIN_PREFIX};

/// Sizes of the encoder f, a Swin transformer with four input channels (normalised RGB and visibility).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwinConfig {
    /// Channels of the first stage; every further stage doubles them.
    pub embed: usize,
    /// Blocks per stage; four stages.
    pub depths: Vec<usize>,
    /// Attention heads per stage.
    pub heads: Vec<usize>,
    /// Side of the attention window in tokens.
    pub window: usize,
}

impl SwinConfig {
    /// Channels of stage `i`.
    pub fn channels(&self, stage: usize) -> usize {
        self.embed << stage
    }
}

/// The way class scores are read out of a head's queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readout {
    /// Mask2Former's: every query has class probabilities and a mask; scores are their product summed over queries.
    #[default]
    Queries,
    /// Query `q` is class `q`; its mask logits are the class logits. There is no class predictor.
    Fixed,
}

/// Sizes of a head: MSDeformAttn pixel decoder and query decoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadConfig {
    /// Channels throughout the head.
    pub hidden: usize,
    /// Inner width of the pixel decoder's feed-forward layers.
    pub encoder_ffn: usize,
    /// Layers of the pixel decoder.
    pub encoder_layers: usize,
    /// Layers of the query decoder; with none, the head classifies each pixel's mask features.
    pub decoder_layers: usize,
    /// Inner width of the query decoder's feed-forward layers.
    pub decoder_ffn: usize,
    /// Attention heads, in both decoders.
    pub heads: usize,
    /// Number of queries; 48 for the reconstruction head.
    pub queries: usize,
    /// Number of classes.
    pub classes: usize,
    /// How scores are read out.
    #[serde(default)]
    pub readout: Readout,
}

/// Sizes of f, h and g.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Encoder f.
    pub encoder: SwinConfig,
    /// Main-task head h.
    pub main: HeadConfig,
    /// Reconstruction head g; 48 queries, no classes.
    pub recon: HeadConfig,
    /// What the classes of h stand for where they are colours: h is a colour head then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroma: Option<ChromaConfig>,
}

/// The colours that a colour head chooses from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChromaConfig {
    /// Chroma (Cb, Cr) of every class, on a grid: BT.601, full range, in steps of 8 bits, 0 for grey.
    pub bins: Vec<[i16; 2]>,
    /// Distance of neighbours on the grid, above 0.
    pub step: u8,
    /// What class logits are divided by before a pixel's chroma is their mean (annealed mean): towards 0 it becomes the
    /// likeliest chroma, vivid but blotchy; 1 gives the mean, smooth but pale.
    pub temperature: f32,
}

impl ModelConfig {
    /// What stands before the names of the parameters of h.
    pub fn main_prefix(&self) -> &'static str {
        if self.chroma.is_some() {
            COLOR_PREFIX
        } else {
            MAIN_PREFIX
        }
    }

    /// Checks that every size is within the range that a network can have, so that no file leads to unbounded work or
    /// memory. Whether the sizes fit each other is checked when graphs are built.
    ///
    /// # Errors
    /// Which size is out of bounds.
    pub fn check(&self) -> Result<(), String> {
        let Self {
            encoder,
            main,
            recon,
            chroma,
        } = self;
        let within = |name: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(format!(
                    "{name} is {value} ({least} to {most} are possible)"
                ))
            }
        };
        within("embed", encoder.embed, 1, 4096)?;
        within("window", encoder.window, 1, 64)?;
        for (name, values, most) in [
            ("depths", &encoder.depths, 256),
            ("heads", &encoder.heads, 4096),
        ] {
            within(&format!("the number of {name}"), values.len(), 4, 4)?;
            for value in values {
                within(&format!("one of the {name}"), *value, 1, most)?;
            }
        }
        for head in [main, recon] {
            within("hidden", head.hidden, 1, 8192)?;
            within("encoder_ffn", head.encoder_ffn, 1, 65_536)?;
            within("encoder_layers", head.encoder_layers, 0, 256)?;
            within("decoder_layers", head.decoder_layers, 0, 256)?;
            within("decoder_ffn", head.decoder_ffn, 1, 65_536)?;
            within("heads", head.heads, 1, 4096)?;
            within("queries", head.queries, 1, 4096)?;
            within("classes", head.classes, 1, 4096)?;
        }
        if let Some(chroma) = chroma {
            within("the number of bins", chroma.bins.len(), 1, 4096)?;
            within("step", usize::from(chroma.step), 1, 255)?;
            if !(chroma.temperature.is_finite() && chroma.temperature > 0.0) {
                return Err(format!(
                    "temperature is {}, not above 0",
                    chroma.temperature
                ));
            }
        }
        Ok(())
    }
}
