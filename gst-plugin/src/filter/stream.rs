//! The state of a stream: negotiated caps, the last results, pacing.

use std::sync::Arc;

use gst_video::VideoInfo;
use tttseg::adapt::Prediction;
use tttseg::video::{ChromaMap, ClassMap, Orientation, Rgb};

use super::out::OutputKind;
use super::time::Pacing;

/// From PAUSED on.
#[derive(Default)]
pub(super) struct Stream {
    pub id: Option<String>,
    /// What its tags say of its frames.
    pub orientation: Orientation,
    pub negotiated: Option<Arc<Negotiated>>,
    pub results: Results,
    pub pacing: Pacing,
    /// Time stamp of the last frame.
    pub position: Option<gst::ClockTime>,
}

impl Stream {
    /// Time starts anew: a seek, another stream.
    pub fn restart(&mut self) {
        self.pacing.lateness.forget();
        self.results = Results::default();
        self.position = None;
    }
}

/// What has been negotiated.
#[derive(Clone)]
pub(super) struct Negotiated {
    pub info: VideoInfo,
    pub out_info: VideoInfo,
    /// `None` in pass-through.
    pub output: Option<OutputKind>,
    /// How frames are turned for the network, which has learned from upright pictures.
    pub orientation: Orientation,
    /// Width and height at which the network sees frames, upright; `None` in pass-through.
    pub model_size: Option<(usize, usize)>,
}

impl Negotiated {
    /// Whether the source pad has other caps than the sink pad.
    pub fn changes_caps(&self) -> bool {
        self.output
            .is_some_and(|output| output.changes_caps(self.info.is_gray()))
    }

    /// The column at which drawing begins: side by side, that of the right half.
    pub fn left(&self) -> usize {
        (self.out_info.width() - self.info.width()) as usize
    }
}

/// The last results, for frames that come too late for ones of their own.
#[derive(Clone, Default)]
pub(super) struct Results {
    pub classes: Option<Arc<ClassMap>>,
    /// As it is shown, before `saturation` and `temperature`.
    pub chroma: Option<Arc<ChromaMap>>,
    pub reconstruction: Option<Arc<Rgb>>,
}

impl Results {
    /// Whether there is all that a frame needs for the source pad and, with `classes`, for that pad.
    pub fn suffice(&self, output: OutputKind, classes: bool) -> bool {
        (!classes || self.classes.is_some())
            && match output {
                OutputKind::Reconstruction => self.reconstruction.is_some(),
                output => !output.is_coloured() || self.chroma.is_some(),
            }
    }

    /// Takes in what there is of a new one, but for chroma, which is filtered first.
    pub fn keep(&mut self, prediction: &mut Prediction) {
        self.classes = prediction.classes.take().or(self.classes.take());
        let reconstruction = prediction.reconstruction.take();
        self.reconstruction = reconstruction.or(self.reconstruction.take());
    }
}
