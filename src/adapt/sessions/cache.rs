//! Sessions per frame size, built when first needed and kept for a few sizes, so that a stream that changes its size back
//! and forth does not rebuild for seconds.
//!
//! A step over another number of views, for which there is less or more time than before, is built beside the stream.

use std::cell::Cell;
use std::mem::discriminant;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::shared::{Kind, SessionKey, SharedModel, Slot};
use crate::adapt::Error;
use crate::adapt::graphs::{
    Size, StepOptions, classify_graph, colour_step_graph, consistency_step_graph, predict_graph,
    probabilities_graph, reconstruct_graph, replay_step_graph, step_graph,
};
use crate::graph::Target;
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
    kind: Kind,
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

/// What is built for frames of a size; most recently used last.
type Built = Vec<(Kind, Program)>;

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

    /// One without sessions, for weights that travel in another way.
    pub fn sibling(&self) -> Self {
        let builder = self.builder.clone();
        builder.built.set(0);
        Self {
            builder,
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
        let kind = Kind::Step(step);
        let is_like = |other: &Kind| match *other {
            Kind::Step(other) => {
                let batch = step.batch;
                StepOptions { batch, ..other } == step
            }
            _ => false,
        };
        if built.iter().any(|(other, _)| *other == kind)
            || !built.iter().any(|(other, _)| is_like(other))
        {
            return Ok(true);
        }
        if self.beside.is_none() {
            let (builder, layout) = (self.builder.clone(), layout.clone());
            let thread = thread::Builder::new()
                .name("tttseg-build".into())
                .spawn(move || builder.build(kind, size, &layout))
                .map_err(|e| Error::Worker(format!("no thread: {e}")))?;
            self.beside = Some(Beside { size, kind, thread });
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
                    make_room(built, done.kind);
                    built.push((done.kind, program));
                }
                Ok(())
            }
            // It is built again when it is needed again.
            Ok(Err(Error::Cancelled)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Worker("building a step panicked".into())),
        }
    }

    /// The session of this kind for frames of a size, built if it is not there.
    ///
    /// # Errors
    /// Why building it has failed.
    pub fn get(&mut self, kind: Kind, size: Size, layout: &Layout) -> Result<&Program, Error> {
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
        let built = &mut self.sizes[last].1;
        let entry = match built.iter().position(|(other, _)| *other == kind) {
            Some(place) => built.remove(place),
            None => {
                make_room(built, kind);
                (kind, self.builder.build(kind, size, layout)?)
            }
        };
        built.push(entry);
        Ok(&built[built.len() - 1].1)
    }
}

/// Lets go of the oldest sessions of a kind before there is another: they need not fit into memory beside it.
fn make_room(built: &mut Built, kind: Kind) {
    let is_alike = |other: &Kind| discriminant(other) == discriminant(&kind);
    let most = if let Kind::Step(_) = kind { STEPS } else { 1 };
    let alike = built.iter().filter(|(other, _)| is_alike(other)).count();
    let mut surplus = (alike + 1).saturating_sub(most);
    built.retain(|(other, _)| {
        let goes = surplus > 0 && is_alike(other);
        surplus -= usize::from(goes);
        !goes
    });
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
    /// The session of a kind: what its graph is, what is bound in order and what is read.
    fn build(&self, kind: Kind, size: Size, layout: &Layout) -> Result<Program, Error> {
        let m = self.model.file();
        let (config, normalisation) = (&m.config, &m.normalisation);
        let learning = layout.learning();
        let (mut state, mut held) = (vec![], vec![]);
        let read: &'static [&'static str] = match kind {
            Kind::Predict | Kind::Scores => {
                held = layout.predicting().names();
                match (kind, &config.chroma) {
                    (Kind::Scores, _) => &["classes", "scores"],
                    (_, None) => &["classes"],
                    (_, Some(_)) => &["chroma"],
                }
            }
            Kind::Probabilities => {
                held = layout.predicting().names();
                &["probabilities"]
            }
            Kind::Classify { scores: true } => &["classes", "scores"],
            Kind::Classify { scores: false } => &["classes"],
            Kind::Reconstruct => {
                held = layout.names();
                &["picture", "loss"]
            }
            Kind::Step(options) => {
                state = layout.names();
                if options.optimiser.moments {
                    state.extend(names_of(&["first", "second"], &learning));
                }
                if options.pull {
                    held = names_of(&["initial"], &learning);
                }
                &["loss", "gradient_norm", "finite"]
            }
            Kind::ColourStep(_) | Kind::ReplayStep(_) | Kind::ConsistencyStep(_) => {
                state = learning.names();
                state.extend(names_of(&["mean", "first", "second"], &learning));
                if let Kind::ConsistencyStep(_) = kind {
                    held = names_of(&["initial"], &learning);
                }
                let frozen = layout.buffers.iter().filter(|b| !b.learns);
                held.extend(frozen.map(|b| b.name.clone()));
                &["loss", "finite"]
            }
        };
        let graph = || match kind {
            Kind::Predict | Kind::Scores => {
                let scores = kind == Kind::Scores;
                predict_graph(config, normalisation, layout, &m.weights, size, scores)
            }
            Kind::Probabilities => {
                probabilities_graph(config, normalisation, layout, &m.weights, size)
            }
            Kind::Classify { scores } => classify_graph(config, size, scores),
            Kind::Reconstruct => reconstruct_graph(config, normalisation, layout, size),
            Kind::Step(options) => step_graph(config, normalisation, layout, options),
            Kind::ColourStep(options) => colour_step_graph(config, normalisation, layout, options),
            Kind::ReplayStep(options) => replay_step_graph(config, normalisation, layout, options),
            Kind::ConsistencyStep(options) => {
                consistency_step_graph(config, normalisation, layout, &m.weights, options)
            }
        };
        let key = SessionKey {
            kind,
            size,
            layout: layout.clone(),
            options: self.options.clone(),
            beside: self.beside,
        };
        let session = self.model.session(&key, || {
            let model = graph()?.finish(self.target)?;
            let session = Session::new(self.runtime, &model, &self.options, &self.cancel)?;
            self.built.set(self.built.get() + 1);
            Ok(StatefulSession::new(
                session,
                Binding { state, held, read },
            )?)
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
