//! AdamW, clipping and the finiteness guard.

use super::Layout;
use crate::graph::{DType, Graph, Result, Value};

const EPSILON: f64 = 1e-8;
/// Added to the norm before dividing by it, as PyTorch's clipping does.
const NORM_EPSILON: f64 = 1e-6;
/// Anything below this is finite.
const FINITE: f64 = 3.0e38;

/// Settings of AdamW that are part of the graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Decoupled weight decay of groups that have one.
    pub weight_decay: f64,
    /// Largest global gradient norm.
    pub clip_norm: f64,
    /// Whether moments carry over between steps. Without, the update needs none:
    /// it is `rate · g / (|g| + ε)` (`docs/method.md#optimiser`).
    pub moments: bool,
    /// What the moments so far count, the first and the second.
    pub betas: [f64; 2],
}

impl AdamW {
    /// Those of most optimisers.
    pub const BETAS: [f64; 2] = [0.9, 0.999];
}

/// Learning rates, scalars that are handed in at run time.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of heads.
    pub heads: Value,
    /// Of the encoder f.
    pub encoder: Value,
}

impl Rates {
    /// Declares the scalars `learning_rate` and `encoder_learning_rate`.
    pub fn declare(g: &mut Graph) -> Result<Self> {
        Ok(Self {
            heads: g.input("learning_rate", DType::F32, &[])?,
            encoder: g.input("encoder_learning_rate", DType::F32, &[])?,
        })
    }
}

/// Moments of every buffer, handed in at run time.
#[derive(Clone, Debug)]
pub(super) struct MomentInputs {
    /// First moments, in the buffers' order and shapes.
    first: Vec<Value>,
    /// Second moments.
    second: Vec<Value>,
    /// Number of this step, 1 for the first: a float scalar.
    step: Value,
}

/// What a step computes.
#[derive(Clone, Debug)]
pub struct Update {
    /// New buffers, in their order.
    pub buffers: Vec<Value>,
    /// New first and second moments, if they carry over.
    pub moments: Option<(Vec<Value>, Vec<Value>)>,
    /// Global gradient norm before clipping, a scalar.
    pub norm: Value,
    /// Whether loss and gradient were finite; if not, all that is new equals the old. A boolean scalar.
    pub finite: Value,
}

/// Clipping by the global norm, one step of AdamW, and the guard against what is not finite.
#[allow(clippy::too_many_arguments, reason = "the operands of one step")]
pub(super) fn adamw(
    g: &mut Graph,
    settings: AdamW,
    layout: &Layout,
    rates: Rates,
    moments: Option<&MomentInputs>,
    buffers: &[Value],
    gradients: &[Value],
    loss: Value,
) -> Result<Update> {
    let mut squares = vec![];
    for &gradient in gradients {
        let square = g.sum_square(gradient)?;
        squares.push(g.reshape(square, &[1])?);
    }
    let squares = g.concat(&squares, 0)?;
    let square = g.reduce_sum(squares, &[0], false)?;
    let norm = g.sqrt(square)?;

    let limit = g.scalar(norm, FINITE);
    let size = g.abs(loss)?;
    let finite_loss = g.less(size, limit)?;
    let finite_norm = g.less(norm, limit)?;
    let finite = g.and(finite_loss, finite_norm)?;

    // 1 / clip factor, at least 1: max(1, (norm + 1e-6) / clip).
    let norm_epsilon = g.scalar(norm, NORM_EPSILON);
    let stabilised = g.add(norm, norm_epsilon)?;
    let inverse_clip = g.scalar(norm, 1.0 / settings.clip_norm);
    let ratio = g.mul(stabilised, inverse_clip)?;
    let one = g.scalar(norm, 1.0);
    let shrink = g.max(ratio, one)?;

    let mut update = Update {
        buffers: vec![],
        moments: None,
        norm,
        finite,
    };
    let (mut firsts, mut seconds) = (vec![], vec![]);
    let corrections = match moments {
        Some(m) => Some((m, Corrections::new(g, m.step, shrink, settings.betas)?)),
        None => None,
    };
    for (i, buffer) in layout.buffers.iter().enumerate() {
        let rate = if buffer.group.encoder {
            rates.encoder
        } else {
            rates.heads
        };
        let old = buffers[i];
        let step = match &corrections {
            None => restarted(g, gradients[i], rate, shrink)?,
            Some((m, c)) => {
                let (first, second, step) =
                    c.step(g, m.first[i], m.second[i], gradients[i], rate)?;
                firsts.push(g.select(finite, first, m.first[i])?);
                seconds.push(g.select(finite, second, m.second[i])?);
                step
            }
        };
        let kept = if buffer.group.decay && settings.weight_decay != 0.0 {
            let decay = g.scalar(rate, settings.weight_decay);
            let decay = g.mul(rate, decay)?;
            let keep = g.sub(one, decay)?;
            g.mul(old, keep)?
        } else {
            old
        };
        let new = g.sub(kept, step)?;
        update.buffers.push(g.select(finite, new, old)?);
    }
    if corrections.is_some() {
        update.moments = Some((firsts, seconds));
    }
    Ok(update)
}

