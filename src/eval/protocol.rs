use std::path::PathBuf;
use std::time::Instant;

use super::{
    EvalReport, MapsFrom, MetricError, Playback, Played, ScoresError, Shift, Stream, StreamError,
    Tally, scores_to_labels,
};
use crate::adapt::graphs::Size;
use crate::adapt::{Error, Learner, Report, Request};
use crate::video::{
    CorruptionError, FrameError, FrameRef, LabelIds, ScaleError, Scaler, SizeError, StillError,
    TintError, model_size,
};
use crate::weights::{ModelFile, Task};

/// Why a stream could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The stream's files.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A frame cannot be read.
    #[error(transparent)]
    Still(#[from] StillError),
    /// A frame that is too small.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A frame that cannot be looked at.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame that cannot be resized.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// A frame that cannot be corrupted.
    #[error("{path}: {source}", path = path.display())]
    Corrupt {
        /// The frame's file.
        path: PathBuf,
        /// Why.
        source: CorruptionError,
    },
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
    Tint(#[from] TintError),
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
    /// Scores that cannot be resized.
    #[error(transparent)]
    Scores(#[from] ScoresError),
}

/// Refuses models without classes.
///
/// # Errors
/// [`EvalError::Task`], for a model that colours.
pub fn check_classes(model: &ModelFile) -> Result<(), EvalError> {
    if model.task == Task::Segment {
        return Ok(());
    }
    Err(EvalError::Task {
        wanted: Task::Segment.name(),
        found: model.task.name(),
    })
}

/// What became of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What the learner says.
    pub report: &'a Report,
    /// The frame as it was shown.
    pub frame: &'a Played,
    /// Classes predicted for it, of its labels' size; none where it has no labels.
    pub predicted: Option<&'a [u8]>,
}

/// Runs a learner over a stream in order, one frame after the other, and scores every frame that has labels: train,
/// then predict (METHOD §5.5). Class scores are brought to the labels' size before the arg-max. `shift` is what happens
/// to the stills before; its random numbers come from the learner's seed, but are others than the learner's.
/// `progress` is called after every frame.
///
/// # Errors
/// Files that are missing or unreadable, labels that do not fit, what adapting says, and what `progress` returns.
pub fn evaluate(
    learner: &mut Learner,
    stream: &Stream,
    shift: Shift,
    mut progress: impl FnMut(Seen<'_>) -> Result<(), EvalError>,
) -> Result<EvalReport, EvalError> {
    let model = learner.model().clone();
    check_classes(&model)?;
    let count = model.classes.len();
    let settings = learner.settings();
    let (method, seed) = (settings.method, settings.seed);
    let mut tally = Tally::new(
        method,
        MapsFrom::UpsampledScores,
        count,
        model.classes.clone(),
    );
    let mut scaler = Scaler::new();
    for frame in Playback::new(stream, shift, seed, LabelIds::with_void_last(count)) {
        let frame = frame?;
        let picture = &frame.picture;
        let (width, height) =
            model_size(picture.width, picture.height, model.size.1, model.size.0)?;
        let size = Size { height, width };
        let mut rgb = vec![0; height * width * 3];
        let view = FrameRef::rgb(picture.width, picture.height, &picture.bytes)?;
        scaler.to_rgb(&view, width, height, &mut rgb)?;
        let learn_only = Request {
            predict: false,
            ..Request::default()
        };
        let mut report = learner.frame(rgb.clone().into(), size, learn_only)?.report;
        let started = Instant::now();
        let scores = learner.scores(&rgb, size)?;
        report.predict_time = started.elapsed();
        tally.frame(&report);
        let mut predicted = None;
        if let Some(truth) = &frame.labels {
            let to = (truth.height, truth.width);
            let map = predicted.insert(scores_to_labels(&scores, count, (height, width), to)?);
            tally.score(map, &truth.ids)?;
        }
        progress(Seen {
            report: &report,
            frame: &frame,
            predicted: predicted.as_deref(),
        })?;
    }
    Ok(EvalReport {
        corrupt: shift.corrupt.map(|c| c.to_string()),
        pan: shift.pan.map(|p| p.get()),
        seed,
        ..tally.report()
    })
}
