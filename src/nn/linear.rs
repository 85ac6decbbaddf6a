use super::Parameters;
use crate::graph::{Graph, Result, Value};

/// `x · Wᵀ + b` over the last axis: `(…, inputs)` to `(…, outputs)`. Parameters `at.weight`
/// `(outputs, inputs)` and, with `bias`, `at.bias` `(outputs,)`.
///
/// # Errors
/// When the parameters do not fit.
pub fn linear(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    x: Value,
    outputs: usize,
    bias: bool,
) -> Result<Value> {
    let inputs = *g
        .shape(x)
        .last()
        .ok_or_else(|| g.config_error("linear layer on a scalar"))?;
    let weight = p.get(g, &format!("{at}.weight"), &[outputs, inputs])?;
    let bias = if bias {
        Some(p.get(g, &format!("{at}.bias"), &[outputs])?)
    } else {
        None
    };
    product(g, x, weight, bias)
}

/// A 1×1 convolution on tokens: as [`linear`], with the weight stored as `(outputs, inputs, 1, 1)`.
///
/// # Errors
/// When the parameters do not fit.
pub fn pointwise(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    x: Value,
    outputs: usize,
    bias: bool,
) -> Result<Value> {
    let inputs = *g
        .shape(x)
        .last()
        .ok_or_else(|| g.config_error("convolution of a scalar"))?;
    let weight = p.get(g, &format!("{at}.weight"), &[outputs, inputs, 1, 1])?;
    let weight = g.reshape(weight, &[outputs, inputs])?;
    let bias = if bias {
        Some(p.get(g, &format!("{at}.bias"), &[outputs])?)
    } else {
        None
    };
    product(g, x, weight, bias)
}

/// `x · Wᵀ + b` for values: one `Gemm` in the stored layout, so that neither the product nor its
/// gradients transpose a weight.
pub(super) fn product(
    g: &mut Graph,
    x: Value,
    weight: Value,
    bias: Option<Value>,
) -> Result<Value> {
    let mut shape = g.shape(x).to_vec();
    let inputs = shape.pop().unwrap_or(1);
    let rows = shape.iter().product();
    let flat = g.reshape(x, &[rows, inputs])?;
    let y = g.gemm(flat, weight, bias, false, true)?;
    shape.push(g.shape(weight)[0]);
    g.reshape(y, &shape)
}
