//! The share of the training pictures that reconstruction leaves unexplained, which a video is compared with.

use std::sync::Arc;

use crate::data::{Stills, at_model_size};
use tttseg::adapt::{Error, Learner, Method, Settings};
use tttseg::runtime::{Cancel, Options, Runtime};
use tttseg::video::{Scaler, scaled};
use tttseg::weights::ModelFile;

/// Pictures that are reconstructed: the mean over more is hardly another.
const PICTURES: usize = 100;

/// Why the training pictures cannot be reconstructed.
#[derive(Debug, thiserror::Error)]
pub enum UnexplainedError {
    /// A picture that can no longer be read.
    #[error("{0}")]
    Picture(String),
    /// Resizing a picture, building or running the graph.
    #[error(transparent)]
    Adapt(#[from] Error),
}

/// The mean of [`Learner::unexplained`] over up to 100 pictures, evenly spread over the set, whole and in their own
/// light, at the size at which the model would see them: for [`ModelFile::unexplained`].
///
/// # Errors
/// [`UnexplainedError`], for the first picture that cannot be used.
pub fn unexplained(
    model: &Arc<ModelFile>,
    stills: &dyn Stills,
    mask_ratio: f64,
    runtime: &'static Runtime,
    options: &Options,
) -> Result<f32, UnexplainedError> {
    let settings = Settings {
        method: Method::MainTaskOnly,
        mask_ratio,
        ..Settings::default()
    };
    let cancel = Cancel::new();
    let mut learner = Learner::new(model.clone(), settings, runtime, options, &cancel)?;
    let mut scaler = Scaler::new();
    let step = stills.count().div_ceil(PICTURES).max(1);
    let mut shares = vec![];
    for index in (0..stills.count()).step_by(step) {
        let sample = stills.still(index).map_err(UnexplainedError::Picture)?;
        let (width, height) = sample.shown_size();
        let rgb = match sample.size() == (width, height) {
            true => at_model_size(model, &sample.rgb, &mut scaler)?,
            false => {
                let shown = scaled(&sample.rgb, width, height, &mut scaler);
                at_model_size(model, &shown.map_err(Error::from)?, &mut scaler)?
            }
        };
        shares.push(learner.unexplained(rgb.into())?);
    }
    Ok(shares.iter().sum::<f32>() / shares.len().max(1) as f32)
}
