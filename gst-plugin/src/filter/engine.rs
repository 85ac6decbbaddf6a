//! The seam to the engine: the only file of the plugin that knows how [`tttseg::adapt::Adapter`] is used.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tttseg::adapt::{Adapter, ColourTarget, Error, Prediction, Request, Reset};
use tttseg::runtime;
use tttseg::video::Palette;
use tttseg::weights::WeightsError;

use super::instances::Source;
use super::look::Known;
use super::settings::Settings;
use super::{Task, instances, log};

/// What an engine is made of; another value needs another engine.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    model_file: Option<PathBuf>,
    model_instance_id: Option<String>,
    task: Task,
    options: runtime::Options,
    /// Steps are built for this many views.
    batch_size: usize,
    asynchronous: bool,
}

impl Key {
    pub fn new(settings: &Settings) -> Self {
        Self {
            model_file: settings.model_path(),
            model_instance_id: settings.model_instance_id.clone(),
            task: settings.task,
            options: runtime::Options {
                library: settings.runtime_library.as_ref().map(PathBuf::from),
                provider: settings.execution_provider,
                device: settings.device,
                threads: settings.threads as usize,
                deterministic: settings.deterministic,
                ..Default::default()
            },
            batch_size: settings.method().batch_size,
            asynchronous: settings.asynchronous,
        }
    }
}

/// What is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forget {
    /// Frames of the window: time has jumped within a video.
    Window,
    /// The window and the optimiser's moments: a seek.
    WindowAndMoments,
    /// What was learned from the model's own colours: another scene.
    Scene,
    /// Everything that was learned: another video.
    Everything,
}

/// What is wanted for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub learn: bool,
    /// Too little time is why not.
    pub late: bool,
    /// Most masked views per step; no frame waits for the graph of another number of them. `None` is all, whatever it takes.
    pub masks: Option<usize>,
    /// Most steps.
    pub steps: usize,
    /// Most steps towards given colours; `None` is all that are due.
    pub directed: Option<usize>,
    pub prediction: bool,
    pub reconstruction: bool,
}

/// Why a frame has no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The element is flushing or going down.
    Cancelled,
    /// Something that has to be told.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled => Self::Cancelled,
            error => Self::Error(error),
        }
    }
}

/// A model that runs and learns.
pub(super) struct Engine {
    key: Key,
    adapter: Adapter,
    known: Known,
    /// Whether a frame has come since [`Engine::set_saved`].
    unsaved: AtomicBool,
}

impl Engine {
    /// Reads the model, loads ONNX Runtime and starts a worker. The error says what can be done.
    pub fn start(settings: &Settings) -> Result<Self, gst::ErrorMessage> {
        log::route();
        let key = Key::new(settings);
        let source = match &key.model_file {
            Some(path) => Source::File(path.clone()),
            None => Source::BuiltIn(key.task),
        };
        let model = instances::model(key.model_instance_id.as_deref(), &source);
        let model = model.map_err(|failure| match failure {
            instances::Failure::Model(error) => model_error(error),
            instances::Failure::OtherFile(why) => {
                gst::error_msg!(gst::ResourceError::Settings, ("{why}"))
            }
        })?;
        check_task(&model.file().name, model.file().task, &key)?;
        let palette = if model.file().palette.is_empty() {
            Palette::for_classes(model.file().classes.len())
        } else {
            Palette(model.file().palette.clone())
        };
        let start = if key.asynchronous {
            Adapter::start_asynchronous
        } else {
            Adapter::start
        };
        let known = Known {
            classes: model.file().classes.clone().into(),
            palette,
        };
        let adapter = start(model, settings.method(), key.options.clone()).map_err(start_error)?;
        Ok(Self {
            key,
            adapter,
            known,
            unsaved: AtomicBool::new(false),
        })
    }

