use super::super::Rgb;
use image::RgbImage;

/// Standard deviation at strength 1, as a share of the height (7 pixels of 360).
const SIGMA: f32 = 0.02;

/// Gaussian blur.
pub(super) fn blur(picture: &mut Rgb, strength: f32) {
    let sigma = SIGMA * strength * picture.height as f32;
    let (Ok(width), Ok(height)) = (u32::try_from(picture.width), u32::try_from(picture.height))
    else {
        return;
    };
    // Less than this changes no level.
    if sigma < 0.05 {
        return;
    }
    // The bytes were checked against the size.
    if let Some(sharp) = RgbImage::from_raw(width, height, std::mem::take(&mut picture.bytes)) {
        picture.bytes = image::imageops::blur(&sharp, sigma).into_raw();
    }
}
