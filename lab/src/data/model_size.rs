//! Pictures at the size at which a model sees them.

use tttseg::adapt::graphs::Size;
use tttseg::video::{FrameRef, ScaleError, Scaler, SizeError, model_size};
use tttseg::weights::ModelFile;

/// A picture as a model is to see it: interleaved RGB, and its size, which is [`model_size`] for the model's area. The
/// error is the caller's own.
///
/// # Errors
/// A picture that is too small, or cannot be resized.
pub fn at_model_size<E: From<SizeError> + From<ScaleError>>(
    model: &ModelFile,
    picture: &FrameRef<'_>,
    scaler: &mut Scaler,
) -> Result<(Vec<u8>, Size), E> {
    let (area_height, area_width) = model.size;
    let (width, height) = model_size(picture.width(), picture.height(), area_width, area_height)?;
    let mut rgb = vec![0; height * width * 3];
    scaler.to_rgb(picture, width, height, &mut rgb)?;
    Ok((rgb, Size { height, width }))
}
