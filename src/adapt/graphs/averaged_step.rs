//! The end of a step whose weights have a running mean that predictions take.

use super::Size;
use crate::graph::{DType, Graph, Result, Value};
use crate::nn::Parameter;
use crate::optim::{AdamW, Layout, Rates, descend};

/// What the graph of such a step is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AveragedStepOptions {
    /// Size of the picture.
    pub size: Size,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Whether raw gradients (`grad.NAME`) are outputs, too; for checking them.
    pub expose: bool,
}

/// Ends the graph of a step: one gradient step on a loss, at one rate for all parameters that learn, and with `pull` a share of the
/// way back to the initial weights after it.
///
/// Inputs: the layout's buffers and the scalar `learning_rate`; with moments `first.…`, `second.…` and `step`; `mean.…` per
/// learning buffer and the scalar `share` ([`Descent::output_means`](crate::optim::Descent::output_means)); with a pull
/// `initial.…` per learning buffer and the scalar `pull` ([`Descent::pull`](crate::optim::Descent::pull)).
///
/// Outputs: `new.…` per learning buffer, with moments `new.first.…` and `new.second.…`, `new.mean.…`, `loss`,
/// `gradient_norm` and `finite`, as those of [`super::step_graph`].
pub(super) fn averaged_step(
    g: &mut Graph,
    options: AveragedStepOptions,
    layout: &Layout,
    parameters: &[Parameter],
    loss: Value,
    pull: bool,
) -> Result<()> {
    let rate = g.input("learning_rate", DType::F32, &[])?;
    let rates = Rates {
        heads: rate,
        encoder: rate,
    };
    let mut descent = descend(g, options.optimiser, rates, layout, parameters, loss)?;
    if pull {
        g.layer("pull", |g| descent.pull(g))?;
    }
    descent.output_state(g)?;
    descent.output_means(g)?;
    descent.output_report(g, &[("loss", loss)])?;
    if options.expose {
        descent.output_gradients(g)?;
    }
    Ok(())
}
