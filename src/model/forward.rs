//! Forward passes: f and a head.

use super::{
    BranchScales, ENCODER_PREFIX, HeadOutput, ModelConfig, RECON_PREFIX, fully_visible, head,
    masked_patches, swin,
};
use crate::graph::{Graph, Result, Value};
use crate::nn::Parameters;

/// The reconstruction of masked views by g.
#[derive(Clone, Copy, Debug)]
pub struct Reconstruction {
    /// Normalised pixels `(batch, h/4 · w/4, 48)`.
    pub pixels: Value,
    /// 1 where the network saw them, 0 where they were hidden: `(batch, h/4 · w/4, 1)`.
    pub visible: Value,
}

/// f and h on pictures that are fully visible: normalised patches `(batch, h/4 · w/4, 48)`, of which there are
/// `size.0` rows and `size.1` columns.
pub fn main_pass(
    g: &mut Graph,
    p: &mut Parameters,
    config: &ModelConfig,
    patches: Value,
    size: (usize, usize),
) -> Result<HeadOutput> {
    let input = fully_visible(g, patches)?;
    let stages = swin(g, p, ENCODER_PREFIX, &config.encoder, input, size, None)?;
    head(g, p, config.main_prefix(), &config.main, &stages)
}

/// f and g on the same pictures under `mask`, `(batch, h/16, w/16)` with 1 = visible; with stochastic depth where
/// `branches` are given.
pub fn reconstruction_pass(
    g: &mut Graph,
    p: &mut Parameters,
    config: &ModelConfig,
    patches: Value,
    mask: Value,
    size: (usize, usize),
    branches: Option<BranchScales>,
) -> Result<Reconstruction> {
    let input = masked_patches(g, patches, mask)?;
    let encoder = &config.encoder;
    let stages = swin(g, p, ENCODER_PREFIX, encoder, input.patches, size, branches)?;
    let output = head(g, p, RECON_PREFIX, &config.recon, &stages)?;
    Ok(Reconstruction {
        pixels: output.masks,
        visible: input.visible,
    })
}
