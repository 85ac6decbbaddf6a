//! Intersection over union, pooled and per frame.

use tttseg::video::ClassMap;

/// Why maps cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Maps of different size.
    #[error("prediction of {}x{} pixels for a label of {}x{}", predicted.1, predicted.0, labelled.1, labelled.0)]
    Size {
        /// Height and width of the prediction in pixels.
        predicted: (usize, usize),
        /// Height and width of the label in pixels.
        labelled: (usize, usize),
    },
    /// A label that is no class.
    #[error("label {id} is none of the {classes} classes")]
    Label {
        /// The label.
        id: u8,
        /// Number of classes.
        classes: usize,
    },
}

/// Which classes a mean over classes is taken over (`docs/method.md#mean-iou`). The sum is the same: that of the classes with labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Averaging {
    /// Classes with labelled pixels, as in current detectron2.
    #[default]
    Labelled,
    /// Classes with labelled or predicted pixels, as in the fork behind the paper: a false alarm of a class without labels
    /// lowers the mean.
    LabelledOrPredicted,
}

/// How often each class was predicted for each label. Pixels labelled 255 do not count, whatever is predicted there; a
/// prediction that is no class counts as wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// Label × prediction; the last column is what is no class.
    counts: Vec<u64>,
}

impl Confusion {
    /// Counts over `classes` classes, at most 255.
    pub fn new(classes: usize) -> Self {
        let classes = classes.min(255);
        Self {
            classes,
            counts: vec![0; classes * (classes + 1)],
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Counts a predicted map against its labels.
    ///
    /// # Errors
    /// [`MetricError`] when sizes differ or a label is neither a class nor 255; then nothing is counted.
    pub fn add(&mut self, predicted: &ClassMap, labels: &ClassMap) -> Result<(), MetricError> {
        if predicted.dim() != labels.dim() {
            return Err(MetricError::Size {
                predicted: predicted.dim(),
                labelled: labels.dim(),
            });
        }
        let wrong = |&&id: &&u8| id != 255 && usize::from(id) >= self.classes;
        if let Some(&id) = labels.iter().find(wrong) {
            return Err(MetricError::Label {
                id,
                classes: self.classes,
            });
        }
        for (&predicted, &label) in predicted.iter().zip(labels) {
            if label != 255 {
                let column = usize::from(predicted).min(self.classes);
                self.counts[usize::from(label) * (self.classes + 1) + column] += 1;
            }
        }
        Ok(())
    }

    /// Adds the counts of another, over as many classes.
    fn merge(&mut self, other: &Self) {
        for (to, from) in self.counts.iter_mut().zip(&other.counts) {
            *to += from;
        }
    }

    fn row(&self, label: usize) -> &[u64] {
        if label >= self.classes {
            return &[];
        }
        let width = self.classes + 1;
        &self.counts[label * width..][..width]
    }

    /// Pixels labelled with a class.
    pub fn labelled(&self, class: usize) -> u64 {
        self.row(class).iter().sum()
    }

    /// Labelled pixels a class was predicted for.
    pub fn predicted(&self, class: usize) -> u64 {
        if class >= self.classes {
            return 0;
        }
        (0..self.classes).map(|label| self.row(label)[class]).sum()
    }

    /// Pixels of a class that were predicted right.
    pub fn right(&self, class: usize) -> u64 {
        self.row(class).get(class).copied().unwrap_or(0)
    }

    /// Intersection over union of a class, from 0 to 1; `None` when no pixel is labelled with it.
    pub fn iou(&self, class: usize) -> Option<f64> {
        let (labelled, right) = (self.labelled(class), self.right(class));
        let union = labelled + self.predicted(class) - right;
        (labelled > 0).then(|| right as f64 / union as f64)
    }

    /// Mean intersection over union, from 0 to 1; `None` when nothing is labelled.
    pub fn miou(&self, averaging: Averaging) -> Option<f64> {
        let ious: Vec<f64> = (0..self.classes).filter_map(|c| self.iou(c)).collect();
        let over = match averaging {
            Averaging::Labelled => ious.len(),
            Averaging::LabelledOrPredicted => (0..self.classes)
                .filter(|&c| self.labelled(c) + self.predicted(c) > 0)
                .count(),
        };
        (!ious.is_empty()).then(|| ious.iter().sum::<f64>() / over as f64)
    }

    /// Share of labelled pixels that were predicted right, from 0 to 1; `None` when nothing is labelled.
    pub fn pixel_accuracy(&self) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let right: u64 = (0..self.classes).map(|c| self.right(c)).sum();
        (all > 0).then(|| right as f64 / all as f64)
    }
}

/// Scores of a stream: pixels pooled over all frames, and the mean of the frames' own scores.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamScore {
    pooled: Confusion,
    frames: u64,
    sums: [f64; 2],
}

