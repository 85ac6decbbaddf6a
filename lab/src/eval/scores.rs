//! Class scores at model size to labels at the size of the ground truth.

use rayon::prelude::*;
use tttseg::ndarray::ArrayRef3;
use tttseg::video::ClassMap;

/// Why scores cannot be turned into labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoresError {
    /// No scores, or those of more than 255 classes.
    #[error("scores of shape {0:?}: 1 to 255 classes, height and width are needed")]
    Shape([usize; 3]),
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

/// Upsamples class scores (classes, height, width) bilinearly to another height and width and returns the class with the
/// highest score of each pixel; of equal ones the first (`docs/method.md#class-scores`). Scores that are not numbers never
/// win.
///
/// # Errors
/// [`ScoresError`] when there are no scores or too many classes, or a size is zero or too large.
pub fn scores_to_labels(
    scores: &ArrayRef3<f32>,
    (to_height, to_width): (usize, usize),
) -> Result<ClassMap, ScoresError> {
    let (classes, height, width) = scores.dim();
    if scores.is_empty() || classes > 255 {
        return Err(ScoresError::Shape([classes, height, width]));
    }
    let pixels = to_height.checked_mul(to_width);
    if !pixels.is_some_and(|p| (1..=1 << 30).contains(&p)) {
        return Err(ScoresError::Size {
            width: to_width,
            height: to_height,
        });
    }
    let (rows, columns) = (positions(height, to_height), positions(width, to_width));
    let mut labels = ClassMap::zeros((to_height, to_width));
    let scratch = || (vec![0.0f32; width], vec![0.0f32; to_width]);
    labels
        .as_slice_mut()
        .unwrap_or_default()
        .par_chunks_exact_mut(to_width)
        .zip(&rows)
        .for_each_init(scratch, |(mixed, best), (labels, row)| {
            best.fill(f32::NEG_INFINITY);
            for (class, scores) in (0u8..).zip(scores.outer_iter()) {
                let (low, high) = (scores.row(row.low), scores.row(row.high));
                for ((to, low), high) in mixed.iter_mut().zip(&low).zip(&high) {
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
    use tttseg::ndarray::{Array3, array};

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
        let scores = array![[[1.0, 0.0]], [[0.0, 1.0]], [[0.7, 0.7]]];
        let labels = scores_to_labels(&scores, (1, 8)).unwrap();
        assert_eq!(labels, array![[0, 0, 0, 2, 2, 1, 1, 1]]);
        assert_eq!(scores_to_labels(&scores, (1, 2)), Ok(array![[0, 1]]));
        // Equal scores: the first class.
        let equal = Array3::from_elem((2, 2, 2), 0.5);
        assert_eq!(scores_to_labels(&equal, (1, 1)), Ok(array![[0]]));
        let nan = array![[[f32::NAN]], [[0.1]]];
        assert_eq!(scores_to_labels(&nan, (1, 2)), Ok(array![[1, 1]]));
    }

    #[test]
    fn sizes_that_do_not_fit() {
        for shape in [(0, 2, 2), (2, 0, 2), (256, 2, 2)] {
            let refused = scores_to_labels(&Array3::zeros(shape), (4, 4));
            assert_eq!(refused, Err(ScoresError::Shape(shape.into())));
        }
        for to in [(usize::MAX, 2), (0, 2)] {
            let refused = scores_to_labels(&Array3::zeros((1, 2, 2)), to);
            assert!(matches!(refused, Err(ScoresError::Size { .. })));
        }
    }

    proptest! {
        #[test]
        fn as_pixel_by_pixel(
            h in 1usize..9, w in 1usize..9, th in 1usize..30, tw in 1usize..30, classes in 1usize..6, seed in any::<u32>(),
        ) {
            let scores = Array3::from_shape_fn((classes, h, w), |(class, y, x)| {
                let i = ((class * h + y) * w + x) as u32;
                (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) as f32 / (1 << 24) as f32
            });
            let labels = scores_to_labels(&scores, (th, tw)).unwrap();
            let at = |i: usize, from: usize, to: usize| {
                ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64)
            };
            for y in 0..th {
                for x in 0..tw {
                    let (sy, sx) = (at(y, h, th), at(x, w, tw));
                    let value = |class: usize| {
                        let get = |y: usize, x: usize| {
                            f64::from(scores[[class, y.min(h - 1), x.min(w - 1)]])
                        };
                        let (iy, ix) = (sy as usize, sx as usize);
                        let (fy, fx) = (sy.fract(), sx.fract());
                        get(iy, ix) * (1.0 - fy) * (1.0 - fx) + get(iy, ix + 1) * (1.0 - fy) * fx
                            + get(iy + 1, ix) * fy * (1.0 - fx) + get(iy + 1, ix + 1) * fy * fx
                    };
                    let highest = (0..classes).map(value).fold(f64::NEG_INFINITY, f64::max);
                    let taken = value(usize::from(labels[[y, x]]));
                    prop_assert!(highest - taken < 1e-5, "{x},{y}: {taken} instead of {highest}");
                }
            }
        }
    }
}
