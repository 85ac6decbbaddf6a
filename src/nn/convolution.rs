//! The 3×3 convolution, as products.

use super::Scope;
use crate::graph::{Result, Value};

/// A 3×3 convolution, padding 1, no bias, on tokens `(batch, height · width, channels)`; parameter
/// `name.weight` `(outputs, inputs, 3, 3)`.
///
/// Nine products of shifted rows: on a map padded on all sides, a shift by rows and columns is a
/// shift along the flattened map, so every operand is one contiguous slice. The two columns that
/// wrap around are cut off at the end.
pub fn convolution_3x3(
    s: &mut Scope,
    name: &str,
    x: Value,
    (height, width): (usize, usize),
    outputs: usize,
) -> Result<Value> {
    let [batch, _, inputs] = s.g.dims(x, "convolution")?;
    let weight = s.parameter(&format!("{name}.weight"), &[outputs, inputs, 3, 3])?;
    let g = &mut *s.g;
    let taps = g.reshape(weight, &[outputs * inputs, 9])?;
    let taps = g.transpose(taps, &[1, 0])?;
    let taps = g.reshape(taps, &[9, outputs, inputs])?;
    let map = g.reshape(x, &[batch, height, width, inputs])?;
    // One row more at the bottom: the last shift reads two elements past the padded map.
    let padded = g.pad(map, &[0, 1, 1, 0], &[0, 2, 1, 0])?;
    let (wide, rows) = (width + 2, height * (width + 2));
    let flat = g.reshape(padded, &[batch, (height + 3) * wide, inputs])?;
    let mut sum: Option<Value> = None;
    for tap in 0..9 {
        let start = tap / 3 * wide + tap % 3;
        let shifted = g.slice_axis(flat, 1, start, start + rows)?;
        let shifted = g.reshape(shifted, &[batch * rows, inputs])?;
        let kernel = g.slice_axis(taps, 0, tap, tap + 1)?;
        let kernel = g.reshape(kernel, &[outputs, inputs])?;
        let part = g.gemm(shifted, kernel, None, false, true)?;
        sum = Some(match sum {
            Some(sum) => g.add(sum, part)?,
            None => part,
        });
    }
    let sum = sum.ok_or_else(|| g.config_error("no taps"))?;
    let map = g.reshape(sum, &[batch, height, wide, outputs])?;
    let cut = g.slice_axis(map, 2, 0, width)?;
    g.reshape(cut, &[batch, height * width, outputs])
}
