use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::calls::{Call, Calls};
use super::graphs::Size;
use super::worker::{Job, Worker};
use super::{Error, Prediction, Request, Reset, Settings};
use crate::runtime::{InUse, Options};
use crate::video;
use crate::weights::{ModelFile, State};

/// Longest wait for the worker to load ONNX Runtime and try the device. Loading gives up by itself
/// before this; the rest is for a CUDA context on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Longest wait for the worker's end. A run ends at its next operator, which for a small model takes
/// less; where it takes longer, the thread ends by itself.
const END: Duration = Duration::from_millis(50);

/// A model that learns from one stream of frames: a handle on a worker thread that owns a
/// [`super::Learner`].
///
/// What is asked for is done in the order it was asked for, by whichever thread. No method holds others
/// up while the worker computes.
///
/// ```no_run
/// use std::sync::Arc;
/// use tttseg::adapt::{Adapter, Request, Settings};
/// use tttseg::{runtime, weights::ModelFile};
///
/// let model = Arc::new(ModelFile::embedded()?);
/// let adapter = Adapter::start(model, Settings::default(), runtime::Options::default())?;
/// let (width, height) = adapter.model_size(1920, 1080)?;
/// let rgb = vec![0; width * height * 3];
/// let prediction = adapter.push(rgb, width, height, Request::default())?.wait()?;
/// assert_eq!(prediction.classes.map(|c| c.len()), Some(width * height));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Adapter {
    model: Arc<ModelFile>,
    place: InUse,
    calls: Arc<Calls>,
    jobs: mpsc::Sender<Job>,
    /// `None` once it has been joined or left alone.
    thread: Option<JoinHandle<()>>,
}

/// A prediction that is on its way. Dropping it gives up the answer, not the work: the frame is still
/// learned from.
#[derive(Debug)]
#[must_use = "a frame's errors are in its answer"]
pub struct Ticket(Call<Prediction>);

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
    pub fn start(
        model: Arc<ModelFile>,
        settings: Settings,
        options: Options,
    ) -> Result<Self, Error> {
        settings.check()?;
        let calls = Arc::<Calls>::default();
        let (jobs, queue) = mpsc::channel();
        let (ready, started) = mpsc::sync_channel(1);
        let work = {
            let (model, calls) = (model.clone(), calls.clone());
            move || match Worker::new(model, settings, &options, calls) {
                // No one takes either when patience is at an end.
                Err(error) => drop(ready.send(Err(error))),
                Ok(worker) => {
                    if ready.send(Ok(worker.place().clone())).is_ok() {
                        worker.serve(&queue);
                    }
                }
            }
        };
        let attended = calls.clone();
        let thread = thread::Builder::new()
            .name("tttseg-adapter".into())
            .spawn(move || attended.attend(work))
            .map_err(|e| Error::Worker(format!("no thread: {e}")))?;
        let place = match started.recv_timeout(START) {
            Ok(place) => place?,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                calls.cancel();
                let why = format!("not ready after {} seconds", START.as_secs());
                return Err(Error::Worker(why));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                calls.wait_for_end(END);
                calls.check_alive()?;
                return Err(Error::Worker("it did not start".into()));
            }
        };
        Ok(Self {
            model,
            place,
            calls,
            jobs,
            thread: Some(thread),
        })
    }

    /// Width and height at which frames of this width and height are to be pushed
    /// ([`video::model_size`] for the model's area).
    ///
    /// # Errors
    /// [`Error::Size`] when the frame is too small.
    pub fn model_size(&self, width: usize, height: usize) -> Result<(usize, usize), Error> {
        let (model_height, model_width) = self.model.size;
        Ok(video::model_size(width, height, model_width, model_height)?)
    }

    /// Queues a frame, RGB interleaved at model size. A size other than the last frame's clears the
    /// window.
    ///
    /// # Errors
    /// At once: [`Error::FrameBytes`] when the bytes do not fill the size, [`Error::Cancelled`] between
    /// [`Adapter::cancel`] and [`Adapter::resume`], [`Error::Worker`] when the worker has panicked.
    pub fn push(
        &self,
        rgb: impl Into<Arc<[u8]>>,
        width: usize,
        height: usize,
        request: Request,
    ) -> Result<Ticket, Error> {
        let rgb = rgb.into();
        let expected = width.saturating_mul(height).saturating_mul(3);
        if rgb.len() != expected {
            let given = rgb.len();
            return Err(Error::FrameBytes {
                width,
                height,
                given,
                expected,
            });
        }
        let size = Size { height, width };
        let call = self.calls.cancellable(|generation, reply| {
            self.send(Job::Frame {
                generation,
                rgb,
                size,
                request,
                reply,
            });
        })?;
        Ok(Ticket(call))
    }

    /// Calls off every frame: whoever waits for a [`Ticket`] gets [`Error::Cancelled`] at once, frames
    /// in the queue are dropped, the run or session build in progress is stopped. Frames are refused
    /// until [`Adapter::resume`]. Returns at once.
    ///
    /// Steps that were complete stay taken. Resets, updates, saving and loading are carried out
    /// nevertheless.
    pub fn cancel(&self) {
        self.calls.cancel();
    }

    /// Accepts frames again after [`Adapter::cancel`]. Returns at once; the first frame waits for the end
    /// of what was stopped.
    pub fn resume(&self) {
        self.calls
            .resume(|generation| self.send(Job::Resume(generation)));
    }

    /// Forgets what is named, after the frames already pushed. If that fails, the next frame says so.
    pub fn reset(&self, what: Reset) {
        self.send(Job::Reset(what));
    }

    /// Changes settings, for the frames pushed from now on. Weights and window stay.
    ///
    /// # Errors
    /// [`Error::Setting`] when one is out of range: all stay as they were. [`Error::Worker`] when the
    /// worker has panicked.
    pub fn update(&self, settings: Settings) -> Result<(), Error> {
        settings.check()?;
        self.calls.check_alive()?;
        self.send(Job::Update(settings));
        Ok(())
    }

    /// Where the graphs run: `cpu`, or `cuda:0` with the device.
    pub fn provider_in_use(&self) -> String {
        self.place.to_string()
    }

    /// Why [`crate::runtime::Provider::Auto`] chose what it chose, for people to read.
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
        let state = self
            .calls
            .lasting(|reply| self.send(Job::Save(reply)))?
            .wait()?;
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
        self.calls
            .lasting(|reply| self.send(Job::Load(file, state, reply)))?
            .wait()
    }

    fn send(&self, job: Job) {
        // Without a worker the job is lost; whoever waits for an answer hears of that in another way.
        let _ = self.jobs.send(job);
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter")
            .field("model", &self.model.name)
            .field("place", &self.place)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.calls.cancel();
        self.send(Job::Stop);
        let thread = self.thread.take();
        if self.calls.wait_for_end(END)
            && let Some(thread) = thread
        {
            // Its panics have been caught.
            let _ = thread.join();
        }
    }
}
