//! The thread that learns: it owns the learner, and does what is queued for it in order.

use std::sync::{Arc, mpsc};

use super::calls::{Calls, Reply};
use super::graphs::Size;
use super::{Error, Learner, Prediction, Request, Reset, Settings};
use crate::runtime::{self, InUse, Options};
use crate::weights::{ModelFile, State};

/// What the worker can be asked for.
pub(super) enum Job {
    /// Learn from a frame and predict it; dropped when it is of an older generation.
    Frame {
        generation: u64,
        rgb: Arc<[u8]>,
        size: Size,
        request: Request,
        reply: Reply<Prediction>,
    },
    /// Forget, whatever was cancelled meanwhile.
    Reset(Reset),
    /// Go on with other settings, whatever was cancelled meanwhile.
    Update(Settings),
    /// A copy of the weights.
    Save(Reply<State>),
    /// Go on with these weights; the text is how errors name their file.
    Load(String, Box<State>, Reply<()>),
    /// Cancelling is over, if it was the cancelling that began this generation.
    Resume(u64),
    /// The end.
    Stop,
}

/// The thread's own things.
pub(super) struct Worker {
    learner: Learner,
    calls: Arc<Calls>,
    /// What went wrong where nobody waits for an answer; the next frame tells.
    untold: Option<Error>,
}

impl Worker {
    /// Loads ONNX Runtime and makes the learner.
    pub fn new(
        model: Arc<ModelFile>,
        settings: Settings,
        options: &Options,
        calls: Arc<Calls>,
    ) -> Result<Self, Error> {
        let runtime = runtime::load(options)?;
        let learner = Learner::new(model, settings, runtime, options, calls.canceller())?;
        Ok(Self {
            learner,
            calls,
            untold: None,
        })
    }

    pub fn place(&self) -> &InUse {
        self.learner.provider_in_use()
    }

    /// Works until it is told to stop, or nobody is left to tell it anything.
    pub fn serve(mut self, queue: &mpsc::Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            match job {
                Job::Frame {
                    generation,
                    rgb,
                    size,
                    request,
                    reply,
                } => {
                    if self.calls.is_current(generation) {
                        reply.answer(self.frame(rgb, size, request));
                    }
                }
                Job::Reset(what) => {
                    let done = self.learner.reset(what);
                    self.remember(done);
                }
                Job::Update(settings) => {
                    let done = self.learner.update(settings);
                    self.remember(done);
                }
                Job::Save(reply) => reply.answer(self.learner.save()),
                Job::Load(file, state, reply) => reply.answer(self.learner.load(&file, &state)),
                Job::Resume(generation) => self.calls.clear(generation),
                Job::Stop => return,
            }
        }
    }

    fn frame(&mut self, rgb: Arc<[u8]>, size: Size, request: Request) -> Result<Prediction, Error> {
        match self.untold.take() {
            Some(error) => Err(error),
            None => self.learner.frame(rgb, size, request),
        }
    }

    fn remember(&mut self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.untold.get_or_insert(error);
        }
    }
}
