//! The random numbers of a step: frames, patches, branches. All of them are a function of (seed, frame), so a stream
//! replays exactly.

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::Sampling;
use super::graphs::Size;

/// The random numbers of one frame.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// Those of frame `frame` of a stream with this seed.
    pub fn new(seed: u64, frame: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(frame);
        Self(rng)
    }

    /// `count` places in a window of `window` frames (`docs/method.md#sampling`).
    pub fn places(&mut self, window: usize, count: usize, sampling: Sampling) -> Vec<usize> {
        match sampling {
            Sampling::Replacement => (0..count).map(|_| self.0.random_range(0..window)).collect(),
            Sampling::Permutation => {
                let mut places = Vec::with_capacity(count + window);
                while places.len() < count {
                    let start = places.len();
                    places.extend(0..window);
                    places[start..].shuffle(&mut self.0);
                }
                places.truncate(count);
                places
            }
        }
    }

    /// A mask of `blocks` patches, 1 = visible: `⌊blocks · (1 − ratio)⌋` are, at least one
    /// (`docs/method.md#masking`).
    pub fn mask(&mut self, blocks: usize, ratio: f64) -> Vec<f32> {
        let visible = visible_blocks(blocks, ratio);
        let mut mask = vec![0.0; blocks];
        mask[..visible].fill(1.0);
        mask.shuffle(&mut self.0);
        mask
    }

    /// Top and left of a view of size `of` in a frame, uniform over all places
    /// (`docs/method.md#views`). A view as large as the frame draws nothing.
    pub fn corner(&mut self, frame: Size, of: Size) -> (usize, usize) {
        let mut draw = |slack: usize| match slack {
            0 => 0,
            slack => self.0.random_range(0..=slack),
        };
        (
            draw(frame.height.saturating_sub(of.height)),
            draw(frame.width.saturating_sub(of.width)),
        )
    }

    /// A number from one to another, uniformly.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Whether something happens that does with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// Adds noise of this standard deviation. It is the sum of four uniform numbers each, nearly Gaussian and quick to make.
    pub fn add_noise(&mut self, values: &mut [f32], deviation: f32) {
        const BYTES: f32 = 4.0;
        let mean = BYTES * 127.5;
        let scale = deviation / (BYTES * (256.0 * 256.0 - 1.0) / 12.0).sqrt();
        for value in values {
            let sum: u16 = self.0.random::<[u8; 4]>().map(u16::from).iter().sum();
            *value += (f32::from(sum) - mean) * scale;
        }
    }

    /// Multipliers of the residual branches `(2 · blocks, batch)` for stochastic depth: block `n` of `blocks` is
    /// dropped at rate `largest · n / (blocks − 1)`, survivors are scaled by 1/keep (`docs/method.md#stochastic-depth`).
    pub fn branches(&mut self, blocks: usize, batch: usize, largest: f64) -> Vec<f32> {
        let mut scales = Vec::with_capacity(2 * blocks * batch);
        for branch in 0..2 * blocks {
            let keep = 1.0 - largest * (branch / 2) as f64 / (blocks.max(2) - 1) as f64;
            for _ in 0..batch {
                let survives = self.0.random::<f64>() < keep;
                scales.push(if survives { (1.0 / keep) as f32 } else { 0.0 });
            }
        }
        scales
    }
}

/// How many of `blocks` patches stay visible.
fn visible_blocks(blocks: usize, ratio: f64) -> usize {
    ((blocks as f64 * (1.0 - ratio)).floor() as usize).clamp(1, blocks.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_counts_are_those_of_the_method() {
        assert_eq!(visible_blocks(2048, 0.85), 307);
        assert_eq!(visible_blocks(4096, 0.85), 614);
        assert_eq!(visible_blocks(2048, 0.80), 409);
        assert_eq!(visible_blocks(4096, 0.80), 819);
        let mask = Draws::new(1, 2).mask(2048, 0.85);
        assert_eq!(mask.iter().filter(|&&v| v == 1.0).count(), 307);
    }

    #[test]
    fn permutations_are_balanced() {
        let mut places = Draws::new(0, 0).places(16, 32, Sampling::Permutation);
        places.sort_unstable();
        assert!(places.into_iter().eq((0..16).flat_map(|i| [i, i])));
        assert_eq!(
            Draws::new(0, 0).places(1, 32, Sampling::Permutation),
            [0; 32]
        );
    }

    #[test]
    fn views_lie_anywhere_in_the_frame() {
        let size = |height, width| Size { height, width };
        let (frame, of) = (size(64, 96), size(32, 48));
        let mut draws = Draws::new(3, 0);
        let corners: Vec<_> = (0..4000).map(|_| draws.corner(frame, of)).collect();
        let ends = |side: fn(&(usize, usize)) -> usize| {
            let all = || corners.iter().map(side);
            (all().min(), all().max())
        };
        assert_eq!(ends(|c| c.0), (Some(0), Some(32)));
        assert_eq!(ends(|c| c.1), (Some(0), Some(48)));
        let mut whole = Draws::new(3, 0);
        assert_eq!(whole.corner(frame, frame), (0, 0));
        assert_eq!(whole.mask(24, 0.5), Draws::new(3, 0).mask(24, 0.5));
    }

    #[test]
    fn draws_depend_on_seed_and_frame_only() {
        let mask = |seed, frame| Draws::new(seed, frame).mask(64, 0.8);
        assert_eq!(mask(7, 3), mask(7, 3));
        assert_ne!(mask(7, 3), mask(7, 4));
        assert_ne!(mask(7, 3), mask(8, 3));
    }

    #[test]
    fn noise_has_the_deviation_that_is_asked_for() {
        let mut values = vec![0.5_f32; 100_000];
        Draws::new(2, 0).add_noise(&mut values, 0.1);
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count;
        assert!((mean - 0.5).abs() < 2e-3, "{mean}");
        assert!((square.sqrt() - 0.1).abs() < 1e-3, "{square}");
        // As often beyond twice the deviation as a Gaussian, or nearly so.
        let far = values.iter().filter(|v| (*v - mean).abs() > 0.2).count();
        assert!((3_500..5_500).contains(&far), "{far}");
    }

    #[test]
    fn numbers_lie_between_their_ends() {
        let mut draws = Draws::new(4, 0);
        let drawn: Vec<f64> = (0..1000).map(|_| draws.between(-1.0, 3.0)).collect();
        assert!(drawn.iter().all(|v| (-1.0..3.0).contains(v)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((mean - 1.0).abs() < 0.15, "{mean}");
        let often = (0..1000).filter(|_| draws.chance(0.2)).count();
        assert!((150..250).contains(&often), "{often}");
    }

    #[test]
    fn stochastic_depth_keeps_the_first_block_and_the_mean() {
        let scales = Draws::new(5, 0).branches(24, 400, 0.3);
        assert!(scales[..2 * 400].iter().all(|&s| s == 1.0));
        let last = &scales[47 * 400..];
        let mean = last.iter().sum::<f32>() / 400.0;
        assert!((mean - 1.0).abs() < 0.12, "{mean}");
        assert!(
            last.iter()
                .all(|&s| s == 0.0 || (s - 1.0 / 0.7).abs() < 1e-5)
        );
    }
}
