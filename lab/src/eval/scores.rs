//! Class scores at model size to labels at the size of the ground truth.

use rayon::prelude::*;

/// Why scores cannot be turned into labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoresError {
    /// The scores do not have the size given.
    #[error("{given} scores for {classes} classes of {width}x{height} pixels")]
    Length {
        /// Number of classes, from 1 to 255.
        classes: usize,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Scores there were.
        given: usize,
    },
    /// No pixels, or more than there can be.
    #[error("labels of {width}x{height} pixels")]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
}

/// Where an output pixel's centre falls between two input pixels.
#[derive(Clone, Copy, Debug)]
struct Between {
    low: usize,
    high: usize,
    /// Weight of `high`.
    share: f32,
}

/// Half-pixel centres, clamped at the edges (PyTorch's `align_corners=False`).
fn positions(from: usize, to: usize) -> Vec<Between> {
    (0..to)
        .map(|i| {
            let at = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
            let at = at.clamp(0.0, (from - 1) as f64);
            let low = at as usize;
            Between {
                low,
                high: (low + 1).min(from - 1),
                share: (at - low as f64) as f32,
            }
        })
        .collect()
}

/// Upsamples class scores (`classes` × `height` × `width`) bilinearly to `to_height` × `to_width` and returns the class
/// with the highest score of each pixel; of equal ones the first (`docs/method.md#class-scores`). Scores that are not numbers never win.
///
/// # Errors
/// [`ScoresError`] when the number of scores does not fit, or a size is zero or too large.
pub fn scores_to_labels(
    scores: &[f32],
    classes: usize,
    (height, width): (usize, usize),
    (to_height, to_width): (usize, usize),
) -> Result<Vec<u8>, ScoresError> {
    let plane = height.checked_mul(width);
    let expected = plane.and_then(|p| p.checked_mul(classes));
    if !(1..=255).contains(&classes) || expected != Some(scores.len()) || scores.is_empty() {
        return Err(ScoresError::Length {
            classes,
            width,
            height,
            given: scores.len(),
        });
    }
    let plane = height * width;
    let pixels = to_height.checked_mul(to_width);
    let pixels = pixels.filter(|p| (1..=1 << 30).contains(p));
    let pixels = pixels.ok_or(ScoresError::Size {
        width: to_width,
        height: to_height,
    })?;
    let (rows, columns) = (positions(height, to_height), positions(width, to_width));
    let mut labels = vec![0; pixels];
    let scratch = || (vec![0.0f32; width], vec![0.0f32; to_width]);
    labels
        .par_chunks_exact_mut(to_width)
        .zip(&rows)
        .for_each_init(scratch, |(mixed, best), (labels, row)| {
            best.fill(f32::NEG_INFINITY);
            for (class, scores) in (0u8..).zip(scores.chunks_exact(plane)) {
                let low = &scores[row.low * width..][..width];
                let high = &scores[row.high * width..][..width];
                for ((to, low), high) in mixed.iter_mut().zip(low).zip(high) {
                    *to = low + (high - low) * row.share;
                }
                for ((label, best), at) in labels.iter_mut().zip(&mut *best).zip(&columns) {
                    let (low, high) = (mixed[at.low], mixed[at.high]);
                    let score = low + (high - low) * at.share;
                    if score > *best {
                        (*label, *best) = (class, score);
                    }
                }
            }
        });
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_are_those_of_half_pixel_centres() {
        // Two pixels to four: what PyTorch gives for [0, 1] is [0, 0.25, 0.75, 1].
        let values: Vec<f32> = positions(2, 4)
            .iter()
            .map(|p| p.low as f32 * (1.0 - p.share) + p.high as f32 * p.share)
            .collect();
        assert_eq!(values, [0.0, 0.25, 0.75, 1.0]);
        let same = positions(5, 5);
        assert!(
            same.iter()
                .enumerate()
                .all(|(i, p)| p.low == i && p.share == 0.0)
        );
    }

    #[test]
    fn upsampled_before_the_maximum_is_taken() {
        // Class 2 is highest nowhere at model size, but in the middle once upsampled.
        let scores = [1.0, 0.0, 0.0, 1.0, 0.7, 0.7];
        let labels = scores_to_labels(&scores, 3, (1, 2), (1, 8)).unwrap();
        assert_eq!(labels, [0, 0, 0, 2, 2, 1, 1, 1]);
        assert_eq!(scores_to_labels(&scores, 3, (1, 2), (1, 2)), Ok(vec![0, 1]));
        // Equal scores: the first class.
        assert_eq!(scores_to_labels(&[0.5; 8], 2, (2, 2), (1, 1)), Ok(vec![0]));
        let nan = [f32::NAN, 0.1];
        assert_eq!(scores_to_labels(&nan, 2, (1, 1), (1, 2)), Ok(vec![1, 1]));
    }

    #[test]
    fn sizes_that_do_not_fit() {
        assert!(scores_to_labels(&[0.0; 7], 2, (2, 2), (4, 4)).is_err());
        assert!(scores_to_labels(&[], 0, (0, 0), (4, 4)).is_err());
        assert!(scores_to_labels(&[0.0; 4], 1, (usize::MAX, 2), (4, 4)).is_err());
        let huge = scores_to_labels(&[0.0; 4], 1, (2, 2), (usize::MAX, 2));
        assert!(matches!(huge, Err(ScoresError::Size { .. })));
        assert!(scores_to_labels(&[0.0; 4], 1, (2, 2), (0, 2)).is_err());
    }

    proptest! {
        #[test]
        fn as_pixel_by_pixel(
            h in 1usize..9, w in 1usize..9, th in 1usize..30, tw in 1usize..30, classes in 1usize..6, seed in any::<u32>(),
        ) {
            let scores: Vec<f32> = (0..classes * h * w)
                .map(|i| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) as f32 / (1 << 24) as f32)
                .collect();
            let labels = scores_to_labels(&scores, classes, (h, w), (th, tw)).unwrap();
            let at = |i: usize, from: usize, to: usize| {
                ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64)
            };
            for y in 0..th {
                for x in 0..tw {
                    let (sy, sx) = (at(y, h, th), at(x, w, tw));
                    let value = |class: usize| {
                        let get = |y: usize, x: usize| {
                            f64::from(scores[(class * h + y.min(h - 1)) * w + x.min(w - 1)])
                        };
                        let (iy, ix) = (sy as usize, sx as usize);
                        let (fy, fx) = (sy.fract(), sx.fract());
                        get(iy, ix) * (1.0 - fy) * (1.0 - fx) + get(iy, ix + 1) * (1.0 - fy) * fx
                            + get(iy + 1, ix) * fy * (1.0 - fx) + get(iy + 1, ix + 1) * fy * fx
                    };
                    let highest = (0..classes).map(value).fold(f64::NEG_INFINITY, f64::max);
                    let taken = value(usize::from(labels[y * tw + x]));
                    prop_assert!(highest - taken < 1e-5, "{x},{y}: {taken} instead of {highest}");
                }
            }
        }
    }
}
