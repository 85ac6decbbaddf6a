//! The student: f and h that learn from labels, and their running mean, the teacher, which is mixed with the model on disk in
//! what goes out.

use ndarray::Array3;

use super::Learner;
use super::averaged::AveragedWeights;
use crate::adapt::graphs::{AveragedStepOptions, main_layout};
use crate::adapt::guard::{Rollback, RunningMean, compare};
use crate::adapt::sessions::{Kind, SessionCache};
use crate::adapt::size::Size;
use crate::adapt::{Error, Report, SharedModel, Skipped, Trainable};
use crate::optim::{AdamW, Layout};
use crate::runtime::Tensor;
use crate::video::{ClassMap, Rgb};
use crate::weights::Weights;

/// The stream of random numbers for its steps, beside those of frames.
pub(super) const VIEW_STREAM: u64 = 1 << 62;
/// Largest norm of a gradient.
const CLIP_NORM: f64 = 1.0;
/// What moments so far count. The second forgets sooner than usual: the light changes.
const BETAS: [f64; 2] = [0.9, 0.99];
/// What the teacher so far counts at most when there is another step.
const SLOWEST: f64 = 0.99;
/// What the teacher counts in the mean with the model on disk.
pub(super) const SHARE: f32 = 0.5;
/// How much that changes from one frame to the next.
const SHARE_STEP: f32 = 0.125;
/// How much higher than at the beginning the loss may be: worse light is harder to learn in.
const HIGHER: f32 = 4.0;
/// Steps whose loss is what later losses are measured by.
const FIRST_STEPS: u32 = 16;

/// The student and its teacher.
pub(super) struct Student {
    pub weights: AveragedWeights,
    pub sessions: SessionCache,
    /// Steps that are in the weights.
    pub steps: u64,
    /// Mean loss of the first of them.
    first_losses: RunningMean,
    /// What goes out of the current frame, once it is known.
    pub answer: Option<Mixed>,
    /// Outputs of the teacher's last prediction, to be written over, and an array for what it said.
    predicted: Vec<Tensor>,
    taught: Option<Array3<f32>>,
    /// Inputs of the last step, likewise.
    images: Option<Tensor>,
    labels: Option<Tensor>,
}

/// Class probabilities (classes, height/4, width/4) of a frame, of the model on disk and of the teacher.
pub(super) struct Mixed {
    pub probabilities: Array3<f32>,
    /// What the teacher counts.
    pub share: f32,
    /// Whether those of the last frame are in it as well ([`crate::video::Fusion`]).
    pub is_fused: bool,
}

/// The inputs of a step of the student.
pub(super) struct Lesson<'a> {
    pub size: Size,
    /// RGB in bytes.
    pub images: &'a [u8],
    /// The class of every pixel, 255 for none.
    pub labels: &'a ClassMap,
    /// What a pixel of each class counts.
    pub class_weights: &'a Tensor,
    /// What the graph of the step takes beside these.
    pub others: &'a [(&'static str, Tensor)],
    pub rate: f64,
}

impl Student {
    /// As the model is on disk; `sessions` and `shared` are as for [`Learner::of`].
    pub fn new(
        model: &SharedModel,
        learn: Trainable,
        sessions: SessionCache,
        shared: bool,
    ) -> Result<Self, Error> {
        let layout = main_layout(&model.file().config, Layout::PACK_BELOW, learn)?;
        Ok(Self {
            weights: AveragedWeights::new(model, layout, shared)?,
            sessions,
            steps: 0,
            first_losses: RunningMean::new(1.0),
            answer: None,
            predicted: vec![],
            taught: None,
            images: None,
            labels: None,
        })
    }

    /// One that goes on with the teacher's weights, of which others learn; moments are zero.
    pub fn relaid(
        &self,
        model: &SharedModel,
        learn: Trainable,
        shared: bool,
    ) -> Result<Self, Error> {
        let mut student = Self::new(model, learn, self.sessions.sibling(), shared)?;
        student.load(model, &self.weights.weights()?, self.steps)?;
        student.first_losses = self.first_losses;
        Ok(student)
    }

    /// Back to the weights on disk.
    pub fn forget_weights(&mut self) {
        self.weights.reset();
        self.steps = 0;
        self.first_losses.clear();
        self.answer = None;
    }

    /// Makes the moments of the optimiser zero.
    pub fn forget_moments(&mut self) {
        self.weights.forget_moments();
    }

    /// Goes on with saved weights, or with those on disk of what was not saved.
    pub fn load(
        &mut self,
        model: &SharedModel,
        weights: &Weights,
        steps: u64,
    ) -> Result<(), Error> {
        self.forget_weights();
        let mut all = model.file().weights.clone();
        all.merge(weights.clone());
        if let Some(buffers) = self.weights.of(&all)? {
            self.weights.adopt(&buffers);
        }
        self.steps = steps;
        Ok(())
    }

    /// What its steps on pictures of this size are built for.
    pub fn step_options(size: Size) -> AveragedStepOptions {
        AveragedStepOptions {
            size,
            optimiser: AdamW {
                weight_decay: 0.0,
                clip_norm: CLIP_NORM,
                moments: true,
                betas: BETAS,
            },
            expose: false,
        }
    }

    /// Has the session of a kind of step built, so that a step does not wait for it.
    pub fn prepare(&mut self, kind: Kind, size: Size) -> Result<(), Error> {
        let layout = &self.weights.layout;
        self.sessions.get(kind, size, layout).map(drop)
    }

