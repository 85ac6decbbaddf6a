//! A lens out of focus.

use super::level;
use image::RgbImage;
use tttseg::video::Rgb;

/// Standard deviation at strength 1, as a share of the height (7 pixels of 360).
const SIGMA: f32 = 0.02;
/// Below this many pixels the library's kernel has too few taps to follow sigma smoothly.
const SMALLEST_SIGMA: f32 = 0.6;

/// Gaussian blur.
pub(super) fn blur(picture: &mut Rgb, strength: f32) {
    let (height, width, _) = picture.dim();
    let sigma = SIGMA * strength * height as f32;
    let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height)) else {
        return;
    };
    let Some(image) = RgbImage::from_raw(w, h, picture.iter().copied().collect()) else {
        return; // There are three channels.
    };
    let blurred = image::imageops::blur(&image, sigma.max(SMALLEST_SIGMA));
    // Variances of blurs add up, so a small blur is a share of the smallest that grows with sigma squared.
    let share = (sigma / SMALLEST_SIGMA).powi(2).min(1.0);
    for (sharp, blurred) in picture.iter_mut().zip(blurred.into_raw()) {
        *sharp = level(f32::from(*sharp) + (f32::from(blurred) - f32::from(*sharp)) * share);
    }
}
