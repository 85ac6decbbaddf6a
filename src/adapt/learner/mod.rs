//! The method on one thread: learn from a frame, then predict it.

mod averaged;
mod colour_head;
mod consistency;
mod output_buffers;
mod prediction;
mod reconstruct;
mod replay;
mod saved_state;
mod scratch;
mod self_training;
mod step;
mod stream_weights;
mod student;

use std::sync::Arc;
use std::time::Instant;

use super::guard::{Novelty, Rollback};
use super::memory::Window;
use super::sessions::{Kind, SessionCache};
use super::size::Size;
use super::{Error, Method, Prediction, Report, Request, Reset, Settings, SharedModel, Skipped};
use crate::runtime::{Cancel, InUse, Options, Runtime, Tensor};
use crate::video::{Fusion, Rgb, grey, is_grey};
use crate::weights::{ModelFile, Task};
pub(super) use colour_head::check_task;

use colour_head::ColourHead;
use consistency::Consistency;
use prediction::Answer;
use replay::Replay;
use scratch::Scratch;
use self_training::SelfTraining;
use stream_weights::StreamWeights;
use student::Student;

/// The method on one thread: weights, window and sessions of one stream.
///
/// Colours that are known are given by [`Learner::set_references`] and [`Learner::set_hints`].
///
/// [`super::Adapter`] runs one on a worker thread; evaluation runs one directly.
pub struct Learner {
    model: SharedModel,
    settings: Settings,
    place: InUse,
    sessions: SessionCache,
    weights: StreamWeights,
    colour_head: ColourHead,
    self_training: SelfTraining,
    scratch: Scratch,
    window: Window,
    window_size: Option<Size>,
    novelty: Novelty,
    guard: Rollback,
    /// What the learned weights count in what goes out, the rest being that of the weights on disk.
    share: f32,
    /// Where labels are learned.
    student: Option<Student>,
    replay: Replay,
    consistency: Consistency,
    standing: Standing,
    adapted_frames: u64,
    /// Class probabilities of the last frame that was predicted, and where things were in it.
    fusion: Fusion,
    frame: u64,
    /// Frames learned from since the weights were last reset from outside; what the method itself forgets
    /// before every frame begins no new stream.
    learned_frames: u64,
    frames_since_reset: u64,
    /// Whether another one predicts with what this one learns.
    beside: bool,
}

/// How learning stands: what one that predicts has to know of another one that learns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Steps that are in the weights.
    pub steps_since_reset: u64,
    share: f32,
    rollbacks: u64,
    disagreement: Option<f32>,
    remembered: usize,
}

impl Standing {
    fn tell(&self, report: &mut Report) {
        report.rollbacks = self.rollbacks;
        report.disagreement = self.disagreement;
        report.remembered = self.remembered;
    }
}

impl Learner {
    /// A learner at the beginning of a stream. Sessions are built when a frame needs them.
    ///
    /// # Errors
    /// Settings out of range, a model whose weights do not fit its configuration, a provider that is not there.
    pub fn new(
        model: impl Into<SharedModel>,
        settings: Settings,
        runtime: &'static Runtime,
        options: &Options,
        cancel: &Cancel,
    ) -> Result<Self, Error> {
        Self::of(model.into(), settings, runtime, options, cancel, false)
    }

    /// As [`Learner::new`]; `beside` another one, which predicts, and must not wait for this one's steps.
    pub(super) fn of(
        model: SharedModel,
        settings: Settings,
        runtime: &'static Runtime,
        options: &Options,
        cancel: &Cancel,
        beside: bool,
    ) -> Result<Self, Error> {
        settings.check()?;
        let stills = replay::stills(&model, &settings)?;
        let place = runtime.in_use(options)?;
        let weights = StreamWeights::new(&model, &settings, beside)?;
        let sessions = SessionCache::new(
            model.clone(),
            runtime,
            options.clone(),
            cancel.clone(),
            place.target(),
            beside,
        );
        let mut learner = Self {
            colour_head: ColourHead::new(&model, &weights.layout, beside)?,
            self_training: SelfTraining::default(),
            model,
            settings,
            place,
            sessions,
            weights,
            scratch: Scratch::default(),
            window: Window::default(),
            window_size: None,
            novelty: Novelty::default(),
            guard: Rollback::default(),
            share: 1.0,
            student: None,
            replay: Replay::default(),
            consistency: Consistency::default(),
            standing: Standing::default(),
            adapted_frames: 0,
            fusion: Fusion::default(),
            frame: 0,
            learned_frames: 0,
            frames_since_reset: 0,
            beside,
        };
        learner.replay.set_stills(stills);
        learner.make_student()?;
        Ok(learner)
    }

    /// Where the graphs run.
    pub fn provider_in_use(&self) -> &InUse {
        &self.place
    }

    /// The model.
    pub fn model(&self) -> &Arc<ModelFile> {
        self.model.file()
    }

    /// Settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sessions that frames have waited for so far: more with every new frame size, and with settings that change the
    /// step graph.
    pub fn sessions_built(&self) -> u64 {
        let of_student = self.student.as_ref().map_or(0, |s| s.sessions.built());
        self.sessions.built() + of_student
    }

