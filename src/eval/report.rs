//! What an evaluation found, as the command line prints it.

use super::metrics::{Averaging, MetricError, StreamScore};
use crate::adapt::{Method, Report};
use serde::{Deserialize, Serialize};

/// How labels were made of predictions (DESIGN decision 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapsFrom {
    /// Class scores upsampled to the label's size, then the highest taken.
    UpsampledScores,
    /// The highest taken at model size, then upsampled, as shown on screen.
    UpsampledClasses,
}

/// The object `tttseg eval --json` prints. Scores are from 0 to 1; means over classes count those with labels
/// ([`Averaging::Labelled`]), but for the fields that end in `_fork`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// Name of the method ([`Method::name`]).
    pub method: String,
    /// The corruption that drifts in, as `dusk:1` (kind and strength); none when the stream is shown as it is.
    pub corrupt: Option<String>,
    /// Frames that a virtual camera took of every still; none when stills are shown whole.
    pub pan: Option<usize>,
    /// Seed of masks, sampling, grain and rain.
    pub seed: u64,
    /// Frames of the stream, as the model saw it.
    pub frames: u64,
    /// Frames with labelled pixels.
    pub frames_labelled: u64,
    /// Frames that were learned from; the others were skipped, or familiar.
    pub frames_learned: u64,
    /// How labels were made of predictions.
    pub maps: MapsFrom,
    /// Mean intersection over union of all pixels together.
    pub miou_pooled: Option<f64>,
    /// Mean of the frames' mean intersection over union.
    pub miou_per_frame: Option<f64>,
    /// As `miou_pooled`, by the formula of the paper's code ([`Averaging::LabelledOrPredicted`]).
    pub miou_pooled_fork: Option<f64>,
    /// As `miou_per_frame`, by the formula of the paper's code.
    pub miou_per_frame_fork: Option<f64>,
    /// Share of labelled pixels that are right.
    pub pixel_accuracy: Option<f64>,
    /// Intersection over union of each class; none where nothing is labelled.
    pub iou: Vec<Option<f64>>,
    /// Names of the classes, in the order of `iou`; empty when the model has none.
    pub classes: Vec<String>,
    /// Median time of the gradient steps of a frame that had any, in milliseconds.
    pub step_ms: Option<f64>,
    /// Median time of a prediction, in milliseconds.
    pub predict_ms: Option<f64>,
    /// Reconstruction loss of the first step.
    pub loss_first: Option<f64>,
    /// Reconstruction loss of the last step.
    pub loss_last: Option<f64>,
    /// Mean of the frames' reconstruction losses: less at the mercy of single frames and masks than first and last.
    pub loss_mean: Option<f64>,
}

/// Collects what an [`EvalReport`] says, frame by frame.
#[derive(Clone, Debug)]
pub struct Tally {
    method: Method,
    maps: MapsFrom,
    classes: Vec<String>,
    score: StreamScore,
    frames: u64,
    step_ms: Vec<f64>,
    predict_ms: Vec<f64>,
    losses: Option<(f64, f64)>,
    loss_sum: (f64, u64),
}

impl Tally {
    /// An empty one, for `count` classes with these names (none when the model has none).
    pub fn new(method: Method, maps: MapsFrom, count: usize, classes: Vec<String>) -> Self {
        Self {
            method,
            maps,
            classes,
            score: StreamScore::new(count),
            frames: 0,
            step_ms: Vec::new(),
            predict_ms: Vec::new(),
            losses: None,
            loss_sum: (0.0, 0),
        }
    }

    /// Counts a frame: its times and its loss.
    pub fn frame(&mut self, report: &Report) {
        self.frames += 1;
        if report.steps > 0 {
            self.step_ms.push(report.step_time.as_secs_f64() * 1e3);
        }
        self.predict_ms
            .push(report.predict_time.as_secs_f64() * 1e3);
        if let Some(loss) = report.loss.filter(|l| l.is_finite()) {
            let loss = f64::from(loss);
            let first = self.losses.map_or(loss, |(first, _)| first);
            self.losses = Some((first, loss));
            self.loss_sum = (self.loss_sum.0 + loss, self.loss_sum.1 + 1);
        }
    }

