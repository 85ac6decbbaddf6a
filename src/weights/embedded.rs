//! The trained default models inside the library.

use super::{ModelFile, Task, WeightsError};

// The build script sets `embedded_model` and `embedded_colours` where the file is there and the feature `embedded-models`
// is on.
#[cfg(embedded_model)]
const CLASSES: Option<&[u8]> = Some(include_bytes!("../../models/street-nano.safetensors"));
#[cfg(not(embedded_model))]
const CLASSES: Option<&[u8]> = None;
#[cfg(embedded_colours)]
const COLOURS: Option<&[u8]> = Some(include_bytes!("../../models/film-nano.safetensors"));
#[cfg(not(embedded_colours))]
const COLOURS: Option<&[u8]> = None;

/// Name and file of the default model for a task.
fn default_for(task: Task) -> (&'static str, Option<&'static [u8]>) {
    match task {
        Task::Segment => ("street-nano", CLASSES),
        Task::Colorize => ("film-nano", COLOURS),
    }
}

impl ModelFile {
    /// The trained default for segmentation that the library carries, `models/street-nano.safetensors`.
    ///
    /// # Errors
    /// As [`ModelFile::embedded_for`].
    pub fn embedded() -> Result<Self, WeightsError> {
        Self::embedded_for(Task::Segment)
    }

    /// The trained default for a task that the library carries: `models/street-nano.safetensors` or
    /// `models/film-nano.safetensors`.
    ///
    /// # Errors
    /// [`WeightsError::NoneEmbedded`] in a build without the feature `embedded-models`, or from a source tree without
    /// the file.
    pub fn embedded_for(task: Task) -> Result<Self, WeightsError> {
        let (name, bytes) = default_for(task);
        match bytes {
            Some(bytes) => Self::from_bytes(&format!("embedded model {name}"), bytes),
            None => Err(WeightsError::NoneEmbedded {
                reason: if cfg!(feature = "embedded-models") {
                    format!("models/{name}.safetensors was not there when it was built")
                } else {
                    "the feature embedded-models is off".to_owned()
                },
            }),
        }
    }

    /// The bytes of the file of that model, for its hash; none where there is none.
    pub fn embedded_bytes(task: Task) -> Option<&'static [u8]> {
        default_for(task).1
    }

    /// All models that the library carries.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn all_embedded() -> Result<Vec<Self>, WeightsError> {
        let all = [Task::Segment, Task::Colorize].map(Self::embedded_for);
        all.into_iter()
            .filter(|model| !matches!(model, Err(WeightsError::NoneEmbedded { .. })))
            .collect()
    }
}
