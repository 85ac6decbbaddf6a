use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ModelFile, Precision, Weights, WeightsError, container};

const KIND: &str = "state";

/// Weights that a stream has adapted, with where they came from; a `.safetensors` file in float32.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// [`ModelFile::content_hash`] of the model that the stream began with.
    pub base: String,
    /// Frames seen since then.
    pub frames: u64,
    /// Gradient steps taken since then.
    pub steps: u64,
    /// Settings of the method, as text.
    pub recipe: String,
    /// Seed of masks and sampling.
    pub seed: u64,
    /// The weights that learn; those that are frozen may be left out.
    pub weights: Weights,
}

#[derive(Serialize, Deserialize)]
struct Description {
    base: String,
    frames: u64,
    steps: u64,
    recipe: String,
    seed: u64,
}

impl State {
    /// Reads saved state.
    ///
    /// # Errors
    /// [`WeightsError`], which names the file and what is wrong with it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let (file, bytes) = container::read_file(path.as_ref())?;
        Self::from_bytes(&file, &bytes)
    }

    /// Reads saved state out of memory; `file` is how errors name it.
    ///
    /// # Errors
    /// As [`State::load`].
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self, WeightsError> {
        let (d, weights): (Description, _) = container::read(file, KIND, bytes)?;
        Ok(Self {
            base: d.base,
            frames: d.frames,
            steps: d.steps,
            recipe: d.recipe,
            seed: d.seed,
            weights,
        })
    }

    /// Writes the state; an existing file is replaced once the new one is complete.
    ///
    /// # Errors
    /// [`WeightsError`] when an element is not finite or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), WeightsError> {
        let description = Description {
            base: self.base.clone(),
            frames: self.frames,
            steps: self.steps,
            recipe: self.recipe.clone(),
            seed: self.seed,
        };
        container::write(
            path.as_ref(),
            KIND,
            &description,
            &self.weights,
            Precision::Single,
        )
    }

    /// Checks that the state belongs to `model`: saved from the same weights, and every tensor is one of the
    /// model's in its shape. `file` is how errors name the state.
    ///
    /// # Errors
    /// [`WeightsError::OtherModel`], [`WeightsError::Missing`], [`WeightsError::Shape`].
    pub fn check_base(&self, file: &str, model: &ModelFile) -> Result<(), WeightsError> {
        let expected = model.content_hash();
        if self.base != expected {
            return Err(WeightsError::OtherModel {
                file: file.to_owned(),
                found: self.base.clone(),
                expected,
            });
        }
        let own = self.weights.iter();
        model
            .weights
            .check(file, own.map(|(n, t)| (n, t.shape.as_slice())))
    }
}
