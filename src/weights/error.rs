//! Errors of files of weights.

use std::io;

use crate::files;

/// An error in a file of weights. Every variant names the file, and the tensor where there is one.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// There is no such file.
    #[error("{file}: no such file")]
    NotFound {
        /// The path.
        file: String,
    },
    /// The operating system refused to read it.
    #[error("{file}: cannot be read: {source}")]
    Read {
        /// The path.
        file: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The operating system refused to write it; what stood there before is untouched.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// The bytes are not a safetensors file.
    #[error("{file}: not a safetensors file: {reason}")]
    NotSafetensors {
        /// Where the bytes came from.
        file: String,
        /// A guess at the real format, or the error of the format's parser.
        reason: String,
    },
    /// The header is whole but the data behind it is not.
    #[error("{file}: truncated: the header promises {expected} bytes, the file has {actual}")]
    Truncated {
        /// Where the bytes came from.
        file: String,
        /// Bytes the file should have.
        expected: u64,
        /// Bytes it has.
        actual: u64,
    },
    /// A safetensors file, but not one that this project wrote.
    #[error(
        "{file}: not a model of this project: no `tttseg` entry in its metadata; it {looks_like}"
    )]
    Foreign {
        /// Where the bytes came from.
        file: String,
        /// A guess from its tensors, as the end of a sentence.
        looks_like: String,
    },
    /// Written by another version of this project.
    #[error("{file}: format version {found}; this build reads version {supported}")]
    Version {
        /// Where the bytes came from.
        file: String,
        /// The version in the file.
        found: u64,
        /// The version this build reads.
        supported: u64,
    },
    /// A model where saved state is needed, or the other way round.
    #[error("{file}: holds a {found}, not a {expected}")]
    Kind {
        /// Where the bytes came from.
        file: String,
        /// The kind in the file.
        found: String,
        /// The kind that is needed.
        expected: &'static str,
    },
    /// The description in the header cannot be used.
    #[error("{file}: its description cannot be used: {reason}")]
    Description {
        /// Where the bytes came from.
        file: String,
        /// The problem.
        reason: String,
    },
    /// A tensor that the model needs is not there.
    #[error("{file}: tensor `{tensor}` is missing")]
    Missing {
        /// Where the weights came from.
        file: String,
        /// The name that is missing.
        tensor: String,
    },
    /// A tensor has another shape than the model needs.
    #[error("{file}: tensor `{tensor}` has shape {found:?}, the model needs {expected:?}")]
    Shape {
        /// Where the weights came from.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that is needed.
        expected: Vec<usize>,
    },
    /// A tensor of a type that parameters cannot have.
    #[error("{file}: tensor `{tensor}` is of type {dtype}; parameters are F32, F16 or BF16")]
    ElementType {
        /// Where the bytes came from.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// Its type as safetensors names it.
        dtype: String,
    },
    /// A parameter is NaN or infinite.
    #[error("{file}: tensor `{tensor}` holds {value} at element {index}")]
    NotFinite {
        /// Where the weights came from.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// Row-major position of the first such element.
        index: usize,
        /// The element.
        value: f32,
    },
    /// A parameter is too large for half precision.
    #[error(
        "{file}: tensor `{tensor}` holds {value}, too large for half precision; save it as float32"
    )]
    HalfOverflow {
        /// The file that was to be written.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The element.
        value: f32,
    },
    /// A tensor whose shape and number of elements disagree.
    #[error("a tensor of shape {shape:?} cannot have {elements} elements")]
    Elements {
        /// The shape.
        shape: Vec<usize>,
        /// The number of elements given.
        elements: usize,
    },
    /// Saved state belongs to other weights.
    #[error(
        "{file}: saved from a model with other weights ({found_name}, {found:.12}…) than this one ({expected_name}, {expected:.12}…)"
    )]
    OtherModel {
        /// The state's file.
        file: String,
        /// Name of the model the state was saved from.
        found_name: String,
        /// Hash of the model the state was saved from.
        found: String,
        /// Name of the model at hand.
        expected_name: String,
        /// Hash of the model at hand.
        expected: String,
    },
    /// The build carries no trained model.
    #[error("this build of tttseg carries no model ({reason}); name a model file instead")]
    NoneEmbedded {
        /// The reason.
        reason: String,
    },
}
