//! The encoder f: a Swin transformer on patches of four channels (`docs/method.md#encoder`).

use super::SwinConfig;
use crate::graph::{Constant, Graph, Result, Value};
use crate::nn::{
    Heads, PATCH, Parameters, Scope, attend, gelu, layer_norm, linear, merge_heads, product,
    split_heads,
};

/// Score added between tokens of a shifted window that were not neighbours before the shift (`docs/method.md#windows`).
const APART: f32 = -100.0;

/// One normed stage output.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Tokens `(batch, height · width, channels)`.
    pub tokens: Value,
    /// Height and width of the map.
    pub size: (usize, usize),
}

/// Multipliers of residual branches for stochastic depth: an input `(2 · blocks, batch)` that
/// holds 0 or 1/keep for every residual branch and sample.
#[derive(Clone, Copy, Debug)]
pub struct BranchScales(pub Value);

/// Stage outputs res2 to res5 for `patches` `(batch, height · width, 64)` on a map of `size` patches.
/// Parameter names start with `at`, which ends in a dot or is empty.
pub fn swin(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    config: &SwinConfig,
    patches: Value,
    size: (usize, usize),
    branches: Option<BranchScales>,
) -> Result<Vec<Feature>> {
    check(g, config)?;
    let s = &mut Scope::new(g, p, at);
    let mut x = s.module("embeddings", |s| embed(s, config, patches))?;
    let mut size = size;
    let mut features = vec![];
    let mut block_number = 0;
    for (stage, &depth) in config.depths.iter().enumerate() {
        let layer = format!("encoder.layers.{stage}");
        for block in 0..depth {
            let shift = if block % 2 == 1 { config.window / 2 } else { 0 };
            let windows = Windows::new(size, config.window, shift);
            let scales = branches.map(|b| (b, block_number));
            x = s.module(&format!("{layer}.blocks.{block}"), |s| {
                swin_block(s, x, &windows, config.heads[stage], scales)
            })?;
            block_number += 1;
        }
        let norm = format!("hidden_states_norms.stage{}", stage + 1);
        let tokens = s.layer(s.path(&norm), |s| layer_norm(s, &norm, x))?;
        features.push(Feature { tokens, size });
        if stage + 1 < config.depths.len() {
            x = s.module(&format!("{layer}.downsample"), |s| merge(s, x, size))?;
            size = (size.0.div_ceil(2), size.1.div_ceil(2));
        }
    }
    Ok(features)
}

fn check(g: &Graph, config: &SwinConfig) -> Result<()> {
    let SwinConfig {
        embed,
        depths,
        heads,
        window,
    } = config;
    if depths.len() != 4 || heads.len() != 4 {
        return Err(g.config_error(format!(
            "the encoder has four stages, not depths {depths:?} and heads {heads:?}"
        )));
    }
    if *embed == 0 || *window == 0 || depths.contains(&0) {
        return Err(g.config_error(format!("the encoder cannot be built from {config:?}")));
    }
    Ok(())
}

fn embed(s: &mut Scope, config: &SwinConfig, patches: Value) -> Result<Value> {
    let [_, _, inputs] = s.g.dims(patches, "patches")?;
    let kernel = [config.embed, inputs / (PATCH * PATCH), PATCH, PATCH];
    let weight = s.parameter("patch_embeddings.projection.weight", &kernel)?;
    let bias = s.parameter("patch_embeddings.projection.bias", &[config.embed])?;
    let kernel = s.g.reshape(weight, &[config.embed, inputs])?;
    let x = product(s.g, patches, kernel, Some(bias))?;
    layer_norm(s, "norm", x)
}

fn swin_block(
    s: &mut Scope,
    x: Value,
    windows: &Windows,
    heads: usize,
    branches: Option<(BranchScales, usize)>,
) -> Result<Value> {
    let [_, _, channels] = s.g.dims(x, "tokens")?;
    let normed = layer_norm(s, "layernorm_before", x)?;
    let attended = s.layer("attention", |s| window_attention(s, normed, windows, heads))?;
    let attended = scale_branch(s.g, attended, branches.map(|(b, n)| (b, 2 * n)))?;
    let x = s.g.add(x, attended)?;
    let normed = layer_norm(s, "layernorm_after", x)?;
    let inner = linear(s, "intermediate.dense", normed, 4 * channels, true)?;
    let inner = gelu(s.g, inner)?;
    let outer = linear(s, "output.dense", inner, channels, true)?;
    let outer = scale_branch(s.g, outer, branches.map(|(b, n)| (b, 2 * n + 1)))?;
    s.g.add(x, outer)
}

