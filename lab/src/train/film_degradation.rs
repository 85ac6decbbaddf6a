//! The degradation of old film: grey, and rarely a clean grey.

use super::augment::{blur, noise};
use super::random::{chance, uniform};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Luma weights of red, green and blue: BT.601, BT.709, and a film that is nearly blind to red (orthochromatic, until about
/// 1930).
const PANCHROMATIC: [[f32; 3]; 2] = [[0.299, 0.587, 0.114], [0.2126, 0.7152, 0.0722]];
const ORTHOCHROMATIC: [f32; 3] = [0.05, 0.55, 0.40];

/// What a grey view of a picture suffers. Probabilities are from 0 to 1; grey counts from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct FilmDegradation {
    /// Probability that it stays a clean grey, whatever the others are.
    pub clean: f32,
    /// Probability of a film that sees less red.
    pub orthochromatic: f32,
    /// Probability of blur.
    pub blur: f32,
    /// Largest standard deviation of the blur in pixels, from 0.3.
    pub blur_sigma: f32,
    /// Probability of another exposure: a gamma.
    pub exposure: f32,
    /// Least and largest exponent, above 0, drawn uniformly in the logarithm.
    pub exposure_range: (f32, f32),
    /// Probability that contrast has faded or is exaggerated.
    pub contrast: f32,
    /// Most of the range of grey that is lost at each end, and half the most that is added; from 0 to 0.4.
    pub contrast_loss: f32,
    /// Probability of flicker: a gain that varies down the picture.
    pub flicker: f32,
    /// Largest change of the gain.
    pub flicker_depth: f32,
    /// Probability of darker corners.
    pub vignette: f32,
    /// Largest share of the light that corners lose.
    pub vignette_depth: f32,
    /// Probability of grain.
    pub grain: f32,
    /// Largest standard deviation of the grain.
    pub grain_sigma: f32,
    /// Probability of scratches, and of dust.
    pub scratches: f32,
    /// Most scratches; five times as many specks of dust.
    pub scratch_count: u32,
}

impl Default for FilmDegradation {
    fn default() -> Self {
        Self {
            clean: 0.25,
            orthochromatic: 0.25,
            blur: 0.4,
            blur_sigma: 1.8,
            exposure: 0.5,
            exposure_range: (0.6, 1.7),
            contrast: 0.5,
            contrast_loss: 0.2,
            flicker: 0.3,
            flicker_depth: 0.2,
            vignette: 0.3,
            vignette_depth: 0.5,
            grain: 0.5,
            grain_sigma: 0.08,
            scratches: 0.2,
            scratch_count: 4,
        }
    }
}

impl FilmDegradation {
    /// The same with every change that many times as likely, certain at most: 0 leaves a clean grey.
    pub fn often(mut self, often: f32) -> Self {
        for probability in [
            &mut self.orthochromatic,
            &mut self.blur,
            &mut self.exposure,
            &mut self.contrast,
            &mut self.flicker,
            &mut self.vignette,
            &mut self.grain,
            &mut self.scratches,
        ] {
            *probability = (*probability * often).clamp(0.0, 1.0);
        }
        self
    }

    /// Writes what such a film shows of `colours` (interleaved RGB, `width` pixels a row) to `grey`, interleaved RGB as well
    /// with all three the same. `work` is a scratch buffer.
    pub(super) fn show(
        &self,
        colours: &[u8],
        width: usize,
        grey: &mut [u8],
        rng: &mut ChaCha8Rng,
        work: &mut [Vec<f32>; 2],
    ) {
        let [pixels, scratch] = work;
        let share = rng.random::<f32>();
        let mut weights = mix(PANCHROMATIC[0], PANCHROMATIC[1], share);
        let clean = chance(rng, self.clean);
        if !clean && chance(rng, self.orthochromatic) {
            weights = mix(weights, ORTHOCHROMATIC, rng.random());
        }
        let luma = |p: &[u8; 3]| {
            let each = p.iter().zip(weights);
            each.map(|(&v, w)| f32::from(v) * w).sum::<f32>() / 255.0
        };
        pixels.clear();
        pixels.extend(colours.as_chunks::<3>().0.iter().map(luma));
        if !clean && width > 0 && !pixels.is_empty() {
            self.wear(pixels, scratch, width, rng);
        }
        for (to, from) in grey.as_chunks_mut::<3>().0.iter_mut().zip(&*pixels) {
            // The cast saturates.
            *to = [(from * 255.0 + 0.5) as u8; 3];
        }
    }

