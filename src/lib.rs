//! The engine behind the GStreamer elements `tttseg` and `tttsegfilter`: online test-time training
//! (masked reconstruction over a short window of frames, *Test-Time Training on Video Streams*,
//! JMLR 2025) on stock ONNX Runtime.
//!
//! # The idea
//!
//! The network is a recurrent cell whose hidden state is its weights:
//!
//! ```text
//! (weights', report) = step(weights, window, masks)      prediction = predict(weights', frame)
//! ```
//!
//! Both are ordinary ONNX graphs. This crate builds them, gradients and optimiser included, for the
//! frame size at hand, and runs them between two frames of a video.
//!
//! # The house
//!
//! Arrows point down this list only.
//!
//! | room | what it is for |
//! |---|---|
//! | [`adapt`] | the method while streaming: settings, what a step minimises, graphs of steps and predictions, when not to learn, the window, the learner of one stream, its workers, shared sessions |
//! | [`runtime`] | ONNX Runtime: finding it, sessions and the state they carry, our custom operators, cancelling |
//! | [`optim`] | AdamW, clipping and the finiteness guard, as graphs |
//! | [`model`] | Swin, pixel decoder, query decoder, heads, presets: f, g and h put together |
//! | [`nn`] | layers: linear, norm, attention, deformable attention, resampling, position codes |
//! | [`weights`] | named tensors, the model file, importers |
//! | [`grad`] | reverse-mode differentiation, graph to graph |
//! | [`graph`] | ONNX as an intermediate representation |
//! | [`choice`] | enumerations whose values have names; stands alone |
//! | [`video`] | frames, colour, resizing, overlay, palettes: arrays, no GStreamer |
//! | [`files`] | files that appear as a whole; every file that is written goes through it |
//!
//! Names of the method: f is the encoder, h the main-task head, g the reconstruction head.
#![deny(missing_docs)]

pub mod adapt;
pub mod choice;
pub mod files;
pub mod grad;
pub mod graph;
pub mod model;
pub mod nn;
pub mod optim;
pub mod runtime;
pub mod video;
pub mod weights;

/// The arrays that pictures, class maps, chroma and scores are.
pub use ndarray;

#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
#[path = "../tests/common/missing.rs"]
pub mod missing;
