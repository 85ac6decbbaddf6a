//! Self-training: the colour head learns the colours that the model on disk finds in the frames of the window.
//!
//! Frame by frame a model cannot make up its mind: what is grass in one frame is earth in the next. Steps towards what it
//! found in many frames have it find the same colours in all of them, and be surer of these. The teacher stays as it is,
//! so that errors do not feed on themselves.
//!
//! On the way to surer colours lies grey, which is the likeliest of all: after a scene's first steps hardly any colour is left,
//! and some steps later all of it is back. So predictions begin to follow when that is over, and take a running mean of the heads, in
//! which the noise of single steps is gone.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;
use std::time::Instant;

use super::Learner;
use super::directed::Way;
use crate::adapt::graphs::Size;
use crate::adapt::random::Draws;
use crate::adapt::{Direction, Error, Method, Report, Request, Sampling};
use crate::runtime::Tensor;
use crate::weights::Task;

/// The stream of random numbers that says which frame comes when, beside those of frames.
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
pub(super) struct Own {
    /// Frames of the window with the colours that the teacher found.
    frames: VecDeque<Direction>,
    /// What a prediction of the teacher's has given, to be written over.
    predicted: Vec<Tensor>,
}

impl Own {
    /// Forgets the frames.
    pub fn clear(&mut self) {
        self.frames.clear();
    }
}

impl Learner {
    /// Takes the steps of a frame towards the model's own colours, unless there are some that people have given, or the method
    /// forgets before every frame.
    pub(super) fn train_on_own_colours(
        &mut self,
        rgb: &Arc<[u8]>,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let steps = self.settings.self_training;
        let keeps = matches!(self.settings.method, Method::Online | Method::ImplicitOnly);
        let given = self.directed.counts() != (0, 0);
        if steps == 0 || !keeps || given || self.model().task != Task::Colorize {
            self.own.clear();
            return Ok(());
        }
        let steps = steps.min(request.most_steps.unwrap_or(usize::MAX).max(1));
        let started = Instant::now();
        let found = self.taught(rgb, size)?;
        report.step_time += started.elapsed();
        self.own.frames.push_back(found);
        while self.own.frames.len() > self.settings.window_capacity() {
            self.own.frames.pop_front();
        }
        let mut draws = Draws::new(self.settings.seed, ORDER_STREAM | self.frame);
        let count = self.own.frames.len();
        for place in draws.places(count, steps, Sampling::Replacement) {
            let frame = self.own.frames[place].clone();
            let settling = self.directed.steps_of_moments() < SETTLING_STEPS;
            let way = Way {
                rate: self.settings.self_training_rate,
                sharpness: SHARPNESS,
                share: if settling { 0.0 } else { SHARE },
            };
            self.step_towards(&frame, way, report)?;
        }
        Ok(())
    }

    /// A frame with the colours that the teacher finds in it.
    fn taught(&mut self, rgb: &Arc<[u8]>, size: Size) -> Result<Direction, Error> {
        let images = self.memory.frame(rgb, size)?;
        let encoder = self.layout.encoder().buffers.len();
        let teacher: Vec<Tensor> = self.base[..encoder]
            .iter()
            .chain(self.directed.start())
            .cloned()
            .collect();
        let session = self.sessions.at(size).predict(self.directed.with_f())?;
        let spent = take(&mut self.own.predicted);
        let outputs = session.run_over(spent, &teacher, &[("images", &images)])?;
        let planes = outputs[0].to_f32()?;
        self.own.predicted = outputs;
        self.memory.frame = Some(images);
        Ok(Direction::of_planes(rgb.clone(), size, &planes))
    }
}
