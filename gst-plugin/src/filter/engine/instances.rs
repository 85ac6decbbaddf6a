//! Models that several elements share: those with the same `model-instance-id`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, Weak};

use tttseg::adapt::{SharedModel, WeakSharedModel};
use tttseg::weights::{ModelFile, Task, WeightsError};

use crate::filter::lock;

/// What the elements of the process have in use, by their id.
static INSTANCES: LazyLock<Mutex<HashMap<String, Instance>>> = LazyLock::new(Mutex::default);

/// Where a model is from.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    /// The one for a task that is built in.
    BuiltIn(Task),
}

impl Source {
    fn is(&self, other: &Self) -> bool {
        let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        match (self, other) {
            (Self::File(a), Self::File(b)) => real(a) == real(b),
            (Self::BuiltIn(a), Self::BuiltIn(b)) => a == b,
            _ => false,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::BuiltIn(Task::Segment) => f.write_str("the built-in model"),
            Self::BuiltIn(task) => write!(f, "the built-in model for task={}", task.name()),
        }
    }
}

struct Instance {
    source: Source,
    model: WeakSharedModel,
    user: Weak<User>,
}

/// What elements that share a model hold. A worker that was left alone may hold the model for longer, until ONNX Runtime returns.
pub(super) struct User;

/// The model of a source: that which elements of the same id already use, or read anew. The error says what can be done.
pub(super) fn model(
    id: Option<&str>,
    source: &Source,
) -> Result<(SharedModel, Option<Arc<User>>), gst::ErrorMessage> {
    let read = || {
        let model = match source {
            Source::File(path) => ModelFile::open(path),
            Source::BuiltIn(task) => ModelFile::embedded_for(*task),
        };
        model.map(SharedModel::from).map_err(model_error)
    };
    let Some(id) = id else {
        return Ok((read()?, None));
    };
    // Held while it is read, so that elements that start at once read it once.
    let mut instances = lock(&INSTANCES);
    instances.retain(|_, instance| instance.model.upgrade().is_some());
    let (mut model, mut user) = (None, None);
    if let Some(instance) = instances.get(id) {
        let theirs = &instance.source;
        user = instance.user.upgrade();
        if theirs.is(source) {
            model = instance.model.upgrade();
        } else if user.is_some() {
            return Err(gst::error_msg!(
                gst::ResourceError::Settings,
                ("model-instance-id={id} is in use for {theirs}, and this element is set to {source}. Elements with the same \
                     id share one model: give this one another id, or the same model-file")
            ));
        }
    }
    let model = match model {
        Some(model) => model,
        None => read()?,
    };
    let user = user.unwrap_or_else(|| Arc::new(User));
    let instance = Instance {
        source: source.clone(),
        model: model.downgrade(),
        user: Arc::downgrade(&user),
    };
    instances.insert(id.to_owned(), instance);
    Ok((model, Some(user)))
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
