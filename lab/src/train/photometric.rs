//! Changes of colour and light.

use super::augment::{Augmentation, chance, uniform};
use super::dusk::{dusk, fog, lamps, shade};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Luma and the two chroma axes a hue turns in (YIQ), as rows over R, G, B.
const YIQ: [[f32; 3]; 3] = [
    [0.299, 0.587, 0.114],
    [0.595_716, -0.274_453, -0.321_263],
    [0.211_456, -0.522_591, 0.311_135],
];
/// And back.
const RGB: [[f32; 3]; 3] = [
    [1.0, 0.956_296, 0.621_024],
    [1.0, -0.272_122, -0.647_381],
    [1.0, -1.106_989, 1.704_615],
];

/// Changes an image of `width` pixels a row in place. `work` is a scratch buffer.
pub(super) fn apply(
    image: &mut [u8],
    width: usize,
    knobs: &Augmentation,
    rng: &mut ChaCha8Rng,
    work: &mut [Vec<f32>; 2],
) {
    let [pixels, scratch] = work;
    pixels.clear();
    pixels.extend(image.iter().map(|&p| f32::from(p) / 255.0));
    if chance(rng, knobs.blur) {
        blur(pixels, scratch, width, uniform(rng, 0.3, knobs.blur_sigma));
    }
    if chance(rng, knobs.jitter) {
        let by = uniform(rng, -knobs.brightness, knobs.brightness);
        pixels.iter_mut().for_each(|p| *p += by);
    }
    if chance(rng, knobs.jitter) {
        let by = uniform(rng, 1.0 - knobs.contrast, 1.0 + knobs.contrast);
        let mean = pixels.iter().sum::<f32>() / pixels.len().max(1) as f32;
        pixels.iter_mut().for_each(|p| *p = mean + (*p - mean) * by);
    }
    let mut saturation = 1.0;
    let mut turn = 0.0;
    if chance(rng, knobs.jitter) {
        saturation = uniform(rng, 1.0 - knobs.saturation, 1.0 + knobs.saturation);
    }
    if chance(rng, knobs.jitter) {
        turn = uniform(rng, -knobs.hue, knobs.hue);
    }
    if chance(rng, knobs.grey) {
        saturation = 0.0;
    }
    if saturation != 1.0 || turn != 0.0 {
        chroma(pixels, saturation, turn);
    }
    if chance(rng, knobs.gamma) {
        let (low, high) = knobs.gamma_range;
        // Uniform in the logarithm, so that darker and brighter are alike.
        let exponent = uniform(rng, low.ln(), high.ln()).exp();
        pixels
            .iter_mut()
            .for_each(|p| *p = p.max(0.0).powf(exponent));
    }
    if chance(rng, knobs.fog) {
        fog(pixels, knobs.fog_depth, rng);
    }
    if chance(rng, knobs.shade) {
        shade(pixels, width, knobs.shade_depth, rng);
    }
    if chance(rng, knobs.dusk) {
        dusk(pixels, knobs, rng);
        // By day they are off.
        if chance(rng, knobs.lamps) {
            lamps(pixels, width, rng);
        }
    }
    if chance(rng, knobs.noise) {
        noise(pixels, uniform(rng, 0.0, knobs.noise_sigma), rng);
    }
    for (to, from) in image.iter_mut().zip(&*pixels) {
        // The cast saturates.
        *to = (from * 255.0 + 0.5) as u8;
    }
}

/// Scales chroma and turns it by `turn` of a full circle, luma kept.
pub(super) fn chroma(pixels: &mut [f32], saturation: f32, turn: f32) {
    let (sin, cos) = (turn * std::f32::consts::TAU).sin_cos();
    let middle = [
        [1.0, 0.0, 0.0],
        [0.0, saturation * cos, -saturation * sin],
        [0.0, saturation * sin, saturation * cos],
    ];
    let matrix = product(&RGB, &product(&middle, &YIQ));
    for pixel in pixels.chunks_exact_mut(3) {
        let old = [pixel[0], pixel[1], pixel[2]];
        for (new, row) in pixel.iter_mut().zip(&matrix) {
            *new = row[0] * old[0] + row[1] * old[1] + row[2] * old[2];
        }
    }
}

