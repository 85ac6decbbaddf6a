//! Novelty of a video: how much of it reconstruction leaves unexplained, against the training pictures.
//!
//! A step of gradient descent on one masked view is noisy. Where the weights on disk already fit, that noise is all
//! there is to it and the maps suffer; where the video is unlike the training pictures, the same step pays
//! (`docs/results.md`). The squared error alone cannot separate the two, because a dark frame has less to get wrong, so
//! it is taken as a share of the variance of what was to be reconstructed. One mask says little (`docs/method.md`): the mean
//! over several frames decides, each under a mask of its own.

use super::running_mean::RunningMean;
use crate::video::Rgb;
use crate::weights::{ModelFile, Normalisation};

/// What masked views of so far count when there is another one: the mean is of about five of them.
const KEPT: f32 = 0.8;
/// Views before which no video is strange: one mask says little.
const LEAST_VIEWS: u32 = 4;
/// Share of the threshold below which a strange video is in range again.
const AGAIN: f32 = 0.9;

/// Whether the video is strange, and so to be learned from. Decided by the mean of several masked views, with hysteresis.
#[derive(Clone, Copy, Debug)]
pub(in crate::adapt) struct Novelty {
    mean: RunningMean,
    strange: bool,
}

impl Default for Novelty {
    fn default() -> Self {
        Self {
            mean: RunningMean::new(KEPT),
            strange: false,
        }
    }
}

impl Novelty {
    /// Share of the variance from which on a video is strange; none when every frame is to be learned from.
    pub(in crate::adapt) fn threshold(factor: f64, model: &ModelFile) -> Option<f32> {
        let reference = model.unexplained.filter(|_| factor > 0.0)?;
        Some(reference * factor as f32)
    }

    /// Whether the video is strange; not so before enough of it was seen.
    pub(in crate::adapt) fn is_strange(&self) -> bool {
        self.strange
    }

    /// The mean share that is unexplained.
    pub(in crate::adapt) fn mean(&self) -> Option<f32> {
        self.mean.get()
    }

    /// Takes in a masked view of a frame.
    pub(in crate::adapt) fn seen(&mut self, unexplained: f32, threshold: f32) {
        self.mean.add(unexplained);
        let Some(mean) = self.mean.get() else {
            return;
        };
        let limit = if self.strange {
            AGAIN * threshold
        } else {
            threshold
        };
        self.strange = self.mean.count() >= LEAST_VIEWS && mean >= limit;
    }
}

/// `loss` (mean squared error of normalised pixels) as a share of the variance of these RGB frames. Pixels that are all the same have none; what is missed of them counts as if they had a level of 8 bits.
pub(in crate::adapt) fn unexplained<'a>(
    loss: f32,
    frames: impl IntoIterator<Item = &'a Rgb>,
    normalisation: &Normalisation,
) -> f32 {
    let mut sums = [0_u64; 3];
    let mut squares = [0_u64; 3];
    let mut pixels = 0;
    for rgb in frames {
        let rgb = rgb.as_slice().unwrap_or_default().as_chunks::<3>().0;
        pixels += rgb.len();
        for pixel in rgb {
            for (channel, &byte) in pixel.iter().enumerate() {
                let byte = u64::from(byte);
                sums[channel] += byte;
                squares[channel] += byte * byte;
            }
        }
    }
    let count = pixels.max(1) as f64;
    let (mut mean, mut square, mut level) = (0.0, 0.0, 0.0);
    for channel in 0..3 {
        let shift = f64::from(normalisation.mean[channel]);
        let scale = 1.0 / f64::from(normalisation.std[channel]);
        let raw = sums[channel] as f64 / count;
        let raw_square = squares[channel] as f64 / count;
        mean += (raw - shift) * scale / 3.0;
        square += (raw_square - 2.0 * shift * raw + shift * shift) * scale * scale / 3.0;
        level += scale * scale / 3.0;
    }
    (f64::from(loss) / (square - mean * mean).max(level)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_share_is_that_of_the_variance_of_all_normalised_pixels(
            rgb in proptest::collection::vec(any::<[u8; 3]>(), 8..64),
            loss in 0.01_f32..2.0,
        ) {
            let normalisation = Normalisation::default();
            let normalised: Vec<f64> = rgb
                .iter()
                .flat_map(|pixel| (0..3).map(|c| {
                    f64::from((f32::from(pixel[c]) - normalisation.mean[c]) / normalisation.std[c])
                }))
                .collect();
            let frame = Rgb::from_shape_fn((1, rgb.len(), 3), |(_, x, c)| rgb[x][c]);
            let count = normalised.len() as f64;
            let mean = normalised.iter().sum::<f64>() / count;
            let variance = normalised.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            prop_assume!(variance > 0.01);
            let expected = f64::from(loss) / variance;
            let share = f64::from(unexplained(loss, [&frame], &normalisation));
            prop_assert!((share - expected).abs() < 1e-4 * expected, "{share} for {expected}");
        }
    }

    #[test]
    fn one_colour_has_a_finite_share() {
        let share = unexplained(
            0.1,
            [&Rgb::from_elem((10, 10, 3), 100)],
            &Normalisation::default(),
        );
        assert!(share.is_finite() && share > 0.1, "{share}");
        assert!(unexplained(0.1, [], &Normalisation::default()).is_finite());
    }

    #[test]
    fn one_view_decides_nothing() {
        let mut novelty = Novelty::default();
        for view in 1..=LEAST_VIEWS {
            assert!(!novelty.is_strange());
            novelty.seen(0.3, 0.2);
            assert_eq!(novelty.is_strange(), view == LEAST_VIEWS);
        }
        let mut novelty = Novelty::default();
        (0..20).for_each(|_| novelty.seen(0.15, 0.2));
        // One unlucky mask, and one that says nothing.
        novelty.seen(0.35, 0.2);
        novelty.seen(f32::NAN, 0.2);
        assert!(!novelty.is_strange());
        assert!(novelty.mean().is_some_and(|mean| mean < 0.2));
    }

    #[test]
    fn between_two_limits_it_stays_as_it_was() {
        let settle = |novelty: &mut Novelty, share| (0..40).for_each(|_| novelty.seen(share, 0.2));
        let mut novelty = Novelty::default();
        settle(&mut novelty, 0.19);
        assert!(!novelty.is_strange());
        settle(&mut novelty, 0.21);
        assert!(novelty.is_strange());
        settle(&mut novelty, 0.19);
        assert!(novelty.is_strange());
        settle(&mut novelty, 0.17);
        assert!(!novelty.is_strange());
        settle(&mut novelty, 0.19);
        assert!(!novelty.is_strange());
    }
}
