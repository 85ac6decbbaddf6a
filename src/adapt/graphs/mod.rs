//! The graphs of a stream: one gradient step, one step towards given colours, one prediction, one picture of the
//! reconstruction.
//! All are built for one frame size; learning weights are inputs and outputs in a [`Layout`].

mod direct;
mod predict;
mod reconstruct;
mod step;

pub use direct::{DirectOptions, direct_graph};
pub use predict::predict_graph;
pub use reconstruct::reconstruct_graph;
pub use step::{StepGraph, StepOptions, step_graph};

use super::Trainable;
use crate::graph::{DType, Graph, Result, Value};
use crate::model::{COLOR_PREFIX, ModelConfig, RECON_PREFIX, parameters};
use crate::nn::patchify_bytes;
use crate::optim::Layout;
use crate::weights::Normalisation;

/// A frame size at which a model runs, in pixels; sides are multiples of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Height.
    pub height: usize,
    /// Width.
    pub width: usize,
}

impl Size {
    /// Height and width in patches of 4×4 pixels.
    pub fn patches(self) -> (usize, usize) {
        (
            self.height / crate::nn::PATCH,
            self.width / crate::nn::PATCH,
        )
    }

    /// Height and width in blocks of 16×16 pixels, the unit of masking.
    pub fn blocks(self) -> (usize, usize) {
        (
            self.height / crate::model::MASK_PATCH,
            self.width / crate::model::MASK_PATCH,
        )
    }

    /// The size of a view that covers this share of both sides, in whole blocks. Two a side are left where there are as many,
    /// so that there is something to see and something to hide.
    pub fn part(self, share: f64) -> Self {
        let side = |whole: usize| {
            let block = crate::model::MASK_PATCH;
            let blocks = whole as f64 * share / block as f64;
            whole.min((blocks.round() as usize).max(2) * block)
        };
        Self {
            height: side(self.height),
            width: side(self.width),
        }
    }

    fn check(self, g: &Graph) -> Result<()> {
        let side = crate::model::MASK_PATCH;
        let fits = |n: usize| n > 0 && n.is_multiple_of(side);
        if fits(self.height) && fits(self.width) {
            return Ok(());
        }
        let detail = format!(
            "{}×{} is no multiple of {side}×{side} pixels",
            self.width, self.height
        );
        Err(g.config_error(detail))
    }
}

/// How the weights of f and g travel when all of them learn from a stream.
///
/// # Errors
/// A configuration that makes no sense.
pub fn learning_layout(config: &ModelConfig, pack_below: usize) -> Result<Layout> {
    stream_layout(config, pack_below, Trainable::All)
}

/// How the weights of f and g travel when some of them learn from a stream.
///
/// # Errors
/// A configuration that makes no sense.
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

/// How the weights of a colour head h travel, which learns from colours that people give; empty of another model.
///
/// # Errors
/// A configuration that makes no sense.
pub fn colour_layout(config: &ModelConfig, pack_below: usize) -> Result<Layout> {
    let of_head: Vec<_> = parameters(config)?
        .into_iter()
        .filter(|(name, _)| config.chroma.is_some() && name.starts_with(COLOR_PREFIX))
        .collect();
    Ok(Layout::new(&of_head, pack_below))
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
    size.check(g)?;
    let bytes = g.input("images", DType::U8, &[batch, size.height, size.width, 3])?;
    patchify_bytes(g, bytes, normalisation.mean, normalisation.std)
}

/// Input `mask`, `(batch, h/16, w/16)` float, 1 = visible.
pub fn mask(g: &mut Graph, batch: usize, size: Size) -> Result<Value> {
    let (rows, columns) = size.blocks();
    g.input("mask", DType::F32, &[batch, rows, columns])
}
