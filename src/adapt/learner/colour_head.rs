//! The colour head of a stream: steps on pictures of which colours are given.
//!
//! Only h learns from them. It sees the encoder's features as they are, so a step costs no way back through the encoder;
//! and what the reconstruction steps learn stays apart, whatever the method forgets before every frame. As these steps
//! change the features, each is followed by one of h, so that it does not lose what it has learned.

use std::collections::VecDeque;
use std::mem::{replace, take};
use std::time::Instant;

use super::Learner;
use super::averaged::AveragedWeights;
use crate::adapt::graphs::{AveragedStepOptions, colour_layout};
use crate::adapt::random::Draws;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{ColourTarget, Error, Report, Request, Sampling, Settings, SharedModel};
use crate::optim::{AdamW, Layout};
use crate::runtime::Tensor;
use crate::weights::{Task, Weights};

/// The first of the streams of random numbers for the order of the pictures; no frame has a number that high.
const ORDER_STREAM: u64 = 1 << 63;
/// Largest norm of a gradient. Adam divides by the gradient's size anyway; this holds what is far out of the ordinary.
const CLIP_NORM: f64 = 1.0;

/// The colour head, and what it is to learn. Without buffers where the model does not colour.
pub(super) struct ColourHead {
    /// The head. Of given colours the last step counts alone in the mean.
    weights: AveragedWeights,
    /// Buffers of f, which do not learn here, and those of h: what predictions take.
    pub with_f: Layout,
    /// As it was before anything that is in force was learned: on disk, or in a state that was loaded.
    pub start: Vec<Tensor>,
    /// As predictions took it before the first of the hints, and whether that was another than on disk.
    before_hints: Option<(Vec<Tensor>, bool)>,
    references: Vec<ColourTarget>,
    hints: Vec<ColourTarget>,
    /// Pictures of steps that are still to be taken because something new has come.
    due: VecDeque<ColourTarget>,
    /// Steps towards given colours since [`ColourHead::start`].
    pub taken: u64,
    /// Whether the head is another than on disk.
    learned: bool,
    /// Whether its start is.
    loaded: bool,
}

impl ColourHead {
    /// The head as it is on disk; `f_and_g` is how the other weights travel, and `shared` is as for [`OutputBuffers::new`].
    pub fn new(model: &SharedModel, f_and_g: &Layout, shared: bool) -> Result<Self, Error> {
        let layout = colour_layout(&model.file().config, Layout::PACK_BELOW)?;
        let weights = AveragedWeights::new(model, layout, shared)?;
        Ok(Self {
            with_f: with_f(f_and_g, &weights.layout),
            start: weights.on_disk().to_vec(),
            weights,
            before_hints: None,
            references: vec![],
            hints: vec![],
            due: VecDeque::new(),
            taken: 0,
            learned: false,
            loaded: false,
        })
    }

    /// The weights of f and g travel in another way from now on.
    pub fn travel_with(&mut self, f_and_g: &Layout) {
        self.with_f = with_f(f_and_g, &self.weights.layout);
    }

    /// The head's buffers, as predictions take them.
    pub fn head(&self) -> &[Tensor] {
        self.weights.mean()
    }

    /// Goes on with a head, another learner's for one, as if there had been none before.
    pub fn adopt(&mut self, head: &[Tensor]) {
        self.weights.adopt(head);
    }

    /// Steps since the moments were zero.
    pub fn steps_of_moments(&self) -> u64 {
        self.weights.steps_of_moments
    }

    /// Pictures in force, and hints.
    pub fn counts(&self) -> (usize, usize) {
        (self.references.len(), self.hints.len())
    }

    /// Whether any colours are given.
    pub fn has_targets(&self) -> bool {
        self.counts() != (0, 0)
    }

    /// The head's weights by name, if they are others than on disk.
    pub fn weights(&self) -> Result<Weights, Error> {
        if !self.learned {
            return Ok(Weights::default());
        }
        self.weights.weights()
    }

