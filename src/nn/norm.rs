use super::Parameters;
use crate::graph::{Graph, Result, Value};

/// Every norm of the models has this epsilon (`docs/method.md#norms`).
const EPSILON: f32 = 1e-5;

/// Layer normalisation over the last axis; parameters `at.weight` and `at.bias`.
///
/// # Errors
/// When the parameters do not fit.
pub fn layer_norm(g: &mut Graph, p: &mut Parameters, at: &str, x: Value) -> Result<Value> {
    let channels = *g
        .shape(x)
        .last()
        .ok_or_else(|| g.config_error("layer norm of a scalar"))?;
    let gain = p.get(g, &format!("{at}.weight"), &[channels])?;
    let bias = p.get(g, &format!("{at}.bias"), &[channels])?;
    g.layer_norm(x, gain, bias, EPSILON)
}

/// Group normalisation of tokens `(batch, tokens, channels)` in groups of neighbouring channels;
/// parameters `at.weight` and `at.bias`.
///
/// Reductions go over the tokens first, which is the contiguous order for channels-last data.
///
/// # Errors
/// When the channels do not divide into the groups.
pub fn group_norm(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    x: Value,
    groups: usize,
) -> Result<Value> {
    let [batch, _, channels] = *g.shape(x) else {
        return Err(g.config_error(format!("group norm of {:?}", g.shape(x))));
    };
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(g.config_error(format!("{channels} channels in {groups} groups")));
    }
    let gain = p.get(g, &format!("{at}.weight"), &[channels])?;
    let bias = p.get(g, &format!("{at}.bias"), &[channels])?;
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
    let scale = g.div(gain, deviation)?;
    let scaled = g.mul(centred, scale)?;
    g.add(scaled, bias)
}
