//! The gradient step of a colour head.

use super::averaged_step::{AveragedStepOptions, averaged_step};
use crate::adapt::objective::colour_loss;
use crate::graph::{Graph, Result};
use crate::model::ModelConfig;
use crate::nn::Parameters;
use crate::optim::Layout;
use crate::weights::Normalisation;

/// One gradient step of a colour head towards the colours that are given for one picture. f stays as it is.
///
/// Inputs: the layout's buffers (those of f, which do not learn, and of h), `images` (bytes `(1, h, w, 3)`), `chroma`
/// (float `(1, h/4 · w/4, 2)`: Cb and Cr of every token, in steps of 8 bits), `weights` (float `(1, h/4 · w/4, 1)`: what
/// each token counts, 0 for one whose colour is open), scalars `sharpness` ([`crate::model::chroma_shares`]) and
/// `learning_rate`; with moments `first.…`, `second.…` and `step`; `mean.…` per learning buffer and the scalar `share`
/// ([`Descent::output_means`](crate::optim::Descent::output_means)).
///
/// Outputs: `new.…` per learning buffer, with moments `new.first.…` and `new.second.…`, `new.mean.…`, `loss`,
/// `gradient_norm` and `finite`, as those of [`super::step_graph`].
pub fn colour_step_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: AveragedStepOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("colour_step");
    let g = &mut graph;
    let mut p = Parameters::all_learned();
    let loss = colour_loss(g, &mut p, config, normalisation, options.size)?;
    averaged_step(g, options, layout, p.learned(), loss, false)?;
    Ok(graph)
}
