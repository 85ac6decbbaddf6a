//! The thread that owns a learner: its jobs, how they are cancelled, and the exchange of weights with a second one.

mod frame_queue;
mod handle;
pub(super) mod requests;
mod weight_sync;

pub(super) use handle::{WorkerHandle, end};
pub(super) use requests::Pending;
pub(super) use weight_sync::WeightSync;

use std::sync::Arc;

use super::{
    ColourTarget, Error, Learner, Prediction, Report, Request, Reset, Settings, SharedModel,
    Skipped,
};
use crate::runtime::{self, InUse, Options};
use crate::video::Rgb;
use crate::weights::State;
use frame_queue::FrameQueue;
use requests::{Reply, Requests};
use weight_sync::WeightUpdate;

/// The jobs of a worker.
pub(super) enum Job {
    /// Learn from a frame and predict it; dropped when it is of an older generation.
    Frame {
        generation: u64,
        rgb: Arc<Rgb>,
        request: Request,
        reply: Reply<Prediction>,
    },
    /// Forget, whatever was cancelled meanwhile.
    Reset(Reset),
    /// Go on with other settings, whatever was cancelled meanwhile.
    Update(Settings),
    /// Learn other given colours.
    SetColours(ColourTargets),
    /// A copy of the weights.
    Save(Reply<State>),
    /// Go on with these weights; the text is how errors name their file.
    Load(String, Box<State>, Reply<()>),
    /// Cancelling is over, if it was the cancelling that began this generation.
    Resume(u64),
    /// The end.
    Stop,
}

/// Which of the given colours are replaced.
#[derive(Clone)]
pub(super) enum ColourTargets {
    /// Those that stay.
    References(Vec<ColourTarget>),
    /// Those that are for a while.
    Hints(Vec<ColourTarget>),
}

/// The part of the work that a worker does.
pub(super) enum Role {
    /// Steps and predictions, in turns.
    Both,
    /// Predictions, with the newest weights of the worker that learns.
    Predict(Arc<WeightSync>),
    /// Steps, while the other one predicts.
    Learn(Arc<WeightSync>),
}

impl Role {
    /// Frames in a row that may wait for it. A prediction is wanted for every one.
    pub fn most_frames(&self, settings: &Settings) -> usize {
        match self {
            Self::Both | Self::Predict(_) => usize::MAX,
            Self::Learn(_) => settings.window_capacity(),
        }
    }

    /// The settings of its learner. Which frames are learned from is decided here where some never get their turn, and where nothing
    /// is learned no stills are needed for that.
    fn settings(&self, settings: Settings) -> Settings {
        match self {
            Self::Both => settings,
            Self::Predict(_) => Settings {
                replay_location: None,
                ..settings
            },
            Self::Learn(_) => Settings {
                training_interval: 1,
                ..settings
            },
        }
    }
}

/// What the thread owns.
struct Worker {
    role: Role,
    learner: Learner,
    /// Frames between two that are learned from.
    interval: usize,
    /// Frames since the last that was learned from, or since the beginning.
    unlearned: usize,
    /// How often the weights have been replaced from outside, or got another layout.
    version: u64,
    requests: Arc<Requests>,
    /// What went wrong in a job without an answer; the next frame's answer is this error.
    pending_error: Option<Error>,
}

impl Worker {
    /// Loads ONNX Runtime and makes the learner.
    pub fn new(
        model: SharedModel,
        settings: Settings,
        options: &Options,
        requests: Arc<Requests>,
        role: Role,
    ) -> Result<Self, Error> {
        let runtime = runtime::load(options)?;
        let interval = settings.training_interval;
        let settings = role.settings(settings);
        let beside = matches!(role, Role::Learn(_));
        let cancel = requests.canceller();
        let learner = Learner::of(model, settings, runtime, options, cancel, beside)?;
        Ok(Self {
            role,
            learner,
            interval,
            unlearned: 0,
            version: 0,
            requests,
            pending_error: None,
        })
    }

    pub fn place(&self) -> &InUse {
        self.learner.provider_in_use()
    }

