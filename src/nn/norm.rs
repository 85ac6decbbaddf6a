//! Layer and group normalisation.

use super::Scope;
use crate::graph::{Graph, Result, Value};

/// Every norm of the models has this epsilon (`docs/method.md#norms`).
const EPSILON: f32 = 1e-5;

/// Scale and shift of a norm: parameters `name.weight` and `name.bias`.
fn scale_and_shift(s: &mut Scope, name: &str, channels: usize) -> Result<[Value; 2]> {
    let scale = s.parameter(&format!("{name}.weight"), &[channels])?;
    let shift = s.parameter(&format!("{name}.bias"), &[channels])?;
    Ok([scale, shift])
}

/// Layer normalisation over the last axis; parameters `name.weight` and `name.bias`.
pub fn layer_norm(s: &mut Scope, name: &str, x: Value) -> Result<Value> {
    let channels = s.channels(x, "layer norm")?;
    let [scale, shift] = scale_and_shift(s, name, channels)?;
    s.g.layer_norm(x, scale, shift, EPSILON)
}

/// A residual connection and the norm behind it, as post-norm transformers have them: the norm of `x + y`.
pub fn add_and_norm(s: &mut Scope, name: &str, x: Value, y: Value) -> Result<Value> {
    let sum = s.g.add(x, y)?;
    layer_norm(s, name, sum)
}

/// Group normalisation of tokens `(batch, tokens, channels)` in groups of neighbouring channels;
/// parameters `name.weight` and `name.bias`.
///
/// Reductions go over the tokens first, which is the contiguous order for channels-last data.
pub fn group_norm(s: &mut Scope, name: &str, x: Value, groups: usize) -> Result<Value> {
    let [batch, _, channels] = s.g.dims(x, "group norm")?;
    if groups == 0 || !channels.is_multiple_of(groups) {
        let detail = format!("{channels} channels in {groups} groups");
        return Err(s.g.config_error(detail));
    }
    let [scale, shift] = scale_and_shift(s, name, channels)?;
    let g = &mut *s.g;
    let group_mean = |g: &mut Graph, x: Value| {
        let per_channel = g.reduce_mean(x, &[1], true)?;
        if groups == channels {
            return Ok(per_channel);
        }
        let grouped = g.reshape(per_channel, &[batch, groups, channels / groups])?;
        let mean = g.reduce_mean(grouped, &[2], true)?;
        let spread = g.expand(mean, &[batch, groups, channels / groups])?;
        g.reshape(spread, &[batch, 1, channels])
    };
    let mean = group_mean(g, x)?;
    let centred = g.sub(x, mean)?;
    let square = g.mul(centred, centred)?;
    let variance = group_mean(g, square)?;
    let epsilon = g.scalar(x, f64::from(EPSILON));
    let stabilised = g.add(variance, epsilon)?;
    let deviation = g.sqrt(stabilised)?;
    let scale = g.div(scale, deviation)?;
    let scaled = g.mul(centred, scale)?;
    g.add(scaled, shift)
}
