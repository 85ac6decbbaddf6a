//! Sessions per frame size, built when first needed and kept for a few sizes, so that a stream that changes its size back
//! and forth does not rebuild for seconds.
//!
//! A step over another number of views, for which there is less or more time than before, is built beside the stream.

use std::cell::Cell;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::shared::{Kind, SessionKey, SharedModel, Slot};
use crate::adapt::Error;
use crate::adapt::graphs::{
    ColourStepOptions, Size, StepOptions, colour_step_graph, predict_graph, reconstruct_graph,
    step_graph,
};
use crate::graph::{self, Graph, Target};
use crate::optim::Layout;
use crate::runtime::{Binding, Cancel, Options, Runtime, Session, StatefulSession, Tensor};

/// Frame sizes that stay ready.
const SIZES: usize = 4;
/// Steps of one size that stay ready: where time is short, the number of views goes up and down between two.
const STEPS: usize = 2;

/// The sessions of one stream.
pub(in crate::adapt) struct SessionCache {
    builder: Builder,
    /// Most recently used last.
    sizes: Vec<(Size, Built)>,
    /// What is being built beside the stream; one at a time.
    beside: Option<Beside>,
    /// How many were.
    built_beside: u64,
}

struct Beside {
    size: Size,
    step: StepOptions,
    thread: JoinHandle<Result<Program, Error>>,
}

#[derive(Clone)]
struct Builder {
    model: SharedModel,
    runtime: &'static Runtime,
    options: Options,
    cancel: Cancel,
    target: Target,
    beside: bool,
    /// Sessions built so far.
    built: Cell<u64>,
}

#[derive(Default)]
struct Built {
    predict: Option<Program>,
    scores: Option<Program>,
    reconstruct: Option<Program>,
    colour_step: Option<(ColourStepOptions, Program)>,
    /// Most recently used last.
    steps: Vec<(StepOptions, Program)>,
}

/// A session that several learners may share, stopped by the handle of one of them.
pub(in crate::adapt) struct Program {
    session: Arc<Slot>,
    cancel: Cancel,
}

impl SessionCache {
    /// `beside` for a learner that learns while another one predicts: the two share no session.
    pub fn new(
        model: SharedModel,
        runtime: &'static Runtime,
        options: Options,
        cancel: Cancel,
        target: Target,
        beside: bool,
    ) -> Self {
        Self {
            builder: Builder {
                model,
                runtime,
                options,
                cancel,
                target,
                beside,
                built: Cell::new(0),
            },
            sizes: vec![],
            beside: None,
            built_beside: 0,
        }
    }

    /// How many sessions were built since the beginning, each while a frame waited for it.
    pub fn built(&self) -> u64 {
        self.builder.built.get()
    }

    /// How many were built while frames went on.
    pub fn built_beside(&self) -> u64 {
        self.built_beside
    }

    /// Lets go of all sessions: weights are going to travel in another way.
    pub fn clear(&mut self) {
        self.sizes.clear();
        self.beside = None;
    }

    /// Whether a step over this many views is there or may be waited for. Where there is one that differs in their number
    /// only, nothing is waited for: this one is built beside the stream, and a later call finds it.
    ///
    /// # Errors
    /// Why building one beside has failed.
    pub fn prepare_step(
        &mut self,
        layout: &Layout,
        step: StepOptions,
        size: Size,
    ) -> Result<bool, Error> {
        self.take_in()?;
        let Some((_, built)) = self.sizes.iter().find(|(s, _)| *s == size) else {
            return Ok(true);
        };
        let is_like = |other: &StepOptions| {
            let batch = step.batch;
            StepOptions { batch, ..*other } == step
        };
        if built.steps.iter().any(|(o, _)| *o == step)
            || !built.steps.iter().any(|(o, _)| is_like(o))
        {
            return Ok(true);
        }
        if self.beside.is_none() {
            let (builder, layout) = (self.builder.clone(), layout.clone());
            let thread = thread::Builder::new()
                .name("tttseg-build".into())
                .spawn(move || builder.step(&layout, size, step))
                .map_err(|e| Error::Worker(format!("no thread: {e}")))?;
            self.beside = Some(Beside { size, step, thread });
        }
        Ok(false)
    }