    /// Goes on with the head of a saved state, or with that on disk if it holds none. References are learned anew on top.
    pub fn load(&mut self, weights: &Weights, settings: &Settings) -> Result<(), Error> {
        let saved = self.weights.of(weights)?;
        self.loaded = saved.is_some();
        self.start = saved.unwrap_or_else(|| self.weights.on_disk().to_vec());
        self.restart(settings);
        Ok(())
    }

    /// The head as it is on disk; references are learned anew, and hints are gone.
    pub fn reset(&mut self, settings: &Settings) {
        self.start = self.weights.on_disk().to_vec();
        self.loaded = false;
        self.restart(settings);
    }

    /// Back to the start, with everything still to be learned that stays in force.
    fn restart(&mut self, settings: &Settings) {
        self.adopt(&self.start.clone());
        self.learned = self.loaded;
        self.weights.forget_moments();
        self.before_hints = None;
        self.hints.clear();
        self.due.clear();
        self.taken = 0;
        for round in 0..settings.reference_steps as u64 {
            let count = self.references.len() as u64;
            for step in round * count..(round + 1) * count {
                let next = turn(settings.seed, step, self.references.len());
                self.due.push_back(self.references[next].clone());
            }
        }
    }

    /// The head as it was before self-training. Where colours are given, there was none.
    pub fn forget_self_training(&mut self) {
        if !self.has_targets() {
            self.adopt(&self.start.clone());
            self.weights.forget_moments();
        }
    }

    fn set_references(&mut self, references: Vec<ColourTarget>, settings: &Settings) {
        if self.references == references {
            return;
        }
        self.references = references;
        let hints = take(&mut self.hints);
        self.restart(settings);
        self.set_hints(hints, settings);
    }

    fn set_hints(&mut self, hints: Vec<ColourTarget>, settings: &Settings) {
        let old = replace(&mut self.hints, hints);
        if old == self.hints {
            return;
        }
        if self.hints.is_empty() {
            if let Some((before, learned)) = self.before_hints.take() {
                self.adopt(&before);
                self.learned = learned;
            }
            self.due.retain(|picture| !old.contains(picture));
            self.weights.forget_moments();
            return;
        }
        if old.is_empty() {
            let head = self.head().to_vec();
            self.adopt(&head);
            self.before_hints = Some((head, self.learned));
        }
        let (stay, gone): (Vec<_>, Vec<_>) = old.into_iter().partition(|o| self.hints.contains(o));
        self.due.retain(|picture| !gone.contains(picture));
        for hint in self.hints.iter().filter(|h| !stay.contains(h)) {
            let steps = std::iter::repeat_n(hint, settings.reference_steps);
            self.due.extend(steps.cloned());
        }
    }

    /// The picture of the next step.
    fn next(&mut self, seed: u64) -> Option<ColourTarget> {
        if let Some(due) = self.due.pop_front() {
            return Some(due);
        }
        let mut all = self.references.iter().chain(&self.hints);
        let count = all.clone().count();
        if count == 0 {
            return None;
        }
        all.nth(turn(seed, self.taken, count)).cloned()
    }
}

/// How a step goes towards colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColourStep {
    pub rate: f64,
    /// How sure the head is to become of them ([`crate::model::chroma_shares`]).
    pub sharpness: f64,
    /// What the head that the step leaves counts in the mean that predictions take.
    pub share: f64,
}

impl Learner {
    /// Has the colour head learn pictures of which colours are known, instead of those before. It starts from the model,
    /// or from the state that was loaded; each picture is due for [`Settings::reference_steps`] steps with the next frames
    /// ([`Request::most_colour_steps`]), and takes its turn as long as reconstruction goes on being learned. The same
    /// pictures once more change nothing.
    ///
    /// # Errors
    /// [`Error::ColourTarget`] for a model that does not colour.
    pub fn set_references(&mut self, references: Vec<ColourTarget>) -> Result<(), Error> {
        check_task(self.model().task, &self.model().name)?;
        self.colour_head.set_references(references, &self.settings);
        Ok(())
    }