    /// Takes a step of this kind, after which the guard knows its loss.
    pub fn step(
        &mut self,
        kind: Kind,
        lesson: &Lesson<'_>,
        guard: &mut Rollback,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Size { height, width } = lesson.size;
        let number = |value: f64| Tensor::from_f32(&[], &[value as f32]);
        let labels = lesson.labels.as_slice().unwrap_or_default();
        let images =
            Tensor::from_u8_over(self.images.take(), &[1, height, width, 3], lesson.images)?;
        let labels = Tensor::from_u8_over(self.labels.take(), &[1, height, width], labels)?;
        let rate = number(lesson.rate)?;
        let step = self.steps as f64 + 1.0;
        let share = number(1.0 - SLOWEST.min(step / (step + 1.0)))?;
        let mut given = vec![
            ("images", &images),
            ("labels", &labels),
            ("class_weights", lesson.class_weights),
            ("learning_rate", &rate),
            ("share", &share),
        ];
        given.extend(lesson.others.iter().map(|(name, tensor)| (*name, tensor)));
        let held = match kind {
            Kind::ConsistencyStep(_) => self.weights.initial(),
            _ => vec![],
        };
        let layout = &self.weights.layout;
        let program = self.sessions.get(kind, lesson.size, layout)?;
        let (loss, finite) = self.weights.step(program, &held, &given)?;
        (self.images, self.labels) = (Some(images), Some(labels));
        report.loss = Some(loss);
        report.steps += 1;
        if !finite {
            report.skipped = Some(Skipped::NotFinite);
            return Ok(());
        }
        self.steps += 1;
        if self.first_losses.count() < FIRST_STEPS {
            self.first_losses.add(loss);
        } else if let Some(first) = self.first_losses.get() {
            guard.stepped(loss / (first * HIGHER));
        }
        Ok(())
    }
}

impl Learner {
    /// Whether a student is what learns.
    pub(super) fn teaches(&self) -> bool {
        self.settings.method.learns_labels() && self.student.is_some()
    }

    /// A student, if the settings and the model ask for one and there is none.
    pub(super) fn make_student(&mut self) -> Result<(), Error> {
        let method = self.settings.method.for_task(self.model().task);
        if method.learns_labels() && self.student.is_none() {
            let sessions = self.sessions.sibling();
            let learn = self.settings.learn;
            let student = Student::new(&self.model, learn, sessions, self.beside)?;
            self.student = Some(student);
        }
        Ok(())
    }

    /// What the teacher counts in the next frame of a video that is in range, or strange.
    pub(super) fn move_share(&mut self, is_familiar: bool) {
        self.share = if is_familiar {
            (self.share - SHARE_STEP).max(0.0)
        } else {
            (self.share + SHARE_STEP).min(SHARE)
        };
    }

    /// Class probabilities of a frame by the model on disk.
    pub(super) fn probabilities_on_disk(
        &mut self,
        rgb: &Rgb,
        size: Size,
    ) -> Result<Array3<f32>, Error> {
        let buffers = self.weights.encoder_on_disk().to_vec();
        self.probabilities(&buffers, rgb, size)
    }

    /// Keeps what goes out of a frame that was learned from.
    pub(super) fn keep_answer(&mut self, answer: Mixed) {
        if let Some(student) = &mut self.student {
            student.answer = Some(answer);
        }
    }

    /// What goes out of a frame: what is known of it if it was learned from, else mixed now.
    pub(super) fn mixed(&mut self, rgb: &Rgb, size: Size) -> Result<Mixed, Error> {
        if let Some(answer) = self.student.as_mut().and_then(|s| s.answer.take()) {
            return Ok(answer);
        }
        let on_disk = self.probabilities_on_disk(rgb, size)?;
        self.mix(on_disk, rgb, size, false)
    }

    /// Mixes the class probabilities of the teacher with those of the model on disk. When they are compared and what was
    /// learned does harm, it is undone.
    pub(super) fn mix(
        &mut self,
        mut on_disk: Array3<f32>,
        rgb: &Rgb,
        size: Size,
        is_compared: bool,
    ) -> Result<Mixed, Error> {
        let share = self.share_in_force();
        let alone = |on_disk| Mixed {
            probabilities: on_disk,
            share: 0.0,
            is_fused: false,
        };
        let Some(student) = self.student.as_mut().filter(|_| share > 0.0) else {
            return Ok(alone(on_disk));
        };
        let images = self.scratch.frame(rgb, size)?;
        let layout = &student.weights.layout;
        let program = student.sessions.get(Kind::Probabilities, size, layout)?;
        let spent = std::mem::take(&mut student.predicted);
        let buffers = student.weights.buffers();
        let ([found], outputs) = program.run(&mut [], &buffers, &[("images", &images)], spent)?;
        self.scratch.frame = Some(images);
        student.predicted = outputs;
        let taught: Array3<f32> = found.to_array_over(student.taught.take())?;
        let is_finite = taught.iter().all(|value| value.is_finite());
        if is_compared {
            self.guard
                .compared(compare(on_disk.view(), taught.view(), share));
            if self.guard.is_due() || !is_finite {
                self.guard.roll_back();
                student.forget_weights();
                self.share = 0.0;
                return Ok(alone(on_disk));
            }
        }
        // It would stay in what is fused with the frames to come.
        if !is_finite {
            return Ok(alone(on_disk));
        }
        on_disk.zip_mut_with(&taught, |to, taught| *to += share * (taught - *to));
        student.taught = Some(taught);
        Ok(Mixed {
            share,
            ..alone(on_disk)
        })
    }

    /// Drops what is known of the frame before, whose memory the next one can have.
    pub(super) fn forget_answer(&mut self) {
        if let Some(answer) = self.student.as_mut().and_then(|s| s.answer.take()) {
            self.scratch.planes.get_or_insert(answer.probabilities);
        }
    }
}
