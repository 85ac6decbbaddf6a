use super::{ModelFile, WeightsError};

/// The default model's file. The build script sets `embedded_model` when it is there and the feature
/// `embedded-models` is on.
#[cfg(embedded_model)]
const BYTES: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/camvid-nano.safetensors"
));

impl ModelFile {
    /// The trained default that the library carries, `models/camvid-nano.safetensors`.
    ///
    /// # Errors
    /// [`WeightsError::NoneEmbedded`] in a build without the feature `embedded-models`, or from a source tree
    /// without the file.
    #[cfg(embedded_model)]
    pub fn embedded() -> Result<Self, WeightsError> {
        Self::from_bytes("embedded model camvid-nano", BYTES)
    }

    /// The trained default that the library carries; this build has none.
    ///
    /// # Errors
    /// [`WeightsError::NoneEmbedded`], always.
    #[cfg(not(embedded_model))]
    pub fn embedded() -> Result<Self, WeightsError> {
        Err(WeightsError::NoneEmbedded {
            reason: if cfg!(feature = "embedded-models") {
                "models/camvid-nano.safetensors was not there when it was built"
            } else {
                "the feature embedded-models is off"
            },
        })
    }
}