    /// Sessions that were built while frames went on: steps over fewer views, or over all of them again
    /// ([`Request::most_views`]).
    pub fn sessions_built_beside(&self) -> u64 {
        self.sessions.built_beside()
    }

    /// Changes settings between two frames. Weights and window stay; sessions are built anew when other
    /// parameters are to learn than before.
    ///
    /// # Errors
    /// Settings out of range, weights that cannot be copied from the device; the old settings stay in force.
    pub fn update(&mut self, settings: Settings) -> Result<(), Error> {
        settings.check()?;
        let of_stills = |s: &Settings| (s.method, s.replay_location.clone(), s.seed);
        let stills = if of_stills(&settings) == of_stills(&self.settings) {
            None
        } else {
            Some(replay::stills(&self.model, &settings)?)
        };
        if settings.learn != self.settings.learn {
            let student = self.student.as_ref();
            let student = student.map(|s| s.relaid(&self.model, settings.learn, self.beside));
            let student = student.transpose()?;
            self.weights = self.weights.relaid(&self.model, &settings, self.beside)?;
            self.student = student;
            self.sessions.clear();
            self.colour_head.travel_with(&self.weights.layout);
        } else if settings.moments != self.settings.moments {
            self.weights.clear_moments(settings.moments)?;
        }
        if let Some(stills) = stills {
            self.replay.set_stills(stills);
        }
        self.settings = settings;
        self.make_student()
    }

    /// Forgets what is named. With the weights goes what was learned of given colours, and hints are gone; references are
    /// learned anew.
    ///
    /// # Errors
    /// When memory for the moments cannot be had.
    pub fn reset(&mut self, what: Reset) -> Result<(), Error> {
        if what.window {
            self.window.clear();
            self.self_training.clear();
            self.replay.forget_light();
        }
        if what.window || what.weights {
            self.fusion.clear();
        }
        if what.weights {
            self.learned_frames = 0;
            self.frames_since_reset = 0;
            self.weights_from_disk()?;
            self.colour_head.reset(&self.settings);
            self.student.as_mut().map(Student::forget_weights);
            self.replay.reset();
            self.consistency.reset();
            self.guard.clear();
            self.share = self.full_share();
            self.take_stock();
        } else if what.moments {
            self.weights.clear_moments(self.settings.moments)?;
            self.student.as_mut().map(Student::forget_moments);
        }
        if what.self_training {
            self.self_training.clear();
            self.colour_head.forget_self_training();
        }
        Ok(())
    }

    /// Begins a frame with the weights on disk where the method says so, whether a step is taken for it or not. Whether
    /// the video is strange does not depend on that.
    fn forget_last_frame(&mut self) -> Result<(), Error> {
        let forgets = matches!(
            self.settings.method,
            Method::NoMemory | Method::ExplicitOnly
        );
        if forgets && self.weights.steps_since_reset > 0 {
            let novelty = self.novelty;
            self.weights_from_disk()?;
            self.novelty = novelty;
        }
        Ok(())
    }

    fn weights_from_disk(&mut self) -> Result<(), Error> {
        self.novelty = Novelty::default();
        self.weights.reset(self.settings.moments)
    }

    /// Goes back to the weights on disk if the steps of reconstruction have done harm.
    fn undo_harm(&mut self) -> Result<(), Error> {
        if self.guard.is_due() {
            self.guard.roll_back();
            self.weights.reset(self.settings.moments)?;
            self.share = 0.0;
        }
        Ok(())
    }

    /// What learned weights count where all of them that there is is wanted.
    fn full_share(&self) -> f32 {
        if self.teaches() { student::SHARE } else { 1.0 }
    }

    /// What learned weights count in the prediction of a frame: nothing where nothing was learned.
    fn share_in_force(&self) -> f32 {
        match self.steps_since_reset() {
            0 => 0.0,
            _ => self.share,
        }
    }

    /// Notes how learning stands.
    fn take_stock(&mut self) {
        self.standing = Standing {
            // A learner that only predicts has none of its own.
            rollbacks: self.guard.count().max(self.standing.rollbacks),
            disagreement: self.guard.disagreement(),
            remembered: self.replay.memory.frames().len(),
            ..self.standing
        };
    }

