//! The gradient step on masked reconstruction.

use super::{Size, images, mask};
use crate::adapt::{Moments, Settings};
use crate::graph::{DType, Graph, Result};
use crate::model::{BranchScales, LossOver, ModelConfig, reconstruction_loss, reconstruction_pass};
use crate::nn::{Parameters, unpatchify};
use crate::optim::{AdamW, Layout, Rates, descend};
use crate::weights::Normalisation;

/// What a step graph is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOptions {
    /// Masked views per step.
    pub batch: usize,
    /// Frame size.
    pub size: Size,
    /// Pixels the loss counts.
    pub loss_over: LossOver,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Whether residual branches are scaled by the input `branches` (stochastic depth).
    pub stochastic_depth: bool,
    /// Whether weights are pulled towards their initial values after the step.
    pub pull: bool,
    /// Whether raw gradients (`grad.NAME`) and the reconstruction of normalised pixels
    /// (`reconstruction`, `(batch, 3, h, w)`) are outputs, too; for checking against recorded tensors.
    pub expose: bool,
}

impl StepOptions {
    /// What a stream's settings ask for, over this many views of this size.
    pub fn new(settings: &Settings, size: Size, views: usize) -> Self {
        Self {
            batch: views,
            size,
            loss_over: settings.loss_over,
            optimiser: AdamW {
                weight_decay: settings.weight_decay,
                clip_norm: settings.clip_norm,
                moments: settings.moments == Moments::Persistent,
                betas: AdamW::BETAS,
            },
            stochastic_depth: settings.stochastic_depth > 0.0,
            pull: settings.pull > 0.0,
            expose: false,
        }
    }
}

/// One gradient step on masked reconstruction: f and g, the gradients of what learns, clipping, AdamW.
///
/// Buffers that do not learn ([`Layout::learning`]) are inputs only, and nothing is computed for them.
///
/// Inputs: the layout's buffers, `images` (bytes `(batch, h, w, 3)`), `mask` (float `(batch, h/16, w/16)`,
/// 1 = visible), scalars `learning_rate` and `encoder_learning_rate`; with moments `first.…`,
/// `second.…` and `step`; with stochastic depth `branches` `(2 · blocks, batch)`; with a pull `initial.…`
/// per learning buffer and the scalar `pull`, the share of the way back that is taken after the step:
/// `w + pull · (initial − w)`.
///
/// Outputs: `new.…` per learning buffer, with moments `new.first.…` and `new.second.…`, `loss`, `gradient_norm` (floats)
/// and `finite` (whether the step was taken).
pub fn step_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: StepOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("step");
    let g = &mut graph;
    let mut p = Parameters::all_learned();
    let target = images(g, options.batch, options.size, normalisation)?;
    let mask = mask(g, options.batch, options.size)?;
    let rates = Rates::declare(g)?;
    let branches = if options.stochastic_depth {
        let blocks: usize = config.encoder.depths.iter().sum();
        let shape = [2 * blocks, options.batch];
        Some(BranchScales(g.input("branches", DType::F32, &shape)?))
    } else {
        None
    };

    let size = options.size.patches();
    let seen = reconstruction_pass(g, &mut p, config, target, mask, size, branches)?;
    let loss = g.layer("loss", |g| {
        reconstruction_loss(g, seen.pixels, target, seen.visible, options.loss_over)
    })?;
    let mut descent = descend(g, options.optimiser, rates, layout, p.learned(), loss)?;
    if options.pull {
        g.layer("pull", |g| descent.pull(g))?;
    }
    descent.output_state(g)?;
    descent.output_report(g, &[("loss", loss)])?;
    if options.expose {
        descent.output_gradients(g)?;
        let picture = unpatchify(g, seen.pixels, (options.size.height, options.size.width))?;
        g.output("reconstruction", picture)?;
    }
    Ok(graph)
}
