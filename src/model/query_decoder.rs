//! The query decoder with masked attention (`docs/method.md#query-decoder`). With no layers it only turns the learned
//! queries into mask embeddings, which makes the head a classifier of each pixel's mask features.

use super::pixel_decoder::PixelFeatures;
use super::{Feature, HeadConfig};
use crate::graph::{Constant, DType, Graph, Result, Value};
use crate::nn::{
    Heads, Parameters, attend, layer_norm, linear, merge_heads, packed_projections, resize_tokens,
    sine_positions, split_heads,
};

/// Score of a forbidden key: as good as minus infinity in float32, without its NaNs.
const FORBIDDEN: f64 = -1e9;

/// The queries after a layer.
#[derive(Clone, Copy, Debug)]
pub struct Queries {
    /// Normed content `(batch, queries, hidden)`; what class logits are read from.
    pub content: Value,
    /// Mask embeddings `(batch, queries, hidden)`: their products with mask features are mask logits.
    pub mask_embedding: Value,
}

/// The queries after every layer.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// After the last one.
    pub last: Queries,
    /// Before the first one and after every other, in order; none without layers.
    pub earlier: Vec<Queries>,
}

/// Runs the decoder. Parameter names start with `at`, which ends in a dot.
///
/// # Errors
/// A configuration that makes no sense, or parameters that do not fit it.
pub fn query_decoder(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &HeadConfig,
    features: &PixelFeatures,
) -> Result<Decoded> {
    let batch = g.shape(features.mask.tokens)[0];
    let shape = [config.queries, config.hidden];
    let content = p.get(g, &format!("{at}queries_features.weight"), &shape)?;
    let mut x = g.expand(content, &[batch, config.queries, config.hidden])?;
    let mut earlier = Vec::with_capacity(config.decoder_layers);
    if config.decoder_layers == 0 {
        let last = read_out(g, p, at, config, x)?;
        return Ok(Decoded { last, earlier });
    }
    let position = p.get(g, &format!("{at}queries_embedder.weight"), &shape)?;
    let memories = memories(g, p, at, config, features)?;
    for layer in 0..config.decoder_layers {
        let memory = &memories[layer % memories.len()];
        let queries = read_out(g, p, at, config, x)?;
        let name = format!("{at}decoder.layers.{layer}");
        x = g.layer(name.clone(), |g| {
            let bias = forbidden_keys(g, queries.mask_embedding, memory)?;
            decoder_layer(g, p, &name, config, x, position, memory, bias)
        })?;
        earlier.push(queries);
    }
    let last = read_out(g, p, at, config, x)?;
    Ok(Decoded { last, earlier })
}

/// What the queries look at on one level.
struct Memory {
    key: Value,
    value: Value,
    /// Mask features at the level's size, for the attention mask; no gradient passes.
    mask_features: Feature,
}

fn memories(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &HeadConfig,
    features: &PixelFeatures,
) -> Result<Vec<Memory>> {
    let embeddings = p.get(g, &format!("{at}level_embed.weight"), &[3, config.hidden])?;
    let detached = g.detach(features.mask.tokens)?;
    let mut memories = vec![];
    for (level, feature) in features.levels.iter().enumerate() {
        let embedding = g.slice_axis(embeddings, 0, level, level + 1)?;
        let value = g.add(feature.tokens, embedding)?;
        let position = g.constant(sine_positions(feature.size, config.hidden));
        let key = g.add(value, position)?;
        // Resizing is linear, so the product of embeddings with resized features is the resized
        // mask, at a fraction of the work.
        let tokens = resize_tokens(g, detached, features.mask.size, feature.size)?;
        memories.push(Memory {
            key,
            value,
            mask_features: Feature {
                tokens,
                size: feature.size,
            },
        });
    }
    Ok(memories)
}

/// Scores to add so that a query only attends where its mask is on, or everywhere if it is on nowhere.
fn forbidden_keys(g: &mut Graph, embedding: Value, memory: &Memory) -> Result<Value> {
    let embedding = g.detach(embedding)?;
    let features = g.transpose(memory.mask_features.tokens, &[0, 2, 1])?;
    let logits = g.matmul(embedding, features)?;
    let zero = g.scalar(logits, 0.0);
    let off = g.less(logits, zero)?;
    let best = g.reduce_max(logits, &[2], true)?;
    let somewhere = g.greater_or_equal(best, zero)?;
    let forbidden = g.and(off, somewhere)?;
    let minus = g.constant(Constant::real(DType::F32, &[], [FORBIDDEN]));
    let bias = g.select(forbidden, minus, zero)?;
    let [batch, queries, keys] = *g.shape(bias) else {
        return Err(g.config_error("attention mask"));
    };
    g.reshape(bias, &[batch, 1, 1, queries, keys])
}

#[allow(clippy::too_many_arguments, reason = "the operands of one layer")]
fn decoder_layer(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &HeadConfig,
    x: Value,
    position: Value,
    memory: &Memory,
    bias: Value,
) -> Result<Value> {
    let heads = Heads::new(g, config.heads, config.hidden)?;
    let attention = |g: &mut Graph, [q, k, v]: [Value; 3], bias: Option<Value>| -> Result<Value> {
        let (q, k, v) = (
            split_heads(g, q, heads)?,
            split_heads(g, k, heads)?,
            split_heads(g, v, heads)?,
        );
        let mixed = attend(g, q, k, v, bias, 1)?;
        merge_heads(g, mixed)
    };

    let query = g.add(x, position)?;
    let projected = packed_projections(
        g,
        p,
        &format!("{at}.cross_attn"),
        [query, memory.key, memory.value],
    )?;
    let mixed = attention(g, projected, Some(bias))?;
    let out = linear(
        g,
        p,
        &format!("{at}.cross_attn.out_proj"),
        mixed,
        config.hidden,
        true,
    )?;
    let x = g.add(x, out)?;
    let x = layer_norm(g, p, &format!("{at}.cross_attn_layer_norm"), x)?;

    let query = g.add(x, position)?;
    let mut projected = [query, query, x];
    for (value, name) in projected.iter_mut().zip(["q_proj", "k_proj", "v_proj"]) {
        *value = linear(
            g,
            p,
            &format!("{at}.self_attn.{name}"),
            *value,
            config.hidden,
            true,
        )?;
    }
    let mixed = attention(g, projected, None)?;
    let out = linear(
        g,
        p,
        &format!("{at}.self_attn.out_proj"),
        mixed,
        config.hidden,
        true,
    )?;
    let x = g.add(x, out)?;
    let x = layer_norm(g, p, &format!("{at}.self_attn_layer_norm"), x)?;

    let inner = linear(g, p, &format!("{at}.fc1"), x, config.decoder_ffn, true)?;
    let inner = g.relu(inner)?;
    let outer = linear(g, p, &format!("{at}.fc2"), inner, config.hidden, true)?;
    let x = g.add(x, outer)?;
    layer_norm(g, p, &format!("{at}.final_layer_norm"), x)
}

/// Norm and mask embedding, shared by all layers.
fn read_out(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &HeadConfig,
    x: Value,
) -> Result<Queries> {
    let content = layer_norm(g, p, &format!("{at}decoder.layernorm"), x)?;
    let mut embedding = content;
    for i in 0..3 {
        let name = format!("{at}decoder.mask_predictor.mask_embedder.{i}.0");
        embedding = linear(g, p, &name, embedding, config.hidden, true)?;
        if i < 2 {
            embedding = g.relu(embedding)?;
        }
    }
    Ok(Queries {
        content,
        mask_embedding: embedding,
    })
}