    fn wear(&self, pixels: &mut [f32], scratch: &mut Vec<f32>, width: usize, rng: &mut ChaCha8Rng) {
        let height = pixels.len() / width;
        if chance(rng, self.blur) {
            let sigma = uniform(rng, 0.3, self.blur_sigma.max(0.3));
            blur::<1>(pixels, scratch, width, sigma);
        }
        if chance(rng, self.exposure) {
            let (low, high) = self.exposure_range;
            let exponent = uniform(rng, low.ln(), high.ln()).exp();
            pixels
                .iter_mut()
                .for_each(|p| *p = p.max(0.0).powf(exponent));
        }
        if chance(rng, self.vignette) {
            let depth = uniform(rng, 0.0, self.vignette_depth);
            each(pixels, width, |p, x, y| {
                let (dx, dy) = (x / width as f32 - 0.5, y / height as f32 - 0.5);
                *p *= 1.0 - depth * 2.0 * (dx * dx + dy * dy);
            });
        }
        if chance(rng, self.flicker) {
            let whole = 1.0 + uniform(rng, -self.flicker_depth, self.flicker_depth);
            let band = uniform(rng, 0.0, 0.5 * self.flicker_depth);
            let waves = uniform(rng, 0.2, 2.0) * std::f32::consts::TAU / height as f32;
            let start = uniform(rng, 0.0, std::f32::consts::TAU);
            each(pixels, width, |p, _, y| {
                *p *= whole + band * (start + waves * y).sin();
            });
        }
        if chance(rng, self.contrast) {
            // Below 0 black and above 1 white are beyond what the film holds: it is clipped there.
            let most = self.contrast_loss;
            let black = uniform(rng, -0.5 * most, most);
            let white = 1.0 - uniform(rng, -0.5 * most, most);
            pixels
                .iter_mut()
                .for_each(|p| *p = black + (white - black) * *p);
        }
        if chance(rng, self.grain) {
            let sigma = uniform(rng, 0.0, self.grain_sigma);
            scratch.clear();
            scratch.resize(pixels.len(), 0.0);
            noise(scratch, sigma, rng);
            if chance(rng, 0.5) {
                coarse(scratch, width);
            }
            for (p, n) in pixels.iter_mut().zip(&*scratch) {
                // Grain shows most in the middle of the range.
                let shows = 0.4 + 2.4 * (*p * (1.0 - *p)).max(0.0);
                *p += n * shows;
            }
        }
        if chance(rng, self.scratches) {
            for _ in 0..rng.random_range(0..=self.scratch_count) {
                scratch_line(pixels, width, rng);
            }
            for _ in 0..rng.random_range(0..=5 * self.scratch_count) {
                speck(pixels, width, rng);
            }
        }
    }
}

fn mix(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|i| a[i] + share * (b[i] - a[i]))
}

/// Calls `change` with every pixel and the place of its centre.
fn each(pixels: &mut [f32], width: usize, change: impl Fn(&mut f32, f32, f32)) {
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        for (x, p) in row.iter_mut().enumerate() {
            change(p, x as f32 + 0.5, y as f32 + 0.5);
        }
    }
}

/// Turns white noise into grains two pixels wide, of the same deviation.
fn coarse(noise: &mut [f32], width: usize) {
    for i in 0..noise.len().saturating_sub(width + 1) {
        // The mean of four has half the deviation of one.
        noise[i] = 0.5 * (noise[i] + noise[i + 1] + noise[i + width] + noise[i + width + 1]);
    }
}

