//! Heads: a pixel decoder and a query decoder on the encoder's features. h and g are the same code.

use super::pixel_decoder::{PixelFeatures, pixel_decoder};
use super::query_decoder::{Queries, query_decoder};
use super::{Feature, HeadConfig, Readout};
use crate::graph::{Graph, Result, Value};
use crate::nn::{Parameters, Scope, linear, resize_planes};

/// The results of a head.
#[derive(Clone, Debug)]
pub struct HeadOutput {
    /// Features of its pixel decoder.
    pub features: PixelFeatures,
    /// Class logits `(batch, queries, classes + 1)`, the last column "no object"; none under [`Readout::Fixed`].
    pub class_logits: Option<Value>,
    /// Mask logits at stride 4, token-major: `(batch, h/4 · w/4, queries)`.
    pub masks: Value,
    /// The same from the queries before the first layer and after every other than the last, for deep supervision; what is
    /// not used of them is left out of the finished graph.
    pub earlier_masks: Vec<Value>,
}

/// Runs a head whose parameter names start with `prefix`.
pub fn head(
    g: &mut Graph,
    p: &mut Parameters,
    prefix: &str,
    config: &HeadConfig,
    stages: &[Feature],
) -> Result<HeadOutput> {
    if config.readout == Readout::Fixed && config.classes > config.queries {
        return Err(g.config_error(format!(
            "{} classes for {} queries",
            config.classes, config.queries
        )));
    }
    let s = &mut Scope::new(g, p, prefix);
    let features = pixel_decoder(
        &mut s.within("model.pixel_level_module.decoder"),
        config,
        stages,
    )?;
    let decoded = s.layer(s.path("query_decoder"), |s| {
        query_decoder(&mut s.within("model.transformer_module"), config, &features)
    })?;
    let class_logits = match config.readout {
        Readout::Fixed => None,
        Readout::Queries => {
            let (content, outputs) = (decoded.last.content, config.classes + 1);
            Some(linear(s, "class_predictor", content, outputs, true)?)
        }
    };
    let masks_of = |g: &mut Graph, queries: &Queries| {
        let embedding = g.transpose(queries.mask_embedding, &[0, 2, 1])?;
        g.matmul(features.mask.tokens, embedding)
    };
    let masks = masks_of(g, &decoded.last)?;
    let earlier = decoded.earlier.iter();
    let earlier_masks = earlier
        .map(|queries| masks_of(g, queries))
        .collect::<Result<_>>()?;
    Ok(HeadOutput {
        features,
        class_logits,
        masks,
        earlier_masks,
    })
}

/// Class scores of every pixel at `(height, width)`, pixel-major: `(batch, height · width, classes)`.
/// Mask2Former's readout sums class probability times mask probability over the queries
/// (`docs/method.md#class-scores`); the fixed one is the class logits themselves. Both are brought up from stride 4
/// before anything that is not linear.
pub fn class_scores(
    g: &mut Graph,
    config: &HeadConfig,
    output: &HeadOutput,
    (height, width): (usize, usize),
) -> Result<Value> {
    let [batch, _, queries] = g.dims(output.masks, "mask logits")?;
    let (rows, columns) = output.features.mask.size;
    let planes = g.transpose(output.masks, &[0, 2, 1])?;
    let planes = g.reshape(planes, &[batch * queries, rows, columns])?;
    let large = if (rows, columns) == (height, width) {
        planes
    } else {
        resize_planes(g, planes, (height, width))?
    };
    let large = g.reshape(large, &[batch, queries, height * width])?;
    match output.class_logits {
        None => {
            let classes = g.slice_axis(large, 1, 0, config.classes)?;
            g.transpose(classes, &[0, 2, 1])
        }
        Some(logits) => {
            let probability = g.softmax(logits, 2)?;
            let probability = g.slice_axis(probability, 2, 0, config.classes)?;
            let on = g.sigmoid(large)?;
            let pixels = g.transpose(on, &[0, 2, 1])?;
            g.matmul(pixels, probability)
        }
    }
}
