//! The MSDeformAttn pixel decoder (`docs/method.md#pixel-decoder`), one in each head.

use super::{Feature, HeadConfig};
use crate::graph::{Graph, Result, Value};
use crate::nn::{
    DeformableSizes, Parameters, convolution_3x3, deformable_attention, group_norm, layer_norm,
    linear, pointwise, resize_tokens, sine_positions,
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

/// Features of a head from the encoder's four stage outputs. Parameter names start with `at`,
/// which ends in a dot.
///
/// # Errors
/// A configuration that makes no sense, or parameters that do not fit it.
pub fn pixel_decoder(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &HeadConfig,
    stages: &[Feature],
) -> Result<PixelFeatures> {
    let hidden = config.hidden;
    if hidden == 0 || !hidden.is_multiple_of(GROUPS) {
        return Err(g.config_error(format!(
            "hidden size {hidden} does not divide into {GROUPS} groups"
        )));
    }
    let [res2, ..] = *stages else {
        return Err(g.config_error("no stage outputs"));
    };
    let coarse_first: Vec<Feature> = stages[1..].iter().rev().copied().collect();
    let sizes = DeformableSizes {
        levels: coarse_first.iter().map(|f| f.size).collect(),
        heads: config.heads,
    };

    let mut projected = vec![];
    let mut positions = vec![];
    for (level, feature) in coarse_first.iter().enumerate() {
        let name = format!("{at}input_projections.{level}");
        projected.push(g.layer(name.clone(), |g| {
            let x = pointwise(g, p, &format!("{name}.0"), feature.tokens, hidden, true)?;
            group_norm(g, p, &format!("{name}.1"), x, GROUPS)
        })?);
        positions.push(level_positions(g, p, at, config, level, feature.size)?);
    }
    let mut x = g.concat(&projected, 1)?;
    let position = g.concat(&positions, 0)?;
    for layer in 0..config.encoder_layers {
        let name = format!("{at}encoder.layers.{layer}");
        x = g.layer(name.clone(), |g| {
            encoder_layer(g, p, &name, config, x, position, &sizes)
        })?;
    }

    let mut start = 0;
    let mut levels = vec![];
    for feature in &coarse_first {
        let end = start + feature.size.0 * feature.size.1;
        levels.push(Feature {
            tokens: g.slice_axis(x, 1, start, end)?,
            size: feature.size,
        });
        start = end;
    }
    let mask = g.layer(format!("{at}mask_features"), |g| {
        mask_features(g, p, at, hidden, res2, &levels)
    })?;
    Ok(PixelFeatures { mask, levels })
}

/// Sine positions plus the learned embedding of the level, `(tokens, hidden)`.
fn level_positions(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &HeadConfig,
    level: usize,
    size: (usize, usize),
) -> Result<Value> {
    let embeddings = p.get(g, &format!("{at}level_embed"), &[3, config.hidden])?;
    let embedding = g.slice_axis(embeddings, 0, level, level + 1)?;
    let positions = g.constant(sine_positions(size, config.hidden));
    g.add(positions, embedding)
}

fn encoder_layer(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &HeadConfig,
    x: Value,
    position: Value,
    sizes: &DeformableSizes,
) -> Result<Value> {
    let query = g.add(x, position)?;
    let attended = deformable_attention(g, p, &format!("{at}.self_attn"), query, x, sizes)?;
    let x = g.add(x, attended)?;
    let x = layer_norm(g, p, &format!("{at}.self_attn_layer_norm"), x)?;
    let inner = linear(g, p, &format!("{at}.fc1"), x, config.encoder_ffn, true)?;
    let inner = g.relu(inner)?;
    let outer = linear(g, p, &format!("{at}.fc2"), inner, config.hidden, true)?;
    let x = g.add(x, outer)?;
    layer_norm(g, p, &format!("{at}.final_layer_norm"), x)
}

/// The FPN step (`docs/method.md#mask-features`): stride-8 features brought up, added to a projection of res2,
/// convolved, projected.
fn mask_features(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    hidden: usize,
    res2: Feature,
    levels: &[Feature],
) -> Result<Feature> {
    let lateral = pointwise(
        g,
        p,
        &format!("{at}adapter_1.0"),
        res2.tokens,
        hidden,
        false,
    )?;
    let lateral = group_norm(g, p, &format!("{at}adapter_1.1"), lateral, GROUPS)?;
    let finest = levels.last().ok_or_else(|| g.config_error("no levels"))?;
    let up = resize_tokens(g, finest.tokens, finest.size, res2.size)?;
    let sum = g.add(lateral, up)?;
    let convolved = convolution_3x3(g, p, &format!("{at}layer_1.0"), sum, res2.size, hidden)?;
    let normed = group_norm(g, p, &format!("{at}layer_1.1"), convolved, GROUPS)?;
    let rectified = g.relu(normed)?;
    let tokens = pointwise(
        g,
        p,
        &format!("{at}mask_projection"),
        rectified,
        hidden,
        true,
    )?;
    Ok(Feature {
        tokens,
        size: res2.size,
    })
}
