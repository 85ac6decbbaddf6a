//! The convolutions of AlexNet (Krizhevsky, *One weird trick*, 2014) with the linear heads of LPIPS (Zhang et al., *The
//! Unreasonable Effectiveness of Deep Features as a Perceptual Metric*, CVPR 2018), as a graph.

use tttseg::graph::{Constant, DType, Graph, Result, Value};
use tttseg::nn::Parameters;

/// Outputs of the five convolutions.
pub(super) const CHANNELS: [usize; 5] = [64, 192, 384, 256, 256];
/// Sides of their kernels.
const SIDES: [usize; 5] = [11, 5, 3, 3, 3];
/// Side of the blocks of pixels that the first convolution, of stride 4, steps over.
const STRIDE: usize = 4;
/// Mean and standard deviation of pixels from −1 to 1.
const MEAN: [f64; 3] = [-0.030, -0.088, -0.188];
const DEVIATION: [f64; 3] = [0.458, 0.448, 0.450];
/// What keeps the length of a feature vector from being nothing.
const TINY: f64 = 1e-10;
/// Shortest side of a picture: all five layers have a place then.
pub(super) const SHORTEST: usize = 31;

/// A map `(batch, height, width, channels)`.
#[derive(Clone, Copy)]
struct Map {
    value: Value,
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
}

/// Takes `pictures`, bytes `(count, height, width, 3)`, the first of which is the one to compare with. Gives `distances`
/// `(count − 1)`, LPIPS between each other one and the first, and `features` `(count, places, 256)`, those of the last layer.
/// Parameters: `conv0.weight` `(11, 11, 3, 64)` and so on, `conv0.bias`, `linear0.weight` `(64)`.
///
/// # Errors
/// When a parameter is missing or has another shape.
pub(super) fn comparison(
    p: &mut Parameters,
    count: usize,
    (height, width): (usize, usize),
) -> Result<Graph> {
    let mut graph = Graph::new("comparison");
    let g = &mut graph;
    let pictures = g.input("pictures", DType::U8, &[count, height, width, 3])?;
    let mut map = normalised(g, pictures)?;
    let mut sum: Option<Value> = None;
    for layer in 0..CHANNELS.len() {
        map = match layer {
            0 => strided(g, p, map)?,
            1 | 2 => {
                let pooled = max_pool(g, map)?;
                convolved(g, p, layer, pooled)?
            }
            _ => convolved(g, p, layer, map)?,
        };
        let part = distances(g, p, layer, map)?;
        sum = Some(match sum {
            Some(sum) => g.add(sum, part)?,
            None => part,
        });
    }
    let sum = sum.ok_or_else(|| g.config_error("no layers"))?;
    g.output("distances", sum)?;
    let features = g.reshape(map.value, &[count, map.height * map.width, map.channels])?;
    g.output("features", features)?;
    Ok(graph)
}

fn normalised(g: &mut Graph, pictures: Value) -> Result<Map> {
    let [batch, height, width, channels] = *g.shape(pictures) else {
        return Err(g.config_error("pictures"));
    };
    let real = g.cast(pictures, DType::F32)?;
    // From 0–255 to −1–1 and then to the network's scale, in one product and one sum.
    let scale = DEVIATION.map(|d| 1.0 / (127.5 * d));
    let shift: Vec<f64> = MEAN
        .iter()
        .zip(DEVIATION)
        .map(|(m, d)| (-1.0 - m) / d)
        .collect();
    let scale = g.constant(Constant::real(DType::F32, &[3], scale));
    let shift = g.constant(Constant::real(DType::F32, &[3], shift));
    let scaled = g.mul(real, scale)?;
    Ok(Map {
        value: g.add(scaled, shift)?,
        batch,
        height,
        width,
        channels,
    })
}

/// The first convolution, 11×11 with stride 4 and padding 2: one of 3×3 over blocks of 4×4 pixels, the kernel filled up with
/// zeros.
fn strided(g: &mut Graph, p: &mut Parameters, map: Map) -> Result<Map> {
    const PADDING: usize = 2;
    let side = SIDES[0];
    let outputs = CHANNELS[0];
    let steps = |length: usize| (length + 2 * PADDING - side) / STRIDE + 1;
    let blocks = [map.height, map.width].map(|length| steps(length) + 2);
    // What the last step does not reach is cut off; where it reaches further, there are zeros.
    let lengths = blocks.map(|n| n * STRIDE - PADDING);
    let kept = [map.height.min(lengths[0]), map.width.min(lengths[1])];
    let cut = g.slice_axis(map.value, 1, 0, kept[0])?;
    let cut = g.slice_axis(cut, 2, 0, kept[1])?;
    let after = [0, lengths[0] - kept[0], lengths[1] - kept[1], 0];
    let padded = g.pad(cut, &[0, PADDING, PADDING, 0], &after)?;
    let shape = [map.batch, blocks[0], STRIDE, blocks[1], STRIDE, 3];
    let split = g.reshape(padded, &shape)?;
    let ordered = g.transpose(split, &[0, 1, 3, 2, 4, 5])?;
    let channels = STRIDE * STRIDE * 3;
    let value = g.reshape(ordered, &[map.batch, blocks[0], blocks[1], channels])?;

    let kernel = p.get(g, "conv0.weight", &[side, side, 3, outputs])?;
    let missing = 3 * STRIDE - side;
    let kernel = g.pad(kernel, &[0; 4], &[missing, missing, 0, 0])?;
    let kernel = g.reshape(kernel, &[3, STRIDE, 3, STRIDE, 3, outputs])?;
    let kernel = g.transpose(kernel, &[0, 2, 1, 3, 4, 5])?;
    let kernel = g.reshape(kernel, &[9, channels, outputs])?;
    let bias = p.get(g, "conv0.bias", &[outputs])?;
    let blocks = Map {
        value,
        height: blocks[0],
        width: blocks[1],
        channels,
        ..map
    };
    shifted_products(g, blocks, kernel, bias, 0)
}

