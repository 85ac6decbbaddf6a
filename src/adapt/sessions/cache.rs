//! Sessions per frame size, built when first needed and kept for a few sizes, so that a stream that
//! changes its size back and forth does not rebuild for seconds. Learners of one [`SharedModel`] share them.
//!
//! A step over another number of views, of which there is less or more time all of a sudden, is built beside the stream.

use std::cell::Cell;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::graphs::{
    DirectOptions, Size, StepOptions, direct_graph, predict_graph, reconstruct_graph, step_graph,
};
use super::shared::{Kind, SessionKey, Slot};
use super::{Error, SharedModel};
use crate::graph::{Graph, Target};
use crate::optim::Layout;
use crate::runtime::{Cancel, Options, Runtime, Session, Tensor};

/// Frame sizes that stay ready.
const SIZES: usize = 4;
/// Steps of one size that stay ready: where time is short, the number of views goes up and down between two.
const STEPS: usize = 2;

/// The sessions of one stream.
pub(super) struct SessionCache {
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
    direct: Option<(DirectOptions, Program)>,
    /// Most recently used last.
    steps: Vec<(StepOptions, Program)>,
}

/// A session with the names of its inputs that are state.
pub(super) struct Program {
    session: Arc<Slot>,
    cancel: Cancel,
    state: Vec<String>,
}

/// The sessions of one size.
pub(super) struct Sessions<'a> {
    builder: &'a Builder,
    size: Size,
    built: &'a mut Built,
}

impl SessionCache {
    /// `beside` for a learner that learns while another one predicts: the two share no session.
    pub(super) fn new(
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
    pub(super) fn built(&self) -> u64 {
        self.builder.built.get()
    }

    /// How many were built while frames went on.
    pub(super) fn built_beside(&self) -> u64 {
        self.built_beside
    }

    /// Lets go of all sessions: weights are going to travel in another way.
    pub(super) fn clear(&mut self) {
        self.sizes.clear();
        self.beside = None;
    }

    /// Whether a step over this many views is there or may be waited for. Where there is one that differs in their number
    /// only, nothing is waited for: this one is built beside, and there when it is asked for again and that is done.
    ///
    /// # Errors
    /// Why building one beside has failed.
    pub(super) fn prepare_step(
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

    pub(super) fn at(&mut self, size: Size) -> Sessions<'_> {
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
        Sessions {
            builder: &self.builder,
            size,
            built: &mut self.sizes[last].1,
        }
    }
}

impl<'a> Sessions<'a> {
    pub(super) fn predict(self, layout: &Layout) -> Result<&'a mut Program, Error> {
        self.predictions(layout, Kind::Predict)
    }

    pub(super) fn scores(self, layout: &Layout) -> Result<&'a mut Program, Error> {
        self.predictions(layout, Kind::Scores)
    }

    fn predictions(self, layout: &Layout, kind: Kind) -> Result<&'a mut Program, Error> {
        let (slot, scores) = match kind {
            Kind::Scores => (&mut self.built.scores, true),
            _ => (&mut self.built.predict, false),
        };
        let (m, size) = (self.builder.model.file(), self.size);
        let build = || {
            predict_graph(
                &m.config,
                &m.normalisation,
                layout,
                &m.weights,
                size,
                scores,
            )
        };
        let state = buffer_names(&layout.predicting());
        let key = self.builder.key(kind, size, layout);
        self.builder.cached(slot, &key, state, build)
    }

    pub(super) fn reconstruct(self, layout: &Layout) -> Result<&'a mut Program, Error> {
        let (m, size) = (self.builder.model.file(), self.size);
        let build = || reconstruct_graph(&m.config, &m.normalisation, layout, size);
        let key = self.builder.key(Kind::Reconstruct, size, layout);
        let slot = &mut self.built.reconstruct;
        self.builder.cached(slot, &key, buffer_names(layout), build)
    }

    /// The step towards given colours, over the buffers of f and h.
    pub(super) fn direct(
        self,
        layout: &Layout,
        options: DirectOptions,
    ) -> Result<&'a mut Program, Error> {
        let slot = &mut self.built.direct;
        if slot.as_ref().is_none_or(|(o, _)| *o != options) {
            // The old one need not fit into memory beside the new one.
            *slot = None;
            let m = self.builder.model.file();
            let build = || direct_graph(&m.config, &m.normalisation, layout, options);
            let mut state = buffer_names(layout);
            state.extend(names_of(&["first", "second", "mean"], layout));
            let key = self.builder.key(Kind::Direct(options), self.size, layout);
            *slot = Some((options, self.builder.program(&key, state, build)?));
        }
        let built = slot.as_mut().map(|(_, program)| program);
        built.ok_or_else(|| Error::Worker("no step".into()))
    }

    pub(super) fn step(
        self,
        layout: &Layout,
        options: StepOptions,
    ) -> Result<&'a mut Program, Error> {
        let steps = &mut self.built.steps;
        let entry = match steps.iter().position(|(o, _)| *o == options) {
            Some(place) => steps.remove(place),
            None => {
                // The oldest goes first: it need not fit into memory beside the new one.
                steps.drain(..(steps.len() + 1).saturating_sub(STEPS));
                (options, self.builder.step(layout, self.size, options)?)
            }
        };
        steps.push(entry);
        let newest = steps.last_mut().map(|(_, program)| program);
        newest.ok_or_else(|| Error::Worker("no step".into()))
    }
}