fn scale_branch(g: &mut Graph, x: Value, branch: Option<(BranchScales, usize)>) -> Result<Value> {
    let Some((BranchScales(scales), row)) = branch else {
        return Ok(x);
    };
    let batch = g.shape(x)[0];
    let scale = g.slice_axis(scales, 0, row, row + 1)?;
    let scale = g.reshape(scale, &[batch, 1, 1])?;
    g.mul(x, scale)
}

fn window_attention(s: &mut Scope, x: Value, windows: &Windows, heads: usize) -> Result<Value> {
    let [batch, _, channels] = s.g.dims(x, "window attention")?;
    let heads = Heads::new(s.g, heads, channels)?;
    let (count, area) = (windows.count(), windows.side * windows.side);
    let inside = windows.partition(s.g, x)?;
    let inside = s.g.reshape(inside, &[batch * count, area, channels])?;
    let mut projected = [inside; 3];
    for (value, name) in projected.iter_mut().zip(["query", "key", "value"]) {
        let y = linear(s, &format!("attention.self.{name}"), inside, channels, true)?;
        *value = split_heads(s.g, y, heads)?;
    }
    let bias = position_bias(s, windows, heads.count)?;
    let [q, k, v] = projected;
    let mixed = attend(s.g, q, k, v, Some(bias), count)?;
    let mixed = merge_heads(s.g, mixed)?;
    let mixed = s.g.reshape(mixed, &[batch, count * area, channels])?;
    let back = windows.reverse(s.g, mixed)?;
    linear(s, "attention.output.dense", back, channels, true)
}

/// Relative position bias, plus the mask of shifted windows: `(heads, area, area)` or `(windows, heads, area, area)`.
fn position_bias(s: &mut Scope, windows: &Windows, heads: usize) -> Result<Value> {
    let (side, area) = (windows.side, windows.side * windows.side);
    let span = 2 * side - 1;
    let name = "attention.self.relative_position_bias_table";
    let table = s.parameter(name, &[span * span, heads])?;
    let g = &mut *s.g;
    let mut index = Vec::with_capacity(area * area);
    for i in 0..area {
        for j in 0..area {
            let (dy, dx) = (
                i / side + side - 1 - j / side,
                i % side + side - 1 - j % side,
            );
            index.push((dy * span + dx) as i64);
        }
    }
    let index = g.constant(Constant::i64(&[area * area], &index));
    let rows = g.gather(table, index, 0)?;
    let by_head = g.transpose(rows, &[1, 0])?;
    let bias = g.reshape(by_head, &[heads, area, area])?;
    match windows.mask() {
        Some(mask) => {
            let mask = g.constant(mask);
            g.add(mask, bias)
        }
        None => Ok(bias),
    }
}

/// Patch merging (`docs/method.md#patch-merging`): 2×2 neighbours to channels, norm, product. The order of the four
/// is column-major: (even, even), (odd row, even column), (even row, odd column), (odd, odd).
fn merge(s: &mut Scope, x: Value, (h, w): (usize, usize)) -> Result<Value> {
    let g = &mut *s.g;
    let [batch, _, c] = g.dims(x, "merging")?;
    let map = g.reshape(x, &[batch, h, w, c])?;
    let map = g.pad(map, &[0; 4], &[0, h % 2, w % 2, 0])?;
    let (rows, columns) = (h.div_ceil(2), w.div_ceil(2));
    let split = g.reshape(map, &[batch, rows, 2, columns, 2, c])?;
    let ordered = g.transpose(split, &[0, 1, 3, 4, 2, 5])?;
    let merged = g.reshape(ordered, &[batch, rows * columns, 4 * c])?;
    let normed = layer_norm(s, "norm", merged)?;
    linear(s, "reduction", normed, 2 * c, false)
}

/// How a map is cut into windows: padded at the bottom and right, rolled by the shift, cut.
struct Windows {
    size: (usize, usize),
    padded: (usize, usize),
    side: usize,
    shift: usize,
}

impl Windows {
    fn new(size: (usize, usize), side: usize, shift: usize) -> Self {
        let padded = (size.0.next_multiple_of(side), size.1.next_multiple_of(side));
        Self {
            size,
            padded,
            side,
            shift,
        }
    }

