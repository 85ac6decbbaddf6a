//! Class balance: a model that collapses predicts fewer classes than before.

use std::collections::VecDeque;

use ndarray::ArrayView3;

/// Frames over which classes are counted.
const FRAMES: usize = 16;
/// Classes that may be missing on average.
const MOST_MISSING: f32 = 0.5;
/// Share of the tokens that a class has to have to be counted: where video is noisy a model finds specks of anything.
const LEAST_SHARE: f32 = 1e-3;
/// Confidence of the model on disk where it is a disagreement that another one finds something else.
const CONFIDENCE: f32 = 0.9;

/// How many classes are missing in the maps of the last frames.
#[derive(Clone, Debug, Default)]
pub(in crate::adapt) struct ClassBalance {
    missing: VecDeque<f32>,
}

impl ClassBalance {
    /// Takes in how many classes the model on disk predicts in a frame, and how many are predicted by what was learned.
    pub fn add(&mut self, on_disk: usize, learned: usize) {
        self.missing.push_back(on_disk as f32 - learned as f32);
        while self.missing.len() > FRAMES {
            self.missing.pop_front();
        }
    }

    /// Whether too many are missing. Not so before enough frames were seen.
    pub fn is_lost(&self) -> bool {
        let sum: f32 = self.missing.iter().sum();
        self.missing.len() == FRAMES && sum > MOST_MISSING * FRAMES as f32
    }
}

/// How the model on disk and what was learned see a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::adapt) struct Comparison {
    /// Classes that the model on disk predicts, and those that go out.
    pub classes: [usize; 2],
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
            counts[0][before] += 1;
            counts[1][out] += 1;
            if confidence > CONFIDENCE {
                sure += 1;
                other += usize::from(before != after);
            }
        }
    }
    let least = (LEAST_SHARE * (rows * columns) as f32).max(1.0) as usize;
    Comparison {
        classes: counts.map(|counts| counts.iter().filter(|&&n| n >= least).count()),
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
            balance.add(5, 2);
            assert!(!balance.is_lost(), "too few frames");
        }
        balance.add(5, 2);
        assert!(balance.is_lost());
        (0..16).for_each(|frame| balance.add(5, 4 + frame % 2));
        assert!(!balance.is_lost(), "half a class");
        balance.add(5, 4);
        balance.add(5, 4);
        assert!(balance.is_lost());
        // More classes than before make up for it.
        (0..16).for_each(|frame| balance.add(5, 4 + 2 * (frame % 2)));
        assert!(!balance.is_lost());
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
        let seen = compare(planes([0, 1, 1, 2], 0.95).view(), learned.view(), 1.0);
        assert_eq!((seen.classes, seen.disagreement), ([3, 2], 0.5));
        let unsure = compare(planes([0, 1, 1, 2], 0.8).view(), learned.view(), 0.5);
        assert_eq!((unsure.classes, unsure.disagreement), ([3, 3], 0.0));
    }

    #[test]
    fn specks_are_no_class() {
        let mut planes = Array3::from_elem((2, 50, 50), 0.5_f32);
        planes[[1, 3, 3]] = 0.9;
        let seen = compare(planes.view(), planes.view(), 0.5);
        assert_eq!(seen.classes, [1, 1]);
    }
}
