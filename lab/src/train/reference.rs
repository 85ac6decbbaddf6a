//! How well g reconstructs the training pictures as they are: what a video is compared with.

use std::borrow::Cow;
use std::sync::Arc;

use super::{LabelledSet, PictureSet, Sample};
use crate::data::at_model_size;
use tttseg::adapt::{Error, Learner, Method, Settings};
use tttseg::runtime::{Cancel, Options, Runtime};
use tttseg::video::{FrameError, FrameRef, ScaleError, Scaler, SizeError};
use tttseg::weights::ModelFile;

/// Pictures that are looked at: more tell little more.
const PICTURES: usize = 100;

/// Why the training pictures cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// A picture that can no longer be read.
    #[error("{0}")]
    Picture(String),
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

/// Pictures to look at.
pub trait Stills {
    /// How many there are.
    fn count(&self) -> usize;
    /// One of them, or what is wrong with it.
    ///
    /// # Errors
    /// Why it can no longer be read.
    fn still(&self, index: usize) -> Result<Cow<'_, Sample>, String>;
}

impl Stills for LabelledSet {
    fn count(&self) -> usize {
        self.samples().len()
    }

    fn still(&self, index: usize) -> Result<Cow<'_, Sample>, String> {
        let sample = self.samples().get(index);
        let sample = sample.ok_or_else(|| format!("image {index} of {}", self.count()))?;
        Ok(Cow::Borrowed(sample))
    }
}

impl Stills for PictureSet {
    fn count(&self) -> usize {
        self.len()
    }

    fn still(&self, index: usize) -> Result<Cow<'_, Sample>, String> {
        self.read(index).map(Cow::Owned)
    }
}

/// The mean of [`Learner::unexplained`] over up to 100 pictures, evenly spread over the set, whole and in their own
/// light, at the size at which the model would see them: for [`ModelFile::unexplained`].
///
/// # Errors
/// [`ReferenceError`], for the first picture that cannot be used.
pub fn unexplained(
    model: &Arc<ModelFile>,
    stills: &dyn Stills,
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
    let step = stills.count().div_ceil(PICTURES).max(1);
    let mut shares = vec![];
    for index in (0..stills.count()).step_by(step) {
        let sample = stills.still(index).map_err(ReferenceError::Picture)?;
        let view = FrameRef::rgb(sample.width, sample.height, &sample.rgb)?;
        let (rgb, size) = at_model_size::<ReferenceError>(model, &view, &mut scaler)?;
        shares.push(learner.unexplained(&rgb, size)?);
    }
    Ok(shares.iter().sum::<f32>() / shares.len().max(1) as f32)
}