impl StreamScore {
    /// Scores over `classes` classes, at most 255.
    pub fn new(classes: usize) -> Self {
        Self {
            pooled: Confusion::new(classes),
            frames: 0,
            sums: [0.0; 2],
        }
    }

    /// Scores a frame. One without a labelled pixel has no score of its own and does not count as a frame.
    ///
    /// # Errors
    /// [`MetricError`] when sizes differ or a label is neither a class nor 255; then nothing is counted.
    pub fn add(&mut self, predicted: &ClassMap, labels: &ClassMap) -> Result<(), MetricError> {
        let mut frame = Confusion::new(self.pooled.classes());
        frame.add(predicted, labels)?;
        let both = (
            frame.miou(Averaging::Labelled),
            frame.miou(Averaging::LabelledOrPredicted),
        );
        if let (Some(labelled), Some(either)) = both {
            self.frames += 1;
            self.sums[0] += labelled;
            self.sums[1] += either;
        }
        self.pooled.merge(&frame);
        Ok(())
    }

    /// Counts of all frames together.
    pub fn pooled(&self) -> &Confusion {
        &self.pooled
    }

    /// Frames with labelled pixels.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Mean of the frames' mean intersection over union, from 0 to 1; `None` when nothing is labelled.
    pub fn per_frame(&self, averaging: Averaging) -> Option<f64> {
        let sum = match averaging {
            Averaging::Labelled => self.sums[0],
            Averaging::LabelledOrPredicted => self.sums[1],
        };
        (self.frames > 0).then(|| sum / self.frames as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;
    use tttseg::ndarray::{Axis, aview1, s};

    /// The example of `docs/method.md#mean-iou`: 50 pixels of class 0 all right, 50 of class 1 of which 20 are predicted as class 2.
    fn golden() -> (ClassMap, ClassMap) {
        let labels = [[0; 50], [1; 50]].concat();
        let predicted = [&[0; 50][..], &[1; 30], &[2; 20]].concat();
        (row(&predicted), row(&labels))
    }

    /// A map of one row.
    fn row(ids: &[u8]) -> ClassMap {
        aview1(ids).insert_axis(Axis(0)).to_owned()
    }

    #[test]
    fn golden_of_both_formulas() {
        let (predicted, labels) = golden();
        let mut counts = Confusion::new(19);
        counts.add(&predicted, &labels).unwrap();
        assert_eq!(counts.iou(0), Some(1.0));
        assert_eq!(counts.iou(1), Some(0.6));
        assert_eq!(counts.iou(2), None);
        assert_eq!(counts.iou(19), None);
        let fork = counts.miou(Averaging::LabelledOrPredicted).unwrap();
        assert_relative_eq!(fork, 1.6 / 3.0, epsilon = 1e-12);
        let upstream = counts.miou(Averaging::Labelled).unwrap();
        assert_relative_eq!(upstream, 0.8, epsilon = 1e-12);
        assert_eq!(counts.pixel_accuracy(), Some(0.8));
    }

    #[test]
    fn predictions_on_void_do_not_count() {
        let (mut predicted, mut labels) = golden();
        labels.slice_mut(s![.., 80..]).fill(255);
        let mut counts = Confusion::new(19);
        counts.add(&predicted, &labels).unwrap();
        assert_eq!(counts.predicted(2), 0);
        assert_eq!(counts.miou(Averaging::LabelledOrPredicted), Some(1.0));
        // What is no class is wrong where there is a label.
        predicted.slice_mut(s![.., ..25]).fill(255);
        let mut counts = Confusion::new(19);
        counts.add(&predicted, &labels).unwrap();
        assert_eq!(counts.iou(0), Some(0.5));
    }

    #[test]
    fn nothing_labelled_has_no_score() {
        let mut score = StreamScore::new(3);
        score.add(&row(&[0, 1, 2]), &row(&[255; 3])).unwrap();
        assert_eq!(score.pooled().miou(Averaging::Labelled), None);
        assert_eq!(score.pooled().pixel_accuracy(), None);
        assert_eq!(score.per_frame(Averaging::Labelled), None);
        assert_eq!(score.frames(), 0);
    }

    #[test]
    fn pooled_and_per_frame_differ() {
        let mut score = StreamScore::new(2);
        // All right on a frame of class 0 only; half of the next frame's class 1 taken for class 0.
        score.add(&row(&[0; 4]), &row(&[0; 4])).unwrap();
        score.add(&row(&[1, 1, 0, 0]), &row(&[1; 4])).unwrap();
        let pooled = score.pooled().miou(Averaging::Labelled).unwrap();
        assert_relative_eq!(pooled, (4.0 / 6.0 + 0.5) / 2.0, epsilon = 1e-12);
        let upstream = score.per_frame(Averaging::Labelled).unwrap();
        assert_relative_eq!(upstream, (1.0 + 0.5) / 2.0, epsilon = 1e-12);
        let fork = score.per_frame(Averaging::LabelledOrPredicted).unwrap();
        assert_relative_eq!(fork, (1.0 + 0.25) / 2.0, epsilon = 1e-12);
        assert_eq!(score.frames(), 2);
    }

    #[test]
    fn what_cannot_be_compared_counts_nothing() {
        let mut counts = Confusion::new(2);
        let refused = counts.add(&row(&[0, 0]), &row(&[0])).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "prediction of 2x1 pixels for a label of 1x1"
        );
        let refused = counts.add(&row(&[0, 0]), &row(&[0, 2])).unwrap_err();
        assert_eq!(refused, MetricError::Label { id: 2, classes: 2 });
        assert_eq!(counts, Confusion::new(2));
    }

    proptest! {
        #[test]
        fn as_sets_say(pixels in proptest::collection::vec((0u8..5, 0u8..5), 1..200)) {
            let predicted: Vec<u8> = pixels.iter().map(|p| p.0).collect();
            let labels: Vec<u8> = pixels.iter().map(|p| if p.1 == 4 { 255 } else { p.1 }).collect();
            let mut counts = Confusion::new(4);
            counts.add(&row(&predicted), &row(&labels)).unwrap();
            for class in 0..4u8 {
                let valid = pixels.iter().filter(|p| p.1 != 4);
                let both = valid.clone().filter(|p| p.0 == class && p.1 == class).count();
                let either = valid.filter(|p| p.0 == class || p.1 == class).count();
                match counts.iou(usize::from(class)) {
                    Some(iou) => prop_assert!((iou - both as f64 / either as f64).abs() < 1e-12),
                    None => prop_assert!(!labels.contains(&class)),
                }
            }
            if let (Some(a), Some(b)) = (counts.miou(Averaging::Labelled), counts.miou(Averaging::LabelledOrPredicted)) {
                prop_assert!(b <= a + 1e-12 && (0.0..=1.0).contains(&a));
            }
        }
    }
}
