//! The grain of a sensor.

use super::level;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tttseg::video::Rgb;

/// Standard deviation of black at strength 1, of 255.
const READ: f32 = 45.0;
/// Standard deviation that light adds to white at strength 1, of 255.
const SHOT: f32 = 70.0;

/// Adds grain to every channel of every pixel. Variances of the two parts add up.
pub(super) fn noise(picture: &mut Rgb, strength: f32, rng: &mut ChaCha8Rng) {
    let sigma: [f32; 256] = std::array::from_fn(|v| {
        let light = v as f32 / 255.0;
        strength * (READ * READ + SHOT * SHOT * light).sqrt()
    });
    for byte in picture.iter_mut() {
        let value = f32::from(*byte) + sigma[usize::from(*byte)] * nearly_normal(rng);
        *byte = level(value);
    }
}

/// A nearly normal number (mean 0, deviation 1, never beyond 3.5): the sum of the four bytes of a random word.
pub(super) fn nearly_normal(rng: &mut ChaCha8Rng) -> f32 {
    /// Standard deviation of the sum of four uniform bytes: the root of 4 · (256² − 1) / 12.
    const DEVIATION: f32 = 147.80;
    let sum: u32 = rng.next_u32().to_le_bytes().map(u32::from).iter().sum();
    (sum as f32 - 510.0) / DEVIATION
}
