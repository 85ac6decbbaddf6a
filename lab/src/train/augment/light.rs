//! The light of a view: blur, brightness, colour, fog, shade, dusk and noise, in this order.

use super::Augmentation;
use super::dusk::{dusk, fog, lamps, shade};
use super::filters::{blur, chroma, noise};
use crate::train::random::{chance, uniform};
use rand_chacha::ChaCha8Rng;

/// Changes an image of `width` pixels a row in place. `work` is a scratch buffer.
pub(super) fn apply(
    image: &mut [u8],
    width: usize,
    augmentation: &Augmentation,
    rng: &mut ChaCha8Rng,
    work: &mut [Vec<f32>; 2],
) {
    let [pixels, scratch] = work;
    pixels.clear();
    pixels.extend(image.iter().map(|&p| f32::from(p) / 255.0));
    if chance(rng, augmentation.blur) {
        blur::<3>(
            pixels,
            scratch,
            width,
            uniform(rng, 0.3, augmentation.blur_sigma),
        );
    }
    if chance(rng, augmentation.jitter) {
        let by = uniform(rng, -augmentation.brightness, augmentation.brightness);
        pixels.iter_mut().for_each(|p| *p += by);
    }
    if chance(rng, augmentation.jitter) {
        let by = uniform(
            rng,
            1.0 - augmentation.contrast,
            1.0 + augmentation.contrast,
        );
        let mean = pixels.iter().sum::<f32>() / pixels.len().max(1) as f32;
        pixels.iter_mut().for_each(|p| *p = mean + (*p - mean) * by);
    }
    let mut saturation = 1.0;
    let mut turn = 0.0;
    if chance(rng, augmentation.jitter) {
        saturation = uniform(
            rng,
            1.0 - augmentation.saturation,
            1.0 + augmentation.saturation,
        );
    }
    if chance(rng, augmentation.jitter) {
        turn = uniform(rng, -augmentation.hue, augmentation.hue);
    }
    if chance(rng, augmentation.grey) {
        saturation = 0.0;
    }
    if saturation != 1.0 || turn != 0.0 {
        chroma(pixels, saturation, turn);
    }
    if chance(rng, augmentation.gamma) {
        let (low, high) = augmentation.gamma_range;
        // Uniform in the logarithm, so that darker and brighter are alike.
        let exponent = uniform(rng, low.ln(), high.ln()).exp();
        pixels
            .iter_mut()
            .for_each(|p| *p = p.max(0.0).powf(exponent));
    }
    if chance(rng, augmentation.fog) {
        fog(pixels, augmentation.fog_depth, rng);
    }
    if chance(rng, augmentation.shade) {
        shade(pixels, width, augmentation.shade_depth, rng);
    }
    if chance(rng, augmentation.dusk) {
        dusk(pixels, augmentation, rng);
        // By day they are off.
        if chance(rng, augmentation.lamps) {
            lamps(pixels, width, rng);
        }
    }
    if chance(rng, augmentation.noise) {
        noise(pixels, uniform(rng, 0.0, augmentation.noise_sigma), rng);
    }
    for (to, from) in image.iter_mut().zip(&*pixels) {
        // The cast saturates.
        *to = (from * 255.0 + 0.5) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn run(image: &[u8], width: usize, augmentation: &Augmentation, seed: u64) -> Vec<u8> {
        let mut out = image.to_vec();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        apply(
            &mut out,
            width,
            augmentation,
            &mut rng,
            &mut Default::default(),
        );
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
        let augmentation = Augmentation {
            dusk: 1.0,
            dusk_cast: 0.0,
            dusk_noise: 0.0,
            lamps: 0.0,
            ..Augmentation::none()
        };
        let means: Vec<f64> = (0..60)
            .map(|s| mean(&run(&photo(), 32, &augmentation, s)))
            .collect();
        assert!(means.iter().all(|&m| m <= mean(&photo()) + 0.5));
        let darkest = means.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(darkest < 0.45 * mean(&photo()), "{darkest}");
        assert!(darkest > 5.0, "{darkest}: nothing is left to see");
    }

    #[test]
    fn grey_has_equal_channels_and_the_same_luma() {
        let augmentation = Augmentation {
            grey: 1.0,
            ..Augmentation::none()
        };
        for (old, new) in photo()
            .chunks(3)
            .zip(run(&photo(), 32, &augmentation, 1).chunks(3))
        {
            assert!(new[0].abs_diff(new[1]) <= 1 && new[1].abs_diff(new[2]) <= 1);
            let luma = 0.299 * f32::from(old[0]) + 0.587 * f32::from(old[1]);
            let luma = luma + 0.114 * f32::from(old[2]);
            assert!((f32::from(new[1]) - luma).abs() <= 1.5);
        }
    }
}
