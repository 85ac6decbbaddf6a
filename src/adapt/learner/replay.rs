//! Replay: frames that were understood are learned again, with what the model on disk said of them, in the light of the
//! current frame.
//!
//! f and h learn. What goes out is the mean of two models: a slow mean of the learned weights, and the model on disk. While
//! the video is in range nothing is learned, and the model on disk alone goes out; what was learned stays for the next time.

use std::sync::Arc;
use std::time::Instant;

use ndarray::Array3;

use super::Learner;
use super::averaged::AveragedWeights;
use crate::adapt::graphs::{ReplayStepOptions, main_layout};
use crate::adapt::guard::{RunningMean, compare};
use crate::adapt::memory::{Remembered, Understood, confident_labels};
use crate::adapt::objective::{Style, View};
use crate::adapt::random::Draws;
use crate::adapt::sessions::{Kind, SessionCache};
use crate::adapt::size::Size;
use crate::adapt::{Error, Method, Report, Request, Sampling, SharedModel, Skipped};
use crate::optim::{AdamW, Layout};
use crate::runtime::Tensor;
use crate::video::Rgb;
use crate::weights::Weights;

/// The stream of random numbers for views, beside those of frames.
const VIEW_STREAM: u64 = 1 << 62;
/// Largest norm of a gradient.
const CLIP_NORM: f64 = 1.0;
/// What moments so far count. The second forgets sooner than usual: the light changes.
const BETAS: [f64; 2] = [0.9, 0.99];
/// What the slow mean of the weights so far counts at most when there is another step.
const SLOWEST: f64 = 0.99;
/// What learned weights count in the mean with the model on disk.
pub(super) const SHARE: f32 = 0.5;
/// How much that changes from one frame to the next.
const SHARE_STEP: f32 = 0.125;
/// How much higher than at the beginning the loss may be: worse light is harder to learn in.
const HIGHER: f32 = 4.0;
/// Steps whose loss is what later losses are measured by.
const FIRST_STEPS: u32 = 16;

/// What is learned from remembered frames.
pub(super) struct Replay {
    /// f and h.
    pub weights: AveragedWeights,
    sessions: SessionCache,
    pub memory: Understood,
    style: Style,
    /// Steps that are in the weights.
    pub steps: u64,
    /// Mean loss of the first of them.
    first_losses: RunningMean,
    /// Class probabilities of the current frame, mixed, once they are known.
    mixed: Option<Array3<f32>>,
    /// Outputs of the last prediction by learned weights, to be written over.
    predicted: Vec<Tensor>,
}

impl Replay {
    /// Nothing learned and nothing remembered; `sessions` and `shared` as for [`Learner::of`].
    pub fn new(model: &SharedModel, sessions: SessionCache, shared: bool) -> Result<Self, Error> {
        let layout = main_layout(&model.file().config, Layout::PACK_BELOW)?;
        Ok(Self {
            weights: AveragedWeights::new(model, layout, shared)?,
            sessions,
            memory: Understood::default(),
            style: Style::default(),
            steps: 0,
            first_losses: RunningMean::new(1.0),
            mixed: None,
            predicted: vec![],
        })
    }

    /// Back to the weights on disk; memory and light stay.
    pub fn forget_weights(&mut self) {
        self.weights.reset();
        self.steps = 0;
        self.first_losses.clear();
        self.mixed = None;
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.forget_weights();
        self.memory.clear();
        self.forget_light();
    }

    /// Another scene has another light.
    pub fn forget_light(&mut self) {
        self.style = Style::default();
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

    /// Sessions built so far.
    pub fn sessions_built(&self) -> u64 {
        self.sessions.built()
    }
}

impl Learner {
    /// Whether remembered frames are what is learned from.
    pub(super) fn replays(&self) -> bool {
        self.settings.method == Method::Replay && self.replay.is_some()
    }

    /// What there is to replay with, if the settings and the model ask for it.
    pub(super) fn make_replay(&mut self) -> Result<(), Error> {
        let wanted = self.settings.method.for_task(self.model().task) == Method::Replay;
        if wanted && self.replay.is_none() {
            let sessions = self.sessions.sibling();
            self.replay = Some(Replay::new(&self.model, sessions, self.beside)?);
        }
        Ok(())
    }

    /// Remembers a frame if it was understood, and takes the steps that belong to it.
    pub(super) fn learn_again(
        &mut self,
        rgb: &Arc<Rgb>,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        if report.skipped.is_some() {
            return Ok(());
        }
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
            self.share = (self.share - SHARE_STEP).max(0.0);
        } else if self.guard.pauses() {
            report.skipped = Some(Skipped::RolledBack);
            self.share = 0.0;
        } else {
            self.replay_steps(size, request, report)?;
            self.share = (self.share + SHARE_STEP).min(SHARE);
        }
        let started = Instant::now();
        let mixed = self.mix(on_disk, rgb, size, true)?;
        if let Some(replay) = &mut self.replay {
            replay.mixed = Some(mixed);
        }
        report.predict_time += started.elapsed();
        Ok(())
    }

