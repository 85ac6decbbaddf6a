//! The report of `tttseg eval --alignment`, and the sums it is made of.

use serde::{Deserialize, Serialize};

use super::graph::SUMS;

/// What `tttseg eval --alignment` found. Cosines are from −1 to 1; 0 means that reconstruction is
/// indifferent to the main task, below 0 that it works against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// Frames with labels, on which both gradients were finite and not zero.
    pub frames: usize,
    /// Masked views of each frame, over which the reconstruction gradient is the mean.
    pub views: usize,
    /// Share of hidden patches.
    pub mask_ratio: f64,
    /// Seed of the masks.
    pub seed: u64,
    /// Mean of the main-task loss: cross-entropy with equal class weights plus dice.
    pub main_loss: Option<f64>,
    /// Mean of the reconstruction loss.
    pub recon_loss: Option<f64>,
    /// The whole encoder.
    pub overall: PartAlignment,
    /// Its parts: the embedding, then the stages.
    pub parts: Vec<PartAlignment>,
}

/// How well both gradients agree in a part of the encoder. None where no frame was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartAlignment {
    /// Its name.
    pub part: String,
    /// Number of its weights.
    pub weights: usize,
    /// Mean over the frames of the cosine between both gradients.
    pub cosine: Option<f64>,
    /// Standard deviation of that cosine over the frames.
    pub spread: Option<f64>,
    /// Share of the frames on which it is above 0.
    pub positive: Option<f64>,
    /// Mean over the frames of the cosine between the main gradient and the sign of the reconstruction
    /// gradient, which is about the direction of AdamW's step when its moments restart.
    pub step_cosine: Option<f64>,
    /// Standard deviation of that cosine over the frames.
    pub step_spread: Option<f64>,
    /// Mean norm of the main gradient.
    pub main_norm: Option<f64>,
    /// Mean norm of the reconstruction gradient.
    pub recon_norm: Option<f64>,
}

/// The sums of all frames.
pub(super) struct FrameSums {
    parts: Vec<Part>,
    overall: Part,
}

/// A part of the encoder, and its sums in every frame.
struct Part {
    name: String,
    weights: usize,
    sums: Vec<[f64; SUMS]>,
}

impl FrameSums {
    /// For parts with these names and numbers of weights.
    pub(super) fn new(parts: Vec<(String, usize)>) -> Self {
        let empty = |(name, weights)| Part {
            name,
            weights,
            sums: vec![],
        };
        let all = parts.iter().map(|(_, weights)| weights).sum();
        Self {
            overall: empty(("encoder".to_owned(), all)),
            parts: parts.into_iter().map(empty).collect(),
        }
    }

    /// Counts a frame, given the rows of its sums; whether it could be.
    pub(super) fn frame(&mut self, sums: &[f32]) -> bool {
        let rows: Vec<[f64; SUMS]> = sums
            .chunks_exact(SUMS)
            .map(|row| std::array::from_fn(|i| f64::from(row[i])))
            .collect();
        let usable =
            |row: &[f64; SUMS]| row.iter().all(|v| v.is_finite()) && row[2] > 0.0 && row[3] > 0.0;
        let counts = rows.len() == self.parts.len() && rows.iter().all(usable);
        if counts {
            let all = std::array::from_fn(|i| rows.iter().map(|row| row[i]).sum());
            self.overall.sums.push(all);
            for (part, row) in self.parts.iter_mut().zip(rows) {
                part.sums.push(row);
            }
        }
        counts
    }

    /// Frames counted.
    pub(super) fn frames(&self) -> usize {
        self.overall.sums.len()
    }

    /// The whole encoder, and its parts.
    pub(super) fn finish(&self) -> (PartAlignment, Vec<PartAlignment>) {
        let parts = self.parts.iter().map(Part::describe);
        (self.overall.describe(), parts.collect())
    }
}

impl Part {
    fn describe(&self) -> PartAlignment {
        let each = |f: &dyn Fn(&[f64; SUMS]) -> f64| self.sums.iter().map(f).collect::<Vec<_>>();
        let cosines = each(&|[both, _, m, r]| both / (m.sqrt() * r.sqrt()));
        // The sign of a gradient has the norm √n: elements that are exactly zero are rare.
        let root = (self.weights as f64).sqrt();
        let steps = each(&|[_, signed, m, _]| signed / (m.sqrt() * root));
        PartAlignment {
            part: self.name.clone(),
            weights: self.weights,
            cosine: mean(&cosines),
            spread: deviation(&cosines),
            positive: mean(&each(&|row| f64::from(row[0] > 0.0))),
            step_cosine: mean(&steps),
            step_spread: deviation(&steps),
            main_norm: mean(&each(&|row| row[2].sqrt())),
            recon_norm: mean(&each(&|row| row[3].sqrt())),
        }
    }
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn deviation(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let squares: Vec<f64> = values.iter().map(|v| (v - centre).powi(2)).collect();
    mean(&squares).map(f64::sqrt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_of_known_gradients() {
        let mut sums = FrameSums::new(vec![("a".into(), 2), ("b".into(), 2)]);
        // a: m = (3, 0), r = (4, 0); then m = (3, 0), r = (−1, 1). b: m = (1, 1), r = (0.5, 0.5) twice.
        let b = [1.0, 2.0, 2.0, 0.5];
        assert!(sums.frame(&[[12.0, 3.0, 9.0, 16.0], b].concat()));
        assert!(sums.frame(&[[-3.0, -3.0, 9.0, 2.0], b].concat()));
        // Not finite, nothing labelled, of another model.
        assert!(!sums.frame(&[[f32::NAN, 1.0, 1.0, 1.0], b].concat()));
        assert!(!sums.frame(&[[0.0, 0.0, 0.0, 1.0], b].concat()));
        assert!(!sums.frame(&b));
        assert_eq!(sums.frames(), 2);
        let (overall, parts) = sums.finish();
        let near = |found: Option<f64>, wanted: f64| {
            let found = found.unwrap();
            assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
        };
        let root = 0.5f64.sqrt();
        near(parts[0].cosine, (1.0 - root) / 2.0);
        near(parts[0].spread, (1.0 + root) / 2.0);
        near(parts[0].positive, 0.5);
        near(parts[0].step_cosine, 0.0);
        near(parts[0].step_spread, root);
        near(parts[0].main_norm, 3.0);
        near(parts[0].recon_norm, (4.0 + 2f64.sqrt()) / 2.0);
        near(parts[1].cosine, 1.0);
        near(parts[1].spread, 0.0);
        near(parts[1].step_cosine, 1.0);
        assert_eq!((overall.part.as_str(), overall.weights), ("encoder", 4));
        let first = 13.0 / (11f64 * 16.5).sqrt();
        let second = -2.0 / (11f64 * 2.5).sqrt();
        near(overall.cosine, (first + second) / 2.0);
        near(overall.step_cosine, (5.0 - 1.0) / (2.0 * 44f64.sqrt()));
    }

    #[test]
    fn without_frames_nothing_is_said() {
        let (overall, parts) = FrameSums::new(vec![("a".into(), 2)]).finish();
        assert_eq!(
            (overall.cosine, overall.spread, parts.len()),
            (None, None, 1)
        );
    }
}