/// The first step from zero moments: `rate · c·g / (|c·g| + ε) = rate · g / (|g| + ε/c)`.
fn restarted(g: &mut Graph, gradient: Value, rate: Value, shrink: Value) -> Result<Value> {
    let epsilon = g.scalar(shrink, EPSILON);
    let epsilon = g.mul(shrink, epsilon)?;
    let size = g.abs(gradient)?;
    let below = g.add(size, epsilon)?;
    let direction = g.div(gradient, below)?;
    g.mul(direction, rate)
}

/// What every buffer's update needs of the step number and the clip factor.
struct Corrections {
    /// `(1 - β₁) · c`.
    first: Value,
    /// `(1 - β₂) · c²`.
    second: Value,
    /// `1 / (1 - β₁ᵗ)`.
    scale: Value,
    /// `1 / √(1 - β₂ᵗ)`.
    root: Value,
    betas: [f64; 2],
}

impl Corrections {
    fn new(g: &mut Graph, step: Value, shrink: Value, betas: [f64; 2]) -> Result<Self> {
        let one = g.scalar(step, 1.0);
        let clip = g.reciprocal(shrink)?;
        let mut bias = |beta: f64| -> Result<Value> {
            let log = g.scalar(step, beta.ln());
            let power = g.mul(step, log)?;
            let power = g.exp(power)?;
            g.sub(one, power)
        };
        let (bias_first, bias_second) = (bias(betas[0])?, bias(betas[1])?);
        let share = betas.map(|beta| g.scalar(step, 1.0 - beta));
        let clip_square = g.mul(clip, clip)?;
        let root = g.sqrt(bias_second)?;
        Ok(Self {
            first: g.mul(clip, share[0])?,
            second: g.mul(clip_square, share[1])?,
            scale: g.reciprocal(bias_first)?,
            root: g.reciprocal(root)?,
            betas,
        })
    }

    fn step(
        &self,
        g: &mut Graph,
        first: Value,
        second: Value,
        gradient: Value,
        rate: Value,
    ) -> Result<(Value, Value, Value)> {
        let beta = self.betas.map(|beta| g.scalar(rate, beta));
        let kept = g.mul(first, beta[0])?;
        let added = g.mul(gradient, self.first)?;
        let first = g.add(kept, added)?;
        let kept = g.mul(second, beta[1])?;
        let square = g.mul(gradient, gradient)?;
        let added = g.mul(square, self.second)?;
        let second = g.add(kept, added)?;
        let deviation = g.sqrt(second)?;
        let deviation = g.mul(deviation, self.root)?;
        let epsilon = g.scalar(rate, EPSILON);
        let below = g.add(deviation, epsilon)?;
        let direction = g.div(first, below)?;
        let rate = g.mul(rate, self.scale)?;
        Ok((first, second, g.mul(direction, rate)?))
    }
}

impl MomentInputs {
    /// Declares `first.NAME` and `second.NAME` for every buffer of a layout, and the scalar `step`.
    pub(super) fn declare(g: &mut Graph, layout: &Layout) -> Result<Self> {
        let mut declared = |kind: &str| -> Result<Vec<Value>> {
            let each = layout.buffers.iter();
            each.map(|b| g.input(&format!("{kind}.{}", b.name), DType::F32, &b.shape))
                .collect()
        };
        let (first, second) = (declared("first")?, declared("second")?);
        Ok(Self {
            first,
            second,
            step: g.input("step", DType::F32, &[])?,
        })
    }
}
