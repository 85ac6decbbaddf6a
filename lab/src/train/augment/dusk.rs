//! Light as it is at dusk: dark and tinted, unevenly lit, hazy, with lamps. Pixels are interleaved RGB, 0 to 1.

use super::Augmentation;
use super::filters::{chroma, noise};
use crate::train::random::{chance, uniform};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Darkens by a gamma, a gain or a mixture of both, with less colour, a tint between blue and orange, and the sensor's
/// noise. How dark is drawn once and shared between gamma and gain: both at their strongest would leave nothing to see.
pub(super) fn dusk(pixels: &mut [f32], augmentation: &Augmentation, rng: &mut ChaCha8Rng) {
    let depth = uniform(rng, 0.0, 1.0);
    let share = uniform(rng, 0.0, 1.0);
    let exponent = 1.0 + (augmentation.dusk_gamma - 1.0) * depth * share;
    let gain = augmentation.dusk_gain.powf(depth * (1.0 - share));
    chroma(
        pixels,
        1.0 - uniform(rng, 0.0, augmentation.dusk_fade) * depth,
        0.0,
    );
    let warmth = uniform(rng, -augmentation.dusk_cast, augmentation.dusk_cast);
    // Light sources lie near the blackbody curve: green varies less than red against blue.
    let green = uniform(rng, -augmentation.dusk_cast, augmentation.dusk_cast) * 0.3;
    let tint = [1.0 + warmth, 1.0 + green, 1.0 - warmth].map(|t| t * gain);
    for pixel in pixels.chunks_exact_mut(3) {
        for (p, tint) in pixel.iter_mut().zip(tint) {
            *p = tint * p.max(0.0).powf(exponent);
        }
    }
    let sigma = uniform(rng, 0.0, augmentation.dusk_noise) * depth;
    noise(pixels, sigma, rng);
}

/// Haze: blends towards a grey of random brightness, which takes contrast away.
pub(super) fn fog(pixels: &mut [f32], depth: f32, rng: &mut ChaCha8Rng) {
    let depth = uniform(rng, 0.0, depth);
    let light = uniform(rng, 0.3, 0.9) * depth;
    pixels
        .iter_mut()
        .for_each(|p| *p = light + (1.0 - depth) * *p);
}

/// Uneven light: darker downwards, or to a side, from a random line on, and towards the corners. The sky stays bright
/// when the street does not.
pub(super) fn shade(pixels: &mut [f32], width: usize, depth: f32, rng: &mut ChaCha8Rng) {
    let ramp = uniform(rng, 0.0, depth);
    let corners = uniform(rng, 0.0, depth) * 0.5;
    let (sin, cos) = uniform(rng, -1.2, 1.2).sin_cos();
    let start = uniform(rng, -1.0, 0.5);
    let length = uniform(rng, 0.3, 1.5);
    let height = pixels.len() / 3 / width.max(1);
    let middle = |i: usize, n: usize| (2 * i + 1) as f32 / n as f32 - 1.0;
    for (y, row) in pixels.chunks_exact_mut((width * 3).max(1)).enumerate() {
        let y = middle(y, height);
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let x = middle(x, width);
            let along = ((x * sin + y * cos - start) / length).clamp(0.0, 1.0);
            let smooth = along * along * (3.0 - 2.0 * along);
            let gain = (1.0 - ramp * smooth) * (1.0 - corners * (x * x + y * y) * 0.5);
            pixel.iter_mut().for_each(|p| *p *= gain);
        }
    }
}

