//! The gradient step on a frame of which parts are hidden.

use super::averaged_step::{AveragedStepOptions, averaged_step};
use crate::adapt::objective::consistency_loss;
use crate::graph::{Graph, Result};
use crate::model::ModelConfig;
use crate::nn::Parameters;
use crate::optim::Layout;
use crate::weights::{Normalisation, Weights};

/// One gradient step of f and h towards labels of a picture of which parts are hidden, and towards what is hidden there. g is
/// built in as it is in `weights`, and stays.
///
/// Inputs: the layout's buffers (those of f and h), `images` (bytes `(1, h, w, 3)`), `mask` (float `(1, h/16, w/16)`, 1 =
/// visible), `labels` (bytes `(1, h, w)`; what is no class does not count), `class_weights` (float `(classes, 1)`: what a pixel
/// of each class counts), scalars `learning_rate` and `pull`, and `initial.…` per learning buffer
/// ([`Descent::pull`](crate::optim::Descent::pull)); with moments `first.…`, `second.…` and `step`; `mean.…` per learning
/// buffer and the scalar `share` ([`Descent::output_means`](crate::optim::Descent::output_means)).
///
/// Outputs: as of [`super::replay_step_graph`].
pub fn consistency_step_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    weights: &Weights,
    options: AveragedStepOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("consistency_step");
    let g = &mut graph;
    let mut p = Parameters::new(weights, |name| layout.contains(name));
    let loss = consistency_loss(g, &mut p, config, normalisation, options.size)?;
    averaged_step(g, options, layout, p.learned(), loss, true)?;
    Ok(graph)
}
