//! Sessions per frame size, built when first needed and kept for a few sizes, so that a stream that
//! changes its size back and forth does not rebuild for seconds. Learners of one [`SharedModel`] share them.

use std::cell::Cell;
use std::sync::Arc;

use super::graphs::{Size, StepOptions, predict_graph, reconstruct_graph, step_graph};
use super::shared::{Kind, SessionKey, Slot};
use super::{Error, Moments, Settings, SharedModel};
use crate::graph::{Graph, Target};
use crate::optim::{AdamW, Layout};
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
}

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
        }
    }

    /// How many sessions were built since the beginning.
    pub(super) fn built(&self) -> u64 {
        self.builder.built.get()
    }

    /// Lets go of all sessions: weights are going to travel in another way.
    pub(super) fn clear(&mut self) {
        self.sizes.clear();
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
        let state = buffer_names(&layout.encoder());
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

    /// Steps on views of size `of`.
    pub(super) fn step(
        self,
        layout: &Layout,
        settings: &Settings,
        views: usize,
        of: Size,
    ) -> Result<&'a mut Program, Error> {
        let options = StepOptions {
            batch: views,
            size: of,
            loss_over: settings.loss_over,
            optimiser: AdamW {
                weight_decay: settings.weight_decay,
                clip_norm: settings.clip_norm,
                moments: settings.moments == Moments::Persistent,
            },
            stochastic_depth: settings.stochastic_depth > 0.0,
            pull: settings.pull > 0.0,
            expose: false,
        };
        let steps = &mut self.built.steps;
        let entry = match steps.iter().position(|(o, _)| *o == options) {
            Some(place) => steps.remove(place),
            None => {
                // The oldest goes first: it need not fit into memory beside the new one.
                steps.drain(..(steps.len() + 1).saturating_sub(STEPS));
                let model = self.builder.model.file();
                let build = || {
                    let graph = step_graph(&model.config, &model.normalisation, layout, options);
                    Ok(graph?.graph)
                };
                let mut state = buffer_names(layout);
                if options.optimiser.moments {
                    for kind in ["first", "second"] {
                        let learning = layout.buffers.iter().filter(|b| b.learns);
                        state.extend(learning.map(|b| format!("{kind}.{}", b.name)));
                    }
                }
                let key = self.builder.key(Kind::Step(options), self.size, layout);
                (options, self.builder.program(&key, state, build)?)
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