    /// Learns from a frame, RGB (height, width, 3) at model size in standard layout, and predicts it.
    ///
    /// # Errors
    /// An array of another shape or layout; what building or running a session says. Steps that were complete
    /// stay taken then, and the frame may have entered the window.
    pub fn frame(&mut self, rgb: Arc<Rgb>, request: Request) -> Result<Prediction, Error> {
        let size = Size::of(&rgb)?;
        let rgb = self.as_seen(rgb);
        self.frame += 1;
        self.frames_since_reset += 1;
        self.forget_answer();
        if self.window_size != Some(size) {
            self.window.clear();
            self.self_training.clear();
            self.fusion.clear();
            self.window_size = Some(size);
        }
        self.window
            .push(rgb.clone(), self.settings.window_capacity());
        // Without either, learning is switched off: then everything stays as it is.
        if request.learn || request.late {
            self.forget_last_frame()?;
        }
        let mut report = Report {
            skipped: self.reason_to_skip(request),
            ..Report::of(self.frame, self.window.len())
        };
        // The prediction's session comes first, so that a stream shows something soon.
        if request.predict {
            self.prepare_prediction(size, request)?;
        }
        if self.teaches() {
            match self.settings.method {
                _ if report.skipped.is_some() => {}
                Method::Consistency => {
                    self.learn_consistently(&rgb, size, request, &mut report)?;
                }
                _ => self.learn_again(&rgb, size, request, &mut report)?,
            }
        } else if report.skipped.is_none() {
            if self.is_familiar(&rgb, size, &mut report)? {
                report.skipped = Some(Skipped::Familiar);
                self.share = 0.0;
            } else if self.guard.pauses() {
                report.skipped = Some(Skipped::RolledBack);
                self.share = 0.0;
            } else if !self.has_step(size, request)? {
                report.skipped = Some(Skipped::Late);
            } else {
                let kind = Kind::Step(self.step_options(size, request));
                self.sessions.get(kind, size, &self.weights.layout)?;
                let started = Instant::now();
                self.learn(size, request, &mut report)?;
                report.step_time += started.elapsed();
                self.share = 1.0;
                self.undo_harm()?;
            }
        }
        if request.learn {
            self.learn_given_colours(request, &mut report)?;
            if matches!(report.skipped, None | Some(Skipped::Familiar)) {
                self.self_train(&rgb, size, request, &mut report)?;
            }
        }
        let answer = if request.predict {
            self.predict(&rgb, size, request, &mut report)?
        } else {
            Answer::default()
        };
        let reconstruction = if request.reconstruct {
            Some(self.picture(&rgb, size)?)
        } else {
            None
        };
        if request.learn {
            self.take_stock();
        }
        self.standing.tell(&mut report);
        report.steps_since_reset = self.steps_since_reset();
        report.adapted_frames = self.adapted_frames;
        Ok(Prediction {
            classes: answer.classes,
            scores: answer.scores,
            chroma: answer.chroma,
            reconstruction,
            report,
        })
    }

    /// A frame as the model sees it: without its colours, if those are what it is to find.
    fn as_seen(&self, rgb: Arc<Rgb>) -> Arc<Rgb> {
        match self.model().task {
            Task::Colorize if !is_grey(&rgb) => Arc::new(grey(&rgb)),
            _ => rgb,
        }
    }

    /// Predicts a frame with weights that are learned elsewhere. It enters the window as well.
    pub(super) fn watch(&mut self, rgb: Arc<Rgb>, request: Request) -> Result<Prediction, Error> {
        let watch = Request {
            learn: false,
            ..request
        };
        let mut prediction = self.frame(rgb, watch)?;
        prediction.report.skipped = self.reason_to_skip(request);
        Ok(prediction)
    }

    /// The weights as they are, on their device, and how learning stands: for [`Learner::adopt`].
    pub(super) fn shared_weights(&self) -> (Vec<Tensor>, Standing) {
        let weights = match &self.student {
            Some(student) if self.teaches() => student.weights.buffers(),
            _ => {
                let of_f_and_g = self.weights.buffers().iter();
                of_f_and_g.chain(self.colour_head.head()).cloned().collect()
            }
        };
        let standing = Standing {
            steps_since_reset: self.steps_since_reset(),
            share: self.share,
            ..self.standing
        };
        (weights, standing)
    }

    /// Goes on with the weights of another learner of the same model and settings.
    pub(super) fn adopt(&mut self, weights: Vec<Tensor>, standing: Standing) {
        let teaches = self.teaches();
        match &mut self.student {
            Some(student) if teaches => {
                student.weights.adopt(&weights);
                student.steps = standing.steps_since_reset;
            }
            _ => {
                self.colour_head.adopt(&self.weights.adopt(weights));
                self.weights.steps_since_reset = standing.steps_since_reset;
            }
        }
        self.share = standing.share;
        self.standing = standing;
    }

    /// Steps that are in the weights.
    pub(super) fn steps_since_reset(&self) -> u64 {
        match &self.student {
            Some(student) if self.teaches() => student.steps,
            _ => self.weights.steps_since_reset,
        }
    }

    /// Steps towards labels that a frame asks for.
    fn steps_of_labels(&self, request: Request) -> usize {
        let most = request.most_steps.unwrap_or(usize::MAX).max(1);
        self.settings.steps_after(self.learned_frames).min(most)
    }

    fn reason_to_skip(&self, request: Request) -> Option<Skipped> {
        let interval = self.settings.training_interval.max(1) as u64;
        let steps = self.settings.steps_after(self.learned_frames);
        if self.settings.method == Method::MainTaskOnly || steps == 0 {
            Some(Skipped::Off)
        } else if !request.learn {
            Some(if request.late {
                Skipped::Late
            } else {
                Skipped::Off
            })
        } else if !self.frame.is_multiple_of(interval) {
            Some(Skipped::Interval)
        } else {
            None
        }
    }
}
