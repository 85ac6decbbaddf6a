use super::{Size, images, mask};
use crate::grad::gradients;
use crate::graph::{DType, Graph, Result};
use crate::model::{
    BranchScales, ENCODER_PREFIX, LossOver, ModelConfig, RECON_PREFIX, head, masked_patches,
    reconstruction_loss, swin,
};
use crate::nn::{Parameters, unpatchify};
use crate::optim::{AdamW, Layout, MomentInputs, Rates, Update, adamw};
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
/// Outputs, in this order: `new.…` per learning buffer, with moments `new.first.…` and `new.second.…`, then
/// `loss`, `gradient_norm` (floats) and `finite` (whether the step was taken).
pub struct StepGraph {
    /// The graph.
    pub graph: Graph,
    /// What it was built for.
    pub options: StepOptions,
    /// Number of leading outputs that are state: new buffers and moments, in the order of their inputs.
    pub state: usize,
}

/// Builds a [`StepGraph`].
///
/// # Errors
/// A configuration that makes no sense; the error names the layer.
pub fn step_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: StepOptions,
) -> Result<StepGraph> {
    let mut graph = Graph::new("step");
    let g = &mut graph;
    let mut p = Parameters::all_learned();
    let target = images(g, options.batch, options.size, normalisation)?;
    let mask = mask(g, options.batch, options.size)?;
    let rates = Rates {
        heads: g.input("learning_rate", DType::F32, &[])?,
        encoder: g.input("encoder_learning_rate", DType::F32, &[])?,
    };
    let branches = if options.stochastic_depth {
        let blocks: usize = config.encoder.depths.iter().sum();
        Some(BranchScales(g.input(
            "branches",
            DType::F32,
            &[2 * blocks, options.batch],
        )?))
    } else {
        None
    };

    let input = masked_patches(g, target, mask)?;
    let stages = swin(
        g,
        &mut p,
        ENCODER_PREFIX,
        &config.encoder,
        input.patches,
        options.size.patches(),
        branches,
    )?;
    let output = head(g, &mut p, RECON_PREFIX, &config.recon, &stages)?;
    let loss = g.layer("loss", |g| {
        reconstruction_loss(g, output.masks, target, input.visible, options.loss_over)
    })?;

    let parameters = p.into_learned();
    let learning = layout.learning();
    let learned: Vec<_> = parameters
        .iter()
        .filter(|p| learning.contains(&p.name))
        .collect();
    let wrt: Vec<_> = learned.iter().map(|p| p.value).collect();
    let found = gradients(g, loss, &wrt)?;
    let gradient_of = |name: &str| {
        learned
            .iter()
            .position(|p| p.name == name)
            .and_then(|i| found[i])
    };
    let collected = learning.gather_gradients(g, gradient_of)?;
    let attached = layout.attach(g, &parameters)?;
    let attached = layout.buffers.iter().zip(attached);
    let buffers: Vec<_> = attached
        .filter(|(buffer, _)| buffer.learns)
        .map(|(_, value)| value)
        .collect();
    let moments = if options.optimiser.moments {
        Some(MomentInputs::declare(g, &learning)?)
    } else {
        None
    };
    let mut update = g.layer("adamw", |g| {
        adamw(
            g,
            options.optimiser,
            &learning,
            rates,
            moments.as_ref(),
            &buffers,
            &collected,
            loss,
        )
    })?;

    if options.pull {
        g.layer("pull", |g| pull(g, &learning, &mut update))?;
    }

    let mut state = 0;
    for (buffer, &value) in learning.buffers.iter().zip(&update.buffers) {
        g.output(&format!("new.{}", buffer.name), value)?;
        state += 1;
    }
    if let Some((first, second)) = &update.moments {
        for (kind, values) in [("first", first), ("second", second)] {
            for (buffer, &value) in learning.buffers.iter().zip(values) {
                g.output(&format!("new.{kind}.{}", buffer.name), value)?;
                state += 1;
            }
        }
    }
    g.output("loss", loss)?;
    g.output("gradient_norm", update.norm)?;
    g.output("finite", update.finite)?;
    if options.expose {
        for (parameter, gradient) in learned.iter().zip(&found) {
            if let Some(gradient) = gradient {
                g.output(&format!("grad.{}", parameter.name), *gradient)?;
            }
        }
        let picture = unpatchify(g, output.masks, (options.size.height, options.size.width))?;
        g.output("reconstruction", picture)?;
    }
    Ok(StepGraph {
        graph,
        options,
        state,
    })
}

/// Takes a share of the way back to the initial weights. A step that was not finite stays without effect.
fn pull(g: &mut Graph, learning: &Layout, update: &mut Update) -> Result<()> {
    let share = g.input("pull", DType::F32, &[])?;
    for (buffer, new) in learning.buffers.iter().zip(&mut update.buffers) {
        let initial = g.input(
            &format!("initial.{}", buffer.name),
            DType::F32,
            &buffer.shape,
        )?;
        let way = g.sub(initial, *new)?;
        let back = g.mul(way, share)?;
        let pulled = g.add(*new, back)?;
        *new = g.select(update.finite, pulled, *new)?;
    }
    Ok(())
}
