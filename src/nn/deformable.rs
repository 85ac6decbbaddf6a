//! Multi-scale deformable attention, as a sparse product.

use super::{Heads, Scope, linear, product};
use crate::graph::{Constant, DType, Graph, Result, Value};

/// Sampling points of a head on a level.
const POINTS: usize = 4;
/// Integers up to here are exact in float32, which is what row numbers are computed in.
const EXACT: usize = 1 << 24;

/// Sizes of multi-scale deformable attention.
#[derive(Clone, Debug)]
pub struct DeformableSizes {
    /// Height and width of every level, in the order their tokens are concatenated.
    pub levels: Vec<(usize, usize)>,
    /// Attention heads.
    pub heads: usize,
}

impl DeformableSizes {
    fn tokens(&self) -> usize {
        self.levels.iter().map(|(h, w)| h * w).sum()
    }

    /// Places of the tables of all levels: the corners of a sample may lie one row and one column outside before
    /// the level, and two behind.
    fn places(&self) -> usize {
        self.levels.iter().map(|(h, w)| (h + 3) * (w + 3)).sum()
    }

    /// One number per head, level and point, in the order of the projections.
    fn per_sample(&self, of: impl Fn((usize, usize)) -> f64) -> Vec<f64> {
        let levels = || {
            self.levels
                .iter()
                .flat_map(|&level| std::iter::repeat_n(of(level), POINTS))
        };
        (0..self.heads).flat_map(|_| levels()).collect()
    }
}

/// Multi-scale deformable attention (`docs/method.md#deformable-attention`): `query` (with positions) and `source`
/// (without), both `(batch, tokens of all levels, channels)`, to the same shape. Parameters of the scope:
/// `sampling_offsets`, `attention_weights`, `value_proj`, `output_proj`.
///
/// A head's result is one row of a sparse product: its samples' four corners are rows of a table of values, with the
/// bilinear weights times the attention. The border of zeros around every level stands for what lies outside.
///
/// # Errors
/// When the shapes do not fit, or there are so many rows that float32 cannot number them.
pub fn deformable_attention(
    s: &mut Scope,
    query: Value,
    source: Value,
    sizes: &DeformableSizes,
) -> Result<Value> {
    let [batch, tokens, channels] = s.g.dims(query, "deformable attention")?;
    let heads = Heads::new(s.g, sizes.heads, channels)?;
    let samples = sizes.levels.len() * POINTS;
    let columns = heads.count * samples;
    if tokens != sizes.tokens() {
        let detail = format!("{tokens} tokens on levels {:?}", sizes.levels);
        return Err(s.g.config_error(detail));
    }
    if batch * sizes.places() * heads.count > EXACT {
        return Err(s.g.config_error(format!(
            "more than {EXACT} rows to sample from: take a smaller batch or frame"
        )));
    }

    let value = linear(s, "value_proj", source, channels, true)?;
    let table = bordered(s.g, value, heads, sizes)?;
    let logits = linear(s, "attention_weights", query, columns, true)?;
    let lead = batch * tokens * heads.count;
    let logits = s.g.reshape(logits, &[lead, samples])?;
    let attention = s.g.softmax(logits, 1)?;
    let attention = s.g.reshape(attention, &[batch, tokens, columns])?;
    let x = line(s, query, Axis::X, sizes)?;
    let y = line(s, query, Axis::Y, sizes)?;

    let g = &mut *s.g;
    let upper = g.mul(attention, y.near)?;
    let lower = g.mul(attention, y.far)?;
    let mut weights = vec![];
    for (row, column) in [
        (upper, x.near),
        (upper, x.far),
        (lower, x.near),
        (lower, x.far),
    ] {
        let weight = g.mul(row, column)?;
        weights.push(g.reshape(weight, &[lead, samples])?);
    }
    let weights = g.concat(&weights, 1)?;

    let index = g.add(y.row, x.row)?;
    let first = g.constant(first_rows(batch, sizes));
    let index = g.add(index, first)?;
    // Positions that are not numbers must not become rows: the step's guard is to see them, not the product.
    let zero = g.scalar(index, 0.0);
    let valid = g.greater_or_equal(index, zero)?;
    let index = g.select(valid, index, zero)?;
    let index = g.cast(index, DType::I32)?;
    let index = g.reshape(index, &[lead, 1, samples])?;
    let corners = g.constant(corners(sizes));
    let index = g.add(index, corners)?;
    let index = g.reshape(index, &[lead, 4 * samples])?;

    let mixed = g.mix_rows(table, index, weights)?;
    let mixed = g.reshape(mixed, &[batch, tokens, channels])?;
    linear(s, "output_proj", mixed, channels, true)
}

/// The values of every place of every level and every head, `(batch · places · heads, head channels)`, with a border of
/// zeros around each level.
fn bordered(g: &mut Graph, value: Value, heads: Heads, sizes: &DeformableSizes) -> Result<Value> {
    let [batch, _, channels] = g.dims(value, "values of deformable attention")?;
    let mut tables = vec![];
    let mut start = 0;
    for &(h, w) in &sizes.levels {
        let level = g.slice_axis(value, 1, start, start + h * w)?;
        start += h * w;
        let map = g.reshape(level, &[batch, h, w, channels])?;
        let padded = g.pad(map, &[0, 1, 1, 0], &[0, 2, 2, 0])?;
        tables.push(g.reshape(padded, &[batch, (h + 3) * (w + 3), channels])?);
    }
    let table = g.concat(&tables, 1)?;
    g.reshape(
        table,
        &[batch * sizes.places() * heads.count, heads.channels],
    )
}

