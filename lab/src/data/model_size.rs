//! Pictures at the size at which a model sees them.

use tttseg::adapt::Error;
use tttseg::video::{Rgb, Scaler, model_size, scaled};
use tttseg::weights::ModelFile;

/// A picture as a model is to see it: at the size that is [`model_size`] for the model's area.
///
/// # Errors
/// A picture that is too small, or cannot be resized.
pub fn at_model_size(model: &ModelFile, picture: &Rgb, scaler: &mut Scaler) -> Result<Rgb, Error> {
    let (area_height, area_width) = model.size;
    let (height, width, _) = picture.dim();
    let (width, height) = model_size(width, height, area_width, area_height)?;
    Ok(scaled(picture, width, height, scaler)?)
}
