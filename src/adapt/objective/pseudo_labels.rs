//! Pseudo-labels: classes that a model finds likely enough to learn from.

use ndarray::{ArrayView3, Axis};

use crate::adapt::size::Size;
use crate::nn::PATCH;
use crate::video::ClassMap;

/// Confidence that makes a label of a class where all classes are measured alike.
const CONFIDENCE: f32 = 0.6;
/// No class.
pub(in crate::adapt) const VOID: u8 = 255;

/// Labels of a frame, in memory that is used again for the next one.
#[derive(Default)]
pub(in crate::adapt) struct PseudoLabels {
    /// The class of every pixel, (height, width); 255 where none is likely enough.
    pub map: ClassMap,
    /// For every column the tokens between which it lies, and what the second counts.
    columns: Vec<(usize, usize, f32)>,
    /// Probabilities of a class between two rows of tokens.
    between: Vec<f32>,
    /// The highest probability of every pixel of a row.
    best: Vec<f32>,
}

/// The two of so many tokens between which a pixel lies, and what the second counts.
fn tokens_around(pixel: usize, tokens: usize) -> (usize, usize, f32) {
    let at = ((pixel as f32 + 0.5) / PATCH as f32 - 0.5).clamp(0.0, (tokens - 1) as f32);
    let low = at as usize;
    (low, (low + 1).min(tokens - 1), at - low as f32)
}

impl PseudoLabels {
    /// What a model is sure of in a frame of this size, by class probabilities (classes, height / 4, width / 4).
    pub fn confident(probabilities: ArrayView3<'_, f32>, size: Size) -> Self {
        let mut labels = Self::default();
        labels.find(probabilities, size, |_, _| true, |_| CONFIDENCE);
        labels
    }

    /// Finds the likeliest class of every pixel of a frame of this size, by class probabilities (classes, height / 4, width / 4)
    /// that are brought up bilinearly, of those that `may` be what is at a place (row, column); none where that is less likely than
    /// `least` says of the class.
    pub fn find(
        &mut self,
        probabilities: ArrayView3<'_, f32>,
        size: Size,
        may: impl Fn(u8, [usize; 2]) -> bool,
        least: impl Fn(u8) -> f32,
    ) {
        let (_, rows, columns) = probabilities.dim();
        if self.map.dim() != (size.height, size.width) {
            self.map = ClassMap::zeros((size.height, size.width));
        }
        self.columns.clear();
        let around = (0..size.width).map(|x| tokens_around(x, columns));
        self.columns.extend(around);
        self.between.resize(columns, 0.0);
        self.best.resize(size.width, 0.0);
        let (between, best) = (&mut self.between, &mut self.best);
        for (y, mut labels) in self.map.outer_iter_mut().enumerate() {
            let (above, below, share) = tokens_around(y, rows);
            labels.fill(VOID);
            best.fill(f32::NEG_INFINITY);
            for (class, plane) in (0..VOID).zip(probabilities.axis_iter(Axis(0))) {
                let (above, below) = (plane.row(above), plane.row(below));
                for ((to, above), below) in between.iter_mut().zip(above).zip(below) {
                    *to = above + (below - above) * share;
                }
                let pixels = labels.iter_mut().zip(best.iter_mut()).zip(&self.columns);
                for (x, ((label, best), &(left, right, share))) in pixels.enumerate() {
                    let value = between[left] + (between[right] - between[left]) * share;
                    if value > *best && may(class, [y, x]) {
                        (*label, *best) = (class, value);
                    }
                }
            }
            for (label, best) in labels.iter_mut().zip(best.iter()) {
                if *best < least(*label) {
                    *label = VOID;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    const SIZE: Size = Size {
        height: 12,
        width: 16,
    };

    #[test]
    fn labels_are_those_the_model_is_sure_of() {
        // Two classes side by side, and a third row of tokens of which nothing is sure.
        let planes = Array3::from_shape_fn((2, 3, 4), |(class, y, x)| {
            let here = usize::from(x >= 2) == class;
            match (y, here) {
                (2, _) => 0.5,
                (_, true) => 0.9,
                (_, false) => 0.1,
            }
        });
        let mut labels = PseudoLabels::default();
        labels.find(planes.view(), SIZE, |_, _| true, |_| 0.6);
        let map = &labels.map;
        assert_eq!(map.dim(), (12, 16));
        assert_eq!((map[[0, 0]], map[[3, 15]], map[[11, 0]]), (0, 1, VOID));
        assert!(
            map.row(1).iter().filter(|&&l| l == VOID).count() <= 2,
            "{map}"
        );
        // Each class by its own measure, in the memory of before.
        let before = labels.map.as_ptr();
        let least = |class| [0.6, 0.95][usize::from(class)];
        labels.find(planes.view(), SIZE, |_, _| true, least);
        assert_eq!(labels.map.as_ptr(), before);
        assert_eq!((labels.map[[0, 0]], labels.map[[3, 15]]), (0, VOID));
        // Of what may be somewhere, the likeliest.
        let may = |class, [y, _]: [usize; 2]| class == 1 && y < 6;
        labels.find(planes.view(), SIZE, may, |_| 0.0);
        assert_eq!((labels.map[[0, 0]], labels.map[[6, 15]]), (1, VOID));
    }
}
