//! Rain: drops that fall through the picture independently and start again at another place.

use super::{MAX_STRENGTH, level, random};
use rand::RngExt;
use tttseg::video::Rgb;

/// The colour of drops and veil.
const GREY: [f32; 3] = [208.0, 212.0, 216.0];
/// Drops at the largest strength, in a picture as wide as it is high.
const DROPS: f32 = 2500.0;
/// Optical depth of the veil at strength 1.
const VEIL: f32 = 0.5;
/// Largest slant, in pixels to the side for each pixel down.
const SLANT: f32 = 0.25;

/// Draws the rain of one frame.
pub(super) fn rain(picture: &mut Rgb, strength: f32, seed: u64, frame: u64) {
    let through = (-VEIL * strength).exp();
    for (byte, &grey) in picture.iter_mut().zip(GREY.iter().cycle()) {
        *byte = level(grey + (f32::from(*byte) - grey) * through);
    }
    let (width, height) = (picture.dim().1 as f32, picture.dim().0 as f32);
    // Very wide pictures are not worth more drops.
    let drops = (DROPS * (width / height).min(8.0)).ceil() as u64;
    let slant = random(seed, u64::MAX).random_range(-SLANT..SLANT);
    for number in 0..drops {
        // One after the other they begin to show, so that rain grows and never jumps.
        let begins = MAX_STRENGTH as f32 * 0.9 * number as f32 / drops as f32;
        let shown = ((strength - begins) / (0.1 * MAX_STRENGTH as f32)).clamp(0.0, 1.0);
        if shown > 0.0 {
            streak(picture, number, slant, shown, seed, frame);
        }
    }
}

/// Draws one drop as the streak it leaves during an exposure.
pub(super) fn streak(
    picture: &mut Rgb,
    number: u64,
    slant: f32,
    shown: f32,
    seed: u64,
    frame: u64,
) {
    let (width, height) = (picture.dim().1 as f32, picture.dim().0 as f32);
    // What a drop keeps; what it draws anew at every fall comes from the streams after this one.
    let mut rng = random(seed, number << 32);
    let close = rng.random_range(0.0f32..1.0);
    let length = height * (0.03 + 0.09 * close);
    let thickness = height / 360.0 * (0.6 + 1.1 * close * close);
    let opacity = shown * (0.35 + 0.3 * close);
    // Frames from above the picture to below it.
    let fall = f64::from((height + length) / (height * (0.08 + 0.25 * close)));
    let falls = frame as f64 / fall + rng.random_range(0.0f64..1.0);
    let mut rng = random(seed, (number << 32) + 1 + (falls as u64 & 0xffff_ffff));
    let middle = rng.random_range(-SLANT * height..width + SLANT * height);
    let top = falls.fract() as f32 * (height + length) - length;

    let first = top.ceil().max(0.0) as usize;
    let last = (top + length).min(height).max(0.0) as usize;
    let rows = picture.outer_iter_mut().enumerate();
    for (y, mut row) in rows.take(last).skip(first) {
        let along = (y as f32 - top) / length;
        // Faint at both ends.
        let opacity = opacity * (4.0 * along * (1.0 - along)).clamp(0.0, 1.0);
        let x = middle + slant * (y as f32 - height / 2.0);
        let from = (x - thickness / 2.0 - 1.0).max(0.0) as usize;
        let to = (x + thickness / 2.0 + 2.0).max(0.0) as usize;
        for column in from..to.min(row.nrows()) {
            // The part of the pixel that the streak covers.
            let covered = (thickness / 2.0 + 0.5 - (column as f32 - x).abs()).clamp(0.0, 1.0);
            let share = opacity * covered.min(thickness);
            for (byte, grey) in row.row_mut(column).iter_mut().zip(GREY) {
                *byte = level(f32::from(*byte) + (grey - f32::from(*byte)) * share);
            }
        }
    }
}
