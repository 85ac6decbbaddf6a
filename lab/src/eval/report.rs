//! The report of an evaluation, as the command line prints it.

use super::metrics::{Averaging, StreamScore};
use super::run_summary::{RunConditions, RunSummary, TimesAndLosses};
use serde::{Deserialize, Serialize};

/// How labels were made of predictions (`docs/method.md#class-scores`).
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
    /// The stream, and how the model was run along it.
    #[serde(flatten)]
    pub run: RunConditions,
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
    /// Names of the classes, in the order of `iou`; empty when the model has none. With a label map those of its groups.
    pub classes: Vec<String>,
    /// The label map, by the name or the file that it was opened by; none where labels are of the model's classes.
    #[serde(default)]
    pub label_map: Option<String>,
    /// Times and losses.
    #[serde(flatten)]
    pub learning: TimesAndLosses,
}

impl EvalReport {
    /// Of a run, and of the scores of its maps.
    pub(super) fn new(
        run: &RunSummary,
        maps: MapsFrom,
        score: &StreamScore,
        classes: Vec<String>,
    ) -> Self {
        let pooled = score.pooled();
        Self {
            run: run.conditions(),
            frames_labelled: score.frames(),
            frames_learned: run.frames_learned(),
            maps,
            miou_pooled: pooled.miou(Averaging::Labelled),
            miou_per_frame: score.per_frame(Averaging::Labelled),
            miou_pooled_fork: pooled.miou(Averaging::LabelledOrPredicted),
            miou_per_frame_fork: score.per_frame(Averaging::LabelledOrPredicted),
            pixel_accuracy: pooled.pixel_accuracy(),
            iou: (0..pooled.classes()).map(|c| pooled.iou(c)).collect(),
            classes,
            label_map: None,
            learning: run.times_and_losses(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shift;
    use crate::eval::run_summary::tests::frame;
    use tttseg::adapt::{Method, Settings};
    use tttseg::ndarray::array;

    #[test]
    fn what_was_found_is_the_object_of_the_command_line() {
        let settings = Settings::default();
        let mut summary = RunSummary::new(&settings, Shift::default());
        summary.frame(&frame(1, Some(0.5), 10));
        let mut score = StreamScore::new(2);
        score
            .add(&array![[0, 0, 1, 1]], &array![[0, 0, 0, 255]])
            .unwrap();
        let names = vec!["road".to_owned(), "sky".to_owned()];
        let report = EvalReport::new(&summary, MapsFrom::UpsampledScores, &score, names);
        assert_eq!((report.run.frames, report.frames_labelled), (1, 1));
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
        assert_eq!(json["method"], "replay");
        assert_eq!(json["maps"], "upsampled-scores");
        assert_eq!(serde_json::from_value::<EvalReport>(json).unwrap(), report);
    }

    #[test]
    fn nothing_measured_is_null() {
        let settings = Settings {
            method: Method::MainTaskOnly,
            ..Settings::default()
        };
        let run = RunSummary::new(&settings, Shift::default());
        let score = StreamScore::new(3);
        let report = EvalReport::new(&run, MapsFrom::UpsampledClasses, &score, vec![]);
        assert_eq!(report.run.method, "none");
        assert_eq!((report.learning.step_ms, report.miou_pooled), (None, None));
        assert_eq!(report.iou, [None; 3]);
    }
}
