//! The gradient step on a remembered frame.

use super::averaged_step::{AveragedStepOptions, averaged_step};
use crate::adapt::objective::label_loss;
use crate::graph::{Graph, Result};
use crate::model::ModelConfig;
use crate::nn::Parameters;
use crate::optim::Layout;
use crate::weights::Normalisation;

/// One gradient step of f and h towards the labels of one picture.
///
/// Inputs: the layout's buffers (those of f and h), `images` (bytes `(1, h, w, 3)`), `labels` (bytes `(1, h, w)`; what is no
/// class does not count), `class_weights` (float `(classes, 1)`: what a pixel of each class counts), the scalar
/// `learning_rate`; with moments `first.…`, `second.…` and `step`; `mean.…` per learning buffer and the scalar `share`
/// ([`Descent::output_means`](crate::optim::Descent::output_means)).
///
/// Outputs: `new.…` per learning buffer, with moments `new.first.…` and `new.second.…`, `new.mean.…`, `loss`,
/// `gradient_norm` and `finite`, as those of [`super::step_graph`].
pub fn replay_step_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: AveragedStepOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("replay_step");
    let g = &mut graph;
    let mut p = Parameters::all_learned();
    let loss = label_loss(g, &mut p, config, normalisation, options.size)?;
    averaged_step(g, options, layout, p.learned(), loss, false)?;
    Ok(graph)
}
