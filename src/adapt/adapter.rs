//! The handle on a model that learns from one stream.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayRef3, Ix3};
use parking_lot::Mutex;

use super::frame_pool::FramePool;
use super::learner::check_task;
use super::size::Size;
use super::worker::{self, ColourTargets, Job, Pending, Role, WeightSync, WorkerHandle};
use super::{ColourTarget, Error, Prediction, Request, Reset, Settings, SharedModel};
use crate::runtime::{InUse, Options};
use crate::video;
use crate::weights::State;

/// A model that learns from one stream of frames: a handle on a worker thread that owns a
/// [`super::Learner`].
///
/// Jobs are done in the order of the calls, from whichever threads these come. No method blocks others while the worker
/// computes.
///
/// [`Adapter::start_asynchronous`] gives one with a second worker, which takes the steps while the first one
/// predicts. Several adapters of one [`SharedModel`] take less memory.
///
/// ```no_run
/// use tttseg::adapt::{Adapter, Request, Settings};
/// use tttseg::{runtime, video::Rgb, weights::ModelFile};
///
/// let model = ModelFile::embedded()?;
/// let adapter = Adapter::start(model, Settings::default(), runtime::Options::default())?;
/// let (width, height) = adapter.model_size(1920, 1080)?;
/// let rgb = Rgb::zeros((height, width, 3));
/// let prediction = adapter.push(&rgb, Request::default())?.wait()?;
/// assert_eq!(prediction.classes.map(|c| c.dim()), Some((height, width)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Adapter {
    model: SharedModel,
    place: InUse,
    predicting: WorkerHandle,
    /// `None` where one worker does both.
    learning: Option<WorkerHandle>,
    /// Held while both workers get the same job, so that they get jobs in the same order.
    order: Mutex<()>,
    frames: Mutex<FramePool<Ix3>>,
}

/// A prediction that is on its way. Dropping it gives up the answer, not the work: the frame is still
/// learned from.
#[derive(Debug)]
#[must_use = "a frame's errors are in its answer"]
pub struct Ticket(Pending<Prediction>);

impl Ticket {
    /// Waits for the prediction.
    ///
    /// # Errors
    /// [`Error::Cancelled`] as soon as [`Adapter::cancel`] is called or the adapter is dropped; what
    /// [`super::Learner::frame`] says; [`Error::Worker`] when the worker panicked.
    pub fn wait(self) -> Result<Prediction, Error> {
        self.0.wait()
    }
}

impl Adapter {
    /// Starts a worker, which loads ONNX Runtime and puts the weights in place, and waits for that.
    /// Sessions are built when the first frame of a size comes.
    ///
    /// # Errors
    /// Settings out of range, ONNX Runtime not found, a provider that is not there, weights that do not
    /// fit their model; [`Error::Worker`] when there is no thread to be had or it takes too long.
    pub fn start<M: Into<SharedModel>>(
        model: M,
        settings: Settings,
        options: Options,
    ) -> Result<Self, Error> {
        Self::start_workers(model.into(), &settings, &options, Role::Both, None)
    }

    /// The same with steps beside the predictions: a prediction waits for no step, and is made with the newest
    /// weights there are when it begins. A frame that comes while a step is in progress enters the window, and is
    /// learned from only if it is still the newest when the step is over.
    ///
    /// A [`super::Report`] then holds the steps that have ended since the one before, however many frames ago they
    /// began. When they end depends on the machine: the same input gives the same bytes no more.
    ///
    /// # Errors
    /// As [`Adapter::start`].
    pub fn start_asynchronous<M: Into<SharedModel>>(
        model: M,
        settings: Settings,
        options: Options,
    ) -> Result<Self, Error> {
        let sync = Arc::<WeightSync>::default();
        let (predict, learn) = (Role::Predict(sync.clone()), Role::Learn(sync));
        Self::start_workers(model.into(), &settings, &options, predict, Some(learn))
    }

    fn start_workers(
        model: SharedModel,
        settings: &Settings,
        options: &Options,
        predicting: Role,
        learning: Option<Role>,
    ) -> Result<Self, Error> {
        settings.check()?;
        let start =
            |role| WorkerHandle::start(model.clone(), settings.clone(), options.clone(), role);
        let (predicting, place) = start(predicting)?;
        let learning = learning.map(start).transpose()?;
        Ok(Self {
            model,
            place,
            predicting,
            learning: learning.map(|(handle, _)| handle),
            order: Mutex::default(),
            frames: Mutex::default(),
        })
    }

    /// Width and height at which frames of this width and height are to be pushed
    /// ([`video::model_size`] for the model's area).
    ///
    /// # Errors
    /// [`Error::Size`] when the frame is too small.
    pub fn model_size(&self, width: usize, height: usize) -> Result<(usize, usize), Error> {
        let (model_height, model_width) = self.model.file().size;
        Ok(video::model_size(width, height, model_width, model_height)?)
    }

