use std::time::Instant;

use super::{
    EvalReport, MapsFrom, MetricError, ScoresError, Stream, StreamError, Tally, scores_to_labels,
};
use crate::adapt::graphs::Size;
use crate::adapt::{Error, Learner, Report, Request};
use crate::video::{
    FrameError, FrameRef, LabelIds, ScaleError, Scaler, SizeError, StillError, model_size, read_rgb,
};

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

/// Runs a learner over a stream in order, one frame after the other, and scores every frame that has labels: train,
/// then predict (METHOD §5.5). Class scores are brought to the labels' size before the arg-max.
/// `progress` is called after every frame with its report.
///
/// # Errors
/// Files that are missing or unreadable, labels that do not fit, and what adapting says.
pub fn evaluate(
    learner: &mut Learner,
    stream: &Stream,
    mut progress: impl FnMut(&Report),
) -> Result<EvalReport, EvalError> {
    let model = learner.model().clone();
    let count = model.classes.len();
    let ids = LabelIds::with_void_last(count);
    let method = learner.settings().method;
    let mut tally = Tally::new(
        method,
        MapsFrom::UpsampledScores,
        count,
        model.classes.clone(),
    );
    let mut scaler = Scaler::new();
    for frame in &stream.frames {
        let picture = read_rgb(&frame.frame)?;
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
        if let Some(truth) = frame.labels(&ids, (picture.width, picture.height))? {
            let to = (truth.height, truth.width);
            let predicted = scores_to_labels(&scores, count, (height, width), to)?;
            tally.score(&predicted, &truth.ids)?;
        }
        progress(&report);
    }
    Ok(tally.report())
}