    /// The same for colours that are given for a while, on top of the references. Without any, what was learned since the first of
    /// them is forgotten.
    ///
    /// # Errors
    /// As [`Learner::set_references`].
    pub fn set_hints(&mut self, hints: Vec<ColourTarget>) -> Result<(), Error> {
        check_task(self.model().task, &self.model().name)?;
        self.colour_head.set_hints(hints, &self.settings);
        Ok(())
    }

    /// Takes the steps towards given colours that belong to a frame: what is due, as far as the request allows, else one for
    /// every step of reconstruction.
    pub(super) fn learn_given_colours(
        &mut self,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let due = self.colour_head.due.len();
        let steps = match request.most_colour_steps {
            _ if due == 0 => report.steps,
            Some(most) => due.min(most),
            None => due,
        };
        for _ in 0..steps {
            let Some(picture) = self.colour_head.next(self.settings.seed) else {
                break;
            };
            let step = ColourStep {
                rate: self.settings.reference_rate,
                sharpness: 1.0,
                share: 1.0,
            };
            self.colour_step(&picture, step, report)?;
        }
        Ok(())
    }

    /// One step of the colour head towards the colours of a picture.
    pub(super) fn colour_step(
        &mut self,
        picture: &ColourTarget,
        step: ColourStep,
        report: &mut Report,
    ) -> Result<(), Error> {
        let head = &mut self.colour_head;
        let size = picture.size();
        let Size { height, width } = size;
        let (rows, columns) = size.patches();
        let number = |value: f64| Tensor::from_f32(&[], &[value as f32]);
        let tokens = |values: Option<&[f32]>, each| {
            Tensor::from_f32(&[1, rows * columns, each], values.unwrap_or_default())
        };
        let rgb = picture.rgb().as_slice().unwrap_or_default();
        let images = Tensor::from_u8(&[1, height, width, 3], rgb)?;
        let given = [
            ("images", &images),
            ("chroma", &tokens(picture.chroma().as_slice(), 2)?),
            ("weights", &tokens(picture.weights().as_slice(), 1)?),
            ("sharpness", &number(step.sharpness)?),
            ("learning_rate", &number(step.rate)?),
            ("share", &number(step.share)?),
        ];
        let options = AveragedStepOptions {
            size,
            optimiser: AdamW {
                weight_decay: 0.0,
                clip_norm: CLIP_NORM,
                moments: true,
                betas: AdamW::BETAS,
            },
            expose: false,
        };
        let kind = Kind::ColourStep(options);
        let program = self.sessions.get(kind, size, &head.with_f)?;
        let started = Instant::now();
        let encoder = self.weights.encoder();
        let (loss, finite) = head.weights.step(program, encoder, &given)?;
        report.colour_loss = Some(loss);
        report.colour_steps += 1;
        report.step_time += started.elapsed();
        // The model's own colours are for a scene, and no part of a state.
        let given = head.has_targets();
        head.taken += u64::from(given);
        head.learned |= given && finite;
        Ok(())
    }
}

/// Which of `count` pictures step `step` is for: all of them in turn, in an order that is drawn anew every round.
fn turn(seed: u64, step: u64, count: usize) -> usize {
    let (round, place) = (step / count as u64, (step % count as u64) as usize);
    let mut draws = Draws::new(seed, ORDER_STREAM | round);
    draws.places(count, count, Sampling::Permutation)[place]
}

fn with_f(f_and_g: &Layout, h: &Layout) -> Layout {
    let mut f = f_and_g.encoder();
    f.buffers
        .iter_mut()
        .for_each(|buffer| buffer.learns = false);
    f.with(h)
}

/// Whether a model of this task can learn given colours.
///
/// # Errors
/// [`Error::ColourTarget`].
pub(in crate::adapt) fn check_task(task: Task, model: &str) -> Result<(), Error> {
    if task == Task::Colorize {
        return Ok(());
    }
    Err(Error::ColourTarget(format!(
        "model {model} does not colour"
    )))
}