/// What to add to the row of a sample's upper left corner for that of every corner: `(1, 4, levels · points)`.
fn corners(sizes: &DeformableSizes) -> Constant {
    let mut data = vec![];
    for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for &(_, w) in &sizes.levels {
            let rows = (down * (w + 3) + right) * sizes.heads;
            data.extend(std::iter::repeat_n(rows as i32, POINTS));
        }
    }
    Constant::i32(&[1, 4, sizes.levels.len() * POINTS], &data)
}

#[derive(Clone, Copy, PartialEq)]
enum Axis {
    X,
    Y,
}

impl Axis {
    fn extent(self, (h, w): (usize, usize)) -> f64 {
        if self == Axis::X { w as f64 } else { h as f64 }
    }

    /// Rows of the table that one step along the axis is.
    fn stride(self, (_, w): (usize, usize), heads: usize) -> f64 {
        if self == Axis::X {
            heads as f64
        } else {
            ((w + 3) * heads) as f64
        }
    }
}

/// Samples on one axis, each `(batch, tokens, heads · levels · points)`.
struct Line {
    /// Interpolation weight of the grid line before the sample.
    near: Value,
    /// Interpolation weight of the grid line after it.
    far: Value,
    /// Contribution of the line before to the row number.
    row: Value,
}

fn line(s: &mut Scope, query: Value, axis: Axis, sizes: &DeformableSizes) -> Result<Line> {
    let offset = axis_offsets(s, query, axis, sizes)?;
    let g = &mut *s.g;
    // Pixel coordinates of the token's own centre on every level: ref · size − ½.
    let mut centres = vec![];
    for &(h, w) in &sizes.levels {
        for i in 0..h * w {
            let centre = match axis {
                Axis::X => ((i % w) as f64 + 0.5) / w as f64,
                Axis::Y => ((i / w) as f64 + 0.5) / h as f64,
            };
            centres.extend(sizes.per_sample(|level| centre * axis.extent(level) - 0.5));
        }
    }
    let columns = *g.shape(offset).last().unwrap_or(&0);
    let mut constant =
        |shape: &[usize], data: Vec<f64>| g.constant(Constant::real(DType::F32, shape, data));
    let centres = constant(&[1, sizes.tokens(), columns], centres);
    let end = constant(&[columns], sizes.per_sample(|level| axis.extent(level)));
    let stride = constant(
        &[columns],
        sizes.per_sample(|level| axis.stride(level, sizes.heads)),
    );
    let position = g.add(offset, centres)?;
    let (before, one) = (g.scalar(position, -1.0), g.scalar(position, 1.0));
    let position = g.max(position, before)?;
    let position = g.min(position, end)?;
    let low = g.floor(position)?;
    let far = g.sub(position, low)?;
    let near = g.sub(one, far)?;
    Ok(Line {
        near,
        far,
        row: g.mul(low, stride)?,
    })
}

/// The x or y offsets alone: rows of the projection alternate, so its weights are sorted instead of its outputs.
fn axis_offsets(s: &mut Scope, query: Value, axis: Axis, sizes: &DeformableSizes) -> Result<Value> {
    let columns = sizes.heads * sizes.levels.len() * POINTS;
    let channels = s.channels(query, "offsets")?;
    let weight = s.parameter("sampling_offsets.weight", &[2 * columns, channels])?;
    let bias = s.parameter("sampling_offsets.bias", &[2 * columns])?;
    let g = &mut *s.g;
    let pick = usize::from(axis == Axis::Y);
    let alternating = g.reshape(weight, &[columns, 2, channels])?;
    let weight = g.slice_axis(alternating, 1, pick, pick + 1)?;
    let weight = g.reshape(weight, &[columns, channels])?;
    let alternating = g.reshape(bias, &[columns, 2])?;
    let bias = g.slice_axis(alternating, 1, pick, pick + 1)?;
    let bias = g.reshape(bias, &[columns])?;
    product(g, query, weight, Some(bias))
}

/// Number of the row at place (0, 0) of every (batch, head, level): `(batch, 1, heads · levels · points)`. Places start
/// one row and one column outside.
fn first_rows(batch: usize, sizes: &DeformableSizes) -> Constant {
    let count = sizes.heads;
    let mut data = vec![];
    for b in 0..batch {
        for head in 0..count {
            let mut start = b * sizes.places();
            for (h, w) in &sizes.levels {
                let inside = start + (w + 3) + 1;
                data.extend(std::iter::repeat_n((inside * count + head) as f64, POINTS));
                start += (h + 3) * (w + 3);
            }
        }
    }
    Constant::real(
        DType::F32,
        &[batch, 1, count * sizes.levels.len() * POINTS],
        data,
    )
}
