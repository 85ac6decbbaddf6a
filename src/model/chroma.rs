//! Colours as classes (Zhang, Isola, Efros: *Colorful Image Colorization*, ECCV 2016): a colour head gives every token
//! at stride 4 a distribution over bins of chroma, and the token's chroma is that distribution's annealed mean.
//!
//! Regression would do with two outputs, but where a thing may have several colours its answer lies between them, which
//! is grey. Chroma is Cb and Cr here, not Lab's a and b as in the paper: put beside a video's own luma it needs no
//! conversion, and luma stays as it is to the last bit.

use super::{ChromaConfig, HeadOutput};
use crate::graph::{Constant, DType, Graph, Result, Value};
use crate::nn::{PATCH, patchify_bytes};

/// Weights of red and blue in luma (BT.601).
const RED: f64 = 0.299;
const BLUE: f64 = 0.114;

/// The target of a colour head: the mean chroma of every patch of `colours`, bytes `(batch, h, w, 3)`, as
/// [`chroma_shares`].
pub fn chroma_target(g: &mut Graph, config: &ChromaConfig, colours: Value) -> Result<Value> {
    check(g, config)?;
    let patches = patchify_bytes(g, colours, [0.0; 3], [1.0; 3])?;
    let [batch, tokens, inputs] = g.dims(patches, "colours")?;
    let area = (PATCH * PATCH) as f64;
    let rows = chroma_rows()
        .into_iter()
        .flat_map(|by_channel| (0..inputs).map(move |i| by_channel[i / (PATCH * PATCH)] / area));
    let rows = Constant::real(DType::F32, &[2, inputs], rows);
    let rows = g.constant(rows);
    let flat = g.reshape(patches, &[batch * tokens, inputs])?;
    let chroma = g.gemm(flat, rows, None, false, true)?;
    let chroma = g.reshape(chroma, &[batch, tokens, 2])?;
    chroma_shares(g, config, chroma, None)
}

/// `chroma`, `(batch, tokens, 2)`, as a distribution over the bins, `(batch, tokens, bins)`: a Gaussian around the token's
/// chroma with half the grid's step as its deviation, so that neighbours share a colour between them. Its variance is
/// divided by the scalar `sharpness`, where there is one.
pub fn chroma_shares(
    g: &mut Graph,
    config: &ChromaConfig,
    chroma: Value,
    sharpness: Option<Value>,
) -> Result<Value> {
    check(g, config)?;
    let [batch, tokens, 2] = *g.shape(chroma) else {
        return Err(g.config_error(format!("chroma of {:?}", g.shape(chroma))));
    };
    let variance = (f64::from(config.step) / 2.0).powi(2);
    let count = config.bins.len();
    // What of the squared distance does not depend on the bin goes in the softmax.
    let products = config.bins.iter().flatten();
    let products = products.map(|&v| f64::from(v) / variance);
    let products = Constant::real(DType::F32, &[count, 2], products);
    let products = g.constant(products);
    let offsets = config.bins.iter().map(|bin| {
        let square: f64 = bin.iter().map(|&v| f64::from(v).powi(2)).sum();
        -square / (2.0 * variance)
    });
    let offsets = Constant::real(DType::F32, &[count], offsets);
    let offsets = g.constant(offsets);
    let flat = g.reshape(chroma, &[batch * tokens, 2])?;
    let nearness = g.gemm(flat, products, Some(offsets), false, true)?;
    let mut nearness = g.reshape(nearness, &[batch, tokens, count])?;
    if let Some(sharpness) = sharpness {
        nearness = g.mul(nearness, sharpness)?;
    }
    g.softmax(nearness, 2)
}

/// Cross-entropy of a colour head against the shares of a target: the mean over the tokens, weighted by
/// `weights`, `(batch, tokens, 1)`. With all weights 0 it is 0.
pub fn directed_loss(
    g: &mut Graph,
    output: &HeadOutput,
    target: Value,
    weights: Value,
) -> Result<Value> {
    cross_entropy(g, output, target, weights, Some(f32::MIN_POSITIVE))
}

/// Cross-entropy of a colour head against the shares of a target: the mean over all tokens, weighted by the
/// weights of its bins.
pub fn chroma_loss(
    g: &mut Graph,
    config: &ChromaConfig,
    output: &HeadOutput,
    target: Value,
    weights: &[f32],
) -> Result<Value> {
    let count = config.bins.len();
    if weights.len() != count {
        return Err(g.config_error(format!("{} weights for {count} colours", weights.len())));
    }
    let weights = g.constant(Constant::f32(&[count, 1], weights));
    let weights = g.matmul(target, weights)?;
    cross_entropy(g, output, target, weights, None)
}

/// Weighted cross-entropy over the weights' sum, which is at least `least`.
fn cross_entropy(
    g: &mut Graph,
    output: &HeadOutput,
    target: Value,
    weights: Value,
    least: Option<f32>,
) -> Result<Value> {
    let wanted = g.mul(target, weights)?;
    let found = g.log_softmax(output.masks, 2)?;
    let product = g.mul(wanted, found)?;
    let sum = g.reduce_sum(product, &[0, 1, 2], false)?;
    let mut mass = g.reduce_sum(weights, &[0, 1, 2], false)?;
    if let Some(least) = least {
        let least = g.scalar(mass, f64::from(least));
        mass = g.max(mass, least)?;
    }
    let mean = g.div(sum, mass)?;
    g.scale(mean, -1.0)
}

/// Chroma of every token, Cb then Cr: `(batch, 2, h/4, w/4)`, in steps of 8 bits, 0 for grey (see
/// [`ChromaConfig::bins`]).
pub fn chroma_planes(g: &mut Graph, config: &ChromaConfig, output: &HeadOutput) -> Result<Value> {
    check(g, config)?;
    let batch = g.shape(output.masks)[0];
    let (rows, columns) = output.features.mask.size;
    let annealed = g.scale(output.masks, 1.0 / f64::from(config.temperature))?;
    let probability = g.softmax(annealed, 2)?;
    let bins = config.bins.iter().flatten().map(|&v| f64::from(v));
    let bins = Constant::real(DType::F32, &[config.bins.len(), 2], bins);
    let bins = g.constant(bins);
    let chroma = g.matmul(probability, bins)?;
    let planes = g.transpose(chroma, &[0, 2, 1])?;
    g.reshape(planes, &[batch, 2, rows, columns])
}

/// What red, green and blue count in Cb and in Cr.
fn chroma_rows() -> [[f64; 3]; 2] {
    let green = 1.0 - RED - BLUE;
    [
        [-RED, -green, 1.0 - BLUE].map(|k| k / (2.0 * (1.0 - BLUE))),
        [1.0 - RED, -green, -BLUE].map(|k| k / (2.0 * (1.0 - RED))),
    ]
}

fn check(g: &Graph, config: &ChromaConfig) -> Result<()> {
    let fits = !config.bins.is_empty() && config.step > 0;
    // False for NaN as well.
    if fits && config.temperature > 0.0 {
        return Ok(());
    }
    Err(g.config_error(format!(
        "{} colours {} apart at temperature {}",
        config.bins.len(),
        config.step,
        config.temperature
    )))
}

#[cfg(test)]
mod tests;
