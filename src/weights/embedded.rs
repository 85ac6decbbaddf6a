use super::{ModelFile, Task, WeightsError};

/// The default model's file for each task, and its name. The build script sets `embedded_model` and `embedded_colours`
/// when they are there and the feature `embedded-models` is on.
const NAMES: [(Task, &str); 2] = [
    (Task::Segment, "camvid-nano"),
    (Task::Colorize, "film-nano"),
];

macro_rules! bytes {
    ($file:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/", $file))
    };
}

fn bytes(task: Task) -> Option<&'static [u8]> {
    match task {
        #[cfg(embedded_model)]
        Task::Segment => Some(bytes!("camvid-nano.safetensors")),
        #[cfg(embedded_colours)]
        Task::Colorize => Some(bytes!("film-nano.safetensors")),
        #[allow(unreachable_patterns)] // Where both are there.
        _ => None,
    }
}

impl ModelFile {
    /// The trained default for segmentation that the library carries, `models/camvid-nano.safetensors`.
    ///
    /// # Errors
    /// As [`ModelFile::embedded_for`].
    pub fn embedded() -> Result<Self, WeightsError> {
        Self::embedded_for(Task::Segment)
    }

    /// The trained default for a task that the library carries: `models/camvid-nano.safetensors` or
    /// `models/film-nano.safetensors`.
    ///
    /// # Errors
    /// [`WeightsError::NoneEmbedded`] in a build without the feature `embedded-models`, or from a source tree without
    /// the file.
    pub fn embedded_for(task: Task) -> Result<Self, WeightsError> {
        let name = NAMES.iter().find(|(of, _)| *of == task);
        let name = name.map_or("", |(_, name)| name);
        match bytes(task) {
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

    /// All models that the library carries.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn all_embedded() -> Result<Vec<Self>, WeightsError> {
        let all = NAMES.iter().map(|(task, _)| Self::embedded_for(*task));
        all.filter(|model| !matches!(model, Err(WeightsError::NoneEmbedded { .. })))
            .collect()
    }
}
