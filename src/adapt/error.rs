//! Errors of adapting.

use crate::graph::GraphError;
use crate::optim::LayoutError;
use crate::video::{FrameError, SizeError};
use crate::weights::WeightsError;

/// Why adapting or predicting failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The work was cancelled by [`super::Adapter::cancel`].
    #[error("cancelled")]
    Cancelled,
    /// ONNX Runtime cannot be loaded or cannot run a graph.
    #[error(transparent)]
    Runtime(crate::runtime::Error),
    /// The model cannot be built for this frame size.
    #[error("the model cannot be built: {0}")]
    Graph(#[from] GraphError),
    /// The weights do not fit the model's configuration.
    #[error("the model's weights do not fit its configuration: {0}")]
    Layout(#[from] LayoutError),
    /// A model or state file is not usable.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A frame that no model size can be found for.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A setting outside its range.
    #[error("setting {name}: {detail}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// An array that is no RGB picture.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Given colours that cannot be learned.
    #[error("given colours: {0}")]
    ColourTarget(String),
    /// Class scores of a model that has no classes.
    #[error("model {0} colours and has no class scores")]
    NoClasses(String),
    /// The worker thread is gone.
    #[error("the adapter's worker has stopped: {0}")]
    Worker(String),
}

impl From<crate::runtime::Error> for Error {
    fn from(error: crate::runtime::Error) -> Self {
        match error {
            crate::runtime::Error::Cancelled => Error::Cancelled,
            other => Error::Runtime(other),
        }
    }
}