    /// Takes in what has been built beside.
    fn take_in(&mut self) -> Result<(), Error> {
        let Some(done) = self.beside.take_if(|b| b.thread.is_finished()) else {
            return Ok(());
        };
        match done.thread.join() {
            Ok(Ok(program)) => {
                self.built_beside += 1;
                // If its size has been dropped meanwhile, so is this.
                if let Some((_, built)) = self.sizes.iter_mut().find(|(s, _)| *s == done.size) {
                    built.steps.push((done.step, program));
                    let surplus = built.steps.len().saturating_sub(STEPS);
                    built.steps.drain(..surplus);
                }
                Ok(())
            }
            // It is built again when it is needed again.
            Ok(Err(Error::Cancelled)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Worker("building a step panicked".into())),
        }
    }

    /// What is built for frames of a size, and what builds the rest.
    fn at(&mut self, size: Size) -> (&Builder, &mut Built) {
        let place = self.sizes.iter().position(|(s, _)| *s == size);
        let entry = match place {
            Some(place) => self.sizes.remove(place),
            None => (size, Built::default()),
        };
        if self.sizes.len() >= SIZES {
            self.sizes.remove(0);
        }
        self.sizes.push(entry);
        let last = self.sizes.len() - 1;
        (&self.builder, &mut self.sizes[last].1)
    }

    /// The main task on a frame; reads the classes or, of a model that colours, the chroma.
    pub fn predict(&mut self, size: Size, layout: &Layout) -> Result<&Program, Error> {
        let (builder, built) = self.at(size);
        cached(&mut built.predict, || {
            let read = match builder.model.file().config.chroma {
                None => &["classes"],
                Some(_) => &["chroma"],
            };
            builder.prediction(layout, size, Kind::Predict, read)
        })
    }

    /// The same; reads class scores.
    pub fn scores(&mut self, size: Size, layout: &Layout) -> Result<&Program, Error> {
        let (builder, built) = self.at(size);
        cached(&mut built.scores, || {
            builder.prediction(layout, size, Kind::Scores, &["scores"])
        })
    }

    /// What g makes of a masked frame; reads the picture and the loss.
    pub fn reconstruct(&mut self, size: Size, layout: &Layout) -> Result<&Program, Error> {
        let (builder, built) = self.at(size);
        cached(&mut built.reconstruct, || {
            let m = builder.model.file();
            let binding = Binding {
                held: layout.names(),
                read: &["picture", "loss"],
                ..Binding::default()
            };
            builder.program(Kind::Reconstruct, size, layout, binding, || {
                reconstruct_graph(&m.config, &m.normalisation, layout, size)
            })
        })
    }

    /// The step towards given colours, over the buffers of f, which it leaves alone, and h; reads the loss and whether it
    /// was finite. The state is that of h, its mean and its moments.
    pub fn colour_step(
        &mut self,
        layout: &Layout,
        options: ColourStepOptions,
    ) -> Result<&Program, Error> {
        let (builder, built) = self.at(options.size);
        let slot = &mut built.colour_step;
        // One for other options need not fit into memory beside the new one.
        slot.take_if(|(built_for, _)| *built_for != options);
        let built = cached(slot, || {
            let m = builder.model.file();
            let learning = layout.learning();
            let mut state = learning.names();
            state.extend(names_of(&["mean", "first", "second"], &learning));
            let frozen = layout.buffers.iter().filter(|b| !b.learns);
            let binding = Binding {
                state,
                held: frozen.map(|b| b.name.clone()).collect(),
                read: &["loss", "finite"],
            };
            let kind = Kind::ColourStep(options);
            let program = builder.program(kind, options.size, layout, binding, || {
                colour_step_graph(&m.config, &m.normalisation, layout, options)
            })?;
            Ok((options, program))
        })?;
        Ok(&built.1)
    }

