//! Replay: frames that were understood are learned again, with what the model on disk said of them, in the light of the
//! current frame.
//!
//! f and h learn. While the video is in range nothing is learned, and the model on disk alone goes out; what was learned stays
//! for the next time.

use std::sync::Arc;
use std::time::Instant;

use ndarray::Array3;

use super::Learner;
use super::student::{Lesson, Student, VIEW_STREAM};
use crate::adapt::memory::{Remembered, Understood, class_weights};
use crate::adapt::objective::{PseudoLabels, Style, View};
use crate::adapt::random::Draws;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{Error, Report, Request, Sampling, Skipped};
use crate::runtime::Tensor;
use crate::video::Rgb;

/// Confidence that makes a label of a class.
const CONFIDENCE: f32 = 0.6;

/// What is learned again, and in which light.
#[derive(Default)]
pub(super) struct Replay {
    pub memory: Understood,
    style: Style,
    /// The view of the last step, in memory that is used again.
    view: View,
    /// What a pixel of each class counts in the memory as it was after so many changes.
    class_weights: Option<(u64, Tensor)>,
}

impl Replay {
    /// Forgets everything.
    pub fn reset(&mut self) {
        self.memory.clear();
        self.forget_light();
    }

    /// Another scene has another light.
    pub fn forget_light(&mut self) {
        self.style = Style::default();
    }

    /// What a pixel of each class counts.
    fn class_weights(&mut self, classes: usize) -> Result<Tensor, Error> {
        let changes = self.memory.changes();
        if let Some((of, known)) = &self.class_weights
            && *of == changes
        {
            return Ok(known.clone());
        }
        let weights = class_weights(self.memory.frames().iter(), classes);
        let weights = Tensor::from_f32(&[classes, 1], &weights)?;
        self.class_weights = Some((changes, weights.clone()));
        Ok(weights)
    }
}

impl Learner {
    /// Remembers a frame if it was understood, and takes the steps that belong to it.
    pub(super) fn learn_again(
        &mut self,
        rgb: &Arc<Rgb>,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let is_familiar = self.is_familiar(rgb, size, report)?;
        report.loss = None;
        let started = Instant::now();
        let on_disk = self.probabilities_on_disk(rgb, size)?;
        report.predict_time += started.elapsed();
        let started = Instant::now();
        self.understand(rgb, size, &on_disk, is_familiar);
        report.step_time += started.elapsed();
        if is_familiar {
            report.skipped = Some(Skipped::Familiar);
            self.move_share(true);
        } else if self.guard.pauses() {
            report.skipped = Some(Skipped::RolledBack);
            self.share = 0.0;
        } else {
            self.replay_steps(size, request, report)?;
            self.move_share(false);
        }
        let started = Instant::now();
        let mixed = self.mix(on_disk, rgb, size, true)?;
        self.keep_answer(mixed);
        report.predict_time += started.elapsed();
        Ok(())
    }

    /// Takes in the light of a frame, and the frame itself if it is worth remembering.
    fn understand(&mut self, rgb: &Arc<Rgb>, size: Size, on_disk: &Array3<f32>, is_familiar: bool) {
        let capacity = self.settings.memory;
        let replay = &mut self.replay;
        replay.style.see(rgb, on_disk.view());
        replay.memory.shrink(capacity);
        if replay.memory.wants(is_familiar, capacity) {
            let labels = labels_of(on_disk, size);
            let frame = Remembered::new(rgb.clone(), labels.map.into(), is_familiar);
            replay.memory.offer(frame, capacity);
        }
    }

    /// Takes the steps of a frame.
    fn replay_steps(
        &mut self,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut draws = Draws::new(self.settings.seed, VIEW_STREAM | self.frame);
        for _ in 0..self.steps_of_labels(request) {
            self.replay_step(size, &mut draws, report)?;
        }
        self.learned_frames = self.learned_frames.saturating_add(1);
        Ok(())
    }

    /// One step on one remembered frame.
    fn replay_step(
        &mut self,
        size: Size,
        draws: &mut Draws,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Some(student) = &mut self.student else {
            return Ok(());
        };
        if self.replay.memory.frames().is_empty() {
            return Ok(());
        }
        let kind = Kind::ReplayStep(Student::step_options(size));
        student.prepare(kind, size)?;
        let started = Instant::now();
        let classes = self.model.file().config.main.classes;
        let class_weights = self.replay.class_weights(classes)?;
        let Replay {
            memory,
            style,
            view,
            ..
        } = &mut self.replay;
        let frames = memory.frames();
        let place = draws.places(frames.len(), 1, Sampling::Replacement)[0];
        view.draw(&frames[place].rgb, &frames[place].labels, size, draws);
        style.restyle(view, draws);
        let (images, labels) = view.as_given();
        let lesson = Lesson {
            size,
            images,
            labels,
            class_weights: &class_weights,
            others: &[],
            rate: self.settings.learning_rate,
        };
        student.step(kind, &lesson, &mut self.guard, report)?;
        report.step_time += started.elapsed();
        Ok(())
    }
}

/// The labels by which a frame is remembered.
fn labels_of(on_disk: &Array3<f32>, size: Size) -> PseudoLabels {
    let mut labels = PseudoLabels::default();
    labels.find(on_disk.view(), size, |_| CONFIDENCE);
    labels
}
