//! Errors of files of weights.

use std::io;

use crate::files;

/// An error in a file of weights. Every variant names the file, and the tensor where there is one.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "fields are what the messages say of them")]
pub enum WeightsError {
    /// There is no such file.
    #[error("{file}: no such file")]
    NotFound { file: String },
    /// The operating system refused to read it.
    #[error("{file}: cannot be read: {source}")]
    Read { file: String, source: io::Error },
    /// The operating system refused to write it; what stood there before is untouched.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// The bytes are not a safetensors file.
    #[error("{file}: not a safetensors file: {reason}")]
    NotSafetensors { file: String, reason: String },
    /// The header is whole but the data behind it is not.
    #[error("{file}: truncated: the header promises {expected} bytes, the file has {actual}")]
    Truncated {
        file: String,
        expected: u64,
        actual: u64,
    },
    /// A safetensors file, but not one that this project wrote.
    #[error(
        "{file}: not a model of this project: no `tttseg` entry in its metadata; it {looks_like}"
    )]
    Foreign { file: String, looks_like: String },
    /// Written by another version of this project.
    #[error("{file}: format version {found}; this build reads version {supported}")]
    Version {
        file: String,
        found: u64,
        supported: u64,
    },
    /// A model where saved state is needed, or the other way round.
    #[error("{file}: holds a {found}, not a {expected}")]
    Kind {
        file: String,
        found: String,
        expected: &'static str,
    },
    /// The description in the header cannot be used.
    #[error("{file}: its description cannot be used: {reason}")]
    Description { file: String, reason: String },
    /// A tensor that the model needs is not there.
    #[error("{file}: tensor `{tensor}` is missing")]
    Missing { file: String, tensor: String },
    /// A tensor has another shape than the model needs.
    #[error("{file}: tensor `{tensor}` has shape {found:?}, the model needs {expected:?}")]
    Shape {
        file: String,
        tensor: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    /// A tensor of a type that parameters cannot have.
    #[error("{file}: tensor `{tensor}` is of type {dtype}; parameters are F32, F16 or BF16")]
    ElementType {
        file: String,
        tensor: String,
        dtype: String,
    },
    /// A parameter is NaN or infinite.
    #[error("{file}: tensor `{tensor}` holds {value} at element {index}")]
    NotFinite {
        file: String,
        tensor: String,
        index: usize,
        value: f32,
    },
    /// A parameter is too large for half precision.
    #[error(
        "{file}: tensor `{tensor}` holds {value}, too large for half precision; save it as float32"
    )]
    HalfOverflow {
        file: String,
        tensor: String,
        value: f32,
    },
    /// A tensor whose shape and number of elements disagree.
    #[error("a tensor of shape {shape:?} cannot have {elements} elements")]
    Elements { shape: Vec<usize>, elements: usize },
    /// Saved state belongs to other weights.
    #[error(
        "{file}: saved from a model with other weights ({found_name}, {found:.12}…) than this one ({expected_name}, {expected:.12}…)"
    )]
    OtherModel {
        file: String,
        found_name: String,
        found: String,
        expected_name: String,
        expected: String,
    },
    /// The build carries no trained model.
    #[error("this build of tttseg carries no model ({reason}); name a model file instead")]
    NoneEmbedded { reason: String },
}