    /// The step of masked reconstruction; reads the loss, the gradient's norm and whether both were finite. The state is
    /// the buffers and, if they carry over, the moments; with a pull the initial buffers are held.
    pub fn step(
        &mut self,
        size: Size,
        layout: &Layout,
        options: StepOptions,
    ) -> Result<&Program, Error> {
        let (builder, built) = self.at(size);
        let steps = &mut built.steps;
        let entry = match steps.iter().position(|(o, _)| *o == options) {
            Some(place) => steps.remove(place),
            None => {
                // The oldest goes first: it need not fit into memory beside the new one.
                steps.drain(..(steps.len() + 1).saturating_sub(STEPS));
                (options, builder.step(layout, size, options)?)
            }
        };
        steps.push(entry);
        let newest = steps.last().map(|(_, program)| program);
        newest.ok_or_else(|| Error::Worker("no step".into()))
    }
}

/// What is there, or else is built now.
fn cached<T>(slot: &mut Option<T>, build: impl FnOnce() -> Result<T, Error>) -> Result<&T, Error> {
    match slot {
        Some(built) => Ok(built),
        empty => Ok(empty.insert(build()?)),
    }
}

/// Names of what goes along with buffers: of all of the first kind, then of the next.
fn names_of(kinds: &[&str], layout: &Layout) -> Vec<String> {
    let of = |kind| {
        layout
            .buffers
            .iter()
            .map(move |b| format!("{kind}.{}", b.name))
    };
    kinds.iter().flat_map(of).collect()
}

impl Builder {
    fn prediction(
        &self,
        layout: &Layout,
        size: Size,
        kind: Kind,
        read: &'static [&'static str],
    ) -> Result<Program, Error> {
        let m = self.model.file();
        let binding = Binding {
            held: layout.predicting().names(),
            read,
            ..Binding::default()
        };
        let scores = kind == Kind::Scores;
        self.program(kind, size, layout, binding, || {
            let (config, normalisation) = (&m.config, &m.normalisation);
            predict_graph(config, normalisation, layout, &m.weights, size, scores)
        })
    }

    fn step(&self, layout: &Layout, size: Size, options: StepOptions) -> Result<Program, Error> {
        let m = self.model.file();
        let learning = layout.learning();
        let mut binding = Binding {
            state: layout.names(),
            held: vec![],
            read: &["loss", "gradient_norm", "finite"],
        };
        if options.optimiser.moments {
            binding
                .state
                .extend(names_of(&["first", "second"], &learning));
        }
        if options.pull {
            binding.held = names_of(&["initial"], &learning);
        }
        self.program(Kind::Step(options), size, layout, binding, || {
            step_graph(&m.config, &m.normalisation, layout, options)
        })
    }

    fn program(
        &self,
        kind: Kind,
        size: Size,
        layout: &Layout,
        binding: Binding,
        build: impl FnOnce() -> graph::Result<Graph>,
    ) -> Result<Program, Error> {
        let key = SessionKey {
            kind,
            size,
            layout: layout.clone(),
            options: self.options.clone(),
            beside: self.beside,
        };
        let session = self.model.session(&key, || {
            let model = build()?.finish(self.target)?;
            let session = Session::new(self.runtime, &model, &self.options, &self.cancel)?;
            self.built.set(self.built.get() + 1);
            Ok(StatefulSession::new(session, binding)?)
        })?;
        Ok(Program {
            session,
            cancel: self.cancel.clone(),
        })
    }
}

impl Program {
    /// [`StatefulSession::run`], as soon as it is this one's turn.
    pub fn run<'a, const N: usize>(
        &self,
        state: &mut [Tensor],
        held: impl IntoIterator<Item = &'a Tensor>,
        given: &[(&str, &Tensor)],
        spent: Vec<Tensor>,
    ) -> Result<([Tensor; N], Vec<Tensor>), Error> {
        let mut session = self.session.turn(&self.cancel)?;
        let session = session
            .as_mut()
            .ok_or_else(|| Error::Worker("no session".into()))?;
        session.stopped_by(&self.cancel);
        Ok(session.run(state, held, given, spent)?)
    }
}
