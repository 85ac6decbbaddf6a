//! The MSDeformAttn pixel decoder (`docs/method.md#pixel-decoder`), one in each head.

use super::{Feature, HeadConfig};
use crate::graph::{Result, Value};
use crate::nn::{
    DeformableSizes, Scope, add_and_norm, convolution_3x3, deformable_attention, feed_forward,
    group_norm, pointwise, resize_tokens, sine_positions,
};

/// Groups of every group norm.
const GROUPS: usize = 32;

/// What the pixel decoder hands on, all with the head's hidden size as channels.
#[derive(Clone, Debug)]
pub struct PixelFeatures {
    /// Features at stride 4 whose product with a mask embedding is a mask.
    pub mask: Feature,
    /// Features at strides 32, 16 and 8, for the query decoder's cross-attention.
    pub levels: Vec<Feature>,
}

/// Features of a head from the encoder's four stage outputs.
pub fn pixel_decoder(
    s: &mut Scope,
    config: &HeadConfig,
    stages: &[Feature],
) -> Result<PixelFeatures> {
    let hidden = config.hidden;
    if hidden == 0 || !hidden.is_multiple_of(GROUPS) {
        return Err(s.g.config_error(format!(
            "hidden size {hidden} does not divide into {GROUPS} groups"
        )));
    }
    let [res2, ..] = *stages else {
        return Err(s.g.config_error("no stage outputs"));
    };
    let coarse_first: Vec<Feature> = stages[1..].iter().rev().copied().collect();
    let sizes = DeformableSizes {
        levels: coarse_first.iter().map(|f| f.size).collect(),
        heads: config.heads,
    };

    let mut projected = vec![];
    let mut positions = vec![];
    for (level, feature) in coarse_first.iter().enumerate() {
        projected.push(s.module(&format!("input_projections.{level}"), |s| {
            let x = pointwise(s, "0", feature.tokens, hidden, true)?;
            group_norm(s, "1", x, GROUPS)
        })?);
        positions.push(level_positions(s, config, level, feature.size)?);
    }
    let mut x = s.g.concat(&projected, 1)?;
    let position = s.g.concat(&positions, 0)?;
    for layer in 0..config.encoder_layers {
        x = s.module(&format!("encoder.layers.{layer}"), |s| {
            let query = s.g.add(x, position)?;
            let attended = deformable_attention(&mut s.within("self_attn"), query, x, &sizes)?;
            let x = add_and_norm(s, "self_attn_layer_norm", x, attended)?;
            feed_forward(s, x, config.encoder_ffn)
        })?;
    }

    let mut start = 0;
    let mut levels = vec![];
    for feature in &coarse_first {
        let end = start + feature.size.0 * feature.size.1;
        levels.push(Feature {
            tokens: s.g.slice_axis(x, 1, start, end)?,
            size: feature.size,
        });
        start = end;
    }
    let mask = s.layer(s.path("mask_features"), |s| {
        mask_features(s, hidden, res2, &levels)
    })?;
    Ok(PixelFeatures { mask, levels })
}

/// Sine positions plus the learned embedding of the level, `(tokens, hidden)`.
fn level_positions(
    s: &mut Scope,
    config: &HeadConfig,
    level: usize,
    size: (usize, usize),
) -> Result<Value> {
    let embeddings = s.parameter("level_embed", &[3, config.hidden])?;
    let embedding = s.g.slice_axis(embeddings, 0, level, level + 1)?;
    let positions = s.g.constant(sine_positions(size, config.hidden));
    s.g.add(positions, embedding)
}

/// The FPN step (`docs/method.md#mask-features`): stride-8 features brought up, added to a projection of res2,
/// convolved, projected.
fn mask_features(
    s: &mut Scope,
    hidden: usize,
    res2: Feature,
    levels: &[Feature],
) -> Result<Feature> {
    let lateral = pointwise(s, "adapter_1.0", res2.tokens, hidden, false)?;
    let lateral = group_norm(s, "adapter_1.1", lateral, GROUPS)?;
    let finest = levels.last().ok_or_else(|| s.g.config_error("no levels"))?;
    let up = resize_tokens(s.g, finest.tokens, finest.size, res2.size)?;
    let sum = s.g.add(lateral, up)?;
    let convolved = convolution_3x3(s, "layer_1.0", sum, res2.size, hidden)?;
    let normed = group_norm(s, "layer_1.1", convolved, GROUPS)?;
    let rectified = s.g.relu(normed)?;
    Ok(Feature {
        tokens: pointwise(s, "mask_projection", rectified, hidden, true)?,
        size: res2.size,
    })
}
