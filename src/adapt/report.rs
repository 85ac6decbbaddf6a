//! The request for a frame, its prediction and its report.

use std::sync::Arc;
use std::time::Duration;

use ndarray::Array3;

use crate::video::{ChromaMap, ClassMap, Rgb};

/// What is wanted for a frame. It enters the window in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Take the gradient steps of the settings.
    pub learn: bool,
    /// No step is wanted because the caller is late. Without this, and without [`Request::learn`], learning is switched
    /// off, and methods that forget before every frame do not.
    pub late: bool,
    /// Predict its class map or its chroma.
    pub predict: bool,
    /// With the class map, the probabilities that it was decided by ([`Prediction::scores`]).
    pub scores: bool,
    /// Reconstruct one masked view of it.
    pub reconstruct: bool,
    /// Most masked views per step, where that is fewer than the settings say: time is short. No frame waits for the
    /// graph of a step over another number of views than those before. It is built beside the stream, and until it
    /// is there frames are not learned from ([`Skipped::Late`]).
    pub most_views: Option<usize>,
    /// Most steps, likewise.
    pub most_steps: Option<usize>,
    /// Most steps towards given colours ([`super::Learner::set_references`]) of those that are due; the others stay due.
    /// Without a limit all of them are taken at once.
    pub most_colour_steps: Option<usize>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            learn: true,
            late: false,
            predict: true,
            scores: false,
            reconstruct: false,
            most_views: None,
            most_steps: None,
            most_colour_steps: None,
        }
    }
}

/// What is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// Weights: back to those on disk (moments go with them).
    pub weights: bool,
    /// Frames in the window.
    pub window: bool,
    /// The optimiser's moments.
    pub moments: bool,
    /// What the colour head has learned from the model's own colours: another scene.
    pub self_training: bool,
}

impl Reset {
    /// Everything: a new video.
    pub const ALL: Self = Self {
        weights: true,
        window: true,
        moments: true,
        self_training: true,
    };
}

/// Why no gradient step was taken for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Adaptation is switched off, or the method takes none.
    Off,
    /// The video is no stranger than the training pictures ([`super::Settings::surprise`]).
    Familiar,
    /// Between two training intervals.
    Interval,
    /// The caller wanted no step (it is late), or one over fewer views whose graph is still being built.
    Late,
    /// Loss or gradient was not finite; the weights are as they were.
    NotFinite,
    /// What was learned did harm and has been undone; there is a pause.
    RolledBack,
}

/// What happened for one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Frames pushed since the adapter started, this one included.
    pub frame: u64,
    /// Gradient steps taken for it.
    pub steps: usize,
    /// Loss of the last step, if one was taken: of reconstruction (mean squared error of normalised pixels) or, with
    /// [`super::Method::Replay`], of labels (cross-entropy); with [`super::Method::Consistency`] both, reconstruction by a tenth.
    pub loss: Option<f32>,
    /// Share of the variance of hidden pixels that g as it is on disk left unexplained in one view of the frame; the mean of
    /// several decides whether the video is familiar. Not measured where [`super::Settings::surprise`] is off.
    pub unexplained: Option<f32>,
    /// Global gradient norm of the last step before clipping.
    pub gradient_norm: Option<f32>,
    /// Steps of the colour head taken for it: towards colours that were given, or towards the model's own.
    pub colour_steps: usize,
    /// Their loss in the last of these steps (cross-entropy), if one was taken.
    pub colour_loss: Option<f32>,
    /// Why no step of reconstruction was taken, or why it had no effect.
    pub skipped: Option<Skipped>,
    /// Frames in the window.
    pub window: usize,
    /// Gradient steps since the weights were last reset.
    pub steps_since_reset: u64,
    /// Frames that were predicted with learned weights since the adapter started.
    pub adapted_frames: u64,
    /// How often what was learned has been undone because it did harm, since the adapter started.
    pub rollbacks: u64,
    /// Share of what the model on disk is sure of where the learned weights find something else, a running mean; where both
    /// are compared.
    pub disagreement: Option<f32>,
    /// Frames that are remembered to be learned again.
    pub remembered: usize,
    /// Time of all steps for this frame, without that of building their session.
    pub step_time: Duration,
    /// Time of the prediction, likewise.
    pub predict_time: Duration,
    /// The part of it that fusion took.
    pub fusion_time: Duration,
}

impl Report {
    /// Of a frame for which nothing has been done yet, with so many in the window.
    pub fn of(frame: u64, window: usize) -> Self {
        Self {
            frame,
            window,
            ..Self::default()
        }
    }
}

/// What comes back for a frame.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Class of each pixel at model size, (height, width); `None` when no prediction was wanted, or from a model that
    /// colours.
    pub classes: Option<Arc<ClassMap>>,
    /// Class probabilities at model size, (classes, height, width), of which the highest decide: whoever needs coarser
    /// classes adds up those of their members. They are never logits. Only Mask2Former's readout, where nothing is mixed,
    /// gives its scores as they are, sums over queries that need not add up to 1 over the classes. `None` unless wanted
    /// with the prediction.
    pub scores: Option<Array3<f32>>,
    /// Chroma of every 4×4 pixels at model size, (2, height/4, width/4), from a model that colours, when a prediction was
    /// wanted.
    pub chroma: Option<ChromaMap>,
    /// The reconstruction of one masked view at model size, RGB (height, width, 3); `None` unless wanted.
    pub reconstruction: Option<Arc<Rgb>>,
    /// What happened.
    pub report: Report,
}
