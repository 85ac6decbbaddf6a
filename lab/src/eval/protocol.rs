//! The protocol of an evaluation: every frame in order, learn, then predict, then score.

use std::path::PathBuf;
use std::sync::Arc;

use super::run_summary::RunSummary;
use super::{EvalReport, MapsFrom, MetricError, ScoresError, StreamScore, scores_to_labels};
use crate::data::{
    ColourSchemeError, LabelMapError, Playback, Played, Shift, Stream, StreamError, at_model_size,
};
use tttseg::adapt::{Error, Learner, Report, Request};
use tttseg::video::{ClassMap, ColorizeError, FrameError, Rgb, Scaler, StillError};
use tttseg::weights::{ModelFile, Task};

/// Why a stream could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The stream's files.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A frame cannot be read.
    #[error(transparent)]
    Still(#[from] StillError),
    /// A frame that cannot be resized.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A network to compare pictures with that is another one.
    #[error("{path}: not the network of LPIPS: {why}", path = path.display())]
    Perceptual {
        /// Its file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// Colours for a frame that holds none.
    #[error(transparent)]
    Colorize(#[from] ColorizeError),
    /// A model that does something else.
    #[error("this is for models whose task is {wanted}; that of this one is {found}")]
    Task {
        /// The task.
        wanted: &'static str,
        /// The model's.
        found: &'static str,
    },
    /// Adapting or predicting.
    #[error(transparent)]
    Adapt(#[from] Error),
    /// Labels that are no classes of the model.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A label map that does not fit the model.
    #[error(transparent)]
    LabelMap(#[from] LabelMapError),
    /// Colours of labels that do not fit the classes.
    #[error(transparent)]
    Colours(#[from] ColourSchemeError),
    /// Labels that are coarser than the classes, where each class counts.
    #[error("the labels are coarser than the model's classes; this needs labels of the classes")]
    Coarser,
    /// Scores that cannot be resized.
    #[error(transparent)]
    Scores(#[from] ScoresError),
}

/// Refuses models without classes.
///
/// # Errors
/// [`EvalError::Task`], for a model that colours.
pub fn check_classes(model: &ModelFile) -> Result<(), EvalError> {
    check_task(model, Task::Segment)
}

/// Refuses models for another task.
pub(super) fn check_task(model: &ModelFile, wanted: Task) -> Result<(), EvalError> {
    if model.task == wanted {
        return Ok(());
    }
    Err(EvalError::Task {
        wanted: wanted.name(),
        found: model.task.name(),
    })
}

/// A frame that was evaluated.
#[derive(Clone, Copy, Debug)]
pub struct EvaluatedFrame<'a> {
    /// The report of its steps.
    pub report: &'a Report,
    /// The frame and its labels; for colours the true picture.
    pub frame: &'a Played,
    /// What was shown to the model, of the frame's size.
    pub shown: &'a Rgb,
    /// What was predicted; none where there is nothing to compare it with.
    pub predicted: Option<Predicted<'a>>,
}

/// A prediction of the frame's size.
#[derive(Clone, Copy, Debug)]
pub enum Predicted<'a> {
    /// A class for every pixel.
    Classes(&'a ClassMap),
    /// The frame in colours.
    Colours(&'a Rgb),
}

/// Runs a learner over a stream in order, one frame after the other, and scores every frame that has labels: train,
/// then predict (`docs/method.md#a-frame-in-order`). Class scores are brought to the labels' size before the arg-max; of
/// labels that are coarser than the model's classes ([`Stream::label_map`]), those of each group are added up before.
/// `shift` is what happens to the stills before; its random numbers come from the learner's seed, but are others than the
/// learner's.
/// `progress` is called after every frame.
///
/// # Errors
/// Files that are missing or unreadable, labels that do not fit, errors in adapting, and what `progress` returns.
pub fn evaluate(
    learner: &mut Learner,
    stream: &Stream,
    shift: Shift,
    mut progress: impl FnMut(EvaluatedFrame<'_>) -> Result<(), EvalError>,
) -> Result<EvalReport, EvalError> {
    let model = learner.model().clone();
    check_classes(&model)?;
    let groups = stream.groups(&model.classes)?;
    let ids = stream.label_ids(&model.classes, groups.as_ref())?;
    let classes = match &groups {
        None => model.classes.clone(),
        Some(groups) => groups.names().to_vec(),
    };
    let coarser = groups.filter(|groups| !groups.is_own());
    let seed = learner.settings().seed;
    let mut summary = RunSummary::new(learner.settings(), shift);
    let mut score = StreamScore::new(classes.len());
    let mut scaler = Scaler::new();
    for frame in Playback::new(stream, shift, seed, ids) {
        let frame = frame?;
        let rgb = Arc::new(at_model_size(&model, &frame.picture, &mut scaler)?);
        let request = Request {
            scores: true,
            ..Request::default()
        };
        let prediction = learner.frame(rgb, request)?;
        let report = prediction.report;
        let scores = prediction
            .scores
            .ok_or_else(|| Error::Worker("a prediction without scores".to_owned()))?;
        summary.frame(&report);
        let mut predicted = None;
        if let Some(truth) = &frame.labels {
            let scores = match &coarser {
                Some(groups) => groups.sums(&scores),
                None => scores,
            };
            let map = scores_to_labels(&scores, truth.dim())?;
            score.add(predicted.insert(map), truth)?;
        }
        progress(EvaluatedFrame {
            report: &report,
            frame: &frame,
            shown: &frame.picture,
            predicted: predicted.as_ref().map(Predicted::Classes),
        })?;
    }
    let maps = MapsFrom::UpsampledScores;
    let mut report = EvalReport::new(&summary, maps, &score, classes);
    report.label_map = stream.label_map.as_ref().map(|m| m.source().to_owned());
    Ok(report)
}

#[cfg(test)]
mod tests;
