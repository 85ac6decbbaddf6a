//! The query decoder with masked attention (`docs/method.md#query-decoder`). With no layers it only turns the learned
//! queries into mask embeddings, which makes the head a classifier of each pixel's mask features.

use super::pixel_decoder::PixelFeatures;
use super::{Feature, HeadConfig};
use crate::graph::{Constant, DType, Graph, Result, Value};
use crate::nn::{
    Heads, Scope, add_and_norm, attend, feed_forward, layer_norm, linear, merge_heads,
    packed_projections, resize_tokens, sine_positions, split_heads,
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

/// Runs the decoder.
pub fn query_decoder(
    s: &mut Scope,
    config: &HeadConfig,
    features: &PixelFeatures,
) -> Result<Decoded> {
    let batch = s.g.shape(features.mask.tokens)[0];
    let shape = [config.queries, config.hidden];
    let content = s.parameter("queries_features.weight", &shape)?;
    let mut x =
        s.g.expand(content, &[batch, config.queries, config.hidden])?;
    let mut earlier = Vec::with_capacity(config.decoder_layers);
    if config.decoder_layers == 0 {
        let last = read_out(s, config, x)?;
        return Ok(Decoded { last, earlier });
    }
    let position = s.parameter("queries_embedder.weight", &shape)?;
    let memories = memories(s, config, features)?;
    for layer in 0..config.decoder_layers {
        let memory = &memories[layer % memories.len()];
        let queries = read_out(s, config, x)?;
        x = s.module(&format!("decoder.layers.{layer}"), |s| {
            let bias = forbidden_keys(s.g, queries.mask_embedding, memory)?;
            decoder_layer(s, config, x, position, memory, bias)
        })?;
        earlier.push(queries);
    }
    let last = read_out(s, config, x)?;
    Ok(Decoded { last, earlier })
}

/// Keys and values of one level.
struct Memory {
    key: Value,
    value: Value,
    /// Mask features at the level's size, for the attention mask; no gradient passes.
    mask_features: Feature,
}

fn memories(s: &mut Scope, config: &HeadConfig, features: &PixelFeatures) -> Result<Vec<Memory>> {
    let embeddings = s.parameter("level_embed.weight", &[3, config.hidden])?;
    let g = &mut *s.g;
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
    let [batch, queries, keys] = g.dims(bias, "attention mask")?;
    g.reshape(bias, &[batch, 1, 1, queries, keys])
}

fn decoder_layer(
    s: &mut Scope,
    config: &HeadConfig,
    x: Value,
    position: Value,
    memory: &Memory,
    bias: Value,
) -> Result<Value> {
    let query = s.g.add(x, position)?;
    let projected = packed_projections(s, "cross_attn", [query, memory.key, memory.value])?;
    let x = attention(s, "cross_attn", config, x, projected, Some(bias))?;

    let query = s.g.add(x, position)?;
    let mut projected = [query, query, x];
    for (value, name) in projected.iter_mut().zip(["q_proj", "k_proj", "v_proj"]) {
        *value = linear(s, &format!("self_attn.{name}"), *value, config.hidden, true)?;
    }
    let x = attention(s, "self_attn", config, x, projected, None)?;
    feed_forward(s, x, config.decoder_ffn)
}

/// Attention with its output projection, residual connection and norm.
fn attention(
    s: &mut Scope,
    name: &str,
    config: &HeadConfig,
    x: Value,
    projected: [Value; 3],
    bias: Option<Value>,
) -> Result<Value> {
    let heads = Heads::new(s.g, config.heads, config.hidden)?;
    let mut split = projected;
    for value in &mut split {
        *value = split_heads(s.g, *value, heads)?;
    }
    let [q, k, v] = split;
    let mixed = attend(s.g, q, k, v, bias, 1)?;
    let mixed = merge_heads(s.g, mixed)?;
    let out = linear(s, &format!("{name}.out_proj"), mixed, config.hidden, true)?;
    add_and_norm(s, &format!("{name}_layer_norm"), x, out)
}

/// Norm and mask embedding, shared by all layers.
fn read_out(s: &mut Scope, config: &HeadConfig, x: Value) -> Result<Queries> {
    let content = layer_norm(s, "decoder.layernorm", x)?;
    let mut embedding = content;
    for i in 0..3 {
        let name = format!("decoder.mask_predictor.mask_embedder.{i}.0");
        embedding = linear(s, &name, embedding, config.hidden, true)?;
        if i < 2 {
            embedding = s.g.relu(embedding)?;
        }
    }
    Ok(Queries {
        content,
        mask_embedding: embedding,
    })
}
