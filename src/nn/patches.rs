//! Patches of pixels as tokens, and back.

use crate::graph::{Constant, DType, Graph, Result, Value};

/// Side of a patch (a token of the first stage) in pixels.
pub const PATCH: usize = 4;

/// Planes `(b, c, h, w)`, sides multiples of 4, to patches `(b, h/4 · w/4, c · 16)`; inside a patch the order is
/// channel, row, column: that of a convolution kernel and of the reconstruction queries (`docs/method.md#input`).
pub fn patchify_planes(g: &mut Graph, x: Value) -> Result<Value> {
    let [b, c, h, w] = g.dims(x, "patches")?;
    let (rows, columns) = (h / PATCH, w / PATCH);
    let blocks = g.reshape(x, &[b, c, rows, PATCH, columns, PATCH])?;
    let ordered = g.transpose(blocks, &[0, 2, 4, 1, 3, 5])?;
    g.reshape(ordered, &[b, rows * columns, c * PATCH * PATCH])
}

/// Interleaved bytes `(b, h, w, 3)` to normalised float patches `(b, h/4 · w/4, 48)`, ordered as by
/// [`patchify_planes`]; `mean` and `std` on the 0–255 scale (`docs/method.md#input`).
pub fn patchify_bytes(g: &mut Graph, x: Value, mean: [f32; 3], std: [f32; 3]) -> Result<Value> {
    let [b, h, w, c] = g.dims(x, "patches")?;
    let (rows, columns) = (h / PATCH, w / PATCH);
    let blocks = g.reshape(x, &[b, rows, PATCH, columns, PATCH, c])?;
    let ordered = g.transpose(blocks, &[0, 1, 3, 5, 2, 4])?;
    let flat = g.reshape(ordered, &[b, rows * columns, c * PATCH * PATCH])?;
    let real = g.cast(flat, DType::F32)?;
    let per_channel = |g: &mut Graph, v: [f32; 3]| {
        let spread = v
            .iter()
            .flat_map(|&v| std::iter::repeat_n(f64::from(v), PATCH * PATCH));
        g.constant(Constant::real(DType::F32, &[c * PATCH * PATCH], spread))
    };
    let (mean, inverse) = (per_channel(g, mean), per_channel(g, std.map(|s| 1.0 / s)));
    let centred = g.sub(real, mean)?;
    g.mul(centred, inverse)
}

/// Patches `(b, h/4 · w/4, c · 16)` back to planes `(b, c, h, w)`.
pub fn unpatchify(g: &mut Graph, x: Value, (height, width): (usize, usize)) -> Result<Value> {
    let [b, _, channels] = g.dims(x, "image from patches")?;
    let c = channels / (PATCH * PATCH);
    let blocks = g.reshape(x, &[b, height / PATCH, width / PATCH, c, PATCH, PATCH])?;
    let ordered = g.transpose(blocks, &[0, 3, 1, 4, 2, 5])?;
    g.reshape(ordered, &[b, c, height, width])
}
