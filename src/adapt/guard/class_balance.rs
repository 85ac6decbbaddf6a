//! Class balance: a model that collapses predicts fewer classes than before.
//!
//! What a model is not sure of comes and goes, the more so the more classes it has. So only classes count that the model on
//! disk is sure of somewhere.

use std::collections::VecDeque;

use ndarray::ArrayView3;

/// Frames over which classes are counted.
const FRAMES: usize = 16;
/// Classes that may be missing on average.
const MOST_MISSING: f32 = 0.5;
/// Share of the tokens that the model on disk has to be sure of for a class to be expected, and to be missing where none goes
/// out.
const LEAST_SHARE: f32 = 1e-3;
/// Confidence with which the model on disk is sure.
const CONFIDENCE: f32 = 0.9;

/// How many classes are missing in the maps of the last frames.
#[derive(Clone, Debug, Default)]
pub(in crate::adapt) struct ClassBalance {
    missing: VecDeque<usize>,
}

impl ClassBalance {
    /// Takes in how many classes are missing in a frame.
    pub fn add(&mut self, missing: usize) {
        self.missing.push_back(missing);
        while self.missing.len() > FRAMES {
            self.missing.pop_front();
        }
    }

    /// Whether too many are missing. Not so before enough frames were seen.
    pub fn is_lost(&self) -> bool {
        let sum = self.missing.iter().sum::<usize>();
        self.missing.len() == FRAMES && sum as f32 > MOST_MISSING * FRAMES as f32
    }
}

/// How the model on disk and what was learned see a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::adapt) struct Comparison {
    /// Classes that the model on disk is sure of and that do not go out at all.
    pub missing: usize,
    /// Share of the tokens that the model on disk is sure of where what was learned says something else.
    pub disagreement: f32,
}

/// Compares the class probabilities (classes, rows, columns) of the model on disk with those of what was learned, of which `share`
/// goes out.
pub(in crate::adapt) fn compare(
    on_disk: ArrayView3<'_, f32>,
    learned: ArrayView3<'_, f32>,
    share: f32,
) -> Comparison {
    let (_, rows, columns) = on_disk.dim();
    let mut counts = [[0_usize; 256]; 2];
    let (mut sure, mut other) = (0_usize, 0_usize);
    for y in 0..rows {
        for x in 0..columns {
            let best = |probability: &dyn Fn(f32, f32) -> f32| {
                let mut best = (0, f32::NEG_INFINITY);
                let planes = on_disk.outer_iter().zip(learned.outer_iter());
                for (class, (on_disk, learned)) in (0..256).zip(planes) {
                    let here = probability(on_disk[[y, x]], learned[[y, x]]);
                    if here > best.1 {
                        best = (class, here);
                    }
                }
                best
            };
            let (before, confidence) = best(&|on_disk, _| on_disk);
            let (after, _) = best(&|_, learned| learned);
            let (out, _) = best(&|on_disk, learned| on_disk + share * (learned - on_disk));
            counts[1][out] += 1;
            if confidence > CONFIDENCE {
                counts[0][before] += 1;
                sure += 1;
                other += usize::from(before != after);
            }
        }
    }
    let least = (LEAST_SHARE * (rows * columns) as f32).max(1.0) as usize;
    Comparison {
        missing: counts[0]
            .iter()
            .zip(counts[1])
            .filter(|&(&sure, out)| sure >= least && out == 0)
            .count(),
        disagreement: other as f32 / sure.max(1) as f32,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn classes_that_stay_away_are_a_loss() {
        let mut balance = ClassBalance::default();
        for _ in 0..15 {
            balance.add(3);
            assert!(!balance.is_lost(), "too few frames");
        }
        balance.add(3);
        assert!(balance.is_lost());
        (0..16).for_each(|frame| balance.add(frame % 2));
        assert!(!balance.is_lost(), "half a class");
        balance.add(1);
        assert!(balance.is_lost());
    }

    /// Probabilities that are highest for these classes.
    fn planes(best: [usize; 4], confidence: f32) -> Array3<f32> {
        Array3::from_shape_fn((3, 2, 2), |(class, y, x)| {
            if best[2 * y + x] == class {
                confidence
            } else {
                (1.0 - confidence) / 2.0
            }
        })
    }

    #[test]
    fn maps_are_compared_where_the_model_on_disk_is_sure() {
        let learned = planes([0, 0, 0, 2], 0.5);
        let compare = |confidence, share| {
            let on_disk = planes([0, 1, 1, 2], confidence);
            compare(on_disk.view(), learned.view(), share)
        };
        let seen = |missing, disagreement| Comparison {
            missing,
            disagreement,
        };
        assert_eq!(compare(0.95, 1.0), seen(1, 0.5));
        // Where the model on disk has its say, the class still goes out.
        assert_eq!(compare(0.95, 0.5), seen(0, 0.5));
        assert_eq!(compare(0.8, 1.0), seen(0, 0.0), "not sure");
    }

    #[test]
    fn specks_are_not_missed() {
        let mut on_disk = Array3::from_shape_fn((2, 50, 50), |(class, ..)| [0.95, 0.05][class]);
        let learned = on_disk.clone();
        let mut missing = vec![];
        for column in [3, 4, 5] {
            (on_disk[[0, 3, column]], on_disk[[1, 3, column]]) = (0.05, 0.95);
            missing.push(compare(on_disk.view(), learned.view(), 1.0).missing);
        }
        assert_eq!(missing, [0, 1, 1], "a thousandth of the tokens");
    }
}