    fn count(&self) -> usize {
        (self.padded.0 / self.side) * (self.padded.1 / self.side)
    }

    /// Upper left corner of every window on the padded, rolled map.
    fn corners(&self) -> impl Iterator<Item = (usize, usize)> {
        let (side, across) = (self.side, self.padded.1 / self.side);
        (0..self.count()).map(move |window| (window / across * side, window % across * side))
    }

    /// Position on the padded, unrolled map of every token in window order.
    fn positions(&self) -> Vec<(usize, usize)> {
        let ((height, width), side) = (self.padded, self.side);
        let mut all = Vec::with_capacity(height * width);
        for (top, left) in self.corners() {
            for i in 0..side * side {
                let (y, x) = (top + i / side, left + i % side);
                all.push(((y + self.shift) % height, (x + self.shift) % width));
            }
        }
        all
    }

    /// `(batch, h · w, c)` to `(batch, windows · side², c)`; padding is a row of zeros (`docs/method.md#windows`).
    fn partition(&self, g: &mut Graph, x: Value) -> Result<Value> {
        let [batch, tokens, c] = g.dims(x, "windows")?;
        let source = if self.padded == self.size {
            x
        } else {
            let zeros = g.constant(Constant::f32(&[batch, 1, c], &vec![0.0; batch * c]));
            g.concat(&[x, zeros], 1)?
        };
        let index: Vec<i64> = self
            .positions()
            .into_iter()
            .map(|at| self.row(at).unwrap_or(tokens) as i64)
            .collect();
        let index = g.constant(Constant::i64(&[index.len()], &index));
        g.gather(source, index, 1)
    }

    /// The inverse of [`Windows::partition`]; padding is dropped.
    fn reverse(&self, g: &mut Graph, x: Value) -> Result<Value> {
        let mut index = vec![0; self.size.0 * self.size.1];
        for (i, at) in self.positions().into_iter().enumerate() {
            if let Some(row) = self.row(at) {
                index[row] = i as i64;
            }
        }
        let index = g.constant(Constant::i64(&[index.len()], &index));
        g.gather(x, index, 1)
    }

    fn row(&self, (y, x): (usize, usize)) -> Option<usize> {
        (y < self.size.0 && x < self.size.1).then_some(y * self.size.1 + x)
    }

    /// The mask of shifted windows, `(windows, 1, side², side²)` (`docs/method.md#windows`).
    fn mask(&self) -> Option<Constant> {
        if self.shift == 0 {
            return None;
        }
        let ((height, width), side, shift) = (self.padded, self.side, self.shift);
        let label = |v: usize, n: usize| {
            if v < n - side {
                0
            } else {
                1 + usize::from(v >= n - shift)
            }
        };
        let area = side * side;
        let mut data = Vec::with_capacity(self.count() * area * area);
        for (top, left) in self.corners() {
            let region: Vec<usize> = (0..area)
                .map(|i| 3 * label(top + i / side, height) + label(left + i % side, width))
                .collect();
            for a in &region {
                data.extend(region.iter().map(|b| if a == b { 0.0 } else { APART }));
            }
        }
        Some(Constant::f32(&[self.count(), 1, area, area], &data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_windows_have_the_regions_of_the_method() {
        let mask = Windows::new((14, 14), 7, 3).mask().expect("shifted");
        let data = mask.as_real().expect("real");
        let window = |w: usize| &data[w * 49 * 49..(w + 1) * 49 * 49];
        assert!(window(0).iter().all(|&v| v == 0.0));
        // The last window has four regions of 16, 12, 12 and 9 tokens.
        let joined = window(3).iter().filter(|&&v| v == 0.0).count();
        assert_eq!(joined, 16 * 16 + 12 * 12 + 12 * 12 + 9 * 9);
    }

    #[test]
    fn partition_and_reverse_visit_every_token_once() {
        for (size, shift) in [((14, 14), 0), ((14, 14), 3), ((9, 12), 3), ((3, 5), 3)] {
            let windows = Windows::new(size, 7, shift);
            let mut seen: Vec<usize> = windows
                .positions()
                .into_iter()
                .filter_map(|at| windows.row(at))
                .collect();
            seen.sort_unstable();
            assert!(
                seen.into_iter().eq(0..size.0 * size.1),
                "{size:?} shifted by {shift}"
            );
        }
    }
}
