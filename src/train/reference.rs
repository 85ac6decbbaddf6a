//! How well g reconstructs the training pictures as they are: what a video is compared with.

use std::sync::Arc;

use super::LabelledSet;
use crate::adapt::graphs::Size;
use crate::adapt::{Error, Learner, Method, Settings};
use crate::runtime::{Cancel, Options, Runtime};
use crate::video::{FrameError, FrameRef, ScaleError, Scaler, SizeError, model_size};
use crate::weights::ModelFile;

/// Pictures that are looked at: more tell little more.
const PICTURES: usize = 100;

/// Why the training pictures cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// A picture that is too small or too large.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A picture whose bytes do not fill it.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A picture that cannot be brought to the model's size.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// Building or running the graph.
    #[error(transparent)]
    Adapt(#[from] Error),
}

/// The mean of [`Learner::unexplained`] over up to 100 pictures, evenly spread over the set, whole and in their own
/// light, at the size at which the model would see them: for [`ModelFile::unexplained`].
///
/// # Errors
/// [`ReferenceError`], for the first picture that cannot be used.
pub fn unexplained(
    model: &Arc<ModelFile>,
    set: &LabelledSet,
    mask_ratio: f64,
    runtime: &'static Runtime,
    options: &Options,
) -> Result<f32, ReferenceError> {
    let settings = Settings {
        method: Method::MainTaskOnly,
        mask_ratio,
        ..Settings::default()
    };
    let cancel = Cancel::new();
    let mut learner = Learner::new(model.clone(), settings, runtime, options, &cancel)?;
    let mut scaler = Scaler::new();
    let step = set.samples().len().div_ceil(PICTURES).max(1);
    let mut shares = vec![];
    for sample in set.samples().iter().step_by(step) {
        let (width, height) = model_size(sample.width, sample.height, model.size.1, model.size.0)?;
        let mut rgb = vec![0; height * width * 3];
        let view = FrameRef::rgb(sample.width, sample.height, &sample.rgb)?;
        scaler.to_rgb(&view, width, height, &mut rgb)?;
        shares.push(learner.unexplained(&rgb, Size { height, width })?);
    }
    Ok(shares.iter().sum::<f32>() / shares.len().max(1) as f32)
}
