//! Colours that people have given: steps of the colour head on pictures of which they are known.
//!
//! Only h learns from them. It sees the encoder's features as they are, so a step costs no way back through the encoder;
//! and what the reconstruction steps learn stays apart, whatever the method forgets before every frame. As these steps
//! change the features, each is followed by one of h, so that it does not lose what it was told.

use std::collections::VecDeque;
use std::mem::{replace, take};
use std::sync::Arc;
use std::time::Instant;

use super::spent::Spent;
use super::{Learner, packed};
use crate::adapt::graphs::{DirectOptions, Size, colour_layout};
use crate::adapt::random::Draws;
use crate::adapt::{Direction, Error, Report, Request, Sampling, Settings, SharedModel};
use crate::optim::{AdamW, Layout};
use crate::runtime::Tensor;
use crate::weights::{Task, Weights};

/// The first of the streams of random numbers that say which picture comes when; no frame has a number that high.
const ORDER_STREAM: u64 = 1 << 63;
/// Largest norm of a gradient. Adam divides by the gradient's size anyway; this holds what is far out of the ordinary.
const CLIP_NORM: f64 = 1.0;

/// The colour head, and what it is to learn. Without buffers where the model is none that colours.
pub(super) struct Directed {
    layout: Layout,
    /// Buffers of f, which do not learn here, and those of h: what predictions take.
    with_f: Layout,
    /// The head as it is on disk.
    base: Arc<[Tensor]>,
    /// As it was before anything that is in force was learned: on disk, or in a state that was loaded.
    start: Vec<Tensor>,
    /// As the last step has left it.
    state: Vec<Tensor>,
    /// As predictions take it: a running mean of what steps have left. Of colours that people have given the last one counts
    /// alone.
    mean: Vec<Tensor>,
    /// As predictions took it before the first of the hints, and whether that was another than on disk.
    before_hints: Option<(Vec<Tensor>, bool)>,
    /// State, moments and mean that steps have replaced.
    spent: Spent,
    /// First and second moments.
    moments: Vec<Tensor>,
    /// Steps since those were zero.
    steps_of_moments: u64,
    references: Vec<Direction>,
    hints: Vec<Direction>,
    /// Pictures of steps that are still to be taken because something new has come.
    due: VecDeque<Direction>,
    /// Steps since [`Directed::start`].
    taken: u64,
    /// Whether the head is another than on disk.
    learned: bool,
    /// Whether its start is.
    loaded: bool,
}

