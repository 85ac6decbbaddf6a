//! Pictures at another size, and at the size at which a model sees them.

use tttseg::adapt::graphs::Size;
use tttseg::video::{FrameError, FrameRef, ScaleError, Scaler, SizeError, model_size};
use tttseg::weights::ModelFile;

/// Why a picture cannot be resized.
#[derive(Debug, thiserror::Error)]
pub enum ResizeError {
    /// A picture whose bytes do not fill it.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A picture that is too small or too large.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A picture that cannot be scaled.
    #[error(transparent)]
    Scale(#[from] ScaleError),
}

/// A picture (interleaved RGB; width, height) at another size, scaled as a video frame would be.
///
/// # Errors
/// [`ResizeError`] when its bytes do not fill it, or one of the sizes makes no sense.
pub fn resized(
    rgb: &[u8],
    (width, height): (usize, usize),
    to: (usize, usize),
    scaler: &mut Scaler,
) -> Result<Vec<u8>, ResizeError> {
    let picture = FrameRef::rgb(width, height, rgb)?;
    let mut scaled = vec![0; to.0 * to.1 * 3];
    scaler.to_rgb(&picture, to.0, to.1, &mut scaled)?;
    Ok(scaled)
}

/// A picture (interleaved RGB; width, height) as a model is to see it, and its size, which is [`model_size`] for the
/// model's area.
///
/// # Errors
/// [`ResizeError`] when the picture is too small, or its bytes do not fill it.
pub fn at_model_size(
    model: &ModelFile,
    rgb: &[u8],
    (width, height): (usize, usize),
    scaler: &mut Scaler,
) -> Result<(Vec<u8>, Size), ResizeError> {
    let (area_height, area_width) = model.size;
    let to = model_size(width, height, area_width, area_height)?;
    let rgb = resized(rgb, (width, height), to, scaler)?;
    let (width, height) = to;
    Ok((rgb, Size { height, width }))
}
