//! The gradient step on a remembered frame.

use super::Size;
use crate::adapt::objective::label_loss;
use crate::graph::{DType, Graph, Result};
use crate::model::ModelConfig;
use crate::nn::Parameters;
use crate::optim::{AdamW, Layout, Rates, descend};
use crate::weights::Normalisation;

/// What a graph that learns labels is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayStepOptions {
    /// Size of the picture.
    pub size: Size,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Whether raw gradients (`grad.NAME`) are outputs, too.
    pub expose: bool,
}

/// One gradient step of f and h towards the labels of one picture.
///
/// Inputs: the layout's buffers (those of f and h), `images` (bytes `(1, h, w, 3)`), `labels` (bytes `(1, h, w)`; what is no
/// class does not count), `class_weights` (float `(classes, 1)`: what a pixel of each class counts), the scalar `learning_rate`; with moments `first.…`, `second.…` and `step`; `mean.…` per learning
/// buffer and the scalar `share` ([`Descent::output_means`](crate::optim::Descent::output_means)).
///
/// Outputs: `new.…` per learning buffer, with moments `new.first.…` and `new.second.…`, `new.mean.…`, `loss`,
/// `gradient_norm` and `finite`, as those of [`super::step_graph`].
pub fn replay_step_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: ReplayStepOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("replay_step");
    let g = &mut graph;
    let mut p = Parameters::all_learned();
    let rate = g.input("learning_rate", DType::F32, &[])?;
    let rates = Rates {
        heads: rate,
        encoder: rate,
    };
    let loss = label_loss(g, &mut p, config, normalisation, options.size)?;
    let descent = descend(g, options.optimiser, rates, layout, p.learned(), loss)?;
    descent.output_state(g)?;
    descent.output_means(g)?;
    descent.output_report(g, &[("loss", loss)])?;
    if options.expose {
        for (name, gradient) in &descent.gradients {
            g.output(&format!("grad.{name}"), *gradient)?;
        }
    }
    Ok(graph)
}
