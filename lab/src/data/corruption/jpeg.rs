//! Compression artefacts.

use super::{CorruptionError, level};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageError, ImageFormat};
use tttseg::video::Rgb;

/// Quality at strength 1, of 100.
const QUALITY: f32 = 4.0;

/// Encodes and decodes a picture. The quality falls by the same factor for the same step of strength, since a step of
/// quality matters the more the lower it is. It ends at 1, at a strength of 1.4.
///
/// Qualities are whole numbers, and one step at the lower end can turn every flat block into another grey. So that the
/// stream drifts and does not jump, a quality in between is a mixture of what the two next to it give.
pub(super) fn jpeg(picture: &mut Rgb, strength: f32) -> Result<(), CorruptionError> {
    let quality = 100.0 * (QUALITY / 100.0).powf(strength);
    let quality = quality.clamp(1.0, 100.0);
    let (above, share) = (quality.ceil(), quality.ceil() - quality);
    let (height, width, _) = picture.dim();
    let bytes: Vec<u8> = picture.iter().copied().collect();
    let mut decoded = jpeg_coded(&bytes, (width, height), above as u8)?;
    // Less than this changes no level.
    if share > 0.002 {
        let below = jpeg_coded(&bytes, (width, height), above as u8 - 1)?;
        for (a, b) in decoded.iter_mut().zip(below) {
            *a = level(f32::from(*a) + (f32::from(b) - f32::from(*a)) * share);
        }
    }
    picture
        .iter_mut()
        .zip(decoded)
        .for_each(|(to, from)| *to = from);
    Ok(())
}

/// The bytes of an RGB picture after JPEG of a quality from 1 to 100.
///
/// # Errors
/// A picture that is too large for a JPEG, or of which the bytes are not width × height × 3.
pub(crate) fn jpeg_coded(
    bytes: &[u8],
    (width, height): (usize, usize),
    quality: u8,
) -> Result<Vec<u8>, ImageError> {
    let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality).encode(
        bytes,
        side(width),
        side(height),
        ExtendedColorType::Rgb8,
    )?;
    let decoded = image::load_from_memory_with_format(&file, ImageFormat::Jpeg)?;
    Ok(decoded.into_rgb8().into_raw())
}