    /// Queues a frame, RGB (height, width, 3) at model size in standard layout. A size other than the last frame's clears
    /// the window.
    ///
    /// # Errors
    /// At once: [`Error::Frame`] for an array of another shape or layout, [`Error::Cancelled`] between
    /// [`Adapter::cancel`] and [`Adapter::resume`], [`Error::Worker`] when the worker has panicked.
    pub fn push(&self, rgb: &ArrayRef3<u8>, request: Request) -> Result<Ticket, Error> {
        Size::of(rgb)?;
        let rgb = self.frames.lock().copy(rgb);
        let job = |generation, reply| Job::Frame {
            generation,
            rgb: rgb.clone(),
            request,
            reply,
        };
        let _order = self.order.lock();
        if let Some(learning) = &self.learning {
            drop(learning.request(job)?);
        }
        let call = self.predicting.request(job)?;
        Ok(Ticket(call))
    }

    /// Cancels every frame: every [`Ticket`] that waits gets [`Error::Cancelled`] at once, frames
    /// in the queue are dropped, the run or session build in progress is stopped. Frames are refused
    /// until [`Adapter::resume`]. Returns at once.
    ///
    /// Steps that were complete stay taken. Resets, updates, saving and loading are carried out
    /// nevertheless.
    pub fn cancel(&self) {
        self.handles().for_each(WorkerHandle::cancel);
    }

    /// Accepts frames again after [`Adapter::cancel`]. Returns at once; the first frame waits for the end
    /// of what was stopped.
    pub fn resume(&self) {
        self.handles().for_each(WorkerHandle::resume);
    }

    /// Forgets what is named, after the frames already pushed. If that fails, the next frame says so.
    pub fn reset(&self, what: Reset) {
        let _order = self.order.lock();
        self.handles()
            .for_each(|handle| handle.send(Job::Reset(what)));
    }

    /// Has a model that colours learn pictures of which the colours are known, instead of those before
    /// ([`super::Learner::set_references`]), after the frames already pushed. Returns at once.
    ///
    /// # Errors
    /// [`Error::ColourTarget`] for a model that does not colour.
    pub fn set_references(&self, references: Vec<ColourTarget>) -> Result<(), Error> {
        self.set_colours(ColourTargets::References(references))
    }

    /// The same for colours that are given for a while ([`super::Learner::set_hints`]).
    ///
    /// # Errors
    /// As [`Adapter::set_references`].
    pub fn set_hints(&self, hints: Vec<ColourTarget>) -> Result<(), Error> {
        self.set_colours(ColourTargets::Hints(hints))
    }

    fn set_colours(&self, targets: ColourTargets) -> Result<(), Error> {
        let model = self.model.file();
        check_task(model.task, &model.name)?;
        let _order = self.order.lock();
        self.handles()
            .for_each(|handle| handle.send(Job::SetColours(targets.clone())));
        Ok(())
    }

    /// Changes settings, for the frames pushed from now on. Weights and window stay.
    ///
    /// # Errors
    /// [`Error::Setting`] when one is out of range: all stay as they were. [`Error::Worker`] when the
    /// worker has panicked.
    pub fn update(&self, settings: Settings) -> Result<(), Error> {
        settings.check()?;
        let _order = self.order.lock();
        for handle in self.handles() {
            handle.check_alive()?;
        }
        if let Some(learning) = &self.learning {
            learning.keep(settings.window_capacity());
        }
        self.handles()
            .for_each(|handle| handle.send(Job::Update(settings.clone())));
        Ok(())
    }

    /// Where the graphs run: `cpu`, or `cuda:0` with the device.
    pub fn provider_in_use(&self) -> String {
        self.place.to_string()
    }

    /// Why [`crate::runtime::Provider::Auto`] chose what it chose, as a sentence.
    pub fn provider_note(&self) -> Option<&str> {
        self.place.note()
    }

    /// Writes the weights as they are after the frames already pushed, with their provenance, and waits
    /// for that. The worker goes on meanwhile.
    ///
    /// # Errors
    /// When the weights cannot be copied from the device or the file cannot be written;
    /// [`Error::Worker`] when the worker panicked.
    pub fn save_state(&self, path: &Path) -> Result<(), Error> {
        let learned = self.learning.as_ref().unwrap_or(&self.predicting);
        let state = learned.request_lasting(Job::Save)?.wait()?;
        Ok(state.save(path)?)
    }

    /// Goes on with weights saved by [`Adapter::save_state`], after the frames already pushed, and waits
    /// for that. The window stays, the optimiser's moments restart.
    ///
    /// # Errors
    /// [`Error::Weights`] when the file cannot be read or belongs to another model, [`Error::Worker`]
    /// when the worker panicked.
    pub fn load_state(&self, path: &Path) -> Result<(), Error> {
        let file = path.display().to_string();
        let state = Box::new(State::load(path)?);
        let order = self.order.lock();
        let requests = self.handles().map(|handle| {
            handle.request_lasting(|reply| Job::Load(file.clone(), state.clone(), reply))
        });
        let requests = requests.collect::<Result<Vec<_>, _>>()?;
        drop(order);
        requests.into_iter().try_for_each(Pending::wait)
    }

    fn handles(&self) -> impl Iterator<Item = &WorkerHandle> {
        std::iter::once(&self.predicting).chain(&self.learning)
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter")
            .field("model", &self.model.file().name)
            .field("place", &self.place)
            .field("asynchronous", &self.learning.is_some())
            .finish_non_exhaustive()
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        worker::end(std::iter::once(&mut self.predicting).chain(&mut self.learning));
    }
}
