//! The parameters that a network has.

use super::{ENCODER_PREFIX, ModelConfig, RECON_PREFIX, fully_visible, head, swin};
use crate::graph::{DType, Graph, Result};
use crate::nn::{PATCH, Parameters};

/// Names and shapes of all parameters of f, h and g, in the order of their use.
pub fn parameters(config: &ModelConfig) -> Result<Vec<(String, Vec<usize>)>> {
    // Shapes of parameters do not depend on the frame, so the smallest one does.
    let side = 1 << config.encoder.depths.len().saturating_sub(1);
    let mut g = Graph::new("parameters");
    let mut p = Parameters::all_learned();
    let image = g.input("image", DType::F32, &[1, side * side, 3 * PATCH * PATCH])?;
    let patches = fully_visible(&mut g, image)?;
    let stages = swin(
        &mut g,
        &mut p,
        ENCODER_PREFIX,
        &config.encoder,
        patches,
        (side, side),
        None,
    )?;
    let at = config.main_prefix();
    head(&mut g, &mut p, at, &config.main, &stages)?;
    head(&mut g, &mut p, RECON_PREFIX, &config.recon, &stages)?;
    let learned = p.into_learned().into_iter();
    Ok(learned.map(|p| (p.name, p.shape)).collect())
}
