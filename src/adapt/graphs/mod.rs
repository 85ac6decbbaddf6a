//! The graphs of a stream: gradient steps on reconstruction, towards given colours, on frames with labels; a prediction in one go or in two with what
//! is done to class probabilities between them, a picture of the reconstruction.
//!
//! All are built for one frame size; learning weights are inputs and outputs in a [`Layout`], and the output `new.NAME`
//! of a step is the input `NAME` of the next.
//!
//! A configuration that makes no sense, and weights that do not fit it, are errors that name the layer
//! ([`GraphError`](crate::graph::GraphError)).

mod averaged_step;
mod classify;
mod colour_step;
mod consistency_step;
mod predict;
mod reconstruct;
mod replay_step;
mod step;

pub use averaged_step::AveragedStepOptions;
pub use classify::{classify_graph, probabilities_graph};
pub use colour_step::colour_step_graph;
pub use consistency_step::consistency_step_graph;
pub use predict::predict_graph;
pub use reconstruct::reconstruct_graph;
pub use replay_step::replay_step_graph;
pub use step::{StepOptions, step_graph};

pub use super::size::Size;

use super::Trainable;
use crate::graph::{DType, Graph, Result, Value};
use crate::model::{COLOR_PREFIX, ModelConfig, RECON_PREFIX, parameters};
use crate::nn::patchify_bytes;
use crate::optim::Layout;
use crate::weights::Normalisation;

/// How the weights of f and g travel when all of them learn from a stream.
pub fn learning_layout(config: &ModelConfig, pack_below: usize) -> Result<Layout> {
    stream_layout(config, pack_below, Trainable::All)
}

/// How the weights of f and g travel when some of them learn from a stream.
pub fn stream_layout(
    config: &ModelConfig,
    pack_below: usize,
    trainable: Trainable,
) -> Result<Layout> {
    let travelling: Vec<_> = parameters(config)?
        .into_iter()
        .filter(|(name, _)| learns(name))
        .collect();
    Ok(Layout::with_frozen(&travelling, pack_below, |name| {
        trainable.includes(name)
    }))
}

/// How the weights of a colour head h travel, which learns from given colours; empty for another model.
pub fn colour_layout(config: &ModelConfig, pack_below: usize) -> Result<Layout> {
    let of_head: Vec<_> = parameters(config)?
        .into_iter()
        .filter(|(name, _)| config.chroma.is_some() && name.starts_with(COLOR_PREFIX))
        .collect();
    Ok(Layout::new(&of_head, pack_below))
}

/// How the weights of f and h travel when some of them learn from frames that have labels.
pub fn main_layout(
    config: &ModelConfig,
    pack_below: usize,
    trainable: Trainable,
) -> Result<Layout> {
    let of_main: Vec<_> = parameters(config)?
        .into_iter()
        .filter(|(name, _)| !name.starts_with(RECON_PREFIX))
        .collect();
    Ok(Layout::with_frozen(&of_main, pack_below, |name| {
        trainable.includes(name)
    }))
}

/// Whether a parameter belongs to f or g, which learn from the stream itself.
pub fn learns(name: &str) -> bool {
    name.starts_with(crate::model::ENCODER_PREFIX) || name.starts_with(RECON_PREFIX)
}

/// Input `images`, bytes `(batch, h, w, 3)`, as normalised patches `(batch, h/4 · w/4, 48)`.
pub fn images(
    g: &mut Graph,
    batch: usize,
    size: Size,
    normalisation: &Normalisation,
) -> Result<Value> {
    size.check().map_err(|detail| g.config_error(detail))?;
    let bytes = g.input("images", DType::U8, &[batch, size.height, size.width, 3])?;
    patchify_bytes(g, bytes, normalisation.mean, normalisation.std)
}

/// Input `mask`, `(batch, h/16, w/16)` float, 1 = visible.
pub fn mask(g: &mut Graph, batch: usize, size: Size) -> Result<Value> {
    let (rows, columns) = size.blocks();
    g.input("mask", DType::F32, &[batch, rows, columns])
}
