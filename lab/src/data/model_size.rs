//! Pictures at the size at which a model sees them.

use tttseg::video::{FrameError, Rgb, Scaler, SizeError, model_size, scaled};
use tttseg::weights::ModelFile;

/// A picture as a model is to see it: at the size that is [`model_size`] for the model's area. The error is the caller's
/// own.
///
/// # Errors
/// A picture that is too small, or cannot be resized.
pub fn at_model_size<E: From<SizeError> + From<FrameError>>(
    model: &ModelFile,
    picture: &Rgb,
    scaler: &mut Scaler,
) -> Result<Rgb, E> {
    let (area_height, area_width) = model.size;
    let (height, width, _) = picture.dim();
    let (width, height) = model_size(width, height, area_width, area_height)?;
    Ok(scaled(picture, width, height, scaler)?)
}
