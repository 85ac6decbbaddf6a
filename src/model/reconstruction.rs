//! Masked input (`docs/method.md#masking`) and the reconstruction loss (`docs/method.md#reconstruction-head`), on patches
//! of 4×4 pixels.

use crate::graph::{Constant, DType, Graph, Result, Value};
use crate::nn::PATCH;

/// Side in pixels of the patches that are hidden as a whole.
pub const MASK_PATCH: usize = 16;

crate::choices! {
    /// Which pixels the reconstruction loss counts.
    pub enum LossOver: "LossOver" {
        Masked = "masked", "Only those that the network did not see";
        All = "all", "Visible and masked ones";
    }
}

/// The encoder's input under a mask.
#[derive(Clone, Copy, Debug)]
pub struct MaskedPatches {
    /// Normalised RGB, zero where hidden, and visibility: `(batch, h/4 · w/4, 64)`.
    pub patches: Value,
    /// 1 where visible, 0 where hidden: `(batch, h/4 · w/4, 1)`.
    pub visible: Value,
}

/// Hides patches: `target` is normalised RGB `(batch, h/4 · w/4, 48)`, `mask` is `(batch, h/16, w/16)`
/// with 1 = visible. Hiding follows normalisation, so hidden pixels have the mean colour (`docs/method.md#masking`).
pub fn masked_patches(g: &mut Graph, target: Value, mask: Value) -> Result<MaskedPatches> {
    let [batch, rows, columns] = g.dims(mask, "mask")?;
    let factor = MASK_PATCH / PATCH;
    let blocks = g.reshape(mask, &[batch, rows, 1, columns, 1])?;
    let spread = g.expand(blocks, &[batch, rows, factor, columns, factor])?;
    let tokens = rows * columns * factor * factor;
    let visible = g.reshape(spread, &[batch, tokens, 1])?;
    let shown = g.mul(target, visible)?;
    let channel = g.expand(visible, &[batch, tokens, PATCH * PATCH])?;
    Ok(MaskedPatches {
        patches: g.concat(&[shown, channel], 2)?,
        visible,
    })
}

/// The encoder's input with everything visible: `(batch, h/4 · w/4, 48)` to `(batch, h/4 · w/4, 64)`.
pub fn fully_visible(g: &mut Graph, patches: Value) -> Result<Value> {
    let [batch, tokens, _] = g.dims(patches, "patches")?;
    let one = g.constant(Constant::real(DType::F32, &[], [1.0]));
    let channel = g.expand(one, &[batch, tokens, PATCH * PATCH])?;
    g.concat(&[patches, channel], 2)
}

/// Mean squared error of `predicted` against `target`, both normalised RGB `(batch, h/4 · w/4, 48)`: over all
/// pixels, or over the hidden ones only.
pub fn reconstruction_loss(
    g: &mut Graph,
    predicted: Value,
    target: Value,
    visible: Value,
    over: LossOver,
) -> Result<Value> {
    let difference = g.sub(predicted, target)?;
    if over == LossOver::All {
        let total = g.sum_square(difference)?;
        let count = g.shape(difference).iter().product::<usize>();
        return g.scale(total, 1.0 / count as f64);
    }
    let one = g.scalar(visible, 1.0);
    let hidden = g.sub(one, visible)?;
    // The mask holds 0 and 1, so it may go inside the square.
    let counted = g.mul(difference, hidden)?;
    let total = g.sum_square(counted)?;
    let tokens = g.reduce_sum(hidden, &[0, 1, 2], false)?;
    let channels = *g.shape(target).last().unwrap_or(&1);
    let count = g.scale(tokens, channels as f64)?;
    g.div(total, count)
}