fn convolved(g: &mut Graph, p: &mut Parameters, layer: usize, map: Map) -> Result<Map> {
    let (side, outputs) = (SIDES[layer], CHANNELS[layer]);
    let shape = [side, side, map.channels, outputs];
    let kernel = p.get(g, &format!("conv{layer}.weight"), &shape)?;
    let kernel = g.reshape(kernel, &[side * side, map.channels, outputs])?;
    let bias = p.get(g, &format!("conv{layer}.bias"), &[outputs])?;
    shifted_products(g, map, kernel, bias, side / 2)
}

/// A convolution with `kernel` `(side², inputs, outputs)`, and what of it is above 0. Flattened, a map shifted by rows and
/// columns is one contiguous slice; the columns that wrap around are cut off at the end.
fn shifted_products(
    g: &mut Graph,
    map: Map,
    kernel: Value,
    bias: Value,
    padding: usize,
) -> Result<Map> {
    let [taps, inputs, outputs] = *g.shape(kernel) else {
        return Err(g.config_error("kernel"));
    };
    let side = taps.isqrt();
    let wide = map.width + 2 * padding;
    let high = map.height + 2 * padding;
    let (height, width) = (high + 1 - side, wide + 1 - side);
    // One row more at the bottom: the last shift reads past the padded map.
    let before = [0, padding, padding, 0];
    let padded = g.pad(map.value, &before, &[0, padding + 1, padding, 0])?;
    let flat = g.reshape(padded, &[map.batch, (high + 1) * wide, inputs])?;
    let rows = height * wide;
    let mut sum: Option<Value> = None;
    for tap in 0..taps {
        let start = tap / side * wide + tap % side;
        let shifted = g.slice_axis(flat, 1, start, start + rows)?;
        let shifted = g.reshape(shifted, &[map.batch * rows, inputs])?;
        let weights = g.slice_axis(kernel, 0, tap, tap + 1)?;
        let weights = g.reshape(weights, &[inputs, outputs])?;
        let part = g.matmul(shifted, weights)?;
        sum = Some(match sum {
            Some(sum) => g.add(sum, part)?,
            None => g.add(part, bias)?,
        });
    }
    let sum = sum.ok_or_else(|| g.config_error("no taps"))?;
    let positive = g.relu(sum)?;
    let whole = g.reshape(positive, &[map.batch, height, wide, outputs])?;
    Ok(Map {
        value: g.slice_axis(whole, 2, 0, width)?,
        batch: map.batch,
        height,
        width,
        channels: outputs,
    })
}

/// The largest of 3×3 with stride 2, where they lie within the map.
fn max_pool(g: &mut Graph, map: Map) -> Result<Map> {
    let (height, width) = ((map.height - 1) / 2, (map.width - 1) / 2);
    let rows = largest(g, map.value, 1, height)?;
    Ok(Map {
        value: largest(g, rows, 2, width)?,
        height,
        width,
        ..map
    })
}

/// The largest of three neighbours along an axis, with stride 2: `count` of them.
fn largest(g: &mut Graph, x: Value, axis: usize, count: usize) -> Result<Value> {
    let pairs = |g: &mut Graph, start: usize| {
        let part = g.slice_axis(x, axis, start, start + 2 * count)?;
        let mut shape = g.shape(part).to_vec();
        shape[axis] = count;
        shape.insert(axis + 1, 2);
        let pairs = g.reshape(part, &shape)?;
        g.reduce_max(pairs, &[axis + 1], false)
    };
    let (left, right) = (pairs(g, 0)?, pairs(g, 1)?);
    g.max(left, right)
}

/// Of one layer: the squared distance of normalised features, weighted by channel and averaged over places.
fn distances(g: &mut Graph, p: &mut Parameters, layer: usize, map: Map) -> Result<Value> {
    let Map {
        batch, channels, ..
    } = map;
    let flat = g.reshape(map.value, &[batch, map.height * map.width, channels])?;
    let squares = g.mul(flat, flat)?;
    let squares = g.reduce_sum(squares, &[2], true)?;
    let length = g.sqrt(squares)?;
    let tiny = g.scalar(length, TINY);
    let length = g.add(length, tiny)?;
    let unit = g.div(flat, length)?;
    let first = g.slice_axis(unit, 0, 0, 1)?;
    let others = g.slice_axis(unit, 0, 1, batch)?;
    let apart = g.sub(others, first)?;
    let apart = g.mul(apart, apart)?;
    let weight = p.get(g, &format!("linear{layer}.weight"), &[channels])?;
    let weighted = g.mul(apart, weight)?;
    let per_place = g.reduce_sum(weighted, &[2], false)?;
    g.reduce_mean(per_place, &[1], false)
}
