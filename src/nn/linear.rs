//! Linear layers, and the feed-forward network of two of them.

use super::{Scope, add_and_norm};
use crate::graph::{Graph, Result, Value};

/// `x · Wᵀ + b` over the last axis: `(…, inputs)` to `(…, outputs)`. Parameters `name.weight`
/// `(outputs, inputs)` and, with `bias`, `name.bias` `(outputs,)`.
pub fn linear(s: &mut Scope, name: &str, x: Value, outputs: usize, bias: bool) -> Result<Value> {
    let inputs = s.channels(x, "linear layer")?;
    affine(s, name, x, &[outputs, inputs], bias)
}

/// A 1×1 convolution on tokens: as [`linear`], with the weight stored as `(outputs, inputs, 1, 1)`.
pub fn pointwise(s: &mut Scope, name: &str, x: Value, outputs: usize, bias: bool) -> Result<Value> {
    let inputs = s.channels(x, "convolution")?;
    affine(s, name, x, &[outputs, inputs, 1, 1], bias)
}

fn affine(s: &mut Scope, name: &str, x: Value, stored: &[usize], bias: bool) -> Result<Value> {
    let weight = s.parameter(&format!("{name}.weight"), stored)?;
    let weight = s.g.reshape(weight, &stored[..2])?;
    let bias = bias.then(|| s.parameter(&format!("{name}.bias"), &stored[..1]));
    product(s.g, x, weight, bias.transpose()?)
}

/// `x · Wᵀ + b` for values, over the last axis: one `Gemm` in the stored layout, so that neither the product nor
/// its gradients transpose a weight.
pub fn product(g: &mut Graph, x: Value, weight: Value, bias: Option<Value>) -> Result<Value> {
    let mut shape = g.shape(x).to_vec();
    let inputs = shape.pop().unwrap_or(1);
    let rows = shape.iter().product();
    let flat = g.reshape(x, &[rows, inputs])?;
    let y = g.gemm(flat, weight, bias, false, true)?;
    shape.push(g.shape(weight)[0]);
    g.reshape(y, &shape)
}

/// The feed-forward network behind an attention layer of the decoders: `fc1` to `inner` channels, ReLU, `fc2` back,
/// added to `x` and normalised by `final_layer_norm`.
pub fn feed_forward(s: &mut Scope, x: Value, inner: usize) -> Result<Value> {
    let channels = s.channels(x, "feed-forward network")?;
    let y = linear(s, "fc1", x, inner, true)?;
    let y = s.g.relu(y)?;
    let y = linear(s, "fc2", y, channels, true)?;
    add_and_norm(s, "final_layer_norm", x, y)
}
