//! Errors between a graph and its results.

use std::path::PathBuf;

use crate::graph::DType;

/// What can go wrong between a graph and its results.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// No library could be loaded.
    #[error(
        "ONNX Runtime could not be loaded. Tried:\n{}\nGet version 1.{} or newer, for example \
         libonnxruntime.so.1.* out of the Python wheel `onnxruntime` (`onnxruntime-gpu` for CUDA), \
         and name it in ORT_DYLIB_PATH or in the property runtime-library; `tttseg-fetch-runtime` of the Debian \
         package does that, and `make runtime` in the sources",
        tried.iter().map(|(path, why)| format!("  {}: {why}", path.display())).collect::<Vec<_>>().join("\n"),
        ort::MINOR_VERSION
    )]
    LibraryNotFound {
        /// Every path tried, with the reason it failed.
        tried: Vec<(PathBuf, String)>,
    },
    /// A library is already loaded, and it is another one; a process can hold only one.
    #[error(
        "this process already runs on the ONNX Runtime library {}; {} cannot be loaded as well",
        loaded.display(),
        wanted.display()
    )]
    AnotherLibrary {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        wanted: PathBuf,
    },
    /// The library was found but its environment could not be set up.
    #[error("ONNX Runtime from {} could not be started: {detail}", library.display())]
    Environment {
        /// The library.
        library: PathBuf,
        /// ONNX Runtime's message.
        detail: String,
    },
    /// The provider asked for cannot be used.
    #[error("execution provider {provider} is not available: {detail}")]
    Provider {
        /// Its name with the device, as in `cuda:0`.
        provider: String,
        /// Why not.
        detail: String,
    },
    /// A text that names no provider.
    #[error("no such execution provider: '{0}' (there are auto, cpu and cuda)")]
    UnknownProvider(String),
    /// A graph could not become a session.
    #[error("the graph was refused by ONNX Runtime: {0}")]
    Build(String),
    /// A run failed in an operator.
    #[error("running the graph failed: {0}")]
    Run(String),
    /// The work was cancelled through its [`Cancel`](super::Cancel).
    #[error("cancelled")]
    Cancelled,
    /// An input of the graph was not given.
    #[error("input '{0}' is missing")]
    MissingInput(String),
    /// The graph has no such input, or it was given twice.
    #[error("input '{0}' is unknown or given twice")]
    UnexpectedInput(String),
    /// An input of another type or shape than the graph's.
    #[error("input '{name}' is {given}, the graph wants {wanted}")]
    Input {
        /// Name of the input.
        name: String,
        /// Type and shape of what was given.
        given: String,
        /// Type and shape declared in the graph.
        wanted: String,
    },
    /// The graph has no such output.
    #[error("the graph has no output '{0}'")]
    UnknownOutput(String),
    /// A tensor was read as another type than its own.
    #[error("a tensor of {given:?} read as {wanted:?}")]
    ElementType {
        /// The tensor's type.
        given: DType,
        /// The type asked for.
        wanted: DType,
    },
    /// A tensor was read as an array with another number of axes.
    #[error("a tensor of shape {shape:?} read as an array of {wanted} axes")]
    Dimensions {
        /// The tensor's shape.
        shape: Vec<usize>,
        /// Axes asked for.
        wanted: usize,
    },
    /// A tensor whose data does not fill its shape.
    #[error("{elements} elements for the shape {shape:?}")]
    ElementCount {
        /// The shape.
        shape: Vec<usize>,
        /// Number of elements given.
        elements: usize,
    },
    /// A tensor could not be allocated, moved or read.
    #[error("tensor: {0}")]
    Tensor(String),
}
