//! The reconstruction of a masked frame.

use super::{Size, images, mask};
use crate::graph::{Constant, DType, Graph, Result};
use crate::model::{LossOver, ModelConfig, reconstruction_loss, reconstruction_pass};
use crate::nn::{Parameters, unpatchify};
use crate::optim::Layout;
use crate::weights::Normalisation;

/// What g makes of one masked frame. Inputs: the layout's buffers, `images` (bytes `(1, h, w, 3)`), `mask`
/// (float `(1, h/16, w/16)`, 1 = visible). Outputs: `picture`, bytes `(h, w, 3)`, clamped; `loss`, the mean
/// squared error of hidden normalised pixels.
pub fn reconstruct_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    size: Size,
) -> Result<Graph> {
    let mut graph = Graph::new("reconstruct");
    let g = &mut graph;
    let mut p = Parameters::all_learned();
    let target = images(g, 1, size, normalisation)?;
    let mask = mask(g, 1, size)?;
    let seen = reconstruction_pass(g, &mut p, config, target, mask, size.patches(), None)?;
    let loss = g.layer("loss", |g| {
        reconstruction_loss(g, seen.pixels, target, seen.visible, LossOver::Masked)
    })?;
    let planes = unpatchify(g, seen.pixels, (size.height, size.width))?;
    let pixels = g.transpose(planes, &[0, 2, 3, 1])?;
    let std = g.constant(Constant::f32(&[3], &normalisation.std));
    let mean = g.constant(Constant::f32(&[3], &normalisation.mean));
    let scaled = g.mul(pixels, std)?;
    let shifted = g.add(scaled, mean)?;
    let half = g.scalar(shifted, 0.5);
    let (black, white) = (g.scalar(shifted, 0.0), g.scalar(shifted, 255.0));
    let rounded = g.add(shifted, half)?;
    let bounded = g.max(rounded, black)?;
    let bounded = g.min(bounded, white)?;
    let bytes = g.cast(bounded, DType::U8)?;
    let picture = g.reshape(bytes, &[size.height, size.width, 3])?;
    layout.attach(g, p.learned())?;
    g.output("picture", picture)?;
    g.output("loss", loss)?;
    Ok(graph)
}