    /// What the model does.
    pub fn task(&self) -> Task {
        self.key.task
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Whether steps are taken beside the stream: no frame waits for them.
    pub fn is_asynchronous(&self) -> bool {
        self.key.asynchronous
    }

    /// The model's classes and colours.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Size the network sees frames of this size at, width first.
    pub fn model_size(&self, width: usize, height: usize) -> Result<(usize, usize), Error> {
        self.adapter.model_size(width, height)
    }

    /// Pushes a frame at model size and waits for what comes of it. Ends at once when cancelled.
    pub fn run(
        &self,
        rgb: &[u8],
        (width, height): (usize, usize),
        wanted: Wanted,
    ) -> Result<Prediction, Failure> {
        let request = Request {
            learn: wanted.learn,
            late: wanted.late,
            predict: wanted.prediction,
            reconstruct: wanted.reconstruction,
            most_views: wanted.masks,
            most_steps: Some(wanted.steps),
            most_colour_steps: wanted.directed,
        };
        let ticket = self.adapter.push(rgb, width, height, request)?;
        self.unsaved.store(true, Ordering::Relaxed);
        Ok(ticket.wait()?)
    }

    /// Whether there is something that a state of the end of the stream has not been saved with.
    pub fn has_unsaved(&self) -> bool {
        self.unsaved.load(Ordering::Relaxed)
    }

    pub fn set_saved(&self) {
        self.unsaved.store(false, Ordering::Relaxed);
    }

    /// Whoever waits stops waiting, and what runs is terminated. Nothing works until [`Engine::resume`].
    pub fn cancel(&self) {
        self.adapter.cancel();
    }

    pub fn resume(&self) {
        self.adapter.resume();
    }

    /// Takes effect between frames.
    pub fn forget(&self, what: Forget) {
        self.adapter.reset(Reset {
            weights: what == Forget::Everything,
            window: what != Forget::Scene,
            moments: matches!(what, Forget::WindowAndMoments | Forget::Everything),
            self_training: matches!(what, Forget::Scene | Forget::Everything),
        });
    }

    /// Other settings from the next frame on; an error leaves them as they were.
    pub fn update(&self, settings: &Settings) -> Result<(), Error> {
        self.adapter.update(settings.method())
    }

    /// Pictures whose colours are to be learned, instead of those before; the same ones change nothing.
    pub fn set_references(&self, given: Vec<ColourTarget>) -> Result<(), Error> {
        self.adapter.set_references(given)
    }

    /// Hints, instead of those before; without any, what was learned from them is forgotten.
    pub fn set_hints(&self, given: Vec<ColourTarget>) -> Result<(), Error> {
        self.adapter.set_hints(given)
    }

    pub fn provider_in_use(&self) -> String {
        self.adapter.provider_in_use()
    }

    /// Why the provider is the one it is, where there was a choice.
    pub fn provider_note(&self) -> &str {
        self.adapter.provider_note().unwrap_or("as asked for")
    }

    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.adapter.save_state(path)
    }

    pub fn load(&self, path: &Path) -> Result<(), Error> {
        self.adapter.load_state(path)
    }
}

/// A model does what it was trained for and nothing else.
fn check_task(model: &str, can: Task, key: &Key) -> Result<(), gst::ErrorMessage> {
    let wanted = key.task;
    if can == wanted {
        return Ok(());
    }
    let file = key.model_file.as_ref();
    let file = file.map_or(String::new(), |path| format!(" in {}", path.display()));
    let (can, wanted) = (can.name(), wanted.name());
    Err(gst::error_msg!(
        gst::ResourceError::Settings,
        ("The model {model}{file} is one for task={can}, and the element is set to task={wanted}. Set task={can}, or the \
             property model-file to a model for {wanted}; without model-file, the one that is built in for the task is used")
    ))
}

fn model_error(error: WeightsError) -> gst::ErrorMessage {
    match &error {
        WeightsError::NotFound { .. } => gst::error_msg!(
            gst::ResourceError::NotFound,
            ("{error}. Set the property model-file to a model (.safetensors) that is there, or leave it out to use \
                 the one that is built in")
        ),
        WeightsError::NoneEmbedded { .. } => gst::error_msg!(
            gst::ResourceError::NotFound,
            ("{error}. Set the property model-file to a model (.safetensors)")
        ),
        _ => gst::error_msg!(
            gst::ResourceError::Read,
            ("{error}. Set the property model-file to a model that this version of tttseg can read")
        ),
    }
}

fn start_error(error: Error) -> gst::ErrorMessage {
    match &error {
        Error::Runtime(runtime::Error::LibraryNotFound { .. }) => {
            gst::error_msg!(gst::LibraryError::Init, ("{error}"))
        }
        Error::Runtime(runtime::Error::Provider { .. }) => gst::error_msg!(
            gst::ResourceError::Settings,
            ("{error}. Set execution-provider to cpu, or to auto to use CUDA only where it works")
        ),
        Error::Runtime(runtime::Error::AnotherLibrary { .. }) => gst::error_msg!(
            gst::ResourceError::Settings,
            ("{error}. Leave the property runtime-library out, or start another process")
        ),
        Error::Setting { .. } => gst::error_msg!(gst::ResourceError::Settings, ("{error}")),
        _ => gst::error_msg!(gst::LibraryError::Init, ("{error}")),
    }
}
