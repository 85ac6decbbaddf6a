//! The seam to the engine: the only room of the plugin that knows how [`tttseg::adapt::Adapter`] is used.

mod instances;
pub(super) mod saved_state;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tttseg::adapt::{self, Adapter, Error, Prediction, Request, Reset};
use tttseg::runtime;
use tttseg::video::{Palette, Rgb};

use super::class_style::ModelClasses;
use super::settings::Settings;
use super::{Task, log};
use instances::{Source, User};

/// What an engine is made of; another value needs another engine.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    model_file: Option<PathBuf>,
    model_instance_id: Option<String>,
    pub task: Task,
    options: runtime::Options,
    /// Steps are built for this many views.
    batch_size: usize,
    /// The stills that are learned, which are read when it is made.
    replay_location: Option<String>,
    /// Steps are taken beside the stream: no frame waits for them.
    pub asynchronous: bool,
}

impl Key {
    pub fn new(settings: &Settings) -> Self {
        let method = settings.method();
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
            batch_size: method.batch_size,
            replay_location: method.replay_location,
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

/// A model that runs and learns: an adapter, and what the element knows of it.
pub(super) struct Engine {
    pub key: Key,
    pub classes: ModelClasses,
    /// Whether a frame has come since the state at the end of a stream was last saved.
    pub unsaved: AtomicBool,
    adapter: Adapter,
    /// Of a model that is shared.
    _user: Option<Arc<User>>,
}

impl Engine {
    /// Reads the model, loads ONNX Runtime and starts a worker. The error says what can be done.
    pub fn start(key: Key, method: adapt::Settings) -> Result<Self, gst::ErrorMessage> {
        log::route_runtime();
        let source = match &key.model_file {
            Some(path) => Source::File(path.clone()),
            None => Source::BuiltIn(key.task),
        };
        let (model, user) = instances::model(key.model_instance_id.as_deref(), &source)?;
        let file = model.file();
        check_task(&file.name, file.task, &key)?;
        let palette = if file.palette.is_empty() {
            Palette::for_classes(file.classes.len())
        } else {
            Palette(file.palette.clone())
        };
        let classes = ModelClasses {
            classes: file.classes.clone().into(),
            palette,
        };
        let start = if key.asynchronous {
            Adapter::start_asynchronous
        } else {
            Adapter::start
        };
        let adapter = start(model, method, key.options.clone()).map_err(start_error)?;
        Ok(Self {
            key,
            classes,
            unsaved: AtomicBool::new(false),
            adapter,
            _user: user,
        })
    }

    /// Pushes a frame at model size and waits for what comes of it. Ends at once when cancelled.
    pub fn run(&self, rgb: &Rgb, request: Request) -> Result<Prediction, Error> {
        let ticket = self.adapter.push(rgb, request)?;
        self.unsaved.store(true, Ordering::Relaxed);
        ticket.wait()
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
}

impl Deref for Engine {
    type Target = Adapter;

    fn deref(&self) -> &Adapter {
        &self.adapter
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
        Error::Setting {
            name: name @ "replay-location",
            detail,
        } => gst::error_msg!(
            gst::ResourceError::Read,
            ("{detail}. Set the property {name} to a folder of pictures (JPEG or PNG), or to one with the folders frames and \
                 labels, in which files of the same names belong together")
        ),
        Error::Setting { .. } => gst::error_msg!(gst::ResourceError::Settings, ("{error}")),
        _ => gst::error_msg!(gst::LibraryError::Init, ("{error}")),
    }
}