    /// Works until [`Job::Stop`].
    pub fn serve(mut self, queue: &FrameQueue<Job>) {
        loop {
            let (job, another_frame) = queue.take();
            match job {
                Job::Frame {
                    generation,
                    rgb,
                    request,
                    reply,
                } => {
                    if self.requests.is_current(generation) {
                        reply.answer(self.frame(rgb, request, another_frame));
                    }
                }
                Job::Reset(what) => {
                    self.version += u64::from(what.weights);
                    let done = self.learner.reset(what);
                    self.remember(done);
                }
                Job::Update(settings) => {
                    self.version += u64::from(settings.learn != self.learner.settings().learn);
                    self.interval = settings.training_interval;
                    let done = self.learner.update(self.role.settings(settings));
                    self.remember(done);
                }
                Job::SetColours(targets) => {
                    // What was learned before is another head.
                    self.version += 1;
                    let done = match targets {
                        ColourTargets::References(given) => self.learner.set_references(given),
                        ColourTargets::Hints(given) => self.learner.set_hints(given),
                    };
                    self.remember(done);
                }
                Job::Save(reply) => reply.answer(self.learner.save()),
                Job::Load(file, state, reply) => {
                    self.version += 1;
                    reply.answer(self.learner.load(&file, &state));
                }
                Job::Resume(generation) => self.requests.clear(generation),
                Job::Stop => return,
            }
        }
    }

    fn frame(
        &mut self,
        rgb: Arc<Rgb>,
        request: Request,
        another_frame: bool,
    ) -> Result<Prediction, Error> {
        if let Some(error) = self.pending_error.take() {
            return Err(error);
        }
        match &self.role {
            Role::Both => self.learner.frame(rgb, request),
            Role::Predict(sync) => {
                if let Some(error) = sync.error() {
                    return Err(error);
                }
                let update = sync.take(self.version).and_then(|update| {
                    self.learner.adopt(update.weights, update.standing);
                    update.report
                });
                let mut prediction = self.learner.watch(rgb, request)?;
                if let Some(learned) = update {
                    let seen = prediction.report;
                    prediction.report = Report {
                        frame: seen.frame,
                        window: seen.window,
                        steps_since_reset: seen.steps_since_reset,
                        adapted_frames: seen.adapted_frames,
                        rollbacks: seen.rollbacks,
                        disagreement: seen.disagreement,
                        remembered: seen.remembered,
                        predict_time: seen.predict_time,
                        fusion_time: seen.fusion_time,
                        ..learned
                    };
                }
                Ok(prediction)
            }
            Role::Learn(sync) => {
                self.unlearned = self.unlearned.saturating_add(1);
                let sync = sync.clone();
                let steps_before = self.learner.steps_since_reset();
                let request = Request {
                    // Of those that wait the newest is learned from; all enter the window.
                    learn: request.learn && !another_frame && self.unlearned >= self.interval,
                    // What the method forgets before every frame it forgets before one without a step, too.
                    late: (request.learn || request.late) && !another_frame,
                    predict: false,
                    reconstruct: false,
                    ..request
                };
                let done = self.learner.frame(rgb, request);
                match &done {
                    Ok(Prediction { report, .. }) => {
                        let learned = report.steps > 0
                            || report.colour_steps > 0
                            || matches!(
                                report.skipped,
                                Some(Skipped::Familiar | Skipped::RolledBack)
                            );
                        if learned {
                            self.unlearned = 0;
                        }
                        if learned || report.steps_since_reset < steps_before {
                            let (weights, standing) = self.learner.shared_weights();
                            sync.publish(WeightUpdate {
                                version: self.version,
                                weights,
                                standing,
                                report: learned.then(|| report.clone()),
                            });
                        }
                    }
                    Err(Error::Cancelled) => {}
                    Err(error) => sync.fail(Error::Worker(error.to_string())),
                }
                done
            }
        }
    }

    fn remember(&mut self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.pending_error.get_or_insert(error);
        }
    }
}
