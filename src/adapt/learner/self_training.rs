//! Self-training: the colour head learns the colours that the model on disk finds in the frames of the window.
//!
//! Frame by frame a model cannot decide: what is grass in one frame is earth in the next. Steps towards what it found in
//! many frames have it find the same colours in all of them, with more confidence. The teacher stays as it is, so that
//! errors do not feed on themselves.
//!
//! On the way to surer colours lies grey, which is the likeliest of all: after a scene's first steps hardly any colour is
//! left, and some steps later all of it is back. So predictions begin to follow when that is over, and take a running mean
//! of the heads, in which the noise of single steps is gone (`docs/method.md#colours`).

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;
use std::time::Instant;

use super::Learner;
use super::colour_head::ColourStep;
use crate::adapt::random::Draws;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{ColourTarget, Error, Method, Report, Request, Sampling};
use crate::runtime::Tensor;
use crate::video::Rgb;
use crate::weights::Task;

/// The stream of random numbers for the order of the frames, beside those of frames.
const ORDER_STREAM: u64 = 3 << 62;

/// Steps at the beginning of a scene that predictions do not follow.
const SETTLING_STEPS: u64 = 8;
/// What the head after a step counts in the mean that they take afterwards.
const SHARE: f64 = 0.2;

/// How sure of its colours the head is to become. With 1 pale colours would end in the bin around grey: so sharp are the
/// annealed means of what is learned.
const SHARPNESS: f64 = 0.5;

/// What a model teaches itself.
#[derive(Default)]
pub(super) struct SelfTraining {
    /// Frames of the window with the colours that the teacher found.
    frames: VecDeque<ColourTarget>,
    /// Outputs of the teacher's last prediction, to be written over.
    predicted: Vec<Tensor>,
}

impl SelfTraining {
    /// Forgets the frames.
    pub fn clear(&mut self) {
        self.frames.clear();
    }
}

impl Learner {
    /// Takes the steps of a frame towards the model's own colours, unless some are given, or the method forgets before
    /// every frame.
    pub(super) fn self_train(
        &mut self,
        rgb: &Arc<Rgb>,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let steps = self.settings.self_training;
        let keeps = matches!(
            self.settings.method,
            Method::Online | Method::ImplicitOnly | Method::Replay | Method::Consistency
        );
        let given = self.colour_head.has_targets();
        if steps == 0 || !keeps || given || self.model().task != Task::Colorize {
            self.self_training.clear();
            return Ok(());
        }
        let steps = steps.min(request.most_steps.unwrap_or(usize::MAX).max(1));
        let started = Instant::now();
        let found = self.teach(rgb, size)?;
        report.step_time += started.elapsed();
        self.self_training.frames.push_back(found);
        while self.self_training.frames.len() > self.settings.window_capacity() {
            self.self_training.frames.pop_front();
        }
        let mut draws = Draws::new(self.settings.seed, ORDER_STREAM | self.frame);
        let count = self.self_training.frames.len();
        for place in draws.places(count, steps, Sampling::Replacement) {
            let frame = self.self_training.frames[place].clone();
            let settling = self.colour_head.steps_of_moments() < SETTLING_STEPS;
            let step = ColourStep {
                rate: self.settings.self_training_rate,
                sharpness: SHARPNESS,
                share: if settling { 0.0 } else { SHARE },
            };
            self.colour_step(&frame, step, report)?;
        }
        Ok(())
    }

    /// A frame with the colours that the teacher finds in it.
    fn teach(&mut self, rgb: &Arc<Rgb>, size: Size) -> Result<ColourTarget, Error> {
        let of_f = self.weights.encoder_on_disk().iter();
        let teacher: Vec<Tensor> = of_f.chain(&self.colour_head.start).cloned().collect();
        let spent = take(&mut self.self_training.predicted);
        let ([chroma], outputs) = self.run_prediction(Kind::Predict, &teacher, rgb, size, spent)?;
        self.self_training.predicted = outputs;
        Ok(ColourTarget::of_frame(
            rgb.clone(),
            size,
            &chroma.to_array()?,
        ))
    }
}