fn buffer_names(layout: &Layout) -> Vec<String> {
    layout.buffers.iter().map(|b| b.name.clone()).collect()
}

/// Names of what goes along with the buffers that learn: of all of the first kind, then of the next.
fn names_of(kinds: &[&str], layout: &Layout) -> Vec<String> {
    let learning = layout.buffers.iter().filter(|b| b.learns);
    let of = |kind| learning.clone().map(move |b| format!("{kind}.{}", b.name));
    kinds.iter().flat_map(of).collect()
}

impl Builder {
    fn key(&self, kind: Kind, size: Size, layout: &Layout) -> SessionKey {
        SessionKey {
            kind,
            size,
            layout: layout.clone(),
            options: self.options.clone(),
            beside: self.beside,
        }
    }

    fn cached<'s>(
        &self,
        slot: &'s mut Option<Program>,
        key: &SessionKey,
        state: Vec<String>,
        build: impl FnOnce() -> crate::graph::Result<Graph>,
    ) -> Result<&'s mut Program, Error> {
        if slot.is_none() {
            *slot = Some(self.program(key, state, build)?);
        }
        slot.as_mut()
            .ok_or_else(|| Error::Worker("no session".into()))
    }

    fn step(&self, layout: &Layout, size: Size, options: StepOptions) -> Result<Program, Error> {
        let model = self.model.file();
        let build = || {
            let graph = step_graph(&model.config, &model.normalisation, layout, options);
            Ok(graph?.graph)
        };
        let mut state = buffer_names(layout);
        if options.optimiser.moments {
            state.extend(names_of(&["first", "second"], layout));
        }
        let key = self.key(Kind::Step(options), size, layout);
        self.program(&key, state, build)
    }

    fn program(
        &self,
        key: &SessionKey,
        state: Vec<String>,
        build: impl FnOnce() -> crate::graph::Result<Graph>,
    ) -> Result<Program, Error> {
        let session = self.model.session(key, || {
            let model = build()?.finish(self.target)?;
            let session = Session::new(self.runtime, &model, &self.options, &self.cancel)?;
            self.built.set(self.built.get() + 1);
            Ok(session)
        })?;
        Ok(Program {
            session,
            cancel: self.cancel.clone(),
            state,
        })
    }
}

impl Program {
    /// Runs with state in the order of the layout, and further inputs by name.
    pub(super) fn run(
        &mut self,
        state: &[Tensor],
        given: &[(&str, &Tensor)],
    ) -> Result<Vec<Tensor>, Error> {
        self.run_over(vec![], state, given)
    }

    /// The same, over tensors that are no longer needed (see [`Session::run_over`]).
    pub(super) fn run_over(
        &mut self,
        spent: Vec<Tensor>,
        state: &[Tensor],
        given: &[(&str, &Tensor)],
    ) -> Result<Vec<Tensor>, Error> {
        let named = self.state.iter().map(String::as_str).zip(state);
        let inputs: Vec<(&str, &Tensor)> = named.chain(given.iter().copied()).collect();
        self.session.run_over(&self.cancel, spent, &inputs)
    }
}