    /// Takes in the light of a frame, and the frame itself if it is worth remembering.
    fn understand(&mut self, rgb: &Arc<Rgb>, size: Size, on_disk: &Array3<f32>, is_familiar: bool) {
        let capacity = self.settings.memory;
        if let Some(replay) = &mut self.replay {
            replay.style.see(rgb, on_disk.view());
            replay.memory.shrink(capacity);
            if replay.memory.wants(is_familiar, capacity) {
                let labels = confident_labels(on_disk.view(), size);
                let frame = Remembered::new(rgb.clone(), labels.into(), is_familiar);
                replay.memory.offer(frame, capacity);
            }
        }
    }

    /// Takes the steps of a frame.
    fn replay_steps(
        &mut self,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let most = request.most_steps.unwrap_or(usize::MAX).max(1);
        let steps = self.settings.steps_after(self.learned_frames).min(most);
        let mut draws = Draws::new(self.settings.seed, VIEW_STREAM | self.frame);
        for _ in 0..steps {
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
        let Some(replay) = &mut self.replay else {
            return Ok(());
        };
        let frames = replay.memory.frames();
        if frames.is_empty() {
            return Ok(());
        }
        let options = ReplayStepOptions {
            size,
            optimiser: AdamW {
                weight_decay: 0.0,
                clip_norm: CLIP_NORM,
                moments: true,
                betas: BETAS,
            },
            expose: false,
        };
        let kind = Kind::ReplayStep(options);
        let program = replay.sessions.get(kind, size, &replay.weights.layout)?;
        let started = Instant::now();
        let place = draws.places(frames.len(), 1, Sampling::Replacement)[0];
        let mut view = View::draw(&frames[place].rgb, &frames[place].labels, size, draws);
        replay.style.restyle(&mut view, draws);

        let number = |value: f64| Tensor::from_f32(&[], &[value as f32]);
        let Size { height, width } = size;
        let labels = view.labels.as_slice().unwrap_or_default();
        let step = replay.steps as f64 + 1.0;
        let classes = self.model.file().config.main.classes;
        let weights = replay.memory.class_weights(classes);
        let weights = Tensor::from_f32(&[classes, 1], &weights)?;
        let given = [
            (
                "images",
                &Tensor::from_u8(&[1, height, width, 3], &view.bytes())?,
            ),
            ("labels", &Tensor::from_u8(&[1, height, width], labels)?),
            ("class_weights", &weights),
            ("learning_rate", &number(self.settings.learning_rate)?),
            ("share", &number(1.0 - SLOWEST.min(step / (step + 1.0)))?),
        ];
        let (loss, finite) = replay.weights.step(program, &[], &given)?;
        report.loss = Some(loss);
        report.steps += 1;
        report.step_time += started.elapsed();
        if !finite {
            report.skipped = Some(Skipped::NotFinite);
            return Ok(());
        }
        replay.steps += 1;
        if replay.first_losses.count() < FIRST_STEPS {
            replay.first_losses.add(loss);
        } else if let Some(first) = replay.first_losses.get() {
            self.guard.stepped(loss / (first * HIGHER));
        }
        Ok(())
    }

    /// Class probabilities of a frame that is not learned from, as they go out.
    pub(super) fn replayed_probabilities(
        &mut self,
        rgb: &Rgb,
        size: Size,
    ) -> Result<Array3<f32>, Error> {
        if let Some(mixed) = self.replay.as_mut().and_then(|replay| replay.mixed.take()) {
            return Ok(mixed);
        }
        let on_disk = self.probabilities_on_disk(rgb, size)?;
        self.mix(on_disk, rgb, size, false)
    }

    fn probabilities_on_disk(&mut self, rgb: &Rgb, size: Size) -> Result<Array3<f32>, Error> {
        let buffers = self.weights.encoder_on_disk().to_vec();
        self.probabilities(&buffers, rgb, size)
    }

    /// Mixes the class probabilities of the learned weights with those of the weights on disk. When they are compared and what was learned
    /// does harm, it is undone.
    fn mix(
        &mut self,
        mut on_disk: Array3<f32>,
        rgb: &Rgb,
        size: Size,
        is_compared: bool,
    ) -> Result<Array3<f32>, Error> {
        let share = self.share_in_force();
        let Some(replay) = self.replay.as_mut().filter(|_| share > 0.0) else {
            return Ok(on_disk);
        };
        let images = self.scratch.frame(rgb, size)?;
        let layout = &replay.weights.layout;
        let program = replay.sessions.get(Kind::Probabilities, size, layout)?;
        let spent = std::mem::take(&mut replay.predicted);
        let buffers = replay.weights.mean();
        let ([learned], outputs) = program.run(&mut [], buffers, &[("images", &images)], spent)?;
        self.scratch.frame = Some(images);
        replay.predicted = outputs;
        let learned: Array3<f32> = learned.to_array()?;
        if is_compared {
            self.guard
                .compared(compare(on_disk.view(), learned.view(), share));
            if self.guard.is_due() {
                self.guard.roll_back();
                replay.forget_weights();
                self.share = 0.0;
                return Ok(on_disk);
            }
        }
        on_disk.zip_mut_with(&learned, |to, learned| *to += share * (learned - *to));
        Ok(on_disk)
    }
}