/// A bright or dark line down part of the picture, nearly upright.
fn scratch_line(pixels: &mut [f32], width: usize, rng: &mut ChaCha8Rng) {
    let height = pixels.len() / width;
    let by = uniform(rng, 0.1, 0.6) * if chance(rng, 0.7) { 1.0 } else { -1.0 };
    let start = uniform(rng, 0.0, width as f32);
    let slant = uniform(rng, -0.03, 0.03);
    let wide = 1 + usize::from(chance(rng, 0.3));
    let ends = [0, 0].map(|_| rng.random_range(0..=height as u64) as usize);
    let whole = chance(rng, 0.5);
    let (top, bottom) = if whole {
        (0, height)
    } else {
        (ends[0].min(ends[1]), ends[0].max(ends[1]))
    };
    for y in top..bottom {
        let at = start + slant * y as f32;
        for x in (at.max(0.0) as usize..).take(wide) {
            if at >= 0.0 && x < width {
                pixels[y * width + x] += by;
            }
        }
    }
}

/// A bright or dark spot.
fn speck(pixels: &mut [f32], width: usize, rng: &mut ChaCha8Rng) {
    let height = pixels.len() / width;
    let to = if chance(rng, 0.5) { 0.05 } else { 0.95 };
    let radius = uniform(rng, 0.6, 2.5);
    let at = [width, height].map(|side| uniform(rng, 0.0, side as f32));
    let span = |centre: f32, side: usize| {
        ((centre - radius).max(0.0) as usize)..((centre + radius + 1.0) as usize).min(side)
    };
    for y in span(at[1], height) {
        for x in span(at[0], width) {
            let (dx, dy) = (x as f32 + 0.5 - at[0], y as f32 + 0.5 - at[1]);
            if dx * dx + dy * dy <= radius * radius {
                pixels[y * width + x] = to;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const WIDTH: usize = 32;

    fn photo() -> Vec<u8> {
        (0..WIDTH * 24 * 3).map(|i| (i * 37 % 251) as u8).collect()
    }

    fn show(film: &FilmDegradation, seed: u64) -> Vec<u8> {
        let mut grey = vec![0; photo().len()];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        film.show(
            &photo(),
            WIDTH,
            &mut grey,
            &mut rng,
            &mut Default::default(),
        );
        grey
    }

    #[test]
    fn without_wear_it_shows_a_luma_of_use() {
        for seed in 0..8 {
            let grey = show(&FilmDegradation::default().often(0.0), seed);
            for (colour, grey) in photo().chunks(3).zip(grey.chunks(3)) {
                assert!(grey[0] == grey[1] && grey[1] == grey[2]);
                let luma = PANCHROMATIC.map(|w| {
                    let each = colour.iter().zip(w);
                    each.map(|(&v, w)| f32::from(v) * w).sum::<f32>()
                });
                let (low, high) = (luma[0].min(luma[1]), luma[0].max(luma[1]));
                let found = f32::from(grey[0]);
                assert!(
                    (low - 0.51..high + 0.51).contains(&found),
                    "{found} {luma:?}"
                );
            }
        }
    }

    #[test]
    fn wear_differs_from_seed_to_seed_and_repeats_with_the_same() {
        let film = FilmDegradation {
            clean: 0.0,
            ..FilmDegradation::default().often(10.0)
        };
        assert_eq!(show(&film, 1), show(&film, 1));
        assert_ne!(show(&film, 1), show(&film, 2));
        let clean = show(&FilmDegradation::default().often(0.0), 1);
        assert_ne!(show(&film, 1), clean);
        let kept = (0..64).filter(|&s| {
            show(&FilmDegradation::default(), s) == show(&FilmDegradation::default().often(0.0), s)
        });
        let kept = kept.count();
        assert!((4..40).contains(&kept), "{kept} of 64 are clean");
    }

    #[test]
    fn coarse_grain_is_as_strong_as_fine_grain() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut grain = vec![0.0; 128 * 128];
        noise(&mut grain, 0.1, &mut rng);
        coarse(&mut grain, 128);
        let inside = &grain[..127 * 128];
        let square = inside.iter().map(|v| v * v).sum::<f32>() / inside.len() as f32;
        assert!((square.sqrt() - 0.1).abs() < 0.01, "{}", square.sqrt());
    }
}
