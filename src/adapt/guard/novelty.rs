//! Novelty of a video: how much of it reconstruction leaves unexplained, against the training pictures.
//!
//! A step of gradient descent on one masked view is noisy. Where the weights on disk already fit, that noise is all
//! there is to it and the maps suffer; where the video is unlike the training pictures, the same step pays
//! (`docs/results.md`). The squared error alone cannot separate the two, because a dark frame has less to get wrong, so
//! it is taken as a share of the variance of what was to be reconstructed.

use crate::video::Rgb;
use crate::weights::{ModelFile, Normalisation};

/// Whether the video is strange, and so to be learned from.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::adapt) struct Novelty {
    /// Whether the last view was.
    strange: bool,
}

impl Novelty {
    /// Share of the variance above which a view is strange; none when every frame is to be learned from.
    pub(in crate::adapt) fn threshold(factor: f64, model: &ModelFile) -> Option<f32> {
        let reference = model.unexplained.filter(|_| factor > 0.0)?;
        Some(reference * factor as f32)
    }

    /// Whether the last view was strange; not so before the first.
    pub(in crate::adapt) fn is_strange(self) -> bool {
        self.strange
    }

    /// Records a view. What is not finite is strange: the step's own guard deals with it.
    pub(in crate::adapt) fn seen(&mut self, unexplained: f32, threshold: f32) {
        self.strange = unexplained.is_nan() || unexplained >= threshold;
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
    fn what_is_not_a_number_is_strange() {
        let mut surprise = Novelty::default();
        assert!(!surprise.is_strange());
        for (share, strange) in [(0.3, true), (0.1, false), (f32::NAN, true), (0.2, true)] {
            surprise.seen(share, 0.2);
            assert_eq!(surprise.is_strange(), strange, "{share}");
        }
    }
}