/// Lamps: one to four spots of white, warm or red light, each with a halo. Nothing gets darker.
pub(super) fn lamps(pixels: &mut [f32], width: usize, rng: &mut ChaCha8Rng) {
    let height = pixels.len() / 3 / width.max(1);
    if height == 0 {
        return;
    }
    for _ in 0..rng.random_range(1..=4u32) {
        let (across, down) = (
            uniform(rng, 0.0, width as f32),
            uniform(rng, 0.0, height as f32),
        );
        // In shares of the view's height: magnification changes what a pixel covers.
        let core = uniform(rng, 0.005, 0.03) * height as f32;
        let halo = core * uniform(rng, 2.0, 6.0);
        let strength = uniform(rng, 0.3, 1.2);
        let warmth = uniform(rng, 0.0, 1.0);
        let colour = if chance(rng, 0.25) {
            [1.0, 0.25 * warmth, 0.2 * warmth]
        } else {
            [1.0, 1.0 - 0.25 * warmth, 1.0 - 0.6 * warmth]
        };
        let reach = 3.0 * halo;
        let span = |at: f32, n: usize| {
            let end = (at + reach).ceil().max(0.0) as usize;
            (at - reach).max(0.0) as usize..end.min(n)
        };
        for y in span(down, height) {
            for x in span(across, width) {
                let square = (x as f32 + 0.5 - across).powi(2) + (y as f32 + 0.5 - down).powi(2);
                let spot = (-square / (2.0 * core * core)).exp();
                let glow = 0.3 * (-square / (halo * halo)).exp();
                let pixel = &mut pixels[(y * width + x) * 3..][..3];
                for (p, c) in pixel.iter_mut().zip(colour) {
                    *p += strength * (spot + glow) * c;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const SIZE: (usize, usize) = (32, 24);

    fn flat(level: f32) -> Vec<f32> {
        vec![level; SIZE.0 * SIZE.1 * 3]
    }

    fn mean(pixels: &[f32]) -> f32 {
        pixels.iter().sum::<f32>() / pixels.len() as f32
    }

    fn seeds() -> impl Iterator<Item = ChaCha8Rng> {
        (0..60).map(ChaCha8Rng::seed_from_u64)
    }

    #[test]
    fn dusk_tints_from_blue_to_orange() {
        let augmentation = Augmentation {
            dusk_noise: 0.0,
            ..Augmentation::default()
        };
        let warmth: Vec<f32> = seeds()
            .map(|mut rng| {
                let mut pixels = flat(0.5);
                dusk(&mut pixels, &augmentation, &mut rng);
                assert!(pixels.iter().all(|p| (0.0..=0.7).contains(p)));
                pixels[0] / pixels[2]
            })
            .collect();
        assert!(warmth.iter().any(|&w| w > 1.4), "{warmth:?}");
        assert!(warmth.iter().any(|&w| w < 1.0 / 1.4), "{warmth:?}");
    }

    #[test]
    fn the_darker_the_noisier() {
        let spread = |dusk_noise: f32| -> f32 {
            let augmentation = Augmentation {
                dusk_noise,
                dusk_cast: 0.0,
                ..Augmentation::default()
            };
            let each = seeds().map(|mut rng| {
                let mut pixels = flat(0.5);
                dusk(&mut pixels, &augmentation, &mut rng);
                let mean = mean(&pixels);
                pixels.iter().map(|p| (p - mean).powi(2)).sum::<f32>()
            });
            each.sum()
        };
        assert!(spread(0.0) < 1e-3, "{}", spread(0.0));
        assert!(spread(0.1) > 1.0, "{}", spread(0.1));
    }

    #[test]
    fn fog_takes_contrast_away() {
        for mut rng in seeds() {
            let mut pixels = vec![0.0, 0.5, 1.0];
            fog(&mut pixels, 0.6, &mut rng);
            let contrast = pixels[2] - pixels[0];
            assert!((0.4..=1.0).contains(&contrast), "{pixels:?}");
            assert!(pixels[0] >= 0.0 && pixels[2] <= 1.0, "{pixels:?}");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut pixels = vec![0.0, 0.5, 1.0];
        fog(&mut pixels, 0.0, &mut rng);
        assert_eq!(pixels, [0.0, 0.5, 1.0]);
    }

    #[test]
    fn shade_lies_below_and_in_the_corners() {
        let (mut top, mut bottom, mut darkest) = (0.0, 0.0, 1.0f32);
        for mut rng in seeds() {
            let mut pixels = flat(1.0);
            shade(&mut pixels, SIZE.0, 0.8, &mut rng);
            let (upper, lower) = pixels.split_at(pixels.len() / 2);
            top += mean(upper);
            bottom += mean(lower);
            assert!(pixels.iter().all(|p| (0.0..=1.0).contains(p)));
            darkest = pixels.iter().fold(darkest, |a, &b| a.min(b));
        }
        assert!(bottom < 0.9 * top, "{bottom} {top}");
        assert!(darkest < 0.35, "{darkest}");
    }

    #[test]
    fn lamps_light_up_a_few_places() {
        for mut rng in seeds() {
            let mut pixels = flat(0.1);
            lamps(&mut pixels, SIZE.0, &mut rng);
            assert!(pixels.iter().all(|p| *p >= 0.1));
            let lit = pixels.chunks(3).filter(|p| p[0] > 0.3).count();
            assert!(lit < SIZE.0 * SIZE.1 / 2, "{lit}");
            assert!(pixels.iter().any(|p| *p > 0.1));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for width in [0, 7] {
            lamps(&mut [], width, &mut rng);
            shade(&mut [], width, 0.5, &mut rng);
        }
    }
}
