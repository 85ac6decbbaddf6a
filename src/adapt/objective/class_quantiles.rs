//! Quantiles of a model's confidence, class by class.

use ndarray::ArrayView3;

use super::VOID;

/// What quantiles so far count in their running means.
const KEPT: f32 = 0.9;

/// How sure a model is of each class where it finds it: a quantile of its confidence, as a running mean. Classes that it is
/// never as sure of as of others would not be learned with one threshold for all (Zou et al., *Unsupervised Domain Adaptation for
/// Semantic Segmentation via Class-Balanced Self-Training*, ECCV 2018).
#[derive(Clone, Debug)]
pub(in crate::adapt) struct ClassQuantiles {
    /// From 0 to 1.
    quantile: f32,
    running: Box<[Option<f32>; 256]>,
    /// Class and confidence of every token of a frame.
    tokens: Vec<(u8, f32)>,
}

impl ClassQuantiles {
    /// Of no frame so far.
    pub fn new(quantile: f32) -> Self {
        Self {
            quantile,
            running: Box::new([None; 256]),
            tokens: vec![],
        }
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.running.fill(None);
    }

    /// Takes in the class probabilities (classes, height / 4, width / 4) of a frame.
    pub fn see(&mut self, probabilities: ArrayView3<'_, f32>) {
        let (_, rows, columns) = probabilities.dim();
        self.tokens.clear();
        self.tokens
            .resize(rows * columns, (VOID, f32::NEG_INFINITY));
        for (class, plane) in (0..VOID).zip(probabilities.outer_iter()) {
            for (token, &value) in self.tokens.iter_mut().zip(plane) {
                if value > token.1 {
                    *token = (class, value);
                }
            }
        }
        self.tokens
            .sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        for of_class in self.tokens.chunk_by(|a, b| a.0 == b.0) {
            let place = (self.quantile * (of_class.len() - 1) as f32).round() as usize;
            let (class, found) = of_class[place.min(of_class.len() - 1)];
            let running = &mut self.running[usize::from(class)];
            *running = match *running {
                Some(so_far) => Some(so_far + (1.0 - KEPT) * (found - so_far)),
                None => Some(found),
            };
        }
    }

    /// The quantile of a class; above every probability for one that was never found.
    pub fn of(&self, class: u8) -> f32 {
        self.running[usize::from(class)].unwrap_or(f32::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::adapt::objective::PseudoLabels;
    use crate::adapt::size::Size;

    #[test]
    fn every_class_has_its_own_quantile() {
        // Three tokens of each class: of the first the model is surer.
        let planes = |first: [f32; 3], second: [f32; 3]| {
            Array3::from_shape_fn((3, 2, 3), |(class, y, x)| {
                let sure = [first, second][y][x];
                match class {
                    2 => 0.0,
                    _ if class == y => sure,
                    _ => 1.0 - sure,
                }
            })
        };
        let mut quantiles = ClassQuantiles::new(0.5);
        assert_eq!(quantiles.of(0), f32::INFINITY);
        quantiles.see(planes([0.9, 1.0, 0.8], [0.6, 0.51, 0.7]).view());
        assert_eq!([0, 1].map(|class| quantiles.of(class)), [0.9, 0.6]);
        assert_eq!(quantiles.of(2), f32::INFINITY, "never the likeliest");
        quantiles.see(planes([1.0; 3], [0.6, 0.51, 0.7]).view());
        assert!((quantiles.of(0) - 0.91).abs() < 1e-6);
        assert_eq!(quantiles.of(1), 0.6);
        quantiles.clear();
        assert_eq!(quantiles.of(1), f32::INFINITY);
    }

    #[test]
    fn what_is_not_finite_is_no_label() {
        let planes = Array3::from_elem((3, 3, 4), f32::NAN);
        let mut quantiles = ClassQuantiles::new(0.5);
        quantiles.see(planes.view());
        let mut labels = PseudoLabels::default();
        let size = Size {
            height: 12,
            width: 16,
        };
        labels.find(
            planes.view(),
            size,
            |_, _| true,
            |class| quantiles.of(class),
        );
        assert!(labels.map.iter().all(|&label| label == VOID));
    }
}
