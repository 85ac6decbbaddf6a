//! Chroma, noise and blur of pixels, 0 to 1.

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
pub(in crate::train) fn noise(pixels: &mut [f32], sigma: f32, rng: &mut ChaCha8Rng) {
    // Standard deviation of the sum of four uniform bytes.
    let scale = sigma / (4.0f32 * 65_535.0 / 12.0).sqrt();
    for p in pixels {
        let sum: u32 = rng.next_u32().to_le_bytes().map(u32::from).iter().sum();
        *p += (sum as f32 - 510.0) * scale;
    }
}

/// Gaussian blur of pixels of `CHANNELS` numbers, separable, edges repeated.
pub(in crate::train) fn blur<const CHANNELS: usize>(
    pixels: &mut [f32],
    scratch: &mut Vec<f32>,
    width: usize,
    sigma: f32,
) {
    if width == 0 || pixels.is_empty() {
        return;
    }
    let radius = (2.5 * sigma).ceil().clamp(1.0, 8.0) as isize;
    let mut taps: Vec<f32> = (-radius..=radius)
        .map(|d| (-(d * d) as f32 / (2.0 * sigma * sigma)).exp())
        .collect();
    let sum: f32 = taps.iter().sum();
    taps.iter_mut().for_each(|t| *t /= sum);
    let row = width * CHANNELS;
    let height = pixels.len() / row;
    scratch.clear();
    scratch.resize(pixels.len(), 0.0);
    for (to, from) in scratch.chunks_exact_mut(row).zip(pixels.chunks_exact(row)) {
        let from = from.as_chunks::<CHANNELS>().0;
        for (tap, d) in taps.iter().zip(-radius..) {
            for (x, to) in to.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
                let from = from[x.saturating_add_signed(d).min(width - 1)];
                to.iter_mut().zip(from).for_each(|(to, f)| *to += tap * f);
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

    fn photo() -> Vec<u8> {
        (0..32 * 24 * 3).map(|i| (i * 37 % 251) as u8).collect()
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
        blur::<3>(&mut flat, &mut scratch, 5, 1.5);
        assert!(flat.iter().all(|p| (p - 0.25).abs() < 1e-5));
        let mut point = vec![0.0; 21 * 21 * 3];
        let middle = (10 * 21 + 10) * 3;
        point[middle] = 1.0;
        blur::<3>(&mut point, &mut scratch, 21, 1.0);
        assert!((point.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!((point[middle] - 0.159).abs() < 0.01);
        assert!((point[middle + 3] - point[middle + 21 * 3]).abs() < 1e-6);
        assert_eq!(point[middle + 1], 0.0);
    }

    #[test]
    fn blur_of_one_channel() {
        let mut flat = vec![0.25; 7 * 5];
        blur::<1>(&mut flat, &mut vec![], 7, 1.5);
        assert!(flat.iter().all(|p| (p - 0.25).abs() < 1e-5));
        let mut edge: Vec<f32> = (0..49).map(|i| if i % 7 < 3 { 0.0 } else { 1.0 }).collect();
        blur::<1>(&mut edge, &mut vec![], 7, 1.0);
        assert!(edge[23] > 0.1 && edge[24] < 0.95, "{edge:?}");
    }
}
