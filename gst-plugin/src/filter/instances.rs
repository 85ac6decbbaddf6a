//! Models that several elements share: those with the same `model-instance-id`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use tttseg::adapt::{SharedModel, WeakSharedModel};
use tttseg::weights::{ModelFile, WeightsError};

/// What the elements of the process have in use, by their id.
static INSTANCES: LazyLock<Mutex<HashMap<String, Instance>>> = LazyLock::new(Mutex::default);

struct Instance {
    /// `None` for the model that is built in.
    file: Option<PathBuf>,
    model: WeakSharedModel,
}

/// Why there is no model.
#[derive(Debug)]
pub(super) enum Failure {
    Model(WeightsError),
    /// The id is in use for another one.
    OtherFile(String),
}

/// The model of a file, or the built-in one: that which elements of the same id already use, or read anew.
pub(super) fn model(id: Option<&str>, file: Option<&Path>) -> Result<SharedModel, Failure> {
    let read = || {
        let model = match file {
            Some(path) => ModelFile::open(path),
            None => ModelFile::embedded(),
        };
        model.map(SharedModel::from).map_err(Failure::Model)
    };
    let Some(id) = id else { return read() };
    // Held while it is read, so that elements that start at once read it once.
    let mut instances = INSTANCES.lock().unwrap_or_else(PoisonError::into_inner);
    instances.retain(|_, instance| instance.model.upgrade().is_some());
    if let Some(instance) = instances.get(id)
        && let Some(model) = instance.model.upgrade()
    {
        let theirs = instance.file.as_deref();
        return if same(theirs, file) {
            Ok(model)
        } else {
            Err(Failure::OtherFile(format!(
                "model-instance-id={id} is in use for {}, and this element is set to {}. Elements with the same id share \
                 one model: give this one another id, or the same model-file",
                name(theirs),
                name(file)
            )))
        };
    }
    let model = read()?;
    let instance = Instance {
        file: file.map(Path::to_owned),
        model: model.downgrade(),
    };
    instances.insert(id.to_owned(), instance);
    Ok(model)
}

fn same(a: Option<&Path>, b: Option<&Path>) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    a.map(real) == b.map(real)
}

fn name(file: Option<&Path>) -> String {
    file.map_or("the built-in model".into(), |f| f.display().to_string())
}
