//! The model that was used.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tttseg::weights::{self, ModelFile};

use super::super::Task;
use super::super::error::Error;
use super::super::fixity::{sha256, sha256_of};

/// What there is to know of a model without its weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub name: String,
    /// Name of its file; none for a built-in one.
    file: Option<String>,
    /// Of its file.
    pub sha256: String,
    licence: String,
    trained_on: String,
}

impl Model {
    /// That in a file, or the built-in one for a task.
    ///
    /// # Errors
    /// A file that is no model.
    pub fn of(path: Option<&Path>, task: Task) -> Result<Self, Error> {
        let task = match task {
            Task::Colorize => weights::Task::Colorize,
            Task::Segment => weights::Task::Segment,
        };
        let wrong = |e: tttseg::weights::WeightsError| Error::Other(e.to_string());
        let (model, sha256) = match path {
            Some(path) => (
                ModelFile::open(path).map_err(wrong)?,
                sha256(path, || true).map_err(|e| Error::of(path, e))?,
            ),
            None => (
                ModelFile::embedded_for(task).map_err(wrong)?,
                sha256_of(ModelFile::embedded_bytes(task).unwrap_or_default()),
            ),
        };
        let file = path.and_then(Path::file_name);
        Ok(Self {
            name: model.name,
            file: file.map(|name| name.to_string_lossy().into_owned()),
            sha256,
            licence: model.licence,
            trained_on: model.trained_on,
        })
    }
}