    /// Scores a predicted map against labels of the same size.
    ///
    /// # Errors
    /// [`MetricError`] when sizes differ or a label is neither a class nor 255.
    pub fn score(&mut self, predicted: &[u8], labels: &[u8]) -> Result<(), MetricError> {
        self.score.add(predicted, labels)
    }

    /// Scores so far, for progress.
    pub fn so_far(&self) -> &StreamScore {
        &self.score
    }

    /// What was found, on a stream as it is; whoever shifted it or used a seed says so in the fields for it.
    pub fn report(&self) -> EvalReport {
        let pooled = self.score.pooled();
        EvalReport {
            method: self.method.name().to_owned(),
            corrupt: None,
            pan: None,
            seed: 0,
            frames: self.frames,
            frames_labelled: self.score.frames(),
            frames_learned: self.step_ms.len() as u64,
            maps: self.maps,
            miou_pooled: pooled.miou(Averaging::Labelled),
            miou_per_frame: self.score.per_frame(Averaging::Labelled),
            miou_pooled_fork: pooled.miou(Averaging::LabelledOrPredicted),
            miou_per_frame_fork: self.score.per_frame(Averaging::LabelledOrPredicted),
            pixel_accuracy: pooled.pixel_accuracy(),
            iou: (0..pooled.classes()).map(|c| pooled.iou(c)).collect(),
            classes: self.classes.clone(),
            step_ms: median(&self.step_ms),
            predict_ms: median(&self.predict_ms),
            loss_first: self.losses.map(|l| l.0),
            loss_last: self.losses.map(|l| l.1),
            loss_mean: (self.loss_sum.1 > 0).then(|| self.loss_sum.0 / self.loss_sum.1 as f64),
        }
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let high = *sorted.get(sorted.len() / 2)?;
    if sorted.len().is_multiple_of(2) {
        Some((sorted[sorted.len() / 2 - 1] + high) / 2.0)
    } else {
        Some(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn frame(steps: usize, loss: Option<f32>, ms: u64) -> Report {
        Report {
            frame: 1,
            steps,
            loss,
            unexplained: None,
            gradient_norm: None,
            directed_steps: 0,
            direction_loss: None,
            skipped: None,
            window: 1,
            steps_since_reset: 0,
            step_time: Duration::from_millis(ms),
            predict_time: Duration::from_millis(2 * ms),
        }
    }

    #[test]
    fn a_tally_becomes_the_object_of_the_command_line() {
        let names = vec!["road".to_owned(), "sky".to_owned()];
        let mut tally = Tally::new(Method::Online, MapsFrom::UpsampledScores, 2, names);
        tally.frame(&frame(1, Some(0.9), 10));
        tally.score(&[0, 0, 1, 1], &[0, 0, 0, 255]).unwrap();
        tally.frame(&frame(0, None, 99));
        tally.frame(&frame(1, Some(0.5), 30));
        tally.frame(&frame(1, Some(f32::NAN), 20));
        let report = tally.report();
        assert_eq!((report.frames, report.frames_labelled), (4, 1));
        assert_eq!(report.frames_learned, 3);
        assert_eq!(
            (report.loss_first, report.loss_last),
            (Some(f64::from(0.9f32)), Some(0.5))
        );
        assert_eq!(
            (report.step_ms, report.predict_ms),
            (Some(20.0), Some(50.0))
        );
        assert_eq!(report.iou, [Some(2.0 / 3.0), None]);
        let json = serde_json::to_value(&report).unwrap();
        for key in [
            "method",
            "frames",
            "miou_pooled",
            "miou_per_frame",
            "iou",
            "step_ms",
            "predict_ms",
            "loss_first",
            "loss_last",
        ] {
            assert!(json.get(key).is_some_and(|v| !v.is_null()), "{key}");
        }
        assert_eq!(json["method"], "online");
        assert_eq!(json["maps"], "upsampled-scores");
        assert_eq!(serde_json::from_value::<EvalReport>(json).unwrap(), report);
    }

    #[test]
    fn nothing_measured_is_null() {
        let tally = Tally::new(Method::MainTaskOnly, MapsFrom::UpsampledClasses, 3, vec![]);
        let report = tally.report();
        assert_eq!(report.method, "none");
        assert_eq!((report.step_ms, report.miou_pooled), (None, None));
        assert_eq!(report.iou, [None; 3]);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    }
}