impl Directed {
    /// The head as it is on disk; `f_and_g` is how the other weights travel, and `shared` is as for [`Spent::new`].
    pub fn new(model: &SharedModel, f_and_g: &Layout, shared: bool) -> Result<Self, Error> {
        let layout = colour_layout(&model.file().config, Layout::PACK_BELOW)?;
        let base = super::base(model, &layout)?;
        Ok(Self {
            with_f: with_f(f_and_g, &layout),
            start: base.to_vec(),
            state: base.to_vec(),
            mean: base.to_vec(),
            layout,
            base,
            before_hints: None,
            spent: Spent::new(shared),
            moments: vec![],
            steps_of_moments: 0,
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
        self.with_f = with_f(f_and_g, &self.layout);
    }

    /// How the weights of a prediction travel: those of f and, of a model that colours, of h.
    pub fn with_f(&self) -> &Layout {
        &self.with_f
    }

    /// The head's buffers, as predictions take them.
    pub fn head(&self) -> &[Tensor] {
        &self.mean
    }

    /// The head as it was before anything that is in force was learned.
    pub fn start(&self) -> &[Tensor] {
        &self.start
    }

    /// Goes on with a head, another learner's for one, as if there had been none before.
    pub fn adopt(&mut self, head: Vec<Tensor>) {
        self.state.clone_from(&head);
        self.mean = head;
    }

    /// Pictures in force, and hints.
    pub fn counts(&self) -> (usize, usize) {
        (self.references.len(), self.hints.len())
    }

    /// Steps since the moments were zero.
    pub fn steps_of_moments(&self) -> u64 {
        self.steps_of_moments
    }

    /// Steps towards given colours since the head was on disk, or loaded.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The head's weights by name, if they are others than on disk.
    pub fn weights(&self) -> Result<Weights, Error> {
        if !self.learned {
            return Ok(Weights::default());
        }
        let contents = self.mean.iter().map(Tensor::to_f32);
        Ok(self
            .layout
            .unpack(&contents.collect::<Result<Vec<_>, _>>()?))
    }

    /// Goes on with the head of a saved state, or with that on disk if it holds none. References are learned anew on top.
    pub fn load(&mut self, weights: &Weights, settings: &Settings) -> Result<(), Error> {
        let names = self.layout.buffers.iter().flat_map(|b| &b.members);
        let holds = names.clone().any(|m| weights.0.contains_key(&m.name));
        self.start = if holds {
            packed(&self.layout, weights)?
        } else {
            self.base.to_vec()
        };
        self.loaded = holds;
        self.restart(settings);
        Ok(())
    }

    /// The head as it is on disk; references are learned anew, and hints are gone.
    pub fn reset(&mut self, settings: &Settings) {
        self.start = self.base.to_vec();
        self.loaded = false;
        self.restart(settings);
    }

    /// Back to the start, with everything still to be learned that stays in force.
    fn restart(&mut self, settings: &Settings) {
        self.adopt(self.start.clone());
        self.learned = self.loaded;
        self.forget_moments();
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

    /// The head as it was before it learned colours that nobody had given. With colours that somebody has, there are none.
    pub fn forget_own(&mut self) {
        if self.counts() == (0, 0) {
            self.adopt(self.start.clone());
            self.forget_moments();
        }
    }

    fn set_references(&mut self, references: Vec<Direction>, settings: &Settings) {
        if self.references == references {
            return;
        }
        self.references = references;
        let hints = take(&mut self.hints);
        self.restart(settings);
        self.set_hints(hints, settings);
    }

    fn set_hints(&mut self, hints: Vec<Direction>, settings: &Settings) {
        let old = replace(&mut self.hints, hints);
        if old == self.hints {
            return;
        }
        if self.hints.is_empty() {
            if let Some((before, learned)) = self.before_hints.take() {
                self.adopt(before);
                self.learned = learned;
            }
            self.due.retain(|picture| !old.contains(picture));
            self.forget_moments();
            return;
        }
        if old.is_empty() {
            self.adopt(self.mean.clone());
            self.before_hints = Some((self.mean.clone(), self.learned));
        }
        let (stay, gone): (Vec<_>, Vec<_>) = old.into_iter().partition(|o| self.hints.contains(o));
        self.due.retain(|picture| !gone.contains(picture));
        for hint in self.hints.iter().filter(|h| !stay.contains(h)) {
            let steps = std::iter::repeat_n(hint, settings.reference_steps);
            self.due.extend(steps.cloned());
        }
    }

    fn forget_moments(&mut self) {
        self.moments.clear();
        self.steps_of_moments = 0;
    }

    /// The picture of the next step.
    fn next(&mut self, seed: u64) -> Option<Direction> {
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

    /// State, moments, made if there are none, and mean.
    fn buffers(&mut self) -> Result<impl Iterator<Item = &Tensor>, Error> {
        if self.moments.is_empty() {
            for _ in 0..2 {
                for buffer in &self.layout.buffers {
                    let zeros = vec![0.0; buffer.shape.iter().product()];
                    let zeros = Tensor::from_f32(&buffer.shape, &zeros)?;
                    self.moments.push(zeros);
                }
            }
        }
        Ok(self.state.iter().chain(&self.moments).chain(&self.mean))
    }
}

/// How a step goes towards colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub rate: f64,
    /// How sure the head is to become of them ([`crate::model::chroma_shares`]).
    pub sharpness: f64,
    /// What the head that the step leaves counts in the mean that predictions take.
    pub share: f64,
}

impl Learner {
    /// Has the colour head learn pictures of which colours are known, instead of those before. It starts from the model,
    /// or from the state that was loaded; each picture is due for [`Settings::reference_steps`] steps with the next frames
    /// ([`Request::most_directed`]), and takes its turn as long as reconstruction goes on being learned. The same pictures
    /// once more change nothing.
    ///
    /// # Errors
    /// [`Error::Direction`] for a model that does not colour.
    pub fn set_references(&mut self, references: Vec<Direction>) -> Result<(), Error> {
        check_task(self.model().task, &self.model().name)?;
        self.directed.set_references(references, &self.settings);
        Ok(())
    }

    /// The same for colours that are given for a while, on top of the references. Without any, what was learned since the first of
    /// them is forgotten.
    ///
    /// # Errors
    /// As [`Learner::set_references`].
    pub fn set_hints(&mut self, hints: Vec<Direction>) -> Result<(), Error> {
        check_task(self.model().task, &self.model().name)?;
        self.directed.set_hints(hints, &self.settings);
        Ok(())
    }

    /// Takes the steps towards given colours that belong to a frame: what is due, as far as the request allows, else one for
    /// every step of reconstruction.
    pub(super) fn follow(&mut self, request: Request, report: &mut Report) -> Result<(), Error> {
        let due = self.directed.due.len();
        let steps = match request.most_directed {
            _ if due == 0 => report.steps,
            Some(most) => due.min(most),
            None => due,
        };
        for _ in 0..steps {
            let Some(picture) = self.directed.next(self.settings.seed) else {
                break;
            };
            let way = Way {
                rate: self.settings.reference_rate,
                sharpness: 1.0,
                share: 1.0,
            };
            self.step_towards(&picture, way, report)?;
        }
        Ok(())
    }

    /// One step of the colour head towards the colours of a picture.
    pub(super) fn step_towards(
        &mut self,
        picture: &Direction,
        way: Way,
        report: &mut Report,
    ) -> Result<(), Error> {
        let d = &mut self.directed;
        let size = picture.size();
        let Size { height, width } = size;
        let (rows, columns) = size.patches();
        let number = |value: f64| Tensor::from_f32(&[], &[value as f32]);
        let tokens = |values, each| Tensor::from_f32(&[1, rows * columns, each], values);
        let images = Tensor::from_u8(&[1, height, width, 3], picture.rgb())?;
        let given = [
            ("images", &images),
            ("chroma", &tokens(picture.chroma(), 2)?),
            ("weights", &tokens(picture.weights(), 1)?),
            ("sharpness", &number(way.sharpness)?),
            ("learning_rate", &number(way.rate)?),
            ("share", &number(way.share)?),
            ("step", &number((d.steps_of_moments + 1) as f64)?),
        ];
        let options = DirectOptions {
            size,
            optimiser: AdamW {
                weight_decay: 0.0,
                clip_norm: CLIP_NORM,
                moments: true,
            },
        };
        let program = self.sessions.at(size).direct(&d.with_f, options)?;
        let started = Instant::now();
        let encoder = self.layout.encoder().buffers.len();
        let spent = d.spent.take();
        let mut state = self.state[..encoder].to_vec();
        state.extend(d.buffers()?.cloned());
        let mut outputs = program.run_over(spent, &state, &given)?;
        drop(state);
        let own = d.layout.buffers.len();
        let reported = outputs.split_off(4 * own);
        let mean = outputs.split_off(3 * own);
        let moments = outputs.split_off(own);
        let mut replaced = replace(&mut d.state, outputs);
        replaced.extend(replace(&mut d.moments, moments));
        replaced.extend(replace(&mut d.mean, mean));
        d.spent.put(replaced);
        report.direction_loss = Some(reported[0].to_f32()?[0]);
        report.directed_steps += 1;
        report.step_time += started.elapsed();
        // The model's own colours are for a scene, and no part of a state.
        let given = d.counts() != (0, 0);
        d.taken += u64::from(given);
        // The graph itself keeps what was when something was not finite.
        if reported[2].to_bool()?[0] {
            d.steps_of_moments += 1;
            d.learned |= given;
        }
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

/// Whether a model of this task can be given colours.
pub(in crate::adapt) fn check_task(task: Task, model: &str) -> Result<(), Error> {
    if task == Task::Colorize {
        return Ok(());
    }
    Err(Error::Direction(format!("model {model} does not colour")))
}
