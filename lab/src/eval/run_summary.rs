//! Counts, times and losses of a run along a stream, whatever the model is for.

use crate::data::Shift;
use serde::{Deserialize, Serialize};
use tttseg::adapt::{Method, Report, Settings};

/// Frames, their times and their losses, as they come.
#[derive(Clone, Debug)]
pub(super) struct RunSummary {
    method: Method,
    seed: u64,
    fusion: f64,
    shift: Shift,
    frames: u64,
    step_ms: Vec<f64>,
    predict_ms: Vec<f64>,
    losses: Option<(f64, f64)>,
    loss_sum: (f64, u64),
}

/// The conditions of a run along a stream: what all reports begin with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConditions {
    /// Name of the method ([`tttseg::adapt::Method::name`]).
    pub method: String,
    /// The corruption that drifts in, as `dusk:1` (kind and strength); none when the stream is shown as it is.
    pub corrupt: Option<String>,
    /// Frames that a virtual camera took of every still; none when stills are shown whole.
    pub pan: Option<usize>,
    /// Seed of masks, sampling, grain and rain.
    pub seed: u64,
    /// What class probabilities of the last frame count at most, carried along motion ([`Settings::fusion`]); 0 where every
    /// frame stands alone.
    #[serde(default)]
    pub fusion: f64,
    /// Frames of the stream, as the model saw it.
    pub frames: u64,
}

/// The times and losses of a run along a stream: what all reports end with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimesAndLosses {
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

impl RunSummary {
    /// An empty one, for a stream under a shift.
    pub fn new(settings: &Settings, shift: Shift) -> Self {
        Self {
            method: settings.method,
            seed: settings.seed,
            fusion: settings.fusion,
            shift,
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

    /// The conditions of the run.
    pub fn conditions(&self) -> RunConditions {
        RunConditions {
            method: self.method.name().to_owned(),
            corrupt: self.shift.corrupt.map(|c| c.to_string()),
            pan: self.shift.pan.map(|p| p.get()),
            seed: self.seed,
            fusion: self.fusion,
            frames: self.frames,
        }
    }

    /// Frames that were learned from; the others were skipped, or familiar.
    pub fn frames_learned(&self) -> u64 {
        self.step_ms.len() as u64
    }

    /// Its times and losses.
    pub fn times_and_losses(&self) -> TimesAndLosses {
        TimesAndLosses {
            step_ms: median(&self.step_ms),
            predict_ms: median(&self.predict_ms),
            loss_first: self.losses.map(|l| l.0),
            loss_last: self.losses.map(|l| l.1),
            loss_mean: (self.loss_sum.1 > 0).then(|| self.loss_sum.0 / self.loss_sum.1 as f64),
        }
    }
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(values: &[f64]) -> Option<f64> {
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
pub(super) mod tests {
    use super::*;
    use crate::data::{Corruption, CorruptionKind};
    use std::num::NonZeroUsize;
    use std::time::Duration;

    /// The report of a frame with steps that took so long, and a prediction that took twice as long.
    pub fn frame(steps: usize, loss: Option<f32>, ms: u64) -> Report {
        Report {
            steps,
            loss,
            step_time: Duration::from_millis(ms),
            predict_time: Duration::from_millis(2 * ms),
            ..Report::of(1, 1)
        }
    }

    #[test]
    fn times_and_losses_of_the_frames_that_had_any() {
        let settings = Settings {
            seed: 7,
            ..Settings::default()
        };
        let shift = Shift {
            corrupt: Some(Corruption::new(CorruptionKind::Dusk, 0.5).unwrap()),
            pan: NonZeroUsize::new(4),
        };
        let mut summary = RunSummary::new(&settings, shift);
        summary.frame(&frame(1, Some(0.75), 10));
        summary.frame(&frame(0, None, 99));
        summary.frame(&frame(1, Some(0.5), 30));
        summary.frame(&frame(1, Some(f32::NAN), 20));
        let conditions = RunConditions {
            method: settings.method.name().into(),
            corrupt: Some("dusk:0.5".into()),
            pan: Some(4),
            seed: 7,
            fusion: settings.fusion,
            frames: 4,
        };
        assert_eq!(summary.conditions(), conditions);
        assert_eq!(summary.frames_learned(), 3);
        let times_and_losses = TimesAndLosses {
            step_ms: Some(20.0),
            predict_ms: Some(50.0),
            loss_first: Some(0.75),
            loss_last: Some(0.5),
            loss_mean: Some(0.625),
        };
        assert_eq!(summary.times_and_losses(), times_and_losses);
    }

    #[test]
    fn the_middle_of_odd_and_even_numbers() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 8.0]), Some(3.0));
    }
}
