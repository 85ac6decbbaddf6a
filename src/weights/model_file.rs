//! The model file.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tensor::hexadecimal;
use super::{ModelConfig, Precision, Weights, WeightsError, container};

const KIND: &str = "model";

crate::choices! {
    /// What a model's main head h does.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Task: "Task" {
        #[default]
        Segment = "segment", "Semantic segmentation: the class of every pixel";
        Colorize = "colorize", "Colours for black-and-white film, beside the film's own luma";
    }
}

/// Channel statistics of the input: the network sees `(value − mean) / std` of 8-bit RGB values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Mean of R, G and B, 0..255.
    pub mean: [f32; 3],
    /// Standard deviation of R, G and B, above 0.
    pub std: [f32; 3],
}

impl Default for Normalisation {
    /// ImageNet's statistics, which published Swin checkpoints use.
    fn default() -> Self {
        Self {
            mean: [123.675, 116.28, 103.53],
            std: [58.395, 57.12, 57.375],
        }
    }
}

/// A model with everything needed to use it; one `.safetensors` file (`docs/method.md#model-files`). All fields but the
/// weights are JSON in its header, under their own names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Short name, such as `camvid-nano`.
    pub name: String,
    /// Sizes of f, h and g.
    pub config: ModelConfig,
    /// The task of h.
    pub task: Task,
    /// Names of the classes in the order of the class map's values; none for colours.
    pub classes: Vec<String>,
    /// RGB colour of every class.
    pub palette: Vec<[u8; 3]>,
    /// The conversion of pixels to the network's input.
    pub normalisation: Normalisation,
    /// Height and width the model was trained for, in pixels.
    pub size: (usize, usize),
    /// The licence of the weights.
    pub licence: String,
    /// The training data, free text.
    pub trained_on: String,
    /// Share of the variance of the training pictures' hidden pixels that g leaves unexplained, as
    /// [`crate::adapt::Learner::unexplained`] measures it, if the trainer measured it. The novelty of a video is relative to
    /// it. Above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<f32>,
    /// The training recipe, in the trainer's own format.
    #[serde(default)]
    pub recipe: serde_json::Value,
    /// The parameters of f, h and g ([`super::naming`]).
    #[serde(skip)]
    pub weights: Weights,
}

/// Longest side that a model can be trained for, in pixels.
const LONGEST: usize = 8192;

impl ModelFile {
    /// Reads a model file.
    ///
    /// # Errors
    /// [`WeightsError`], which names the file and what is wrong with it. That every parameter is there is
    /// checked against the model's shapes with [`Weights::check`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let (file, bytes) = container::read_file(path.as_ref())?;
        Self::from_bytes(&file, &bytes)
    }

    /// Reads a model file out of memory; `file` is how errors name it.
    ///
    /// # Errors
    /// As [`ModelFile::open`].
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self, WeightsError> {
        let (mut model, weights): (Self, _) = container::read(file, KIND, bytes)?;
        model.weights = weights;
        model.validate(file)?;
        Ok(model)
    }

    /// Writes the model; an existing file is replaced once the new one is complete.
    ///
    /// # Errors
    /// [`WeightsError`] when the description contradicts itself, an element is not finite or too large for half
    /// precision, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, precision: Precision) -> Result<(), WeightsError> {
        let path = path.as_ref();
        self.validate(&path.display().to_string())?;
        container::write(path, KIND, self, &self.weights, precision)
    }

    /// SHA-256, in hexadecimal, of the weights (names, shapes, values in memory) and the normalisation. It does
    /// not change when the file is written again or described in other words, nor when this project's
    /// configuration gains a field; rounding to half precision does change it.
    pub fn content_hash(&self) -> String {
        let mut hash = Sha256::new();
        let Normalisation { mean, std } = self.normalisation;
        for value in mean.iter().chain(&std) {
            hash.update(value.to_le_bytes());
        }
        self.weights.hash_into(&mut hash);
        hexadecimal(hash)
    }

    fn validate(&self, file: &str) -> Result<(), WeightsError> {
        let (height, width) = self.size;
        let Normalisation { mean, std } = self.normalisation;
        let reason = if let Err(reason) = self.config.check() {
            format!("configuration: {reason}")
        } else if let Some(reason) = self.wrong_classes() {
            reason
        } else if !mean.iter().all(|m| m.is_finite())
            || !std.iter().all(|s| s.is_finite() && *s > 0.0)
        {
            format!("normalisation by mean {mean:?} and deviation {std:?}")
        } else if !(1..=LONGEST).contains(&height) || !(1..=LONGEST).contains(&width) {
            format!("trained for a size of {height}x{width}")
        } else if let Some(share) = self.unexplained.filter(|s| !(s.is_finite() && *s > 0.0)) {
            format!("{share} of the variance unexplained")
        } else if self.weights.is_empty() {
            "no weights".to_owned()
        } else {
            return Ok(());
        };
        Err(WeightsError::Description {
            file: file.to_owned(),
            reason,
        })
    }

    /// The contradiction in the description of classes and colours, if there is one.
    fn wrong_classes(&self) -> Option<String> {
        let (names, palette) = (self.classes.len(), self.palette.len());
        let classes = self.config.main.classes;
        let Some(chroma) = &self.config.chroma else {
            return if self.task != Task::Segment {
                Some(format!("task {} without colours", self.task.name()))
            } else if names != classes {
                Some(format!("{names} class names for {classes} classes"))
            } else if !(1..=256).contains(&names) {
                Some(format!("{names} classes; a class map holds 1 to 256"))
            } else {
                (palette != names).then(|| format!("{palette} colours for {names} classes"))
            };
        };
        let bins = chroma.bins.len();
        if self.task != Task::Colorize {
            Some(format!("task {} with colours", self.task.name()))
        } else if (names, palette) != (0, 0) {
            Some(format!(
                "{names} class names and {palette} colours for them, beside colours"
            ))
        } else {
            (bins != classes).then(|| format!("{bins} colours for {classes} classes"))
        }
    }
}
