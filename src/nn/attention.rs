//! Attention heads, and scaled dot-product attention.

use super::{Scope, product};
use crate::graph::{Graph, Result, Value};

/// How channels divide into attention heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Number of heads.
    pub count: usize,
    /// Channels of one head.
    pub channels: usize,
}

impl Heads {
    /// `count` heads over `channels` in all.
    pub fn new(g: &Graph, count: usize, channels: usize) -> Result<Self> {
        if count == 0 || !channels.is_multiple_of(count) {
            return Err(g.config_error(format!(
                "{channels} channels do not divide into {count} attention heads"
            )));
        }
        Ok(Self {
            count,
            channels: channels / count,
        })
    }
}

/// `(batch, tokens, channels)` to `(batch, heads, tokens, channels of a head)`.
pub fn split_heads(g: &mut Graph, x: Value, heads: Heads) -> Result<Value> {
    let [batch, tokens, _] = g.dims(x, "heads")?;
    let split = g.reshape(x, &[batch, tokens, heads.count, heads.channels])?;
    g.transpose(split, &[0, 2, 1, 3])
}

/// The inverse of [`split_heads`].
pub fn merge_heads(g: &mut Graph, x: Value) -> Result<Value> {
    let [batch, heads, tokens, channels] = g.dims(x, "merging heads")?;
    let merged = g.transpose(x, &[0, 2, 1, 3])?;
    g.reshape(merged, &[batch, tokens, heads * channels])
}

/// Scaled dot-product attention of heads: `q` `(b, h, n, d)`, `k` and `v` `(b, h, m, d)` to `(b, h, n, d)`.
/// `bias` is added to the scores `(b, h, n, m)`, broadcasting; `windows` groups the batch as
/// `(b / windows, windows)` for a bias that differs per window.
pub fn attend(
    g: &mut Graph,
    q: Value,
    k: Value,
    v: Value,
    bias: Option<Value>,
    windows: usize,
) -> Result<Value> {
    let [batch, heads, n, channels] = g.dims(q, "attention")?;
    let m = g.shape(k)[2];
    let q = g.scale(q, 1.0 / (channels as f64).sqrt())?;
    let k = g.transpose(k, &[0, 1, 3, 2])?;
    let mut scores = g.matmul(q, k)?;
    if let Some(bias) = bias {
        let grouped = g.reshape(scores, &[batch / windows, windows, heads, n, m])?;
        let biased = g.add(grouped, bias)?;
        scores = g.reshape(biased, &[batch, heads, n, m])?;
    }
    let weights = g.softmax(scores, 3)?;
    g.matmul(weights, v)
}

/// Query, key and value projections packed as `name.in_proj_weight` `(3c, c)` and `name.in_proj_bias` `(3c,)`.
pub fn packed_projections(s: &mut Scope, name: &str, inputs: [Value; 3]) -> Result<[Value; 3]> {
    let channels = s.channels(inputs[0], "attention")?;
    let weight = s.parameter(&format!("{name}.in_proj_weight"), &[3 * channels, channels])?;
    let bias = s.parameter(&format!("{name}.in_proj_bias"), &[3 * channels])?;
    let weights = s.g.split(weight, 0, &[channels; 3])?;
    let biases = s.g.split(bias, 0, &[channels; 3])?;
    let mut outputs = inputs;
    for (i, x) in outputs.iter_mut().enumerate() {
        *x = product(s.g, *x, weights[i], Some(biases[i]))?;
    }
    Ok(outputs)
}
