//! What runs on a worker's thread: it owns the learner, and does what is queued for it in order.

use std::sync::Arc;

use super::calls::{Calls, Reply};
use super::exchange::{Exchange, News};
use super::graphs::Size;
use super::inbox::Inbox;
use super::{
    Direction, Error, Learner, Prediction, Request, Reset, Settings, SharedModel, Skipped,
};
use crate::runtime::{self, InUse, Options};
use crate::weights::State;

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
    /// Colours that people have given.
    Direct(Directions),
    /// A copy of the weights.
    Save(Reply<State>),
    /// Go on with these weights; the text is how errors name their file.
    Load(String, Box<State>, Reply<()>),
    /// Cancelling is over, if it was the cancelling that began this generation.
    Resume(u64),
    /// The end.
    Stop,
}

/// Which of the colours that people give are replaced.
#[derive(Clone)]
pub(super) enum Directions {
    /// Those that stay.
    References(Vec<Direction>),
    /// Those that are for a while.
    Hints(Vec<Direction>),
}

/// What a worker is there for.
pub(super) enum Part {
    /// Steps and predictions, in turns.
    Both,
    /// Predictions, with the newest weights of the worker at the other end.
    Predict(Arc<Exchange>),
    /// Steps, while the other one predicts.
    Learn(Arc<Exchange>),
}

impl Part {
    /// Frames in a row that may wait for it. Of a prediction every one is asked for.
    pub fn most_frames(&self, settings: &Settings) -> usize {
        match self {
            Self::Both | Self::Predict(_) => usize::MAX,
            Self::Learn(_) => settings.window_capacity(),
        }
    }

    /// The settings of its learner. Which frames are learned from is decided here where some never get their turn.
    fn settings(&self, settings: Settings) -> Settings {
        match self {
            Self::Both | Self::Predict(_) => settings,
            Self::Learn(_) => Settings {
                training_interval: 1,
                ..settings
            },
        }
    }
}

/// The thread's own things.
pub(super) struct Worker {
    part: Part,
    learner: Learner,
    /// Frames between two that are learned from.
    interval: usize,
    /// Frames since the last that was learned from.
    unlearned: usize,
    /// How often the weights have been replaced from outside, or got another layout.
    era: u64,
    calls: Arc<Calls>,
    /// What went wrong where nobody waits for an answer; the next frame tells.
    untold: Option<Error>,
}

impl Worker {
    /// Loads ONNX Runtime and makes the learner.
    pub fn new(
        model: SharedModel,
        settings: Settings,
        options: &Options,
        calls: Arc<Calls>,
        part: Part,
    ) -> Result<Self, Error> {
        let runtime = runtime::load(options)?;
        let interval = settings.training_interval;
        let settings = part.settings(settings);
        let beside = matches!(part, Part::Learn(_));
        let cancel = calls.canceller();
        let learner = Learner::of(model, settings, runtime, options, cancel, beside)?;
        Ok(Self {
            part,
            learner,
            interval,
            unlearned: usize::MAX,
            era: 0,
            calls,
            untold: None,
        })
    }

    pub fn place(&self) -> &InUse {
        self.learner.provider_in_use()
    }

    /// Works until it is told to stop.
    pub fn serve(mut self, queue: &Inbox<Job>) {
        loop {
            let (job, another_frame) = queue.take();
            match job {
                Job::Frame {
                    generation,
                    rgb,
                    size,
                    request,
                    reply,
                } => {
                    if self.calls.is_current(generation) {
                        reply.answer(self.frame(rgb, size, request, another_frame));
                    }
                }
                Job::Reset(what) => {
                    self.era += u64::from(what.weights);
                    let done = self.learner.reset(what);
                    self.remember(done);
                }
                Job::Update(settings) => {
                    self.era += u64::from(settings.learn != self.learner.settings().learn);
                    self.interval = settings.training_interval;
                    let done = self.learner.update(self.part.settings(settings));
                    self.remember(done);
                }
                Job::Direct(directions) => {
                    // What is learned before is of another head.
                    self.era += 1;
                    let done = match directions {
                        Directions::References(given) => self.learner.set_references(given),
                        Directions::Hints(given) => self.learner.set_hints(given),
                    };
                    self.remember(done);
                }
                Job::Save(reply) => reply.answer(self.learner.save()),
                Job::Load(file, state, reply) => {
                    self.era += 1;
                    reply.answer(self.learner.load(&file, &state));
                }
                Job::Resume(generation) => self.calls.clear(generation),
                Job::Stop => return,
            }
        }
    }

    fn frame(
        &mut self,
        rgb: Arc<[u8]>,
        size: Size,
        request: Request,
        another_frame: bool,
    ) -> Result<Prediction, Error> {
        if let Some(error) = self.untold.take() {
            return Err(error);
        }
        match &self.part {
            Part::Both => self.learner.frame(rgb, size, request),
            Part::Predict(exchange) => {
                if let Some(error) = exchange.error() {
                    return Err(error);
                }
                let news = exchange.take(self.era).and_then(|news| {
                    self.learner.adopt(news.weights, news.steps_since_reset);
                    news.report
                });
                let mut prediction = self.learner.watch(rgb, size, request)?;
                if let Some(learned) = news {
                    let report = &mut prediction.report;
                    report.steps = learned.steps;
                    report.directed_steps = learned.directed_steps;
                    report.direction_loss = learned.direction_loss;
                    report.step_time = learned.step_time;
                    report.loss = learned.loss;
                    report.unexplained = learned.unexplained;
                    report.gradient_norm = learned.gradient_norm;
                    report.skipped = learned.skipped;
                }
                Ok(prediction)
            }
            Part::Learn(exchange) => {
                self.unlearned = self.unlearned.saturating_add(1);
                let exchange = exchange.clone();
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
                let done = self.learner.frame(rgb, size, request);
                match &done {
                    Ok(Prediction { report, .. }) => {
                        let learned = report.steps > 0
                            || report.directed_steps > 0
                            || report.skipped == Some(Skipped::Familiar);
                        if learned {
                            self.unlearned = 0;
                        }
                        if learned || report.steps_since_reset < steps_before {
                            exchange.publish(News {
                                era: self.era,
                                weights: self.learner.shared_weights(),
                                steps_since_reset: report.steps_since_reset,
                                report: learned.then(|| report.clone()),
                            });
                        }
                    }
                    Err(Error::Cancelled) => {}
                    Err(error) => exchange.fail(Error::Worker(error.to_string())),
                }
                done
            }
        }
    }

    fn remember(&mut self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.untold.get_or_insert(error);
        }
    }
}
