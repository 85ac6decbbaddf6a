//! Saved state: weights that a stream has adapted.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::{ModelFile, Precision, Weights, WeightsError, container};

const KIND: &str = "state";

/// Pictures and maps by name, in standard layout.
pub type Pictures = BTreeMap<String, ArrayD<u8>>;

/// Weights that a stream has adapted, with their origin, and what it remembers; a `.safetensors` file, weights in float32.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The origin of the weights.
    pub origin: Origin,
    /// The weights that learn; those that are frozen may be left out.
    pub weights: Weights,
    /// Frames that are remembered, with their labels.
    pub pictures: Pictures,
}

/// The origin of adapted weights: the description in the file's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Name of the model that learning began with.
    pub model: String,
    /// [`ModelFile::content_hash`] of that model.
    pub base: String,
    /// Frames seen since then, in this stream and in those whose states it went on from.
    pub frames: u64,
    /// Gradient steps taken since then, likewise.
    pub steps: u64,
    /// Steps towards the colours of references and hints, as far as they are in these weights; those of a state that
    /// learning went on from do not count.
    #[serde(default)]
    pub directed_steps: u64,
    /// Pictures that were in force as references.
    #[serde(default)]
    pub references: usize,
    /// Frames that hints were given in.
    #[serde(default)]
    pub hints: usize,
    /// Settings of the method when it was saved, by the names of the command line's options; the seed is one of them.
    pub settings: BTreeMap<String, String>,
    /// Version of tttseg that saved it.
    pub version: String,
    /// When it was saved: UTC, as in `2026-11-22T09:15:14Z`.
    pub saved: String,
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
        let (origin, weights, pictures) = container::read_with_pictures(file, KIND, bytes)?;
        Ok(Self {
            origin,
            weights,
            pictures,
        })
    }

    /// Writes the state; an existing file is replaced once the new one is complete.
    ///
    /// # Errors
    /// [`WeightsError`] when an element is not finite or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), WeightsError> {
        let (path, single) = (path.as_ref(), Precision::Single);
        let Self {
            origin,
            weights,
            pictures,
        } = self;
        container::write_with_pictures(path, KIND, origin, weights, single, pictures)
    }

    /// Checks that the state belongs to `model`, whose [`ModelFile::content_hash`] is `hash`: saved from the same
    /// weights, and every tensor is one of the model's in its shape. `file` is how errors name the state.
    ///
    /// # Errors
    /// [`WeightsError::OtherModel`], [`WeightsError::Missing`], [`WeightsError::Shape`].
    pub fn check_base(
        &self,
        file: &str,
        model: &ModelFile,
        hash: &str,
    ) -> Result<(), WeightsError> {
        if self.origin.base != hash {
            return Err(WeightsError::OtherModel {
                file: file.to_owned(),
                found_name: self.origin.model.clone(),
                found: self.origin.base.clone(),
                expected_name: model.name.clone(),
                expected: hash.to_owned(),
            });
        }
        let own = self.weights.iter();
        model
            .weights
            .check(file, own.map(|(n, t)| (n, t.shape.as_slice())))
    }
}
