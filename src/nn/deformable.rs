use super::attention::Heads;
use super::{Parameters, linear};
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
}

/// Multi-scale deformable attention (METHOD §2.4): `query` (with positions) and `source` (without),
/// both `(batch, tokens of all levels, channels)`, to the same shape. Parameters below `at`:
/// `sampling_offsets`, `attention_weights`, `value_proj`, `output_proj`.
///
/// Bilinear samples are rows gathered from the values; what lies outside a level has weight zero.
///
/// # Errors
/// When the shapes do not fit, or there are so many rows that float32 cannot number them.
pub fn deformable_attention(
    g: &mut Graph,
    p: &mut Parameters,
    at: &str,
    query: Value,
    source: Value,
    sizes: &DeformableSizes,
) -> Result<Value> {
    let [batch, tokens, channels] = *g.shape(query) else {
        return Err(g.config_error(format!("deformable attention of {:?}", g.shape(query))));
    };
    let heads = Heads::new(g, sizes.heads, channels)?;
    let (count, levels) = (heads.count, sizes.levels.len());
    let samples = levels * POINTS;
    if tokens != sizes.tokens() {
        return Err(g.config_error(format!("{tokens} tokens on levels {:?}", sizes.levels)));
    }
    if batch * tokens * count > EXACT {
        return Err(g.config_error(format!(
            "more than {EXACT} rows to sample from: take a smaller batch or frame"
        )));
    }

    let value = linear(g, p, &format!("{at}.value_proj"), source, channels, true)?;
    let rows = g.reshape(value, &[batch * tokens * count, heads.channels])?;
    let offsets = linear(
        g,
        p,
        &format!("{at}.sampling_offsets"),
        query,
        count * samples * 2,
        true,
    )?;
    let offsets = g.reshape(offsets, &[batch * tokens * count * samples, 2])?;
    let logits = linear(
        g,
        p,
        &format!("{at}.attention_weights"),
        query,
        count * samples,
        true,
    )?;
    let logits = g.reshape(logits, &[batch, tokens, count, samples])?;
    let attention = g.softmax(logits, 3)?;

    let x = corners(g, offsets, 0, [batch, tokens, count, samples], sizes)?;
    let y = corners(g, offsets, 1, [batch, tokens, count, samples], sizes)?;

    let lead = batch * tokens * count;
    let along_x = |g: &mut Graph, v: Value| g.reshape(v, &[lead, 1, 2, samples]);
    let along_y = |g: &mut Graph, v: Value| g.reshape(v, &[lead, 2, 1, samples]);
    let (wx, wy) = (along_x(g, x.weight)?, along_y(g, y.weight)?);
    let bilinear = g.mul(wy, wx)?;
    let attention = g.reshape(attention, &[lead, 1, 1, samples])?;
    let weights = g.mul(bilinear, attention)?;
    let weights = g.reshape(weights, &[lead, 1, 4 * samples])?;

    let (ix, iy) = (along_x(g, x.index)?, along_y(g, y.index)?);
    let index = g.add(iy, ix)?;
    let first = first_rows(batch, count, sizes);
    let first = g.constant(first);
    let index = g.reshape(index, &[batch, tokens, count, 4, samples])?;
    let index = g.add(index, first)?;
    let index = g.cast(index, DType::I64)?;
    let index = g.reshape(index, &[lead * 4 * samples])?;

    let sampled = g.gather(rows, index, 0)?;
    let sampled = g.reshape(sampled, &[lead, 4 * samples, heads.channels])?;
    let mixed = g.matmul(weights, sampled)?;
    let mixed = g.reshape(mixed, &[batch, tokens, channels])?;
    linear(g, p, &format!("{at}.output_proj"), mixed, channels, true)
}

/// The two grid lines around every sample on one axis.
struct Corners {
    /// Linear interpolation weights, zero outside the level: `(b · t · h, 2, samples)`.
    weight: Value,
    /// Contribution to the row number, inside the level: same shape.
    index: Value,
}

fn corners(
    g: &mut Graph,
    offsets: Value,
    axis: usize,
    [batch, tokens, count, samples]: [usize; 4],
    sizes: &DeformableSizes,
) -> Result<Corners> {
    let per_sample = |of: &dyn Fn((usize, usize)) -> f64| -> Vec<f64> {
        sizes
            .levels
            .iter()
            .flat_map(|&level| std::iter::repeat_n(of(level), POINTS))
            .collect()
    };
    let extent = |(h, w): (usize, usize)| if axis == 0 { w } else { h } as f64;
    // Pixel coordinates of the token's own centre on every level: ref · size − ½.
    let mut centres = Vec::with_capacity(tokens * samples);
    for &(h, w) in &sizes.levels {
        for i in 0..h * w {
            let centre = if axis == 0 {
                ((i % w) as f64 + 0.5) / w as f64
            } else {
                ((i / w) as f64 + 0.5) / h as f64
            };
            centres.extend(per_sample(&|level| centre * extent(level) - 0.5));
        }
    }
    let centres = g.constant(Constant::real(
        DType::F32,
        &[1, tokens, 1, samples],
        centres,
    ));
    let last = Constant::real(
        DType::F32,
        &[samples],
        per_sample(&|level| extent(level) - 1.0),
    );
    let last = g.constant(last);
    // One step along the axis is this many rows: heads are innermost, then columns.
    let stride = per_sample(&|(_, w)| if axis == 0 { count } else { w * count } as f64);
    let stride = g.constant(Constant::real(DType::F32, &[samples], stride));

    let offset = g.slice_axis(offsets, 1, axis, axis + 1)?;
    let offset = g.reshape(offset, &[batch, tokens, count, samples])?;
    let position = g.add(offset, centres)?;
    let position = g.reshape(position, &[batch * tokens * count, 1, samples])?;
    let one = g.scalar(position, 1.0);
    let zero = g.scalar(position, 0.0);
    // NaN is no row number: the run would fail. It goes on through the weights, and so into the loss.
    let real = g.equal(position, position)?;
    let place = g.select(real, position, zero)?;
    let low = g.floor(place)?;
    let high = g.add(low, one)?;
    let share_high = g.sub(position, low)?;
    let share_low = g.sub(one, share_high)?;
    let share = g.concat(&[share_low, share_high], 1)?;
    let line = g.concat(&[low, high], 1)?;
    let bounded = g.max(line, zero)?;
    let bounded = g.min(bounded, last)?;
    let inside = g.equal(line, bounded)?;
    let inside = g.cast(inside, DType::F32)?;
    let weight = g.mul(share, inside)?;
    let index = g.mul(bounded, stride)?;
    Ok(Corners { weight, index })
}

/// Number of the first row of every (batch, head, level): `(batch, 1, heads, 1, samples)`.
fn first_rows(batch: usize, count: usize, sizes: &DeformableSizes) -> Constant {
    let tokens = sizes.tokens();
    let mut data = vec![];
    for b in 0..batch {
        for head in 0..count {
            let mut start = 0;
            for (h, w) in &sizes.levels {
                data.extend(std::iter::repeat_n(
                    ((b * tokens + start) * count + head) as f64,
                    POINTS,
                ));
                start += h * w;
            }
        }
    }
    Constant::real(
        DType::F32,
        &[batch, 1, count, 1, sizes.levels.len() * POINTS],
        data,
    )
}
