//! The angle between the gradients of the main loss and of the reconstruction loss on labelled frames.
//!
//! Reconstruction can help the main task only if a step that lowers the one loss lowers the other. For a
//! small step `−δ` of the encoder's weights the main loss changes by `−⟨∂ main, δ⟩`, so what counts is the
//! cosine between the main gradient and the step. With moments that restart, AdamW's step is close to the
//! sign of the reconstruction gradient, not to the gradient, so both cosines are given.

mod graph;
mod measure;
mod report;
#[cfg(test)]
mod tests;

pub use measure::alignment;
pub use report::{Alignment, PartAlignment};

pub(crate) use graph::{AlignmentOptions, alignment_graph};