fn product(a: &[[f32; 3]; 3], b: &[[f32; 3]; 3]) -> [[f32; 3]; 3] {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

/// Adds noise that is nearly normal: the sum of the four bytes of a random word.
pub(super) fn noise(pixels: &mut [f32], sigma: f32, rng: &mut ChaCha8Rng) {
    // Standard deviation of the sum of four uniform bytes.
    let scale = sigma / (4.0f32 * 65_535.0 / 12.0).sqrt();
    for p in pixels {
        let sum: u32 = rng.next_u32().to_le_bytes().map(u32::from).iter().sum();
        *p += (sum as f32 - 510.0) * scale;
    }
}

/// Gaussian blur, separable, edges repeated.
fn blur(pixels: &mut [f32], scratch: &mut Vec<f32>, width: usize, sigma: f32) {
    if width == 0 || pixels.is_empty() {
        return;
    }
    let radius = (2.5 * sigma).ceil().clamp(1.0, 8.0) as isize;
    let mut taps: Vec<f32> = (-radius..=radius)
        .map(|d| (-(d * d) as f32 / (2.0 * sigma * sigma)).exp())
        .collect();
    let sum: f32 = taps.iter().sum();
    taps.iter_mut().for_each(|t| *t /= sum);
    let row = width * 3;
    let height = pixels.len() / row;
    scratch.clear();
    scratch.resize(pixels.len(), 0.0);
    for (to, from) in scratch.chunks_exact_mut(row).zip(pixels.chunks_exact(row)) {
        for (tap, d) in taps.iter().zip(-radius..) {
            for x in 0..width {
                let source = x.saturating_add_signed(d).min(width - 1) * 3;
                for c in 0..3 {
                    to[x * 3 + c] += tap * from[source + c];
                }
            }
        }
    }
    pixels.fill(0.0);
    for (y, to) in pixels.chunks_exact_mut(row).enumerate() {
        for (tap, d) in taps.iter().zip(-radius..) {
            let source = y.saturating_add_signed(d).min(height - 1) * row;
            for (to, from) in to.iter_mut().zip(&scratch[source..source + row]) {
                *to += tap * from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn run(image: &[u8], width: usize, knobs: &Augmentation, seed: u64) -> Vec<u8> {
        let mut out = image.to_vec();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        apply(&mut out, width, knobs, &mut rng, &mut Default::default());
        out
    }

    fn mean(image: &[u8]) -> f64 {
        image.iter().map(|&p| f64::from(p)).sum::<f64>() / image.len() as f64
    }

    fn photo() -> Vec<u8> {
        (0..32 * 24 * 3).map(|i| (i * 37 % 251) as u8).collect()
    }

    #[test]
    fn nothing_switched_on_changes_nothing() {
        assert_eq!(run(&photo(), 32, &Augmentation::none(), 3), photo());
        assert!(run(&[], 32, &Augmentation::default(), 3).is_empty());
    }

    #[test]
    fn dusk_darkens_and_reaches_far() {
        let knobs = Augmentation {
            dusk: 1.0,
            dusk_cast: 0.0,
            dusk_noise: 0.0,
            lamps: 0.0,
            ..Augmentation::none()
        };
        let means: Vec<f64> = (0..60)
            .map(|s| mean(&run(&photo(), 32, &knobs, s)))
            .collect();
        assert!(means.iter().all(|&m| m <= mean(&photo()) + 0.5));
        let darkest = means.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(darkest < 0.45 * mean(&photo()), "{darkest}");
        assert!(darkest > 5.0, "{darkest}: nothing is left to see");
    }

    #[test]
    fn grey_has_equal_channels_and_the_same_luma() {
        let knobs = Augmentation {
            grey: 1.0,
            ..Augmentation::none()
        };
        for (old, new) in photo()
            .chunks(3)
            .zip(run(&photo(), 32, &knobs, 1).chunks(3))
        {
            assert!(new[0].abs_diff(new[1]) <= 1 && new[1].abs_diff(new[2]) <= 1);
            let luma = 0.299 * f32::from(old[0]) + 0.587 * f32::from(old[1]);
            let luma = luma + 0.114 * f32::from(old[2]);
            assert!((f32::from(new[1]) - luma).abs() <= 1.5);
        }
    }

    #[test]
    fn a_full_turn_of_the_hue_is_none() {
        let mut pixels: Vec<f32> = photo().iter().map(|&p| f32::from(p) / 255.0).collect();
        let old = pixels.clone();
        chroma(&mut pixels, 1.0, 1.0);
        for (a, b) in pixels.iter().zip(&old) {
            assert!((a - b).abs() < 1e-4);
        }
        chroma(&mut pixels, 1.0, 0.5);
        assert!(pixels.iter().zip(&old).any(|(a, b)| (a - b).abs() > 0.2));
    }

    #[test]
    fn noise_has_the_deviation_asked_for() {
        let mut pixels = vec![0.5; 30_000];
        noise(&mut pixels, 0.1, &mut ChaCha8Rng::seed_from_u64(5));
        let mean = pixels.iter().sum::<f32>() / 30_000.0;
        let variance = pixels.iter().map(|p| (p - mean).powi(2)).sum::<f32>() / 30_000.0;
        assert!((mean - 0.5).abs() < 0.003);
        assert!((variance.sqrt() - 0.1).abs() < 0.003);
    }

    #[test]
    fn blur_keeps_flat_images_and_spreads_points() {
        let mut flat = vec![0.25; 5 * 4 * 3];
        let mut scratch = vec![];
        blur(&mut flat, &mut scratch, 5, 1.5);
        assert!(flat.iter().all(|p| (p - 0.25).abs() < 1e-5));
        let mut point = vec![0.0; 21 * 21 * 3];
        let middle = (10 * 21 + 10) * 3;
        point[middle] = 1.0;
        blur(&mut point, &mut scratch, 21, 1.0);
        assert!((point.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!((point[middle] - 0.159).abs() < 0.01);
        assert!((point[middle + 3] - point[middle + 21 * 3]).abs() < 1e-6);
        assert_eq!(point[middle + 1], 0.0);
    }
}
