//! Masked consistency: what is said of a whole frame is to be said of the same frame with parts hidden, and the pixels of those
//! parts are to be filled in.
//!
//! The form is that of Hoyer et al., *MIC: Masked Image Consistency for Context-Enhanced Domain Adaptation*, CVPR 2023, with the
//! reconstruction of this project beside it. The constants are those of the trials that `docs/method.md#consistency` tells of.

use crate::adapt::graphs::{images, mask};
use crate::adapt::random::Draws;
use crate::adapt::size::Size;
use crate::graph::{Graph, Result, Value};
use crate::model::{
    ENCODER_PREFIX, LossOver, MASK_PATCH, ModelConfig, RECON_PREFIX, head, masked_patches,
    reconstruction_loss, swin,
};
use crate::nn::Parameters;
use crate::weights::Normalisation;

use super::labels::Labels;

/// Side in pixels of the blocks that are hidden. MIC hides 64 of frames that are four times as large.
const BLOCK: usize = 32;
/// Share of them that is hidden. MIC hides 0.7.
const HIDDEN: f64 = 0.5;
/// What reconstruction counts beside the labels.
const RECONSTRUCTION: f64 = 0.1;
/// Quantile of a class's confidence from which on what is said of a pixel is its label.
pub(in crate::adapt) const QUANTILE: f32 = 0.5;
/// Share of the way back to the weights on disk that is taken after every step (Marsden et al., *Universal Test-time Adaptation
/// through Weight Ensembling, Diversity Weighting, and Prior Correction*, WACV 2024).
pub(in crate::adapt) const PULL: f64 = 0.01;

/// Adds the loss of f, h and g on one masked picture, with the inputs `images`, `mask` and those of [`Labels`].
///
/// # Errors
/// A configuration that makes no sense, or one of a model that colours.
pub(in crate::adapt) fn consistency_loss(
    g: &mut Graph,
    p: &mut Parameters<'_>,
    config: &ModelConfig,
    normalisation: &Normalisation,
    size: Size,
) -> Result<Value> {
    let patches = images(g, 1, size, normalisation)?;
    let labels = Labels::declare(g, config, size)?;
    let mask = mask(g, 1, size)?;
    let seen = masked_patches(g, patches, mask)?;
    let encoder = &config.encoder;
    let stages = swin(
        g,
        p,
        ENCODER_PREFIX,
        encoder,
        seen.patches,
        size.patches(),
        None,
    )?;
    let found = head(g, p, config.main_prefix(), &config.main, &stages)?;
    let filled_in = head(g, p, RECON_PREFIX, &config.recon, &stages)?;
    g.layer("loss", |g| {
        let of_labels = labels.loss(g, config, &found, size)?;
        let of_pixels =
            reconstruction_loss(g, filled_in.masks, patches, seen.visible, LossOver::Masked)?;
        let of_pixels = g.scale(of_pixels, RECONSTRUCTION)?;
        g.add(of_labels, of_pixels)
    })
}

/// A mask of a frame of this size, of blocks that are hidden as a whole: `(h/16, w/16)`, 1 = visible. A frame that is too small for
/// two of them is hidden in the smallest parts there are. It takes the place of what is in `mask`.
pub(in crate::adapt) fn block_mask(size: Size, draws: &mut Draws, mask: &mut Vec<f32>) {
    let (rows, columns) = size.blocks();
    let side = match size {
        Size { height, width } if height.max(width) > BLOCK => BLOCK / MASK_PATCH,
        _ => 1,
    };
    let across = columns.div_ceil(side);
    let blocks = draws.mask(rows.div_ceil(side) * across, HIDDEN);
    let block = |at: usize| blocks[at / columns / side * across + at % columns / side];
    mask.clear();
    mask.extend((0..rows * columns).map(block));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mask over another one.
    fn drawn(size: Size, seed: u64) -> Vec<f32> {
        let mut mask = vec![7.0];
        block_mask(size, &mut Draws::new(seed, 1), &mut mask);
        mask
    }

    #[test]
    fn half_of_the_blocks_are_hidden_as_a_whole() {
        let size = Size {
            height: 96,
            width: 128,
        };
        let mask = drawn(size, 1);
        assert_eq!(mask.iter().sum::<f32>(), 24.0);
        let at = |y: usize, x: usize| mask[8 * y + x];
        for (y, x) in (0..6).flat_map(|y| (0..8).map(move |x| (y, x))) {
            assert_eq!(at(y, x), at(y / 2 * 2, x / 2 * 2));
        }
        assert_ne!(mask, drawn(size, 2));
    }

    #[test]
    fn something_is_seen_and_something_hidden_at_every_size() {
        for (height, width) in [(32, 32), (48, 80), (64, 32)] {
            let mask = drawn(Size { height, width }, 1);
            assert_eq!(mask.len(), height * width / 256);
            assert!(mask.contains(&0.0) && mask.contains(&1.0), "{mask:?}");
        }
    }
}
